//! Windows that a calendar of others states: what each of its events means.
//!
//! Times are the calendar's. What it is beyond that, an event says by its `CATEGORIES` (a kind, or
//! services), by its `ORGANIZER`, by properties of ours where this program wrote it, or else the
//! source says it for all ([`Terms`]). A calendar says neither who may approve nor what needs no
//! approval unless the source lets it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};

use super::exchange::{DOMAIN, names};
use super::lifecycle::sound;
use super::model::{
    Amendment, BackOut, Basis, ChangeType, Inspection, Item, Kind, Length, Moved, Scope, Window,
    WindowId,
};
use crate::domain::health::ServiceId;
use crate::domain::ical::{self, Event, Status};
use crate::domain::matcher::Matchers;
use crate::domain::observation::SourceName;
use crate::domain::roster::PersonId;
use crate::domain::roster::stated::Callings;
use crate::domain::text::{self, MAX_LINE, clean};
use crate::domain::time::recurrence::STEPS;
use crate::domain::time::{Instant, Interval, Recurrence, before, zone};

/// How far back and ahead windows are looked for.
const REACH: TimeDelta = TimeDelta::days(400);
/// The most windows that one calendar states.
const MOST: usize = 2_000;
/// How many steps all their rules take together at most, over the reach and over two days: the second
/// is what they cost whenever the calendar is looked at.
const ALL_STEPS: u32 = 400_000;
const NEAR_STEPS: u32 = 20_000;
/// The most times that all together list one by one.
const ALL_LISTED: usize = 20_000;
/// Of lists that are longer only what is within the reach is kept.
const LISTED: usize = 100;
const TOGETHER: &str =
    "all rules and lists of this calendar together take too long: export less of it";
/// So many of one kind of trouble are told one by one.
const TOLD: usize = 5;

/// What windows of a calendar are where its events do not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    pub kind: Kind,
    pub scope: Scope,
    /// `None`: as the kind has it.
    pub mutes: Option<bool>,
    pub sla_relevant: Option<bool>,
    /// What an event says goes before where it takes no approval away.
    pub change_type: ChangeType,
    pub owner: Option<PersonId>,
    /// Goes before what an event says.
    pub approver: Option<Arc<str>>,
    /// Whether those are windows, too, of which the calendar says that they leave people free.
    pub transparent: bool,
    /// What categories may call services, in lower case; `None`: several.
    pub services: BTreeMap<String, Option<ServiceId>>,
    /// The name of the site: what it wrote itself is not read back.
    pub site: String,
}

/// What a calendar states.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stated {
    /// In the order of the calendar.
    pub windows: Vec<Arc<Window>>,
    /// What could not be read, or is no window, each with its remedy; bounded.
    pub warnings: Vec<String>,
}

impl Terms {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            scope: Scope::default(),
            mutes: None,
            sla_relevant: None,
            change_type: ChangeType::Normal,
            owner: None,
            approver: None,
            transparent: true,
            services: BTreeMap::new(),
            site: String::new(),
        }
    }

    /// That a category of this name means this service.
    pub fn name_service(&mut self, name: &str, service: &ServiceId) {
        let meant = self.services.entry(folded(name)).or_insert_with(|| Some(service.clone()));
        if meant.as_ref() != Some(service) {
            *meant = None;
        }
    }
}

/// The windows of a calendar that take place not too long before or after `now`.
pub fn stated(
    calendar: &ical::Calendar,
    source: &SourceName,
    terms: &Terms,
    callings: &Callings,
    now: Instant,
) -> Stated {
    let problems = calendar.problems.iter().map(ToString::to_string).collect();
    let warnings = text::abridged(problems, TOLD, "problems of this calendar");
    let mut reader = Reader {
        source,
        terms,
        callings,
        reach: Interval::new(before(now, REACH), before(now, -REACH)),
        near: Interval::new(before(now, TimeDelta::days(1)), before(now, TimeDelta::days(-1))),
        room: Room { steps: ALL_STEPS, near_steps: NEAR_STEPS, listed: ALL_LISTED },
        skipped: Vec::new(),
        out: Stated { windows: Vec::new(), warnings },
    };
    for series in grouped(calendar, &mut reader.skipped) {
        if reader.out.windows.len() == MOST {
            reader.out.warnings.push(format!(
                "it has more than {MOST} events within these two years: the rest is left out; \
                 export less of it"
            ));
            break;
        }
        reader.read(&series);
    }
    let Reader { mut out, skipped, .. } = reader;
    let skipped: Vec<String> = skipped.into_iter().map(|(what, why)| told(&what, &why)).collect();
    out.warnings.extend(text::abridged(skipped, TOLD, "such events"));
    out
}

fn told(what: &str, why: &str) -> String {
    format!("\"{}\" is left out: {why}", clean(what, 60).replace('"', "'"))
}

/// An event, or a series with those that stand instead of single ones.
struct Series<'a> {
    id: String,
    event: &'a Event,
    instead: Vec<&'a Event>,
}

/// What is skipped, and why.
type Skipped = Vec<(String, String)>;

/// The events of a calendar by what they belong to, in its order.
fn grouped<'a>(calendar: &'a ical::Calendar, skipped: &mut Skipped) -> Vec<Series<'a>> {
    let mut out: Vec<Series<'a>> = Vec::new();
    let mut by_uid: HashMap<&str, usize> = HashMap::new();
    for event in calendar.events.iter().filter(|e| e.replaces.is_none()) {
        let id = id_of(event);
        if event.uid.is_empty() {
            out.push(Series { id, event, instead: Vec::new() });
            continue;
        }
        if let Some(other) = by_uid.get(event.uid.as_str()).and_then(|n| out.get_mut(*n)) {
            let why = "another event has the same UID: of both the newer counts".to_owned();
            skipped.push((event.summary.clone(), why));
            if event.sequence >= other.event.sequence {
                other.event = event;
            }
        } else {
            by_uid.insert(&event.uid, out.len());
            out.push(Series { id, event, instead: Vec::new() });
        }
    }
    for event in &calendar.events {
        let Some(original) = event.replaces else { continue };
        if let Some(series) = by_uid.get(event.uid.as_str()).and_then(|n| out.get_mut(*n)) {
            series.instead.push(event);
        } else {
            // One of a series that the calendar does not show.
            let id = format!("{}/{}", id_of(event), original.format("%Y%m%dT%H%M%S"));
            out.push(Series { id, event, instead: Vec::new() });
        }
    }
    out
}

/// By what an event is known: its `UID`, or what it is where it has none.
fn id_of(event: &Event) -> String {
    let uid = event.uid.strip_suffix(DOMAIN).filter(|id| !id.is_empty()).unwrap_or(&event.uid);
    if uid.is_empty() {
        let start = event.when.start.format("%Y%m%dT%H%M%S");
        return clean(&format!("{start} {}", event.summary), 100);
    }
    clean(uid, 200)
}

/// What all windows of a calendar may still cost.
struct Room {
    steps: u32,
    near_steps: u32,
    listed: usize,
}

struct Reader<'a> {
    source: &'a SourceName,
    terms: &'a Terms,
    callings: &'a Callings,
    reach: Interval,
    near: Interval,
    room: Room,
    skipped: Skipped,
    out: Stated,
}

impl Reader<'_> {
    fn read(&mut self, series: &Series) {
        let event = series.event;
        let is_own = !self.terms.site.is_empty()
            && event.extras(names::SITE).any(|site| site == self.terms.site);
        let is_off = event.status == Some(Status::Cancelled) && !is_single(event);
        if is_own || is_off || (event.is_transparent && !self.terms.transparent) {
            return;
        }
        let outcome = self.window(series).and_then(|window| self.fit(window));
        match outcome {
            Ok(window) => self.out.windows.extend(window.map(Arc::new)),
            Err(why) => {
                let names = [&*event.summary, &*event.uid];
                let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or("VEVENT");
                self.skipped.push((name.to_owned(), why));
            }
        }
    }

    /// The window, if it takes place within the reach and costs no more than there is room for.
    fn fit(&mut self, mut window: Window) -> Result<Option<Window>, String> {
        let (reach, zone) = (self.reach, window.zone());
        let from = before(reach.from, window.length.at_most());
        // What hostile rules take is taken from those that follow.
        let limit = self.room.steps.min(STEPS);
        let found = window.recurrence.search(Interval::new(from, reach.to), STEPS as usize, limit);
        self.room.steps = self.room.steps.saturating_sub(found.steps);
        if !found.is_complete {
            let alone = "its rule has too many occurrences, or none for too long; give it an UNTIL";
            return Err(if limit < STEPS { TOGETHER } else { alone }.to_owned());
        }
        let is_near =
            |local: &NaiveDateTime| (from..reach.to).contains(&zone::instant(*local, zone));
        let moved_near = |amendment: &Amendment| match amendment {
            Amendment::Moved(moved) => is_near(&moved.start),
            Amendment::Cancelled => false,
        };
        if found.starts.is_empty() && !window.amended.values().any(moved_near) {
            return Ok(None);
        }
        for list in [&mut window.recurrence.also, &mut window.recurrence.except] {
            if list.len() > LISTED {
                list.retain(is_near);
            }
        }
        if window.amended.len() > LISTED {
            window.amended.retain(|original, a| is_near(original) || moved_near(a));
        }
        let near = window.recurrence.search(self.near, STEPS as usize, self.room.near_steps);
        let lists = window.recurrence.also.len() + window.recurrence.except.len();
        // Each of those is looked for by itself.
        let listed = self.room.listed.checked_sub(lists + window.amended.len() * 10);
        let Some(listed) = listed.filter(|_| near.is_complete) else {
            return Err(TOGETHER.to_owned());
        };
        self.room.near_steps = self.room.near_steps.saturating_sub(near.steps);
        self.room.listed = listed;
        Ok(Some(window))
    }

    fn window(&self, series: &Series) -> Result<Window, String> {
        let (event, terms) = (series.event, self.terms);
        let is_ours = event.extras(names::KIND).next().is_some();
        let kind = self.kind(event);
        let mut window = Window::new("", kind, event.when.clone(), length(event.length));
        window.id = WindowId::imported(self.source, &series.id);
        window.change = text_of(event, names::CHANGE, 60);
        window.summary = summary(event, window.change.as_deref()).into();
        window.scope = if is_ours { written_scope(event)? } else { self.scope(event) };
        let flag = |name| event.extras(name).next().map(|v| v.eq_ignore_ascii_case("TRUE"));
        let mutes = flag(names::MUTES).or(terms.mutes);
        window.mutes = mutes.unwrap_or(kind.is_change());
        let sla_relevant = flag(names::SLA_RELEVANT).or(terms.sla_relevant);
        window.sla_relevant = sla_relevant.unwrap_or(kind.is_change());
        window.change_type = self.change_type(event, &window);
        window.owner = self.owner(event);
        let approver = || text_of(event, names::APPROVER, 60);
        window.approver = terms.approver.clone().or_else(approver);
        window.flexible = length_of(event, names::FLEXIBLE);
        window.checklist = event.extras(names::CHECK).map(Item::parse).collect();
        window.back_out = text_of(event, names::BACK_OUT, 500).map(|plan| {
            let after = length_of(event, names::DECIDE_AFTER).unwrap_or_default();
            BackOut { plan, decide_after: after.seconds }
        });
        window.inspection = (kind == Kind::Inspection).then(|| Inspection {
            basis: event.extras(names::INSPECTION).find_map(basis).unwrap_or(Basis::Scheduled),
            grace: length_of(event, names::GRACE).unwrap_or_default().seconds,
        });
        if event.status == Some(Status::Cancelled) {
            window.amended.insert(event.when.start, Amendment::Cancelled);
        }
        for other in &series.instead {
            let (original, amendment) = amendment(other, &window);
            window.amended.extend(amendment.map(|amendment| (original, amendment)));
        }
        sound(&window).map_err(|refused| refused.why)?;
        Ok(window)
    }

    fn kind(&self, event: &Event) -> Kind {
        let written = event.extras(names::KIND).chain(event.categories.iter().map(String::as_str));
        let word = |text: &str| {
            let text = text.trim().to_lowercase().replace(['-', ' '], "_");
            Kind::ALL.into_iter().find(|kind| kind.word() == text)
        };
        written.into_iter().find_map(word).unwrap_or(self.terms.kind)
    }

    /// What its categories name, or else what the source says.
    fn scope(&self, event: &Event) -> Scope {
        let known = &self.terms.services;
        let named = event.categories.iter().filter_map(|name| known.get(&folded(name))?.clone());
        let mut services: Vec<ServiceId> = Vec::new();
        for service in named {
            if !services.contains(&service) {
                services.push(service);
            }
        }
        if services.is_empty() {
            return self.terms.scope.clone();
        }
        Scope { services, matchers: Vec::new() }
    }

    /// Standard only where the source says so for all, and no more is touched or muted than it says;
    /// what is tentative is not agreed upon.
    fn change_type(&self, event: &Event, window: &Window) -> ChangeType {
        let types = [ChangeType::Standard, ChangeType::Normal, ChangeType::Emergency];
        let written = event.extras(names::CHANGE_TYPE).next();
        let written = written
            .and_then(|word| types.into_iter().find(|t| t.word().eq_ignore_ascii_case(word)));
        let meant = written.unwrap_or(self.terms.change_type);
        let all = &self.terms.scope;
        let is_inside = all.is_empty()
            || (window.scope.services.iter().all(|s| all.services.contains(s))
                && window.scope.matchers.iter().all(|m| all.matchers.contains(m)));
        let is_believed = self.terms.change_type == ChangeType::Standard
            && event.status != Some(Status::Tentative)
            && is_inside
            && (!window.mutes || self.terms.mutes != Some(false));
        if meant == ChangeType::Standard && !is_believed { ChangeType::Normal } else { meant }
    }

    fn owner(&self, event: &Event) -> Option<PersonId> {
        let organizer = event.organizer.as_ref();
        let organizer = organizer.into_iter().flat_map(|party| [&*party.address, &*party.name]);
        let mut texts = event.extras(names::OWNER).chain(organizer);
        let known = texts.find_map(|text| self.callings.person(text)).cloned();
        known.or_else(|| self.terms.owner.clone())
    }
}

fn is_single(event: &Event) -> bool {
    event.when.rule.is_none() && event.when.also.is_empty()
}

/// Without the number of the change, which it is written with.
fn summary(event: &Event, change: Option<&str>) -> String {
    let number = change.map(|number| format!(" ({number})")).unwrap_or_default();
    let summary = event.summary.strip_suffix(&number).unwrap_or(&event.summary);
    clean(summary, MAX_LINE)
}

/// What happens to one of a series instead, by its original start; `None`: nothing else.
fn amendment(event: &Event, window: &Window) -> (NaiveDateTime, Option<Amendment>) {
    let in_zone = |local: NaiveDateTime, when: &Recurrence| {
        let is_same = when.zone == window.zone();
        if is_same { local } else { zone::local(zone::instant(local, when.zone), window.zone()) }
    };
    let original = in_zone(event.replaces.unwrap_or(event.when.start), &event.when);
    if event.status == Some(Status::Cancelled) {
        return (original, Some(Amendment::Cancelled));
    }
    let start = in_zone(event.when.start, &event.when);
    let length = Some(length(event.length)).filter(|l| *l != window.length && !l.is_zero());
    let is_moved = start != original || length.is_some();
    (original, is_moved.then_some(Amendment::Moved(Moved { start, length })))
}

fn written_scope(event: &Event) -> Result<Scope, String> {
    let services = event.extras(names::SERVICE).map(ServiceId::new).collect();
    let matchers = event.extras(names::MATCH).map(|text| {
        Matchers::parse(text).map_err(|e| format!("X-ATALAYA-MATCH cannot be read: {e}"))
    });
    Ok(Scope { services, matchers: matchers.collect::<Result<_, _>>()? })
}

fn text_of(event: &Event, name: &str, most: usize) -> Option<Arc<str>> {
    event.extras(name).next().map(|text| Arc::from(clean(text, most)))
}

fn length_of(event: &Event, name: &str) -> Option<Length> {
    event.extras(name).find_map(ical::Length::parse).map(length)
}

fn length(length: ical::Length) -> Length {
    Length { days: length.days, seconds: length.seconds }
}

/// `SCHEDULED`, or `COMPLETED P3M14D`.
fn basis(text: &str) -> Option<Basis> {
    if text == "SCHEDULED" {
        return Some(Basis::Scheduled);
    }
    let after = text.strip_prefix("COMPLETED P")?.strip_suffix('D')?;
    let (months, days) = after.split_once('M')?;
    Some(Basis::Completed { months: months.parse().ok()?, days: days.parse().ok()? })
}

/// In lower case, with single blanks.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
