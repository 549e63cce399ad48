//! A small made-up world, always the same, and the console on it without a terminal.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use atalaya::config;
use atalaya::domain::health::rollup::{Health, ServiceHealth};
use atalaya::domain::health::signal::Track;
use atalaya::domain::health::{
    Dimension, Direction, Service, ServiceId, Signal, State, Thresholds,
};
use atalaya::domain::incident::{
    Acknowledgement, Actor, Incident, IncidentId, IncidentState, Priority, Standing,
};
use atalaya::domain::observation::{SourceState, SourceStatus};
use atalaya::domain::time::Instant;
use atalaya::engine::snapshot::Incidents;
use atalaya::engine::{Part, Plan, Site, Snapshot, StoreState};
use atalaya::ui::app::{Model, Msg, Prefs, Settings};
use atalaya::ui::cmd::Cmd;
use atalaya::ui::frame::{self, Drawn};
use atalaya::ui::terminal::{Depth, Glyphs, InputEvent, Key};
use atalaya::ui::theme::Theme;
use chrono::{TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier};

/// Monday 23 November 2026, 14:03:27 in Madrid.
pub fn now() -> Instant {
    Utc.with_ymd_and_hms(2026, 11, 23, 13, 3, 27).unwrap()
}

fn ago(minutes: i64) -> Instant {
    now() - TimeDelta::minutes(minutes)
}

/// A number between 0 and 1 that only looks like chance.
fn noise(seed: u64, n: i64) -> f64 {
    let mut x =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 29;
    (x % 10_000) as f64 / 10_000.0
}

/// How a signal behaved.
#[derive(Clone, Copy)]
pub struct Course {
    pub base: f64,
    pub swing: f64,
    /// What it climbs to from `minutes` ago on.
    pub to: Option<(f64, i64)>,
    /// Values end that many minutes ago.
    pub silent: i64,
}

impl Course {
    pub const fn calm(base: f64, swing: f64) -> Self {
        Self { base, swing, to: None, silent: 0 }
    }

    pub const fn climbs(base: f64, swing: f64, to: f64, minutes: i64) -> Self {
        Self { base, swing, to: Some((to, minutes)), silent: 0 }
    }
}

pub fn signal(
    name: &str,
    unit: &str,
    dimension: Dimension,
    warn: Option<f64>,
    crit: Option<f64>,
) -> Signal {
    Signal {
        name: name.into(),
        dimension,
        source: "prom-dc1".into(),
        query: String::new(),
        unit: unit.to_owned(),
        thresholds: Thresholds {
            warn,
            crit,
            direction: Direction::Above,
            hold: TimeDelta::zero(),
            hysteresis: 0.0,
        },
        raises: false,
    }
}

/// Six hours, a value each minute, and each 15 seconds in the last hour.
pub fn track(spec: Signal, seed: u64, course: Course) -> Arc<Track> {
    let keep = TimeDelta::hours(6);
    let mut track = Track::new(spec, ago(360));
    let seconds = (0..300).map(|m| 21_600 - m * 60).chain((0..240).map(|q| 3_600 - q * 15));
    for (n, before) in seconds.enumerate() {
        if before < course.silent * 60 {
            continue;
        }
        let at = now() - TimeDelta::seconds(before);
        let wave = (before as f64 / 900.0 + seed as f64).sin() * 0.5;
        let mut value = course.base + course.swing * (wave + noise(seed, n as i64) - 0.5);
        if let Some((to, minutes)) = course.to {
            let since = (minutes * 60 - before) as f64 / 240.0;
            value += (to - course.base) * since.clamp(0.0, 1.0);
        }
        track.push(at, value.max(0.0), at, keep);
    }
    Arc::new(track)
}

/// One service, its state from its signals unless given.
pub struct Draft {
    pub service: Service,
    pub signals: Vec<Arc<Track>>,
    pub state: Option<State>,
    pub since: i64,
    pub reason: &'static str,
    pub impacted_by: Option<&'static str>,
    pub likely_cause: bool,
    pub stale: bool,
    pub incidents: Vec<u64>,
}

pub fn service(id: &str, name: &str, tier: u8, team: &str, depends_on: &[&str]) -> Draft {
    let mut service = Service::new(id);
    name.clone_into(&mut service.name);
    service.tier = tier;
    service.team = Some(team.to_owned());
    service.depends_on = depends_on.iter().map(|d| ServiceId::new(d)).collect();
    Draft {
        service,
        signals: Vec::new(),
        state: None,
        since: 300,
        reason: "",
        impacted_by: None,
        likely_cause: false,
        stale: false,
        incidents: Vec::new(),
    }
}

impl Draft {
    fn has(mut self, mut spec: Signal, course: Course) -> Self {
        spec.query = format!("{}:{}", self.service.id, spec.name);
        let seed = self.service.name.len() as u64 * 31 + self.signals.len() as u64;
        self.service.signals.push(spec.clone());
        self.signals.push(track(spec, seed, course));
        self
    }

    /// Latency, errors and traffic, as web services have them.
    fn web(self, latency: Course, errors: Course, traffic: f64) -> Self {
        use Dimension::{Availability, Performance, Stability};
        self.has(signal("p99 latency", "s", Performance, Some(0.5), Some(1.0)), latency)
            .has(signal("errors", "%", Stability, Some(1.0), Some(5.0)), errors)
            .has(
                signal("traffic", "/s", Performance, None, None),
                Course::calm(traffic, traffic / 6.0),
            )
            .has(signal("availability", "%", Availability, None, None), Course::calm(99.95, 0.05))
    }

    pub fn build(self) -> Arc<ServiceHealth> {
        let worst = self.signals.iter().map(|s| s.state).max().unwrap_or(State::Unknown);
        // "auto": what the worst signal says.
        let bad = self.signals.iter().find(|s| s.state == worst && worst.is_red());
        let reason = match (bad, self.reason) {
            (Some(track), "auto") => {
                let value = track.last().unwrap_or_default();
                format!(
                    "{} {}",
                    track.spec.name,
                    atalaya::domain::text::value(value, &track.spec.unit)
                )
            }
            (_, reason) => reason.to_owned(),
        };
        Arc::new(ServiceHealth {
            service: Arc::new(self.service),
            state: self.state.unwrap_or(worst),
            since: ago(self.since),
            observed_at: self.signals.iter().filter_map(|s| s.observed_at).max(),
            signals: self.signals,
            incidents: self.incidents.into_iter().map(IncidentId).collect(),
            reason,
            impacted_by: self.impacted_by.map(ServiceId::new),
            likely_cause: self.likely_cause,
            stale: self.stale,
        })
    }
}

fn services() -> Vec<Arc<ServiceHealth>> {
    use Dimension::{Performance, Security, Stability};
    let calm = |base| Course::calm(base, base / 4.0);
    let mut checkout = service("checkout", "checkout", 1, "payments", &["db-main", "cache"]).web(
        Course::climbs(0.28, 0.08, 2.13, 5),
        Course::climbs(0.2, 0.2, 4.2, 5),
        812.0,
    );
    checkout.since = 5;
    checkout.reason = "auto";
    checkout.impacted_by = Some("db-main");
    checkout.incidents = vec![2041];
    checkout.service.links = BTreeMap::from([
        ("dashboard".to_owned(), "https://grafana.example/d/checkout".to_owned()),
        ("repository".to_owned(), "https://git.example/checkout".to_owned()),
    ]);
    checkout.service.runbooks = vec!["https://wiki.example/runbooks/checkout-latency".to_owned()];
    let mut db = service("db-main", "db-main", 1, "data", &[])
        .has(
            signal("connections", "%", Performance, Some(80.0), Some(95.0)),
            Course::climbs(48.0, 6.0, 91.0, 14),
        )
        .has(signal("replication lag", "s", Stability, Some(5.0), Some(30.0)), calm(0.4))
        .has(signal("disk used", "%", Stability, Some(85.0), Some(95.0)), Course::calm(62.0, 0.8))
        .has(signal("certificate", "d", Security, None, None), Course::calm(41.0, 0.1));
    (db.since, db.likely_cause, db.reason) = (7, true, "auto");
    db.incidents = vec![2040];
    let mut billing =
        service("billing", "billing", 2, "payments", &["db-main"]).web(calm(0.31), calm(0.1), 44.0);
    (billing.state, billing.since) = (Some(State::Maintenance), 63);
    let mut reports = service("reports", "reports", 2, "data", &["db-main"]).has(
        signal("job age", "s", Stability, Some(7_200.0), Some(14_400.0)),
        Course { silent: 9, ..calm(1_800.0) },
    );
    (reports.state, reports.since, reports.stale) = (Some(State::Unknown), 9, true);
    reports.reason = "no value for 9m";
    let mut mail = service("mail", "mail", 2, "office", &[]).has(
        signal("queue", "", Stability, Some(500.0), Some(2_000.0)),
        Course::climbs(120.0, 60.0, 740.0, 181),
    );
    (mail.since, mail.reason, mail.incidents) = (181, "auto", vec![2036]);
    let names = [
        ("search", "search", 1, "shop"),
        ("cart", "cart", 1, "shop"),
        ("login", "login", 1, "identity"),
        ("cache", "cache", 2, "data"),
        ("cdn", "cdn", 2, "edge"),
        ("jp", "日本語サービス", 3, "shop"),
        ("wiki", "wiki", 3, "office"),
        ("build", "build farm with quite a long name", 3, "edge"),
        ("metrics", "metrics", 3, "edge"),
    ];
    let others = names.iter().enumerate().map(|(i, (id, name, tier, team))| {
        let i = i as f64;
        service(id, name, *tier, team, &[]).web(calm(0.09 + i / 60.0), calm(0.05), 90.0 + i * 70.0)
    });
    let mut all = vec![checkout, db, billing, reports, mail];
    all.extend(others);
    all.into_iter().map(Draft::build).collect()
}

fn health(services: Vec<Arc<ServiceHealth>>) -> Health {
    let index = services.iter().enumerate().map(|(i, s)| (s.service.id.clone(), i)).collect();
    Health { services, index, ..Health::default() }
}

/// An incident of that age in minutes.
pub fn incident(id: u64, priority: u8, service: &str, title: &str, minutes: i64) -> Incident {
    Incident {
        id: IncidentId(id),
        key: format!("key-{id}"),
        version: id,
        title: title.to_owned(),
        service: Some(ServiceId::new(service)),
        source: "am".into(),
        reported_by: Actor::source("am"),
        category: "latency".to_owned(),
        impact: 1,
        urgency: 1,
        priority: Priority(priority),
        labels: BTreeMap::from([("service".to_owned(), service.to_owned())]).into(),
        annotations: BTreeMap::new().into(),
        alerts: BTreeMap::new(),
        opened_at: ago(minutes),
        started_at: ago(minutes + 1),
        standing: Standing::default(),
        absorbed: Vec::new(),
        excluded: false,
        parent: None,
        earlier: None,
        recurrence: 1,
        clear_since: None,
        unverified_since: None,
        maintenance: None,
        maintained: Vec::new(),
        drill: None,
        updated_at: None,
        updates: Vec::new(),
        warned: Vec::new(),
        flapping_since: None,
        escalation: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

fn incidents() -> Incidents {
    let mut first = incident(2041, 1, "checkout", "p99 latency above 1 s", 5);
    first.standing.state = IncidentState::Acknowledged;
    first.standing.assignee = Some("ana".to_owned());
    first.standing.acknowledged = Some(Acknowledgement {
        by: "ana".to_owned(),
        at: ago(3),
        until: Some(ago(-27)),
        warns_at: None,
    });
    first.standing.first_acknowledged_at = Some(ago(3));
    let list = [
        first,
        incident(2040, 2, "db-main", "connections at 91 %", 7),
        incident(2036, 3, "mail", "the queue grows", 181),
    ];
    Incidents {
        by_id: list.into_iter().map(|i| (i.id, Arc::new(i))).collect(),
        open_by_priority: [1, 1, 1, 0, 0],
        children: HashMap::new(),
        unread: None,
        complete: true,
    }
}

pub fn source(name: &str, kind: &str, state: SourceState, seconds: i64) -> SourceStatus {
    SourceStatus {
        name: name.into(),
        kind: kind.to_owned(),
        address: format!("http://{name}.example:9090"),
        state,
        interval_s: 15,
        last_ok: Some(now() - TimeDelta::seconds(seconds)),
        latency_ms: Some(24),
        items: 168,
        server: String::new(),
        warnings: Vec::new(),
        insecure: false,
    }
}

/// The world of the pictures.
pub fn world() -> Snapshot {
    let failing = SourceState::Failing {
        since: now() - TimeDelta::seconds(42),
        error: "http://dc2.example:9090: connection refused; is it running there?".to_owned(),
        next_try: now() + TimeDelta::seconds(12),
    };
    let mut probes = source("probes", "probe", SourceState::Fresh, 9);
    probes.warnings = vec!["https://wiki.example: the certificate ends in 12 days".to_owned()];
    Snapshot {
        at: now(),
        started_at: ago(500),
        site: Arc::new(Site {
            name: "acme-noc".to_owned(),
            zone: Tz::Europe__Madrid,
            ..Site::default()
        }),
        health: part(health(services())),
        incidents: part(incidents()),
        sources: part(vec![
            source("prom-dc1", "prometheus", SourceState::Fresh, 4),
            source("am", "alertmanager", SourceState::Fresh, 7),
            probes,
            source("dc2", "prometheus", failing, 57),
        ]),
        pager: atalaya::domain::paging::Pager::default(),
        unstored: None,
        store: StoreState::Ready,
        blind: Arc::new(Vec::new()),
        plan: Arc::new(atalaya::engine::Plan::empty()),
        notices: Arc::default(),
        book: Part::default(),
        calendar: Part::default(),
        orders: Part { generation: 1, value: Arc::default() },
        silences: Part { generation: 1, value: Arc::default() },
        pages: Part::default(),
        views: Part::default(),
        reports: Part::default(),
        objectives: Part::default(),
        imported: Part::default(),
    }
}

/// A team in three zones, as a config file.
pub const TEAM: &str = r#"
[site]
timezone = "Europe/Madrid"

[[people]]
id = "ana"
name = "Ana Ruiz"
phone = "+34 600 000 001"
chat = "@ana"
timezone = "Europe/Madrid"
roles = ["shift lead"]
responsibilities = { triage = "A", diagnosis = "C" }
skills = { linux = 4, postgres = 2 }
certificates = [{ name = "CKA", expires = "2026-12-20" }]

[[people]]
id = "luis"
name = "Luis Peña"
timezone = "America/Bogota"
roles = ["engineer"]
skills = { linux = 3, mail = 5 }
absences = [{ from = "2026-11-30", to = "2026-12-02", reason = "holidays" }]

[[people]]
id = "mia"
name = "Mia Chen"
timezone = "Asia/Singapore"
skills = { postgres = 5 }

[[schedules]]
id = "core"
name = "Core"
timezone = "Europe/Madrid"
[[schedules.layers]]
name = "days"
people = ["ana", "luis"]
start = "2026-11-02 09:00"
shift = "1d"
[[schedules.layers]]
name = "nights"
people = ["mia"]
start = "2026-11-02 09:00"
shift = "7d"
hours = { mon = ["22:00-06:00"], tue = ["22:00-06:00"], wed = ["22:00-06:00"] }

[[schedules]]
id = "network"
timezone = "Europe/Madrid"
[[schedules.layers]]
name = "office"
people = ["mia"]
start = "2026-11-02 09:00"
shift = "7d"
hours = { mon = ["08:00-20:00"], tue = ["08:00-20:00"], wed = ["08:00-20:00"] }

[[escalation]]
id = "core"
levels = [{ notify = ["schedule:core"] }, { notify = ["schedule:network", "person:ana"] }]
"#;

/// The same world with that team.
pub fn staffed(world: Snapshot) -> Snapshot {
    staffed_by(world, TEAM)
}

/// The same world with the team of a config file.
pub fn staffed_by(mut world: Snapshot, text: &str) -> Snapshot {
    let around = config::Surroundings::of_process();
    let plan = config::of_text("team.toml", text.to_owned(), &around, now()).unwrap().plan;
    let (roster, channels) = (plan.roster, plan.channels);
    world.plan = Arc::new(Plan { roster, channels, ..Plan::empty() });
    world
}

pub fn part<T>(value: T) -> Part<T> {
    Part { generation: 1, value: Arc::new(value) }
}

/// A world with that many services, and nothing else.
pub fn crowd(count: usize) -> Snapshot {
    let teams = ["payments", "shop", "data", "edge", "office"];
    let services = (0..count).map(|i| {
        let id = format!("service-{i:04}");
        let team = teams[i % teams.len()];
        let high = if i % 37 == 5 { 0.9 } else { 0.1 };
        service(&id, &id, (i % 4) as u8 + 1, team, &[])
            .web(Course::calm(high, 0.05), Course::calm(0.1, 0.1), 100.0)
            .build()
    });
    let mut world = world();
    world.health = part(health(services.collect()));
    world
}

/// How the pictures are taken.
#[derive(Clone, Copy)]
pub struct Look {
    pub theme: &'static str,
    pub depth: Depth,
    pub glyphs: Glyphs,
}

pub const DEFAULT: Look =
    Look { theme: "atalaya-dark", depth: Depth::All, glyphs: Glyphs::Unicode };
pub const MONO: Look = Look { theme: "mono", depth: Depth::Off, glyphs: Glyphs::Unicode };
pub const ASCII: Look = Look { theme: "terminal", depth: Depth::Ansi16, glyphs: Glyphs::Ascii };

pub fn prefs(look: Look) -> Prefs {
    let themes = atalaya::ui::theme::built_in();
    Prefs {
        theme: Theme::built_in(look.theme, look.depth, look.glyphs),
        operator: "ana".to_owned(),
        person: Some("ana".into()),
        themes: themes.into_iter().map(|(name, _)| name.to_owned()).collect(),
        depth: look.depth,
        follows: true,
        settings: Settings::default(),
    }
}

/// The console on a world, without a terminal and without a clock.
pub struct Bench {
    pub model: Model,
    pub cmds: Vec<Cmd>,
}

impl Bench {
    pub fn new(world: Snapshot, width: u16, height: u16, look: Look) -> Self {
        let size = Size { width, height };
        let model = Model::new(Arc::new(world), prefs(look), size, now());
        Self { model, cmds: Vec::new() }
    }

    /// Sends a message; its effects are kept.
    pub fn tell(&mut self, msg: Msg) -> &mut Self {
        let at = self.model.now;
        self.cmds.extend(atalaya::ui::update(&mut self.model, msg, at));
        self
    }

    /// Lets that many seconds pass.
    pub fn wait(&mut self, seconds: i64) -> &mut Self {
        let at = self.model.now + TimeDelta::seconds(seconds);
        self.cmds.extend(atalaya::ui::update(&mut self.model, Msg::Tick, at));
        self
    }

    /// Presses keys: `j j Enter`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let key: Key = key.parse().unwrap();
            self.tell(Msg::Input(InputEvent::Key(key)));
        }
        self
    }

    /// Types text.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.tell(Msg::Input(InputEvent::Key(Key::char(c))));
        }
        self
    }

    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.tell(Msg::Input(InputEvent::Resize(Size { width, height })))
    }

    pub fn draw(&self) -> (Buffer, Drawn) {
        let area = Rect::from(((0, 0).into(), self.model.size));
        let mut buf = Buffer::empty(area);
        let drawn = frame::draw(&self.model, area, &mut buf);
        (buf, drawn)
    }

    /// The text of the screen, without trailing spaces.
    pub fn text(&self) -> String {
        text_of(&self.draw().0)
    }

    /// The text and, below it, the styles.
    pub fn picture(&self) -> String {
        let buf = self.draw().0;
        format!("{}\n\n{}", text_of(&buf), styles_of(&buf))
    }
}

pub fn text_of(buf: &Buffer) -> String {
    let mut lines = Vec::new();
    for row in buf.area.rows() {
        let mut line = String::new();
        let mut skip = 0_u16;
        for at in row.positions() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[at].symbol();
            skip = atalaya::ui::widgets::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Every cell's style as a letter, with a legend in the order of appearance.
fn styles_of(buf: &Buffer) -> String {
    let mut known: Vec<(Color, Color, Modifier)> = Vec::new();
    let mut lines = Vec::new();
    for row in buf.area.rows() {
        let line: String = row
            .positions()
            .map(|at| {
                let cell = &buf[at];
                let style = (cell.fg, cell.bg, cell.modifier);
                let index = known.iter().position(|k| *k == style).unwrap_or_else(|| {
                    known.push(style);
                    known.len() - 1
                });
                "·abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                    .chars()
                    .nth(index)
                    .unwrap_or('#')
            })
            .collect();
        lines.push(line);
    }
    for (i, (fg, bg, modifier)) in known.iter().enumerate() {
        let sign = "·abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".chars().nth(i);
        lines.push(format!("{} {fg} on {bg} {modifier:?}", sign.unwrap_or('#')));
    }
    lines.join("\n")
}
