use std::collections::{BTreeMap, HashMap};

use chrono::{TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::incident::{
    Acknowledgement, Actor, Hold, HoldReason, IncidentId, Priority, Standing,
};
use crate::domain::matcher::Labels;
use crate::domain::sla::contract::ServiceLevels;

fn now() -> Instant {
    Utc.with_ymd_and_hms(2026, 11, 23, 14, 3, 0).unwrap()
}

/// INC-12, P2, new, checkout of payments, nobody's, ten minutes old, in zone eu.
fn incident() -> Incident {
    Incident {
        id: IncidentId(12),
        key: "k".into(),
        version: 1,
        title: "Disk full on db-17".into(),
        service: Some(ServiceId::new("checkout")),
        source: "prom-dc1".into(),
        reported_by: Actor::source("prom-dc1"),
        category: String::new(),
        impact: 1,
        urgency: 2,
        priority: Priority(2),
        labels: [("zone".into(), "eu".into())].into(),
        annotations: Labels::new(),
        alerts: BTreeMap::new(),
        opened_at: now() - TimeDelta::minutes(10),
        started_at: now() - TimeDelta::minutes(11),
        standing: Standing::default(),
        parent: None,
        earlier: None,
        recurrence: 1,
        clear_since: None,
        unverified_since: None,
        maintenance: None,
        maintained: Vec::new(),
        drill: None,
        updated_at: None,
        updates: Vec::new(),
        warned: Vec::new(),
        absorbed: Vec::new(),
        excluded: false,
        flapping_since: None,
        escalation: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

fn found(query: &str, incident: &Incident) -> bool {
    let teams = HashMap::from([(ServiceId::new("checkout"), "Payments".to_owned())]);
    let parsed = parse(query);
    assert_eq!(parsed.errors, [], "{query}");
    let levels = ServiceLevels::default();
    let context = QueryContext { now: now(), me: "ana", teams: &teams, levels: &levels };
    parsed.query.matches(incident, &context)
}

#[rstest]
#[case("", true)]
#[case("state:new", true)]
#[case("state:NEW,ack", true)]
#[case("state:acknowledged", false)]
#[case("-state:ack", true)]
#[case("state!=new", false)]
#[case("state:any", true)]
#[case("p:2", true)]
#[case("p:P1..P2", true)]
#[case("p:3..", false)]
#[case("p<3", true)]
#[case("p>=3", false)]
#[case("p:1,3..5", false)]
#[case("service:checkout", true)]
#[case("service:check", false)]
#[case("service:CHECK*", true)]
#[case("service:search,*out", true)]
#[case("service:none", false)]
#[case("-service:none", true)]
#[case("team:payments", true)]
#[case("team:core", false)]
#[case("assignee:none", true)]
#[case("assignee:me", false)]
#[case("assignee:\"none\"", false)]
#[case("age>9m", true)]
#[case("age>10m", false)]
#[case("age>=10m", true)]
#[case("age<10m", false)]
#[case("age<=10m", true)]
#[case("age:5m..15m", true)]
#[case("age:11m..", false)]
#[case("-age>1h", true)]
#[case("label.zone=eu", true)]
#[case("label.zone:us,e?", true)]
#[case("label.zone!=eu", false)]
#[case("label.rack=none", true)]
#[case("source:prom-*", true)]
#[case("id:12", true)]
#[case("id:INC-10..INC-12,99", true)]
#[case("id>12", false)]
#[case("is:open", true)]
#[case("is:mine", false)]
#[case("is:flapping,open", true)]
#[case("is:unassigned", false)]
#[case("disk", true)]
#[case("\"DISK FULL\"", true)]
#[case("\"disk  full\"", false)]
#[case("-disk", false)]
#[case("inc-12", true)]
#[case("checkout", true)]
#[case("memory,disk", true)]
#[case("disk memory", false)]
#[case("state:new p:1..2 -is:mine label.zone=eu age>5m \"on db\"", true)]
#[case("10:30", false)]
fn a_query_finds_what_it_says(#[case] query: &str, #[case] expect: bool) {
    assert_eq!(found(query, &incident()), expect);
}

#[test]
fn whoever_acknowledged_has_it() {
    let mut mine = incident();
    mine.standing.state = IncidentState::Acknowledged;
    mine.standing.acknowledged =
        Some(Acknowledgement { by: "ana".into(), at: now(), until: None, warns_at: None });
    assert!(found("is:mine assignee:me assignee:ANA state:ack", &mine));
    assert!(!found("assignee:none", &mine));
}

#[rstest]
#[case("acked>4h", true)]
#[case("acked>=5h", true)]
#[case("acked>5h", false)]
#[case("-acked>5h", true)]
#[case("acked:1h..6h", true)]
#[case("held>1d", false)]
#[case("held>2h", true)]
#[case("-held>1d", true)]
#[case("waits:customer", false)]
#[case("waits:supplier", true)]
#[case("waits:customer,supplier", true)]
#[case("-waits:supplier", false)]
#[case("waits!=customer", true)]
#[case("category:hardware", true)]
#[case("category:hard*,network", true)]
#[case("category:none", false)]
#[case("code:none", true)]
#[case("-code:none", false)]
fn what_people_did_is_found_by_its_time_and_its_words(#[case] query: &str, #[case] expect: bool) {
    let mut waiting = incident();
    waiting.category = "Hardware".to_owned();
    waiting.standing.state = IncidentState::OnHold;
    let acked = now() - TimeDelta::hours(5);
    waiting.standing.acknowledged =
        Some(Acknowledgement { by: "ana".into(), at: acked, until: None, warns_at: None });
    waiting.standing.holds = vec![Hold {
        reason: HoldReason::Supplier,
        note: String::new(),
        by: "ana".into(),
        from: now() - TimeDelta::hours(3),
        until: None,
        to: None,
    }];
    assert_eq!(found(query, &waiting), expect);
}

#[test]
fn what_was_never_acknowledged_nor_held_has_no_such_time() {
    assert!(!found("acked>0s", &incident()) && !found("acked<1h", &incident()));
    assert!(
        !found("held<1h", &incident())
            && !found("waits:customer,supplier,change_window,other", &incident())
    );
    assert!(parse("acked>4h").query.depends_on_time() && parse("held>4h").query.depends_on_time());
}

#[test]
fn how_it_ended_is_found_by_its_code() {
    let mut closed = incident();
    closed.standing.state = IncidentState::Closed;
    closed.standing.findings.code = "workaround".to_owned();
    assert!(found("code:work* -code:none", &closed));
    assert!(!found("code:permanent", &closed));
}

#[rstest]
#[case("stat:new", 0..8, "there is no term \"stat\"", "did you mean state:?")]
#[case("due<15m", 0..7, "there is no term \"due\"", "to search for the text, put it in quotes: \"due<15m\"")]
#[case("http://x", 0..8, "there is no term \"http\"", "to search for the text, put it in quotes: \"http://x\"")]
#[case("p:1 state:nwe", 10..13, "state knows no \"nwe\"", "did you mean new?")]
#[case("is:quux", 3..7, "is knows no \"quux\"", "known: open, mine, silenced, maintenance, flapping, unverified, unassigned, folded, recurring, reopened, firing, reported, snoozed, merged, paging, breached")]
#[case("is:flaping", 3..10, "is knows no \"flaping\"", "did you mean flapping?")]
#[case("p:7", 2..3, "\"7\" is not a priority", "priorities run from 1 to 5: p:1, p:1..2, p<3")]
#[case("p:2..1", 2..6, "\"2..1\" is not a priority", "priorities run from 1 to 5: p:1, p:1..2, p<3")]
#[case("age>10", 4..6, "\"10\" is not an age to compare with", "write a length with its unit: age>10m, age<2h, age:1h..2h")]
#[case("age:10m", 4..7, "\"10m\" is not an age to compare with", "write age>10m or age<10m")]
#[case("acked:4h", 6..8, "\"4h\" is not a time to compare with", "write acked>4h or acked<4h")]
#[case("held>long", 5..9, "\"long\" is not a time to compare with", "write a length with its unit: held>10m, held<2h, held:1h..2h")]
#[case("waits:client", 6..12, "waits knows no \"client\"", "known: customer, supplier, change_window, other")]
#[case("waits:supplyer", 6..14, "waits knows no \"supplyer\"", "did you mean supplier?")]
#[case("code<x", 0..6, "code has no order", "write code:value")]
#[case("service:", 0..8, "service needs a value", "whose service it is; pay* for all that begin so")]
#[case("service<x", 0..9, "service has no order", "write service:value")]
#[case("service=~pay.*", 0..14, "regular expressions are not known", "use * and ?, such as service:pay*")]
#[case("sla:15m", 4..7, "\"15m\" is not a time to compare with", "write sla>15m or sla<15m")]
#[case("label=eu", 0..5, "which label?", "write label.NAME=value, such as label.zone=eu")]
#[case("age>1h,2h", 7..9, "age takes one value here", "give one value, or write the term twice")]
#[case("id:x", 3..4, "\"x\" is not an incident", "write id:12, id:INC-12 or id:12..20")]
fn a_wrong_term_is_pointed_at_with_a_hint(
    #[case] text: &str,
    #[case] span: std::ops::Range<usize>,
    #[case] reason: &str,
    #[case] hint: &str,
) {
    let parsed = parse(text);
    let expect = QueryError { span, reason: reason.into(), hint: hint.into() };
    assert_eq!(parsed.errors, [expect]);
}

#[test]
fn the_rest_of_a_query_with_an_error_still_filters() {
    assert_eq!(parse("p:9 state:new,nwe bogus:1 disk").query.to_string(), "state:new disk");
}

#[rstest]
#[case("disk state:ack,new p:3,1,2", "state:new,ack p:1..3 disk")]
#[case("age>90s -IS:Mine,mine", "-is:mine age>1m30s")]
#[case("p<2 p>=4", "p:1 p:4..5")]
#[case("service!=pay*", "-service:pay*")]
#[case("assignee:\"me\",me", "assignee:\"me\",me")]
#[case("\"a, b\" \"-x\" label.Zone:EU", "label.Zone=eu \"a, b\" \"-x\"")]
#[case("\"disk fu", "\"disk fu\"")]
#[case(
    "code:x category:none waits:other,customer held>1d acked>4h",
    "acked>4h held>1d waits:other,customer category:none code:x"
)]
#[case("waits:other sla<90s is:breached", "is:breached sla<1m30s waits:other")]
#[case("- , -,", "")]
fn a_query_prints_in_its_canonical_form(#[case] text: &str, #[case] expect: &str) {
    assert_eq!(parse(text).query.to_string(), expect);
}

#[test]
fn a_query_knows_whether_it_speaks_of_states() {
    assert!(parse("state:closed").query.has_state_term());
    assert!(parse("-is:open").query.has_state_term());
    assert!(!parse("p:1 is:mine").query.has_state_term());
    assert_eq!(parse("p:1").query.and_open().to_string(), "state:new,ack,hold p:1");
}

#[rstest]
#[case("sla<1h", true)]
#[case("sla<50m", false)]
#[case("sla<=50m", true)]
#[case("sla:40m..", true)]
#[case("is:breached", false)]
#[case("-is:breached state:new", true)]
fn what_was_promised_for_in_an_hour_ten_minutes_ago_has_50_minutes_left(
    #[case] query: &str,
    #[case] expect: bool,
) {
    let levels = crate::domain::sla::contract::ServiceLevels {
        otherwise: Some(std::sync::Arc::new(resolved_in(TimeDelta::hours(1)))),
        ..ServiceLevels::default()
    };
    let teams = HashMap::new();
    let context = QueryContext { now: now(), me: "ana", teams: &teams, levels: &levels };
    assert_eq!(parse(query).query.matches(&incident(), &context), expect);
    let later = QueryContext { now: now() + TimeDelta::minutes(51), ..context };
    assert!(parse("is:breached sla<0s").query.matches(&incident(), &later));
    assert!(parse(query).query.depends_on_time());
}

/// Everything is resolved in so much time, round the clock.
fn resolved_in(length: TimeDelta) -> crate::domain::sla::contract::Contract {
    use crate::domain::sla::clock::Target;
    use crate::domain::sla::contract::{ClockStart, Contract, Planned, Rounding, Targets};
    use crate::domain::sla::hours::{ALWAYS, BusinessCalendar};
    let calendar = std::sync::Arc::new(BusinessCalendar::always(chrono_tz::Tz::UTC));
    let targets = Targets {
        respond: None,
        resolve: Some(Target::Time(length)),
        update_every: None,
        calendar: calendar.clone(),
        pause_on: Vec::new(),
    };
    Contract {
        id: "default".into(),
        name: String::new(),
        customer: String::new(),
        services: [].into(),
        calendar,
        targets: [(Priority(2), targets)].into(),
        clock_start: ClockStart::Opened,
        maintenance: Planned::Pause,
        exclusion: crate::domain::sla::Exclusion::Remove,
        no_data: crate::domain::sla::NoData::Remove,
        rounding: Rounding::default(),
        credits: None,
        escalations: Vec::new(),
        valid: ALWAYS,
    }
}

fn names() -> Vocabulary {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Vocabulary {
        services: set(&["checkout", "chat", "mail relay"]),
        people: set(&["Ana Ruiz", "luis"]),
        categories: set(&["hardware", "network"]),
        codes: set(&["permanent", "workaround"]),
        labels: BTreeMap::from([("zone".to_owned(), set(&["eu", "us"]))]),
        ..Vocabulary::default()
    }
}

#[rstest]
#[case("", 0, 0..0, &["state:", "p:", "service:", "team:", "assignee:", "age:", "acked:", "held:", "sla:", "waits:", "is:", "label.", "source:", "category:", "code:", "id:"])]
#[case("s", 1, 0..1, &["state:", "service:", "sla:", "source:"])]
#[case("p:1 -as", 7, 5..7, &["assignee:"])]
#[case("service:ch", 10, 8..10, &["chat", "checkout"])]
#[case("service:chat,", 13, 13..13, &["none", "checkout", "\"mail relay\""])]
#[case("service:ma disk", 10, 8..10, &["\"mail relay\""])]
#[case("assignee:", 9, 9..9, &["me", "none", "\"Ana Ruiz\"", "luis"])]
#[case("c", 1, 0..1, &["category:", "code:"])]
#[case("category:", 9, 9..9, &["none", "hardware", "network"])]
#[case("code:p", 6, 5..6, &["permanent"])]
#[case("waits:customer,", 15, 15..15, &["supplier", "change_window", "other"])]
#[case("acked>1", 7, 6..7, &["10m", "1h", "1d", "10m..1h"])]
#[case("state:c", 7, 6..7, &["closed", "cancelled"])]
#[case("is:un", 5, 3..5, &["unverified", "unassigned"])]
#[case("label.zone=", 11, 11..11, &["eu", "us"])]
#[case("disk fu", 7, 5..7, &[])]
fn the_cursor_is_offered_what_could_stand_there(
    #[case] text: &str,
    #[case] cursor: usize,
    #[case] span: std::ops::Range<usize>,
    #[case] expect: &[&str],
) {
    let completion = complete(text, cursor, &names());
    let offered: Vec<_> = completion.candidates.iter().map(|c| c.text.as_str()).collect();
    assert_eq!((completion.span, offered.as_slice()), (span, expect));
}

fn term() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?state[:=](new|ack|hold|closed|any|bogus)(,resolved)?",
        "-?p(:|<|>=)[0-7](\\.\\.[1-5])?",
        "-?(service|team|assignee|source)(:|!=)(me|none|\"?[a-zA-Z0-9*?\\-ñÉ ]{1,6}\"?)(,[a-z*]{0,3})?",
        "-?age(<|>|<=|>=|:)[0-9]{1,3}[smhdw](\\.\\.[0-9]{1,2}d)?",
        "-?(acked|held|sla)(<|>|<=|>=|:)[0-9]{1,3}[smhdw](\\.\\.[0-9]{1,2}d)?",
        "-?waits(:|!=)(customer|supplier|change_window|other|x)(,other)?",
        "-?(category|code)(:|!=)(none|\"?[a-zA-Z0-9*?\\-ñÉ ]{1,6}\"?)",
        "-?is:(open|mine|flapping|x)",
        "-?label\\.[a-zA-Z_]{1,5}(=|:)[a-z\"\\\\,]{0,6}",
        "-?id(:|<)[0-9]{1,4}(\\.\\.[0-9]{0,5})?",
        "\\PC{0,12}",
    ]
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(terms in proptest::collection::vec(term(), 0..6)) {
        let query = parse(&terms.join(" ")).query;
        let again = parse(&query.to_string());
        prop_assert_eq!(&again.errors, &vec![]);
        prop_assert_eq!(again.query, query);
    }

    #[test]
    fn any_text_is_read_and_completed_without_panic(text in "\\PC*", cursor in 0_usize..40) {
        for error in parse(&text).errors {
            prop_assert!(text.get(error.span).is_some());
        }
        complete(&text, cursor, &names());
    }
}
