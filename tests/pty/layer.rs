//! The terminal layer without an app around it: this test binary runs itself in a pseudo-terminal,
//! and the child says at its end what it saw.

use std::fmt::Write as _;

use atalaya::ui::terminal::{InputEvent, Key, Options, Terminal, Tui};
use rustix::process::{Signal, kill_process};
use tokio::sync::mpsc::Receiver;

use crate::harness::{Console, Start, count};

const ROLE: &str = "ATALAYA_PTY_CHILD";

/// Not a test of its own: what the child does.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (mut tui, mut events) = Terminal::take_over(Options::default()).unwrap();
    let draw = |tui: &mut Tui, text: &str| {
        tui.draw(|frame| frame.render_widget(text, frame.area())).unwrap();
    };
    draw(&mut tui, "child is open");
    let said = match role.as_str() {
        "events" => report(&mut events),
        "editor" => {
            let edited = tui.with_editor("draft\n");
            let leave = events.try_recv().ok().filter(|e| matches!(e, InputEvent::Leave(_)));
            draw(&mut tui, "child is back");
            let rest = if leave.is_some() { String::new() } else { report(&mut events) };
            format!("edited: {edited:?}, leave: {leave:?}, then: {rest}")
        }
        "calls" => {
            tui.copy("hello").unwrap();
            tui.notify("P1", "checkout\x1b]0;owned\x07 is down").unwrap();
            tui.set_title("at\x07alaya").unwrap();
            tui.set_mouse(true).unwrap();
            tui.draw_linked(|frame, links| {
                frame.render_widget("runbook", frame.area());
                links.add(ratatui::layout::Rect::new(0, 0, 7, 1), "https://a.example/r");
            })
            .unwrap();
            report(&mut events)
        }
        other => panic!("no such role: {other}"),
    };
    drop(tui);
    println!("\r\nsaid: {said}");
}

/// What arrives until `q`; runs of the same are counted.
fn report(events: &mut Receiver<InputEvent>) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    while let Some(event) = events.blocking_recv() {
        let shown = match event {
            InputEvent::Key(key) if key == Key::char('q') => break,
            InputEvent::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        };
        match runs.last_mut() {
            Some((last, times)) if *last == shown => *times += 1,
            _ => runs.push((shown, 1)),
        }
    }
    runs.iter().fold(String::new(), |mut text, (shown, times)| {
        let _ = write!(text, "{shown}×{times} ");
        text
    })
}

fn start(role: &str, env: &[(&str, &str)]) -> Console {
    let script = "exec \"$0\" --exact layer::child --nocapture --test-threads=1";
    let binary = std::env::current_exe().unwrap();
    let script = script.replace("$0", binary.to_str().unwrap());
    let env: Vec<_> = env.iter().copied().chain([(ROLE, role)]).collect();
    Console::with(&Start { shell: Some(&script), env: &env, ..Start::default() })
}

#[test]
fn events_arrive_once_each_in_their_order() {
    let mut console = start("events", &[]);
    console.wait_for("child is open");
    console.send("\x1b[B".repeat(3_000));
    console.send("a\u{e9}\x1b[1;5C\x1b[I\x1b[O\x1b[200~two\rlines\x1b[201~");
    console.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\q");
    console.wait_for("said:");
    console.wait_for("said: Down×3000 a×1 é×1 Ctrl-Right×1 Focus(true)×1 Focus(false)×1");
    console.wait_for("Paste(\"two\\nlines\")×1");
    console.wait_for("Background(Light)×1");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
}

#[test]
fn an_editor_gets_the_terminal_as_the_shell_had_it_and_gives_it_back() {
    let mut console = start("editor", &[("EDITOR", "echo ready; head -n 1 >")]);
    console.wait_for("ready");
    console.send("typed by hand\r");
    console.wait_for("child is back");
    assert!(console.modes()[&1049] && !console.is_cooked());
    console.send("xq");
    console.wait_for("said: edited: Ok(Some(\"typed by hand\\n\")), leave: None, then: x×1");
    assert_eq!(console.wait_for_end().0, 0);
    console.assert_restored();
}

#[test]
fn ctrl_c_in_an_editor_ends_the_editor_and_not_us() {
    // One process from its first word on: a shell that is just starting another may swallow the key.
    let mut console = start("editor", &[("EDITOR", "echo ready; exec head -n 1 >")]);
    console.wait_for("ready");
    console.send("\x03");
    console.wait_for("child is back");
    console.send("q");
    console.wait_for("said: edited: Ok(None), leave: None");
    console.assert_restored();
}

#[test]
fn an_editor_that_is_not_there_is_named() {
    let mut console = start("editor", &[("EDITOR", "no-such-editor")]);
    console.wait_for("child is back");
    console.send("q");
    console.wait_for("cannot be started; set $EDITOR");
    console.assert_restored();
}

#[test]
fn the_end_of_the_program_does_not_wait_for_the_editor() {
    let mut console = start("editor", &[("EDITOR", "sleep 60 #")]);
    console.wait_until_closed();
    kill_process(console.pid(), Signal::TERM).unwrap();
    console.wait_for("said: edited: Ok(None), leave: Some(Leave(Terminate))");
    console.wait_for_end();
    console.assert_restored();
}

#[test]
fn copies_notifications_titles_and_links_reach_the_terminal_cleaned() {
    let env = [("TERM_PROGRAM", "WezTerm")];
    let mut console = start("calls", &env);
    console.wait_for("runbook");
    console.send("\x1b[<0;3;2Mq");
    console.wait_for("said: Mouse(Mouse { kind: Down(0), x: 2, y: 1");
    let seen = console.seen();
    for expect in [
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b]9;P1: checkout is down\x07",
        "\x1b]2;atalaya\x07",
        ";https://a.example/r\x1b\\runbook\x1b]8;;\x1b\\",
    ] {
        assert_eq!(count(&seen.bytes, expect.as_bytes()), 1, "{expect:?}");
    }
    drop(seen);
    console.assert_restored();
}
