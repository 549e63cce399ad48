//! What the keys of the queue and of the full-screen incident ask for: commands, and the questions,
//! forms and lists that come before them.
//!
//! Every command names the incidents that were on the screen when the key was pressed, each in the
//! version that was seen; what arrives in between changes nothing about that.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::command::{Command, Verdict};
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::incident::lifecycle::{Action as Deed, Target, judge};
use crate::domain::incident::{Actor, AlertFact, Incident, IncidentState};
use crate::domain::roster::PersonId;
use crate::domain::roster::shifts::on_call_at;
use crate::domain::text;
use crate::domain::time::Instant;
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::Action;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Ctx, Step, Tone, paging, silences};
use crate::ui::widgets::form::Submit;
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// Above so many incidents a common action asks first.
pub const MANY: usize = 10;
/// How many alerts are searched for links.
const LOOKED_AT: usize = 50;
/// How many incidents a question lists.
const LISTED: usize = 8;

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    pub targets: Vec<Target>,
    /// How many of them are not on the screen.
    pub out_of_view: usize,
}

impl Aim {
    pub fn at(incident: &Incident) -> Self {
        let target = Target { id: incident.id, seen: incident.version };
        Self { targets: vec![target], out_of_view: 0 }
    }

    /// `INC-7`, or `18 incidents`.
    pub(super) fn named(&self) -> String {
        match self.targets.as_slice() {
            [one] => one.id.to_string(),
            many => format!("{} incidents", many.len()),
        }
    }

    /// The same, with what it is about where it is one.
    pub(super) fn about(&self, world: &Snapshot) -> String {
        let title = match self.targets.as_slice() {
            [one] => world.incidents.get(one.id).map(|i| format!("{}: {}", i.id, i.title)),
            _ => None,
        };
        title.unwrap_or_else(|| self.named())
    }

    pub(super) fn command(&self, action: Deed) -> Command {
        Command::Act { targets: self.targets.clone(), action }
    }

    /// Sends `action`; above [`MANY`] asks the person first: `verb` 63 incidents `to`?
    pub(super) fn send(&self, action: Deed, verb: &str, to: &str, listed: &[String]) -> Vec<Step> {
        let ask = Step::Do(Cmd::Ask(self.command(action)));
        // What is marked out of sight is named before anything happens to it.
        if self.targets.len() <= MANY && self.out_of_view == 0 {
            return vec![ask];
        }
        let title = text::capital(&format!("{verb} {}{to}", self.named()));
        let hidden = match self.out_of_view {
            0 => String::new(),
            hidden => format!(", {hidden} of them out of view"),
        };
        let mut lines = vec![format!("{title}{hidden}?"), String::new()];
        lines.extend_from_slice(listed);
        confirm(&title, lines, verb, vec![ask])
    }
}

/// Asks the engine for `action` on all targets; above [`MANY`] asks the person first.
pub fn act(aim: &Aim, action: Deed, verb: &str, ctx: &Ctx<'_>) -> Vec<Step> {
    if aim.targets.is_empty() {
        return vec![Step::Say(Tone::Info, "no incident is under the cursor".to_owned())];
    }
    aim.send(action, verb, "", &listed(aim, ctx.world))
}

pub(super) fn listed(aim: &Aim, world: &Snapshot) -> Vec<String> {
    let known = aim.targets.iter().filter_map(|target| world.incidents.get(target.id));
    let line = |i: &Incident| {
        let service = i.service.as_ref().map_or("unassigned", |s| s.as_str());
        format!("{} {}  {service}  {}", i.priority, i.id, i.title)
    };
    let mut lines: Vec<String> = known.take(LISTED).map(|incident| line(incident)).collect();
    if aim.targets.len() > LISTED {
        lines.push(format!("and {} more", aim.targets.len() - LISTED));
    }
    lines
}

pub(super) fn confirm(title: &str, lines: Vec<String>, verb: &str, yes: Vec<Step>) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Confirm(Confirm::new(title, lines, verb, yes))))]
}

/// Why something cannot be done to an incident as it is, with what comes first and its key.
pub fn why_not(action: Action, incident: &Incident, ctx: &Ctx<'_>) -> Option<String> {
    let keymap = &ctx.prefs.settings.keymap;
    let key = |action: Action| {
        keymap.shown(action, false).unwrap_or_else(|| format!(":{}", action.entry().name))
    };
    let id = incident.id;
    let is = match incident.state() {
        IncidentState::OnHold => format!("{id} is on hold"),
        state => format!("{id} is {}", state.word()),
    };
    let resolve = || format!("resolve it first: {}", key(Action::Resolve));
    let reopen = || format!("reopen it first: {}", key(Action::Reopen));
    let is_open = incident.is_open();
    let merged = incident.standing.merged_into;
    let why = match (action, incident.state()) {
        (Action::Split, _) => format!(
            "{id} is no part of another one, nor is another one of it; {} makes it so",
            key(Action::Merge)
        ),
        (Action::Reopen, _) if is_open => format!("{is}: it is open already"),
        (_, IncidentState::Cancelled)
            if !is_open && merged.is_some() && action != Action::Correct =>
        {
            let into = merged.map(|into| into.to_string()).unwrap_or_default();
            format!("{id} is part of {into}; work on that one, or {} it off", key(Action::Split))
        }
        (Action::Close | Action::Rate, _) if is_open => format!("{is}; {}", resolve()),
        (Action::Rate, IncidentState::Cancelled) => {
            format!("{is}: nothing was done for anybody; {}", reopen())
        }
        (Action::Close | Action::Reopen, IncidentState::Closed) => format!(
            "{is} for good; {} puts right what was recorded wrong, {} reports a new one",
            key(Action::Correct),
            key(Action::Report)
        ),
        (Action::Correct, IncidentState::Resolved) => format!(
            "{is}; change it as it is, or close it first: {}; corrections come after the end",
            key(Action::Close)
        ),
        (Action::Correct, _) if is_open => {
            format!(
                "{is}; change it as it is: {}; corrections come after the end",
                key(Action::Classify)
            )
        }
        (Action::Close, IncidentState::Cancelled)
        | (
            Action::Resolve | Action::Hold | Action::Snooze | Action::Acknowledge,
            IncidentState::Resolved | IncidentState::Cancelled,
        ) => format!("{is}; {}", reopen()),
        _ => return None,
    };
    Some(why)
}

/// Pages somebody about one incident.
pub fn page(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let [one] = aim.targets.as_slice() else {
        let why = "a page is about one incident: take the marks away, or page about their cause";
        return vec![Step::Say(Tone::Info, why.to_owned())];
    };
    match ctx.world.incidents.get(one.id) {
        Some(incident) => paging::about(incident, ctx),
        None => vec![Step::Say(Tone::Info, format!("{} is not loaded", one.id))],
    }
}

/// Pages the next level of the policy that governs one incident.
pub fn escalate(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let [one] = aim.targets.as_slice() else {
        let why = "one incident is escalated at a time: take the marks away";
        return vec![Step::Say(Tone::Info, why.to_owned())];
    };
    match ctx.world.incidents.get(one.id) {
        Some(incident) => paging::escalate(incident, ctx),
        None => vec![Step::Say(Tone::Info, format!("{} is not loaded", one.id))],
    }
}

/// Silences the alerts of one incident where they come from.
pub fn silence(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let [one] = aim.targets.as_slice() else {
        let why = "a silence is about one incident: take the marks away";
        return vec![Step::Say(Tone::Info, why.to_owned())];
    };
    match ctx.world.incidents.get(one.id) {
        Some(incident) => silences::form(incident, ctx),
        None => vec![Step::Say(Tone::Info, format!("{} is not loaded", one.id))],
    }
}

/// Resolves at once. Where alerts still fire, asks before it sends anything: an answer that came
/// later could meet another key.
pub fn resolve(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let resolve = Deed::resolve;
    let known = aim.targets.iter().filter_map(|target| ctx.world.incidents.get(target.id));
    let firing: Vec<&Incident> =
        known.filter(|i| i.is_open() && i.firing() > 0).map(|i| &**i).collect();
    if firing.is_empty() {
        return act(aim, resolve(false), "resolve", ctx);
    }
    let mut lines = match (aim.targets.len(), aim.out_of_view) {
        (1, _) => Vec::new(),
        (n, 0) => vec![format!("{} of {n} incidents still fire:", firing.len())],
        (n, hidden) => {
            let count = firing.len();
            vec![format!("{count} of {n} incidents, {hidden} out of view, still fire:")]
        }
    };
    lines.extend(firing.iter().take(LISTED).map(|i| {
        let alerts = match i.firing() {
            1 => "1 alert fires".to_owned(),
            n => format!("{n} alerts fire"),
        };
        format!("{} {}: {alerts}", i.id, i.title)
    }));
    if firing.len() > LISTED {
        lines.push(format!("and {} more", firing.len() - LISTED));
    }
    let title = format!("Resolve {} all the same?", aim.named());
    let yes = vec![Step::Do(Cmd::Ask(aim.command(resolve(true))))];
    confirm(&title, lines, "resolve all the same", yes)
}

/// A reason, then the deed. `needed`: an empty reason is not accepted.
pub fn with_reason(
    aim: Aim,
    verb: &'static str,
    hint: &str,
    needed: bool,
    ctx: &Ctx<'_>,
    deed: fn(String) -> Deed,
) -> Vec<Step> {
    let world = ctx.world;
    if let Some(why) = refusal(&aim, &deed(verb.to_owned()), ctx) {
        return vec![Step::Say(Tone::Bad, why)];
    }
    let about = aim.about(world);
    let title = text::capital(&format!("{verb} {}", aim.named()));
    let listed = listed(&aim, world);
    let submit: Submit = Box::new(move |texts, _| {
        let reason = texts.first().cloned().unwrap_or_default();
        if needed && reason.is_empty() {
            return Err((0, format!("say why: {verb} keeps the reason")));
        }
        Ok(aim.send(deed(reason), verb, "", &listed))
    });
    let fields = vec![FormField::new("Reason", "", hint)];
    form(&title, &about, fields, submit)
}

/// Why a deed would be refused on the one incident that it is about, before a word is typed for it.
fn refusal(aim: &Aim, deed: &Deed, ctx: &Ctx<'_>) -> Option<String> {
    let [target] = aim.targets.as_slice() else { return None };
    let incident = ctx.world.incidents.get(target.id)?;
    let (actor, policy) = (Actor::person(&ctx.prefs.operator), &ctx.world.plan.policy);
    match judge(incident, target.seen, deed, &actor, policy, ctx.now) {
        Err(Verdict::Refused { why } | Verdict::Already { why }) => Some(why),
        _ => None,
    }
}

pub(super) fn form(title: &str, about: &str, fields: Vec<FormField>, submit: Submit) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Form(Form::new(title, about, fields, submit))))]
}

/// Whom to assign to: known names, `me`, nobody, or any other name.
pub fn assign(aim: &Aim, me: &str, people: &BTreeSet<String>, ctx: &Ctx<'_>) -> Vec<Step> {
    let world = ctx.world;
    let (all, listed) = (aim.clone(), listed(aim, world));
    let give = move |to: Option<String>| {
        let whom = format!(" to {}", to.as_deref().unwrap_or("nobody"));
        all.send(Deed::Assign { to }, "assign", &whom, &listed)
    };
    let mut items = vec![Item {
        label: me.to_owned(),
        detail: "me".to_owned(),
        then: give(Some(me.to_owned())),
    }];
    // Whoever is on call first, then the team, then who else was seen.
    let roster = &world.plan.roster;
    let on_call = on_call(world, ctx.now);
    let duty = |id: &str| match on_call.get(id) {
        Some(schedules) => format!(", on call: {}", schedules.join(", ")),
        None => String::new(),
    };
    let mut team: Vec<_> = roster.people.values().filter(|p| *p.id != *me).collect();
    team.sort_by_key(|p| !on_call.contains_key(&*p.id));
    items.extend(team.into_iter().map(|p| Item {
        label: p.id.to_string(),
        detail: format!("{}{}", p.name, duty(&p.id)),
        then: give(Some(p.id.to_string())),
    }));
    // Where the plan names people, nobody else is taken.
    let others = people.iter().filter(|name| *name != me && roster.people.is_empty());
    items.extend(others.map(|name| Item {
        label: name.clone(),
        detail: String::new(),
        then: give(Some(name.clone())),
    }));
    items.push(Item {
        label: "nobody".to_owned(),
        detail: "take it from whoever has it".to_owned(),
        then: give(None),
    });
    let title = format!("Assign {} to", aim.named());
    let picker =
        Picker::new(&title, items).or_typed(Box::new(move |name, _| give(Some(name.to_owned()))));
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

/// Who is on call, and on which schedules.
fn on_call(world: &Snapshot, now: Instant) -> BTreeMap<PersonId, Vec<&str>> {
    let overrides = world.book.overrides();
    let mut found: BTreeMap<PersonId, Vec<&str>> = BTreeMap::new();
    for schedule in &world.plan.roster.schedules {
        if let Some(shift) = on_call_at(schedule, &overrides, &world.imported, now) {
            found.entry(shift.person).or_default().push(&schedule.id);
        }
    }
    found
}

/// A note on all targets.
pub fn note(aim: Aim, world: &Snapshot) -> Vec<Step> {
    let about = aim.about(world);
    let title = format!("Note on {}", aim.named());
    let listed = listed(&aim, world);
    let submit: Submit = Box::new(move |texts, _| match texts {
        [text] if !text.is_empty() => {
            Ok(aim.send(Deed::Note { text: text.clone() }, "annotate", "", &listed))
        }
        _ => Err((0, "the note is empty; write a word".to_owned())),
    });
    form(&title, &about, vec![FormField::long("Note", "kept in the timeline for good")], submit)
}

/// The same, written in an editor first: what comes back stands in the form, to be sent.
pub fn edit_note(aim: Aim, world: &Snapshot) -> Vec<Step> {
    let mut steps = note(aim, world);
    steps.push(Step::Do(Cmd::Edit(String::new())));
    steps
}

/// What can be copied of an incident.
pub fn copy(incident: &Incident, links: &[(String, String)]) -> Vec<Step> {
    let item = |label: &str, text: String| Item {
        label: label.to_owned(),
        detail: text.lines().next().unwrap_or_default().to_owned(),
        then: vec![Step::Do(Cmd::Copy(text))],
    };
    let mut items = vec![
        item("id", incident.id.to_string()),
        item("title", incident.title.clone()),
        item("command", format!("atalaya {}", incident.id)),
        item("line", format!("{} {} {}", incident.id, incident.priority, incident.title)),
    ];
    items.extend(links.iter().map(|(name, url)| item(&format!("link: {name}"), url.clone())));
    if let Ok(json) = serde_json::to_string_pretty(incident) {
        items.push(Item { detail: "everything".to_owned(), ..item("json", json) });
    }
    let picker = Picker::new(&format!("Copy of {}", incident.id), items);
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

/// Opens the only link, or asks which one.
pub fn open_link(incident: &Incident, links: Vec<(String, String)>) -> Vec<Step> {
    if let [(_, url)] = links.as_slice() {
        return vec![Step::Do(Cmd::OpenLink(url.clone()))];
    }
    if links.is_empty() {
        let why = format!("{} has no link; its alerts and its service name none", incident.id);
        return vec![Step::Say(Tone::Info, why)];
    }
    let items = links
        .into_iter()
        .map(|(label, url)| Item {
            label,
            detail: url.clone(),
            then: vec![Step::Do(Cmd::OpenLink(url))],
        })
        .collect();
    let picker = Picker::new(&format!("Open, of {}", incident.id), items);
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

/// Whether it has any link.
pub fn has_link(incident: &Incident, world: &Snapshot) -> bool {
    !links(incident, world).is_empty()
}

/// Every link of an incident, named: its runbooks, those of its alerts, its annotations and its
/// service. Only `http` and `https`, each once.
pub fn links(incident: &Incident, world: &Snapshot) -> Vec<(String, String)> {
    let runbooks = runbooks(incident, world);
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, url: &str| {
        if text::is_web(url) && !found.iter().any(|(_, known)| known == url) {
            found.push((name, url.to_owned()));
        }
    };
    for runbook in runbooks {
        add("runbook".to_owned(), runbook);
    }
    for (name, value) in annotations(incident) {
        add(name.trim_end_matches("_url").replace('_', " "), value);
    }
    if let Some(health) = service(incident, world) {
        for (name, url) in &health.service.links {
            add(format!("{} {name}", health.service.id), url);
        }
    }
    let graphs = some(incident).filter_map(|alert| Some((alert, alert.generator_url.as_ref()?)));
    for (alert, url) in graphs {
        let name = alert.labels.get("alertname").map_or("alert", String::as_str);
        add(format!("graph of {name}"), url);
    }
    found
}

/// What to do about it, as its alerts, its rule and its service say: addresses or words, each once.
pub fn runbooks<'a>(incident: &'a Incident, world: &'a Snapshot) -> Vec<&'a str> {
    let own = annotations(incident).filter(|(name, _)| is_runbook(name)).map(|(_, text)| text);
    let service = service(incident, world).into_iter().flat_map(|h| &h.service.runbooks);
    let mut found: Vec<&str> = Vec::new();
    for text in own.chain(service.map(String::as_str)).filter(|text| !text.trim().is_empty()) {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// Whether an annotation of that name is a runbook.
pub fn is_runbook(name: &str) -> bool {
    matches!(name, "runbook" | "runbook_url")
}

/// The first of its alerts: thousands are one trouble, and have the same links.
fn some(incident: &Incident) -> impl Iterator<Item = &AlertFact> {
    incident.alerts.values().take(LOOKED_AT)
}

fn annotations(incident: &Incident) -> impl Iterator<Item = (&str, &str)> {
    let alerts = some(incident).flat_map(|alert| alert.annotations.iter());
    incident.annotations.iter().chain(alerts).map(|(name, text)| (name.as_str(), text.as_str()))
}

fn service<'a>(incident: &Incident, world: &'a Snapshot) -> Option<&'a ServiceHealth> {
    world.health.get(incident.service.as_ref()?).map(|health| &**health)
}
