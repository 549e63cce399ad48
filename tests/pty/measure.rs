//! How fast and how quiet the console is, beside its peers, in one run on one machine. Prints a
//! table; nothing here fails on a slow machine, so it is run by hand:
//!
//! ```sh
//! cargo build --release
//! ATALAYA_MEASURED=target/release/atalaya cargo test --test pty -- --ignored --nocapture beside_its_peers
//! ```
//!
//! `btop` and `htop` are measured where they are installed. Everything is seen from outside, through
//! a pseudo-terminal of 160×45: the first frame is there when the screen shows a word of it.

use std::time::{Duration, Instant};

use crate::harness::{BINARY, Console, Start};

/// How often each program is started.
const STARTS: usize = 7;
/// How long it is left alone, after a while in which it settles.
const IDLE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(65);
/// How long a first frame is waited for.
const START: Duration = Duration::from_secs(10);
/// How many keys are pressed.
const KEYS: u64 = 200;

struct Program {
    name: &'static str,
    command: String,
    /// A word of its first frame.
    shows: &'static str,
}

#[derive(Default)]
struct Figures {
    first_frame_ms: f64,
    cpu_percent: f64,
    bytes_a_second: f64,
    wake_ups_a_second: f64,
    memory_mib: f64,
    key_p50_ms: f64,
    key_p95_ms: f64,
}

#[test]
#[ignore = "measures for minutes; see above"]
fn beside_its_peers() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = |name: &str| std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let measured = std::env::var("ATALAYA_MEASURED").unwrap_or_else(|_| BINARY.to_owned());
    let measured = std::fs::canonicalize(measured).unwrap();
    let mut programs = vec![Program {
        name: "atalaya",
        command: measured.display().to_string(),
        shows: "Services",
    }];
    let peers = [("btop", "btop", "cpu"), ("htop", "htop -d 10", "Load average")];
    for (name, command, shows) in peers.into_iter().filter(|(name, ..)| installed(name)) {
        programs.push(Program { name, command: command.to_owned(), shows });
    }
    println!(
        "\n{:10} {:>11} {:>8} {:>8} {:>10} {:>8} {:>9} {:>9}",
        "program", "first frame", "CPU", "bytes/s", "wake-ups/s", "memory", "key p50", "key p95"
    );
    for program in &programs {
        let f = figures(program);
        println!(
            "{:10} {:8.1} ms {:6.2} % {:8.0} {:10.1} {:4.1} MiB {:6.2} ms {:6.2} ms",
            program.name,
            f.first_frame_ms,
            f.cpu_percent,
            f.bytes_a_second,
            f.wake_ups_a_second,
            f.memory_mib,
            f.key_p50_ms,
            f.key_p95_ms
        );
    }
}

fn figures(program: &Program) -> Figures {
    let home = tempfile::tempdir().unwrap();
    let script = format!("exec {}", program.command);
    let env = [("COLORTERM", "truecolor")];
    let start = || {
        Console::with(&Start {
            shell: Some(&script),
            env: &env,
            home: Some(home.path()),
            size: (160, 45),
            ..Start::default()
        })
    };
    let mut first_frames: Vec<f64> = (0..STARTS)
        .map(|_| {
            let begun = Instant::now();
            let console = start();
            until(START, || console.text().contains(program.shows));
            millis(begun.elapsed())
        })
        .collect();
    let mut console = start();
    until(START, || console.text().contains(program.shows));
    std::thread::sleep(SETTLE);
    let pid = console.pid().as_raw_nonzero().get();
    let (cpu, bytes, switches) = (cpu(pid), console.received(), switches(pid));
    std::thread::sleep(IDLE);
    let seconds = IDLE.as_secs_f64();
    let mut figures = Figures {
        first_frame_ms: share(&mut first_frames, 0.5),
        cpu_percent: (self::cpu(pid) - cpu) / seconds * 100.0,
        bytes_a_second: (console.received() - bytes) as f64 / seconds,
        wake_ups_a_second: (self::switches(pid) - switches) as f64 / seconds,
        memory_mib: memory(pid),
        ..Figures::default()
    };
    let mut keys: Vec<f64> = (0..KEYS).map(|n| key(&mut console, n)).collect();
    figures.key_p50_ms = share(&mut keys, 0.5);
    figures.key_p95_ms = share(&mut keys, 0.95);
    figures
}

/// Milliseconds from a key to the first byte after it: down, and up again.
fn key(console: &mut Console, n: u64) -> f64 {
    // Between its own draws, so that what is seen is the answer to the key.
    std::thread::sleep(Duration::from_millis(40 + n * 7 % 20));
    let before = console.received();
    let begun = Instant::now();
    console.send(if n.is_multiple_of(2) { "\x1b[B" } else { "\x1b[A" });
    // A key that changes nothing counts as this long.
    until(Duration::from_millis(250), || console.received() != before);
    millis(begun.elapsed())
}

/// Waits without sleeping long, and not for ever.
fn until(patience: Duration, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() && begun.elapsed() < patience {
        std::thread::sleep(Duration::from_micros(50));
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The value below which that share of them lies.
fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

/// A number of each of its threads, summed up.
fn of_threads(pid: i32, file: &str, number: impl Fn(&str) -> Option<u64>) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let read = |t: std::fs::DirEntry| std::fs::read_to_string(t.path().join(file)).ok();
    threads.filter_map(read).filter_map(|text| number(&text)).sum()
}

/// Seconds of processor time so far.
fn cpu(pid: i32) -> f64 {
    let nanos = |text: &str| text.split_whitespace().next()?.parse().ok();
    of_threads(pid, "schedstat", nanos) as f64 / 1e9
}

/// How often its threads have gone to sleep and been woken so far.
fn switches(pid: i32) -> u64 {
    of_threads(pid, "status", |text| {
        let line = text.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    })
}

/// Resident memory.
fn memory(pid: i32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1_024.0
}

/// Runs the demo, fast, for `ATALAYA_SOAK_MINUTES` (60) and watches that it neither grows nor slows
/// down: `cargo test --release --test pty -- --ignored --nocapture the_long_run`.
#[test]
#[ignore = "takes an hour; see above"]
fn the_long_run() {
    let minutes: u64 =
        std::env::var("ATALAYA_SOAK_MINUTES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let home = tempfile::tempdir().unwrap();
    let script = "exec \"$ATALAYA\" --demo --speed 60";
    let mut console = Console::with(&Start {
        shell: Some(script),
        home: Some(home.path()),
        size: (160, 45),
        ..Start::default()
    });
    console.wait_until_open();
    let pid = console.pid().as_raw_nonzero().get();
    let mut settled = None;
    let rounds = 20;
    for round in 0..rounds {
        std::thread::sleep(Duration::from_secs(minutes * 60 / rounds));
        let mut keys: Vec<f64> = (0..20).map(|n| key(&mut console, n)).collect();
        let (memory, slow) = (memory(pid), share(&mut keys, 0.95));
        println!("round {round:2}: {memory:5.1} MiB, key p95 {slow:.2} ms");
        // What is allocated once is allocated by then.
        if round >= rounds / 5 {
            let before = *settled.get_or_insert(memory);
            assert!(memory < before * 1.25 + 2.0, "it grew from {before} to {memory} MiB");
            assert!(slow < 200.0, "keys take {slow} ms");
        }
    }
    console.send("q");
    console.wait_for_end();
    console.assert_restored();
}
