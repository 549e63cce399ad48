//! Measuring objectives beside the engine: what sources remember is asked for and rolled up, what the
//! console sees by itself is recorded, and both go to the store and to the engine.
//!
//! At first sight the past is asked for, as far back as the window reaches and the source remembers;
//! then only what is new, and the last buckets once more, since data comes late. While a source does not
//! answer nothing is known, and when it does again it is asked about the time between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use chrono::{TimeDelta, Utc};

use crate::domain::health::State;
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::observation::SourceName;
use crate::domain::slo::intake::{Taken, Values, grain, none_yet, questions, take};
use crate::domain::slo::record::{Recorder, is_up};
use crate::domain::slo::{
    BUCKETS_A_DAY, Bucket, Objective, Series, Sli, SloId, Uptime, Why, begin, index,
};
use crate::domain::text::{MAX_LINE, clean};
use crate::domain::time::{Instant, Timescale, before};
use crate::engine::{Handle, Measured, Plan, Snapshot};
use crate::sources::history::Histories;
use crate::sources::measure::{HANGS, Refusal, ask};
use crate::store::{Mode, Store, StoreError};

/// How often the console looks at what only it sees.
const LOOK: Duration = Duration::from_secs(10);
/// How soon it goes on where something is still to be asked for.
const SOON: Duration = Duration::from_secs(1);
/// How long sources are asked before the next look.
const ASKING: Duration = Duration::from_secs(5);
/// How long after its end a bucket is asked for.
const SETTLE: TimeDelta = TimeDelta::seconds(20);
/// How many buckets are asked for once more.
const AGAIN: i64 = 3;
/// How much of the past is asked for at a time, in buckets.
const PORTION: i64 = 7 * BUCKETS_A_DAY;
/// When a source that did not answer is asked again, and a query that it refused.
const SOURCE_AGAIN: TimeDelta = TimeDelta::minutes(1);
const QUERY_AGAIN: TimeDelta = TimeDelta::minutes(5);
/// How long roll-ups are kept: 13 months.
const KEPT: i64 = 396;

/// Measures the objectives of the plan as long as the engine is there.
pub async fn run(handle: Handle, store: Store, histories: Histories, time: Timescale) {
    let mut feeder = Feeder::new(store, histories);
    let mut world = handle.watch();
    let mut plan: Option<Arc<Plan>> = None;
    loop {
        let snapshot = world.borrow_and_update().clone();
        let now = time.at(Utc::now());
        if plan.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &snapshot.plan)) {
            feeder.set(&snapshot.plan.objectives, now).await;
            plan = Some(Arc::clone(&snapshot.plan));
            tell(&handle, &mut feeder).await;
        }
        feeder.look(&snapshot, now);
        feeder.count(now).await;
        feeder.ask(now, ASKING).await;
        feeder.save(now).await;
        tell(&handle, &mut feeder).await;
        drop(snapshot);
        let wait = match feeder.next(time.at(Utc::now())) {
            Some(wait) => time.ours(wait).max(Duration::from_millis(250)),
            None => Duration::MAX,
        };
        let replanned =
            world.wait_for(|s| plan.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &s.plan)));
        if let Ok(Err(_)) = tokio::time::timeout(wait, replanned).await {
            return;
        }
    }
}

async fn tell(handle: &Handle, feeder: &mut Feeder) {
    for measured in feeder.changed() {
        handle.measure(measured).await;
    }
}

/// What is measured of each objective.
pub struct Feeder {
    store: Store,
    histories: Histories,
    feeds: BTreeMap<SloId, Feed>,
    /// What is still to be stored, by key.
    unsaved: BTreeMap<String, Series>,
    /// The day on which what is too old was last dropped.
    pruned: i64,
    failing: Option<String>,
    /// How many questions in a row each source did not answer in time.
    slow: BTreeMap<SourceName, usize>,
}

struct Feed {
    objective: Arc<Objective>,
    digest: u64,
    /// As the store knows it: another way of measuring is another thing.
    key: String,
    series: Series,
    /// The bucket before which everything was asked for; `None`: nothing was.
    asked: Option<i64>,
    /// What was unusable of the past, and lately.
    past: Vec<Why>,
    lately: Vec<Why>,
    /// Not asked before.
    again_at: Option<Instant>,
    recorder: Recorder,
    /// The query for what was good or bad once gave something.
    gave: bool,
    changed: bool,
}

impl Feeder {
    pub fn new(store: Store, histories: Histories) -> Self {
        Self {
            store,
            histories,
            feeds: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            pruned: 0,
            failing: None,
            slow: BTreeMap::new(),
        }
    }

    /// From now on these; what was rolled up before is read.
    pub async fn set(&mut self, objectives: &[Arc<Objective>], now: Instant) {
        let mut before = std::mem::take(&mut self.feeds);
        for objective in objectives {
            let digest = objective.sli.digest(&objective.service);
            let from = start(objective, now);
            let known = before.remove(&objective.id).filter(|feed| feed.digest == digest);
            let feed = match known {
                // A longer window wants more of the past.
                Some(feed) if start(&feed.objective, now) <= from => {
                    Feed { objective: objective.clone(), changed: true, ..feed }
                }
                known => {
                    let key = objective.kept_as();
                    let mut series = Series::default();
                    // Those of incidents follow from them.
                    if !matches!(objective.sli, Sli::Uptime(Uptime::Incidents { .. })) {
                        let day = from.div_euclid(BUCKETS_A_DAY);
                        let stored = self.store.rollups(&key, day).await;
                        series = self.well(stored).unwrap_or_default();
                    }
                    if let Some(known) = known {
                        series.merge(&known.series);
                    }
                    let current = series.get(index(now));
                    Feed {
                        objective: objective.clone(),
                        digest,
                        key,
                        series,
                        asked: None,
                        past: Vec::new(),
                        lately: Vec::new(),
                        again_at: None,
                        recorder: Recorder::resuming(index(now), current),
                        gave: false,
                        changed: true,
                    }
                }
            };
            self.feeds.insert(objective.id.clone(), feed);
        }
    }

    /// Records what only the console sees: signals and services as they are now.
    pub fn look(&mut self, world: &Snapshot, now: Instant) {
        for feed in self.feeds.values_mut() {
            let Sli::Uptime(uptime) = &feed.objective.sli else { continue };
            let health = world.health.get(&feed.objective.service);
            let up = match uptime {
                Uptime::Signal(signal) => health.and_then(|h| {
                    let track = h.signals.iter().find(|t| t.spec.name == *signal)?;
                    is_up(track.state_at(now, stale_after(world, &track.spec.source)))
                }),
                Uptime::Service => health.and_then(|h| service_up(world, h, now)),
                Uptime::Query { .. } | Uptime::Incidents { .. } => continue,
            };
            let buckets = feed.recorder.look(now, up);
            feed.add(&buckets, &mut self.unsaved);
        }
    }

    /// Works out when services were down from their incidents: again with each bucket, since what is
    /// known of an incident may be corrected.
    pub async fn count(&mut self, now: Instant) {
        let to = index(now);
        let ids: Vec<SloId> = self.feeds.keys().cloned().collect();
        for id in ids {
            let Some(feed) = self.feeds.get(&id).filter(|f| f.asked.is_none_or(|a| a < to)) else {
                continue;
            };
            let Sli::Uptime(Uptime::Incidents { least }) = feed.objective.sli else { continue };
            let (service, from) = (feed.objective.service.clone(), start(&feed.objective, now));
            let found = self.store.uptime((&service, least), (from, to), now).await;
            let Some(series) = self.well(found) else { continue };
            if let Some(feed) = self.feeds.get_mut(&id) {
                feed.asked = Some(to);
                feed.changed |= feed.series != series;
                feed.series = series;
            }
        }
    }

    /// Asks the sources for what is not known yet, for about so long; the rest follows next time.
    pub async fn ask(&mut self, now: Instant, patience: Duration) {
        self.await_sources(now);
        let begun = Clock::now();
        let mut gone: BTreeSet<SourceName> = BTreeSet::new();
        for (source, step, from, to, ids) in self.due(now) {
            if gone.contains(&source) || begun.elapsed() > patience {
                continue;
            }
            if !self.ask_together((&source, step), (from, to), &ids, now).await {
                gone.insert(source);
            }
        }
        let first: Vec<SloId> = self
            .feeds
            .values()
            .filter(|f| f.asked.is_none() && f.may_be_asked(now))
            .map(|f| f.objective.id.clone())
            .collect();
        for id in first {
            let Some(source) = self.feeds.get(&id).and_then(|f| f.objective.sli.source()) else {
                continue;
            };
            if !gone.contains(source) && begun.elapsed() <= patience {
                let source = source.clone();
                if !self.backfill(&id, now).await {
                    gone.insert(source);
                }
            }
        }
        // The others that would ask it need not find out by themselves.
        for feed in self.feeds.values_mut() {
            let source = feed.objective.sli.source().filter(|source| gone.contains(*source));
            let Some(source) = source.filter(|_| feed.may_be_asked(now)).cloned() else { continue };
            feed.again_at = Some(before(now, -SOURCE_AGAIN));
            let why = format!("{source}: not asked, since it did not answer other questions");
            feed.changed |= feed.lately.is_empty();
            if feed.lately.is_empty() {
                feed.lately = vec![Why::Source(clean(&why, MAX_LINE))];
            }
        }
    }

    /// A source that is not there yet, at a start or after a reload, is asked as soon as it is.
    fn await_sources(&mut self, now: Instant) {
        let Self { feeds, histories, .. } = self;
        for feed in feeds.values_mut().filter(|feed| feed.may_be_asked(now)) {
            let source = feed.objective.sli.source();
            if source.is_some_and(|source| !histories.has(source)) {
                feed.again_at = Some(now + TimeDelta::seconds(1));
            }
        }
    }

    /// Those of which something new is to be had, together where they are asked the same stretch.
    fn due(&self, now: Instant) -> Vec<(SourceName, i64, i64, i64, Vec<SloId>)> {
        let mut groups: BTreeMap<(SourceName, i64, i64, i64), Vec<SloId>> = BTreeMap::new();
        for feed in self.feeds.values().filter(|f| f.may_be_asked(now)) {
            let sli = &feed.objective.sli;
            let (Some(asked), Some(source)) = (feed.asked, sli.source()) else { continue };
            let (grain, to) = (grain(sli), until(sli, now));
            let Some(step) = questions(sli).first().map(|q| q.step) else { continue };
            if asked < to {
                let from =
                    (asked - AGAIN).max(start(&feed.objective, now)).div_euclid(grain) * grain;
                let key = (source.clone(), step, from, to);
                groups.entry(key).or_default().push(feed.objective.id.clone());
            }
        }
        groups.into_iter().map(|((s, step, from, to), ids)| (s, step, from, to, ids)).collect()
    }

    /// `false`: the source does not answer.
    async fn ask_together(
        &mut self,
        (source, step): (&SourceName, i64),
        (from, to): (i64, i64),
        ids: &[SloId],
        now: Instant,
    ) -> bool {
        let asked: Vec<Vec<String>> = ids
            .iter()
            .filter_map(|id| self.feeds.get(id))
            .map(|f| questions(&f.objective.sli).into_iter().map(|q| q.query).collect())
            .collect();
        let distinct: BTreeSet<&str> = asked.iter().flatten().map(String::as_str).collect();
        let queries: Vec<&str> = distinct.into_iter().collect();
        let stretch = (begin(from), begin(to), step);
        let answers = ask(&self.histories, source, &queries, stretch).await;
        let by_query: BTreeMap<&str, Result<Values, Refusal>> =
            queries.iter().copied().zip(answers).collect();
        let mut answered = true;
        for (id, own) in ids.iter().zip(&asked) {
            let of =
                |q: &String| by_query.get(q.as_str()).cloned().unwrap_or_else(|| Ok(Values::new()));
            let answers = own.iter().map(of).collect();
            let Some(feed) = self.feeds.get_mut(id) else { continue };
            match feed.taken(answers, (from, to)) {
                Ok(taken) => {
                    feed.saw(taken.gave);
                    feed.note(taken.why);
                    feed.asked = Some(to);
                    feed.add(&taken.buckets, &mut self.unsaved);
                    self.slow.remove(source);
                }
                Err(refusal) => {
                    let slow = self.slow.entry(source.clone()).or_default();
                    answered &= feed.refused(refusal, source, slow, now);
                }
            }
        }
        answered
    }

    /// The past of an objective, the newest first, until the source has none any more. `false`: the
    /// source does not answer.
    async fn backfill(&mut self, id: &SloId, now: Instant) -> bool {
        let Some(feed) = self.feeds.get(id) else { return true };
        let (sli, first) = (feed.objective.sli.clone(), start(&feed.objective, now));
        let Some(source) = sli.source().cloned() else { return true };
        let asked = questions(&sli);
        let queries: Vec<&str> = asked.iter().map(|q| q.query.as_str()).collect();
        let step = asked.first().map_or(1, |q| q.step);
        let (grain, last) = (grain(&sli), until(&sli, now));
        let first = first.div_euclid(grain) * grain;
        let (mut to, mut empty, mut why) = (last, 0, Vec::new());
        while to > first && empty < 2 {
            let from = first.max((to - PORTION).div_euclid(grain) * grain);
            let is_known = |i| self.feeds.get(id).is_some_and(|f| f.series.get(i).is_some());
            // What was read from the store may still have been late then.
            let again = (last - AGAIN * grain).max(from);
            if !(to == last || (from..to).any(|i| !is_known(i))) {
                to = from;
                continue;
            }
            let from_here = if (from..again).all(is_known) { again } else { from };
            let stretch = (begin(from_here), begin(to), step);
            let answers = ask(&self.histories, &source, &queries, stretch).await;
            let Some(feed) = self.feeds.get_mut(id) else { return true };
            match feed.taken(answers, (from_here, to)) {
                Ok(taken) => {
                    empty = if taken.buckets.is_empty() { empty + 1 } else { 0 };
                    feed.saw(taken.gave);
                    why.extend(taken.why);
                    feed.add(&taken.buckets, &mut self.unsaved);
                    self.slow.remove(&source);
                }
                Err(refusal) => {
                    let slow = self.slow.entry(source.clone()).or_default();
                    return feed.refused(refusal, &source, slow, now);
                }
            }
            to = from;
        }
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.asked = Some(last);
            feed.past = merged(why);
            feed.again_at = None;
            feed.changed = true;
        }
        true
    }

    /// Whether something is known that is not stored.
    pub fn is_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Stores what is new in another store than the one that was read.
    pub async fn save_to(&mut self, store: Store, now: Instant) {
        self.store = store;
        self.save(now).await;
    }

    /// Stores what is new, where it may be stored.
    pub async fn save(&mut self, now: Instant) {
        if matches!(self.store.mode(), Mode::ReadOnly { .. }) {
            self.unsaved.clear();
            return;
        }
        let today = index(now).div_euclid(BUCKETS_A_DAY);
        if !self.unsaved.is_empty() {
            let added: Vec<(String, Series)> =
                std::mem::take(&mut self.unsaved).into_iter().collect();
            let stored = self.store.roll_up(&added).await;
            if self.well(stored).is_none() {
                // Next time.
                self.unsaved = added.into_iter().collect();
            }
        }
        if self.pruned != today {
            let dropped = self.store.prune_rollups(today - KEPT).await;
            if self.well(dropped).is_some() {
                self.pruned = today;
            }
        }
    }

    /// What was measured since this was last asked for.
    pub fn changed(&mut self) -> Vec<Measured> {
        let changed = self.feeds.values_mut().filter(|f| f.changed);
        changed
            .map(|feed| {
                feed.changed = false;
                Measured {
                    objective: feed.objective.id.clone(),
                    digest: feed.digest,
                    series: feed.series.clone(),
                    notes: feed
                        .past
                        .iter()
                        .chain(&feed.lately)
                        .cloned()
                        .chain(feed.doubt())
                        .collect(),
                }
            })
            .collect()
    }

    /// When something is to be done next; `None`: nothing is measured.
    fn next(&self, now: Instant) -> Option<Duration> {
        let is_seen =
            |f: &Feed| matches!(f.objective.sli, Sli::Uptime(Uptime::Signal(_) | Uptime::Service));
        if self.feeds.is_empty() {
            return None;
        }
        let is_behind = |f: &Feed| {
            let sli = &f.objective.sli;
            f.may_be_asked(now) && f.asked.is_none_or(|asked| asked < until(sli, now))
        };
        if self.feeds.values().any(is_behind) {
            return Some(SOON);
        }
        let bucket = begin(index(before(now, SETTLE)) + 1) + SETTLE;
        let again = self.feeds.values().filter_map(|f| f.again_at).filter(|at| *at > now);
        let due = (again.chain([bucket]).min()? - now).to_std().ok()?;
        Some(if self.feeds.values().any(is_seen) { due.min(LOOK) } else { due })
    }

    /// What came of the store; what went wrong is said once.
    fn well<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => {
                self.failing = None;
                Some(value)
            }
            Err(e) => {
                let why = e.to_string();
                if self.failing.as_ref() != Some(&why) {
                    tracing::warn!("objectives: {why}");
                }
                self.failing = Some(why);
                None
            }
        }
    }
}

impl Feed {
    fn add(&mut self, buckets: &[(i64, Bucket)], unsaved: &mut BTreeMap<String, Series>) {
        for (index, bucket) in buckets {
            if self.series.get(*index) != Some(*bucket) && self.series.set(*index, *bucket) {
                self.changed = true;
                unsaved.entry(self.key.clone()).or_default().set(*index, *bucket);
            }
        }
    }

    fn saw(&mut self, gave: bool) {
        self.changed |= gave && !self.gave;
        self.gave |= gave;
    }

    /// Whether all that is known is good only because a query never gave anything.
    fn doubt(&self) -> Option<Why> {
        let is_doubtful = !self.gave && !self.series.is_empty() && !self.series.has_bad();
        none_yet(&self.objective.sli).filter(|_| is_doubtful)
    }

    fn may_be_asked(&self, now: Instant) -> bool {
        self.objective.sli.source().is_some() && self.again_at.is_none_or(|at| at <= now)
    }

    /// What the answers to all of its queries mean, if there is one to each.
    fn taken(
        &self,
        answers: Vec<Result<Values, Refusal>>,
        stretch: (i64, i64),
    ) -> Result<Taken, Refusal> {
        let values = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(take(&self.objective.sli, &values, stretch, self.series.has_good()))
    }

    /// `false`: the source does not answer. `slow`: how many in a row it did not answer in time.
    fn refused(
        &mut self,
        refusal: Refusal,
        source: &SourceName,
        slow: &mut usize,
        now: Instant,
    ) -> bool {
        let (why, again, answered) = match refusal {
            Refusal::Query(why) => (why, QUERY_AGAIN, true),
            Refusal::Slow(why) => {
                // It begins to count anew when the source is asked again.
                *slow = (*slow + 1) % HANGS;
                (why, QUERY_AGAIN, *slow > 0)
            }
            Refusal::Source(why) => (why, SOURCE_AGAIN, false),
        };
        self.again_at = Some(before(now, -again));
        self.note(vec![Why::Source(clean(&format!("{source}: {why}"), MAX_LINE))]);
        answered
    }

    fn note(&mut self, why: Vec<Why>) {
        if !matches!(why.as_slice(), [Why::Source(_)]) {
            self.again_at = None;
        }
        self.changed |= self.lately != why;
        self.lately = why;
    }
}

/// The first bucket that its window needs; burn rates need three days.
fn start(objective: &Objective, now: Instant) -> i64 {
    let from = objective.window.around(now).from.min(before(now, objective.window.length()));
    let least = before(now, TimeDelta::days(3));
    index(from.min(least)).max(index(now) - KEPT * BUCKETS_A_DAY)
}

/// The bucket before which a source is asked by now.
fn until(sli: &Sli, now: Instant) -> i64 {
    let grain = grain(sli);
    index(before(now, SETTLE)).div_euclid(grain) * grain
}

fn stale_after(world: &Snapshot, source: &str) -> TimeDelta {
    world.plan.stale_after.get(source).copied().unwrap_or(TimeDelta::minutes(1))
}

/// Whether a service is up. In maintenance its state says nothing; then its signals and incidents do.
fn service_up(world: &Snapshot, health: &ServiceHealth, now: Instant) -> Option<bool> {
    if health.state != State::Maintenance {
        return is_up(health.state);
    }
    let is_critical = health
        .incidents
        .iter()
        .filter_map(|id| world.incidents.get(*id))
        .any(|i| i.urgency == 1 && i.clear_since.is_none() && !i.is_of_budgets());
    let states = health.signals.iter().map(|t| t.state_at(now, stale_after(world, &t.spec.source)));
    let worst = states.max();
    if is_critical { Some(false) } else { is_up(worst?) }
}

/// The same remarks as one.
fn merged(why: Vec<Why>) -> Vec<Why> {
    let mut all: Vec<Why> = Vec::new();
    for one in why {
        let same = all.iter_mut().find_map(|known| match (known, &one) {
            (
                Why::Unusable { query, what, times },
                Why::Unusable { query: q, what: w, times: t },
            ) if query == q && what == w => Some((times, *t)),
            _ => None,
        });
        match same {
            Some((times, more)) => *times = times.saturating_add(more),
            None => all.push(one),
        }
    }
    all
}
