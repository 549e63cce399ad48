//! The store on SQLite: its promises, and what only files can suffer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use atalaya::domain::incident::IncidentId;
use atalaya::store::{Location, Mode, Store, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;
use tempfile::TempDir;

use super::contract::{self, Writer, noted, opened, raw, something};

fn place() -> (TempDir, Location) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("atalaya.db"));
    (dir, location)
}

fn path(location: &Location) -> &Path {
    match location {
        Location::File(path) => path,
        _ => panic!("not a file"),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_promise(
    #[values(
        "first_start",
        "restart",
        "race",
        "one_open_per_key",
        "random_history",
        "transfer",
        "audit",
        "newer_events",
        "bulk",
        "urgent",
        "roster",
        "calendar",
        "pages",
        "views",
        "orders",
        "rollups",
        "uptime",
        "reports"
    )]
    promise: &str,
) {
    assert!(contract::PROMISES.contains(&promise), "then PostgreSQL keeps it too");
    let (_dir, location) = place();
    contract::keep(promise, &location).await;
}

#[test]
fn replaying_any_history_gives_the_stored_incidents() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let steps = prop::collection::vec((1..6_u64, any::<u8>(), any::<bool>()), 1..60);
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(48) });
    let result = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let mut w = Writer::on(Store::memory().await.unwrap()).await;
            let mut batch = Vec::new();
            let mut known = std::collections::BTreeSet::new();
            for (id, what, cut) in steps {
                if known.insert(id) {
                    batch.push((id, opened(&format!("key {id}"))));
                }
                batch.push((id, something(what)));
                if cut {
                    w.stored(std::mem::take(&mut batch)).await;
                }
            }
            w.stored(batch).await;
            prop_assert_eq!(w.store.verify().await.unwrap(), Vec::<String>::new());
            Ok(())
        })
    });
    result.unwrap();
}

#[tokio::test]
async fn a_projection_that_differs_from_its_events_is_found() {
    let (_dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a")), (2, opened("b")), (2, noted("x"))]).await;
    let edit = raw(&location).await;
    let sql = "UPDATE incidents SET doc = REPLACE(doc, 'db-main', 'db-other') WHERE id = 1";
    sqlx::query(sql).execute(&edit).await.unwrap();
    sqlx::query("DELETE FROM incidents WHERE id = 2").execute(&edit).await.unwrap();
    let found = w.store.verify().await.unwrap();
    assert_eq!(
        found,
        ["INC-1 differs from what its events say", "INC-2 has events but is missing"]
    );
}

#[tokio::test]
async fn an_incident_that_cannot_be_read_is_made_again_from_its_events() {
    let (_dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a")), (1, noted("x"))]).await;
    let sql = "UPDATE incidents SET doc = '{'";
    sqlx::query(sql).execute(&raw(&location).await).await.unwrap();
    assert_eq!(w.store.load().await.unwrap().incidents, [(*w.incidents[&IncidentId(1)]).clone()]);
}

#[tokio::test]
async fn the_file_and_its_folder_belong_to_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/er");
    let location = Location::File(folder.join("a b%3F?#é.db"));
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&dir.path().join("deep")), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "the file, its -wal and its -shm: {files:?}");
    assert!(path(&location).exists());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    w.store.close().await;
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "closing leaves one file");
}

#[rstest]
#[case::garbage(|p: &Path| fs::write(p, b"\0\xffno database, whatever its name says").unwrap())]
#[case::cut(|p: &Path| fs::File::options().write(true).open(p).unwrap().set_len(5_000).unwrap())]
#[case::overwritten(|p: &Path| {
    let mut bytes = fs::read(p).unwrap();
    bytes[100..].fill(0xa5);
    fs::write(p, bytes).unwrap();
})]
#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_a_new_one_begun(#[case] damage: fn(&Path)) {
    let (dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored((1..200).map(|n| (n, opened(&format!("k{n}")))).collect()).await;
    w.store.close().await;
    // A busy machine may leave some of it in the log: then there would be nothing to damage.
    while dir.path().join("atalaya.db-wal").exists() {
        Store::open(&location, false).await.unwrap().close().await;
    }
    damage(path(&location));
    let damaged = fs::read(path(&location)).unwrap();
    // Left by a console that was killed.
    fs::write(dir.path().join("atalaya.db-wal"), "torn").unwrap();

    let store = Store::open(&location, false).await.unwrap();
    assert_eq!(store.load().await.unwrap().incidents, []);
    let notice = store.notices().join("\n");
    assert!(notice.contains("was damaged"), "{notice}");
    store.close().await;
    let kept: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|p| p.to_string_lossy().contains(".damaged-"))
        .collect();
    let kept_file = kept.iter().min_by_key(|p| p.as_os_str().len()).unwrap();
    assert!(notice.contains(&*kept_file.to_string_lossy()), "{notice}");
    assert!(fs::read(kept_file).unwrap() == damaged, "not one byte of it changed");
    assert!(kept.iter().any(|p| p.to_string_lossy().ends_with("-wal")), "{kept:?}");
}

#[tokio::test]
async fn a_read_only_console_moves_nothing_and_writes_nothing() {
    let (dir, location) = place();
    let missing = Store::open(&location, true).await.unwrap_err();
    assert!(missing.to_string().contains("without --read-only"), "{missing}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    let store = Store::open(&location, true).await.unwrap();
    assert!(matches!(store.mode(), Mode::ReadOnly { .. }));
    assert_eq!(store.load().await.unwrap().incidents.len(), 1);
    let mut guest = Writer::on(store).await;
    let refused = guest.append(vec![(1, noted("x"))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    guest.store.close().await;
    w.store.close().await;

    fs::write(path(&location), "garbage garbage garbage").unwrap();
    let refused = Store::open(&location, true).await.unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert_eq!(fs::read_to_string(path(&location)).unwrap(), "garbage garbage garbage");
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let (_dir, location) = place();
    let url = format!("sqlite://{}?mode=rwc", path(&location).display());
    sqlx::any::install_default_drivers();
    let other = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&other).await.unwrap();
    other.close().await;
    let refused = Store::open(&location, false).await.unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
}

#[tokio::test]
async fn what_another_console_stored_is_noticed_once_it_is_there() {
    let (_dir, location) = place();
    let mut a = Writer::open(&location).await;
    let mut b = Writer::open(&location).await;
    let mut watch = a.store.watch();
    while watch.look() {}
    assert!(!watch.peek() && !watch.look(), "nothing changed, nothing to read");
    b.stored(vec![(1, opened("b"))]).await;
    assert!(watch.peek(), "seen between two ticks");
    assert!(watch.look(), "seen by the tick");
    assert!(watch.look(), "and looked at once more");
    assert!(!watch.look());
    a.catch_up().await;
    assert_eq!(a.incidents.len(), 1);
}

fn deleted(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
}

fn replaced(path: &Path) {
    fs::rename(path, path.with_extension("old")).unwrap();
    fs::copy(path.with_extension("old"), path).unwrap();
}

fn without_its_wal(path: &Path) {
    fs::remove_file(format!("{}-wal", path.display())).unwrap();
}

#[rstest]
#[case(deleted)]
#[case(replaced)]
#[case(without_its_wal)]
#[tokio::test]
async fn nothing_is_confirmed_into_a_file_that_nobody_will_find(#[case] hurt: fn(&Path)) {
    let (_dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    hurt(path(&location));
    for _ in 0..2 {
        let refused = w.append(vec![(1, noted("lost"))]).await.unwrap_err().to_string();
        assert!(refused.contains("deleted, moved or replaced"), "{refused}");
        assert!(refused.contains(&*path(&location).to_string_lossy()), "{refused}");
        assert!(refused.contains("put the file back"), "{refused}");
    }
    assert!(w.store.probe().await.is_err(), "and it has not recovered");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_missed_at_the_tick_and_used_again_once_it_is_back() {
    let (_dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    let mut watch = w.store.watch();
    while watch.look() {}
    let (here, away) = (path(&location), path(&location).with_extension("away"));
    fs::rename(here, &away).unwrap();
    assert!(watch.peek() && watch.look(), "the head is to be read");
    assert!(w.store.head().await.is_err(), "which says what is wrong");
    assert!(w.append(vec![(1, noted("x"))]).await.is_err());
    fs::rename(&away, here).unwrap();
    w.store.probe().await.unwrap();
    w.stored(vec![(1, noted("x"))]).await;
    assert_eq!(w.store.verify().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn closing_leaves_alone_what_took_the_place_of_the_file() {
    let (_dir, location) = place();
    let mut old = Writer::open(&location).await;
    old.stored(vec![(1, opened("a"))]).await;
    deleted(path(&location));
    let mut new = Writer::open(&location).await;
    new.stored(vec![(1, opened("b")), (1, noted("kept"))]).await;
    old.store.close().await;
    new.stored(vec![(1, noted("kept too"))]).await;
    let reader = Store::open(&location, true).await.unwrap();
    assert_eq!(reader.head().await.unwrap().position, 3);
}

#[tokio::test]
async fn opening_a_store_that_is_set_up_writes_nothing() {
    let (dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    w.store.close().await;
    let before = fs::read(path(&location)).unwrap();
    let store = Store::open(&location, false).await.unwrap();
    assert_eq!(store.load().await.unwrap().incidents.len(), 1);
    let wal = fs::metadata(dir.path().join("atalaya.db-wal")).map_or(0, |m| m.len());
    assert_eq!(wal, 0);
    assert!(fs::read(path(&location)).unwrap() == before);
    let vacuum: i64 =
        sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&raw(&location).await).await.unwrap();
    assert_eq!(vacuum, 2, "incremental");
    store.close().await;
}

#[tokio::test]
async fn checkpoints_empty_the_write_ahead_log() {
    let (dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored((1..=500).map(|n| (n, opened(&format!("k{n}")))).collect()).await;
    let wal = dir.path().join("atalaya.db-wal");
    assert!(fs::metadata(&wal).unwrap().len() > 100_000);
    w.store.checkpoint().await.unwrap();
    assert_eq!(fs::metadata(&wal).unwrap().len(), 0);
    assert_eq!(w.store.load().await.unwrap().incidents.len(), 500);
}

#[rstest]
#[case("sqlite:///var/lib/a.db", Location::File("/var/lib/a.db".into()))]
#[case("sqlite:a.db", Location::File("a.db".into()))]
#[case("/var/lib/a.db", Location::File("/var/lib/a.db".into()))]
#[case("sqlite::memory:", Location::Memory)]
#[case("postgres://ana:geheim@db/x", Location::Postgres("postgres://ana:geheim@db/x".into()))]
fn a_place_is_read_as_it_is_written(#[case] text: &str, #[case] expect: Location) {
    assert_eq!(text.parse::<Location>().unwrap(), expect);
    assert!(!expect.to_string().contains("geheim"), "{expect}");
}

#[test]
fn what_is_no_place_is_refused_with_an_example() {
    let refused = "mysql://db/x".parse::<Location>().unwrap_err();
    assert!(refused.to_string().contains("postgres://user@host/db"), "{refused}");
}

/// An export of one incident that was opened, acknowledged and noted.
async fn exported() -> String {
    let mut w = Writer::on(Store::memory().await.unwrap()).await;
    w.stored(vec![(1, opened("a")), (1, contract::acknowledged()), (1, noted("looking"))]).await;
    let mut out = Vec::new();
    w.store.export(&mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn imported(text: &str) -> Result<Store, StoreError> {
    let store = Store::memory().await.unwrap();
    store.import(&mut text.as_bytes()).await?;
    Ok(store)
}

#[rstest]
#[case::time("\"until\":\"2026", "\"until\":\"+262142")]
#[case::before_all_times("\"until\":\"2026", "\"until\":\"-0100")]
#[case::head("\"head\":3", "\"head\":9223372036854775807")]
#[case::short("\"head\":3", "\"head\":4")]
#[case::position("\"position\":2", "\"position\":3")]
#[case::id("\"incident\":1,", "\"incident\":9223372036854775807,")]
#[case::never_opened(
    "\"position\":2,\"at\":1770000002000,\"incident\":1",
    "\"position\":2,\"at\":1770000002000,\"incident\":2"
)]
#[case::milliseconds("\"at\":1770000002000", "\"at\":8210298412799000")]
#[case::back_in_time("\"at\":1770000003000", "\"at\":1770000001000")]
#[tokio::test]
async fn an_import_takes_nothing_that_a_console_could_not_live_with(
    #[case] from: &str,
    #[case] to: &str,
) {
    let export = exported().await;
    assert!(export.contains(from), "{export}");
    let refused = imported(&export.replace(from, to)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.starts_with("line ")), "{refused}");
}

#[tokio::test]
async fn an_import_makes_incidents_from_their_events_whatever_their_documents_say() {
    let export = exported().await;
    let (events, document) = export.trim_end().rsplit_once('\n').unwrap();
    let lie = document.replace("\"id\":1", "\"id\":18446744073709551615");
    let lie = lie.replace("acknowledged", "closed");
    assert_ne!(lie, document);
    for text in [events.to_owned(), format!("{events}\n{lie}\n")] {
        let store = imported(&text).await.unwrap();
        assert_eq!(store.load().await.unwrap().next_id, 2);
        let mut again = Vec::new();
        store.export(&mut again).await.unwrap();
        assert!(again == export.as_bytes());
    }
    assert!(imported(&format!("{export}{document}\n")).await.is_err(), "one too many");
}

#[tokio::test]
async fn an_import_takes_the_sting_out_of_texts() {
    let hostile = r"\u001b[2J\u009b1mx\u202e";
    let export = exported().await;
    let export = export
        .replace("\"text\":\"looking", &format!("\"text\":\"{hostile}"))
        .replace("\"name\":\"ana", &format!("\"name\":\"{hostile}"))
        .replace("\"zone\":\"eu", &format!("\"zone{hostile}\":\"{hostile}"));
    let store = imported(&export).await.unwrap();
    let mut out = Vec::new();
    store.export(&mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("\\u001b") && !out.contains(|c: char| c != '\n' && c.is_control()));
    assert!(!out.contains('\u{202e}') && out.contains("\"zonex\":\"x\""), "{out}");
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_console_opens_on_instants_at_the_end_of_all_calendars() {
    let (_dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a")), (1, contract::resolved())]).await;
    let sql = "UPDATE incidents SET doc = REPLACE(doc, '2026-02-02', '+262142-12-31')";
    sqlx::query(sql).execute(&raw(&location).await).await.unwrap();
    let (effects, _told) = tokio::sync::mpsc::channel(9);
    let plan = atalaya::engine::Plan::empty();
    let handle = atalaya::engine::runtime::start(plan, w.store, effects).await.unwrap();
    handle.load(IncidentId(1)).await.unwrap();
    handle.stop().await;
}

#[tokio::test]
async fn a_store_that_is_open_to_others_is_made_private_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("atalaya");
    let location = Location::File(folder.join("atalaya.db"));
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    w.store.close().await;
    let set = |p: &Path, mode| fs::set_permissions(p, fs::Permissions::from_mode(mode)).unwrap();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    set(path(&location), 0o666);
    set(&folder, 0o777);
    set(dir.path(), 0o777);
    let store = Store::open(&location, false).await.unwrap();
    assert_eq!((mode(path(&location)), mode(&folder)), (0o600, 0o700));
    assert_eq!(mode(dir.path()), 0o777, "a folder that is not ours is left alone");
    let notices = store.notices().join("\n");
    assert!(notices.contains("atalaya.db was open to other users"), "{notices}");
    store.close().await;
    // Somebody shares it with a group.
    set(path(&location), 0o660);
    let store = Store::open(&location, false).await.unwrap();
    assert_eq!((mode(path(&location)), store.notices().len()), (0o660, 0));
}

#[tokio::test]
async fn a_store_in_a_folder_that_may_not_be_written_can_be_read() {
    let (dir, location) = place();
    let mut w = Writer::open(&location).await;
    w.stored(vec![(1, opened("a"))]).await;
    w.store.close().await;
    let set = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o500);
    let store = Store::open(&location, true).await.unwrap();
    assert_eq!(store.load().await.unwrap().incidents.len(), 1);
    store.close().await;
    set(0o700);
}

#[tokio::test]
async fn a_text_that_was_named_for_a_store_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "[site]\nname = \"acme\"\n").unwrap();
    let refused = Store::open(&Location::File(config.clone()), false).await.unwrap_err();
    assert!(refused.to_string().contains("never was a store"), "{refused}");
    assert_eq!(fs::read_to_string(&config).unwrap(), "[site]\nname = \"acme\"\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn atalaya(store: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_atalaya"));
    command.env("HOME", store.parent().unwrap()).arg("--store").arg(store).args(arguments);
    command
}

#[tokio::test]
async fn many_commands_at_once_are_all_done() {
    let (_dir, location) = place();
    Store::open(&location, false).await.unwrap().close().await;
    let title = |n: usize| format!("trouble {n}");
    let piped = |n| {
        let mut command = atalaya(
            path(&location),
            &["incident", "report", "--title", &title(n), "--impact", "2"],
        );
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let all: Vec<_> = (0..24).map(piped).collect();
    for child in all {
        let told = child.wait_with_output().unwrap();
        assert_eq!(told.status.code(), Some(0), "{told:?}");
    }
    let store = Store::open(&location, true).await.unwrap();
    assert_eq!(store.load().await.unwrap().incidents.len(), 24);
}

#[tokio::test]
async fn a_command_that_reads_brings_an_older_store_up_to_date() {
    let (_dir, location) = place();
    Store::open(&location, false).await.unwrap().close().await;
    let edit = raw(&location).await;
    for sql in ["DROP INDEX incidents_urgent", "UPDATE atalaya_schema SET version = 3"] {
        sqlx::query(sql).execute(&edit).await.unwrap();
    }
    edit.close().await;
    let guest = Store::open(&location, true).await.unwrap_err();
    assert!(matches!(guest, StoreError::Older { .. }), "{guest}");
    let told = atalaya(path(&location), &["incidents"]).output().unwrap();
    let said = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(0), "{said}");
    assert!(said.contains("was upgraded; the old one is kept as"), "{said}");
    Store::open(&location, true).await.unwrap();
}
