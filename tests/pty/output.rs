//! What goes to the terminal: nothing without a reason, and the right thing at every size.

use std::time::Duration;

use crate::harness::{Console, Start, count};

#[test]
fn a_resize_storm_down_to_one_cell_and_back_ends_in_the_right_picture() {
    let mut console = Console::start();
    console.wait_until_open();
    for n in 0..60_u16 {
        console.resize(1 + (n * 7) % 90, 1 + (n * 3) % 40);
    }
    console.resize(1, 1);
    console.wait_until_quiet();
    console.resize(500, 200);
    console.resize(80, 24);
    console.wait_for("atalaya");
    console.wait_until_quiet();
    assert!(console.child.try_wait().unwrap().is_none());
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
}

#[test]
fn an_idle_console_writes_next_to_nothing() {
    let mut console = Console::start();
    console.wait_until_open();
    console.wait_until_quiet();
    let before = console.seen().bytes.len();
    std::thread::sleep(Duration::from_secs(2));
    let written = console.seen().bytes.len() - before;
    // Three ticks of the clock may fall into two seconds.
    assert!(written < 3 * 60, "{written} bytes in two seconds");
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}

#[test]
fn only_a_terminal_that_said_so_gets_synchronised_frames() {
    let begin: &[u8] = b"\x1b[?2026h";
    let answers: &[u8] = b"\x1b[?2026;2$y\x1b[?62c";
    for (answers, expect) in [(None, false), (Some((Duration::ZERO, answers)), true)] {
        let mut console = Console::with(&Start { answers, ..Start::default() });
        console.wait_until_open();
        console.wait_until_quiet();
        console.resize(100, 30);
        console.wait_until_quiet();
        console.send("?");
        console.wait_until_quiet();
        assert_eq!(count(&console.seen().bytes, begin) > 0, expect);
        // The first closes the help, the second leaves.
        console.send("q");
        console.wait_until_quiet();
        console.send("q");
        assert_eq!(console.wait_for_end().0, 0);
        console.assert_restored();
    }
}

#[test]
fn a_key_that_changes_little_costs_little() {
    let mut console = Console::start();
    console.wait_until_open();
    console.wait_until_quiet();
    let before = console.seen().bytes.len();
    console.send("\x1b[B");
    console.wait_until_quiet();
    let written = console.seen().bytes.len() - before;
    assert!(written < 600, "{written} bytes");
}
