use super::*;

const FILES: [(&str, &str); 3] = [
    ("sloth.yaml", include_str!("../../../../tests/fixtures/slo/sloth.yaml")),
    ("pyrra.yaml", include_str!("../../../../tests/fixtures/slo/pyrra.yaml")),
    ("openslo.yaml", include_str!("../../../../tests/fixtures/slo/openslo.yaml")),
];

fn imported(text: &str) -> Drafts {
    let mut found = drafts(&parse(text).unwrap());
    let mut ids = BTreeSet::new();
    for draft in &mut found.drafts {
        check(draft, &mut ids, &around());
    }
    found
}

/// How many objectives a config with these has, which has to load.
fn loaded(drafts: &[Draft]) -> usize {
    let config = format!(
        "[[sources]]\nname = \"prom\"\nkind = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\n\n{}",
        write::toml("f", drafts, "prom")
    );
    let now = chrono::DateTime::default();
    let read = crate::config::of_text("c.toml", config.clone(), &around(), now);
    read.unwrap_or_else(|e| panic!("{e}\n{config}")).plan.objectives.len()
}

#[test]
fn what_others_define_becomes_toml_with_notes_of_what_was_left_out() {
    let mut said = String::new();
    for (name, text) in FILES {
        let Drafts { drafts, notes } = imported(text);
        for note in notes {
            said.push_str("! ");
            said.push_str(&note);
            said.push('\n');
        }
        said += &write::toml(name, &drafts, "prom");
    }
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_written_is_read_by_the_config() {
    for (_, text) in FILES {
        let drafts = imported(text).drafts;
        let off = drafts.iter().filter(|d| d.is_off).count();
        assert_eq!(loaded(&drafts), drafts.len() - off);
    }
}

#[test]
fn what_cannot_be_loaded_is_a_comment_with_its_reason() {
    let open = |window: &str, objective: &str, more: &str| {
        format!(
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{ name: a }}\nspec:\n  service: s\n  \
             budgetingMethod: Timeslices\n  timeWindow: [ {{ {window} }} ]\n  indicator: {{ spec: \
             {{ thresholdMetric: {{ metricSource: {{ spec: {{ query: up }} }} }} }} }}\n  \
             objectives: [ {{ {objective}, op: lt, value: 1{more} }} ]\n"
        )
    };
    let pyrra = |window: &str, indicator: &str| {
        format!(
            "apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {{ name: a }}\n\
             spec: {{ target: '99', window: {window}, indicator: {{ {indicator} }} }}"
        )
    };
    let month = "duration: 1M, isRolling: false, calendar: { timeZone: Mars/Olympus }";
    for (text, why) in [
        (open(month, "target: 0.9", ""), "Mars/Olympus"),
        (open("duration: 999d, isRolling: true", "target: 0.9", ""), "999d"),
        (open("duration: 4000000000M, isRolling: true", "target: 0.9", ""), "4000000000M"),
        (open("duration: 30d", "target: 0.9", ", timeSliceWindow: 7m"), "slice"),
        (open("duration: 30d", "displayName: x", ""), "target"),
        (pyrra("9999999y", "bool_gauge: { metric: up }"), "9999999y"),
        (pyrra("4w", "none: {}"), "indicator"),
    ] {
        let drafts = imported(&text).drafts;
        let notes = drafts[0].notes.join("\n");
        assert!(notes.contains(why), "{why}: {notes}");
        assert_eq!(loaded(&drafts), usize::from(!drafts[0].is_off), "{text}");
        // Of the length that is none, a usual one is taken, which is said.
        assert_eq!(drafts[0].is_off, why != "4000000000M", "{why}: {notes}");
    }
}

#[test]
fn two_of_one_name_have_two_ids_and_a_name_of_other_letters_is_asked_for() {
    let slo = "{name: a, objective: 99, sli: {raw: {error_ratio_query: x}}}";
    let other = slo.replace("name: a", "name: 注文");
    let text = format!("version: prometheus/v1\nservice: 決済\nslos: [{slo}, {slo}, {other}]");
    let drafts = imported(&text).drafts;
    let ids: Vec<&str> = drafts.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids, ["a", "a-2", "objective"]);
    assert_eq!(drafts[0].service, "service");
    assert!(drafts[0].notes.iter().any(|n| n.contains("決済 has letters")), "{:?}", drafts[0]);
    assert!(drafts[1].notes.iter().any(|n| n.contains("called a, too")), "{:?}", drafts[1]);
    assert_eq!(loaded(&drafts), 3);
}

#[test]
fn comments_go_and_what_is_in_quotes_stays() {
    let counted = |query: &str| query::counting(query).0;
    assert_eq!(
        counted("sum(rate(a[5m])) # server's errors\n  + sum(rate(b[5m]))"),
        "sum(rate(a[{{window}}]))  + sum(rate(b[{{window}}]))".replace("  ", " ")
    );
    assert_eq!(
        counted("sum(rate(a{path=\"/x[5m]#\"}[5m]))"),
        "sum(rate(a{path=\"/x[5m]#\"}[{{window}}]))"
    );
}

#[test]
fn what_is_no_promql_is_not_carried_over_and_what_slices_lose_is_told() {
    let text = |source: &str, query: &str| {
        format!(
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{ name: a }}\nspec:\n  service: s\n  \
             budgetingMethod: Timeslices\n  timeWindow: [ {{ duration: 30d }} ]\n  indicator: {{ \
             spec: {{ thresholdMetric: {{ metricSource: {{ {source}, spec: {{ query: '{query}' }} }} \
             }} }} }}\n  objectives: [ {{ target: 0.9, op: lt, value: 1, timeSliceTarget: 0.8, \
             timeSliceWindow: 1m }} ]\n---\napiVersion: openslo/v1\nkind: DataSource\nmetadata: {{ \
             name: dog }}\nspec: {{ type: Datadog }}\n"
        )
    };
    for source in ["type: Datadog", "metricSourceRef: dog"] {
        let drafts = imported(&text(source, "avg:latency{*}")).drafts;
        assert!(drafts[0].is_off && drafts[0].keys.is_empty(), "{:?}", drafts[0]);
        assert!(drafts[0].notes[0].starts_with("Datadog is asked"), "{:?}", drafts[0].notes);
    }
    let drafts = imported(&text("type: prometheus", "max(rate(x[5m]))")).drafts;
    let notes = drafts[0].notes.join("\n");
    assert!(!drafts[0].is_off, "{notes}");
    for part in ["timeSliceTarget is left out", "query looks at [5m]"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

fn around() -> crate::config::Surroundings {
    crate::config::Surroundings::of_process()
}

#[test]
fn hostile_yaml_is_refused_or_read_in_bounds() {
    let nested = "[".repeat(100_000);
    let laughs: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..12).map(|n| {
            let before = format!("*a{}", n - 1);
            format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(", "))
        }))
        .collect();
    let cut = FILES[0].1.get(..200).unwrap().to_owned() + "\"";
    for text in [nested, laughs, "\u{0}".to_owned(), "- a\n b: [".to_owned(), cut] {
        let begun = std::time::Instant::now();
        let _ = parse(&text).map(|documents| drafts(&documents));
        assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    }
    for text in [
        "",
        "---\n---\n",
        "5",
        "version: prometheus/v1\nslos: 7\n",
        "apiVersion: openslo/v1\nkind: SLO\n",
    ] {
        assert!(imported(text).drafts.is_empty(), "{text}");
    }
    let hostile = "version: prometheus/v1\nservice: \"a\\e[31m\"\nslos: [{name: \"b\\u202e\", \
                   objective: 1e99, sli: {events: {error_query: \"x\\n]\\\"\", total_query: y}}}]";
    let toml = write::toml("f", &imported(hostile).drafts, "prom");
    assert!(!toml.contains('\u{1b}') && !toml.contains('\u{202e}'), "{toml}");
    assert!(toml.contains("#target"));
}
