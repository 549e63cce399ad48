//! The loader as a whole: the example, include, defaults, reload.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;
use tempfile::TempDir;

use super::*;
use crate::domain::calendar::Length;
use crate::domain::health::ServiceId;
use crate::domain::roster::escalation::{Level, Target};
use crate::domain::roster::{Involvement, Rotation, Turn, Turns};
use crate::domain::time::{Interval, WeekHours, zone};

/// Surroundings in which nothing of this machine shows.
fn around(config: Option<PathBuf>) -> Surroundings {
    Surroundings {
        config,
        config_variable: None,
        config_dir: None,
        data_dir: PathBuf::from("/data/atalaya"),
        state_dir: PathBuf::from("/state/atalaya"),
        home: None,
        store: None,
        read_only: false,
        user: "ana".to_owned(),
        host: "tower".to_owned(),
        zone: Some("Europe/Madrid".to_owned()),
        vocabulary: Vocabulary::default(),
    }
}

fn now() -> Instant {
    "2026-11-23T13:03:00Z".parse().unwrap()
}

fn load(around: &Surroundings) -> Result<Config, Problems> {
    super::load(around, now())
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn read_text(text: &str) -> Result<Config, Problems> {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", text);
    let mut config = load(&around(Some(path)))?;
    // Where the file lies is no difference between two texts.
    config.plan.site.command = "atalaya".to_owned();
    Ok(config)
}

/// The example with every setting switched on.
fn example_in_full() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let text: Vec<String> = EXAMPLE.lines().map(on).collect();
    // The two spellings of one key cannot be on at once.
    text.join("\n").replace("\ncolor = \"auto\"", "")
}

#[test]
fn the_example_as_it_stands_watches_this_host_with_the_defaults() {
    let config = read_text(EXAMPLE).unwrap();
    let plain = built_in(&around(None));
    assert_eq!(config.warnings, Problems::default());
    assert_eq!(config.plan, plain.plan);
    assert_eq!((config.ui, config.notify), (plain.ui, plain.notify));
    assert_eq!(config.store, StoreAddress::Sqlite("/data/atalaya/atalaya.db".into()));
    let (read, default) = (format!("{:?}", config.sources), format!("{:?}", plain.sources));
    assert_eq!(read.replace("67108864", "1048576"), default);
}

#[test]
fn every_setting_of_the_example_is_valid_when_switched_on() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "plan.d/empty.toml", "");
    write(folder.path(), "holidays.ics", HOLIDAYS);
    let path = write(folder.path(), "config.toml", &example_in_full());
    let config = load(&around(Some(path))).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.warnings, Problems::default());
    assert_eq!((config.sources.len(), config.plan.services.len()), (10, 3));
}

/// A day that comes every year, a day that is kept in another zone, and hours.
const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n\
    BEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Labour Day\r\nDTSTART;VALUE=DATE:20200501\r\n\
    DTEND;VALUE=DATE:20200502\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:b\r\nSUMMARY:Move\r\nDTSTART:20261124T100000Z\r\n\
    DTEND:20261124T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn holidays_of_a_calendar_file_are_closed_by_name() {
    use crate::domain::sla::hours::Closed;
    use crate::domain::time::Interval;
    let folder = TempDir::new().unwrap();
    write(folder.path(), "holidays.ics", HOLIDAYS);
    let text = "[[calendars]]\nid = \"office\"\ntimezone = \"Asia/Tokyo\"\nhours = \"24x7\"\n\
                holidays_ics = \"holidays.ics\"\n";
    let path = write(folder.path(), "config.toml", text);
    let config = load(&around(Some(path))).unwrap_or_else(|problems| panic!("{problems}"));
    let office = &config.plan.service_levels.calendars["office"];
    let closed = |from: &str, to: &str| {
        let within = Interval::new(from.parse().unwrap(), to.parse().unwrap());
        office.closed(within)
    };
    // The whole day of Tokyo, fifteen years on.
    let day = closed("2035-04-30T00:00:00Z", "2035-05-02T00:00:00Z");
    let at = Interval::new(
        "2035-04-30T15:00:00Z".parse().unwrap(),
        "2035-05-01T15:00:00Z".parse().unwrap(),
    );
    assert_eq!(day, [(at, Closed::Holiday("Labour Day".into()))]);
    let hours = closed("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z");
    assert_eq!(hours[0].0.length(), TimeDelta::hours(2));
    assert_eq!(hours[0].1.to_string(), "holiday: Move");
}

/// Midnight comes earlier in the east and later in the west: the older edition lasts until the newer begins.
#[test]
fn editions_of_a_calendar_join_although_the_newer_one_is_in_another_zone() {
    for (zone, takes_over) in
        [("Asia/Tokyo", "2026-05-31T15:00:00Z"), ("America/New_York", "2026-06-01T04:00:00Z")]
    {
        let text = format!(
            "[[calendars]]\nid = \"office\"\ntimezone = \"Europe/Madrid\"\nhours = \"24x7\"\n\
             valid_to = \"2026-05-31\"\n[[calendars]]\nid = \"office\"\ntimezone = \"{zone}\"\n\
             hours = \"24x7\"\nvalid_from = \"2026-06-01\"\n"
        );
        let config = read_text(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let office = &config.plan.service_levels.calendars["office"];
        let at = |text: &str| text.parse().unwrap();
        let within = crate::domain::time::Interval::new(
            at("2026-05-30T00:00:00Z"),
            at("2026-06-03T00:00:00Z"),
        );
        assert!(office.closed(within).is_empty(), "no time is lost between them");
        let takes_over: crate::domain::time::Instant = at(takes_over);
        assert_eq!(office.zone(takes_over).name(), zone);
        assert_eq!(office.zone(takes_over - TimeDelta::seconds(1)).name(), "Europe/Madrid");
    }
}

#[test]
fn a_contract_and_a_calendar_can_be_written_again_from_a_day_on() {
    let text = "[[services]]\nid = \"a\"\n\
        [[calendars]]\nid = \"office\"\nhours = { mon = [\"09:00-17:00\"] }\n\
        [[calendars]]\nid = \"office\"\nhours = { mon = [\"08:00-18:00\"] }\n\
        valid_from = \"2026-06-01\"\n\
        [[contracts]]\nid = \"acme\"\nservices = [\"a\"]\nvalid_to = \"2026-05-31\"\n\
        targets = [{ priority = 1, resolve = \"4h\" }]\n\
        [[contracts]]\nid = \"acme\"\nservices = [\"a\"]\nvalid_from = \"2026-06-01\"\n\
        targets = [{ priority = 1, resolve = \"2h\" }]\n";
    let levels = read_text(text).unwrap().plan.service_levels.clone();
    let june = "2026-05-31T22:00:00Z".parse::<Instant>().unwrap();
    let [old, new] = &levels.contracts[..] else { panic!("{:?}", levels.contracts) };
    assert_eq!((old.valid.to, new.valid.from), (june, june));
    assert_eq!(levels.contract("acme"), Some(new));
    let office = levels.calendars["office"].editions();
    assert_eq!((office[0].valid.to, office[1].valid.from), (june, june));
    // Two that begin on the same day are two of the same time.
    let twice = text.replace("valid_to = \"2026-05-31\"", "valid_from = \"2026-06-01\"");
    let problems = read_text(&twice).unwrap_err().to_string();
    assert!(
        problems.contains("contract \"acme\" is defined twice for the same time"),
        "{problems}"
    );
}

#[test]
fn round_the_clock_keeps_the_days_of_the_site() {
    let text = "[site]\ntimezone = \"Europe/Madrid\"\n";
    let levels = read_text(text).unwrap().plan.service_levels.clone();
    assert_eq!(levels.calendars["24x7"].zone(now()), chrono_tz::Europe::Madrid);
}

#[rstest]
#[case("targets = [{ priority = 1 }]", "nothing is promised here")]
#[case(
    "targets = [{ priority = 1, resolve = \"4h\", end_of_day = true }]",
    "end_of_day means nothing for a target"
)]
#[case(
    "calendar = \"offce\"\ntargets = [{ priority = 1, resolve = \"soon\" }]",
    "\"soon\" is no target"
)]
#[case(
    "targets = [{ priority = 1, resolve = \"4h\" }]\nescalations = [{ at = \"75%\", level = 9 }]",
    "no escalation policy has a level 9"
)]
#[case(
    "targets = [{ priority = 1, resolve = \"4h\" }]\n\
     escalations = [{ at = \"-5h\", notify = [\"person:ana\"] }]\nnonsense = 1",
    "-5h of resolve for P1, which has 4h, is before its clock begins"
)]
fn what_a_contract_cannot_mean_is_told(#[case] sla: &str, #[case] what: &str) {
    let text = format!("[[people]]\nid = \"ana\"\nname = \"Ana\"\n[sla]\n{sla}\n");
    let problems = read_text(&text).unwrap_err().to_string();
    assert!(problems.contains(what), "{problems}");
}

#[test]
fn the_calendar_that_never_closes_is_not_defined_again() {
    let text = "[[calendars]]\nid = \"24x7\"\nhours = { mon = [\"09:00-17:00\"] }\n";
    let problems = read_text(text).unwrap_err().to_string();
    assert!(problems.contains("\"24x7\" is the calendar that never closes"), "{problems}");
}

#[test]
fn service_levels_change_with_the_file() {
    let text = |resolve: &str| {
        format!(
            "[sla]\ntargets = [{{ priority = 1, resolve = \"{resolve}\" }}]\n\
             [[services]]\nid = \"checkout\"\n"
        )
    };
    let (old, new) = (read_text(&text("2h")).unwrap(), read_text(&text("4h")).unwrap());
    assert!(diff::diff(&old, &new).plan);
    assert!(diff::diff(&old, &read_text(&text("2h")).unwrap()).is_empty());
}

#[test]
fn the_example_shows_every_key_that_is_read() {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", &example_in_full());
    let around = around(Some(path.clone()));
    let files = files::read(&path, &around).unwrap();
    read(&files.report, &files.root, &around, now());
    let known = files.report.asked();
    assert!(known.len() > 100, "{}", known.len());
    // A key counts as shown where it stands before an equals sign, or in a header.
    let shown = |key: &str| {
        let key = key.split_once(' ').map_or(key, |(_, k)| k);
        EXAMPLE.contains(&format!("{key} = "))
            || EXAMPLE.lines().any(|l| {
                let l = l.trim_start_matches('#').trim_matches(['[', ']']);
                l == key || l.ends_with(&format!(".{key}"))
            })
    };
    // Secrets are shown by one of their four forms each, and named in a comment.
    let named = |key: &str| {
        let secret =
            ["bearer", "token", "password", "value", "url_"].iter().any(|s| key.contains(s));
        secret && EXAMPLE.contains(key.split_once(' ').map_or(key, |(_, k)| k))
    };
    let missing: Vec<&String> = known.iter().filter(|k| !shown(k) && !named(k)).collect();
    assert!(missing.is_empty(), "not in config.example.toml: {missing:?}");
}

#[test]
fn included_files_are_merged_and_a_double_key_names_both_places() {
    let folder = TempDir::new().unwrap();
    let service = |id: &str| format!("[[services]]\nid = \"{id}\"\n");
    write(folder.path(), "plan.d/10-a.toml", &service("a"));
    write(folder.path(), "plan.d/20-b.toml", &format!("{}[ui]\nmouse = true\n", service("b")));
    write(folder.path(), "plan.d/notes.txt", "not read");
    let main = "include = [\"plan.d/*.toml\"]\n[ui]\nreduce_motion = true\n";
    let path = write(folder.path(), "config.toml", main);
    let config = load(&around(Some(path.clone()))).unwrap();
    let ids: Vec<&str> = config.plan.services.iter().map(|s| s.id.as_str()).collect();
    assert_eq!((ids, config.files.len()), (vec!["a", "b"], 3));
    assert!(config.ui.mouse && config.ui.reduce_motion);

    write(folder.path(), "plan.d/30-c.toml", &format!("{}[ui]\nmouse = false\n", service("a")));
    let problems = load(&around(Some(path))).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.errors(), 2, "{text}");
    assert!(text.contains("30-c.toml:4:1  \"mouse\" is set in two files"), "{text}");
    assert!(text.contains("30-c.toml:2:7  service \"a\" is defined twice"), "{text}");
    assert!(text.contains("first here: ") && text.contains("10-a.toml:2:7"), "{text}");
}

#[rstest]
#[case("", true)]
#[case("[[sources]]\nname = \"am\"\nkind = \"alertmanager\"\nurls = [\"http://x:9093\"]\n", false)]
fn prometheus_alerts_are_read_unless_an_alertmanager_is(#[case] more: &str, #[case] expect: bool) {
    let prometheus = "[[sources]]\nname = \"p\"\nkind = \"prometheus\"\nurl = \"http://x:9090\"\n";
    let config = read_text(&format!("{prometheus}{more}")).unwrap();
    let Kind::Prometheus(p) = &config.sources[0].kind else { panic!("{:?}", config.sources) };
    assert_eq!(p.alerts, expect);
}

#[rstest]
#[case("interval = \"2s\"", 2)]
#[case("interval = \"1h\"", 10)]
#[case("interval = \"2s\"\ntimeout = \"6s\"", 6)]
#[case("", 5)]
fn nobody_waits_longer_than_an_interval_unless_told_to(#[case] set: &str, #[case] expect: u64) {
    let config =
        read_text(&format!("[[sources]]\nname = \"h\"\nkind = \"host\"\n{set}\n")).unwrap();
    assert_eq!(config.warnings, Problems::default());
    assert_eq!(config.sources[0].timeout.as_secs(), expect);
}

#[test]
fn a_secret_shows_in_no_debug_output_and_a_readable_file_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let text = "[[sources]]\nname = \"p\"\nkind = \"prometheus\"\nurl = \"http://x:9090\"\n\
                auth = { bearer = \"s3cret\" }\n";
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", text);
    let config = load(&around(Some(path.clone()))).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(config.warnings.0.is_empty());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let config = load(&around(Some(path))).unwrap();
    let warning = config.warnings.to_string();
    assert!(warning.contains("others can read") && !warning.contains("s3cret"), "{warning}");
}

#[test]
fn a_missing_file_is_an_error_only_where_one_was_asked_for() {
    let problems = load(&around(Some("/nowhere/config.toml".into()))).unwrap_err();
    assert!(problems.to_string().contains("/nowhere/config.toml cannot be read"), "{problems}");
    let nothing = Surroundings { config_dir: Some("/nowhere".into()), ..around(None) };
    if !Path::new("/etc/atalaya/config.toml").exists() {
        let config = load(&nothing).unwrap();
        assert!(config.files.is_empty() && matches!(config.sources[0].kind, Kind::Host(_)));
    }
}

/// What comes of a change once it is at rest.
fn settled(watch: &mut watch::Watch) -> Option<Result<Box<Config>, Problems>> {
    assert!(watch.poll().is_none(), "somebody may still be writing");
    watch.poll()
}

#[test]
fn a_page_opens_its_incident_with_the_config_and_the_store_that_the_pager_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "on call.toml", "");
    let mut around = around(Some(path.clone()));
    around.store = Some(StoreAddress::Sqlite("/var/lib/noc.db".into()));
    let expect = format!("atalaya --config '{}' --store /var/lib/noc.db", path.display());
    assert_eq!(load(&around).unwrap().plan.site.command, expect);
}

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_reported() {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", "include = [\"*.part\"]\n");
    let around = around(Some(path));
    let first = load(&around).unwrap();
    let mut watch = watch::Watch::new(&first, around);
    assert!(watch.poll().is_none());

    write(folder.path(), "a.part", "[site]\nname = \"new\"\n");
    let second = settled(&mut watch).unwrap().unwrap();
    assert_eq!(second.plan.site.name, "new");
    let changes = diff::diff(&first, &second);
    assert_eq!(changes, diff::Changes { plan: true, ..diff::Changes::default() });
    assert!(watch.poll().is_none());

    write(folder.path(), "a.part", "[site]\nnam = \"newer\"\n");
    let problems = settled(&mut watch).unwrap().unwrap_err();
    assert!(problems.to_string().contains("did you mean \"name\"?"), "{problems}");
    assert!(watch.poll().is_none(), "the same mistake is told once");

    write(folder.path(), "a.part", "[site]\nname = \"newest\"\n");
    assert_eq!(settled(&mut watch).unwrap().unwrap().plan.site.name, "newest");
}

#[test]
fn a_file_of_holidays_that_changed_is_read_again() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "holidays.ics", HOLIDAYS);
    let text =
        "[[calendars]]\nid = \"office\"\nhours = \"24x7\"\nholidays_ics = \"holidays.ics\"\n";
    let around = around(Some(write(folder.path(), "config.toml", text)));
    let first = load(&around).unwrap();
    let mut watch = watch::Watch::new(&first, around);
    assert!(watch.poll().is_none());
    write(folder.path(), "holidays.ics", &HOLIDAYS.replace("20261124", "20261125"));
    let second = settled(&mut watch).unwrap().unwrap();
    let changes = diff::diff(&first, &second);
    assert_eq!(changes, diff::Changes { plan: true, ..diff::Changes::default() });
    fs::remove_file(folder.path().join("holidays.ics")).unwrap();
    let problems = settled(&mut watch).unwrap().unwrap_err();
    assert!(problems.to_string().contains("holidays.ics cannot be read"), "{problems}");
    write(folder.path(), "holidays.ics", HOLIDAYS);
    assert!(settled(&mut watch).unwrap().is_ok(), "it is back");
}

#[test]
fn a_file_that_is_still_being_written_is_not_read() {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", "[site]\nname = \"old\"\n");
    let around = around(Some(path));
    let mut watch = watch::Watch::new(&load(&around).unwrap(), around);
    let whole = "[site]\nname = \"new\"\n[ui]\nmouse = true\n";
    for length in [0, 7, 21, whole.len()] {
        write(folder.path(), "config.toml", &whole[..length]);
        assert!(watch.poll().is_none(), "{length} bytes of it");
    }
    let config = watch.poll().unwrap().unwrap();
    assert!(config.plan.site.name == "new" && config.ui.mouse);
}

#[rstest]
#[case::gone(|p: &Path| fs::remove_file(p).unwrap(), "is gone")]
#[case::empty(|p: &Path| fs::write(p, "").unwrap(), "is empty")]
#[case::blank(|p: &Path| fs::write(p, " \n\n").unwrap(), "is empty")]
fn a_main_file_that_vanished_keeps_the_old_configuration(
    #[case] hurt: fn(&Path),
    #[case] expect: &str,
) {
    let folder = TempDir::new().unwrap();
    let text = "[site]\nname = \"old\"\n";
    let path = write(folder.path(), "config.toml", text);
    // Found, not asked for: then having none would be fine at a start.
    let around = Surroundings { config_dir: Some(folder.path().into()), ..around(None) };
    let mut watch = watch::Watch::new(&load(&around).unwrap(), around);
    hurt(&path);
    let problems = settled(&mut watch).unwrap().unwrap_err();
    assert_eq!(problems.brief(), expect.trim_start_matches("is "));
    let problems = problems.to_string();
    assert!(problems.contains(expect) && problems.contains("config.toml"), "{problems}");
    assert!(problems.contains("the old configuration stays in force"), "{problems}");
    assert!(watch.poll().is_none(), "it is told once");
    write(folder.path(), "config.toml", text);
    assert_eq!(settled(&mut watch).unwrap().unwrap().plan.site.name, "old");
}

#[rstest]
#[case::unreadable(&b"\xff\xfe"[..], "unreadable")]
#[case::wrong(&b"[site]\nnam = 1\n"[..], "broken: config.toml:2")]
fn a_file_that_is_no_good_says_so_in_a_word(#[case] bytes: &[u8], #[case] expect: &str) {
    let folder = TempDir::new().unwrap();
    let path = write(folder.path(), "config.toml", "");
    fs::write(&path, bytes).unwrap();
    assert_eq!(load(&around(Some(path))).unwrap_err().brief(), expect);
}

#[test]
fn a_change_says_which_source_it_touches_and_what_needs_a_restart() {
    let source =
        |url: &str| format!("[[sources]]\nname = \"p\"\nkind = \"prometheus\"\nurl = \"{url}\"\n");
    let old = read_text(&format!("# moved by a comment\n{}", source("http://a:1"))).unwrap();
    let same = read_text(&source("http://a:1")).unwrap();
    assert!(diff::diff(&old, &same).is_empty());
    let store = "[store]\nurl = \"sqlite:///x/y.db\"\n";
    let new = read_text(&format!("{store}{}", source("http://b:1"))).unwrap();
    let changes = diff::diff(&old, &new);
    assert_eq!(changes.sources, vec![Arc::from("p")]);
    assert_eq!(changes.restart, vec!["store.url"]);
}

/// A team of two in two zones.
const TEAM: &str = "
[site]
timezone = \"Europe/Madrid\"
[operator]
person = \"ana\"
[[people]]
id = \"ana\"
name = \"Ana Ruiz\"
responsibilities = { triage = \"R\" }
skills = { linux = 3 }
certificates = [{ name = \"RHCE\", expires = \"2027-01-01\" }]
[[people]]
id = \"mia\"
timezone = \"Asia/Singapore\"
absences = [
  { from = \"2026-12-24\", to = \"2026-12-24\", reason = \"holidays\" },
  { from = \"2027-01-04 09:00\", to = \"2027-01-04T05:00:00Z\" },
]
[[schedules]]
id = \"core\"
rest = \"0s\"
[[schedules.layers]]
name = \"nights\"
people = [\"mia\", \"ana\"]
start = \"2026-03-29 02:30\"
shift = \"2w\"
hours = { mon = [\"22:00-06:00\", \"12:00-13:00\"] }
[[escalation]]
id = \"core\"
levels = [{ notify = [\"schedule:core\", \"person:ana\"] }]
repeat = 2
";

#[test]
fn a_team_is_read_with_its_zones_layers_and_levels() {
    let config = read_text(TEAM).unwrap();
    let roster = &config.plan.roster;
    let (ana, mia) = (roster.person("ana").unwrap(), roster.person("mia").unwrap());
    assert_eq!((&*ana.name, ana.zone.name(), &*mia.name), ("Ana Ruiz", "Europe/Madrid", "mia"));
    assert_eq!(ana.responsibilities["triage"], Involvement::Responsible);
    assert_eq!(ana.skills["linux"], 3);
    let away: Vec<(String, String)> =
        mia.absences.iter().map(|a| (a.at.from.to_rfc3339(), a.at.to.to_rfc3339())).collect();
    let utc = |from: &str, to: &str| (format!("{from}:00+00:00"), format!("{to}:00+00:00"));
    let expect =
        [utc("2026-12-23T16:00", "2026-12-24T16:00"), utc("2027-01-04T01:00", "2027-01-04T05:00")];
    assert_eq!(away, expect);

    let [core] = roster.schedules.as_slice() else { panic!("{roster:?}") };
    assert_eq!((core.zone.name(), core.rest), ("Europe/Madrid", TimeDelta::zero()));
    assert_eq!(core.coverage, WeekHours::always());
    let [layer] = core.layers.as_slice() else { panic!("{core:?}") };
    let Turns::Rotation(Rotation { people, start, until, turn }) = &layer.turns else { panic!() };
    assert_eq!((people.len(), *until, *turn), (2, None, Turn::Days(14)));
    // The hour that clocks leave out: the first hand-off is right after it.
    assert_eq!(zone::hand_off(*start, core.zone).to_rfc3339(), "2026-03-29T01:00:00+00:00");
    assert_eq!(layer.hours.as_ref().unwrap().on(chrono::Weekday::Mon).len(), 2);

    let [policy] = roster.policies.as_slice() else { panic!("{roster:?}") };
    let notify = vec![Target::Schedule("core".into()), Target::Person("ana".into())];
    assert_eq!(policy.levels, [Level { notify, timeout: TimeDelta::minutes(10) }]);
    assert_eq!((policy.repeat, config.person.as_deref()), (2, Some("ana")));
}

#[test]
fn a_service_its_team_or_the_incidents_name_who_is_paged() {
    let text = format!(
        "{TEAM}min_priority = 2\nteams = [\"dba\"]\n[incidents]\nescalation = \"core\"\n\
         [[services]]\nid = \"db\"\nescalation = \"core\"\n"
    );
    let plan = read_text(&text).unwrap().plan;
    let policy = &plan.roster.policies[0];
    assert_eq!((policy.min_priority.0, policy.teams.as_slice()), (2, &["dba".to_owned()][..]));
    assert_eq!(plan.roster.otherwise.as_deref(), Some("core"));
    assert_eq!(plan.services[0].escalation.as_deref(), Some("core"));
    assert!(plan.pages());
    let plan = read_text(TEAM).unwrap().plan;
    assert_eq!(plan.roster.policies[0].min_priority.0, 3);
    assert!(!plan.pages(), "a policy that governs nothing pages nobody");
}

#[test]
fn what_is_only_ahead_is_no_warning_of_every_command() {
    let config = read_text(TEAM).unwrap();
    let told = config.warnings.to_string();
    assert!(told.contains("\"RHCE\" of ana expires on 2027-01-01, in 39 days"), "{told}");
    assert!(told.contains("nobody is on call in \"core\""), "{told}");
    assert_eq!(config.warnings.present(), Problems::default());
}

#[test]
fn a_change_of_the_team_is_one_of_the_plan_and_takes_effect_at_once() {
    let old = read_text(TEAM).unwrap();
    assert!(diff::diff(&old, &read_text(TEAM).unwrap()).is_empty());
    let changed = [
        ("linux = 3", "linux = 4"),
        ("22:00-06:00", "21:00-06:00"),
        ("shift = \"2w\"", "shift = \"1w\""),
        ("repeat = 2", "repeat = 1"),
    ];
    for (from, to) in changed {
        let changes = diff::diff(&old, &read_text(&TEAM.replace(from, to)).unwrap());
        assert_eq!(changes, diff::Changes { plan: true, ..diff::Changes::default() }, "{to}");
    }
    let other = read_text(&TEAM.replace("person = \"ana\"", "person = \"mia\"")).unwrap();
    assert_eq!(diff::diff(&old, &other).restart, ["operator.person"]);
}

#[test]
fn a_window_is_read_with_its_defaults_and_changes_the_plan() {
    let text = |summary: &str| {
        format!(
            "[[services]]\nid = \"db\"\nallowed = {{ sat = [\"00:00-24:00\"] }}\n\
             [[windows]]\nkind = \"update\"\nsummary = \"{summary}\"\nservices = \"db\"\n\
             start = \"2026-11-28 22:00\"\nduration = \"1d\"\nrrule = \"FREQ=WEEKLY\"\n\
             exdates = \"2026-12-26\"\nback_out = {{ plan = \"go back\", decide_after = \"90m\" }}\n"
        )
    };
    let config = read_text(&text("Kernels")).unwrap();
    let [window] = config.plan.windows.as_slice() else { panic!("{:?}", config.plan.windows) };
    assert_eq!(&*window.id.0, "update-kernels");
    assert_eq!((window.length, window.zone().name()), (Length::days(1), "Europe/Madrid"));
    assert_eq!((window.mutes, window.sla_relevant, window.needs_approval()), (true, true, true));
    assert_eq!(window.back_out.as_ref().unwrap().decide_after, 5_400);
    let from = "2026-12-18T00:00:00Z".parse().unwrap();
    let days = window.recurrence.between(Interval::new(from, from + TimeDelta::days(20)), 9);
    let days: Vec<String> = days.iter().map(|s| s.local.to_string()).collect();
    assert_eq!(days, ["2026-12-19 22:00:00", "2027-01-02 22:00:00"]);
    assert_eq!(config.plan.allowed.len(), 1);
    let other = read_text(&text("Other kernels")).unwrap();
    assert!(diff::diff(&config, &other).plan);
}

/// A calendar of windows, with this inside.
fn calendar(windows: &str) -> String {
    format!(
        "[[people]]\nid = \"ana\"\nname = \"Ana\"\n\
         [[services]]\nid = \"db\"\nname = \"Database\"\n\
         [[sources]]\nname = \"cab\"\nkind = \"ical\"\nfile = \"cab.ics\"\nwindows = {{ {windows} }}\n"
    )
}

#[test]
fn a_calendar_states_windows_on_terms_that_are_checked() {
    let good =
        "kind = \"update\", services = [\"db\"], owner = \"ana\", change_type = \"standard\"";
    let config = read_text(&calendar(good)).unwrap();
    let Kind::Ical(ical) = &config.sources[0].kind else { panic!("{:?}", config.sources) };
    let terms = ical.meaning.windows.as_ref().unwrap();
    assert_eq!((terms.kind.word(), terms.change_type.word()), ("update", "standard"));
    assert_eq!(terms.scope.services, [ServiceId::new("db")]);
    assert_eq!(terms.services.keys().collect::<Vec<_>>(), ["database", "db"]);
    assert_eq!(config.plan.calendars.keys().map(|k| &**k).collect::<Vec<_>>(), ["cab"]);
    let other = read_text(&calendar("kind = \"update\"")).unwrap();
    assert_eq!(diff::diff(&config, &other).sources.len(), 1);
    for (windows, expect) in [
        ("kind = \"updates\"", "updates"),
        ("services = [\"bd\"]", "unknown service \"bd\" in sources.windows.services"),
        ("owner = \"zoe\"", "unknown person \"zoe\" in sources.windows.owner"),
        ("change_type = \"big\"", "big"),
        ("mute = true", "mute"),
    ] {
        let problems = read_text(&calendar(windows)).unwrap_err().to_string();
        assert!(problems.contains(expect), "{problems}");
    }
    let layer =
        "[[schedules]]\nid = \"core\"\n[[schedules.layers]]\nname = \"all\"\nsource = \"cab\"\n";
    let problems = read_text(&format!("{}{layer}", calendar(""))).unwrap_err().to_string();
    assert!(
        problems.contains("source \"cab\" is a calendar of windows, not an ical"),
        "{problems}"
    );
}

#[test]
fn of_very_many_problems_the_first_are_told_and_the_rest_counted() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("k{n} = 1\n")).collect();
    let begun = std::time::Instant::now();
    let problems = read_text(&keys.concat()).unwrap_err();
    // Seconds, when the file was read again for each of them.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!((problems.0.len(), problems.errors()), (51, 20_000));
    assert!(problems.to_string().ends_with("and 19950 more\n"), "{problems}");
    assert!(problems.headline().ends_with("(and 19999 more)"), "{}", problems.headline());
}

#[test]
fn names_that_are_not_defined_are_compared_with_others_only_where_that_is_told() {
    let service = |n: i32| format!("[[services]]\nid = \"s{n}\"\ndepends_on = [\"t{n}\"]\n");
    let text = (0..8_000).map(service).collect::<Vec<_>>().concat();
    let begun = std::time::Instant::now();
    assert!(read_text(&text).unwrap_err().errors() >= 8_000);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_name_that_is_taken_is_told_also_of_sources_with_other_mistakes() {
    let text = "[[sources]]\nname = \"a\"\nkind = \"alertmanager\"\nurls = []\n\
                [[sources]]\nname = \"a\"\nkind = \"nonsense\"\n";
    let problems = read_text(text).unwrap_err().to_string();
    assert!(problems.contains("6:9  source \"a\" is defined twice"), "{problems}");
    assert!(problems.contains("4:1  sources.urls is empty"), "{problems}");
    assert!(!problems.contains("missing"), "{problems}");
}

#[test]
fn warnings_do_not_take_the_place_of_an_error() {
    let slow = "timeout = \"5m\"\ninterval = \"5s\"\n";
    let source = |n: i32| format!("[[sources]]\nname = \"h{n}\"\nkind = \"host\"\n{slow}");
    let sources = (0..60).map(source).collect::<Vec<_>>().concat();
    let text = format!("{sources}[ui]\nmouse = 1\n");
    let problems = read_text(&text).unwrap_err();
    assert_eq!(problems.errors(), 1, "{problems}");
    assert!(problems.to_string().contains("ui.mouse"), "{problems}");
}

#[test]
fn maintenance_is_made_known_only_where_that_is_said_and_in_the_name_of_site_and_store() {
    let text = |mirror: &str, site: &str| {
        format!(
            "[site]\nname = \"{site}\"\n[[sources]]\nname = \"am\"\nkind = \"alertmanager\"\n\
             url = \"http://am:9093\"\n{mirror}[[sources]]\nname = \"icinga\"\nkind = \"icinga2\"\n\
             url = \"https://icinga:5665\"\n{mirror}"
        )
    };
    let owners = |config: &Config| {
        let owner = |s: &SourceSettings| match &s.kind {
            Kind::Alertmanager(a) => a.mirror.as_ref().map(ToString::to_string),
            Kind::Icinga2(i) => i.mirror.as_ref().map(ToString::to_string),
            other => panic!("{other:?}"),
        };
        config.sources.iter().map(owner).collect::<Vec<_>>()
    };
    let read = |mirror, site| read_text(&text(mirror, site)).unwrap();
    assert_eq!(owners(&read("", "noc")), [None, None]);
    let acme = read("mirror = true\n", "acme noc");
    let [Some(am), Some(icinga)] = &owners(&acme)[..] else { panic!("{acme:?}") };
    assert_eq!(am, icinga);
    assert!(am.starts_with("atalaya acme%20noc@"), "{am}");
    // Another name makes other sources.
    let other = read("mirror = true\n", "other");
    assert_eq!(diff::diff(&acme, &other).sources, [Arc::from("am"), Arc::from("icinga")]);
    let store = format!("{}[store]\nurl = \"/other.db\"\n", text("mirror = true\n", "acme noc"));
    assert_ne!(owners(&read_text(&store).unwrap()), owners(&acme));
}

#[test]
fn acknowledgements_are_made_known_where_that_is_said_and_belong_to_no_other_kind() {
    let am = "[[sources]]\nname = \"am\"\nkind = \"alertmanager\"\nurl = \"http://am:9093\"\n";
    let owner = |config: &Config| match &config.sources[0].kind {
        Kind::Alertmanager(a) => a.acknowledge.as_ref().map(ToString::to_string),
        other => panic!("{other:?}"),
    };
    let silent = read_text(am).unwrap();
    assert_eq!(owner(&silent), None);
    assert!(silent.plan.upstreams.contains_key("am"), "it takes orders all the same");
    let told = read_text(&format!("{am}acknowledge = true\n")).unwrap();
    assert!(owner(&told).unwrap().starts_with("atalaya-ack "), "{:?}", owner(&told));
    let host = "[[sources]]\nname = \"h\"\nkind = \"host\"\nacknowledge = true\n";
    let problems = read_text(host).unwrap_err().to_string();
    assert!(problems.contains("cannot be told of acknowledgements"), "{problems}");
    assert!(problems.contains("it belongs to alertmanager and icinga2"), "{problems}");
}

#[test]
fn an_action_is_told_to_the_server_of_its_source_with_what_is_known() {
    let text = |action: &str| {
        format!(
            "[[sources]]\nname = \"app\"\nkind = \"http\"\nurl = \"https://app.example/x.json\"\n\
             [[sources.actions]]\n{action}"
        )
    };
    let good = "on = \"resolve\"\nmethod = \"PUT\"\nurl = \"https://app.example/p/{{alert}}\"\n\
                body = '{\"by\": \"{{by}}\"}'\n";
    let config = read_text(&text(good)).unwrap();
    let told = &config.plan.upstreams["app"].actions["resolve"];
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), ["alert", "by"]);
    for (action, expect) in [
        ("on = \"explode\"\nurl = \"https://app.example/p\"\n", "nothing is told of \"explode\""),
        ("on = \"resolve\"\n", "\"url\" is missing in sources.actions"),
        ("on = \"resolve\"\nurl = \"https://app.example/{{who}}\"\n", "nothing is called \"who\""),
        (
            "on = \"resolve\"\nurl = \"https://other.example/p\"\n",
            "goes to the server of its source",
        ),
        (
            "on = \"resolve\"\nurl = \"https://app.example{{id}}/p\"\n",
            "goes to the server of its source",
        ),
        ("on = \"resolve\"\nurl = \"https://{{id}}/p\"\n", "goes to the server of its source"),
    ] {
        let problems = read_text(&text(action)).unwrap_err().to_string();
        assert!(problems.contains(expect), "{action}: {problems}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_by_its_size() {
    let problems = read_text(&"#".repeat(1024 * 1024 + 1)).unwrap_err();
    assert!(problems.to_string().contains("larger than 1 MiB"), "{problems}");
    assert!(read_text(&"#".repeat(1024 * 1024)).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in "(\\[\\[?[a-z.]{1,9}\\]\\]?\n|[a-z_]{1,8} = [\"'\\[{}0-9a-z, ]{0,12}\n|\\PC{0,20}\n){0,12}") {
        let report = Report::new(vec![problem::SourceFile {
            path: "x.toml".into(), shown: "x.toml".into(), text, open_to_others: false,
        }]);
        let root = tree::parse(&report, 0);
        read(&report, &root, &around(None), now());
        let _ = report.finish().to_string();
    }
}
