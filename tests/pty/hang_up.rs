//! A terminal that disappears ends the program within a second, and quietly.

use std::io::Read;
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::Signal;

use crate::harness::{Console, Start, wait};

const WITHIN: Duration = Duration::from_secs(1);
/// `bash` leaves an ignored signal ignored for what it executes.
const WITHOUT_SIGHUP: &str = "trap '' HUP; exec \"$ATALAYA\"";

/// Reads until the first frame is there; from then on nobody reads.
fn read_first_frame(console: &Console) {
    let mut reader = console.master.try_clone_reader().unwrap();
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    while crate::harness::count(&seen, b"atalaya") < 2 {
        let n = reader.read(&mut buffer).unwrap();
        assert!(n > 0, "the console ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..n]);
    }
}

/// Seconds of CPU that the process has used, in hundredths.
fn cpu(pid: rustix::process::Pid) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn is_gone(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

#[rstest]
#[case::with_sighup(None, "")]
#[case::without_sighup(Some(WITHOUT_SIGHUP), "")]
#[case::without_sighup_while_it_hangs(Some(WITHOUT_SIGHUP), "hang")]
fn a_closed_terminal_ends_it_without_spinning(#[case] shell: Option<&str>, #[case] fault: &str) {
    let env = [("ATALAYA_TEST_FAULT", fault)];
    let mut console = Console::with(&Start { shell, env: &env, read: false, ..Start::default() });
    read_first_frame(&console);
    let pid = console.pid();
    if !fault.is_empty() {
        console.send("?");
        std::thread::sleep(Duration::from_millis(200));
    }
    let spent = cpu(pid);
    // Both halves of the master; nobody else has it.
    let master = std::mem::replace(&mut console.master, closed());
    let writer = std::mem::replace(&mut console.writer, Box::new(std::io::sink()));
    let begun = Instant::now();
    drop(writer);
    drop(master);
    wait(|| is_gone(pid), || "the end".to_owned());
    let took = begun.elapsed();
    assert!(took < WITHIN, "{took:?}");
    assert!(cpu(pid) - spent < 20, "it was busy for {} ms", (cpu(pid) - spent) * 10);
    assert_eq!(console.wait_for_end().0, 129);
}

/// Another terminal's master, to have one at all.
fn closed() -> Box<dyn portable_pty::MasterPty + Send> {
    portable_pty::native_pty_system().openpty(crate::harness::size(1, 1)).unwrap().master
}

#[test]
fn a_terminal_that_does_not_read_cannot_hold_the_program() {
    let mut console = Console::with(&Start { read: false, ..Start::default() });
    read_first_frame(&console);
    // Whole screens, until the terminal's buffer is full and beyond.
    for n in 0..30 {
        console.resize(400 + n, 100);
        console.send("?");
        std::thread::sleep(Duration::from_millis(20));
    }
    console.signal(Signal::TERM);
    let (status, took) = console.wait_for_end();
    assert_eq!(status, 143);
    assert!(took < WITHIN, "{took:?}");
    assert!(console.is_cooked());
}
