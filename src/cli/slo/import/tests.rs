use super::*;

const FILES: [(&str, &str); 3] = [
    ("sloth.yaml", include_str!("../../../../tests/fixtures/slo/sloth.yaml")),
    ("pyrra.yaml", include_str!("../../../../tests/fixtures/slo/pyrra.yaml")),
    ("openslo.yaml", include_str!("../../../../tests/fixtures/slo/openslo.yaml")),
];

fn imported(text: &str) -> Drafts {
    drafts(&parse(text).unwrap())
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
fn queries_for_something_else_and_what_is_dropped_are_told_of() {
    let (_, text) = FILES[2];
    let of = |text: &str, id: &str| {
        let drafts = imported(text).drafts;
        drafts.into_iter().find(|d| d.id == id).unwrap()
    };
    let other = text.replace("type: Prometheus", "type: Datadog");
    let draft = of(&other, "checkout-latency");
    assert_eq!(draft.keys, []);
    assert!(draft.notes.iter().any(|n| n.contains("for Datadog")), "{:?}", draft.notes);
    let refers = text.replace("type: Prometheus", "metricSourceRef: dog")
        + "---\napiVersion: openslo/v1\nkind: DataSource\nmetadata: { name: dog }\n\
           spec: { type: Datadog }\n";
    assert_eq!(of(&refers, "checkout-availability-gold").keys, []);
    let sliced = text.replace("timeSliceWindow: 1m", "timeSliceWindow: 1m, timeSliceTarget: 0.9");
    let draft = of(&sliced, "checkout-latency");
    for what in ["timeSliceTarget is left out", "looks back over [5m]"] {
        assert!(draft.notes.iter().any(|n| n.contains(what)), "{:?}", draft.notes);
    }
}

#[test]
fn what_is_written_is_read_by_the_config() {
    for (name, text) in FILES {
        let drafts = imported(text).drafts;
        // Those of which something is missing are for a person to finish.
        let whole: Vec<Draft> =
            drafts.into_iter().filter(|d| !d.keys.is_empty() && d.target.is_some()).collect();
        let config = format!(
            "[[sources]]\nname = \"prom\"\nkind = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\n\n{}",
            write::toml(name, &whole, "prom")
        );
        let read = crate::config::of_text(
            "c.toml",
            config.clone(),
            &around(),
            chrono::DateTime::default(),
        );
        let config = read.unwrap_or_else(|e| panic!("{e}\n{config}"));
        assert_eq!(config.plan.objectives.len(), whole.len());
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
