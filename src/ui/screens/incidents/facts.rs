//! What is known of one incident, as labelled lines: the detail panel and the full-screen view.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::similar;
use super::timeline::{self, nth, standing};
use super::{actions, clocks};
use crate::domain::calendar::suppression::mutes;
use crate::domain::calendar::{Occurrence, Status};
use crate::domain::incident::{Incident, IncidentId, IncidentState, Priority};
use crate::domain::observation::{AlertStatus, SourceState};
use crate::domain::outbox::Standing;
use crate::domain::paging::{Delivery, Phase, Progress, escalate};
use crate::domain::roster::escalation::Target;
use crate::domain::roster::shifts::on_call_at;
use crate::domain::roster::{PersonId, Schedule};
use crate::domain::text::{duration, is_web};
use crate::domain::time::{Instant, Interval, TimeStyle, near, show};
use crate::engine::Snapshot;
use crate::ui::screens::silences;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, Piece, width};

/// How wide the labels are.
const LABEL: u16 = 9;
/// How far before the trouble, and how far ahead, what is planned is looked at; how much of it is shown.
const BEFORE: TimeDelta = TimeDelta::hours(2);
const AHEAD: TimeDelta = TimeDelta::hours(24);
const PLANNED: usize = 3;
/// As a source tells who has an alert there.
const ACKNOWLEDGED: &str = "acknowledged by ";
/// How many related incidents are named.
const NAMED: usize = 6;

/// What the lines are made for.
#[derive(Clone, Copy)]
pub struct Eye<'a> {
    pub world: &'a Snapshot,
    pub now: Instant,
    pub style: TimeStyle,
    pub theme: &'a Theme,
}

impl Eye<'_> {
    pub fn zone(&self) -> Tz {
        self.world.site.zone
    }

    /// An instant with its age: `13:58:02, 5m ago`.
    pub fn when(&self, at: Instant) -> String {
        let ago = duration(self.now.signed_duration_since(at));
        match self.style {
            TimeStyle::Relative => format!("{ago} ago"),
            style => format!("{}, {ago} ago", show(at, self.now, self.zone(), style)),
        }
    }

    /// An instant as a column of times shows it: never as an age, which would not line up.
    pub fn clock(&self, at: Instant) -> String {
        let style = match self.style {
            TimeStyle::Relative => TimeStyle::Local,
            style => style,
        };
        show(at, self.now, self.zone(), style)
    }
}

/// The colour of a state.
pub fn state_style(theme: &Theme, state: IncidentState) -> Style {
    theme.of(match state {
        IncidentState::New => Role::Strong,
        IncidentState::Acknowledged => Role::Ok,
        IncidentState::OnHold => Role::Maintenance,
        IncidentState::Resolved | IncidentState::Closed | IncidentState::Cancelled => Role::Muted,
    })
}

/// The sign before a priority, so that it can be told without colour.
pub fn priority_sign(theme: &Theme, priority: Priority) -> &'static str {
    match priority.0 {
        1 => theme.symbols.critical,
        2 => theme.symbols.warning,
        3 => theme.symbols.ok,
        _ => theme.symbols.dot,
    }
}

/// Our own signs in a text as this terminal can show them.
pub fn plain<'a>(theme: &Theme, text: &'a str) -> Cow<'a, str> {
    if theme.is_ascii() {
        Cow::Owned(text.replace('×', "x").replace('→', "->").replace('·', "-"))
    } else {
        Cow::Borrowed(text)
    }
}

/// `high`, `medium`, `low` for 1 to 3.
fn level(n: u8) -> &'static str {
    match n {
        1 => "high",
        2 => "medium",
        _ => "low",
    }
}

/// One labelled fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub label: &'static str,
    /// Pieces of one line, broken before links; a single piece may be long and is wrapped.
    pub value: Vec<Piece>,
}

fn fact(label: &'static str, value: impl Into<String>, style: Style) -> Fact {
    Fact { label, value: vec![Piece::new(value, style)] }
}

/// How many lines the facts take in `width` cells.
pub fn height(facts: &[Fact], room: u16) -> usize {
    facts.iter().map(|fact| split(fact, room).len().max(1)).sum()
}

/// The facts as lines of at most `width` cells.
pub fn lines(facts: &[Fact], theme: &Theme, width: u16) -> Vec<Vec<Piece>> {
    let label = theme.of(Role::Muted);
    let mut lines = Vec::new();
    for fact in facts {
        for (n, mut line) in split(fact, width).into_iter().enumerate() {
            if !fact.label.is_empty() {
                let name = if n == 0 { fact.label } else { "" };
                line.insert(0, Piece::new(format!("{name:<0$}", usize::from(LABEL)), label));
            }
            lines.push(line);
        }
    }
    lines
}

/// Draws the facts from line `skip` on.
pub fn paint(facts: &[Fact], paint: &mut Paint<'_>, area: Rect, skip: usize) {
    let lines = lines(facts, paint.theme, area.width);
    for (line, y) in lines.iter().skip(skip).zip(area.top()..area.bottom()) {
        paint.pieces(area.x, y, area.width, line);
    }
}

/// The lines of one fact.
fn split(fact: &Fact, room: u16) -> Vec<Vec<Piece>> {
    let room = if fact.label.is_empty() { room } else { room.saturating_sub(LABEL) };
    if let [piece] = fact.value.as_slice() {
        let lines = wrap(&piece.text, room).into_iter();
        return lines.map(|text| vec![Piece { text, ..piece.clone() }]).collect();
    }
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for piece in &fact.value {
        let cells = width(&piece.text);
        if piece.url.is_some() && used > 0 && used + cells > room {
            lines.push(Vec::new());
            used = 0;
        }
        used += cells;
        if let Some(line) = lines.last_mut() {
            line.push(piece.clone());
        }
    }
    lines
}

/// Everything worth knowing, the most urgent first.
pub fn of(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let theme = eye.theme;
    let text = theme.of(Role::Text);
    let state = standing(incident, eye.now, eye.zone());
    let sign = format!("{} {}", priority_sign(theme, incident.priority), incident.priority);
    let first = vec![
        Piece::new(sign, theme.priority(incident.priority)),
        Piece::new("  ", text),
        Piece::new(state, state_style(theme, incident.state())),
    ];
    let mut lines = vec![Fact { label: "", value: first }];
    lines.extend(doubts(incident, eye));
    let mut class = format!(
        "impact {} × urgency {} → {}",
        level(incident.impact),
        level(incident.urgency),
        incident.priority
    );
    if !incident.category.is_empty() {
        let _ = write!(class, "   category {}", incident.category);
    }
    lines.push(fact("class", plain(theme, &class).into_owned(), text));
    lines.push(fact("opened", opened(incident, eye), text));
    lines.extend(clocks::facts(incident, eye));
    lines.extend(paging(incident, eye));
    for (label, words) in [
        ("found", timeline::found(incident)),
        ("feedback", timeline::feedback(incident)),
        ("merged", timeline::merged(incident)),
    ] {
        if !words.is_empty() {
            lines.push(fact(label, plain(theme, &words).into_owned(), text));
        }
    }
    lines.extend(alerts(incident, theme));
    lines.extend(upstream(incident, eye));
    lines.push(service(incident, eye));
    lines.extend(leads(incident, eye));
    lines.extend(related(incident, eye));
    lines.extend(similar::facts(incident, eye));
    lines.extend(on_call(incident, eye));
    lines.extend(planned(incident, eye));
    for (key, label) in [("summary", "summary"), ("description", "about"), ("message", "message")] {
        if let Some(words) = incident.annotations.get(key).filter(|w| **w != incident.title) {
            lines.push(fact(label, words.lines().collect::<Vec<_>>().join(" "), text));
        }
    }
    let steps = timeline::passed(incident, &eye.world.plan.policy.process, eye.now);
    lines.push(fact("process", plain(theme, &steps).into_owned(), theme.of(Role::Muted)));
    if !incident.labels.is_empty() {
        let list: Vec<String> =
            incident.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.push(fact("labels", list.join("  "), theme.of(Role::Muted)));
    }
    lines
}

/// Reasons not to trust what is shown.
fn doubts(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let theme = eye.theme;
    let ago = |at: Instant| duration(eye.now.signed_duration_since(at));
    let mut lines = Vec::new();
    let mut doubt = |text: String| {
        let sign = theme.symbols.unknown;
        lines.push(fact("", format!("{sign} {text}"), theme.of(Role::Unknown)));
    };
    if let Some(since) = incident.unverified_since {
        doubt(format!("unverified for {}: its alerts are gone, not proven clear", ago(since)));
    }
    let source = eye.world.sources.iter().find(|source| source.name == incident.source);
    if let Some(SourceState::Failing { since, error, .. }) = source.map(|s| &s.state) {
        doubt(format!("{} cannot be reached for {}: {error}", incident.source, ago(*since)));
    }
    if let Some(by) = &incident.maintenance {
        let sign = theme.symbols.maintenance;
        let text = format!("{sign} in maintenance for {}: {}", ago(by.since), by.title);
        lines.push(fact("", text, theme.of(Role::Maintenance)));
    }
    if let Some(snooze) = &incident.standing.snoozed {
        let left = duration(snooze.until.signed_duration_since(eye.now));
        let text = format!("snoozed by {} for another {left}; the clocks run on", snooze.by);
        lines.push(fact("", text, theme.of(Role::Maintenance)));
    }
    if let Some(drill) = &incident.drill {
        let text = format!("part of the drill {drill}: outside of service levels");
        lines.push(fact("", text, theme.of(Role::Muted)));
    }
    if incident.excluded {
        let text = "left out of service levels by a correction";
        lines.push(fact("", text, theme.of(Role::Muted)));
    }
    if let Some(since) = incident.flapping_since {
        let sign = theme.symbols.warning;
        let text = format!("{sign} flapping for {}", ago(since));
        lines.push(fact("", text, theme.of(Role::Warning)));
    }
    lines
}

fn opened(incident: &Incident, eye: &Eye<'_>) -> String {
    let mut text = format!("{} by {}", eye.when(incident.opened_at), incident.reported_by.name);
    let began = incident.opened_at - incident.started_at;
    if began.num_seconds() >= 60 {
        let _ = write!(text, ", had begun {} before", duration(began));
    }
    text
}

/// How far the paging has come: `core level 1, Ana Ruiz; goes on in 4m`.
fn paging(incident: &Incident, eye: &Eye<'_>) -> Option<Fact> {
    let Progress { policy, level, round, at, people, phase } = incident.escalation.as_ref()?;
    let roster = &eye.world.plan.roster;
    let whom: Vec<&str> = people.iter().map(|id| roster.name(id)).collect();
    let whom = if whom.is_empty() { "nobody".to_owned() } else { whom.join(", ") };
    let again = if *round > 1 { format!(", round {round}") } else { String::new() };
    let (then, role) = match phase {
        Phase::Waiting { until } if !incident.is_open() || *until <= eye.now => {
            (String::new(), Role::Text)
        }
        Phase::Waiting { until } => {
            (format!("; goes on in {}", duration(*until - eye.now)), Role::Warning)
        }
        Phase::Stopped => (String::new(), Role::Muted),
        Phase::Exhausted => ("; nobody acknowledged, it is exhausted".to_owned(), Role::Critical),
    };
    let (lost, role) = if has_reached_nobody(incident, (people, *at), eye) {
        (", but it has reached nobody: every try failed", Role::Critical)
    } else {
        ("", role)
    };
    let text = format!("{policy} level {level}{again}: {whom}, {}{lost}{then}", eye.when(*at));
    Some(fact("paging", text, eye.theme.of(role)))
}

/// Whether every page of a level has been tried, and none has arrived.
fn has_reached_nobody(
    incident: &Incident,
    (people, at): (&[PersonId], Instant),
    eye: &Eye<'_>,
) -> bool {
    let pages = eye.world.pages.about(incident.id);
    let mut pages = pages.filter(|p| p.at >= at && people.contains(&p.what.person)).peekable();
    let failed = |d: &Delivery| !d.failed.is_empty() || d.standing.is_settled();
    pages.peek().is_some()
        && pages.all(|page| !page.has_arrived() && page.deliveries.iter().all(failed))
}

fn alerts(incident: &Incident, theme: &Theme) -> Option<Fact> {
    if incident.alerts.is_empty() {
        return None;
    }
    let (all, firing) = (incident.alerts.len(), incident.firing());
    let held = |wanted: fn(&AlertStatus) -> bool| {
        incident.alerts.values().filter(|a| a.cleared_at.is_none() && wanted(&a.status)).count()
    };
    let silenced = held(|status| matches!(status, AlertStatus::Silenced { .. }));
    let inhibited = held(|status| matches!(status, AlertStatus::Inhibited { .. }));
    let mut text = match (all, firing) {
        (1, 1) => "1 firing".to_owned(),
        (1, _) => "1, cleared".to_owned(),
        (_, 0) => format!("all {all} cleared"),
        _ if firing == all => format!("{all} firing"),
        _ => format!("{firing} of {all} firing"),
    };
    for (n, word) in [(silenced, "silenced"), (inhibited, "inhibited")] {
        if n > 0 {
            let _ = write!(text, ", {n} {word}");
        }
    }
    let role = if firing > 0 { Role::Text } else { Role::Ok };
    Some(fact("alerts", text, theme.of(role)))
}

/// Who has its alerts where they come from, what was ordered there, and what could not be made known.
fn upstream(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let theme = eye.theme;
    let mut lines = Vec::new();
    let statuses = incident.alerts.values().filter(|a| a.cleared_at.is_none()).map(|a| &a.status);
    let mut whose: Vec<&str> = statuses
        .filter_map(|status| match status {
            AlertStatus::Silenced { by } => Some(by),
            _ => None,
        })
        .flatten()
        .map(String::as_str)
        .filter(|by| by.starts_with(ACKNOWLEDGED))
        .collect();
    whose.sort_unstable();
    whose.dedup();
    if let [first, rest @ ..] = whose.as_slice() {
        let more =
            if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
        let text = format!("{first} on {}{more}", incident.source);
        lines.push(fact("there", text, theme.of(Role::Text)));
    }
    for order in eye.world.orders.about(incident.id).collect::<Vec<_>>().into_iter().rev().take(2) {
        let role = match order.standing {
            Standing::Delivered { .. } => Role::Text,
            Standing::GivenUp { .. } => Role::Critical,
            _ if order.failed.is_empty() => Role::Muted,
            _ => Role::Warning,
        };
        lines.push(fact("ordered", silences::standing(order), theme.of(role)));
    }
    let of = format!("acknowledgement of {}:", incident.id);
    let source = eye.world.sources.iter().find(|source| source.name == incident.source);
    if let Some(trouble) = source.and_then(|s| s.warnings.iter().find(|w| w.starts_with(&of))) {
        lines.push(fact("there", trouble.clone(), theme.of(Role::Warning)));
    }
    lines
}

fn service(incident: &Incident, eye: &Eye<'_>) -> Fact {
    let theme = eye.theme;
    let text = theme.of(Role::Text);
    let Some(id) = &incident.service else {
        let words = "unassigned: no service claims its alerts";
        return fact("service", words, theme.of(Role::Warning));
    };
    let Some(health) = eye.world.health.get(id) else {
        return fact("service", id.to_string(), text);
    };
    let service = &health.service;
    let team = service.team.as_ref().map(|team| format!(", team {team}")).unwrap_or_default();
    let state = format!(
        "{} {} {}",
        theme.glyph(health.state),
        health.state.word(),
        duration(eye.now.signed_duration_since(health.since))
    );
    let named = if service.name == id.as_str() {
        id.to_string()
    } else {
        format!("{id} ({})", service.name)
    };
    Fact {
        label: "service",
        value: vec![
            Piece::new(state, theme.state(health.state)),
            Piece::new(format!("  {named}, tier {}{team}", service.tier), text),
        ],
    }
}

/// Where to read on: the runbooks, and everything else that can be opened.
fn leads(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let (text, link) = (eye.theme.of(Role::Text), eye.theme.of(Role::Link));
    let runbooks = actions::runbooks(incident, eye.world);
    let mut lines: Vec<Fact> = Vec::new();
    for words in runbooks.iter().take(NAMED) {
        let label = if lines.is_empty() { "runbook" } else { " " };
        lines.push(if is_web(words) {
            Fact { label, value: vec![Piece::link(*words, link, words)] }
        } else {
            fact(label, words.lines().collect::<Vec<_>>().join(" "), text)
        });
    }
    let mut others = Vec::new();
    let links = actions::links(incident, eye.world);
    let links = links.iter().filter(|(_, url)| !runbooks.contains(&url.as_str()));
    for (name, url) in links.take(NAMED) {
        others.push(Piece::link(name, link, url));
        others.push(Piece::new("  ", text));
    }
    if others.pop().is_some() {
        lines.push(Fact { label: "links", value: others });
    }
    lines
}

/// Who is on call for it now, and how they are reached: the first level of the policy that governs it,
/// else the schedules of its service's team, where it has some, else all.
fn on_call(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let world = eye.world;
    let roster = &world.plan.roster;
    let health = incident.service.as_ref().and_then(|id| world.health.get(id));
    let service = health.map(|health| &*health.service);
    let governing = escalate::policy(roster, service);
    let first = governing.and_then(|policy| policy.levels.first());
    let team = service.and_then(|service| service.team.as_deref());
    let is_ours = |s: &&Arc<Schedule>| s.team.as_deref() == team && team.is_some();
    let mut targets: Vec<Target> = match first {
        Some(level) => level.notify.clone(),
        None => roster.schedules.iter().filter(is_ours).map(|s| by_schedule(s)).collect(),
    };
    if targets.is_empty() {
        targets = roster.schedules.iter().take(NAMED).map(|s| by_schedule(s)).collect();
    }
    let overrides = world.book.overrides();
    let mut lines = Vec::new();
    for target in targets {
        let (person, whence) = match &target {
            Target::Person(id) => (Some(id.clone()), String::new()),
            Target::Schedule(id) => {
                let schedule = roster.schedule(id);
                let shift =
                    schedule.and_then(|s| on_call_at(s, &overrides, &world.imported, eye.now));
                (shift.map(|shift| shift.person), format!("  ({id})"))
            }
        };
        let (words, role) = match person {
            None => (format!("nobody{whence}"), Role::Warning),
            Some(person) => {
                let known = roster.person(&person).into_iter();
                let ways = known.flat_map(|p| [&p.phone, &p.chat, &p.email]).flatten().take(2);
                let ways: Vec<&str> = ways.map(|way| &**way).collect();
                let words = [&[roster.name(&person)], &*ways].concat().join("  ");
                (format!("{words}{whence}"), Role::Text)
            }
        };
        let label = if lines.is_empty() { "on call" } else { " " };
        lines.push(fact(label, words, eye.theme.of(role)));
    }
    lines
}

fn by_schedule(schedule: &Schedule) -> Target {
    Target::Schedule(schedule.id.clone())
}

/// What is planned for what it is about, just now or soon: a change may be why.
fn planned(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let within = Interval::new(incident.started_at.min(eye.now) - BEFORE, eye.now + AHEAD);
    let what = (incident.service.as_ref(), &incident.labels);
    let found = eye.world.calendar.touching(what, within, eye.now);
    let shown = found.iter().filter(|one| one.status != Status::Cancelled);
    // Of many the nearest to now.
    let mut shown: Vec<&Occurrence> = shown.collect();
    shown.sort_by_key(|one| (one.planned.from - eye.now).abs());
    shown.truncate(PLANNED);
    shown.sort_by_key(|one| one.planned.from);
    let mutes = |one: &Occurrence| mutes(one).is_some_and(|at| at.contains(eye.now));
    let is_beside = incident.is_open() && incident.is_reported_by_hand();
    let is_beside = is_beside && shown.iter().any(|one| mutes(one));
    let lines = shown.into_iter().enumerate().map(|(n, one)| {
        let (from, to) = (
            near(one.planned.from, eye.now, eye.zone()),
            near(one.planned.to, eye.now, eye.zone()),
        );
        let words = format!("{from}–{to}  {}, {}", one.window.title(), one.stands(eye.now));
        let label = if n == 0 { "planned" } else { " " };
        fact(label, words, eye.theme.of(Role::Text))
    });
    let beside = is_beside.then(|| {
        let words = "not muted, and no clock pauses for it: a person reported this one";
        fact(" ", words.to_owned(), eye.theme.of(Role::Maintenance))
    });
    lines.chain(beside).collect()
}

fn related(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let theme = eye.theme;
    let text = theme.of(Role::Text);
    let named = |id: IncidentId| match eye.world.incidents.get(id) {
        Some(other) => {
            let service = other.service.as_ref().map_or("unassigned", |s| s.as_str());
            format!("{id} {service} {}", other.state().short())
        }
        None => id.to_string(),
    };
    let mut lines = Vec::new();
    if let Some(cause) = incident.parent {
        let title =
            eye.world.incidents.get(cause).map(|i| format!(": {}", i.title)).unwrap_or_default();
        let words = format!("{}{title}", named(cause));
        lines.push(fact("cause", words, text));
    }
    if let Some(affected) = eye.world.incidents.children.get(&incident.id) {
        let mut list: Vec<String> = affected.iter().take(NAMED).map(|id| named(*id)).collect();
        if affected.len() > NAMED {
            list.push(format!("and {} more", affected.len() - NAMED));
        }
        let words = format!("+{}: {}", affected.len(), list.join(", "));
        lines.push(fact("affects", words, text));
    }
    if let Some(earlier) = incident.earlier {
        let mut words = earlier.to_string();
        if let Some(before) = eye.world.incidents.get(earlier) {
            let _ = write!(words, " {}", eye.when(before.opened_at));
            if let Some(end) = &before.standing.resolved {
                let _ = write!(words, ", took {}", duration(end.at - before.opened_at));
                if !end.reason.is_empty() {
                    let _ = write!(words, ": {}", end.reason);
                }
            }
        }
        if incident.recurrence > 1 {
            let _ = write!(words, " ({} in 7 days)", nth(incident.recurrence));
        }
        lines.push(fact("earlier", words, text));
    }
    lines
}
