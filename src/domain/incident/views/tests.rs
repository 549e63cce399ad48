use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use rstest::rstest;

use super::shared::{Command, Event, Judged};
use super::*;
use crate::domain::incident::Actor;
use crate::domain::log::Recorded;

fn view(name: &str, query: &str) -> View {
    View { name: name.into(), query: query.into(), ..View::default() }
}

fn saved(position: u64, view: View) -> Recorded<Event> {
    let at = Utc.with_ymd_and_hms(2026, 11, 23, 14, 3, 0).unwrap();
    Recorded { position, at, actor: Actor::person("ana"), body: Event::ViewSaved { view } }
}

#[test]
fn every_view_that_is_built_in_can_be_read_and_has_a_name_of_its_own() {
    let mut names = std::collections::HashSet::new();
    for view in built_in() {
        assert_eq!(query::parse(&view.query).errors, [], "{}", view.name);
        assert!(names.insert(view.name.clone()), "{} is there twice", view.name);
        // What the title shows is what a view is known by.
        assert_eq!(query::parse(&view.query).query.to_string(), view.query);
    }
}

#[test]
fn forgotten_acknowledgements_bring_their_own_order_the_oldest_first() {
    let all = built_in();
    let forgotten = all.iter().find(|v| v.name.starts_with("forgotten")).unwrap();
    assert_eq!(forgotten.sort.as_ref().unwrap().to_string(), "acknowledged, priority");
    assert!(forgotten.columns.as_ref().unwrap().has(Column::Acknowledged));
}

#[rstest]
#[case("", "", "a view needs a name")]
#[case("open", "", "\"open\" is a view that every console has; take another name")]
#[case("a\u{1b}b", "", "\"a\\u{1b}b\" is no name: write plain words")]
#[case("mail", "stat:new", "its query is wrong: there is no term \"stat\"; did you mean state:?")]
#[case(
    "a name that is much too long for any list of views",
    "",
    "a name has 40 characters at most"
)]
fn a_view_that_nobody_could_use_is_refused_with_the_way_out(
    #[case] name: &str,
    #[case] query: &str,
    #[case] why: &str,
) {
    assert_eq!(view(name, query).wrong().as_deref(), Some(why));
}

#[rstest]
#[case("priority, -age", "priority, -age")]
#[case(" -team ,who,who", "-team, who")]
#[case("", "priority, age")]
#[case("id,age,team,who", "id, age, team")]
fn a_sort_is_written_as_words(#[case] text: &str, #[case] expect: &str) {
    assert_eq!(text.parse::<Sort>().unwrap().to_string(), expect);
}

#[test]
fn an_unknown_column_is_named_with_those_that_exist() {
    let why = "urgency".parse::<Sort>().unwrap_err();
    assert!(why.starts_with("nothing is sorted by \"urgency\"; known: priority, id, age"), "{why}");
}

#[test]
fn which_one_and_what_is_the_matter_are_always_shown() {
    let mut columns = Columns::default();
    assert!(!columns.toggle(Column::Id) && !columns.toggle(Column::What));
    assert!(columns.toggle(Column::Team) && columns.has(Column::Team));
    assert!(columns.toggle(Column::Team) && !columns.has(Column::Team));
    let read: Columns = serde_json::from_str(r#"["team"]"#).unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), [Column::Id, Column::What, Column::Team]);
}

#[test]
fn a_shared_view_is_known_with_who_saved_it_until_it_is_deleted() {
    let mut all = SharedViews::default();
    all.apply(&saved(7, view("mail", "service:mail")));
    let shared = all.get("mail").unwrap();
    assert_eq!((shared.by.as_str(), shared.version), ("ana", 7));
    let delete = Command::Delete { name: "mail".into() };
    let Judged::Do { event, .. } = all.judge(&delete) else { panic!("refused") };
    all.apply(&Recorded { body: event, ..saved(8, View::default()) });
    assert!(all.get("mail").is_none());
    assert_eq!(
        all.judge(&delete),
        Judged::Refused("there is no shared view \"mail\"; v lists them".into())
    );
}

#[test]
fn a_view_is_written_over_only_as_it_was_seen() {
    let mut all = SharedViews::default();
    all.apply(&saved(7, view("mail", "service:mail")));
    let save = |over| Command::Save { view: view("mail", "service:mail*"), over };
    let why = "ana saved a view \"mail\" meanwhile; save again to write over it";
    assert_eq!(all.judge(&save(0)), Judged::Conflict(why.into()));
    assert!(matches!(all.judge(&save(7)), Judged::Do { .. }));
    let same = Command::Save { view: view("mail", "service:mail"), over: 0 };
    assert_eq!(all.judge(&same), Judged::Already("view \"mail\" is so already".into()));
}

fn sorts() -> impl Strategy<Value = Sort> {
    let key = (0..Column::ALL.len(), any::<bool>());
    proptest::collection::vec(key, 1..5).prop_map(|keys| {
        keys.into_iter().fold(Sort::default(), |sort, (n, twice)| {
            let sort = sort.by(Column::ALL[n]);
            if twice { sort.by(Column::ALL[n]) } else { sort }
        })
    })
}

proptest! {
    #[test]
    fn a_view_reads_back_as_it_was_written(
        sort in proptest::option::of(sorts()),
        group in proptest::option::of(0_usize..7),
        shown in proptest::option::of(proptest::collection::btree_set(0_usize..15, 0..15)),
    ) {
        let columns = shown.map(|set| {
            Columns::from(set.into_iter().map(|n| Column::ALL[n]).collect::<std::collections::BTreeSet<_>>())
        });
        let group = group.map(|n| Group::ALL[n]);
        let view = View { sort, group, columns, ..view("ñ 1", "state:new \"a b\"") };
        let json = serde_json::to_string(&view).unwrap();
        prop_assert_eq!(&serde_json::from_str::<View>(&json).unwrap(), &view);
        let text = toml::to_string(&view).unwrap();
        prop_assert_eq!(&toml::from_str::<View>(&text).unwrap(), &view);
    }
}
