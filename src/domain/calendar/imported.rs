//! Windows that a calendar of others states: they are seen, never stored. What people did about
//! single occurrences of them is stored, by their keys.

use std::sync::Arc;

use super::model::{Amendment, Window, WindowId};
use super::state::{Calendar, Source, Version, Windows, reach};
use crate::domain::observation::SourceName;
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Instant, Interval, before, zone};

/// So many versions that are no longer in force are kept of one calendar, for what took place.
const KEPT: usize = 2_000;
/// How many starts near a change are looked at.
const LOOKED_AT: usize = 1_500;

impl Calendar {
    /// What a calendar of others states; `None`: it was not read yet.
    pub fn imported(&self, source: &str) -> Option<&Windows> {
        self.imported.get(source)
    }

    /// Takes over what a calendar states from `at` on. What was over by then stays as it was; what is
    /// under way is as the calendar says now: prolonged, cut short, or gone.
    pub fn set_imported(&mut self, source: &SourceName, windows: &Windows, at: Instant) {
        let known = self.imported.insert(Arc::clone(source), Arc::clone(windows));
        let before: &[Arc<Window>] = known.as_deref().unwrap_or_default();
        let ids: std::collections::BTreeSet<&WindowId> = windows.iter().map(|w| &w.id).collect();
        for gone in before.iter().filter(|w| !ids.contains(&w.id)) {
            if let Some(versions) = self.windows.get_mut(&gone.id) {
                end(versions, None, at);
                if versions.is_empty() {
                    self.windows.remove(&gone.id);
                }
            }
        }
        for window in windows.iter() {
            let versions = self.windows.entry(window.id.clone()).or_default();
            let same = |v: &Version| v.is_current() && v.window == *window;
            if !versions.last().is_some_and(same) {
                let from = end(versions, Some(window), at);
                let starts = Interval::new(from, Instant::MAX_UTC);
                let (source, since) = (Source::Imported, Instant::MIN_UTC);
                versions.push(Version { window: Arc::clone(window), source, starts, since });
            }
        }
        self.forget_old(source);
    }

    /// Forgets the calendars that no source reads any more.
    pub fn keep_imported(&mut self, is_read: impl Fn(&str) -> bool, at: Instant) {
        let gone: Vec<_> = self.imported.keys().filter(|name| !is_read(name)).cloned().collect();
        for source in gone {
            self.set_imported(&source, &Windows::default(), at);
            self.imported.remove(&source);
        }
    }

    /// A calendar that has other windows each time must not fill the memory.
    fn forget_old(&mut self, source: &SourceName) {
        let ours = |v: &&Version| v.window.id.calendar() == Some(source);
        let old = self.windows.values().flatten().filter(ours).filter(|v| !v.is_current());
        let mut ends: Vec<Instant> = old.map(|v| v.starts.to).collect();
        let Some(too_many) = ends.len().checked_sub(KEPT + 1) else { return };
        let (_, last, _) = ends.select_nth_unstable(too_many);
        let last = *last;
        self.windows.retain(|id, versions| {
            if id.calendar() == Some(source) {
                versions.retain(|v| v.is_current() || v.starts.to > last);
            }
            !versions.is_empty()
        });
    }
}

/// Ends the version in force where the next one begins: with the first occurrence that is not over by
/// one of them. One of which nothing took place is no longer there.
fn end(versions: &mut Vec<Version>, next: Option<&Window>, at: Instant) -> Instant {
    let Some(last) = versions.last_mut() else { return Instant::MIN_UTC };
    if !last.is_current() {
        return last.starts.to;
    }
    let open = [Some(&*last.window), next].into_iter().flatten();
    let from = open.filter_map(|w| first_open(w, at)).fold(at, Instant::min);
    last.starts.to = from.max(last.starts.from);
    let from = last.starts.to;
    if last.window.recurrence.between(last.starts, 1).is_empty() {
        versions.pop();
    }
    // What is left of the ones before it stays where it is.
    versions.last().map_or(if next.is_some() { Instant::MIN_UTC } else { from }, |_| from)
}

/// The original start of the first occurrence that began before `at` and is not over then.
fn first_open(window: &Window, at: Instant) -> Option<Instant> {
    let zone = window.zone();
    let near = Interval::new(before(at, reach(window)), at);
    let starts = window.recurrence.between(near, LOOKED_AT).into_iter();
    let running = starts.filter(|s: &Start| window.length.after(*s, zone) > at).map(|s| s.at);
    let moved = window.amended.iter().filter_map(|(original, amendment)| match amendment {
        Amendment::Moved(moved) => {
            let planned = window.planned(moved.start, moved.length.unwrap_or(window.length));
            (planned.to > at).then(|| zone::instant(*original, zone))
        }
        Amendment::Cancelled => None,
    });
    running.chain(moved).filter(|original| *original < at).min()
}
