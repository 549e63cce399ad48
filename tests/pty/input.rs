//! What is typed arrives, once and in order; what a terminal answers is never typed.

use std::time::Duration;

use crate::harness::{Console, Start};

/// Answers to probes, known and unknown; each would end the console if it were typed.
const ANSWERS: [&str; 8] = [
    "\x1bP>|XTerm(q)\x1b\\",
    "\x1b]52;c;qqqq\x07",
    "\x1b]11;rgb:q/q/q\x1b\\",
    "\x1b_Gi=31;q\x1b\\",
    "\x1b[?62;4q",
    "\x1b[>0;276;0q",
    "\x1b[=1;2q",
    "\x1bP1$rq\x1b\\",
];

#[test]
fn a_late_answer_is_never_typed() {
    let mut console = Console::start();
    console.wait_until_open();
    console.wait_until_quiet();
    for answer in ANSWERS {
        console.send(answer);
    }
    console.wait_until_quiet();
    assert!(console.child.try_wait().unwrap().is_none(), "an answer was typed");
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}

#[test]
fn an_answer_or_a_key_that_arrives_in_pieces_is_never_typed() {
    // Over SSH a lone ESC waits long enough for a split right behind it.
    let env = [("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")];
    let mut console = Console::with(&Start { env: &env, ..Start::default() });
    console.wait_until_open();
    for sequence in ANSWERS.into_iter().chain(["\x1b[1;5q", "\x1b[57q"]) {
        for byte in sequence.bytes() {
            console.send([byte]);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    // A slow line: the pieces of one key further apart than a lone ESC would wait.
    for piece in ["\x1b[", "1;5", "q"] {
        console.send(piece);
        std::thread::sleep(Duration::from_millis(150));
    }
    console.wait_until_quiet();
    assert!(console.child.try_wait().unwrap().is_none(), "a piece was typed");
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}

#[test]
fn a_lone_escape_is_a_key_of_its_own() {
    let mut console = Console::start();
    console.wait_until_open();
    console.send("\x1b");
    console.wait_until_quiet();
    assert!(console.child.try_wait().unwrap().is_none(), "Esc never quits");
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}

#[test]
fn keys_typed_faster_than_drawn_all_arrive() {
    let mut console = Console::start();
    console.wait_until_open();
    for _ in 0..40 {
        console.send("\x1b[B\x1b[A".repeat(50));
    }
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
}

#[test]
fn what_is_pasted_is_not_typed() {
    let mut console = Console::start();
    console.wait_until_open();
    console.send("\x1b[200~q\rq\x1b[201~");
    console.wait_until_quiet();
    assert!(console.child.try_wait().unwrap().is_none(), "the paste was typed");
    console.send("q");
    assert_eq!(console.wait_for_end().0, 0);
}

#[test]
fn answers_on_their_way_do_not_end_up_in_the_shell() {
    let answers: &[u8] =
        b"\x1b[?2026;2$y\x1bP>|XTerm(390)\x1b\\\x1b]11;rgb:00/00/00\x1b\\\x1b[?62c";
    let delayed = Some((Duration::from_millis(40), answers));
    let mut console =
        Console::with(&Start { shell: Some(""), answers: delayed, ..Start::default() });
    console.wait_for("shell>");
    console.send("\"$ATALAYA\"\r");
    // `q` is waiting before the console has even begun.
    console.send("q");
    console.wait_until_closed();
    console.wait_until_quiet();
    console.send("echo code=$?\r");
    console.wait_for("code=0");
    console.wait_until_quiet();
    let text = console.text();
    assert!(!text.contains("rgb") && !text.contains("XTerm") && !text.contains("62c"), "{text}");
}
