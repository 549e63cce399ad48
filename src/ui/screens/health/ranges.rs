//! What sources told of longer ranges than the history in memory covers: asked for while a chart
//! shows them, kept for a while, never waited for.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DurationRound, TimeDelta};

use crate::domain::health::signal::Track;
use crate::domain::text;
use crate::domain::time::{Instant, Stretch};
use crate::ui::cmd::{RangeAnswer, RangeAsk};

/// How many points a range is asked for in.
const POINTS: i32 = 300;
/// How many ranges are kept.
const KEPT: usize = 64;
/// A range is not asked for again before this.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// An answer that did not come until then never will.
const LOST: TimeDelta = TimeDelta::minutes(2);

/// The ranges that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Ranges(Vec<Held>);

#[derive(Debug, Clone)]
struct Held {
    source: Arc<str>,
    query: String,
    span: TimeDelta,
    asked: Instant,
    /// When the newest answer came, if it came since it was asked for.
    told: Option<Instant>,
    points: VecDeque<(Instant, f64)>,
    lack: Option<Lack>,
}

/// What is missing from a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The source was asked and did not answer yet.
    Loading,
    /// It has no past but what is in memory.
    History,
    /// Why it could not tell.
    Failed(String),
}

impl Held {
    fn is(&self, track: &Track, span: TimeDelta) -> bool {
        self.span == span && self.query == track.spec.query && self.source == track.spec.source
    }

    fn is_due(&self, now: Instant) -> bool {
        match (self.told, &self.lack) {
            (None, _) => now - self.asked > LOST,
            (_, Some(Lack::History)) => false,
            (Some(told), Some(_)) => now - told >= AGAIN,
            (Some(told), None) => now - told >= AGAIN.max(self.span / POINTS),
        }
    }
}

/// Whether what is in memory reaches back far enough; a twentieth may be missing.
fn covers(track: &Track, span: TimeDelta, now: Instant) -> bool {
    track.points.front().is_some_and(|p| p.0 <= now - span + span / 20)
}

impl Ranges {
    /// What to ask for now, so that a chart can show that span of a signal.
    pub fn ask(&mut self, track: &Track, span: TimeDelta, now: Instant) -> Option<RangeAsk> {
        if covers(track, span, now) || track.spec.query.is_empty() {
            return None;
        }
        let step = span / POINTS;
        let to = now.duration_trunc(step).unwrap_or(now);
        let ask = RangeAsk {
            source: Arc::clone(&track.spec.source),
            query: track.spec.query.clone(),
            stretch: Stretch { from: to - span, to, step },
        };
        if let Some(held) = self.0.iter_mut().find(|h| h.is(track, span)) {
            if !held.is_due(now) {
                return None;
            }
            (held.asked, held.told) = (now, None);
            return Some(ask);
        }
        if self.0.len() >= KEPT {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, h)| h.asked).map(|(i, _)| i);
            oldest.map(|i| self.0.swap_remove(i));
        }
        self.0.push(Held {
            source: Arc::clone(&ask.source),
            query: ask.query.clone(),
            span,
            asked: now,
            told: None,
            points: VecDeque::new(),
            lack: Some(Lack::Loading),
        });
        Some(ask)
    }

    /// Takes an answer. What was known stays where there is no newer one.
    pub fn answered(&mut self, ask: &RangeAsk, answer: RangeAnswer, now: Instant) {
        let span = ask.stretch.to - ask.stretch.from;
        let mut held = self.0.iter_mut();
        let held = held.find(|h| h.span == span && h.query == ask.query && h.source == ask.source);
        // It may have been dropped in the meantime.
        let Some(held) = held else { return };
        held.told = Some(now);
        held.lack = match answer {
            Ok(Some(points)) => {
                held.points = points.into();
                None
            }
            Ok(None) => Some(Lack::History),
            Err(why) => Some(Lack::Failed(why)),
        };
    }

    /// Nothing of it holds for another plan.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The points of that span, followed by what was measured since; `None`: those of the track.
    pub fn points(
        &self,
        track: &Track,
        span: TimeDelta,
        now: Instant,
    ) -> Option<VecDeque<(Instant, f64)>> {
        let held = self.held(track, span, now)?;
        let last = held.points.back()?.0;
        let newer = track.points.partition_point(|p| p.0 <= last);
        Some(held.points.iter().chain(track.points.range(newer..)).copied().collect())
    }

    /// What the person has to know about a chart of that span, in a few words, and whether it is bad.
    /// `kept`: how much of the past is held in memory; a chart of less fills by itself.
    pub fn note(
        &self,
        track: &Track,
        span: TimeDelta,
        kept: TimeDelta,
        now: Instant,
    ) -> Option<(String, bool)> {
        Some(match self.held(track, span, now)?.lack.as_ref()? {
            Lack::Loading => ("loading".to_owned(), false),
            Lack::Failed(why) => (why.clone(), true),
            Lack::History if span <= kept => return None,
            Lack::History => (format!("history holds {}", text::duration(kept)), false),
        })
    }

    fn held(&self, track: &Track, span: TimeDelta, now: Instant) -> Option<&Held> {
        self.0.iter().find(|h| h.is(track, span)).filter(|_| !covers(track, span, now))
    }
}
