//! This machine: processor, memory, disks, network, temperatures, busiest processes.
//!
//! Everything is a metric with a name (`cpu`, `disk:/home`, …). The services that it declares by
//! itself ask for metrics by these names, exactly as services in the configuration do.

mod machine;
mod mounts;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::BoxFuture;

use self::machine::{Machine, Measured};
use self::mounts::{Answer, Disk, Disks};
use super::settings::{self, Ask, SourceSettings};
use super::{Source, SourceError};
use crate::domain::health::{Dimension, Service, ServiceId, Signal, State, Thresholds};
use crate::domain::observation::{Fact, Observation, Reading, StateReading};
use crate::domain::text;
use crate::domain::time::Instant;

/// The id of the service that stands for the machine itself.
pub const HOST: &str = "host";
const PROCESSOR: &str = "processor";
const MEMORY: &str = "memory";
const NETWORK: &str = "network";
const TEMPERATURE: &str = "temperature";
const PROCESSES: &str = "processes";
/// The row of a remote disk that tells whether it answers at all.
const ANSWERS: &str = "answers";

/// How long the disks may take to answer, unless the time-out of the source is shorter.
const PATIENCE: Duration = Duration::from_secs(1);

/// The built-in thresholds, `(warn, crit)`, in percent unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub cpu: (f64, f64),
    /// Load of 15 minutes per core.
    pub load: (f64, f64),
    pub memory: (f64, f64),
    pub swap: (f64, f64),
    pub disk: (f64, f64),
    pub inodes: (f64, f64),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: (90.0, 98.0),
            load: (1.5, 4.0),
            memory: (85.0, 95.0),
            swap: (60.0, 90.0),
            disk: (80.0, 90.0),
            inodes: (85.0, 95.0),
        }
    }
}

/// The machine on which the console runs.
pub struct HostSource {
    name: Arc<str>,
    hostname: String,
    system: String,
    settings: settings::Host,
    asks: Vec<Ask>,
    limits: Limits,
    /// Shared with the blocking thread that looks, so that a poll that is dropped loses nothing.
    machine: Arc<Mutex<Option<Machine>>>,
    disks: Disks,
    /// Disks that once did not answer, so that it can be said that they do again.
    troubled: BTreeSet<PathBuf>,
}

impl HostSource {
    pub fn new(source: &SourceSettings, settings: &settings::Host) -> Self {
        let patience = PATIENCE.min(source.timeout / 2);
        let name = |found: Result<String, sysinfo::Error>| {
            found.map(|n| text::clean(&n, 64)).ok().filter(|n| !n.is_empty())
        };
        Self {
            name: Arc::clone(&source.name),
            hostname: name(sysinfo::System::host_name()).unwrap_or_else(|| "this host".to_owned()),
            system: name(sysinfo::System::long_os_version()).unwrap_or_default(),
            settings: settings.clone(),
            asks: source.asks.clone(),
            limits: Limits::default(),
            machine: Arc::default(),
            disks: Disks::new(PathBuf::from("/proc/self/mountinfo"), patience),
            troubled: BTreeSet::new(),
        }
    }

    /// With other thresholds than the built-in ones.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With another mount table, in the format of `/proc/self/mountinfo`.
    pub fn with_mounts(self, table: PathBuf) -> Self {
        Self { disks: Disks::new(table, PATIENCE), ..self }
    }

    async fn look(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let machine = Arc::clone(&self.machine);
        let top = self.settings.top_processes;
        let measuring = tokio::task::spawn_blocking(move || measure(&machine, top, now));
        let (measured, disks) = tokio::join!(measuring, self.disks.look(now));
        let mut measured = measured
            .map_err(|e| SourceError::BadAnswer(format!("looking at this host failed: {e}")))??;
        let mut warnings = Vec::new();
        let disks = disks.unwrap_or_else(|e| {
            warnings.push(format!("the mounted disks are not known: {e}; is /proc mounted?"));
            Vec::new()
        });
        for disk in &disks {
            warnings.extend(add_disk(&mut measured, disk, now));
        }
        let mut readings = answers(&measured, &self.asks, &mut warnings);
        let mut facts = Vec::new();
        let mut states = Vec::new();
        if self.settings.services {
            let services = self.declare(&measured, &disks);
            readings.extend(own_readings(&measured, &services));
            states = self.states(&measured, &disks, now);
            facts.push(Fact::Services(services));
        }
        facts.push(Fact::Signals(readings));
        facts.push(Fact::States(states));
        let source = Arc::clone(&self.name);
        Ok(Observation { source, at: now, server: self.system.clone(), facts, warnings })
    }

    /// The services of this machine, as far as it has what they are about.
    fn declare(&self, m: &Measured, disks: &[Disk]) -> Vec<Service> {
        let l = &self.limits;
        let mut services = vec![
            service(HOST, &self.hostname, vec![self.signal("up for", "uptime", "s")]),
            service(
                PROCESSOR,
                "Processor",
                vec![
                    self.signal("use", "cpu", "%").beyond(l.cpu).held(TimeDelta::minutes(2)),
                    self.signal("core load 1m", "load1_per_core", ""),
                    self.signal("core load 5m", "load5_per_core", ""),
                    self.signal("core load 15m", "load15_per_core", "").beyond(l.load),
                ],
            ),
        ];
        let mut memory = vec![
            self.signal("used", "memory", "%").beyond(l.memory).raising(),
            self.signal("available", "memory_available", "B"),
        ];
        if m.swap {
            memory.push(self.signal("swap", "swap", "%").beyond(l.swap));
        }
        services.push(service(MEMORY, "Memory", memory));
        services.extend(disks.iter().map(|d| self.disk(d)));
        services.push(service(
            NETWORK,
            "Network",
            vec![
                self.signal("in", "net_in", "B/s"),
                self.signal("out", "net_out", "B/s"),
                self.signal("errors", "net_errors", "/s").of(Dimension::Stability),
            ],
        ));
        if !m.sensors.is_empty() {
            let sensor = |s: &machine::Sensor| {
                let signal = self.signal(&s.label, &format!("temperature:{}", s.label), "°C");
                let signal = signal.of(Dimension::Stability);
                s.critical.map_or(signal.clone(), |t| signal.beyond((t * 0.9, t)))
            };
            let signals = m.sensors.iter().map(sensor).collect();
            services.push(service(TEMPERATURE, "Temperature", signals));
        }
        let mut processes = vec![self.signal("running", "processes", "").of(Dimension::Stability)];
        let top = 1..=m.processes.len();
        processes.extend(top.map(|n| self.signal(&top_name(n), &format!("process:{n}"), "%")));
        services.push(service(PROCESSES, "Processes", processes));
        services
    }

    /// The names of the busiest processes, and which disks answer, where that is in question.
    fn states(&mut self, m: &Measured, disks: &[Disk], now: Instant) -> Vec<StateReading> {
        let mut states: Vec<StateReading> = process_states(m).collect();
        self.troubled.retain(|point| disks.iter().any(|d| d.mount.point == *point));
        for disk in disks {
            let point = &disk.mount.point;
            let (state, message) = match &disk.answer {
                Answer::Usage(_) if disk.mount.is_remote() || self.troubled.contains(point) => {
                    (State::Ok, String::new())
                }
                Answer::Usage(_) => continue,
                Answer::Failed(why) => (State::Critical, text::clean(why, 200)),
                Answer::Hanging(since) => {
                    (State::Critical, format!("no answer for {}", text::duration(now - *since)))
                }
            };
            if state == State::Critical {
                self.troubled.insert(point.clone());
            }
            let service = ServiceId::new(&disk_id(&point.display().to_string()));
            let signal = Arc::from(ANSWERS);
            states.push(StateReading { service, signal, state, message, at: now });
        }
        states
    }

    fn disk(&self, disk: &Disk) -> Service {
        let point = disk.mount.point.display().to_string();
        let mut used = self.signal("used", &format!("disk:{point}"), "%");
        let mut inodes = self.signal("inodes", &format!("inodes:{point}"), "%");
        // A file system that cannot be written is as full as it was made.
        if !disk.mount.read_only {
            used = used.beyond(self.limits.disk).raising();
            inodes = inodes.beyond(self.limits.inodes).raising();
        }
        let free = self.signal("free", &format!("disk_free:{point}"), "B");
        let mut signals = vec![used, free.of(Dimension::Availability)];
        if matches!(disk.answer, Answer::Usage(u) if u.inodes_percent().is_some()) {
            signals.push(inodes);
        }
        let of = |s: Signal| s.of(Dimension::Availability);
        let signals = signals.into_iter().map(of).collect();
        let name = format!("Disk {}", text::clean(&point, 80));
        service(&disk_id(&point), &name, signals)
    }

    fn signal(&self, name: &str, metric: &str, unit: &str) -> Signal {
        Signal {
            name: Arc::from(name),
            dimension: Dimension::Performance,
            source: Arc::clone(&self.name),
            query: metric.to_owned(),
            unit: unit.to_owned(),
            thresholds: Thresholds::default(),
            raises: false,
        }
    }
}

impl Source for HostSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.look(now))
    }
}

/// Small steps by which the built-in signals are put together.
trait Refine {
    fn beyond(self, limits: (f64, f64)) -> Self;
    fn held(self, hold: TimeDelta) -> Self;
    fn raising(self) -> Self;
    fn of(self, dimension: Dimension) -> Self;
}

impl Refine for Signal {
    fn beyond(mut self, (warn, crit): (f64, f64)) -> Self {
        // 2 % of the threshold: a disk at 90.0 % must not come and go with every log line.
        let (warn, crit) = (Some(warn), Some(crit));
        self.thresholds = Thresholds { warn, crit, hysteresis: 0.02, ..self.thresholds };
        self
    }

    fn held(mut self, hold: TimeDelta) -> Self {
        self.thresholds.hold = hold;
        self
    }

    fn raising(self) -> Self {
        Self { raises: true, ..self }
    }

    fn of(self, dimension: Dimension) -> Self {
        Self { dimension, ..self }
    }
}

fn measure(
    machine: &Mutex<Option<Machine>>,
    top: usize,
    now: Instant,
) -> Result<Measured, SourceError> {
    let mut machine = machine.lock().unwrap_or_else(PoisonError::into_inner);
    if machine.is_none() {
        let why = |e| SourceError::Misconfigured(format!("this system cannot be watched: {e}"));
        *machine = Some(Machine::new(top).map_err(why)?);
    }
    Ok(machine.as_mut().map(|m| m.measure(now)).unwrap_or_default())
}

/// Adds what a disk answered to the metrics; a warning where it did not.
fn add_disk(m: &mut Measured, disk: &Disk, now: Instant) -> Option<String> {
    let point = disk.mount.point.display();
    match &disk.answer {
        Answer::Usage(usage) => {
            m.metrics.insert(format!("disk:{point}"), (usage.used_percent(), now));
            m.metrics.insert(format!("disk_free:{point}"), (usage.free as f64, now));
            if let Some(percent) = usage.inodes_percent() {
                m.metrics.insert(format!("inodes:{point}"), (percent, now));
            }
            None
        }
        Answer::Failed(why) => Some(format!("the disk at {point} cannot be read: {why}")),
        Answer::Hanging(since) => {
            let length = text::duration(now - *since);
            Some(format!("the disk at {point} has not answered for {length}; is its server up?"))
        }
    }
}

fn service(id: &str, name: &str, signals: Vec<Signal>) -> Service {
    let parent = (id != HOST).then(|| ServiceId::new(HOST));
    Service { name: name.to_owned(), tier: 2, parent, signals, ..Service::new(id) }
}

/// What services of the configuration asked for.
fn answers(m: &Measured, asks: &[Ask], warnings: &mut Vec<String>) -> Vec<Reading> {
    let mut readings = Vec::new();
    for ask in asks {
        match m.metrics.get(ask.query.trim()) {
            Some(&(value, at)) => readings.push(Reading {
                service: ask.service.clone(),
                signal: Arc::clone(&ask.signal),
                value,
                at,
            }),
            None => warnings.push(unknown_metric(m, ask)),
        }
    }
    readings
}

fn unknown_metric(m: &Measured, ask: &Ask) -> String {
    let (service, signal) = (&ask.service, &ask.signal);
    let query = text::clean(&ask.query, 80);
    let family = query.split_once(':').map(|q| q.0);
    let fits =
        |name: &&String| family.is_none_or(|f| name.split_once(':').is_some_and(|n| n.0 == f));
    let mut known: Vec<&str> = m.metrics.keys().filter(fits).map(String::as_str).collect();
    if known.is_empty() {
        known = m.metrics.keys().map(String::as_str).collect();
    }
    let known = text::clean(&known.join(", "), 600);
    format!("{service}, {signal}: this host has no metric {query:?}; it has {known}")
}

fn own_readings(m: &Measured, services: &[Service]) -> Vec<Reading> {
    let reading = |service: &Service, signal: &Signal| {
        let &(value, at) = m.metrics.get(&signal.query)?;
        Some(Reading { service: service.id.clone(), signal: Arc::clone(&signal.name), value, at })
    };
    let of = |service| {
        let service: &Service = service;
        service.signals.iter().filter_map(move |signal| reading(service, signal))
    };
    services.iter().flat_map(of).collect()
}

/// The names of the busiest processes, beside their numbers.
fn process_states(m: &Measured) -> impl Iterator<Item = StateReading> {
    m.processes.iter().enumerate().map(|(i, p)| StateReading {
        service: ServiceId::new(PROCESSES),
        signal: Arc::from(top_name(i + 1)),
        state: State::Ok,
        message: format!("{} ({}), {}", p.name, p.pid, text::value(p.memory as f64, "B")),
        at: m.processes_at,
    })
}

fn top_name(n: usize) -> String {
    format!("top {n}")
}

/// `disk:/home`. Where the path has characters that an id may not have, they are replaced and a
/// number is added that keeps two such paths apart.
fn disk_id(point: &str) -> String {
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/' | ':')
    };
    let id: String =
        point.to_lowercase().chars().take(100).map(|c| if allowed(c) { c } else { '_' }).collect();
    if id == point {
        return format!("disk:{id}");
    }
    // FNV-1a: short, and the same on every run.
    let mark =
        point.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(16_777_619));
    format!("disk:{id}-{mark:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn source(asks: Vec<Ask>) -> HostSource {
        let host = settings::Host { top_processes: 3, services: true };
        let source = SourceSettings {
            name: Arc::from("host"),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            max_body: 0,
            http: settings::HttpSettings::default(),
            kind: settings::Kind::Host(host.clone()),
            asks,
        };
        HostSource::new(&source, &host)
    }

    fn ask(query: &str) -> Ask {
        Ask {
            service: ServiceId::new("mine"),
            signal: Arc::from("wanted"),
            query: query.to_owned(),
        }
    }

    fn now() -> Instant {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn services(seen: &Observation) -> &[Service] {
        let found = seen.facts.iter().find_map(|f| match f {
            Fact::Services(s) => Some(s.as_slice()),
            _ => None,
        });
        found.unwrap()
    }

    fn readings(seen: &Observation) -> &[Reading] {
        let found = seen.facts.iter().find_map(|f| match f {
            Fact::Signals(s) => Some(s.as_slice()),
            _ => None,
        });
        found.unwrap()
    }

    #[tokio::test]
    async fn every_declared_signal_has_a_value_and_every_id_is_valid_and_unique() {
        let seen = source(vec![]).poll(now()).await.unwrap();
        let ids: BTreeSet<&str> = services(&seen).iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids.len(), services(&seen).len());
        for id in [HOST, PROCESSOR, MEMORY, NETWORK, PROCESSES] {
            assert!(ids.contains(id), "{id} is missing in {ids:?}");
        }
        for service in services(&seen) {
            assert_eq!(service.parent.is_none(), service.id.as_str() == HOST);
            for signal in &service.signals {
                let value = readings(&seen)
                    .iter()
                    .find(|r| r.service == service.id && r.signal == signal.name);
                assert!(value.is_some(), "{} {} has no value", service.id, signal.name);
            }
        }
    }

    #[tokio::test]
    async fn the_busiest_processes_are_told_by_name() {
        let seen = source(vec![]).poll(now()).await.unwrap();
        let states = seen.facts.iter().find_map(|f| match f {
            Fact::States(s) => Some(s),
            _ => None,
        });
        let first = states.unwrap().iter().find(|s| &*s.signal == "top 1").unwrap();
        assert!(first.message.contains(" ("), "{}", first.message);
    }

    #[tokio::test]
    async fn a_service_can_ask_for_any_metric_by_name() {
        let mut asked = source(vec![ask("memory"), ask(" load5 ")]);
        asked.settings.services = false;
        let seen = asked.poll(now()).await.unwrap();
        assert_eq!(readings(&seen).len(), 2);
        assert_eq!(readings(&seen)[0].service.as_str(), "mine");
        assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
        assert!(!seen.facts.iter().any(|f| matches!(f, Fact::Services(_))));
    }

    #[rstest]
    #[case("cpuu", "memory")]
    #[case("load:3", "cpu")]
    #[tokio::test]
    async fn an_unknown_metric_is_a_warning_that_names_the_known_ones(
        #[case] query: &str,
        #[case] offered: &str,
    ) {
        let seen = source(vec![ask(query)]).poll(now()).await.unwrap();
        let [warning] = seen.warnings.as_slice() else { panic!("{:?}", seen.warnings) };
        assert!(warning.starts_with("mine, wanted:") && warning.contains(query), "{warning}");
        assert!(warning.contains(offered) && warning.len() < 1_000, "{warning}");
    }

    #[rstest]
    #[case("/", "disk:/")]
    #[case("/home", "disk:/home")]
    #[case("/mnt/My Disk", "disk:/mnt/my_disk-75db38a7")]
    fn disks_have_stable_valid_ids(#[case] point: &str, #[case] id: &str) {
        assert_eq!(disk_id(point), id);
        assert_ne!(disk_id("/mnt/My Disk"), disk_id("/mnt/my disk"));
    }

    #[test]
    fn a_disk_that_answers_again_is_said_to() {
        let mount = mounts::tests_mount("1 0 254:0 / / rw - ext4 /dev/vda rw");
        let usage = mounts::Usage { size: 1 << 30, used: 1, free: 1, inodes: (0, 0) };
        let mut host = source(vec![]);
        let mut state = |answer: Answer| {
            let disk = Disk { mount: mount.clone(), answer };
            host.states(&Measured::default(), &[disk], now()).first().map(|s| s.state)
        };
        assert_eq!(state(Answer::Usage(usage)), None, "a local disk has no such row");
        assert_eq!(state(Answer::Hanging(now())), Some(State::Critical));
        assert_eq!(state(Answer::Usage(usage)), Some(State::Ok));
    }

    #[test]
    fn the_built_in_rules_raise_for_memory_and_disks_only() {
        let usage = mounts::Usage { size: 1 << 30, used: 1, free: 1, inodes: (10, 5) };
        let table = "1 0 254:0 / / rw - ext4 /dev/vda rw";
        let disk = Disk { mount: mounts::tests_mount(table), answer: Answer::Usage(usage) };
        let declared = source(vec![]).declare(&Measured::default(), &[disk]);
        let raising: Vec<String> = declared
            .iter()
            .flat_map(|s| s.signals.iter().filter(|x| x.raises).map(|x| (&s.id, x)))
            .map(|(id, x)| format!("{id} {} {:?}", x.name, x.thresholds.crit.unwrap()))
            .collect();
        assert_eq!(raising, ["memory used 95.0", "disk:/ used 90.0", "disk:/ inodes 95.0"]);
    }
}
