//! One signal over time: its bounded history, its thresholds with hold and hysteresis, its flapping.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::model::{Direction, Signal, State, Thresholds};
use crate::domain::time::{self, Instant};

/// How many points of history are kept at most; older ones are thinned to every second point.
pub const MAX_POINTS: usize = 2_880;
/// How many state changes Icinga's flapping measure looks at.
const FLAP_WINDOW: usize = 20;
/// In above this share of weighted changes…
const FLAP_HIGH: f64 = 0.30;
/// …and out below this one.
const FLAP_LOW: f64 = 0.25;

/// What is known of one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    pub spec: Signal,
    /// Oldest first, at most [`MAX_POINTS`], no two with one instant.
    pub points: VecDeque<(Instant, f64)>,
    /// The state by thresholds (or as judged by the source), after hold and hysteresis.
    pub state: State,
    /// Since when it has that state.
    pub since: Instant,
    /// A state that waits for its hold to pass, and since when.
    pub pending: Option<(State, Instant)>,
    /// Why, in the source's own words; empty for thresholds.
    pub message: String,
    /// When the last value arrived (this machine's clock).
    pub observed_at: Option<Instant>,
    /// The last states, oldest first, for the flapping measure.
    recent: VecDeque<State>,
    pub flapping: bool,
}

impl Track {
    /// A signal of which nothing is known yet.
    pub fn new(spec: Signal, now: Instant) -> Self {
        Self {
            spec,
            points: VecDeque::new(),
            state: State::Unknown,
            since: now,
            pending: None,
            message: String::new(),
            observed_at: None,
            recent: VecDeque::new(),
            flapping: false,
        }
    }

    /// The newest value.
    pub fn last(&self) -> Option<f64> {
        self.points.back().map(|p| p.1)
    }

    /// Takes a value that was true `at` and arrived `now`; one of the future is taken as of `now`.
    pub fn push(&mut self, at: Instant, value: f64, now: Instant, keep: TimeDelta) {
        self.forget_the_future(now);
        self.observed_at = Some(now);
        let at = at.min(now);
        if self.points.back().is_none_or(|p| p.0 < at) {
            self.points.push_back((at, value));
            self.trim(time::before(at, keep));
        } else if let Some(last) = self.points.back_mut().filter(|p| p.0 == at) {
            last.1 = value;
        }
        self.judge(classify(&self.spec.thresholds, value, self.state), now);
    }

    /// Takes a state that the source judged by itself.
    pub fn report(&mut self, state: State, message: &str, now: Instant) {
        self.forget_the_future(now);
        self.observed_at = Some(now);
        message.clone_into(&mut self.message);
        self.judge(state, now);
    }

    /// Fills in history before what is known; keeps what is there.
    pub fn backfill(&mut self, points: &[(Instant, f64)], now: Instant, keep: TimeDelta) {
        self.forget_the_future(now);
        let oldest = time::before(now, keep);
        let first = self.points.front().map_or(now, |p| p.0);
        let mut older: VecDeque<_> =
            points.iter().copied().filter(|p| p.0 < first && p.0 >= oldest).collect();
        older.make_contiguous().sort_by_key(|p| p.0);
        older.append(&mut self.points);
        self.points = older;
        self.trim(oldest);
    }

    /// The state that can be shown: an `ok` whose value is older than `stale_after` is unknown;
    /// trouble stays trouble.
    pub fn state_at(&self, now: Instant, stale_after: TimeDelta) -> State {
        match self.observed_at {
            None => State::Unknown,
            Some(_) if self.is_stale(now, stale_after) && self.state == State::Ok => State::Unknown,
            Some(_) => self.state,
        }
    }

    /// Whether the newest value is older than `stale_after`, or arrived so far in the future that
    /// the clock must have been set back, and its age is not known.
    pub fn is_stale(&self, now: Instant, stale_after: TimeDelta) -> bool {
        self.observed_at.is_none_or(|at| (now - at).abs() > stale_after)
    }

    /// A clock that was set back must not freeze a signal until it has caught up: what was noted
    /// later than `now` goes, or counts as of `now`.
    fn forget_the_future(&mut self, now: Instant) {
        while self.points.back().is_some_and(|p| p.0 > now) {
            self.points.pop_back();
        }
        self.since = self.since.min(now);
        self.pending = self.pending.map(|(state, since)| (state, since.min(now)));
    }

    fn judge(&mut self, state: State, now: Instant) {
        if state == self.state {
            self.pending = None;
        } else {
            let worse = state > self.state && self.state != State::Unknown || state.is_red();
            let hold = if worse { self.spec.thresholds.hold } else { TimeDelta::zero() };
            let since = self.pending.filter(|p| p.0 == state).map_or(now, |p| p.1);
            if now - since >= hold {
                self.state = state;
                self.since = now;
                self.pending = None;
            } else {
                self.pending = Some((state, since));
                if self.state == State::Unknown {
                    self.state = State::Ok;
                    self.since = now;
                }
            }
        }
        self.recent.push_back(self.state);
        if self.recent.len() > FLAP_WINDOW + 1 {
            self.recent.pop_front();
        }
        let share = flap_share(&self.recent);
        self.flapping = if self.flapping { share >= FLAP_LOW } else { share > FLAP_HIGH };
    }

    fn trim(&mut self, oldest: Instant) {
        while self.points.front().is_some_and(|p| p.0 < oldest) {
            self.points.pop_front();
        }
        if self.points.len() > MAX_POINTS {
            let mut keep = false;
            let half = self.points.len() / 2;
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                keep = !keep;
                keep || index > half
            });
        }
    }
}

/// The state of a value by its thresholds. `before` matters for hysteresis: a state is left only
/// when the value has come back by that fraction of the threshold. NaN is unknown.
pub fn classify(thresholds: &Thresholds, value: f64, before: State) -> State {
    if value.is_nan() {
        return State::Unknown;
    }
    let beyond = |limit: Option<f64>, level: State| {
        limit.is_some_and(|limit| {
            let slack = if before >= level && before.is_red() {
                limit.abs() * thresholds.hysteresis
            } else {
                0.0
            };
            match thresholds.direction {
                Direction::Above => value > limit - slack,
                Direction::Below => value < limit + slack,
            }
        })
    };
    if beyond(thresholds.crit, State::Critical) {
        State::Critical
    } else if beyond(thresholds.warn, State::Warning) {
        State::Warning
    } else {
        State::Ok
    }
}

/// Icinga's measure: the share of changes among the last 20 states, the newest weighing 1.15 and
/// the oldest 0.8. 0 to 1.
fn flap_share(states: &VecDeque<State>) -> f64 {
    let changes = states.iter().zip(states.iter().skip(1)).enumerate().map(|(i, (a, b))| {
        let age = FLAP_WINDOW.saturating_sub(states.len() - 1) + i;
        let weight = 0.8 + 0.35 * age as f64 / (FLAP_WINDOW - 1) as f64;
        if a == b { 0.0 } else { weight }
    });
    changes.sum::<f64>() / FLAP_WINDOW as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::Dimension;

    const HOUR: TimeDelta = TimeDelta::hours(1);

    fn at(seconds: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn track() -> Track {
        let spec = Signal {
            name: "latency".into(),
            dimension: Dimension::Availability,
            source: "prom".into(),
            query: String::new(),
            unit: String::new(),
            thresholds: Thresholds { crit: Some(10.0), hold: HOUR, ..Thresholds::default() },
            raises: false,
        };
        Track::new(spec, at(0))
    }

    #[test]
    fn an_instant_at_the_end_of_the_calendar_is_survived() {
        for strange in [Instant::MIN_UTC, Instant::MAX_UTC] {
            let mut track = track();
            track.push(strange, 1.0, at(0), HOUR);
            assert_eq!(track.last(), Some(1.0));
            track.backfill(&[(strange, 2.0)], at(0), HOUR);
            track.push(at(1), 3.0, at(1), TimeDelta::MAX);
            assert_eq!(track.last(), Some(3.0));
        }
    }

    #[test]
    fn values_go_on_when_the_clock_was_set_back() {
        let mut track = track();
        track.push(at(7_000), 1.0, at(7_000), HOUR);
        track.push(at(7_200), 20.0, at(7_200), HOUR);
        assert_eq!(track.pending, Some((State::Critical, at(7_200))));
        track.push(at(3_600), 30.0, at(3_600), HOUR);
        assert_eq!(track.points, [(at(3_600), 30.0)]);
        assert_eq!(track.pending, Some((State::Critical, at(3_600))));
        assert!(track.since <= at(3_600));
    }

    #[test]
    fn a_value_from_before_the_clock_was_set_back_far_is_stale() {
        let mut track = track();
        track.push(at(7_200), 1.0, at(7_200), HOUR);
        let minute = TimeDelta::minutes(1);
        assert_eq!(track.state_at(at(7_199), minute), State::Ok);
        assert_eq!(track.state_at(at(3_600), minute), State::Unknown);
    }
}
