//! Prometheus, and what speaks like it (VictoriaMetrics, Thanos, Mimir): values by instant queries,
//! history by range queries, alerts.
//!
//! * A signal is one series. Of several the first in the order of labels is taken, and a warning
//!   says so: any other choice (the greatest, the mean) would be right for some signals only.
//! * A query that fails is a warning; the poll fails only if the server does.
//! * A poll answers with what it has before the source's `timeout`: a slow query is a warning too.

pub mod answer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::{BoxFuture, join};
use tokio::time::Instant as Clock;
use url::Url;

use self::answer::{Refusal, Told};
use super::history::{History, Points, Several};
use super::http_client::{Answer, Clients, Http, Request, below};
use super::settings::{Ask, Prometheus as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::health::signal::MAX_POINTS;
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Observation, Reading, Series, SourceName,
};
use crate::domain::time::{Instant, Stretch};

/// How many queries of one poll are under way at once.
const CONCURRENT_QUERIES: usize = 6;
/// Prometheus refuses range queries of more points for one series.
const MAX_RANGE_POINTS: usize = 11_000;
/// No more history is asked for in one poll after this time, so that current values are not late
/// for it; the rest follows with the next polls.
const BACKFILL_TIME: Duration = Duration::from_secs(2);
/// How often the history of one signal is asked for before it is given up.
const BACKFILL_TRIES: u8 = 3;
/// Up to this size an answer is read at once, in bytes.
const LONG_ANSWER: usize = 64 * 1024;
/// How many warnings one poll may give.
const MAX_WARNINGS: usize = 32;

/// One server.
pub struct Prometheus {
    name: SourceName,
    settings: Settings,
    interval: Duration,
    timeout: Duration,
    /// The distinct queries, each with the signals that want its value.
    questions: Vec<Question>,
    alerts: Alerts,
    http: Arc<Http>,
    /// What it calls itself; asked for again after it was away.
    server: Option<String>,
    /// Since when it has answered every poll.
    answers_since: Option<Instant>,
}

struct Question {
    query: String,
    asks: Vec<Ask>,
    /// How often its history may still be asked for.
    backfill_tries: u8,
}

/// What the server's own alerts are for.
#[derive(Clone, Copy, PartialEq)]
enum Alerts {
    Unused,
    /// They raise incidents.
    Raise,
    /// They prove what an Alertmanager passes on, and heartbeats are looked for among them.
    Prove,
}

type Outcome<T> = Result<Told<T>, Refusal>;

impl Prometheus {
    /// `is_origin`: an Alertmanager that is a source, too, names it as an origin of its alerts.
    pub fn new(
        source: &SourceSettings,
        settings: &Settings,
        is_origin: bool,
        clients: &Clients,
    ) -> Self {
        let tries = if settings.backfill.is_zero() { 0 } else { BACKFILL_TRIES };
        let mut questions: BTreeMap<&str, Question> = BTreeMap::new();
        for ask in &source.asks {
            let new =
                || Question { query: ask.query.clone(), asks: Vec::new(), backfill_tries: tries };
            questions.entry(&ask.query).or_insert_with(new).asks.push(ask.clone());
        }
        Self {
            name: source.name.clone(),
            settings: settings.clone(),
            interval: source.interval,
            timeout: source.timeout,
            questions: questions.into_values().collect(),
            alerts: if settings.alerts {
                Alerts::Raise
            } else if is_origin || !settings.heartbeats.is_empty() {
                Alerts::Prove
            } else {
                Alerts::Unused
            },
            http: Arc::new(Http::new(source, clients)),
            server: None,
            answers_since: None,
        }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let begun = Clock::now();
        // A tenth is kept for handing over what came in time.
        let deadline = begun + self.timeout.mul_f64(0.9);
        self.answers_since.get_or_insert(now);
        let (values, (alerts, (server, started))) = join(
            self.values(deadline),
            join(self.firing(now, deadline), join(self.server(deadline), self.started(deadline))),
        )
        .await;
        let mut report = Report::default();
        let mut facts = Vec::new();
        if !values.is_empty() {
            facts.push(Fact::Signals(readings(values, &mut report)));
        }
        if let Some(mut set) = alerts.and_then(|a| report.take("its alerts", a)) {
            set.data.evaluating_since = started.or(set.data.evaluating_since);
            facts.push(match self.alerts {
                Alerts::Raise => Fact::Alerts(set.data),
                _ => Fact::Evidence(set.data),
            });
        }
        // The version alone proves nothing where more was asked, and its lack is no loss.
        match server {
            Some(Ok(told)) if !self.is_idle() => self.server = Some(told.data),
            Some(outcome) if self.is_idle() => {
                self.server = report.take("its version", outcome).map(|told| told.data);
            }
            _ => {}
        }
        report.judge()?;
        let server = self.server.get_or_insert_with(|| "Prometheus API".to_owned()).clone();
        let history = self.backfill(now, begun, deadline, &mut report).await;
        if !history.is_empty() {
            facts.push(Fact::Backfill(history));
        }
        Ok(Observation {
            source: self.name.clone(),
            at: now,
            server,
            facts,
            warnings: report.warnings(),
        })
    }

    /// The answer to each question, in their order.
    async fn values(&self, deadline: Clock) -> Vec<(&Question, Outcome<answer::Value>)> {
        let url = below(&self.settings.url, "api/v1/query");
        let mut queries = Vec::with_capacity(self.questions.len());
        for question in &self.questions {
            let form = [("query", question.query.as_str())];
            let url = url.clone();
            queries.push(async move {
                let answer = self.within(deadline, Request::post_form(url, &form)).await;
                (question, answer.and_then(|a| answer::value(&a)))
            });
        }
        futures::stream::iter(queries).buffered(CONCURRENT_QUERIES).collect().await
    }

    async fn firing(&self, now: Instant, deadline: Clock) -> Option<Outcome<AlertSet>> {
        if self.alerts == Alerts::Unused {
            return None;
        }
        let url = below(&self.settings.url, "api/v1/alerts");
        let answer = self.within(deadline, Request::get(url)).await;
        let wire = match answer {
            Ok(answer) => off_thread(answer, answer::alerts).await,
            Err(refusal) => Err(refusal),
        };
        Some(wire.map(|w| Told { data: self.alert_set(w, now), warnings: Vec::new() }))
    }

    fn alert_set(&self, wire: Vec<answer::WireAlert>, now: Instant) -> AlertSet {
        let mut page = below(&self.settings.url, "alerts");
        // It becomes part of an incident: no user, no password.
        let _ = page.set_username("");
        let _ = page.set_password(None);
        page.set_query(None);
        let (firing, rest): (Vec<_>, Vec<_>) = wire.into_iter().partition(|a| a.state == "firing");
        let alert = |a: answer::WireAlert| Alert {
            fingerprint: hygiene::fingerprint(&a.labels),
            labels: hygiene::labels(&a.labels),
            annotations: a.annotations.0,
            starts_at: a.active_at.unwrap_or(now),
            status: AlertStatus::Active,
            generator_url: Some(page.to_string()),
            service: None,
        };
        let alerts: Vec<Alert> = firing.into_iter().map(alert).collect();
        let pending = rest.into_iter().filter(|a| a.state == "pending").map(alert).collect();
        let heartbeats = self
            .settings
            .heartbeats
            .iter()
            .map(|m| {
                let firing = alerts.iter().any(|a| m.matches(&a.labels));
                hygiene::heartbeat(m, firing, firing.then_some(now))
            })
            .collect();
        let origins = Vec::new();
        let evaluating_since = self.answers_since;
        AlertSet {
            complete: true,
            alerts,
            heartbeats,
            origins,
            authoritative: true,
            pending,
            evaluating_since,
        }
    }

    /// When it was started, which not all who speak the language say. Asked at every poll: what it
    /// does not list is clear only if it was not restarted meanwhile.
    async fn started(&self, deadline: Clock) -> Option<Instant> {
        if self.alerts == Alerts::Unused {
            return None;
        }
        let url = below(&self.settings.url, "api/v1/status/runtimeinfo");
        let answer = self.within(deadline, Request::get(url)).await.ok()?;
        answer::started(&answer)
    }

    /// What it calls itself: asked once, and again after it was away; at every poll if nothing else
    /// is asked, to see that it is there.
    async fn server(&self, deadline: Clock) -> Option<Outcome<String>> {
        if self.server.is_some() && !self.is_idle() {
            return None;
        }
        let url = below(&self.settings.url, "api/v1/status/buildinfo");
        let answer = self.within(deadline, Request::get(url)).await;
        Some(answer.and_then(|a| answer::server(&a)))
    }

    /// Whether nothing is asked of it but to be there.
    fn is_idle(&self) -> bool {
        self.questions.is_empty() && self.alerts == Alerts::Unused
    }

    /// The past of the signals whose past is not known yet, as far as time allows.
    async fn backfill(
        &mut self,
        now: Instant,
        begun: Clock,
        deadline: Clock,
        report: &mut Report,
    ) -> Vec<Series> {
        let open: Vec<usize> = (0..self.questions.len())
            .filter(|i| self.questions.get(*i).is_some_and(|q| q.backfill_tries > 0))
            .collect();
        if open.is_empty() {
            return Vec::new();
        }
        let (start, end, step) = grid(now, self.settings.backfill, self.interval);
        let this = &*self;
        let mut queries = Vec::with_capacity(open.len());
        for index in open {
            queries.push(async move {
                let query = this.questions.get(index)?.query.as_str();
                if begun.elapsed() > BACKFILL_TIME {
                    return None;
                }
                let request = range_request(&this.settings.url, query, (start, end, step));
                let answer = this.within(deadline, request).await;
                let answer = match answer {
                    Ok(answer) => off_thread(answer, answer::range).await,
                    Err(refusal) => Err(refusal),
                };
                Some((index, answer))
            });
        }
        let answers: Vec<_> =
            futures::stream::iter(queries).buffered(CONCURRENT_QUERIES).collect().await;
        let mut history = Vec::new();
        for (index, outcome) in answers.into_iter().flatten() {
            let Some(question) = self.questions.get_mut(index) else { continue };
            match outcome {
                Ok(told) => {
                    question.backfill_tries = 0;
                    let points = answer::points(told.data);
                    history.extend(question.asks.iter().map(|ask| Series {
                        service: ask.service.clone(),
                        signal: ask.signal.clone(),
                        points: points.clone(),
                    }));
                }
                // The instant query says the same about the query itself.
                Err(Refusal::Query(_)) => question.backfill_tries = 0,
                Err(Refusal::Source(error)) => {
                    question.backfill_tries -= 1;
                    report.warn(format!("{}: no history: {error}", question.wanted_by()));
                }
            }
        }
        history.retain(|series| !series.points.is_empty());
        history
    }

    /// Waits for an answer until the poll must end.
    async fn within(&self, deadline: Clock, request: Request) -> Result<Answer, Refusal> {
        match tokio::time::timeout_at(deadline, self.http.send(&request)).await {
            Ok(answer) => answer.map_err(Refusal::Source),
            Err(_) => Err(Refusal::Source(SourceError::TimedOut(self.timeout))),
        }
    }
}

impl Source for Prometheus {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(async move {
            let outcome = self.observe(now).await;
            if outcome.is_err() {
                self.server = None;
                self.answers_since = None;
            }
            outcome
        })
    }

    fn history(&self) -> Option<Arc<dyn History>> {
        let (http, url) = (Arc::clone(&self.http), self.settings.url.clone());
        Some(Arc::new(Past { http, url }))
    }
}

/// What a server remembers of any query.
struct Past {
    http: Arc<Http>,
    url: Url,
}

impl History for Past {
    fn past<'a>(
        &'a self,
        query: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Points, SourceError>> {
        Box::pin(async move { Ok(answer::points(self.range(query, stretch).await?.data)) })
    }

    fn several<'a>(
        &'a self,
        query: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Several, SourceError>> {
        Box::pin(async move {
            let told = self.range(query, stretch).await?;
            // Sums of a part would look like sums.
            if let Some(why) = told.warnings.iter().find(|warning| answer::is_partial(warning)) {
                return Err(SourceError::BadAnswer(format!("its answer may not be whole: {why}")));
            }
            Ok(told.data.into_iter().map(answer::RangeSeries::into_points).collect())
        })
    }

    fn is_promql(&self) -> bool {
        true
    }
}

impl Past {
    async fn range(
        &self,
        query: &str,
        stretch: Stretch,
    ) -> Result<Told<Vec<answer::RangeSeries>>, SourceError> {
        let request = range_request(&self.url, query, seconds(stretch));
        let answer = self.http.send(&request).await?;
        match off_thread(answer, answer::range).await {
            Ok(told) => Ok(told),
            Err(Refusal::Query(why)) => Err(SourceError::BadAnswer(why)),
            Err(Refusal::Source(error)) => Err(error),
        }
    }
}

/// First and last instant and step of a stretch, in seconds; never more points than the server gives.
fn seconds(stretch: Stretch) -> (i64, i64, i64) {
    let (start, end) = (stretch.from.timestamp(), stretch.to.timestamp());
    let least = (end - start) / (MAX_RANGE_POINTS as i64 - 1) + 1;
    (start, end, stretch.step.num_seconds().max(least).max(1))
}

/// `grid`: first and last instant and step, in seconds.
fn range_request(base: &Url, query: &str, grid: (i64, i64, i64)) -> Request {
    let (start, end, step) = (grid.0.to_string(), grid.1.to_string(), grid.2.to_string());
    let form = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
    Request::post_form(below(base, "api/v1/query_range"), &form)
}

impl Question {
    /// Whose query it is, for warnings.
    fn wanted_by(&self) -> String {
        let more = match self.asks.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        self.asks
            .first()
            .map_or_else(String::new, |a| format!("{} of {}{more}", a.signal, a.service))
    }
}

/// Long answers are read beside the runtime's threads, which others need.
async fn off_thread<T: Send + 'static>(
    answer: Answer,
    read: impl FnOnce(&Answer) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if answer.body.len() <= LONG_ANSWER {
        return read(&answer);
    }
    tokio::task::spawn_blocking(move || read(&answer)).await.unwrap_or_else(|e| {
        Err(Refusal::Source(SourceError::BadAnswer(format!("the answer could not be read: {e}"))))
    })
}

/// First and last instant and step, in seconds. The step is the interval, or longer where the
/// history would have more points than are kept; both ends lie on its grid, so that the answers of
/// a caching proxy can be reused.
fn grid(now: Instant, backfill: Duration, interval: Duration) -> (i64, i64, i64) {
    let most = MAX_POINTS.min(MAX_RANGE_POINTS - 1) as u64;
    let step = backfill.as_secs().div_ceil(most).max(interval.as_secs()).max(1) as i64;
    let span = TimeDelta::from_std(backfill).unwrap_or_default().num_seconds();
    let end = now.timestamp() / step * step;
    let start = (now.timestamp() - span) / step * step + step;
    (start.min(end), end, step)
}

fn readings(values: Vec<(&Question, Outcome<answer::Value>)>, report: &mut Report) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (question, outcome) in values {
        let of = question.wanted_by();
        let Some(told) = report.take(&of, outcome) else { continue };
        for warning in told.warnings {
            report.warn(format!("{of}: {warning}"));
        }
        if told.data.series > 1 {
            report.warn(format!(
                "{of}: the query gives {} series, the first is shown; aggregate them, as in \
                 sum(…) or max(…)",
                told.data.series
            ));
        }
        let Some((at, value)) = told.data.sample else {
            report.warn(format!(
                "{of}: the query finds nothing; check the names of its metrics and labels"
            ));
            continue;
        };
        readings.extend(question.asks.iter().map(|ask| Reading {
            service: ask.service.clone(),
            signal: ask.signal.clone(),
            value,
            at,
        }));
    }
    readings
}

/// What went wrong in one poll, and whether anything went right.
#[derive(Default)]
struct Report {
    answered: bool,
    failure: Option<SourceError>,
    warnings: Vec<String>,
    left_out: usize,
}

impl Report {
    /// The data, if there is some; otherwise why not becomes a warning, and a failure of the source
    /// is remembered.
    fn take<T>(&mut self, what: &str, outcome: Outcome<T>) -> Option<Told<T>> {
        match outcome {
            Ok(told) => {
                self.answered = true;
                return Some(told);
            }
            Err(Refusal::Query(why)) => {
                self.answered = true;
                self.warn(format!("{what}: {why}"));
            }
            Err(Refusal::Source(error)) => {
                self.warn(format!("{what}: {error}"));
                // What concerns the whole server outweighs what concerns one path of it.
                let local = |e: &SourceError| {
                    matches!(e, SourceError::BadAnswer(_) | SourceError::TimedOut(_))
                };
                if self.failure.as_ref().is_none_or(|known| local(known) && !local(&error)) {
                    self.failure = Some(error);
                }
            }
        }
        None
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether the poll failed: nothing was answered, or the server cannot be reached, refuses the
    /// credentials or wants to be left alone.
    fn judge(&self) -> Result<(), SourceError> {
        match &self.failure {
            Some(SourceError::BadAnswer(_) | SourceError::TimedOut(_)) if self.answered => Ok(()),
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn warnings(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.warnings.push(format!("and {} more warnings", self.left_out));
        }
        self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn history_is_asked_for_on_a_grid_within_all_limits(
            now in 0_i64..4_000_000_000,
            backfill in 1_u64..40_000_000,
            interval in 0_u64..100_000,
        ) {
            let now = chrono::DateTime::from_timestamp(now, 0).unwrap();
            let span = Duration::from_secs(backfill);
            let (start, end, step) = grid(now, span, Duration::from_secs(interval));
            prop_assert!(start <= end && end <= now.timestamp());
            prop_assert!(step >= interval as i64 && step >= 1);
            prop_assert_eq!((start % step, end % step), (0, 0));
            prop_assert!((end - start) / step < MAX_POINTS as i64);
            prop_assert!(start > now.timestamp() - backfill as i64 || start == end);
        }
    }

    #[test]
    fn a_range_never_asks_for_more_points_than_the_server_gives() {
        let to = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (days, step, expect) in [(30, 8_640, 8_640), (30, 1, 236), (1, 0, 8)] {
            let stretch =
                Stretch { from: to - TimeDelta::days(days), to, step: TimeDelta::seconds(step) };
            let (start, end, step) = seconds(stretch);
            assert_eq!(step, expect);
            assert!((end - start) / step < MAX_RANGE_POINTS as i64);
        }
    }

    #[test]
    fn a_warning_too_many_is_counted_and_not_kept() {
        let mut report = Report::default();
        (0..40).for_each(|n| report.warn(n.to_string()));
        let warnings = report.warnings();
        assert_eq!(warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(warnings.last().map(String::as_str), Some("and 8 more warnings"));
    }

    #[test]
    fn a_server_that_refuses_the_credentials_has_failed_even_if_it_answered_before() {
        let mut report = Report::default();
        report.take("one", Ok(Told { data: (), warnings: Vec::new() }));
        report.take::<()>("two", Err(Refusal::Source(SourceError::BadAnswer("odd".to_owned()))));
        assert_eq!(report.judge(), Ok(()));
        report.take::<()>("three", Err(Refusal::Source(SourceError::Denied("no".to_owned()))));
        assert_eq!(report.judge(), Err(SourceError::Denied("no".to_owned())));
    }
}
