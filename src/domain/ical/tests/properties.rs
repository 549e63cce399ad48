//! What is written is read as it was; no text does harm.

use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::*;
use crate::domain::text;

fn any_text() -> impl Strategy<Value = String> {
    "[\\PC,;\\\\\"^:]{0,60}".prop_map(|text| text::clean(&text, 100))
}

fn any_party() -> impl Strategy<Value = Party> {
    (any_text(), "[a-z]{1,8}@[a-z]{1,60}").prop_map(|(name, address)| Party { name, address })
}

fn any_when() -> impl Strategy<Value = (Recurrence, Length, bool)> {
    let rules = [
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=9;BYDAY=MO,SU",
        "FREQ=MONTHLY;UNTIL=20271224;BYDAY=-1FR",
        "FREQ=YEARLY;UNTIL=20301224T110000Z",
    ];
    let local =
        (0_i64..2_000_000).prop_map(|n| time("2025-01-01T00:00:00") + TimeDelta::minutes(n));
    let zone = (0..TZ_VARIANTS.len()).prop_map(|n| TZ_VARIANTS[n]);
    let lists =
        (prop::collection::vec(local.clone(), 0..20), prop::collection::vec(local.clone(), 0..3));
    let rule = prop::option::of(prop::sample::select(rules.to_vec()));
    (local, zone, rule, lists, 0_u32..40, 0_u32..90_000, any::<bool>()).prop_map(
        |(start, zone, rule, (also, except), days, seconds, all_day)| {
            let rule = rule.map(|r| Rule::parse(r).unwrap());
            let length = Length { days, seconds };
            (Recurrence { start, zone, rule, also, except }, length, all_day)
        },
    )
}

/// Events as they are read: those of one day in the calendar's zone, single ones in UTC.
fn any_event() -> impl Strategy<Value = Event> {
    let texts = (any_text(), any_text(), any_text(), prop::collection::vec(any_text(), 0..3));
    let extra = prop::collection::vec(("[A-Z]{1,9}", any_text()), 0..3);
    let people = (prop::option::of(any_party()), prop::collection::vec(any_party(), 0..3));
    let status = prop::sample::select(vec![
        None,
        Some(Status::Tentative),
        Some(Status::Confirmed),
        Some(Status::Cancelled),
    ]);
    (texts, (people, extra), status, any_when(), 0_u32..3, any::<(bool, bool)>(), "[a-z]{1,90}")
        .prop_map(
            |(
                (summary, description, location, categories),
                ((organizer, attendees), extra),
                status,
                (mut when, mut length, all_day),
                sequence,
                (replaces, is_transparent),
                uid,
            )| {
                let midnight =
                    |local: &mut NaiveDateTime| *local = local.date().and_hms_opt(0, 0, 0).unwrap();
                if all_day {
                    when.zone = Europe::Berlin;
                    length = Length::days(length.days.max(1));
                    [&mut when.start]
                        .into_iter()
                        .chain(&mut when.also)
                        .chain(&mut when.except)
                        .for_each(midnight);
                }
                if replaces {
                    (when.rule, when.also) = (None, Vec::new());
                }
                if !all_day
                    && !replaces
                    && extra.is_empty()
                    && when.rule.is_none()
                    && when.also.is_empty()
                {
                    when.zone = Tz::UTC;
                }
                let replaces = replaces.then_some(when.start);
                let categories = categories.into_iter().filter(|c| !c.is_empty()).collect();
                Event {
                    uid,
                    summary,
                    description,
                    location,
                    status,
                    categories,
                    organizer,
                    attendees,
                    sequence,
                    is_transparent,
                    extra,
                    when,
                    all_day,
                    length,
                    replaces,
                }
            },
        )
}

fn any_line() -> impl Strategy<Value = String> {
    "(BEGIN:|END:|VEVENT|VTIMEZONE|STANDARD|DTSTART|DTEND|RRULE|RDATE|TZID|;VALUE=DATE|[:;=,\"\\\\]\
     |20261124|T090000|Z|FREQ=DAILY|P1D|\\PC){0,6}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_as_it_was(
        events in prop::collection::vec(any_event(), 0..4),
        name in any_text(),
    ) {
        let mut calendar = Calendar::new(&name, Europe::Berlin);
        calendar.events = events;
        let written = calendar.write(at("2026-11-20T12:00:00Z"));
        prop_assert!(written.split("\r\n").all(|line| line.len() <= 75));
        prop_assert_eq!(read(&written, Tz::UTC), calendar);
    }

    #[test]
    fn a_single_event_of_any_zone_keeps_its_time(when in any_when()) {
        let (when, length, _) = when;
        let once = Recurrence { rule: None, also: Vec::new(), except: Vec::new(), ..when };
        let mut calendar = Calendar::new("", Tz::UTC);
        calendar.events.push(Event::new("1", "x", once, length));
        let again = read(&calendar.write(at("2026-11-20T12:00:00Z")), Tz::UTC);
        let always = Interval::new(Instant::MIN_UTC, Instant::MAX_UTC);
        let times = |calendar: &Calendar| -> Vec<Interval> {
            calendar.occurrences(always, 9).list.iter().map(|o| o.at).collect()
        };
        prop_assert_eq!(times(&again), times(&calendar));
    }

    #[test]
    fn no_text_is_a_trap(lines in prop::collection::vec(any_line(), 0..30)) {
        let calendar = read(&format!("BEGIN:VCALENDAR\n{}", lines.join("\n")), Tz::UTC);
        calendar.occurrences(year(), 10);
        read(&lines.join("\r\n"), Tz::UTC);
    }
}
