//! Paging from any screen: who it reaches now, the question that names them, and what became of
//! pages, in words.

use std::sync::Arc;

use super::{Ctx, Step, Tone};
use crate::domain::command::Command;
use crate::domain::incident::{Incident, IncidentId, Priority};
use crate::domain::paging::reach::{Desk, Reach, Whom, reach};
use crate::domain::paging::{self, Page, Pages, Request, Standing, escalate};
use crate::domain::roster::concerns::is_night;
use crate::domain::roster::escalation::{Escalation, Target};
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Override, Person, PersonId};
use crate::domain::time::{Instant, near, zone};
use crate::engine::{Plan, Snapshot};
use crate::ui::cmd::Cmd;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::widgets::form::Submit;
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// What is said before, since nothing can be said afterwards.
const FINAL: &str = "A page cannot be recalled.";

/// What paging looks at, to be kept for when a form is sent.
#[derive(Clone)]
struct Office {
    plan: Arc<Plan>,
    overrides: Vec<Override>,
    imported: Arc<Imported>,
    now: Instant,
}

impl Office {
    fn of(ctx: &Ctx<'_>) -> Self {
        Self {
            plan: Arc::clone(&ctx.world.plan),
            overrides: ctx.world.book.overrides(),
            imported: Arc::clone(&ctx.world.imported.value),
            now: ctx.now,
        }
    }

    fn reach(&self, whom: &Whom, priority: Option<Priority>) -> Result<Reach, String> {
        let Self { plan, overrides, imported, now } = self;
        let (roster, channels) = (&*plan.roster, plan.channels.as_slice());
        reach(Desk { roster, overrides, imported, channels }, whom, priority, *now)
    }

    /// Each person with their channels, and each who is not reached with the reason.
    fn lines(&self, reach: &Reach) -> Vec<String> {
        let name = |id: &str| self.plan.roster.name(id).to_owned();
        let routes = reach.routes.iter();
        let routes = routes.map(|r| {
            let person = self.plan.roster.person(&r.person);
            let there = person.map(|p| there(p, self.now)).unwrap_or_default();
            format!("{}  by {}{there}", name(&r.person), r.channels.join(", "))
        });
        routes.chain(reach.missed.iter().map(|why| format!("not {why}"))).collect()
    }

    /// The question before a page, or why nobody can be paged.
    fn asked(&self, whom: &Whom, about: Option<&About>, text: &str) -> Result<Confirm, String> {
        let reach = self.reach(whom, about.map(|a| a.priority))?;
        if reach.routes.is_empty() {
            return Err(reach.nobody());
        }
        let mut lines = self.lines(&reach);
        lines.push(String::new());
        lines.extend(about.map(|about| format!("about {}", about.line)));
        lines.extend(Some(text).filter(|t| !t.is_empty()).map(|text| format!("“{text}”")));
        lines.push(self.last_line().to_owned());
        let request = Request {
            whom: whom.clone(),
            about: about.map(|a| a.id),
            text: text.to_owned(),
            confirmed: Some(reach.routes.iter().map(|r| r.person.clone()).collect()),
        };
        Ok(question("Page", &reach.target, lines, paging::Command::Page(request)))
    }

    fn last_line(&self) -> &'static str {
        if self.plan.site.demo {
            "This is the demo: nothing is sent, it is told as if."
        } else {
            FINAL
        }
    }
}

/// The incident that a page is about.
#[derive(Clone)]
struct About {
    id: IncidentId,
    priority: Priority,
    line: String,
}

impl About {
    fn of(incident: &Incident) -> Self {
        let line = format!("{} {}: {}", incident.priority, incident.id, incident.title);
        Self { id: incident.id, priority: incident.priority, line }
    }
}

/// What whoever pages should know of somebody now: it is night there, or they are away.
fn there(person: &Person, now: Instant) -> String {
    let night = is_night(now, person.zone).then(|| {
        let time = zone::local(now, person.zone).format("%H:%M");
        format!("it is {time} there")
    });
    let away = person.absences.iter().find(|a| a.at.contains(now));
    let away = away.map(|a| format!("away: {}", a.reason));
    let known: Vec<String> = night.into_iter().chain(away).collect();
    if known.is_empty() { String::new() } else { format!("  ({})", known.join(", ")) }
}

fn question(verb: &str, target: &str, lines: Vec<String>, command: paging::Command) -> Confirm {
    let yes = vec![Step::Do(Cmd::Ask(Command::Paging(command)))];
    Confirm::new(&format!("{verb} {target}?"), lines, "page", yes)
}

fn show(overlay: Overlay) -> Vec<Step> {
    vec![Step::Show(Box::new(overlay))]
}

fn say(why: String) -> Vec<Step> {
    vec![Step::Say(Tone::Bad, why)]
}

/// Asks what is wanted, then whether to page these.
pub fn write(whom: Whom, ctx: &Ctx<'_>) -> Vec<Step> {
    let office = Office::of(ctx);
    // What cannot be is said before anything is typed.
    let reach = match office.reach(&whom, None) {
        Ok(reach) if reach.routes.is_empty() => return say(reach.nobody()),
        Ok(reach) => reach,
        Err(why) => return say(why),
    };
    let (title, about) = (format!("Page {}", reach.target), office.lines(&reach).join("; "));
    let submit: Submit = Box::new(move |texts, _| {
        let text = texts.first().map(|t| t.trim()).unwrap_or_default();
        if text.is_empty() {
            return Err((0, "say what is wanted of them".to_owned()));
        }
        let confirm = office.asked(&whom, None, text).map_err(|why| (0, why))?;
        Ok(show(Overlay::Confirm(confirm)))
    });
    let field = FormField::new("Text", "", "what is wanted of them, in a line");
    show(Overlay::Form(Form::new(&title, &about, vec![field], submit)))
}

/// Asks whom, then whether to page them about an incident: the levels of the policies first, then
/// everybody.
pub fn about(incident: &Incident, ctx: &Ctx<'_>) -> Vec<Step> {
    let office = Office::of(ctx);
    let about = About::of(incident);
    let roster = &ctx.world.plan.roster;
    let levels = roster.policies.iter().flat_map(|policy| {
        let numbers = 1..=policy.levels.len();
        numbers.map(|n| (format!("{} {n}", policy.id), Whom::Level(policy.id.clone(), n)))
    });
    let people = roster.people.values().map(|p| (p.name.to_string(), Whom::Person(p.id.clone())));
    let item = |(label, whom): (String, Whom)| {
        let (detail, then) = match office.asked(&whom, Some(&about), "") {
            Ok(confirm) => {
                let reached = confirm.lines.iter().take_while(|line| !line.is_empty());
                let reached: Vec<&str> = reached.map(String::as_str).collect();
                (reached.join("; "), show(Overlay::Confirm(confirm)))
            }
            Err(why) => (why.clone(), say(why)),
        };
        Item { label, detail, then }
    };
    let items: Vec<Item> = levels.chain(people).map(item).collect();
    if items.is_empty() {
        return say("nobody to page: [[people]] in the config makes a team".to_owned());
    }
    show(Overlay::Picker(Picker::new(&format!("Page about {}", incident.id), items)))
}

/// The policy that governs an incident.
pub fn policy<'a>(incident: &Incident, world: &'a Snapshot) -> Option<&'a Arc<Escalation>> {
    let health = incident.service.as_ref().and_then(|id| world.health.get(id));
    escalate::policy(&world.plan.roster, health.map(|h| &*h.service))
}

/// Asks whether to page the next level of the policy that governs an incident.
pub fn escalate(incident: &Incident, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(policy) = policy(incident, ctx.world) else {
        return say(escalate::ungoverned(incident));
    };
    let office = Office::of(ctx);
    let (next, _) = escalate::by_hand(incident, policy, None);
    let reached = |level: usize| {
        let whom = Whom::Level(policy.id.clone(), level);
        (level, office.reach(&whom, Some(incident.priority)))
    };
    // A level that reaches nobody is passed over.
    let count = policy.levels.len().max(1);
    let mut levels = (0..count).map(|n| (next - 1 + n) % count + 1).map(reached);
    let reaches =
        |(_, r): &(usize, Result<Reach, String>)| r.as_ref().is_ok_and(|r| !r.routes.is_empty());
    let (level, reach) = levels.find(reaches).unwrap_or_else(|| reached(next));
    let reach = match reach {
        Ok(reach) if reach.routes.is_empty() => {
            return say(format!("{} reaches nobody: {}", reach.target, reach.nobody()));
        }
        Ok(reach) => reach,
        Err(why) => return say(why),
    };
    let mut lines = office.lines(&reach);
    lines.extend([String::new(), format!("about {}", About::of(incident).line)]);
    lines.push(office.last_line().to_owned());
    let request = escalate::Request {
        incident: incident.id,
        level: Some(level),
        confirmed: Some(reach.routes.iter().map(|r| r.person.clone()).collect()),
    };
    let yes = vec![Step::Do(Cmd::Ask(Command::Escalate(request)))];
    let title = format!("Escalate {} to {}?", incident.id, reach.target);
    show(Overlay::Confirm(Confirm::new(&title, lines, "page", yes)))
}

/// Sees whether pages arrive: to the operator where the config says who that is, else to somebody.
pub fn test(ctx: &Ctx<'_>) -> Vec<Step> {
    let office = Office::of(ctx);
    let asked = |id: &PersonId| -> Result<Confirm, String> {
        let reach = office.reach(&Whom::Person(id.clone()), None)?;
        if reach.routes.is_empty() {
            return Err(reach.nobody());
        }
        let mut lines = office.lines(&reach);
        lines.extend([String::new(), "Only a test; it says so.".to_owned()]);
        lines.push(office.last_line().to_owned());
        let command = paging::Command::Test { person: id.clone() };
        Ok(question("Test page to", &reach.target, lines, command))
    };
    let then = |id: &PersonId| match asked(id) {
        Ok(confirm) => show(Overlay::Confirm(confirm)),
        Err(why) => say(why),
    };
    if let Some(own) = &ctx.prefs.person {
        return then(own);
    }
    let item = |person: &Arc<Person>| Item {
        label: person.name.to_string(),
        detail: person.wishes.channels.join(", "),
        then: then(&person.id),
    };
    let items: Vec<Item> = ctx.world.plan.roster.people.values().map(item).collect();
    if items.is_empty() {
        return say("nobody to page: [[people]] in the config makes a team".to_owned());
    }
    show(Overlay::Picker(Picker::new("Test page to", items)))
}

/// Who a line of the On-call tab stands for: the whole of a level, a schedule, a person.
pub fn of_row(level: Option<&(Arc<str>, usize)>, target: &Target) -> Whom {
    match (level, target) {
        (Some((policy, number)), _) => Whom::Level(policy.clone(), *number),
        (None, Target::Schedule(id)) => Whom::Schedule(id.clone()),
        (None, Target::Person(id)) => Whom::Person(id.clone()),
    }
}

/// How a page stands, in a few words: `delivered by mail; sms failed, next try 14:03`.
pub fn standing(page: &Page, ctx: &Ctx<'_>) -> String {
    let one = |delivery: &paging::Delivery| {
        let channel = &delivery.channel;
        match &delivery.standing {
            Standing::Delivered { .. } => format!("delivered by {channel}"),
            Standing::GivenUp { .. } => format!("{channel} given up"),
            Standing::Trying { .. } => format!("{channel} under way"),
            Standing::Waiting { at } if delivery.attempts > 0 => {
                let at = near(*at, ctx.now, ctx.world.site.zone);
                format!("{channel} failed, next try {at}")
            }
            Standing::Waiting { .. } => format!("{channel} waits"),
        }
    };
    page.deliveries.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The last pages of somebody, the newest first, a text for each.
pub fn last_pages(person: &str, pages: &Pages, most: usize, ctx: &Ctx<'_>) -> Vec<String> {
    let own = pages.iter().rev().filter(|p| *p.what.person == *person).take(most);
    let line = |page: &Arc<Page>| {
        let at = near(page.at, ctx.now, ctx.world.site.zone);
        format!("{at} {}: {}", page.what.subject, standing(page, ctx))
    };
    own.map(line).collect()
}
