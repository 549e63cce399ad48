//! What can only be checked with everything read: names that must be unique, names that must exist,
//! dependencies that must not turn in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::TimeDelta;

use super::names::Names;
use super::problem::{Place, Report};
use super::reader::Text;
use super::sections::service::ReadService;
use super::sections::source::ReadSource;
use crate::domain::roster::gaps::gaps;
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::stated::Callings;
use crate::domain::roster::{Person, PersonId, Roster, Turns};
use crate::domain::text::duration;
use crate::domain::text::suggest;
use crate::domain::time::{self, Instant, Interval, zone};
use crate::sources::settings::{Alertmanager, Icinga2, Kind, Meaning, SourceSettings};

/// How far ahead gaps are looked for.
const AHEAD: TimeDelta = TimeDelta::days(30);

/// Known origins; and `alerts` of a Prometheus is off where an Alertmanager is read,
/// unless it was set.
pub fn sources(report: &Report, list: &mut [ReadSource<'_>], names: &[(String, &'static str)]) {
    for source in list.iter() {
        for origin in &source.origins {
            let found = names.iter().find(|(n, _)| n == origin.value).map(|(_, kind)| *kind);
            let known: Vec<&str> =
                names.iter().filter(|(_, k)| *k == "prometheus").map(|(n, _)| n.as_str()).collect();
            match found {
                Some("prometheus") => {}
                Some(kind) => {
                    let message =
                        format!("origin \"{}\" is a {kind}, not a prometheus", origin.value);
                    report.error(
                        origin.at,
                        message,
                        suggest("", &known, "defined prometheus sources"),
                    );
                }
                None => {
                    let message = format!("unknown source \"{}\" in sources.origins", origin.value);
                    let meant = || suggest(origin.value, &known, "defined prometheus sources");
                    report.error(origin.at, message, report.remedy(meant));
                }
            }
        }
    }
    let alertmanager = names.iter().any(|(_, kind)| *kind == "alertmanager");
    for source in list.iter_mut().filter(|s| s.alerts_open) {
        if let Kind::Prometheus(prometheus) = &mut source.settings.kind {
            prometheus.alerts = !alertmanager;
        }
    }
    for source in list.iter() {
        let SourceSettings { name, interval, timeout, .. } = &source.settings;
        if let Some(at) = source.timeout_at.filter(|_| *timeout > interval.saturating_mul(3)) {
            let message = format!("\"{name}\" may wait longer than it counts as fresh");
            report.warn(at, message, "make timeout at most three times interval");
        }
    }
}

/// Unique ids, known dependencies and parents, no circles.
pub fn services<'a>(
    report: &Report,
    list: &[ReadService<'a>],
    sources: &[ReadSource<'_>],
) -> Names<'a> {
    let mut names = Names::new("service", "services");
    for read in list {
        names.give(report, read.id);
    }
    let named = |text: &Text<'_>, key: &str| {
        names.refer(report, *text, key);
    };
    for read in list {
        read.depends_on.iter().for_each(|t| named(t, "services.depends_on"));
        read.parent.iter().for_each(|t| named(t, "services.parent"));
    }
    for source in sources {
        source.services.iter().for_each(|t| named(t, "sources.states"));
        // Where the plan has no services of its own, all come from sources, which are not asked here.
        if !list.is_empty() {
            source.named.services.iter().for_each(|t| named(t, "sources.windows.services"));
        }
    }
    circles(report, list, "depends on", |s| s.depends_on.iter().map(|t| (t.value, t.at)).collect());
    circles(report, list, "is inside", |s| s.parent.iter().map(|t| (t.value, t.at)).collect());
    names
}

/// Reports each circle once, at the link that closes it.
fn circles<'a>(
    report: &Report,
    list: &[ReadService<'a>],
    verb: &str,
    links: impl Fn(&ReadService<'a>) -> Vec<(&'a str, Place)>,
) {
    let graph: BTreeMap<&str, Vec<(&str, Place)>> =
        list.iter().map(|s| (s.service.id.as_str(), links(s))).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in graph.keys() {
        // Depth first without recursion: the path so far, and how many links of each were followed.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((id, next)) = path.last_mut() {
            let link = graph.get(id).and_then(|l| l.get(*next)).copied();
            *next += 1;
            let id = *id;
            match link {
                _ if done.contains(id) => {
                    path.pop();
                }
                None => {
                    done.insert(id);
                    path.pop();
                }
                Some((to, at)) => match path.iter().position(|(p, _)| *p == to) {
                    Some(from) => {
                        let way: Vec<&str> =
                            path.iter().skip(from).map(|(p, _)| *p).chain([to]).collect();
                        let message = format!("\"{to}\" {verb} itself: {}", way.join(" → "));
                        report.error(at, message, "take one of these links out");
                    }
                    None if graph.contains_key(to) => path.push((to, 0)),
                    None => {}
                },
            }
        }
    }
}

/// Warns once of each schedule that somebody counts on and that has gaps soon.
pub fn coverage(report: &Report, roster: &Roster, counted_on: &[Text<'_>], now: Instant) {
    let within = Interval::new(now, time::before(now, -AHEAD));
    let mut told = BTreeSet::new();
    for text in counted_on.iter().filter(|text| told.insert(text.value)) {
        let Some(schedule) = roster.schedule(text.value) else { continue };
        // What a calendar states is not known here; one without layers was told of.
        let is_imported = schedule.layers.iter().any(|l| matches!(l.turns, Turns::Calendar(_)));
        if is_imported || schedule.layers.is_empty() {
            continue;
        }
        let none = Imported::new();
        let shifts = final_shifts(schedule, &[], &none, within);
        let gaps = gaps(schedule, &shifts, &[], &none, within);
        let Some(first) = gaps.first() else { continue };
        let total = gaps.iter().fold(TimeDelta::zero(), |sum, gap| sum + gap.at.length());
        let local = |at| zone::local(at, schedule.zone).format("%a %d %b %H:%M");
        let message = format!(
            "nobody is on call in \"{}\" for {} of the next {}: {}, first {} to {}",
            schedule.id,
            duration(total),
            duration(AHEAD),
            first.why.text(),
            local(first.at.from),
            local(first.at.to),
        );
        let remedy = "add a layer for these hours, or take them out of coverage";
        report.foretell(text.at, message, remedy);
    }
}

/// Tells calendars of windows what services are called.
pub fn touched(sources: &mut [ReadSource<'_>], services: &[ReadService<'_>]) {
    for source in sources {
        let meaning = source.settings.kind.meaning_mut();
        let Some(terms) = meaning.and_then(|meaning| meaning.windows.as_mut()) else { continue };
        for read in services {
            terms.name_service(&read.service.name, &read.service.id);
        }
        // An id goes before what another is called.
        for read in services {
            let id = &read.service.id;
            terms.services.insert(id.as_str().to_lowercase(), Some(id.clone()));
        }
    }
}

/// Tells calendars what the people of the team are called.
pub fn callings(
    report: &Report,
    sources: &mut [ReadSource<'_>],
    known: &Names<'_>,
    people: &BTreeMap<PersonId, Arc<Person>>,
) {
    for source in sources {
        for person in &source.people {
            known.refer(report, *person, "sources.people");
        }
        if let Some(owner) = source.named.owner {
            known.refer(report, owner, "sources.windows.owner");
        }
        if let Some(meaning) = source.settings.kind.meaning_mut() {
            let team = people.values().map(AsRef::as_ref);
            meaning.callings = Callings::new(team, &meaning.people);
        }
    }
}

/// A number that changes with the source's settings and with what is asked of it.
pub fn digest(source: &ReadSource<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    source.digest.hash(&mut hasher);
    for ask in &source.settings.asks {
        (ask.service.as_str(), &*ask.signal, &ask.query).hash(&mut hasher);
    }
    if let Kind::Prometheus(p) = &source.settings.kind {
        p.alerts.hash(&mut hasher);
        p.backfill.hash(&mut hasher);
    }
    if let Kind::Alertmanager(Alertmanager { mirror, acknowledge, .. })
    | Kind::Icinga2(Icinga2 { mirror, acknowledge, .. }) = &source.settings.kind
    {
        [mirror, acknowledge].map(|o| o.as_ref().map(ToString::to_string)).hash(&mut hasher);
    }
    if let Some(Meaning { callings, windows, .. }) = source.settings.kind.meaning() {
        format!("{callings:?} {windows:?}").hash(&mut hasher);
    }
    if let Kind::Ical(ical) = &source.settings.kind {
        ical.zone.hash(&mut hasher);
    }
    hasher.finish()
}
