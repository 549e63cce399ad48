//! The file as typed data: found, read, merged, checked; every mistake told at once, with its place
//! and the way out.
//!
//! [`load`] gives a [`Config`] or all [`Problems`]. What is not set has the default that
//! `config.example.toml` shows. Nothing here talks to the network; whether a source answers is
//! `atalaya check`'s business.

mod check;
pub mod diff;
mod files;
mod names;
mod problem;
mod reader;
mod secrets;
mod sections;
mod surroundings;
#[cfg(test)]
mod tests;
mod times;
mod tree;
pub mod views;
pub mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::calendar::conflicts::Allowed;
use crate::domain::calendar::mirror::Owner;
use crate::domain::incident::Priority;
use crate::domain::incident::policy::Policy;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::time::{Instant, TimeStyle};
use crate::domain::upstream::{Upstream, UpstreamKind, Upstreams};
use crate::engine::Plan;
use crate::notify::channels::ChannelSettings;
use crate::notify::switch::DeadMansSwitch;
use crate::sources::settings::{ActionTemplate, Host, HttpSettings, Kind, SourceSettings};

use problem::{Place, Report, SourceFile};
use reader::Section;

pub use files::find;
pub use problem::{Problem, Problems, Severity, Spot};
pub use reader::address;
pub use sections::console::{COLOURS, GLYPHS};
pub use sections::report::{Destination, ReportPlan};
pub use sections::site::store_address;
pub use surroundings::{Keys, Surroundings, Vocabulary};

/// The commented example, which is also what `atalaya init` writes.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Everything that the files say, with defaults for the rest.
#[derive(Debug, Clone)]
pub struct Config {
    /// The files it came from, the main one first; empty: none was found, the host is watched.
    pub files: Vec<PathBuf>,
    /// What is read beside the main file, absolute or relative to the working folder: the patterns of
    /// `include`, and files that the config names for what is in them.
    pub patterns: Vec<PathBuf>,
    pub plan: Plan,
    pub sources: Vec<SourceSettings>,
    pub store: StoreAddress,
    /// Who acts at this console.
    pub operator: String,
    /// Which of the people of the plan that is.
    pub person: Option<PersonId>,
    pub locale: Locale,
    pub ui: UiSettings,
    pub notify: NotifySettings,
    /// How people are paged.
    pub channels: Vec<ChannelSettings>,
    /// The reports that are issued by themselves.
    pub reports: Vec<ReportPlan>,
    /// What the agent says to whoever listens for its silence.
    pub switch: Option<DeadMansSwitch>,
    /// What is not wrong, but should be looked at.
    pub warnings: Problems,
    /// By source, a number that changes with its settings or with what is asked of it.
    pub digests: BTreeMap<Arc<str>, u64>,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    Sqlite(PathBuf),
    /// Gone with the program.
    Memory,
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
        }
    }
}

pub use crate::domain::report::Locale;

/// `[ui]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UiSettings {
    /// `None`: chosen by what the terminal can do.
    pub theme: Option<String>,
    pub colour: Colour,
    pub glyphs: Glyphs,
    pub mouse: bool,
    pub reduce_motion: bool,
    /// How instants are written at first.
    pub times: TimeStyle,
    /// The tabs in their order; empty: all.
    pub tabs: Vec<String>,
    /// Action → its keys; an empty list unbinds it.
    pub keys: BTreeMap<String, Vec<String>>,
    /// How long a lone ESC waits for the rest of a sequence; `None`: 25 ms, 100 ms over SSH.
    pub escape: Option<Duration>,
}

/// How many colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// What `NO_COLOR`, `COLORTERM` and the terminal say.
    #[default]
    Auto,
    Off,
    Eight,
    Sixteen,
    TwoFiftySix,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    #[default]
    Auto,
    Unicode,
    Ascii,
}

/// `[notify]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySettings {
    /// By D-Bus; `Auto`: where there is a bus and no SSH.
    pub desktop: Switch,
    /// By an escape sequence; `Auto`: where the desktop cannot be reached.
    pub terminal: Switch,
    /// Ring the bell too.
    pub bell: bool,
    /// Nothing less urgent than this is told.
    pub min_priority: Priority,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Switch {
    #[default]
    Auto,
    On,
    Off,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self {
            desktop: Switch::Auto,
            terminal: Switch::Auto,
            bell: false,
            min_priority: Priority(3),
        }
    }
}

/// Sections that a later version will read, so that this one can say so.
const LATER: [&str; 2] = ["plan", "runbooks"];

/// Finds, reads and checks the configuration, as of `now`. Without a file: this host is watched.
pub fn load(around: &Surroundings, now: Instant) -> Result<Config, Problems> {
    match find(around) {
        Some(main) => {
            let files = files::read(&main, around)?;
            build(files, around, now)
        }
        None => Ok(built_in(around)),
    }
}

/// What applies where there is no file.
pub fn built_in(around: &Surroundings) -> Config {
    let empty = files::Files {
        report: Report::new(Vec::new()),
        root: tree::Table::default(),
        broken: false,
        patterns: Vec::new(),
    };
    // An empty file has no problems; were there any, the console would still start.
    build(empty, around, Instant::default()).unwrap_or_else(|_| Config {
        files: Vec::new(),
        patterns: Vec::new(),
        plan: Plan::empty(),
        sources: vec![this_host()],
        store: StoreAddress::Memory,
        operator: around.user.clone(),
        person: None,
        locale: Locale::default(),
        ui: UiSettings::default(),
        notify: NotifySettings::default(),
        channels: Vec::new(),
        reports: Vec::new(),
        switch: None,
        warnings: Problems::default(),
        digests: BTreeMap::new(),
    })
}

/// The source that watches this machine with the built-in rules.
pub fn this_host() -> SourceSettings {
    SourceSettings {
        name: Arc::from("host"),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body: 1024 * 1024,
        http: HttpSettings::default(),
        kind: Kind::Host(Host { top_processes: 10, services: true }),
        asks: Vec::new(),
    }
}

/// Reads a text as if it were the only file.
pub fn of_text(
    name: &str,
    text: String,
    around: &Surroundings,
    now: Instant,
) -> Result<Config, Problems> {
    let file =
        SourceFile { path: name.into(), shown: name.to_owned(), text, open_to_others: false };
    let report = Report::new(vec![file]);
    let root = tree::parse(&report, 0);
    let broken = report.has_errors();
    build(files::Files { report, root, broken, patterns: Vec::new() }, around, now)
}

fn build(files: files::Files, around: &Surroundings, now: Instant) -> Result<Config, Problems> {
    let files::Files { report, root, broken, mut patterns } = files;
    // What a file means that is not TOML would be guesswork: its syntax first.
    if broken {
        return Err(report.finish());
    }
    let config = read(&report, &root, around, now);
    let paths = report.files().iter().map(|f| f.path.clone()).collect();
    patterns.extend(report.beside());
    let failed = report.has_errors();
    let problems = report.finish();
    if failed {
        return Err(problems);
    }
    Ok(Config { files: paths, patterns, warnings: problems, ..config })
}

/// Reads all sections. The result counts only if the report has no errors.
fn read(report: &Report, root: &tree::Table, around: &Surroundings, now: Instant) -> Config {
    let root = Section::new("", Place { file: 0, start: 0, end: 0 }, root, report);
    root.node("include");
    root.later(&LATER);
    let (mut site, locale) = sections::site::site(root.section("site"), around);
    site.read_only = around.read_only;
    let mut store = sections::site::store(root.section("store"), around);
    if let Some(other) = &around.store {
        store = other.clone();
    }
    let (operator, person) = sections::site::operator(root.section("operator"), around);
    let ui = sections::console::ui(root.section("ui"), &around.vocabulary);
    let (notify, channels, known_channels) = sections::console::notify(root.section("notify"));
    let switch = sections::agent::agent(root.section("agent"));
    let history = sections::site::history(root.section("health"));
    let mut policy = Policy { zone: site.zone, ..Policy::default() };
    let otherwise = sections::policy::incidents(root.section("incidents"), &mut policy);
    sections::policy::priority(root.section("priority"), &mut policy);
    let on_call_needed = sections::policy::calendar(root.section("calendar"));
    policy.rules = sections::policy::rules(root.sections("rules"));
    let owner = owner(&site.name, &around.host, &store);
    let around_sources = sections::source::Around { site: &site, history, owner: &owner };
    let (mut sources, names) = sections::source::sources(root.sections("sources"), around_sources);
    check::sources(report, &mut sources, &names);
    let alerting = sections::service::alerting(&sources);
    let mut upstreams =
        sections::service::Upstreams { read: &mut sources, names: &names, alerting };
    let services = sections::service::services(root.sections("services"), &mut upstreams);
    let service_names = check::services(report, &services, &sources);
    check::touched(&mut sources, &services);
    let (people, known) =
        sections::person::people(root.sections("people"), &known_channels, (site.zone, now));
    let person = person.filter(|p| known.refer(report, *p, "operator.person"));
    let roles = people.values().flat_map(|p| p.roles.iter().map(|r| &**r)).collect();
    sections::policy::process(root.section("process"), &roles, &mut policy);
    check::callings(report, &mut sources, &known, &people);
    let refers = sections::schedule::Known { people: &known, sources: &names, zone: site.zone };
    let (schedules, rosters) = sections::schedule::schedules(root.sections("schedules"), &refers);
    let policies = sections::escalation::policies(root.sections("escalation"), &known, &rosters);
    let named = services.iter().filter_map(|s| Some((s.escalation?, "services.escalation")));
    for (policy, key) in named.chain(otherwise.map(|text| (text, "incidents.escalation"))) {
        policies.names.refer(report, policy, key);
    }
    let otherwise = otherwise.map(|text| text.value.into());
    let roster = Roster { people, schedules, policies: policies.list, otherwise };
    let refers =
        sections::window::Known { services: &service_names, people: &known, zone: site.zone };
    let windows = sections::window::windows(root.sections("windows"), &refers);
    let refers = sections::slo::Known {
        services: &service_names,
        read: &services,
        sources: &names,
        zone: site.zone,
    };
    let objectives = sections::slo::slos(root.sections("slos"), &refers);
    let business = sections::hours::calendars(report, root.sections("calendars"), site.zone, now);
    let refers = sections::contract::Known {
        calendars: &business,
        services: &service_names,
        people: &known,
        schedules: &rosters,
        levels: roster.policies.iter().map(|p| p.levels.len()).max().unwrap_or(0),
        zone: site.zone,
        now,
    };
    let (sla, contracts) = (root.section("sla"), root.sections("contracts"));
    let service_levels = Arc::new(sections::contract::contracts(report, sla, contracts, &refers));
    let served: Vec<_> = services.iter().map(|s| &s.service).collect();
    let refers = sections::report::Known {
        channels: &known_channels,
        services: &served,
        levels: &service_levels,
        locale,
    };
    let reports = sections::report::reports(root.sections("reports"), &refers);
    if !report.has_errors() {
        check::coverage(report, &roster, &policies.counted_on, now);
    }
    root.finish();

    let digests = sources.iter().map(|s| (s.settings.name.clone(), check::digest(s))).collect();
    let mut sources: Vec<SourceSettings> = sources.into_iter().map(|s| s.settings).collect();
    if sources.is_empty() {
        sources.push(this_host());
    }
    let hours = |s: &sections::service::ReadService<'_>| {
        let hours = s.allowed.clone()?;
        Some((s.service.id.clone(), Allowed { hours, zone: site.zone }))
    };
    let allowed = services.iter().filter_map(hours).collect();
    let services: Vec<_> = services.into_iter().map(|s| Arc::new(s.service)).collect();
    let calendars = sources.iter().filter(|s| s.kind.states_windows());
    let calendars = calendars.map(|s| (s.name.clone(), None)).collect();
    let (stale_after, heartbeats) = (stale_after(&sources), heartbeats(&sources));
    let roster = Arc::new(roster);
    let person: Option<PersonId> = person.map(|p| p.value.into());
    let plan = Plan {
        site,
        services,
        policy,
        roster,
        channels: channels.iter().map(ChannelSettings::as_known).collect(),
        upstreams: taking_orders(&sources),
        windows,
        objectives,
        service_levels,
        issues_reports: !reports.is_empty(),
        calendars,
        allowed,
        on_call_needed,
        person: person.clone(),
        stale_after,
        history,
        heartbeats,
    };
    Config {
        files: Vec::new(),
        patterns: Vec::new(),
        plan,
        sources,
        store,
        operator,
        person,
        locale,
        ui,
        notify,
        channels,
        reports,
        switch,
        warnings: Problems::default(),
        digests,
    }
}

/// In whose name things are made known elsewhere.
pub fn owner(site: &str, host: &str, store: &StoreAddress) -> Owner {
    Owner::new(site, &format!("{host} {store}"))
}

/// The sources that take orders.
pub fn taking_orders(sources: &[SourceSettings]) -> Upstreams {
    let known = |s: &SourceSettings| {
        let kind = match &s.kind {
            Kind::Alertmanager(_) => UpstreamKind::Alertmanager,
            Kind::Icinga2(_) => UpstreamKind::Icinga2,
            Kind::Http(document) if !document.actions.is_empty() => UpstreamKind::Told,
            Kind::PagerDuty(p) if !p.actions.is_empty() => UpstreamKind::Told,
            _ => return None,
        };
        let timeout = TimeDelta::from_std(s.timeout).unwrap_or(TimeDelta::minutes(10));
        let actions = match &s.kind {
            Kind::Http(document) => document.actions.iter().map(ActionTemplate::asks).collect(),
            Kind::PagerDuty(pagerduty) => pagerduty.asks(),
            Kind::Icinga2(icinga) if icinga.notes => [("note".to_owned(), BTreeSet::new())].into(),
            _ => BTreeMap::new(),
        };
        Some((s.name.clone(), Upstream { kind, timeout, actions }))
    };
    sources.iter().filter_map(known).collect()
}

/// A value counts as fresh for three intervals of its source.
pub fn stale_after(sources: &[SourceSettings]) -> HashMap<Arc<str>, TimeDelta> {
    let three = |s: &SourceSettings| TimeDelta::from_std(s.interval.saturating_mul(3));
    sources.iter().map(|s| (s.name.clone(), three(s).unwrap_or(TimeDelta::MAX))).collect()
}

/// Every alert that must always fire, with the source that has to report it.
fn heartbeats(sources: &[SourceSettings]) -> Vec<(Arc<str>, String)> {
    let expected = |s: &SourceSettings| match &s.kind {
        Kind::Prometheus(p) => p.heartbeats.clone(),
        Kind::Alertmanager(a) => a.heartbeats.clone(),
        _ => Vec::new(),
    };
    let named = |s: &SourceSettings| {
        let name = s.name.clone();
        expected(s).into_iter().map(move |m| (name.clone(), m.to_string())).collect::<Vec<_>>()
    };
    sources.iter().flat_map(named).collect()
}
