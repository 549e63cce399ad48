//! The `command` source against real programs: shell scripts that behave and that do not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::observation::{Fact, Observation};
use atalaya::domain::time::Instant;
use atalaya::sources::command::CommandSource;
use atalaya::sources::settings::{self, HttpSettings, Kind, SourceSettings};
use atalaya::sources::{Source, SourceError};
use rstest::rstest;

fn now() -> Instant {
    "2026-11-24T14:00:00Z".parse().unwrap()
}

fn source(argv: &[&str], directory: Option<PathBuf>) -> CommandSource {
    let command = settings::Command {
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        directory,
    };
    let settings = SourceSettings {
        name: Arc::from("plug-in"),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body: 10_000,
        http: HttpSettings::default(),
        kind: Kind::Command(command.clone()),
        asks: Vec::new(),
    };
    CommandSource::new(&settings, &command)
}

async fn run(script: &str) -> Result<Observation, SourceError> {
    source(&["sh", "-c", script], None).poll(now()).await
}

/// Waits until no process of that number is left but a corpse; fails after 5 s.
async fn gone(pid: &str) {
    for _ in 0..500 {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        match state {
            Err(_) => return,
            Ok(stat) if stat.rsplit(')').next().is_some_and(|s| s.trim().starts_with('Z')) => {
                return;
            }
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("process {pid} is still there");
}

/// The numbers that a script wrote into `file`, as soon as there are `n` of them.
async fn pids(file: &std::path::Path, n: usize) -> Vec<String> {
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.lines().count() >= n && text.ends_with('\n') {
            return text.lines().map(str::to_owned).collect();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_a_program_prints_becomes_an_observation() {
    let seen = run(r#"printf '{"version":1,"server":"test 1","observations":[
        {"kind":"signal","service":"a","signal":"x","value":4}]}'"#)
    .await
    .unwrap();
    assert_eq!(seen.server, "test 1");
    assert!(seen.facts.iter().any(|f| matches!(f, Fact::Signals(r) if r[0].value == 4.0)));
}

#[tokio::test]
async fn half_a_surrogate_pair_in_one_text_costs_that_character_only() {
    let seen = run(r#"echo '{"version":1,"server":"\ud83d!","observations":[]}'"#).await.unwrap();
    assert_eq!(seen.server, "\u{fffd}!");
}

#[tokio::test]
async fn the_environment_is_cleared_but_for_what_was_set() {
    let e = run("env | sort | cut -d= -f1 | tr '\\n' ' ' >&2; exit 1").await.unwrap_err();
    let names: Vec<String> =
        e.to_string().rsplit(": ").next().unwrap().split(' ').map(str::to_owned).collect();
    assert!(names.contains(&"GREETING".to_owned()) && names.contains(&"PATH".to_owned()));
    // What the shell sets for itself is its own affair.
    let foreign =
        |n: &&String| !["GREETING", "LANG", "PATH", "PWD", "SHLVL", "_"].contains(&n.as_str());
    assert_eq!(names.iter().find(foreign), None);
}

#[rstest]
#[case(
    "echo one >&2; printf '\\033[31mno such disk\\n' >&2; exit 3",
    "exit status: 3: no such disk"
)]
#[case("exit 1", "said nothing on standard error")]
#[case("kill -SEGV $$", "signal: 11")]
#[case("echo garbage", "it begins \"garbage\"")]
#[case("head -c 100000 /dev/zero", "more than 10000 bytes")]
#[case("trap '' PIPE; yes 2>/dev/null; sleep 60", "more than 10000 bytes")]
#[tokio::test]
async fn a_program_that_fails_says_why(#[case] script: &str, #[case] expect: &str) {
    let e = run(script).await.unwrap_err().to_string();
    assert!(e.contains(expect), "{e}");
}

#[rstest]
#[case(&["/nowhere/to/be/found"], None, "was not found")]
#[case(&["/"], None, "permission denied")]
#[case(&["true"], Some("/no/such/place"), "no such directory")]
#[case(&[], None, "argv is empty")]
#[tokio::test]
async fn a_program_that_cannot_start_is_a_matter_of_settings(
    #[case] argv: &[&str],
    #[case] directory: Option<&str>,
    #[case] expect: &str,
) {
    let e = source(argv, directory.map(PathBuf::from)).poll(now()).await.unwrap_err();
    assert!(matches!(&e, SourceError::Misconfigured(why) if why.contains(expect)), "{e}");
}

#[tokio::test]
async fn dropping_a_poll_kills_the_program_and_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!("sleep 60 & echo $! >> {0}; echo $$ >> {0}; wait", file.display());
    let mut source = source(&["sh", "-c", &script], None);
    let started = tokio::select! {
        _ = source.poll(now()) => panic!("it should hang"),
        started = pids(&file, 2) => started,
    };
    for pid in started {
        gone(&pid).await;
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_outlive_its_poll() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!(
        "sleep 60 & echo $! >> {}; printf '{{\"version\":1,\"observations\":[]}}'",
        file.display()
    );
    run(&script).await.unwrap();
    for pid in pids(&file, 1).await {
        gone(&pid).await;
    }
}
