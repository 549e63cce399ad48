//! Up and down as the console itself sees it: states looked at again and again, and incidents.

use super::series::{BUCKET, Bucket, MICRO, begin, index};
use super::trouble::Trouble;
use crate::domain::health::{ServiceId, State};
use crate::domain::incident::{Incident, Priority};
use crate::domain::time::{Instant, Interval, Intervals};

/// What was between two looks that are further apart is unknown, in milliseconds.
const BLIND_AFTER: i64 = 60_000;

/// Adds up how long something was up and down. What it was at one look it was until the next.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    last: Option<(Instant, Option<bool>)>,
    current: i64,
    /// Milliseconds of the current bucket.
    up: i64,
    down: i64,
}

/// Whether a state counts as up; `None`: it says nothing.
pub fn is_up(state: State) -> Option<bool> {
    match state {
        State::Ok | State::Warning | State::Maintenance => Some(true),
        State::Critical => Some(false),
        State::Unknown => None,
    }
}

impl Recorder {
    /// Goes on with a bucket of which this much was seen before, by a process that ended.
    pub fn resuming(number: i64, seen: Option<Bucket>) -> Self {
        let (up, all) = seen.map_or((0, 0), |seen| (seen.good / MICRO, i64::from(seen.seen)));
        let up = i64::try_from(up).unwrap_or(all).min(all);
        Self { last: None, current: number, up: up * 1_000, down: (all - up) * 1_000 }
    }

    /// Looks at it; gives the buckets that changed, the current one last. A clock that goes back makes
    /// what was unknown, and nothing else.
    pub fn look(&mut self, now: Instant, is_up: Option<bool>) -> Vec<(i64, Bucket)> {
        let before = self.last.replace((now, is_up));
        let Some((then, was)) = before.filter(|(then, _)| *then <= now) else {
            // At the first look what was seen of the bucket before goes on.
            if before.is_some() || self.current != index(now) {
                self.begin(index(now));
            }
            return Vec::new();
        };
        let mut changed = Vec::new();
        let is_known = (now - then).num_milliseconds() <= BLIND_AFTER;
        if self.current != index(then) {
            self.begin(index(then));
        }
        let mut from = then;
        while let Some(was) = was.filter(|_| is_known) {
            let to = begin(self.current + 1).min(now);
            let length = (to - from).num_milliseconds();
            *(if was { &mut self.up } else { &mut self.down }) += length;
            changed.extend(self.bucket().map(|bucket| (self.current, bucket)));
            if to == now && index(now) == self.current {
                return changed;
            }
            self.begin(self.current + 1);
            from = to;
            if from == now {
                return changed;
            }
        }
        if index(now) != self.current {
            self.begin(index(now));
        }
        changed
    }

    fn begin(&mut self, bucket: i64) {
        (self.current, self.up, self.down) = (bucket, 0, 0);
    }

    fn bucket(&self) -> Option<Bucket> {
        let seconds = |millis: i64| ((millis + 500) / 1_000).clamp(0, BUCKET);
        let (seen, down) = (seconds(self.up + self.down), seconds(self.down));
        let down = down.min(seen);
        (seen > 0).then(|| Bucket::of_time((seen - down) as u16, down as u16))
    }
}

/// When a service was down because of an incident: of at least that priority, if it counts, from when the
/// trouble began until it was over; not while a window muted it whose time is planned downtime.
pub fn downtime(
    incident: &Incident,
    service: &ServiceId,
    least: Priority,
    now: Instant,
) -> Intervals {
    let trouble = Trouble::of(incident, service).filter(|t| t.counts && t.priority <= least);
    let down = trouble.map_or_else(Intervals::empty, |trouble| trouble.at(now).into());
    down.difference(&incident.planned(now))
}

/// The buckets from `from` on and before `to`, in which it was down at these times. In so many seconds of
/// each as somebody watched it was up unless it was down; of the others only what was down is known.
pub fn of_downtime(
    down: &Intervals,
    (from, to): (i64, i64),
    watched: impl Fn(i64) -> i64,
) -> Vec<(i64, Bucket)> {
    let within = down.within(Interval::new(begin(from), begin(to)));
    let mut pieces = within.iter().peekable();
    let bucket = |number| {
        let whole = Interval::new(begin(number), begin(number + 1));
        let mut lost = 0_i64;
        while let Some(piece) = pieces.peek() {
            if let Some(part) = piece.overlap(whole) {
                // Whole seconds, so that pieces add up.
                lost += part.to.timestamp() - part.from.timestamp();
            }
            if piece.to > whole.to || pieces.next().is_none() {
                break;
            }
        }
        let lost = lost.clamp(0, BUCKET);
        // That it was down while nobody watched takes nothing of what is known to be good, and adds none.
        let up = (watched(number) - lost).clamp(0, BUCKET - lost);
        (number, Bucket::of_time(up as u16, lost as u16))
    };
    (from..to).map(bucket).filter(|(_, bucket)| bucket.seen > 0).collect()
}
