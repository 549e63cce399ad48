//! `[[windows]]`: what is planned, once or again and again.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::domain::calendar::{
    BackOut, Basis, ChangeType, Inspection, Item, Kind, Length, Scope, Window, number,
};
use crate::domain::health::ServiceId;
use crate::domain::text::clean;
use crate::domain::time::{Moment, Recurrence, Rule};

/// The most that one occurrence may take.
const LONGEST: TimeDelta = TimeDelta::days(366);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// What windows refer to.
pub struct Known<'s, 'a> {
    pub services: &'s Names<'a>,
    pub people: &'s Names<'a>,
    /// The zone of the site.
    pub zone: Tz,
}

/// All of them, in their order.
pub fn windows(sections: Vec<Section<'_>>, known: &Known<'_, '_>) -> Vec<Arc<Window>> {
    let mut windows: Vec<Arc<Window>> = Vec::new();
    for s in sections {
        if let Some(window) = window(&s, known) {
            let twin = windows.iter().any(|w| w.id == window.id);
            if twin && s.has("id") {
                let at = s.key_place("id").unwrap_or(s.at);
                let message = format!("window \"{}\" is defined twice", window.id);
                s.report().error(at, message, "rename one of them");
            } else if twin {
                let message = format!(
                    "another {} is called \"{}\" as well",
                    window.kind.word(),
                    window.summary
                );
                let remedy = format!("give each an id of its own, as in id = \"{}-2\"", window.id);
                s.report().error(s.key_place("summary").unwrap_or(s.at), message, remedy);
            } else {
                windows.push(Arc::new(window));
            }
        }
        s.finish();
    }
    windows
}

fn window(s: &Section<'_>, known: &Known<'_, '_>) -> Option<Window> {
    let own = if s.has("id") { s.id("id = \"patch-db\"") } else { None };
    let own = own.filter(|id| {
        let taken = number(&id.value.to_ascii_uppercase()).is_some();
        if taken {
            let message =
                format!("\"{}\" is what windows are called that are added here", id.value);
            s.report().error(id.at, message, "choose another id, such as \"patch-db\"");
        }
        !taken
    });
    let kind = kind(s);
    let summary = s.required_text("summary", "summary = \"Patch the databases\"");
    let zone = s.zone("timezone").unwrap_or(known.zone);
    let start = s.local("start");
    if !s.has("start") {
        s.missing("start", "start = \"2026-11-28 22:00\"");
    }
    let long = length(s, "duration");
    if !s.has("duration") {
        s.missing("duration", "duration = \"2h\"");
    }
    let flexible = length(s, "flexible");
    let recurrence = recurrence(s, start.map(|(start, _)| start), zone);
    let scope = scope(s, known);
    if let Some(kind) = kind
        && kind.touches_services()
        && scope.is_empty()
        && !s.has("services")
        && !s.has("match")
    {
        let message = format!("this {} touches nothing", kind.word());
        s.report().error(s.at, message, "add services = [\"…\"], or match for labels of alerts");
    }
    let owner = s.filled("owner").filter(|o| known.people.refer(s.report(), *o, &s.key("owner")));
    let checklist = s.texts("checklist").unwrap_or_default();
    let back_out = back_out(s, long);
    let (change, change_type) = change(s);
    let (mutes, sla_relevant) = (s.flag("mutes"), s.flag("sla_relevant"));
    let approver = s.filled("approver").map(|t| Arc::from(clean(t.value, 60)));
    let inspection = inspection(s, kind);

    let (kind, summary) = (kind?, clean(summary?.value, 200));
    let id =
        own.map_or_else(|| slug(&format!("{} {summary}", kind.word())), |t| t.value.to_owned());
    let mut window = Window::new(&id, kind, recurrence?, long?);
    window.summary = summary.into();
    window.scope = scope;
    window.flexible = flexible;
    window.owner = owner.map(|t| t.value.into());
    let item = |t: Text<'_>| Item::parse(t.value);
    window.checklist = checklist.into_iter().map(item).collect();
    window.back_out = back_out;
    (window.change, window.change_type) = (change, change_type);
    window.mutes = mutes.unwrap_or(kind.is_change());
    window.sla_relevant = sla_relevant.unwrap_or(kind.is_change());
    window.approver = approver;
    window.inspection = inspection;
    Some(window)
}

fn kind(s: &Section<'_>) -> Option<Kind> {
    if !s.has("kind") {
        s.missing("kind", "kind = \"maintenance\"");
    }
    s.word("kind", &Kind::ALL.map(|k| (k.word(), k)))
}

/// Whole days end at the same local time; anything else has elapsed.
fn length(s: &Section<'_>, key: &'static str) -> Option<Length> {
    s.duration(key, MINUTE..=LONGEST)?;
    Length::parse(s.text(key)?.value)
}

/// When it takes place: a rule, further times, and times at which it does not.
fn recurrence(s: &Section<'_>, given: Option<NaiveDateTime>, zone: Tz) -> Option<Recurrence> {
    let start = given.unwrap_or_default();
    let mut recurrence = Recurrence::once(start, zone);
    if let Some(text) = s.filled("rrule") {
        match Rule::parse(text.value) {
            Ok(rule) => recurrence.rule = Some(rule),
            Err(e) => {
                let message = format!("this rule cannot be read: {}: {}", e.part, e.why);
                s.report().error(text.at, message, e.remedy);
            }
        }
    }
    recurrence.also = times(s, "rdates", start);
    recurrence.except = times(s, "exdates", start);
    if recurrence.also.is_empty() && !s.has("rrule") && given.is_some() {
        for (skipped, text) in recurrence.except.iter().zip(s.texts("exdates").unwrap_or_default())
        {
            if *skipped == start {
                let message = "it takes place once, and not then: so never";
                s.report().error(text.at, message, "take it out, or add rrule or rdates");
            }
        }
    }
    given.map(|_| recurrence)
}

/// Local times; a day means the time of day of the start.
fn times(s: &Section<'_>, key: &'static str, start: NaiveDateTime) -> Vec<NaiveDateTime> {
    let mut out = Vec::new();
    for text in s.texts(key).unwrap_or_default() {
        match Moment::parse(text.value) {
            Some(Moment::Local(local)) => out.push(local),
            Some(Moment::Day(day)) => out.push(day.and_time(start.time())),
            _ => s.report().error(
                text.at,
                format!("\"{}\" is not a local time", text.value),
                "write \"2026-12-24 22:00\", or \"2026-12-24\" for the time of day of start",
            ),
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn scope(s: &Section<'_>, known: &Known<'_, '_>) -> Scope {
    let named = s.texts("services").unwrap_or_default();
    let key = s.key("services");
    // Where the plan has no services of its own, all come from sources, which are not asked here.
    let all_declared = known.services.list().is_empty();
    let refer = |t: &Text<'_>| all_declared || known.services.refer(s.report(), *t, &key);
    let known = named.into_iter().filter(refer);
    let services = known.map(|t| ServiceId::new(t.value)).collect();
    Scope { services, matchers: s.matchers("match") }
}

fn back_out(s: &Section<'_>, length: Option<Length>) -> Option<BackOut> {
    let b = s.section("back_out")?;
    let plan = b.required_text("plan", "plan = \"restore the snapshot\"");
    let after = b.duration("decide_after", MINUTE..=LONGEST);
    if !b.has("decide_after") {
        b.missing("decide_after", "decide_after = \"90m\"");
    }
    if let (Some(after), Some(length)) = (after, length)
        && after >= length.at_most()
    {
        let at = b.key_place("decide_after").unwrap_or(b.at);
        let message = "the latest decision to back out is not before the end";
        b.report().error(at, message, "make decide_after shorter than duration");
    }
    b.finish();
    let decide_after = u32::try_from(after?.num_seconds()).ok()?;
    Some(BackOut { plan: clean(plan?.value, 500).into(), decide_after })
}

fn change(s: &Section<'_>) -> (Option<Arc<str>>, ChangeType) {
    let Some(c) = s.section("change") else { return (None, ChangeType::default()) };
    let number = c.filled("number").map(|t| Arc::from(clean(t.value, 60)));
    let types = [ChangeType::Standard, ChangeType::Normal, ChangeType::Emergency];
    let kind = c.word("type", &types.map(|t| (t.word(), t))).unwrap_or_default();
    c.finish();
    (number, kind)
}

/// From what the next one is counted, and how late it may be.
fn inspection(s: &Section<'_>, kind: Option<Kind>) -> Option<Inspection> {
    let years = TimeDelta::days(1)..=TimeDelta::days(3_660);
    let after = s.duration("after_completion", years);
    let grace = s.duration("grace", TimeDelta::zero()..=LONGEST);
    if kind != Some(Kind::Inspection) {
        for key in ["after_completion", "grace"] {
            if let (Some(at), Some(kind)) = (s.key_place(key), kind) {
                let message =
                    format!("{key} belongs to an inspection, not to kind {:?}", kind.word());
                s.report().error(at, message, "take it out, or make it kind = \"inspection\"");
            }
        }
        return None;
    }
    if let (Some(at), true) = (s.key_place("rrule"), after.is_some()) {
        let message = "it recurs by its rule or by its last completion, not by both";
        s.report().error(at, message, "keep rrule or after_completion");
    }
    let days = after.and_then(|a| u32::try_from(a.num_days()).ok());
    let basis = days.map_or(Basis::Scheduled, |days| Basis::Completed { months: 0, days });
    let grace = grace.and_then(|g| u32::try_from(g.num_seconds()).ok()).unwrap_or(0);
    Some(Inspection { basis, grace })
}

/// `maintenance-patch-the-databases`: the id of one that has none; it stays as long as kind and
/// summary do.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(80);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_window_without_id_is_called_by_its_kind_and_summary() {
        assert_eq!(slug("maintenance Patch: kernels (DB)"), "maintenance-patch-kernels-db");
        assert_eq!(slug("freeze …"), "freeze");
        assert_eq!(slug(&"a".repeat(300)).len(), 80);
    }
}
