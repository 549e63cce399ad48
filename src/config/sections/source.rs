//! `[[sources]]`: the upstreams, with their credentials and TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use regex::RegexBuilder;
use url::Url;

use crate::config::names::Names;
use crate::config::problem::Place;
use crate::config::reader::{Section, Text};
use crate::config::tree::Value;
use crate::domain::calendar::mirror::Owner;
use crate::domain::calendar::stated::Terms;
use crate::domain::calendar::{ChangeType, Kind as CalendarKind};
use crate::domain::health::{ServiceId, State};
use crate::domain::matcher::Matchers;
use crate::domain::roster::stated::Callings;
use crate::domain::text::{clean, suggest};
use crate::domain::upstream::actions::TOLD;
use crate::domain::upstream::template::{NAMES, Template};
use crate::engine::Site;
use crate::sources::pagerduty::orders::TOLD as OF_PAGERDUTY;
use crate::sources::settings::{
    ActionTemplate, AlertPaths, Alertmanager, Auth, CalendarAt, Command, Host, HttpDocument,
    HttpSettings, Ical, Icinga2, Kind, Meaning, Method, PagerDuty, Probe, Prometheus, Secret,
    SourceSettings, StatePath, Verb,
};

/// The words of `kind` that this version reads.
pub const KINDS: [&str; 9] = [
    "host",
    "prometheus",
    "alertmanager",
    "icinga2",
    "pagerduty",
    "http",
    "probe",
    "command",
    "ical",
];
/// What a source of kind `ical` is called among the others that states windows.
const WINDOWS: &str = "calendar of windows";
/// What an account of PagerDuty is called that states who is on call.
const SCHEDULE: &str = "schedule of PagerDuty";
/// Those that state who is on call.
pub const OF_SHIFTS: [&str; 2] = ["ical", SCHEDULE];
/// Those that can be told of maintenance.
const MIRRORS: [&str; 2] = ["alertmanager", "icinga2"];
/// The longest that is waited for an answer unless set otherwise: at most one interval.
const TIMEOUT: TimeDelta = TimeDelta::seconds(10);
/// Largest answer accepted unless set otherwise, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The same of documents in any form, which take much more room when they are read.
const MAX_DOCUMENT: usize = 8 * 1024 * 1024;
pub(super) const WEB: [&str; 2] = ["http", "https"];

/// A source as it was read, with the places of what must be checked against the rest.
pub struct ReadSource<'a> {
    pub settings: SourceSettings,
    /// Where `timeout` was set, if it was.
    pub timeout_at: Option<Place>,
    /// What it was made from, for telling changes.
    pub digest: u64,
    /// `alerts` was not set on a `prometheus`.
    pub alerts_open: bool,
    /// `origins`, to be found among the other sources.
    pub origins: Vec<Text<'a>>,
    /// Services that its `states` name.
    pub services: Vec<Text<'a>>,
    /// People whom its `people` names.
    pub people: Vec<Text<'a>>,
    /// What its `windows` names.
    pub named: Named<'a>,
}

/// Services and people that windows of a calendar are about.
#[derive(Default)]
pub struct Named<'a> {
    pub services: Vec<Text<'a>>,
    pub owner: Option<Text<'a>>,
}

/// What sources have to know of the rest of the file.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub site: &'a Site,
    /// How long values are kept.
    pub history: TimeDelta,
    /// In whose name maintenance is made known.
    pub owner: &'a Owner,
}

/// All of them. Those with errors in them are left out, but their names are known.
pub fn sources<'a>(
    sections: Vec<Section<'a>>,
    around: Around<'_>,
) -> (Vec<ReadSource<'a>>, Vec<(String, &'static str)>) {
    let (mut list, mut names) = (Vec::new(), Vec::new());
    let mut taken = Names::new("source", "sources");
    for s in sections {
        let name = s.required_text("name", "name = \"prom-dc1\"");
        if let Some(name) = name {
            taken.give(s.report(), name);
        }
        let kind = kind_word(&s);
        if let (Some(name), Some(kind)) = (name, kind) {
            // Of what it is the calendar decides who can be read from it.
            let kind = match kind {
                "ical" if s.has("windows") => WINDOWS,
                "pagerduty" if s.has("schedule") => SCHEDULE,
                kind => kind,
            };
            names.push((name.value.to_owned(), kind));
        }
        let Some(kind) = kind else { continue };
        let read = source(&s, name, kind, around);
        s.finish();
        list.extend(read);
    }
    (list, names)
}

fn kind_word(s: &Section<'_>) -> Option<&'static str> {
    let text = s.required_text("kind", "kind = \"prometheus\"")?;
    let found = KINDS.into_iter().find(|k| *k == text.value);
    if found.is_none() {
        let message = format!("unknown kind of source \"{}\"", text.value);
        s.report().error(text.at, message, suggest(text.value, &KINDS, "known kinds"));
    }
    found
}

fn source<'a>(
    s: &Section<'a>,
    name: Option<Text<'a>>,
    word: &'static str,
    around: Around<'_>,
) -> Option<ReadSource<'a>> {
    if let Some(name) = name
        && !name.value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c))
    {
        let message = format!("the name \"{}\" is not usable", name.value);
        s.report().error(name.at, message, "use letters, digits and - _ . : /");
    }
    let seconds = TimeDelta::seconds;
    let default = match word {
        "host" => 5,
        "prometheus" | "alertmanager" | "icinga2" => 15,
        "command" => 60,
        "ical" => 300,
        _ => 30,
    };
    let interval = s.duration("interval", seconds(1)..=TimeDelta::days(1));
    let interval = interval.unwrap_or(seconds(default));
    let timeout = s.duration("timeout", seconds(1)..=TimeDelta::minutes(10));
    let timeout_at = s.node("timeout").map(|node| node.at.0);
    let http = if matches!(
        word,
        "prometheus" | "alertmanager" | "icinga2" | "pagerduty" | "http" | "probe" | "ical"
    ) {
        http(s)
    } else {
        HttpSettings::default()
    };
    let max_body = if matches!(word, "host" | "probe") { None } else { size(s, "max_body") };
    let (mut origins, mut services, mut people) = (Vec::new(), Vec::new(), Vec::new());
    let (mut alerts_open, mut named) = (false, Named::default());
    let told = |key, of: &str| told(s, word, key, of);
    let mirror = told("mirror", "maintenance").then(|| around.owner.clone());
    let acknowledge = told("acknowledge", "acknowledgements");
    let acknowledge = acknowledge.then(|| around.owner.of_acknowledgements());
    let kind = match word {
        "host" => Some(Kind::Host(host(s))),
        "prometheus" => {
            alerts_open = !s.has("alerts");
            prometheus(s, around.history).map(Kind::Prometheus)
        }
        "alertmanager" => {
            let (kind, from) = alertmanager(s, mirror, acknowledge);
            origins = from;
            kind.map(Kind::Alertmanager)
        }
        "pagerduty" => {
            let (meaning, of, planned) = meaning(s, around.site);
            (people, named) = (of, planned);
            pagerduty(s, &http.auth, meaning).map(Kind::PagerDuty)
        }
        "icinga2" => icinga2(s, mirror, acknowledge).map(Kind::Icinga2),
        "http" => {
            let (kind, of) = document(s);
            services = of;
            kind.map(|d| Kind::Http(Box::new(d)))
        }
        "probe" => Some(Kind::Probe(probe(s))),
        "ical" => {
            let (kind, of, planned) = ical(s, around.site);
            (people, named) = (of, planned);
            kind.map(Kind::Ical)
        }
        _ => command(s).map(Kind::Command),
    };
    let name = name?;
    let std = |d: TimeDelta| d.to_std().unwrap_or_default();
    let settings = SourceSettings {
        name: Arc::from(name.value),
        interval: std(interval),
        timeout: std(timeout.unwrap_or(TIMEOUT.min(interval))),
        max_body: max_body.unwrap_or(if matches!(word, "http" | "command" | "ical") {
            MAX_DOCUMENT
        } else {
            MAX_BODY
        }),
        http,
        kind: kind?,
        asks: Vec::new(),
    };
    let digest = s.digest();
    Some(ReadSource { settings, timeout_at, digest, alerts_open, origins, services, people, named })
}

/// `64MiB`, `512 KiB`, or a number of bytes.
fn size(s: &Section<'_>, key: &'static str) -> Option<usize> {
    let node = s.node(key)?;
    let bytes = match &node.value {
        Value::Integer(n) => usize::try_from(*n).ok(),
        Value::Text(t) => {
            let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
            units.into_iter().find_map(|(unit, factor)| {
                let n: usize = t.strip_suffix(unit)?.trim().parse().ok()?;
                n.checked_mul(factor)
            })
        }
        _ => None,
    };
    let bytes = bytes.filter(|n| (1_024..=1 << 30).contains(n));
    if bytes.is_none() {
        let remedy = "it takes 1KiB to 1GiB, as in \"64MiB\", or a number of bytes";
        s.report().error(node.at.0, format!("{}.{key} is not a usable size", s.name), remedy);
    }
    bytes
}

pub(super) fn http(s: &Section<'_>) -> HttpSettings {
    let mut http = HttpSettings {
        insecure_skip_verify: s.flag("insecure_skip_verify").unwrap_or(false),
        ..HttpSettings::default()
    };
    let Some(a) = s.section("auth") else { return http };
    let mut found = Vec::new();
    if let Some(token) = secret(&a, BEARER) {
        found.push(Auth::Bearer(token));
    }
    if let Some(token) = secret(&a, TOKEN) {
        found.push(Auth::Token(token));
    }
    if let Some(b) = a.section("basic") {
        let user = b.required_text("user", "user = \"ana\"");
        let password = secret(&b, PASSWORD);
        if password.is_none() {
            b.missing("password_file", "password_file = \"/run/secrets/prom\"");
        }
        if let (Some(user), Some(password)) = (user, password) {
            found.push(Auth::Basic { user: user.value.to_owned(), password });
        }
        b.finish();
    }
    if let Some(h) = a.section("header") {
        let name = h.required_text("name", "name = \"X-Api-Key\"");
        let value = secret(&h, VALUE);
        if value.is_none() {
            h.missing("value_env", "value_env = \"API_KEY\"");
        }
        let name = name.filter(|n| header_name(&h, n.value, n.at));
        if let (Some(name), Some(value)) = (name, value) {
            found.push(Auth::Header { name: name.value.to_owned(), value });
        }
        h.finish();
    }
    if found.len() > 1 {
        let remedy = "keep one of bearer, token, basic and header";
        s.report().error(a.at, "more than one way to say who we are", remedy);
    }
    http.auth = found.into_iter().next().unwrap_or_default();
    http.client_cert = a.path("client_cert");
    http.ca_file = a.path("ca_file");
    a.finish();
    http
}

/// The keys by which one secret may be given: itself, a file, a variable, a program.
pub(super) type SecretKeys = [&'static str; 4];
const TOKEN: SecretKeys = ["token", "token_file", "token_env", "token_command"];
/// Where PagerDuty is, for accounts outside the EU.
const PAGERDUTY: &str = "https://api.pagerduty.com";
const BEARER: SecretKeys = ["bearer", "bearer_file", "bearer_env", "bearer_command"];
pub(super) const PASSWORD: SecretKeys =
    ["password", "password_file", "password_env", "password_command"];
const VALUE: SecretKeys = ["value", "value_file", "value_env", "value_command"];

pub(super) fn secret(s: &Section<'_>, keys: SecretKeys) -> Option<Secret> {
    let [inline, file, env, command] = keys;
    one_way(s, keys);
    let text = s.filled(inline).map(|t| {
        if s.report().file(t.at).is_some_and(|f| f.open_to_others) {
            let remedy = format!("chmod 600 the file, or use {file}, {env} or {command}");
            s.report().warn(t.at, "a secret in a file that others can read", remedy);
        }
        Secret::Inline(t.value.to_owned().into())
    });
    let elsewhere = secret_elsewhere(s, [file, env, command]);
    text.or(elsewhere)
}

/// A secret that is not in the file itself.
pub(super) fn secret_elsewhere(
    s: &Section<'_>,
    [file, env, command]: [&'static str; 3],
) -> Option<Secret> {
    let file = s.path(file).map(Secret::File);
    let env = s.filled(env).map(|t| Secret::Env(t.value.to_owned()));
    let argv = argv(s, command).map(Secret::Command);
    file.or(env).or(argv)
}

/// Reports what is given by more than one of these keys.
pub(super) fn one_way(s: &Section<'_>, keys: SecretKeys) {
    let given: Vec<_> = keys.into_iter().filter_map(|k| s.key_place(k)).collect();
    if let [first, second, ..] = given.as_slice() {
        let message = format!("{} is given in two ways", keys[0]);
        s.report().clash(*second, *first, message, "keep one of them");
    }
}

/// A program with its arguments; there is no shell.
pub(super) fn argv(s: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let node = s.node(key)?;
    if let Value::Text(text) = &node.value {
        let parts: Vec<String> = text.split_whitespace().map(|p| format!("{p:?}")).collect();
        let remedy =
            format!("no shell is used; write the arguments one by one: [{}]", parts.join(", "));
        s.report().error(node.at.0, format!("{}.{key} is a text", s.name), remedy);
        return None;
    }
    let list = s.texts(key)?;
    if list.first().is_none_or(|t| t.value.is_empty()) {
        let remedy = format!("{key} = [\"/path/to/program\", \"argument\"]");
        s.report().error(node.at.0, format!("{}.{key} names no program", s.name), remedy);
        return None;
    }
    Some(list.into_iter().map(|t| t.value.to_owned()).collect())
}

fn header_name(s: &Section<'_>, name: &str, at: Place) -> bool {
    let fine = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    if !fine {
        s.report().error(at, format!("{name:?} is not a header name"), "as in X-Api-Key");
    }
    fine
}

fn host(s: &Section<'_>) -> Host {
    Host {
        top_processes: s.integer("top_processes", 0..=50).map_or(10, |n| n as usize),
        services: s.flag("services").unwrap_or(true),
    }
}

fn heartbeats(s: &Section<'_>) -> Vec<Matchers> {
    s.matchers("heartbeat")
}

fn prometheus(s: &Section<'_>, history: TimeDelta) -> Option<Prometheus> {
    let range = TimeDelta::zero()..=TimeDelta::days(30);
    let backfill = s.duration("backfill", range).unwrap_or(history);
    let (alerts, heartbeats) = (s.flag("alerts"), heartbeats(s));
    if !s.has("url") {
        s.missing("url", "url = \"http://127.0.0.1:9090\"");
    }
    let url = s.url("url", &WEB)?;
    let backfill = backfill.to_std().unwrap_or(Duration::ZERO);
    Some(Prometheus { url, alerts: alerts.unwrap_or(true), heartbeats, backfill })
}

/// Whether something is made known there.
fn told(s: &Section<'_>, kind: &str, key: &'static str, of: &str) -> bool {
    let can = MIRRORS.contains(&kind);
    // Where it cannot be, it is no key that is offered.
    let told = (can || s.has(key)) && s.flag(key).unwrap_or(false);
    if told && !can {
        let message = format!("a source of kind \"{kind}\" cannot be told of {of}");
        let remedy = format!("take it out here; it belongs to {}", MIRRORS.join(" and "));
        s.report().error(s.key_place(key).unwrap_or(s.at), message, remedy);
    }
    told && can
}

fn icinga2(s: &Section<'_>, mirror: Option<Owner>, acknowledge: Option<Owner>) -> Option<Icinga2> {
    if !s.has("url") {
        s.missing("url", "url = \"https://icinga.example:5665\"");
    }
    let vars = s.texts("vars").unwrap_or_default();
    let url = s.url("url", &WEB)?;
    let vars = vars.into_iter().map(|t| t.value.to_owned()).collect();
    let notes = s.flag("notes").unwrap_or(false);
    Some(Icinga2 { url, vars, mirror, acknowledge, notes })
}

fn pagerduty(s: &Section<'_>, auth: &Auth, meaning: Meaning) -> Option<PagerDuty> {
    if matches!(auth, Auth::None) {
        s.missing("auth", "auth = { token_file = \"/run/secrets/pagerduty\" }");
    }
    let list = |key| {
        let texts = s.texts(key).unwrap_or_default();
        texts.into_iter().map(|t| t.value.to_owned()).collect()
    };
    let (from, services, teams) = (s.filled("from"), list("services"), list("teams"));
    let from = from.filter(|from| {
        let is_address = from.value.contains('@');
        if !is_address {
            let message = format!("from = {:?} is no mail address", from.value);
            s.report().error(from.at, message, "it is the address of a user of PagerDuty");
        }
        is_address
    });
    let url = if s.has("url") { s.url("url", &WEB)? } else { PAGERDUTY.parse().ok()? };
    let known = OF_PAGERDUTY.map(|(action, _)| action);
    let actions = s.texts("actions").unwrap_or_default().into_iter().filter(|action| {
        let is_known = known.contains(&action.value);
        if !is_known {
            let message = format!("PagerDuty cannot be told of {:?}", action.value);
            s.report().error(action.at, message, suggest(action.value, &known, "it takes"));
        }
        is_known
    });
    let actions: Vec<String> = actions.map(|t| t.value.to_owned()).collect();
    if !actions.is_empty() && from.is_none() {
        s.missing("from", "from = \"noc@acme.example\"");
    }
    let from = from.map(|t| t.value.to_owned());
    let schedule = s.filled("schedule").map(|t| t.value.to_owned());
    Some(PagerDuty { url, from, services, teams, actions, schedule, meaning })
}

fn alertmanager<'a>(
    s: &Section<'a>,
    mirror: Option<Owner>,
    acknowledge: Option<Owner>,
) -> (Option<Alertmanager>, Vec<Text<'a>>) {
    let heartbeats = heartbeats(s);
    let filter = s.texts("filter").unwrap_or_default();
    for text in &filter {
        s.matchers_of(*text);
    }
    let filter = filter.into_iter().map(|t| t.value.to_owned()).collect();
    let origins = s.texts("origins").unwrap_or_default();
    let members = s.texts("urls").or_else(|| s.texts("url"));
    let example = "urls = [\"http://127.0.0.1:9093\"]";
    let Some(members) = members else {
        s.missing("urls", example);
        return (None, origins);
    };
    if members.is_empty() {
        let at = s.key_place("urls").or_else(|| s.key_place("url")).unwrap_or(s.at);
        s.report().error(at, "sources.urls is empty", format!("name at least one: {example}"));
        return (None, origins);
    }
    let urls: Vec<_> = members.iter().filter_map(|t| s.url_of(*t, &WEB)).collect();
    let names = origins.iter().map(|t| Arc::from(t.value)).collect();
    let whole = urls.len() == members.len();
    let kind = Alertmanager { urls, filter, heartbeats, origins: names, mirror, acknowledge };
    (whole.then_some(kind), origins)
}

fn document<'a>(s: &Section<'a>) -> (Option<HttpDocument>, Vec<Text<'a>>) {
    let method =
        s.word("method", &[("GET", Method::Get), ("POST", Method::Post)]).unwrap_or_default();
    let body = s.text("body").map(|t| t.value.to_owned());
    let mut headers = BTreeMap::new();
    for (name, value) in s.pairs("headers") {
        if !header_name(s, name, value.at) {
            continue;
        }
        let lower = name.to_ascii_lowercase();
        if ["authorization", "cookie", "token", "key", "secret"].iter().any(|w| lower.contains(w)) {
            let remedy =
                format!("use auth = {{ header = {{ name = \"{name}\", value_file = \"…\" }} }}");
            s.report().error(value.at, format!("\"{name}\" looks like a credential"), remedy);
        }
        headers.insert(name.to_owned(), value.value.to_owned());
    }
    let mut services = Vec::new();
    let mut states = Vec::new();
    for state in s.sections("states") {
        let (path, read) = state_path(&state);
        services.extend(read);
        states.extend(path);
        state.finish();
    }
    let alerts = s.section("alerts").and_then(|a| {
        let paths = alert_paths(&a);
        a.finish();
        paths
    });
    if !s.has("url") {
        s.missing("url", "url = \"https://app.example/status.json\"");
    }
    let url = s.url("url", &WEB);
    let mut actions: Vec<ActionTemplate> = Vec::new();
    for section in s.sections("actions") {
        if let Some(action) = action(&section, url.as_ref()) {
            if actions.iter().any(|a| a.on == action.on) {
                let message = format!("\"{}\" is told twice", action.on);
                s.report().error(section.at, message, "keep one of them".to_owned());
            }
            actions.push(action);
        }
        section.finish();
    }
    let document = |url| HttpDocument { url, method, body, headers, states, alerts, actions };
    (url.map(document), services)
}

/// What is told of one action.
fn action(s: &Section<'_>, home: Option<&Url>) -> Option<ActionTemplate> {
    let example = "on = \"acknowledge\"";
    let on = s.required_text("on", example);
    let on = on.filter(|on| {
        let known = TOLD.contains(&on.value);
        if !known {
            let message = format!("nothing is told of \"{}\"", on.value);
            s.report().error(on.at, message, suggest(on.value, &TOLD, "actions"));
        }
        known
    });
    let verbs = [
        ("POST", Verb::Post),
        ("PUT", Verb::Put),
        ("PATCH", Verb::Patch),
        ("DELETE", Verb::Delete),
    ];
    let verb = s.word("method", &verbs).unwrap_or(Verb::Post);
    let template = |text: Text<'_>| match Template::parse(text.value) {
        Ok(template) => Some(template),
        Err(why) => {
            let remedy = format!("known: {}, labels.NAME", NAMES.join(", "));
            s.report().error(text.at, why, remedy);
            None
        }
    };
    let url = s.required_text("url", "url = \"https://app.example/alerts/{{alert}}/ack\"");
    let body = s.text("body").map(template);
    let (url, at) = url.map(|text| (template(text), text.at))?;
    let url = url?;
    // Credentials of the source go along, and nothing of an incident says where to.
    let head = url.head().parse::<Url>().ok();
    let has_path = url.head().split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let is_home = head.is_some_and(|h| home.is_none_or(|u| u.origin() == h.origin()));
    if !is_home || !has_path {
        let message = "an action goes to the server of its source, at a path of its own";
        let remedy = "begin it as the source's url; another server is another source".to_owned();
        s.report().error(at, message, remedy);
        return None;
    }
    let body = match body {
        Some(None) => return None,
        Some(body) => body,
        None => None,
    };
    Some(ActionTemplate { on: on?.value.to_owned(), verb, url, body })
}

fn state_path<'a>(s: &Section<'a>) -> (Option<StatePath>, Option<Text<'a>>) {
    let service = s.required_text("service", "service = \"checkout\"");
    let signal = s.required_text("signal", "signal = \"self-test\"");
    if !s.has("path") {
        s.missing("path", "path = \"$.status\"");
    }
    let path = s.json_path("path");
    let message = s.json_path("message");
    let words = ["ok", "warning", "critical", "unknown", "maintenance"];
    let mut map = BTreeMap::new();
    for (word, state) in s.pairs("map") {
        if let Some(known) = State::ALL.into_iter().find(|k| k.word() == state.value) {
            map.insert(word.to_lowercase(), known);
        } else {
            let message = format!("\"{}\" is not a state", state.value);
            s.report().error(state.at, message, suggest(state.value, &words, "states"));
        }
    }
    if map.is_empty() {
        s.missing("map", "map = { up = \"ok\", degraded = \"warning\", down = \"critical\" }");
    }
    let read = match (service, signal, path) {
        (Some(service), Some(signal), Some(path)) => Some(StatePath {
            service: ServiceId::new(service.value),
            signal: Arc::from(signal.value),
            path,
            map,
            message,
        }),
        _ => None,
    };
    (read, service)
}

fn alert_paths(s: &Section<'_>) -> Option<AlertPaths> {
    for (key, example) in [
        ("each", "each = \"$.problems[*]\""),
        ("id", "id = \"$.id\""),
        ("title", "title = \"$.summary\""),
    ] {
        if !s.has(key) {
            s.missing(key, example);
        }
    }
    let (each, id, title) = (s.json_path("each"), s.json_path("id"), s.json_path("title"));
    let (severity, since) = (s.json_path("severity"), s.json_path("since"));
    let (url, service) = (s.json_path("url"), s.json_path("service"));
    let labels = s.pairs("labels");
    let labels = labels
        .into_iter()
        .filter_map(|(name, path)| Some((name.to_owned(), s.json_path_of(path)?)))
        .collect();
    Some(AlertPaths { each: each?, id: id?, title: title?, severity, since, url, labels, service })
}

fn probe(s: &Section<'_>) -> Probe {
    let mut status = Vec::new();
    if let Some(node) = s.node("status") {
        let list = match &node.value {
            Value::List(list) => list.as_slice(),
            _ => std::slice::from_ref(node),
        };
        status = list
            .iter()
            .filter_map(|n| s.integer_of("status", n, 100..=599))
            .map(|n| n as u16)
            .collect();
    }
    let body = s.filled("body").and_then(|t| {
        match RegexBuilder::new(t.value).size_limit(256 * 1024).build() {
            Ok(_) => Some(t.value.to_owned()),
            Err(e) => {
                let reason = e.to_string();
                let reason = reason.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let message = format!("this regular expression is not usable: {reason}");
                s.report().error(t.at, message, "escape special characters with \\ in '…' quotes");
                None
            }
        }
    });
    let mut days = (21, 7);
    if let Some(c) = s.section("certificate_days") {
        days.0 = c.integer("warn", 0..=3_650).map_or(days.0, |n| n as u32);
        days.1 = c.integer("crit", 0..=3_650).map_or(days.1, |n| n as u32);
        if days.0 < days.1 {
            let message = format!("warn = {} days comes after crit = {} days", days.0, days.1);
            s.report().error(c.at, message, "the warning must come first: make warn the larger");
        }
        c.finish();
    }
    let follow_redirects = s.flag("follow_redirects").unwrap_or(true);
    Probe { status, body, certificate_days: days, follow_redirects }
}

fn command(s: &Section<'_>) -> Option<Command> {
    let env = s.pairs("env");
    let env = env.into_iter().map(|(k, v)| (k.to_owned(), v.value.to_owned())).collect();
    let directory = s.path("directory");
    if !s.has("argv") {
        s.missing("argv", "argv = [\"/usr/local/lib/check-queue\", \"--json\"]");
    }
    let argv = argv(s, "argv")?;
    Some(Command { argv, env, directory })
}

/// A calendar by address or file, with those that its `people` names.
fn ical<'a>(s: &Section<'a>, site: &Site) -> (Option<Ical>, Vec<Text<'a>>, Named<'a>) {
    let zone = s.zone("timezone").unwrap_or(site.zone);
    let collection = s.flag("collection").unwrap_or(false);
    let (url, file) = (s.has("url").then(|| s.url("url", &WEB)), s.path("file"));
    let from = match (url, file) {
        (Some(url), None) if collection => url.map(CalendarAt::Collection),
        (Some(url), None) => url.map(CalendarAt::Web),
        (None, Some(_)) if collection => {
            let at = s.key_place("collection").unwrap_or(s.at);
            s.report().error(at, "a file is no collection", "take collection out, or give its url");
            None
        }
        (None, Some(file)) => Some(CalendarAt::File(file)),
        (None, None) => {
            if !s.has("file") {
                s.missing("url", "url = \"https://calendar.example/rota.ics\"");
            }
            None
        }
        (Some(_), Some(_)) => {
            let at = s.key_place("file").unwrap_or(s.at);
            s.report().error(
                at,
                "both url and file say where this calendar is",
                "keep one of them",
            );
            None
        }
    };
    let (meaning, people, about) = meaning(s, site);
    (from.map(|from| Ical { from, zone, meaning }), people, about)
}

/// What a calendar means, with those that its `people` and `windows` name.
fn meaning<'a>(s: &Section<'a>, site: &Site) -> (Meaning, Vec<Text<'a>>, Named<'a>) {
    let named = s.pairs("people");
    let people = named.iter().map(|(name, id)| ((*name).to_owned(), id.value.into())).collect();
    let mut about = Named::default();
    let windows = s.section("windows").map(|w| {
        let terms = terms(&w, &site.name, &mut about);
        w.finish();
        Box::new(terms)
    });
    // What people are called is known when all of them are read.
    let meaning = Meaning { people, callings: Callings::default(), windows };
    (meaning, named.into_iter().map(|(_, id)| id).collect(), about)
}

/// `windows = { … }`: the calendar says what is planned, and its events are this.
fn terms<'a>(w: &Section<'a>, site: &str, about: &mut Named<'a>) -> Terms {
    let kind = w.word("kind", &CalendarKind::ALL.map(|k| (k.word(), k)));
    let mut terms = Terms::new(kind.unwrap_or(CalendarKind::Maintenance));
    about.services = w.texts("services").unwrap_or_default();
    terms.scope.services = about.services.iter().map(|t| ServiceId::new(t.value)).collect();
    terms.scope.matchers = w.matchers("match");
    (terms.mutes, terms.sla_relevant) = (w.flag("mutes"), w.flag("sla_relevant"));
    let types = [ChangeType::Standard, ChangeType::Normal, ChangeType::Emergency];
    let change_type = w.word("change_type", &types.map(|t| (t.word(), t)));
    terms.change_type = change_type.unwrap_or_default();
    about.owner = w.filled("owner");
    terms.owner = about.owner.map(|t| t.value.into());
    terms.approver = w.filled("approver").map(|t| Arc::from(clean(t.value, 60)));
    terms.transparent = w.flag("transparent").unwrap_or(true);
    site.clone_into(&mut terms.site);
    terms
}
