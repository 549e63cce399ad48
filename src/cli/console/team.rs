//! The people of the demo: a config file whose days are counted from the start of its time.

use chrono::{Datelike, TimeDelta};

use crate::config::{self, Config, Problems, Surroundings};
use crate::domain::time::Instant;

const TEAM: &str = include_str!("../../../assets/demo-team.toml");

/// The team as of the start of the demo.
pub fn team(around: &Surroundings, start: Instant) -> Result<Config, Problems> {
    config::of_text("demo-team.toml", dated(TEAM, start), around, start)
}

/// The text with days for `<today+24>`, and for `<monday-56>`, which counts from the Monday before; and
/// with the time of `<now-35>`, which counts minutes.
fn dated(text: &str, start: Instant) -> String {
    let today = start.date_naive();
    let monday = today - TimeDelta::days(i64::from(today.weekday().num_days_from_monday()));
    let day = |mark: &str| {
        let (from, days) = match mark.strip_prefix("monday") {
            Some(days) => (monday, days),
            None => (today, mark.strip_prefix("today")?),
        };
        from.checked_add_signed(TimeDelta::try_days(days.parse().ok()?)?)
    };
    let time = |mark: &str| {
        let minutes = TimeDelta::try_minutes(mark.strip_prefix("now")?.parse().ok()?)?;
        let at = start.checked_add_signed(minutes)?;
        Some(at.format("%Y-%m-%d %H:%M").to_string())
    };
    let mut pieces = text.split('<');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (mark, rest) = piece.split_once('>').unwrap_or((piece, ""));
        let found = time(mark).or_else(|| day(mark).map(|day| day.to_string()));
        out += found.as_deref().unwrap_or(mark);
        out += rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::domain::calendar::suppression::in_force;
    use crate::domain::roster::gaps::double_bookings;
    use crate::domain::roster::shifts::{Imported, final_shifts};
    use crate::domain::time::Interval;

    /// A year of starts: every day of the week, every change of clocks.
    fn starts() -> impl Iterator<Item = Instant> {
        let first: Instant = "2026-11-24T12:00:00Z".parse().unwrap();
        (0..366).map(move |n| first + TimeDelta::days(n) + TimeDelta::minutes(n * 7))
    }

    #[test]
    fn the_team_is_in_order_but_for_a_gap_and_a_certificate_whenever_it_begins() {
        for start in starts().step_by(5) {
            let team = team(&Surroundings::of_process(), start).unwrap_or_else(|e| panic!("{e}"));
            let said: Vec<&str> = team.warnings.0.iter().map(|w| w.message.as_str()).collect();
            let [certificate, gap] = said.as_slice() else { panic!("{start}: {said:?}") };
            assert!(certificate.contains("of tom expires on"), "{certificate}");
            assert!(gap.contains("nobody is on call in \"network\""), "{gap}");
        }
    }

    #[test]
    fn one_window_is_in_force_and_the_others_are_to_come_whenever_it_begins() {
        for start in starts().step_by(31) {
            let team = team(&Surroundings::of_process(), start).unwrap();
            let mut calendar = Calendar::default();
            calendar.set_plan(&team.plan.windows, start);
            let weeks = Interval::new(start, start + TimeDelta::days(14));
            let all = calendar.occurrences(weeks, start);
            let now: Vec<_> =
                in_force(&all, start).into_iter().map(|o| o.key.window.to_string()).collect();
            assert_eq!(now, ["ci-runners"], "{start}");
            let kinds: BTreeSet<_> = all.iter().map(|o| o.window.kind.word()).collect();
            assert_eq!(kinds.len(), 8, "{kinds:?}");
        }
    }

    #[test]
    fn eight_people_in_three_zones_are_never_on_call_twice_at_once() {
        for start in starts().step_by(31) {
            let team = team(&Surroundings::of_process(), start).unwrap();
            let roster = &team.plan.roster;
            let zones: BTreeSet<&str> = roster.people.values().map(|p| p.zone.name()).collect();
            assert_eq!((roster.people.len(), zones.len()), (8, 3));
            assert_eq!((roster.schedules.len(), roster.policies.len()), (3, 2));
            let month = Interval::new(start, start + TimeDelta::days(30));
            let none = Imported::new();
            let finals = roster.schedules.iter();
            let finals: Vec<_> =
                finals.map(|s| (s.id.clone(), final_shifts(s, &[], &none, month))).collect();
            assert_eq!(double_bookings(&finals), [], "{start}");
            let busy: BTreeSet<_> = finals.iter().flat_map(|f| &f.1).map(|s| &s.person).collect();
            assert_eq!(busy.len(), 8, "{busy:?}");
        }
    }
}
