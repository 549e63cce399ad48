//! How an objective stands: what was good, what is left of the budget, how fast it goes, until when it
//! lasts.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;

use super::alert::{Reading, Severity};
use super::excluded::Excluded;
use super::objective::{Objective, Unit, Window};
use super::percent;
use super::series::{BUCKET, MICRO, Series, Tally, begin, index};
use crate::domain::sla::{LEAST_KNOWN, NoData};
use crate::domain::text::duration;
use crate::domain::time::{Instant, Interval};

/// Over what time burn rates are told, with the names that they have in `--json`.
pub const BURN_OVER: [(&str, TimeDelta); 7] = [
    ("5m", TimeDelta::minutes(5)),
    ("30m", TimeDelta::minutes(30)),
    ("1h", TimeDelta::hours(1)),
    ("2h", TimeDelta::hours(2)),
    ("6h", TimeDelta::hours(6)),
    ("1d", TimeDelta::days(1)),
    ("3d", TimeDelta::days(3)),
];

/// How many buckets what was measured may be behind before they count as unknown: upstream data comes
/// late.
const LATE: i64 = 3;
/// Below this coverage a figure says so, in parts per million.
const THIN: u32 = 950_000;
/// Below this coverage of its window there is no figure, in parts per million.
const LEAST: u32 = LEAST_KNOWN;
/// Below this coverage there is no burn rate over a time, and no rule fires by it, in parts per million.
const HALF: u32 = 500_000;

/// How an objective stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub objective: Arc<Objective>,
    /// Until when everything is counted: the end of the last bucket.
    pub as_of: Instant,
    /// The whole window; a rolling one ends at `as_of`, a calendar's may end later.
    pub window: Interval,
    /// The window up to `as_of`.
    pub tally: Tally,
    pub budget: Budget,
    /// In the order of [`BURN_OVER`].
    pub burn: Vec<Burn>,
    pub projection: Option<Projection>,
    /// When the budget was spent, or will be at that pace: within the window where that has an end,
    /// within the length of it where it rolls.
    pub exhausted_at: Option<Instant>,
    /// What is excluded within the window, and how it counts is [`Objective::exclusion`].
    pub excluded: Vec<(Interval, String)>,
    pub readings: Vec<Reading>,
    /// What is to be known about these numbers, or why there are none.
    pub why: Vec<Why>,
}

/// How much may be bad in the whole window, and how much was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub unit: Unit,
    /// In millionths of the unit; 0: a target of 100 %, or nothing to be counted.
    pub total: u128,
    pub consumed: u128,
    /// The same in time, where events are counted: their allowance of the window, spent in the same
    /// proportion.
    pub time: TimeDelta,
    /// How many events the whole period will have is worked out from those so far.
    pub is_estimated: bool,
}

/// How fast the budget goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burn {
    pub name: &'static str,
    pub over: TimeDelta,
    /// In thousandths, cut off: 1000 spends the budget in exactly the window. `None`: less than half of
    /// that time is known, or there is no budget.
    pub milli: Option<i64>,
}

/// What comes of it at this pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// Over what time the pace was measured.
    pub over: TimeDelta,
    /// In thousandths.
    pub milli: i64,
    /// What of the budget is left when the period ends, in parts per million; `None`: it rolls.
    pub end_left_ppm: Option<i64>,
}

/// How it stands in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Healthy,
    /// Nothing is known of the window, or too little for a figure.
    Unknown,
    /// It is being spent so fast that a rule speaks for a ticket.
    Burning,
    /// … that a rule pages.
    BurningFast,
    /// Nothing is left.
    Spent,
}

/// What is to be known about the numbers, with the way out where there is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The target is 100 %.
    NoBudget,
    /// Nothing is known of the window; whether there are queries that should say something.
    NoData { is_asked: bool },
    /// So little of it is known that there is no figure, in parts per million.
    TooThin(u32),
    /// It is known, and nothing happened in it.
    NoEvents,
    /// Of so little of it something is known, in parts per million.
    Thin(u32),
    /// All of the window is excluded.
    AllExcluded,
    /// The newest bucket ended then.
    Late(Instant),
    /// The events of the whole period are an estimate.
    Estimated,
    /// What the source said that could not be used: which query, what, how often.
    Unusable { query: String, what: Unusable, times: u32 },
    /// What the source said about a query, or why it said nothing.
    Source(String),
}

/// A number that is none of events or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// 0/0, or a series without a value.
    NotANumber,
    Infinite,
    Negative,
    /// More good ones than all.
    MoreThanTotal,
    /// A good part that is more than the whole.
    AboveOne,
    /// More bad ones than all.
    AllBad,
    /// No bad ones were ever seen, nor a series that would count them.
    NoneYet,
    /// The other query had a value, this one had none, then and ever.
    NeverThere,
    /// Larger than can be counted.
    TooLarge,
    /// A rate, while the other query counts.
    PerSecondAlone,
}

impl Status {
    /// Which part was good in parts per million, cut off downwards. `None`: nothing counts, or too
    /// little is known.
    pub fn sli_ppm(&self) -> Option<u32> {
        self.is_known().then(|| self.tally.good_ppm())?
    }

    /// Whether the target is met, exactly. `None`: as for [`Self::sli_ppm`].
    pub fn is_met(&self) -> Option<bool> {
        let target = u128::from(self.objective.target.ppm());
        let Tally { good, total, .. } = self.tally;
        (total > 0 && self.is_known()).then(|| good * u128::from(MICRO) >= total * target)
    }

    /// Whether enough of the window is known for a figure.
    fn is_known(&self) -> bool {
        is_known(&self.tally, LEAST, self.objective.no_data)
    }

    pub fn coverage_ppm(&self) -> u32 {
        self.tally.coverage_ppm()
    }

    /// The most urgent rule that fires, the first of them.
    pub fn firing(&self) -> Option<&Reading> {
        let firing = self.readings.iter().filter(|r| r.fires());
        firing.min_by_key(|r| Reverse(r.rule.severity))
    }

    pub fn burn_over(&self, name: &str) -> Option<i64> {
        self.burn.iter().find(|b| b.name == name)?.milli
    }

    pub fn standing(&self) -> Standing {
        let firing = self.firing().map(|r| r.rule.severity);
        match (self.budget.left_ppm(), firing) {
            (Some(..=0), _) => Standing::Spent,
            (_, Some(Severity::Page)) => Standing::BurningFast,
            (_, Some(Severity::Ticket)) => Standing::Burning,
            (None, None) if self.objective.target.allowance() == 0 && self.is_met().is_some() => {
                if self.is_met() == Some(true) {
                    Standing::Healthy
                } else {
                    Standing::Spent
                }
            }
            (None, None) => Standing::Unknown,
            (Some(_), None) => Standing::Healthy,
        }
    }
}

impl Standing {
    /// The word of screens and `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Burning => "burning",
            Self::BurningFast => "burning fast",
            Self::Spent => "spent",
        }
    }
}

impl Budget {
    /// What is left in parts per million of it, cut off downwards; negative where more was spent than
    /// there was. `None`: there is none.
    pub fn left_ppm(&self) -> Option<i64> {
        let (total, consumed) =
            (i128::try_from(self.total).ok()?, i128::try_from(self.consumed).ok()?);
        let left = (total - consumed).checked_mul(i128::from(MICRO))?;
        (total > 0).then(|| i64::try_from(left.div_euclid(total)).unwrap_or(i64::MIN))
    }

    /// What is left of it as time.
    pub fn time_left(&self) -> Option<TimeDelta> {
        let ppm = i128::from(self.left_ppm()?);
        let left = i128::from(self.time.num_seconds()) * ppm / i128::from(MICRO);
        TimeDelta::try_seconds(i64::try_from(left).ok()?)
    }

    /// What is left of it in whole events or seconds, cut off downwards.
    pub fn left(&self) -> i64 {
        let left = i128::try_from(self.total).unwrap_or(i128::MAX)
            - i128::try_from(self.consumed).unwrap_or(i128::MAX);
        i64::try_from(left.div_euclid(i128::from(MICRO))).unwrap_or(i64::MIN)
    }
}

impl Burn {
    /// `14.400`, with so many decimals (at most 3), cut off.
    pub fn text(milli: i64, decimals: u32) -> String {
        percent(milli.saturating_mul(10), decimals.min(3))
    }
}

/// How an objective stands, from all that is known and what is excluded of it.
pub fn status(
    objective: &Arc<Objective>,
    series: &Series,
    excluded: &Excluded,
    notes: &[Why],
    now: Instant,
) -> Status {
    let until = until(series, now);
    let window = objective.window.around(begin(until));
    stands(objective, (series, excluded, notes), (window, until), now)
}

/// As [`status`], at the end of a window: where one of the calendar begins right then, of the one before.
pub fn closing(
    objective: &Arc<Objective>,
    series: &Series,
    excluded: &Excluded,
    at: Instant,
) -> Status {
    let until = until(series, at);
    let window = objective.window.ending(begin(until));
    stands(objective, (series, excluded, &[]), (window, until), at)
}

fn stands(
    objective: &Arc<Objective>,
    (series, excluded, notes): (&Series, &Excluded, &[Why]),
    (window, until): (Interval, i64),
    now: Instant,
) -> Status {
    let as_of = begin(until);
    let (from, unit) = (index(window.from), objective.sli.unit());
    let counts = (objective.exclusion, objective.no_data);
    let over = |length: TimeDelta| {
        let buckets = (length.num_seconds() / BUCKET).max(1);
        series.tally((until - buckets, until), excluded, unit, counts)
    };
    let tally = series.tally((from, until), excluded, unit, counts);
    let budget = budget(objective, &tally, window, as_of);
    let milli = |t: &Tally| {
        let rate = burn(t, objective.target.allowance());
        rate.filter(|_| is_known(t, HALF, objective.no_data))
    };
    let burn: Vec<Burn> = BURN_OVER
        .into_iter()
        .map(|(name, length)| Burn { name, over: length, milli: milli(&over(length)) })
        .collect();
    let pace = pace(window.length());
    let recent = over(pace);
    let projection = milli(&recent).map(|milli| Projection {
        over: pace,
        milli,
        end_left_ppm: end_left(&budget, &tally, &recent, (window, as_of)),
    });
    let exhausted_at = match (budget.left_ppm(), projection) {
        (Some(..=0), _) => spent(&budget, (from, until), |to| {
            series.tally((from, to), excluded, unit, counts).bad()
        }),
        (Some(left), Some(p)) => exhaustion(left, window.length(), p.milli)
            .and_then(|after| as_of.checked_add_signed(after))
            .filter(|at| match objective.window {
                Window::Rolling(length) => *at - as_of <= length,
                Window::Calendar { .. } => *at < window.to,
            }),
        _ => None,
    };
    let first = series.first();
    let readings = objective.rules.iter().map(|rule| {
        let is_above = |length: TimeDelta| {
            let tally = over(length);
            let is_above = rule.is_exceeded(&tally, objective.target, window.length())?;
            // What lies before the first that was ever measured cannot have raised anything: to prove
            // that it is over, half of what came since is enough.
            let since = first.map_or(tally.elapsed, |first| (until - first).max(0) * BUCKET);
            let elapsed = if is_above { tally.elapsed } else { tally.elapsed.min(since) };
            is_known(&Tally { elapsed, ..tally }, HALF, objective.no_data).then_some(is_above)
        };
        Reading { rule: *rule, long: is_above(rule.long), short: is_above(rule.short) }
    });
    Status {
        readings: readings.collect(),
        why: why(objective, &tally, &budget, series, notes, now),
        excluded: excluded.listed(Interval::new(window.from, as_of)),
        objective: Arc::clone(objective),
        as_of,
        window,
        tally,
        budget,
        burn,
        projection,
        exhausted_at,
    }
}

/// In what time a budget of which so much is left (parts per million) is spent at a burn rate
/// (thousandths): r·W/b. `None`: never.
pub fn exhaustion(left_ppm: i64, window: TimeDelta, burn_milli: i64) -> Option<TimeDelta> {
    if burn_milli <= 0 {
        return None;
    }
    let seconds = i128::from(left_ppm.max(0)) * i128::from(window.num_seconds()) * 1_000
        / (i128::from(MICRO) * i128::from(burn_milli));
    TimeDelta::try_seconds(i64::try_from(seconds).ok()?)
}

/// The bucket before which everything is counted: what is behind by no more than [`LATE`] is still to
/// come, more than that is unknown.
fn until(series: &Series, now: Instant) -> i64 {
    let present = index(now);
    let known = series.last().map_or(present, |last| last + 1);
    if (present - LATE..=present).contains(&known) { known } else { present }
}

/// Whether so much (parts per million) of the time of a tally is known. Where unknown time was agreed to
/// be bad, all of it is.
fn is_known(tally: &Tally, least: u32, no_data: NoData) -> bool {
    no_data == NoData::Bad || tally.coverage_ppm() >= least
}

fn budget(objective: &Objective, tally: &Tally, window: Interval, as_of: Instant) -> Budget {
    let unit = objective.sli.unit();
    let allowance = u128::from(objective.target.allowance());
    let mega = u128::from(MICRO);
    // Where too little is known, nothing is left of anything either.
    let is_blank =
        !is_known(tally, LEAST, objective.no_data) || (tally.seen == 0 && tally.total == 0);
    let blank = Tally { elapsed: tally.elapsed, ..Tally::default() };
    let tally = if is_blank { &blank } else { tally };
    let coming = if is_blank { 0 } else { coming(tally, unit, (window, as_of)) };
    let whole =
        i128::from(window.length().num_seconds()) * i128::from(objective.target.allowance());
    let time = match unit {
        Unit::Seconds => ((tally.total + coming) * allowance / (mega * mega)) as i64,
        Unit::Events => (whole / i128::from(MICRO)) as i64,
    };
    Budget {
        unit,
        total: (tally.total + coming) * allowance / mega,
        consumed: tally.bad(),
        time: TimeDelta::try_seconds(time).unwrap_or_default(),
        is_estimated: unit == Unit::Events && coming > 0,
    }
}

/// What is still to come in the window: time, or as many events as in the same time so far.
fn coming(tally: &Tally, unit: Unit, (window, as_of): (Interval, Instant)) -> u128 {
    let seconds = (window.to - as_of).num_seconds().max(0) as u128;
    match unit {
        Unit::Seconds => seconds * u128::from(MICRO),
        Unit::Events if tally.elapsed > 0 => tally.total * seconds / tally.elapsed as u128,
        Unit::Events => 0,
    }
}

/// In thousandths; `None` where nothing is known or nothing may be bad.
fn burn(tally: &Tally, allowance: u32) -> Option<i64> {
    if allowance == 0 || (tally.seen == 0 && tally.total == 0) {
        return None;
    }
    if tally.total == 0 {
        return Some(0);
    }
    let bad = tally.bad().saturating_mul(u128::from(MICRO) * 1_000);
    i64::try_from(bad / tally.total / u128::from(allowance)).ok()
}

/// Over what time the pace is measured by which is projected: six hours, or what is no more than a
/// quarter of the window.
fn pace(window: TimeDelta) -> TimeDelta {
    let fits = |length: &TimeDelta| *length <= TimeDelta::hours(6) && *length * 4 <= window;
    let longest = BURN_OVER.into_iter().map(|(_, length)| length).filter(fits).max();
    longest.unwrap_or(TimeDelta::seconds(BUCKET))
}

/// What is left of a calendar's budget when the period ends, if what comes is as bad as recently.
fn end_left(
    budget: &Budget,
    tally: &Tally,
    recent: &Tally,
    (window, as_of): (Interval, Instant),
) -> Option<i64> {
    let coming = coming(tally, budget.unit, (window, as_of));
    if coming == 0 {
        return None;
    }
    let bad = if recent.total == 0 { 0 } else { mul_div(coming, recent.bad(), recent.total) };
    Budget { consumed: budget.consumed + bad, ..*budget }.left_ppm()
}

/// Without an overflow on the way, to within a millionth.
fn mul_div(amount: u128, part: u128, whole: u128) -> u128 {
    amount.checked_mul(part).map_or_else(
        || amount / u128::from(MICRO) * (part.saturating_mul(u128::from(MICRO)) / whole),
        |product| product / whole,
    )
}

/// The end of the bucket in which the last of it was spent.
fn spent(
    budget: &Budget,
    (from, until): (i64, i64),
    bad_before: impl Fn(i64) -> u128,
) -> Option<Instant> {
    let (mut low, mut high) = (from, until);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if bad_before(middle) >= budget.total { high = middle } else { low = middle }
    }
    (from < until).then(|| begin(high))
}

fn why(
    objective: &Objective,
    tally: &Tally,
    budget: &Budget,
    series: &Series,
    notes: &[Why],
    now: Instant,
) -> Vec<Why> {
    let mut why = Vec::new();
    if objective.target.allowance() == 0 {
        why.push(Why::NoBudget);
    }
    let coverage = tally.coverage_ppm();
    match tally.total {
        0 if tally.seen == 0 => {
            why.push(Why::NoData { is_asked: objective.sli.source().is_some() });
        }
        _ if !is_known(tally, LEAST, objective.no_data) => why.push(Why::TooThin(coverage)),
        0 if tally.excluded >= tally.seen => why.push(Why::AllExcluded),
        0 => why.push(Why::NoEvents),
        _ if coverage < THIN => why.push(Why::Thin(coverage)),
        _ => {}
    }
    if let Some(last) = series.last().filter(|last| last + 1 < index(now) - LATE) {
        why.push(Why::Late(begin(last + 1)));
    }
    if budget.is_estimated {
        why.push(Why::Estimated);
    }
    why.extend(notes.iter().cloned());
    why
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBudget => f.write_str(
                "a target of 100 % leaves no budget: the first thing that goes wrong misses it, and \
                 no rate can be worked out; set one below, such as 99.99%",
            ),
            Self::NoData { is_asked: true } => f.write_str(
                "nothing is known of this window yet; see `atalaya check` for what its queries give",
            ),
            Self::NoData { is_asked: false } => f.write_str(
                "nothing is known of this window yet: it is measured while a console or an agent runs",
            ),
            Self::TooThin(ppm) => {
                let (known, least) = (percent(i64::from(*ppm), 2), percent(LEAST.into(), 0));
                write!(f, "only {known} % of the time so far is known; figures begin with {least} %")
            }
            Self::NoEvents => {
                f.write_str("nothing happened in this window that could be good or bad")
            }
            Self::Thin(ppm) => {
                let known = percent(i64::from(*ppm), 1);
                write!(f, "only {known} % of the time so far is known; the rest is left out or bad, \
                           as no_data says")
            }
            Self::AllExcluded => f.write_str("all that is known of this window is excluded"),
            Self::Late(at) => write!(f, "nothing newer than {} is known", at.format("%F %H:%MZ")),
            Self::Estimated => f.write_str(
                "how many events the whole period will have is worked out from those so far",
            ),
            Self::Unusable { query, what, times } => {
                write!(f, "{query} gave {what}")?;
                if *times > 1 { write!(f, ", {times} times") } else { Ok(()) }
            }
            Self::Source(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "NaN, which counts as unknown",
            Self::Infinite => "an infinite value, which counts as unknown",
            Self::Negative => "a negative value, which counts as unknown",
            Self::MoreThanTotal => {
                "more than total, which counts as unknown; check that both count \
                                    the same"
            }
            Self::AboveOne => "more than 1, which counts as unknown; it has to be a part, 0 to 1",
            Self::NeverThere => {
                "nothing while total gave something, which counts as unknown; check its labels"
            }
            Self::AllBad => {
                "more than there was, which counts as all bad; check that it is a part of the whole"
            }
            Self::NoneYet => {
                "nothing so far, which counts as none; if there were some, check its labels"
            }
            Self::PerSecondAlone => {
                "values per second while the other query counts, which counts as unknown; take \
                 rate() or increase() in both"
            }
            Self::TooLarge => "a number that is too large to be counted, which counts as unknown",
        })
    }
}

/// `healthy`, `spent`: for lists.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Budget {
    /// `43m 12s`-like for time, a count for events.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.total / u128::from(MICRO);
        match self.unit {
            Unit::Seconds => f.write_str(&duration(self.time)),
            Unit::Events => write!(f, "{whole} events"),
        }
    }
}
