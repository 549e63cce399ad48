//! Every way out but SIGKILL restores the terminal and says why by its exit code.

use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;

use crate::harness::{Console, Start, count};

/// An exit that takes longer is felt. Without answers to its probes the console waits 60 ms for
/// them, and the machine may be busy.
const SOON: Duration = Duration::from_millis(900);

#[rstest]
#[case::q("q", 0)]
#[case::ctrl_c("\x03", 130)]
fn a_key_ends_it(#[case] key: &str, #[case] code: u32) {
    let mut console = Console::start();
    console.wait_until_open();
    assert!(!console.is_cooked());
    console.send(key);
    let (status, took) = console.wait_for_end();
    assert_eq!(status, code);
    assert!(took < SOON, "{took:?}");
    console.assert_restored();
}

#[rstest]
#[case::term(Signal::TERM, 143)]
#[case::hup(Signal::HUP, 129)]
#[case::int(Signal::INT, 130)]
#[case::quit(Signal::QUIT, 131)]
fn a_signal_ends_it(#[case] signal: Signal, #[case] code: u32) {
    let mut console = Console::start();
    console.wait_until_open();
    console.signal(signal);
    let (status, took) = console.wait_for_end();
    assert_eq!(status, code);
    assert!(took < SOON, "{took:?}");
    console.assert_restored();
}

#[test]
fn a_signal_ends_it_even_while_the_program_hangs() {
    let env = [("ATALAYA_TEST_FAULT", "hang")];
    let mut console = Console::with(&Start { env: &env, ..Start::default() });
    console.wait_until_open();
    console.send("?");
    console.wait_until_quiet();
    console.signal(Signal::TERM);
    let (status, took) = console.wait_for_end();
    assert_eq!(status, 143);
    assert!(took < Duration::from_millis(1_200), "{took:?}");
    console.assert_restored();
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_reported() {
    let env = [("ATALAYA_TEST_FAULT", "panic")];
    let mut console = Console::with(&Start { env: &env, ..Start::default() });
    console.wait_until_open();
    console.send("?");
    let (status, _) = console.wait_for_end();
    assert_ne!(status, 0);
    console.assert_restored();
    console.wait_for("provoked while drawing");
}

#[test]
fn a_panic_in_the_background_leaves_the_screen_alone() {
    let env = [("ATALAYA_TEST_FAULT", "background panic")];
    let mut console = Console::with(&Start { env: &env, ..Start::default() });
    console.wait_until_open();
    console.send("?");
    console.wait_until_quiet();
    assert!(console.modes()[&1049] && !console.is_cooked());
    assert_eq!(count(&console.seen().bytes, b"provoked"), 0);
    // The first closes the help, the second leaves.
    console.send("q");
    console.wait_until_quiet();
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
}

#[test]
fn on_a_vt100_nothing_is_asked_and_everything_is_restored() {
    let env = [("TERM", "vt100")];
    let mut console = Console::with(&Start { env: &env, ..Start::default() });
    console.wait_until_open();
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
    let seen = console.seen();
    assert_eq!(count(&seen.bytes, b"\x1b]"), 0, "no OSC");
    assert_eq!(count(&seen.bytes, b"\x1b[c"), 0, "no question");
}

#[test]
fn without_a_terminal_it_says_so_and_leaves_the_output_clean() {
    let output = std::process::Command::new(crate::harness::BINARY)
        .env("HOME", tempfile::tempdir().unwrap().path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(!output.stdout.contains(&0x1b));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not a terminal"), "{said}");
}
