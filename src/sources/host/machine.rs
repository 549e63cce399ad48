//! What the kernel says of this machine, as numbers by name.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant as Stopwatch};

use sysinfo::{Components, Networks, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::domain::text::clean;
use crate::domain::time::Instant;

/// Processes and temperatures are looked at this often at most: reading them costs some hundred
/// times as much as everything else.
const SLOW: Duration = Duration::from_secs(15);
/// How long the very first look measures, since rates need two looks.
const FIRST: Duration = Duration::from_millis(250);
const MAX_SENSORS: usize = 16;
const MAX_INTERFACES: usize = 32;

/// A number by its name, and when it was true.
pub type Metrics = BTreeMap<String, (f64, Instant)>;

/// One of the busiest processes.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    pub name: String,
    pub pid: u32,
    /// In percent of one core.
    pub cpu: f64,
    /// Resident, in bytes.
    pub memory: u64,
}

/// One temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    pub label: String,
    /// At which its maker says it is too hot, in °C.
    pub critical: Option<f64>,
}

/// The outcome of one look.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub metrics: Metrics,
    pub processes: Vec<Process>,
    pub processes_at: Instant,
    pub sensors: Vec<Sensor>,
    /// Whether there is swap at all.
    pub swap: bool,
}

/// The counters of the last look, to tell rates from.
pub struct Machine {
    system: System,
    networks: Networks,
    components: Components,
    network: Option<(Stopwatch, HashMap<String, Counters>)>,
    slow: Option<(Stopwatch, Measured)>,
    top: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    received: u64,
    sent: u64,
    errors: u64,
}

impl Machine {
    /// `top` is how many processes are told by name.
    pub fn new(top: usize) -> Result<Self, sysinfo::Error> {
        Ok(Self {
            system: System::new()?,
            networks: Networks::new()?,
            components: Components::new()?,
            network: None,
            slow: None,
            top,
        })
    }

    /// Looks. Blocks: some milliseconds, the first time a quarter of a second.
    pub fn measure(&mut self, now: Instant) -> Measured {
        if self.network.is_none() {
            self.system.refresh_cpu_usage();
            self.refresh_processes();
            self.refresh_network();
            std::thread::sleep(FIRST);
        }
        let mut m = self.slowly(now);
        let mut put = |name: &str, value: f64| {
            m.metrics.insert(name.to_owned(), (value, now));
        };
        self.system.refresh_cpu_usage();
        put("cpu", f64::from(self.system.global_cpu_usage()));
        let cores = self.system.cpus().len().max(1) as f64;
        if let Ok(load) = System::load_average() {
            let loads = [("load1", load.one), ("load5", load.five), ("load15", load.fifteen)];
            for (name, value) in loads {
                put(name, value);
                put(&format!("{name}_per_core"), value / cores);
            }
        }
        self.system.refresh_memory();
        let (total, available) = (self.system.total_memory(), self.system.available_memory());
        if total > 0 {
            put("memory", total.saturating_sub(available) as f64 / total as f64 * 100.0);
            put("memory_available", available as f64);
        }
        let (swap, used) = (self.system.total_swap(), self.system.used_swap());
        if swap > 0 {
            put("swap", used as f64 / swap as f64 * 100.0);
        }
        if let Ok(seconds) = System::uptime() {
            put("uptime", seconds as f64);
        }
        for (name, rate) in self.refresh_network() {
            put(&name, rate);
        }
        m.swap = swap > 0;
        m
    }

    /// Processes and temperatures, as of the last time when they were due.
    fn slowly(&mut self, now: Instant) -> Measured {
        if let Some((_, last)) = self.slow.as_ref().filter(|(at, _)| at.elapsed() < SLOW) {
            return last.clone();
        }
        self.refresh_processes();
        let mut m = Measured { processes_at: now, ..Measured::default() };
        m.processes = busiest(&self.system, self.top);
        m.metrics.insert("processes".to_owned(), (self.system.processes().len() as f64, now));
        for (i, p) in m.processes.iter().enumerate() {
            m.metrics.insert(format!("process:{}", i + 1), (p.cpu, now));
        }
        self.components.refresh(true);
        m.sensors = self.sensors(&mut m.metrics, now);
        self.slow = Some((Stopwatch::now(), m.clone()));
        m
    }

    fn refresh_processes(&mut self) {
        let what = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .with_exe(UpdateKind::Never)
            .without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    }

    fn sensors(&self, metrics: &mut Metrics, now: Instant) -> Vec<Sensor> {
        let mut found: Vec<(Sensor, f64)> = self
            .components
            .iter()
            .filter_map(|c| {
                let celsius = f64::from(c.temperature()?);
                let critical = c.critical().map(f64::from).filter(|t| (40.0..150.0).contains(t));
                let label = clean(c.label(), 40);
                // A sensor that is not connected reads as absolute zero or as 0.
                (celsius.is_finite() && celsius > 0.0 && !label.is_empty())
                    .then_some((Sensor { label, critical }, celsius))
            })
            .collect();
        found.sort_by(|a, b| a.0.label.cmp(&b.0.label));
        found.dedup_by(|a, b| a.0.label == b.0.label);
        found.truncate(MAX_SENSORS);
        if let Some(hottest) = found.iter().map(|f| f.1).reduce(f64::max) {
            metrics.insert("temperature".to_owned(), (hottest, now));
        }
        for (sensor, celsius) in &found {
            metrics.insert(format!("temperature:{}", sensor.label), (*celsius, now));
        }
        found.into_iter().map(|f| f.0).collect()
    }

    /// Rates since the last look, by the name of the metric; nothing the first time.
    fn refresh_network(&mut self) -> Vec<(String, f64)> {
        self.networks.refresh(true);
        let counters: HashMap<String, Counters> = self
            .networks
            .iter()
            .map(|(name, data)| (clean(&name.to_string_lossy(), 32), data))
            .filter(|(name, _)| is_outside(name))
            .take(MAX_INTERFACES)
            .map(|(name, data)| {
                let errors = data.total_errors_on_received() + data.total_errors_on_transmitted();
                let (received, sent) = (data.total_received(), data.total_transmitted());
                (name, Counters { received, sent, errors })
            })
            .collect();
        let at = Stopwatch::now();
        let before = self.network.replace((at, counters.clone()));
        before.map_or_else(Vec::new, |(then, before)| {
            rates(&before, &counters, at.duration_since(then).as_secs_f64())
        })
    }
}

/// The busiest first; equally busy ones by memory, then by pid, so that an idle list keeps still.
fn busiest(system: &System, top: usize) -> Vec<Process> {
    let mut all: Vec<&sysinfo::Process> = system.processes().values().collect();
    let key = |p: &sysinfo::Process| (p.cpu_usage(), p.memory());
    all.sort_by(|a, b| {
        let (a_key, b_key) = (key(a), key(b));
        b_key.0.total_cmp(&a_key.0).then(b_key.1.cmp(&a_key.1)).then(a.pid().cmp(&b.pid()))
    });
    let process = |p: &sysinfo::Process| Process {
        name: clean(&p.name().to_string_lossy(), 64),
        pid: p.pid().as_u32(),
        cpu: f64::from(p.cpu_usage()),
        memory: p.memory(),
    };
    all.into_iter().take(top).map(process).collect()
}

/// Whether traffic on it enters or leaves the machine; bridges and tunnels would count it twice.
fn is_outside(interface: &str) -> bool {
    const INSIDE: [&str; 9] =
        ["veth", "docker", "br-", "virbr", "cni", "flannel", "cali", "tun", "dummy"];
    interface != "lo" && !interface.is_empty() && !INSIDE.iter().any(|p| interface.starts_with(p))
}

/// An interface that is new, or whose counters began anew, counts from the next look on.
fn rates(
    before: &HashMap<String, Counters>,
    after: &HashMap<String, Counters>,
    seconds: f64,
) -> Vec<(String, f64)> {
    if seconds <= 0.0 {
        return Vec::new();
    }
    let mut sums = [0.0; 3];
    let mut out = Vec::new();
    for (name, a) in after {
        let Some(b) = before.get(name) else { continue };
        let rate = |a: u64, b: u64| a.saturating_sub(b) as f64 / seconds;
        let own = [rate(a.received, b.received), rate(a.sent, b.sent), rate(a.errors, b.errors)];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own;
        }
        let [incoming, outgoing, _] = own;
        out.push((format!("net_in:{name}"), incoming));
        out.push((format!("net_out:{name}"), outgoing));
    }
    out.extend(["net_in", "net_out", "net_errors"].map(str::to_owned).into_iter().zip(sums));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(list: &[(&str, u64, u64, u64)]) -> HashMap<String, Counters> {
        let one = |&(name, received, sent, errors): &(&str, u64, u64, u64)| {
            (name.to_owned(), Counters { received, sent, errors })
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn rates_are_summed_over_interfaces_and_survive_new_and_restarted_ones() {
        let before = counters(&[("eth0", 1_000, 500, 0), ("eth1", 9_000, 9_000, 9)]);
        let after = counters(&[("eth0", 3_000, 600, 4), ("eth1", 10, 10, 0), ("wlan0", 7, 7, 7)]);
        let rates: BTreeMap<String, f64> = rates(&before, &after, 2.0).into_iter().collect();
        assert_eq!(rates["net_in"], 1_000.0);
        assert_eq!(rates["net_out"], 50.0);
        assert_eq!(rates["net_errors"], 2.0);
        assert_eq!(rates["net_in:eth0"], 1_000.0);
        assert!(!rates.contains_key("net_in:wlan0"));
    }

    #[test]
    fn bridges_and_loopback_are_not_counted() {
        let kept: Vec<_> = ["lo", "eth0", "docker0", "veth1a", "br-1f", "wlp3s0", "bond0"]
            .into_iter()
            .filter(|i| is_outside(i))
            .collect();
        assert_eq!(kept, ["eth0", "wlp3s0", "bond0"]);
    }

    #[test]
    fn the_first_look_already_knows_this_machine() {
        let m = Machine::new(3).unwrap().measure(Instant::UNIX_EPOCH);
        for name in ["cpu", "load1", "load15_per_core", "memory", "memory_available", "processes"] {
            assert!(m.metrics.get(name).is_some_and(|v| v.0.is_finite()), "{name} is missing");
        }
        let percent = 0.0..=100.0;
        assert!(percent.contains(&m.metrics["cpu"].0) && percent.contains(&m.metrics["memory"].0));
        assert!(!m.processes.is_empty() && m.processes.len() <= 3);
        assert!(m.processes.iter().all(|p| p.pid > 0 && !p.name.is_empty()));
    }
}
