//! `[[slos]]`: what was promised of services, and how it is measured.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::service::ReadService;
use crate::config::names::Names;
use crate::config::problem::Place;
use crate::config::reader::{Section, Text};
use crate::config::tree::Value;
use crate::domain::health::{Direction, ServiceId};
use crate::domain::incident::Priority;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::slo::intake::{has_window, is_per_second, is_plainly_one_kind, looks_back};
use crate::domain::slo::{
    Events, Judge, Objective, Period, Rule, Severity, Sli, Target, Uptime, Window, default_rules,
};
use crate::domain::text::{clean, duration, suggest};

const STEP: TimeDelta = TimeDelta::minutes(5);
/// Roll-ups are kept for 13 months.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// What objectives refer to.
pub struct Known<'s, 'a> {
    pub services: &'s Names<'a>,
    pub read: &'s [ReadService<'a>],
    /// Every source by name and kind.
    pub sources: &'s [(String, &'static str)],
    /// The zone of the site.
    pub zone: Tz,
}

/// How it is measured.
#[derive(Clone, Copy, PartialEq)]
enum Method {
    Events,
    Slices,
    Uptime,
}

/// Which source is to be asked.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// None is named.
    Nobody,
    Source(Text<'a>),
    /// It is named wrongly, which was reported.
    Wrong,
}

impl Method {
    const WORDS: [(&'static str, Self); 3] =
        [("events", Self::Events), ("timeslices", Self::Slices), ("uptime", Self::Uptime)];

    /// Which of the keys that measure something belong to it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Events => &["good", "bad", "total", "error_ratio"],
            Self::Slices => &[
                "good",
                "bad",
                "total",
                "error_ratio",
                "query",
                "slice",
                "slice_target",
                "below",
                "above",
            ],
            Self::Uptime => &["query", "signal", "incidents"],
        }
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, method)| *method == self).map_or("events", |(word, _)| word)
    }
}

/// All of them, in their order.
pub fn slos(sections: Vec<Section<'_>>, known: &Known<'_, '_>) -> Vec<Arc<Objective>> {
    let mut names = Names::new("objective", "objectives");
    let mut objectives = Vec::new();
    for s in sections {
        if let Some(id) = s.id("id = \"checkout-availability\"") {
            names.give(s.report(), id);
            objectives.extend(objective(&s, id, known).map(Arc::new));
        } else {
            // So that its keys count as known.
            let nobody = Text { value: "", at: s.at };
            let _ = objective(&s, nobody, known);
        }
        s.finish();
    }
    objectives
}

fn objective(s: &Section<'_>, id: Text<'_>, known: &Known<'_, '_>) -> Option<Objective> {
    let name = s.filled("name").map_or_else(|| id.value.to_owned(), |t| clean(t.value, 120));
    let service = s.required_text("service", "service = \"checkout\"");
    // Where the plan has no services of its own, all come from sources, which are not asked here.
    let service = service.filter(|t| {
        known.services.list().is_empty() || known.services.refer(s.report(), *t, "slos.service")
    });
    let target = target(s, "target", true);
    let window = window(s, known.zone);
    let sli = sli(s, service, known);
    let exclusion = s.word("exclusion", &Exclusion::WORDS).unwrap_or_default();
    let no_data = s.word("no_data", &NoData::WORDS).unwrap_or_default();
    let rules = rules(s, window);
    Some(Objective {
        id: Arc::from(id.value),
        name,
        service: ServiceId::new(service?.value),
        target: target?,
        window: window?,
        sli: sli?,
        exclusion,
        no_data,
        rules,
    })
}

/// A part of all, exactly. All of it leaves no budget: of a target that is said.
fn target(s: &Section<'_>, key: &'static str, is_budget: bool) -> Option<Target> {
    if !s.has(key) {
        s.text(key);
        let usual = if key == "budget" { "2%" } else { "99.9%" };
        s.missing(key, &format!("{key} = \"{usual}\""));
        return None;
    }
    let text = s.filled(key)?;
    let number = text.value.trim().trim_end_matches('%').trim_end_matches("ppm").trim_end();
    let Some(target) = Target::parse(text.value) else {
        let name = s.key(key);
        let (message, remedy) = match number.parse::<f64>() {
            Ok(n) if n > 100.0 && text.value.contains('%') || n > 1e6 => {
                (format!("{name} is more than all there is"), "at most 100%; 99.9% is usual")
            }
            Ok(n) if n <= 0.0 => (format!("{name} asks for nothing"), "more than 0%"),
            Ok(_) if text.value.trim() == number => (
                format!("{name} = \"{}\" has no unit", text.value),
                "write \"99.95%\" or \"999500ppm\"",
            ),
            _ => (
                format!("{name} = \"{}\" is no part of a whole", text.value),
                "write \"99.95%\", with at most four decimals, or \"999500ppm\"",
            ),
        };
        s.report().error(text.at, message, remedy);
        return None;
    };
    if is_budget && target == Target::ALL {
        let message = "a target of 100 % leaves no budget: the first bad event misses it, and no \
                       burn rate can be worked out";
        s.report().warn(text.at, message, "set one below, such as 99.99%");
    }
    Some(target)
}

/// `"30d"`, or `{ calendar = "month", timezone = "…" }`.
fn window(s: &Section<'_>, zone: Tz) -> Option<Window> {
    let Some(node) = s.node("window") else {
        s.missing("window", "window = \"30d\"");
        return None;
    };
    if matches!(node.value, Value::Table(_)) {
        let w = s.section("window")?;
        if !w.has("calendar") {
            w.missing("calendar", "calendar = \"month\"");
        }
        let period = w.word("calendar", &Period::WORDS);
        let zone = w.zone("timezone").unwrap_or(zone);
        w.finish();
        return Some(Window::Calendar { period: period?, zone });
    }
    let length = steps(s, "window", TimeDelta::hours(1)..=LONGEST)?;
    Some(Window::Rolling(length))
}

/// A duration in whole steps of five minutes.
fn steps(
    s: &Section<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<TimeDelta>,
) -> Option<TimeDelta> {
    let length = s.duration(key, range)?;
    if length.num_seconds() % STEP.num_seconds() != 0 {
        let at = s.key_place(key).unwrap_or(s.at);
        let message = format!("{} is not a multiple of five minutes", s.key(key));
        s.report().error(at, message, "that is how finely time is told apart here");
        return None;
    }
    Some(length)
}

fn sli(s: &Section<'_>, service: Option<Text<'_>>, known: &Known<'_, '_>) -> Option<Sli> {
    let method = s.word("method", &Method::WORDS);
    if !s.has("method") {
        s.missing("method", "method = \"events\"");
    }
    let source = source(s, known);
    // All keys are asked for, so that none counts as unknown where another is wrong.
    let query = |key| s.filled(key);
    let (good, bad, total) = (query("good"), query("bad"), query("total"));
    let (ratio, value) = (query("error_ratio"), query("query"));
    let (below, above) = (s.number("below"), s.number("above"));
    let slice = s.duration("slice", TimeDelta::seconds(10)..=TimeDelta::days(1));
    let signal = s.filled("signal");
    let incidents = s.integer("incidents", 1..=5);
    let method = method?;
    misplaced(s, method);
    for text in [good, bad, total].into_iter().flatten() {
        windowed(s, text);
    }
    for text in [good, bad, total, ratio].into_iter().flatten() {
        recent(s, text);
    }
    let events = || events(s, (good, bad, total, ratio), method);
    match method {
        Method::Events => {
            let events = events();
            Some(Sli::Events { source: needed(s, source)?, events: events? })
        }
        Method::Slices => {
            let judge = if let Some(query) = value {
                limit(s, query, (below, above))
            } else {
                for (key, _) in [("below", below), ("above", above)] {
                    if let Some(at) = s.key_place(key) {
                        let message = format!("{key} is a limit for query, which is missing");
                        s.report().error(at, message, "add query = \"…\"");
                    }
                }
                let events = events();
                let at_least = target(s, "slice_target", false);
                events.zip(at_least).map(|(events, at_least)| Judge::Events { events, at_least })
            };
            let length = slice_length(s, slice);
            Some(Sli::Slices { source: needed(s, source)?, length: length?, judge: judge? })
        }
        Method::Uptime => uptime(s, (value, signal, incidents), (source, service, known)),
    }
}

fn uptime(
    s: &Section<'_>,
    (query, signal, incidents): (Option<Text<'_>>, Option<Text<'_>>, Option<i64>),
    (source, service, known): (Asked<'_>, Option<Text<'_>>, &Known<'_, '_>),
) -> Option<Sli> {
    let given = [query.map(|t| t.at), signal.map(|t| t.at), s.key_place("incidents")];
    let mut given = given.into_iter().flatten();
    let _ = given.next();
    if let Some(at) = given.next() {
        let message = "only one thing can say whether it is up";
        s.report().error(at, message, "keep query, signal or incidents");
        return None;
    }
    if let Some(query) = query {
        let (source, query) = (needed(s, source)?, query.value.trim().to_owned());
        return Some(Sli::Uptime(Uptime::Query { source, query }));
    }
    if let Asked::Source(source) = source {
        let message = "source is not asked anything: the console sees this by itself";
        s.report().error(source.at, message, "add query, or take source out");
    }
    if let Some(signal) = signal {
        let read = service.and_then(|t| known.read.iter().find(|r| r.id.value == t.value));
        let names: Vec<&str> =
            read.into_iter().flat_map(|r| &r.service.signals).map(|g| &*g.name).collect();
        if read.is_some() && !names.contains(&signal.value) {
            let message = format!("unknown signal \"{}\" in slos.signal", signal.value);
            let remedy = if names.is_empty() {
                "this service has no [[services.signals]]".to_owned()
            } else {
                suggest(signal.value, &names, "its signals")
            };
            s.report().error(signal.at, message, remedy);
            return None;
        }
        return Some(Sli::Uptime(Uptime::Signal(Arc::from(signal.value))));
    }
    Some(Sli::Uptime(match incidents {
        Some(least) => Uptime::Incidents { least: Priority(u8::try_from(least).unwrap_or(5)) },
        None => Uptime::Service,
    }))
}

/// A source that can be asked about the past.
fn source<'a>(s: &Section<'a>, known: &Known<'_, '_>) -> Asked<'a> {
    let Some(text) = s.filled("source") else {
        return if s.has("source") { Asked::Wrong } else { Asked::Nobody };
    };
    let able: Vec<&str> = known
        .sources
        .iter()
        .filter(|(_, kind)| *kind == "prometheus")
        .map(|(name, _)| name.as_str())
        .collect();
    let (message, known_as) = match known.sources.iter().find(|(name, _)| name == text.value) {
        Some((_, "prometheus")) => return Asked::Source(text),
        Some((_, kind)) => (
            format!(
                "source \"{}\" is of kind {kind}, which cannot be asked about the past",
                text.value
            ),
            "sources of kind prometheus",
        ),
        None => (
            format!("unknown source \"{}\" in slos.source", text.value),
            "sources of kind prometheus",
        ),
    };
    let remedy = || match able.as_slice() {
        [] => "no source of kind prometheus is defined; method = \"uptime\" without query needs \
               none"
            .to_owned(),
        able => suggest(text.value, able, known_as),
    };
    s.report().error(text.at, message, s.report().remedy(remedy));
    Asked::Wrong
}

fn needed(s: &Section<'_>, source: Asked<'_>) -> Option<Arc<str>> {
    match source {
        Asked::Source(text) => Some(Arc::from(text.value)),
        Asked::Wrong => None,
        Asked::Nobody => {
            s.missing("source", "source = \"prom-dc1\"");
            None
        }
    }
}

type Queries<'a> = (Option<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>);

fn events(
    s: &Section<'_>,
    (good, bad, total, ratio): Queries<'_>,
    method: Method,
) -> Option<Events> {
    let text = |t: Text<'_>| t.value.trim().to_owned();
    for (key, part) in [("good", good), ("bad", bad)] {
        if let (Some(part), Some(total)) = (part, total) {
            alike(s, (key, part), ("total", total));
        }
    }
    match (good, bad, total, ratio) {
        (Some(good), None, Some(total), None) => {
            Some(Events::Good { good: text(good), total: text(total) })
        }
        (None, Some(bad), Some(total), None) => {
            Some(Events::Bad { bad: text(bad), total: text(total) })
        }
        (None, None, None, Some(ratio)) => Some(Events::ErrorRatio(text(ratio))),
        (None, None, None, None) => {
            let or = if method == Method::Slices { ", or query with below or above" } else { "" };
            let message = format!("{} of slos has nothing to count", method.word());
            let remedy = format!("add good (or bad) and total, or error_ratio{or}");
            s.report().error(s.at, message, remedy);
            None
        }
        (good, bad, total, ratio) => {
            let (key, at) = match (ratio, good, bad) {
                (Some(ratio), ..) => ("error_ratio", ratio.at),
                (_, Some(_), Some(bad)) => ("bad", bad.at),
                (_, Some(good), _) => ("good", good.at),
                (_, _, Some(bad)) => ("bad", bad.at),
                _ => ("total", total.map_or(s.at, |t| t.at)),
            };
            let message = format!("{key} does not go with what else is given");
            let remedy = "keep good and total, or bad and total, or error_ratio alone";
            s.report().error(at, message, remedy);
            None
        }
    }
}

/// A query whose value is good on one side of a limit.
fn limit(s: &Section<'_>, query: Text<'_>, sides: (Option<f64>, Option<f64>)) -> Option<Judge> {
    let (limit, good) = match sides {
        (Some(limit), None) => (limit, Direction::Below),
        (None, Some(limit)) => (limit, Direction::Above),
        (None, None) => {
            if !s.has("below") && !s.has("above") {
                s.missing("below", "below = 0.3");
            }
            return None;
        }
        (Some(_), Some(_)) => {
            let at = s.key_place("above").unwrap_or(s.at);
            s.report().error(at, "a slice is good below or above a limit", "keep one of them");
            return None;
        }
    };
    Some(Judge::Value { query: query.value.trim().to_owned(), limit, good })
}

fn slice_length(s: &Section<'_>, slice: Option<TimeDelta>) -> Option<TimeDelta> {
    if !s.has("slice") {
        return Some(TimeDelta::minutes(1));
    }
    let length = slice?;
    let seconds = length.num_seconds();
    let fits = STEP.num_seconds() % seconds == 0
        || (seconds % STEP.num_seconds() == 0 && 86_400 % seconds == 0);
    if !fits {
        let at = s.key_place("slice").unwrap_or(s.at);
        let message = "slices of this length do not fit into five minutes or into a day";
        s.report().error(at, message, "such as \"30s\", \"1m\", \"5m\", \"15m\" or \"1h\"");
    }
    fits.then_some(length)
}

/// A count without a place for the window would count the same again and again.
fn windowed(s: &Section<'_>, text: Text<'_>) {
    if !has_window(text.value) {
        let message = "this query has no {{window}}";
        let remedy = "count over it, as in sum(increase(http_requests_total[{{window}}])); a ratio \
                      that was recorded is error_ratio";
        s.report().error(text.at, message, remedy);
    }
}

/// A series that was recorded over a long time tells nothing about five minutes.
fn recent(s: &Section<'_>, text: Text<'_>) {
    if let Some((name, over)) = looks_back(text.value) {
        let over = duration(over);
        let message = format!("{name} looks back over {over}: what fails would count for so long");
        let remedy =
            "take what is recorded over 5m, such as slo:sli_error:ratio_rate5m or …:burnrate5m";
        s.report().warn(text.at, message, remedy);
    }
}

/// What is per second and what is counted over the window cannot be compared.
fn alike(s: &Section<'_>, one: (&str, Text<'_>), other: (&str, Text<'_>)) {
    let ((key, rates), (counted, counts)) =
        match (is_per_second(one.1.value), is_per_second(other.1.value)) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return,
        };
    let what = format!("values per second, while {counted} counts over {{{{window}}}}");
    let remedy = "take rate() in both, or increase() in both";
    if is_plainly_one_kind(rates.value) && is_plainly_one_kind(counts.value) {
        s.report().error(rates.at, format!("{key} gives {what}"), remedy);
    } else {
        let message = format!("{key} seems to give {what}: then it counts as unknown");
        s.report().warn(rates.at, message, remedy);
    }
}

fn misplaced(s: &Section<'_>, method: Method) {
    let all = Method::WORDS.iter().flat_map(|(_, m)| m.keys());
    let mut told: Vec<(&str, Place)> = Vec::new();
    for key in all {
        let is_told = told.iter().any(|(known, _)| known == key);
        if let Some(at) = s.key_place(key).filter(|_| !is_told && !method.keys().contains(key)) {
            told.push((key, at));
        }
    }
    for (key, at) in told {
        let message = format!("{key} does not belong to method \"{}\"", method.word());
        let remedy = format!("it takes {}", method.keys().join(", "));
        s.report().error(at, message, remedy);
    }
    if method != Method::Slices {
        return;
    }
    if let (Some(at), true) = (s.key_place("slice_target"), s.has("query")) {
        let message = "slice_target is for events; a query has a limit";
        s.report().error(at, message, "take it out, and set below or above");
    }
    if s.has("query") {
        s.text("slice_target");
    }
}

/// When an incident is raised; the usual ones where nothing is said.
fn rules(s: &Section<'_>, window: Option<Window>) -> Vec<Rule> {
    let longest = window.map_or(LONGEST, Window::length);
    if !s.has("alerts") {
        s.node("alerts");
        let fits = |rule: &Rule| rule.long < longest;
        return default_rules().into_iter().filter(fits).collect();
    }
    let mut rules = Vec::new();
    for r in s.sections("alerts") {
        let budget = target(&r, "budget", false);
        let up_to = TimeDelta::days(31);
        let long = steps(&r, "long", STEP..=up_to);
        let short = steps(&r, "short", STEP..=up_to);
        if !r.has("long") {
            r.missing("long", "long = \"1h\"");
        }
        let severity = r.word("severity", &Severity::WORDS).unwrap_or(Severity::Page);
        if let (Some(long), Some(at)) = (long, r.key_place("long"))
            && long > longest
        {
            let message = "this is longer than the window of the objective";
            r.report().error(at, message, "make long shorter");
        }
        if let (Some(long), Some(short), Some(at)) = (long, short, r.key_place("short"))
            && short > long
        {
            let message = "short is longer than long";
            r.report().error(at, message, "a twelfth of it is usual");
        }
        r.finish();
        if let (Some(budget), Some(long)) = (budget, long) {
            // A twelfth, in whole steps.
            let twelfth = TimeDelta::seconds(long.num_seconds() / 12 / 300 * 300).max(STEP);
            let short = short.unwrap_or(twelfth);
            rules.push(Rule { budget_ppm: budget.ppm(), long, short, severity });
        }
    }
    rules
}
