//! Job control, under a real shell.

use rstest::rstest;

use crate::harness::{Console, Start, wait};

fn shell() -> Console {
    let console = Console::with(&Start { shell: Some(""), ..Start::default() });
    console.wait_for("shell>");
    console
}

fn open(console: &mut Console) {
    console.send("\"$ATALAYA\"\r");
    console.wait_until_open();
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let mut console = shell();
    open(&mut console);
    for _ in 0..2 {
        console.send("\x1a");
        console.wait_for("Stopped");
        console.assert_restored();
        console.send("fg\r");
        console.wait_until_open();
    }
    console.send("q");
    console.wait_until_closed();
    console.send("echo code=$?\r");
    console.wait_for("code=0");
    console.assert_restored();
}

#[test]
fn sigtstp_from_outside_does_the_same() {
    let mut console = shell();
    open(&mut console);
    rustix::process::kill_process(console.job(), rustix::process::Signal::TSTP).unwrap();
    console.wait_for("Stopped");
    console.assert_restored();
    console.send("fg %1\r");
    console.wait_until_open();
    console.send("q");
    console.wait_until_closed();
}

#[test]
fn a_stop_that_it_could_not_see_coming_is_mended_by_fg() {
    let mut console = shell();
    open(&mut console);
    rustix::process::kill_process(console.job(), rustix::process::Signal::STOP).unwrap();
    console.wait_for("Stopped");
    // The shell has set the terminal for itself.
    console.send("fg %1\r");
    wait(|| !console.is_cooked(), || "raw mode".to_owned());
    // A key works without Enter.
    console.send("q");
    console.wait_until_closed();
    console.assert_restored();
}

#[rstest]
#[case::killed("kill %1", "143")]
#[case::hung_up("kill -HUP %1", "129")]
fn a_stopped_console_can_be_ended_without_touching_the_terminal(
    #[case] kill: &str,
    #[case] code: &str,
) {
    let mut console = shell();
    open(&mut console);
    console.send("\x1a");
    console.wait_for("Stopped");
    let before = console.modes();
    console.send(format!("clear; {kill}; kill -CONT %1; wait %1; echo ended=$?\r"));
    console.wait_for(&format!("ended={code}"));
    assert_eq!(console.modes(), before);
}

#[test]
fn in_the_background_it_waits_for_the_foreground() {
    let mut console = shell();
    open(&mut console);
    console.send("\x1a");
    console.wait_for("Stopped");
    console.send("clear; bg\r");
    wait(
        || console.text().matches("Stopped").count() >= 1 || console.text().contains('&'),
        || format!("the background on\n{}", console.text()),
    );
    assert!(!console.modes()[&1049], "it drew over the shell");
    console.send("fg\r");
    console.wait_until_open();
    console.send("q");
    console.wait_until_closed();
    console.assert_restored();
}

#[test]
fn without_a_shell_behind_it_ctrl_z_does_nothing() {
    let mut console = Console::start();
    console.wait_until_open();
    console.send("\x1a");
    console.wait_until_quiet();
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}
