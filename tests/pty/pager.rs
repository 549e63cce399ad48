//! Who pages, with an agent beside a console: the agent goes before, and its end gives it back.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{BINARY, Console, Start};

const CONFIG: &str = r#"
[incidents]
escalation = "core"
[[sources]]
name = "host"
kind = "host"
services = false
[[notify.channels]]
id = "sms"
kind = "command"
argv = ["/bin/sh", "-c", "cat > /dev/null"]
[[people]]
id = "ana"
page = ["sms"]
[[escalation]]
id = "core"
levels = [{ notify = ["person:ana"] }]
"#;

fn agent(home: &Path) -> Child {
    let mut command = Command::new(BINARY);
    command.arg("agent").env_clear().env("HOME", home).current_dir(home);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn an_agent_takes_over_from_a_console_and_its_death_gives_it_back() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/atalaya")).unwrap();
    fs::write(home.path().join(".config/atalaya/config.toml"), CONFIG).unwrap();
    let start = Start { home: Some(home.path()), size: (120, 35), ..Start::default() };
    let mut console = Console::with(&start);
    console.wait_until_open();
    console.send("i");
    console.wait_for("this console");
    let mut agent = agent(home.path());
    console.wait_for(&format!("agent {} on", agent.id()));
    agent.kill().unwrap();
    agent.wait().unwrap();
    console.wait_for("this console");

    // A second one waits for the first, and one that only reads sees who pages.
    let start = Start { shell: Some("exec \"$ATALAYA\" --read-only"), ..start };
    let mut reader = Console::with(&start);
    reader.wait_until_open();
    reader.send("i");
    reader.wait_for(&format!("console {} on", console.pid().as_raw_nonzero()));
    console.send("qq");
    console.wait_for_end();
    reader.wait_for("no pager");
    reader.send("qq");
    reader.wait_for_end();
}

#[test]
fn a_console_that_is_suspended_does_not_sleep_on_the_lease() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/atalaya")).unwrap();
    fs::write(home.path().join(".config/atalaya/config.toml"), CONFIG).unwrap();
    let start = Start { home: Some(home.path()), size: (120, 35), ..Start::default() };
    let mut first = Console::with(&Start { shell: Some(""), ..start });
    first.wait_for("shell>");
    first.send("\"$ATALAYA\"\r");
    first.wait_until_open();
    first.send("i");
    first.wait_for("this console");
    let start = Start { home: Some(home.path()), size: (120, 35), ..Start::default() };
    let mut second = Console::with(&start);
    second.wait_until_open();
    second.send("i");
    second.wait_for("pager        console ");
    first.send("\x1a");
    first.wait_for("Stopped");
    second.wait_for("this console");
    first.send("fg\r");
    first.wait_until_open();
    first.wait_for("pager        console ");
    second.send("qq");
    second.wait_for_end();
    first.wait_for("this console");
    first.send("qq");
    first.wait_until_closed();
}
