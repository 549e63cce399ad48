//! A small operations centre for the tests of screens: the real core with its log in memory, and a
//! console before it. What a key asks for is carried out at once; nothing here has a clock.

use std::fmt::Write as _;
use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome};
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::incident::lifecycle::{Action, Report, Target};
use atalaya::domain::incident::policy::Rule;
use atalaya::domain::incident::{Actor, Event, Findings, Incident, IncidentId};
use atalaya::domain::matcher::{Labels, Matchers};
use atalaya::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Observation, SourceState, SourceStatus,
};
use atalaya::domain::time::Instant;
use atalaya::engine::core::{self, Input, State};
use atalaya::engine::publish::Publisher;
use atalaya::engine::{Plan, StoreState};
use atalaya::ui::screens::Place;
use atalaya::ui::terminal::{Depth, Glyphs, InputEvent, Key};
use atalaya::ui::theme::Theme;
use atalaya::ui::{Cmd, Model, Msg, Prefs, Settings, frame, update};
use chrono::{DateTime, TimeDelta};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier};

/// Who sits at this console.
pub const ME: &str = "Ana Ruiz";
/// Services as `name/tier/team<depends,on`.
const SERVICES: &str = "db-main/1/core checkout/1/payments<db-main cart/2/payments<db-main \
     search/2/core mail/3/office reports/3/core billing/2/payments gateway/1/core";

/// The core, its log, and a console.
pub struct Noc {
    pub model: Model,
    pub now: Instant,
    /// What keys asked for that nothing here can carry out: copies, links.
    pub asked: Vec<Cmd>,
    state: State,
    log: Vec<Event>,
    publisher: Publisher,
}

/// Monday 23 November 2026, 14:03:27 in Madrid.
pub fn start() -> Instant {
    DateTime::from_timestamp(1_795_439_007, 0).unwrap()
}

fn plan() -> Plan {
    let mut plan = Plan::empty();
    "acme-noc".clone_into(&mut plan.site.name);
    plan.site.zone = chrono_tz::Europe::Madrid;
    plan.policy.zone = plan.site.zone;
    for word in SERVICES.split_whitespace() {
        let (spec, deps) = word.split_once('<').unwrap_or((word, ""));
        let mut parts = spec.split('/');
        let mut service = Service::new(parts.next().unwrap());
        service.tier = parts.next().unwrap().parse().unwrap();
        service.team = parts.next().map(str::to_owned);
        service.depends_on =
            deps.split(',').filter(|d| !d.is_empty()).map(ServiceId::new).collect();
        service.runbooks = vec![format!("{}-runbook", service.id)];
        let url = format!("https://grafana.example/d/{}", service.id);
        service.links.insert("dashboard".to_owned(), url);
        plan.services.push(Arc::new(service));
    }
    plan.policy.rules = vec![Rule {
        matchers: Matchers::parse("alertname=\"HighLatency\"").unwrap(),
        group_by: Some(vec!["alertname".to_owned(), "service".to_owned()]),
        category: Some("latency".to_owned()),
        ..Rule::default()
    }];
    plan
}

/// An alert from `alertname=… key=…` with a summary.
pub fn alert(labels: &str, summary: &str, since: Instant) -> Alert {
    let labels: Labels = labels
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let name = labels.get("alertname").cloned().unwrap_or_default();
    Alert {
        fingerprint: format!("{labels:?}"),
        labels,
        annotations: [("summary".to_owned(), summary.to_owned())].into_iter().collect(),
        starts_at: since,
        status: AlertStatus::Active,
        generator_url: Some(format!("https://prom.example/graph?g0.expr={name}")),
        service: None,
    }
}

pub fn source(name: &str, state: SourceState, now: Instant) -> SourceStatus {
    SourceStatus {
        name: Arc::from(name),
        kind: "prometheus".to_owned(),
        address: format!("https://{name}.example"),
        state,
        interval_s: 15,
        last_ok: Some(now),
        latency_ms: Some(12),
        items: 40,
        server: "Prometheus 3.5".to_owned(),
        warnings: Vec::new(),
        insecure: false,
    }
}

pub fn prefs(theme: &str, depth: Depth, glyphs: Glyphs) -> Prefs {
    Prefs {
        theme: Theme::built_in(theme, depth, glyphs),
        operator: ME.to_owned(),
        person: Some("ana".into()),
        themes: vec![theme.to_owned()],
        depth,
        follows: false,
        settings: Settings::default(),
    }
}

impl Noc {
    /// Nothing happened yet.
    pub fn quiet(size: (u16, u16)) -> Self {
        let now = start();
        let mut state = State::new(Arc::new(plan()), Vec::new(), 2_031, 0, now);
        state.sources(vec![source("prom-dc1", SourceState::Fresh, now)]);
        let mut publisher = Publisher::default();
        let world = publisher.publish(&mut state, &StoreState::Ready, now).unwrap();
        let prefs = prefs("atalaya-dark", Depth::All, Glyphs::Unicode);
        let size = Size::new(size.0, size.1);
        let model = Model::new(world, prefs, size, now);
        let log = Vec::new();
        let mut noc = Self { model, now, asked: Vec::new(), state, log, publisher };
        noc.tell(Msg::Go(Place::Incidents));
        noc
    }

    /// An afternoon: a database that took two services with it, and the usual rest.
    pub fn busy(size: (u16, u16)) -> Self {
        let mut noc = Self::quiet(size);
        let end = noc.now;
        let ago = |minutes: i64| end - TimeDelta::minutes(minutes);
        let crit = |labels: &str| format!("{labels} severity=critical");
        let warn = |labels: &str| format!("{labels} severity=warning");

        noc.now = ago(190);
        let (service, title) = (Some(ServiceId::new("mail")), "supplier ticket 8812".to_owned());
        let text = "The supplier looks into the relay; they call back by 17:00.".to_owned();
        let report = Report {
            service,
            title,
            text,
            impact: Some(2),
            urgency: Some(2),
            category: String::new(),
        };
        noc.ask("Luis Peña", Command::Report(report));
        noc.act("Luis Peña", 2031, Action::Acknowledge { lasting: None });

        noc.now = ago(75);
        let full = alert(
            &warn("alertname=DiskFull service=reports instance=rep-2 mountpoint=/var"),
            "/var on rep-2 is 91 % full",
            ago(76),
        );
        noc.alerts("prom-dc1", std::slice::from_ref(&full));
        noc.now = ago(60);
        noc.act("Sam Okafor", 2032, Action::Acknowledge { lasting: None });
        noc.act("Sam Okafor", 2032, Action::Note { text: "rotating the logs".to_owned() });
        noc.now = ago(55);
        let reason = "logs rotated, rotation was off".to_owned();
        noc.act(
            "Sam Okafor",
            2032,
            Action::Resolve { reason, findings: Findings::default(), force: true },
        );

        noc.now = ago(48);
        let cert = alert(
            &warn("alertname=CertificateExpiry instance=vpn.example:443"),
            "certificate of vpn.example ends in 6 days",
            ago(49),
        );
        let mut muted = alert(
            &warn("alertname=ReplicaLag service=search instance=search-3"),
            "replica search-3 lags by 40 s",
            ago(40),
        );
        muted.status = AlertStatus::Silenced { by: vec!["5f1c".to_owned()] };
        let mut firing = vec![cert, muted];
        noc.alerts("prom-dc1", &firing);

        noc.now = ago(12);
        firing.push(alert(
            &crit("alertname=TooManyConnections service=db-main instance=db-1"),
            "connections at 96 % of max_connections",
            ago(13),
        ));
        noc.alerts("prom-dc1", &firing);
        noc.now = ago(5) + TimeDelta::seconds(-25);
        for n in 1..=12 {
            firing.push(alert(
                &crit(&format!("alertname=HighLatency service=checkout instance=co-{n}")),
                "p99 latency above 1 s",
                ago(6),
            ));
        }
        firing.push(alert(
            &warn("alertname=HighErrorRate service=cart instance=cart-1"),
            "5 % of requests fail",
            ago(6),
        ));
        firing.push(alert(
            &crit("alertname=PacketLoss service=gateway instance=gw-2"),
            "packet loss 4 % towards Bogotá",
            ago(6),
        ));
        noc.alerts("prom-dc1", &firing);
        noc.now = ago(3);
        noc.act(ME, 2038, Action::Acknowledge { lasting: None });
        noc.now = ago(2);
        let text = "pool exhausted on db-1, raising max_connections".to_owned();
        noc.act(ME, 2038, Action::Note { text });

        noc.now = end;
        noc.sources(&[
            ("prom-dc1", SourceState::Fresh),
            (
                "prom-dc2",
                SourceState::Failing {
                    since: end - TimeDelta::seconds(42),
                    error: "connection refused".to_owned(),
                    next_try: end + TimeDelta::seconds(8),
                },
            ),
        ]);
        noc
    }

    /// Many open incidents, all new, of that priority and upwards in number.
    pub fn many(size: (u16, u16), count: usize) -> Self {
        let mut noc = Self::quiet(size);
        let now = noc.now;
        let alerts: Vec<Alert> = (0..count)
            .map(|n| alert(&format!("alertname=Down instance=h{n:04}"), "is down", now))
            .collect();
        noc.alerts("prom-dc1", &alerts);
        noc
    }

    pub fn with_theme(mut self, theme: &str, depth: Depth, glyphs: Glyphs) -> Self {
        self.model.prefs = prefs(theme, depth, glyphs);
        self
    }

    fn feed(&mut self, input: &Input) -> Vec<Outcome> {
        if let Input::Observed(observation) = input {
            self.state.sense(observation, self.now);
        }
        let decision = core::decide(&self.state, input, self.now);
        for new in decision.events {
            let (position, at) = (self.state.position() + 1, new.at);
            let entry = new.placed(position, at);
            core::evolve(&mut self.state, &entry);
            self.log.extend(entry.incident().cloned());
        }
        decision.answers
    }

    fn publish(&mut self) {
        let published = self.publisher.publish(&mut self.state, &StoreState::Ready, self.now);
        if let Some(world) = published {
            self.tell(Msg::World(world));
        }
    }

    /// Everything that fires at a source.
    pub fn alerts(&mut self, name: &str, alerts: &[Alert]) {
        let set = AlertSet {
            complete: true,
            authoritative: true,
            alerts: alerts.to_vec(),
            ..AlertSet::default()
        };
        let observation = Observation {
            source: Arc::from(name),
            at: self.now,
            server: String::new(),
            facts: vec![Fact::Alerts(set)],
            warnings: Vec::new(),
        };
        self.feed(&Input::Observed(observation));
        self.publish();
    }

    pub fn sources(&mut self, states: &[(&str, SourceState)]) {
        let now = self.now;
        let list = states.iter().map(|(name, state)| source(name, state.clone(), now)).collect();
        self.state.sources(list);
        self.publish();
    }

    /// Somebody asks for something, at this console or at another.
    pub fn ask(&mut self, who: &str, command: Command) -> Vec<Outcome> {
        let actor = Actor { session: who.to_owned(), ..Actor::person(who) };
        let outcomes = self.feed(&Input::Asked { actor, command });
        self.publish();
        outcomes
    }

    /// Somebody at another console acts, and this one does not know yet.
    pub fn act_unseen(&mut self, who: &str, id: u64, action: Action) {
        let actor = Actor { session: who.to_owned(), ..Actor::person(who) };
        let targets = vec![Target { id: IncidentId(id), seen: 0 }];
        let command = Command::Act { targets, action };
        let outcomes = self.feed(&Input::Asked { actor, command });
        assert!(outcomes[0].verdict.is_done(), "{}", outcomes[0].verdict);
    }

    pub fn act(&mut self, who: &str, id: u64, action: Action) {
        let targets = vec![Target { id: IncidentId(id), seen: 0 }];
        let outcomes = self.ask(who, Command::Act { targets, action });
        assert!(outcomes[0].verdict.is_done(), "{}", outcomes[0].verdict);
    }

    /// A message for the console; what it asks for is done.
    pub fn tell(&mut self, msg: Msg) {
        for cmd in update(&mut self.model, msg, self.now) {
            match cmd {
                Cmd::Ask(command) => {
                    let outcomes = self.ask(ME, command.clone());
                    self.tell(Msg::Answered { command, outcomes });
                }
                Cmd::Timeline(id) => {
                    let events = self.log.iter().filter(|e| e.incident == id).cloned().collect();
                    self.tell(Msg::Timeline { id, events: Ok(events) });
                }
                Cmd::Load(id) => {
                    let result = Err(format!("there is no {id}"));
                    self.tell(Msg::Loaded { id, result });
                }
                other => self.asked.push(other),
            }
        }
    }

    /// Presses keys, by their names, separated by spaces.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let key: Key = key.parse().unwrap_or_else(|_| panic!("{key} is no key"));
            self.tell(Msg::Input(InputEvent::Key(key)));
        }
    }

    /// Types a text, letter by letter.
    pub fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.tell(Msg::Input(InputEvent::Key(Key::char(c))));
        }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.feed(&Input::Tick);
        self.publish();
        self.tell(Msg::Tick);
    }

    pub fn log(&self) -> &[Event] {
        &self.log
    }

    /// Who has that incident now.
    pub fn owner(&self, id: u64) -> Option<String> {
        self.state.incident(IncidentId(id)).and_then(|i| i.owner().map(str::to_owned))
    }

    pub fn incident(&self, id: u64) -> &Incident {
        self.state.incident(IncidentId(id)).unwrap()
    }

    pub fn word(&self, id: u64) -> &'static str {
        self.state.incident(IncidentId(id)).map_or("none", |i| i.state().short())
    }

    /// The texts on the screen that lead somewhere, and where.
    pub fn links(&self) -> Vec<(String, String)> {
        let area = Rect::from(((0, 0).into(), self.model.size));
        let mut buf = Buffer::empty(area);
        let drawn = frame::draw(&self.model, area, &mut buf);
        let text = |area: Rect| area.positions().map(|at| buf[at].symbol()).collect::<String>();
        drawn.links.into_iter().map(|(area, url)| (text(area), url)).collect()
    }

    pub fn draw(&self) -> Buffer {
        let area = Rect::from(((0, 0).into(), self.model.size));
        let mut buf = Buffer::empty(area);
        frame::draw(&self.model, area, &mut buf);
        buf
    }

    /// The picture as text.
    pub fn picture(&self) -> String {
        text(&self.draw())
    }

    /// The line of the picture with the cursor's bar.
    pub fn cursor_line(&self) -> String {
        let picture = self.picture();
        picture.lines().find(|l| l.contains('▌')).unwrap_or_default().to_owned()
    }

    /// The lowest line: footer or toast.
    pub fn footer(&self) -> String {
        self.picture().lines().last().unwrap_or_default().to_owned()
    }
}

/// The cells as lines of text.
pub fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in buf.area.rows() {
        let mut line = String::new();
        let mut skip = 0;
        for at in y.positions() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[at].symbol();
            skip = usize::from(atalaya::ui::widgets::width(symbol)).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The cells' styles: for each line the runs of one style, and then which style each letter means.
pub fn styles(buf: &Buffer) -> String {
    let mut known: Vec<(Color, Color, Modifier)> = Vec::new();
    let mut out = String::new();
    for y in buf.area.rows() {
        let mut line = String::new();
        for at in y.positions() {
            let cell = &buf[at];
            let style = (cell.fg, cell.bg, cell.modifier);
            let n = known.iter().position(|k| *k == style).unwrap_or_else(|| {
                known.push(style);
                known.len() - 1
            });
            line.push(letter(n));
        }
        out.push_str(&line);
        out.push('\n');
    }
    for (n, (fg, bg, modifier)) in known.iter().enumerate() {
        let _ = writeln!(out, "{}: {fg} on {bg} {modifier:?}", letter(n));
    }
    out
}

fn letter(n: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    letters.into_iter().nth(n).unwrap_or('?')
}
