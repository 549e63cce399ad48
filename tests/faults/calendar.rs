//! A calendar by HTTP and from a file: what is asked for again, and what becomes of answers that are
//! none.

use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::stated::Terms;
use atalaya::domain::calendar::{Kind as WindowKind, Window};
use atalaya::domain::health::ServiceId;
use atalaya::domain::ical::upload::{Change, Stored};
use atalaya::domain::observation::{Fact, Observation, SourceState, SourceStatus};
use atalaya::domain::roster::Duty;
use atalaya::domain::roster::stated::Callings;
use atalaya::domain::time::Instant;
use atalaya::sources::http_client::{Clients, Http};
use atalaya::sources::ical::Collection;
use atalaya::sources::settings::{CalendarAt, HttpSettings, Ical, Kind, Meaning, SourceSettings};
use atalaya::sources::supervisor::poll_once;
use atalaya::sources::{Source, SourceError, registry};
use chrono::{Datelike, TimeDelta};
use wiremock::matchers::{any, body_string_contains, header, header_exists, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ROTA: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
    DTSTART;TZID=Europe/Madrid:20261124T090000\r\nDURATION:PT12H\r\nRRULE:FREQ=DAILY\r\n\
    SUMMARY:Core: Ana Ruiz\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn settings(from: CalendarAt) -> SourceSettings {
    let named = [("Ana Ruiz".to_owned(), "ana".into())].into();
    let callings = Callings::new([], &named);
    let zone = chrono_tz::Europe::Madrid;
    SourceSettings {
        name: "rota".into(),
        interval: Duration::from_mins(5),
        timeout: Duration::from_secs(5),
        max_body: 64 * 1024,
        http: HttpSettings::default(),
        kind: Kind::Ical(Ical {
            from,
            zone,
            meaning: Meaning { people: named, callings, windows: None },
        }),
        asks: Vec::new(),
    }
}

fn source(settings: &SourceSettings) -> Box<dyn Source> {
    registry(settings, false, &Clients::default())
}

fn now() -> Instant {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

fn at(server: &MockServer) -> CalendarAt {
    CalendarAt::Web(format!("{}/rota.ics", server.uri()).parse().unwrap())
}

fn shifts(seen: Result<Observation, SourceError>) -> Arc<[Duty]> {
    let seen = seen.unwrap();
    let [Fact::Shifts(duties)] = seen.facts.as_slice() else { panic!("{seen:?}") };
    duties.clone()
}

fn says(body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "text/calendar")
}

async fn serving(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    server
}

/// How a source is that is polled once.
async fn status(settings: SourceSettings) -> SourceStatus {
    poll_once(vec![settings]).await.remove(0).0
}

async fn failure(answer: ResponseTemplate) -> String {
    match status(settings(at(&serving(answer).await))).await.state {
        SourceState::Failing { error, .. } => error,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again_and_stays_the_same() {
    let server = MockServer::start().await;
    let unchanged = Mock::given(method("GET"))
        .and(header("if-none-match", "\"v1\""))
        .and(header_exists("if-modified-since"))
        .respond_with(ResponseTemplate::new(304))
        .expect(3);
    unchanged.mount(&server).await;
    let first = says(ROTA)
        .insert_header("etag", "\"v1\"")
        .insert_header("last-modified", "Tue, 24 Nov 2026 10:00:00 GMT");
    Mock::given(method("GET")).respond_with(first).expect(1).mount(&server).await;
    let mut source = source(&settings(at(&server)));
    let one = shifts(source.poll(now()).await);
    assert_eq!(one.len(), 404, "from 24 November for 400 days");
    for minutes in [5, 10] {
        let again = shifts(source.poll(now() + TimeDelta::minutes(minutes)).await);
        assert!(Arc::ptr_eq(&one, &again));
    }
    // The window goes along with time although the calendar is the same.
    let later = shifts(source.poll(now() + TimeDelta::days(7)).await);
    assert_eq!(later.len(), 411);
}

#[tokio::test]
async fn the_same_without_a_mark_is_still_the_same() {
    let server = serving(says(ROTA)).await;
    let mut source = source(&settings(at(&server)));
    let one = shifts(source.poll(now()).await);
    assert!(Arc::ptr_eq(&one, &shifts(source.poll(now()).await)));
}

#[tokio::test]
async fn a_failure_in_between_forgets_nothing() {
    let server = MockServer::start().await;
    let conditional = Mock::given(header_exists("if-none-match"));
    let broken = conditional.respond_with(ResponseTemplate::new(500)).up_to_n_times(1);
    let first = says(ROTA).insert_header("etag", "\"v1\"");
    Mock::given(method("GET")).respond_with(first).up_to_n_times(1).mount(&server).await;
    broken.mount(&server).await;
    let unchanged = Mock::given(header("if-none-match", "\"v1\""));
    unchanged.respond_with(ResponseTemplate::new(304)).mount(&server).await;
    let mut source = source(&settings(at(&server)));
    let one = shifts(source.poll(now()).await);
    let error = source.poll(now()).await.unwrap_err().to_string();
    assert!(error.contains("failed (500)"), "{error}");
    assert!(Arc::ptr_eq(&one, &shifts(source.poll(now()).await)));
}

#[tokio::test]
async fn answers_that_are_no_calendar_say_what_they_are() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html");
    let error = failure(page).await;
    assert!(error.contains("a web page instead of a calendar"), "{error}");
    let error = failure(says("")).await;
    assert!(error.contains("nothing instead of a calendar"), "{error}");
    let error = failure(says(vec![0xff, 0xfe, 0, 1, 2, 3])).await;
    assert!(error.contains("BEGIN:VCALENDAR"), "{error}");
    let error = failure(ResponseTemplate::new(304)).await;
    assert!(error.contains("304"), "{error}");
    let error = failure(says(ROTA.repeat(1_000))).await;
    assert!(error.contains("more than 64 KiB") && error.contains("max_body"), "{error}");
}

#[tokio::test]
async fn of_a_calendar_with_broken_parts_the_rest_is_used() {
    let broken =
        "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:\u{1b}[31mNight\r\nDTSTART:never\r\nEND:VEVENT\r\n";
    let text = ROTA.replace("END:VCALENDAR", &format!("{broken}END:VCALENDAR"));
    let status = status(settings(at(&serving(says(text)).await))).await;
    assert_eq!(status.state, SourceState::Fresh);
    assert!(status.items >= 400, "{}", status.items);
    let [warning] = status.warnings.as_slice() else { panic!("{:?}", status.warnings) };
    assert!(warning.contains("Night") && warning.contains("is left out"), "{warning}");
    assert!(!warning.contains('\u{1b}'), "{warning:?}");
}

#[tokio::test]
async fn the_secret_in_the_address_of_a_private_calendar_is_not_shown() {
    let server = serving(ResponseTemplate::new(404)).await;
    let url = format!("{}/private-0123456789abcdef/basic.ics", server.uri());
    let status = status(settings(CalendarAt::Web(url.parse().unwrap()))).await;
    let shown = format!("{status:?}");
    assert!(shown.contains("/…/basic.ics does not exist (404)"), "{shown}");
    assert!(!shown.contains("0123456789"), "{shown}");
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changed_and_only_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rota.ics");
    let mut reader = source(&settings(CalendarAt::File(path.clone())));
    let error = reader.poll(now()).await.unwrap_err().to_string();
    assert!(error.contains("rota.ics cannot be read: No such file"), "{error}");
    std::fs::write(&path, ROTA).unwrap();
    let one = shifts(reader.poll(now()).await);
    assert!(Arc::ptr_eq(&one, &shifts(reader.poll(now()).await)));
    std::fs::write(&path, ROTA.replace("FREQ=DAILY", "FREQ=WEEKLY")).unwrap();
    assert_eq!(shifts(reader.poll(now()).await).len(), 58);
    std::fs::remove_file(&path).unwrap();
    assert!(reader.poll(now()).await.is_err());
    for (what, expect) in [(folder.path().to_owned(), "no file"), ("/dev/zero".into(), "no file")] {
        let error = source(&settings(CalendarAt::File(what))).poll(now()).await.unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
    }
    std::fs::write(&path, ROTA.repeat(1_000)).unwrap();
    let error = reader.poll(now()).await.unwrap_err().to_string();
    assert!(error.contains("more than 64 KiB: raise max_body"), "{error}");
}

#[tokio::test]
async fn a_collection_that_did_not_change_is_not_asked_for_again() {
    let server = MockServer::start().await;
    let version = |mark: &str| {
        let xml = format!(
            "<d:multistatus xmlns:d=\"DAV:\"><d:prop><d:sync-token>{mark}</d:sync-token></d:prop>\
             </d:multistatus>"
        );
        ResponseTemplate::new(207).set_body_raw(xml, "application/xml")
    };
    let asked = |mark| {
        Mock::given(method("PROPFIND")).and(header("depth", "0")).respond_with(version(mark))
    };
    asked("1").up_to_n_times(2).mount(&server).await;
    asked("2").mount(&server).await;
    let xml = format!(
        "<d:multistatus xmlns:d=\"DAV:\"><d:response><d:href>/1.ics</d:href><d:prop>\
         <c:calendar-data>{ROTA}</c:calendar-data></d:prop></d:response></d:multistatus>"
    );
    let events = ResponseTemplate::new(207).set_body_raw(xml, "application/xml");
    let report = Mock::given(method("REPORT")).and(header("depth", "1")).respond_with(events);
    report.expect(2).mount(&server).await;
    let url = format!("{}/ana/rota/", server.uri()).parse().unwrap();
    let mut source = source(&settings(CalendarAt::Collection(url)));
    let one = shifts(source.poll(now()).await);
    assert_eq!(one.len(), 404);
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&one, &shifts(source.poll(now()).await)));
    }
}

#[tokio::test]
async fn what_is_no_collection_says_so() {
    for (status, body) in [(405, ""), (200, ROTA), (207, "<html>"), (501, "")] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body, "text/plain");
        Mock::given(method("REPORT")).respond_with(answer).mount(&server).await;
        let url = server.uri().parse().unwrap();
        let status = self::status(settings(CalendarAt::Collection(url))).await;
        let SourceState::Failing { error, .. } = status.state else { panic!("{status:?}") };
        assert!(
            error.contains("CalDAV collection") && error.contains("take collection out"),
            "{error}"
        );
    }
}

/// What is planned, as a source says that reads a calendar of windows.
async fn planned(answer: ResponseTemplate) -> (Vec<Arc<Window>>, Vec<String>) {
    let server = serving(answer).await;
    let mut terms = Terms::new(WindowKind::Maintenance);
    terms.scope.services = vec![ServiceId::new("db")];
    let settings = settings(at(&server));
    let mut settings = SourceSettings { max_body: 16 * 1024 * 1024, ..settings };
    settings.kind.meaning_mut().unwrap().windows = Some(Box::new(terms));
    let seen = source(&settings).poll(now()).await.unwrap();
    let [Fact::Windows(windows)] = seen.facts.as_slice() else { panic!("{seen:?}") };
    (windows.to_vec(), seen.warnings)
}

#[tokio::test]
async fn of_a_calendar_of_windows_what_is_broken_is_told_and_the_rest_is_used() {
    let broken = "BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:\u{1b}[31mPatch\r\nDTSTART:never\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:3\r\nSUMMARY:Ends at once\r\nDTSTART:20261128T200000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:4\r\nSUMMARY:Elsewhere\r\nDTSTART;TZID=Mars:20261128T200000\r\n\
        DURATION:PT1H\r\nEND:VEVENT\r\n";
    let text = ROTA.replace("END:VCALENDAR", &format!("{broken}END:VCALENDAR"));
    let (windows, warnings) = planned(says(text)).await;
    assert_eq!(windows.iter().map(|w| &*w.id.0).collect::<Vec<_>>(), ["rota#1"]);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for (warning, expect) in warnings.iter().zip(["Patch", "Mars", "Ends at once"]) {
        assert!(warning.contains(expect) && warning.contains("left out"), "{warning:?}");
        assert!(!warning.contains('\u{1b}'), "{warning:?}");
    }
}

#[tokio::test]
async fn a_hostile_calendar_of_windows_ends_soon_and_says_what_is_missing() {
    let event = |n: u32, rule: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{n}\r\nSUMMARY:x\r\nDTSTART:20261128T200000Z\r\nDURATION:PT1H\r\n\
             {rule}END:VEVENT\r\n"
        )
    };
    let hourly = "RRULE:FREQ=HOURLY;COUNT=1000000000\r\n";
    let calendars = [
        (0..100_000).map(|n| event(n, "")).collect::<String>(),
        (0..10_000).map(|n| event(n, hourly)).collect(),
        (0..10_000).map(|n| event(n, "RRULE:FREQ=SECONDLY\r\n")).collect(),
        (0..10_000).map(|_| event(1, hourly)).collect(),
    ];
    for events in calendars {
        let begun = std::time::Instant::now();
        let text = format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n");
        let (windows, warnings) = planned(says(text)).await;
        // Without optimisation; bounds, not speed, are what is proven.
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
        assert!(windows.len() <= 2_000, "{}", windows.len());
        assert!((1..=20).contains(&warnings.len()), "{warnings:?}");
    }
}

/// A part of a collection, with a rota that begins that day in November.
fn part(href: &str, day: u32) -> String {
    let rota = ROTA.replace("UID:1", &format!("UID:{day}"));
    let rota =
        rota.replace("20261124", &format!("202611{day}")).replace("RRULE:FREQ=DAILY\r\n", "");
    format!(
        "<response><href>{href}</href><propstat><prop><c:calendar-data>{rota}</c:calendar-data>\
         </prop></propstat></response>"
    )
}

fn multistatus(inside: &str) -> ResponseTemplate {
    let xml = format!("<multistatus xmlns=\"DAV:\" xmlns:c=\"x\">{inside}</multistatus>");
    ResponseTemplate::new(207).set_body_raw(xml, "application/xml")
}

/// A collection with two events that changes after the first look, and answers that when it is asked
/// what changed. It is asked for as a whole so often.
async fn changing(changes: ResponseTemplate, whole: u64) -> (MockServer, Box<dyn Source>) {
    let server = MockServer::start().await;
    let version = |n: u32| {
        let answer =
            multistatus(&format!("<prop><sync-token>http://x/?a=b&amp;v={n}</sync-token></prop>"));
        Mock::given(method("PROPFIND")).respond_with(answer)
    };
    version(1).up_to_n_times(1).mount(&server).await;
    version(2).mount(&server).await;
    let report =
        |what: &str| Mock::given(method("REPORT")).and(body_string_contains(what.to_owned()));
    let both = multistatus(&[part("/a.ics", 20), part("/b.ics", 21)].concat());
    report("calendar-query").respond_with(both).expect(whole).mount(&server).await;
    report("<sync-token>http://x/?a=b&amp;v=1</sync-token>")
        .respond_with(changes)
        .expect(1)
        .mount(&server)
        .await;
    report("<href>/c&amp;d.ics</href>")
        .respond_with(multistatus(&part("/c&amp;d.ics", 22)))
        .mount(&server)
        .await;
    let url = format!("{}/ana/rota/", server.uri()).parse().unwrap();
    let source = source(&settings(CalendarAt::Collection(url)));
    (server, source)
}

const CHANGED: &str = "<response><href>/c&amp;d.ics</href></response>";
const GONE: &str =
    "<response><href>/b.ics</href><status>HTTP/1.1 404 Not Found</status></response>";
const TOLD: &str = "<sync-token>http://x/?a=b&amp;v=2</sync-token>";

#[tokio::test]
async fn what_changed_in_a_collection_takes_the_place_of_what_was_there() {
    let changes = multistatus(&format!("{CHANGED}{GONE}<response><href>/</href></response>{TOLD}"));
    let (_server, mut source) = changing(changes, 1).await;
    let days =
        |duties: Arc<[Duty]>| -> Vec<u32> { duties.iter().map(|d| d.at.from.day()).collect() };
    assert_eq!(days(shifts(source.poll(now()).await)), [20, 21]);
    let changed = shifts(source.poll(now()).await);
    assert_eq!(days(changed.clone()), [20, 22]);
    assert!(Arc::ptr_eq(&changed, &shifts(source.poll(now()).await)));
}

#[tokio::test]
async fn a_collection_that_does_not_tell_what_changed_is_asked_for_as_a_whole() {
    let cut =
        "<response><href>/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>";
    let many: Vec<String> =
        (0..300).map(|n| format!("<response><href>/{n}</href></response>")).collect();
    let many = many.concat();
    let answers = [
        ResponseTemplate::new(403).set_body_string("<error><valid-sync-token/></error>"),
        ResponseTemplate::new(501),
        ResponseTemplate::new(207).set_body_string("<html>"),
        multistatus(CHANGED),
        multistatus(&format!("{CHANGED}{cut}{TOLD}")),
        multistatus(&format!("{many}{TOLD}")),
        multistatus(&format!("<response><status>HTTP/1.1 404 x</status></response>{TOLD}")),
        multistatus(&format!("<response><href>/{}</href></response>{TOLD}", "x".repeat(3_000))),
    ];
    for changes in answers {
        let (_server, mut source) = changing(changes, 2).await;
        let one = shifts(source.poll(now()).await);
        assert!(Arc::ptr_eq(&one, &shifts(source.poll(now()).await)));
    }
}

/// What a collection says to one change.
async fn changed(change: &Change, answer: ResponseTemplate) -> (Result<(), String>, usize) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let url = format!("{}/ana/plan", server.uri()).parse().unwrap();
    let from = CalendarAt::File("unused".into());
    let http = Http::new(&settings(from), &Clients::default());
    let outcome = Collection::new(http, url).change(change).await.unwrap();
    (outcome, server.received_requests().await.unwrap().len())
}

#[tokio::test]
async fn an_object_is_changed_only_as_it_was_seen_and_only_inside_its_collection() {
    let stored = |href: &str, tag: Option<&str>| Stored {
        href: href.to_owned(),
        tag: tag.map(str::to_owned),
        text: String::new(),
    };
    let remove =
        |href: &str, tag| Change::Remove { uid: "a".to_owned(), stored: stored(href, tag) };
    let create = Change::Create { uid: "a".to_owned(), text: "x".to_owned() };
    let answer = ResponseTemplate::new;
    let (outcome, _) = changed(&create, answer(412)).await;
    assert!(outcome.unwrap_err().contains("was changed there just now"));
    let full = answer(507).set_body_string("quota\u{1b}[31m");
    let (outcome, _) = changed(&create, full).await;
    assert_eq!(outcome.unwrap_err(), "a was refused (507): quota");
    assert_eq!(changed(&remove("/ana/plan/a.ics", Some("1")), answer(404)).await, (Ok(()), 1));
    for href in
        ["/luis/a.ics", "/ana/plan/../../luis/a.ics", "http://127.0.0.1:1/ana/plan/a.ics", "//x/a"]
    {
        let (outcome, asked) = changed(&remove(href, Some("1")), answer(204)).await;
        assert!(outcome.unwrap_err().contains("outside"), "{href}");
        assert_eq!(asked, 0, "{href}");
    }
    let elsewhere = remove("/ana/plan/%2F..%2F..%2Fluis/a.ics", Some("1"));
    assert!(changed(&elsewhere, answer(204)).await.0.unwrap_err().contains("outside"));
    let encoded = remove("/%61na/plan/a.ics", Some("1"));
    assert_eq!(changed(&encoded, answer(204)).await, (Ok(()), 1));
    let (outcome, asked) = changed(&remove("/ana/plan/a.ics", None), answer(204)).await;
    assert!(outcome.unwrap_err().contains("no version") && asked == 0);
}
