//! `[incidents]`, `[priority]` and `[[rules]]`: the rules by which incidents live.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::config::reader::{Section, Text};
use crate::config::tree::Value;
use crate::domain::incident::policy::{Policy, Rule};
use crate::domain::incident::process::{Process, Step};
use crate::domain::text::suggest;

/// `[incidents]`; returns the escalation of what names none.
pub fn incidents<'a>(section: Option<Section<'a>>, policy: &mut Policy) -> Option<Text<'a>> {
    let s = section?;
    let (zero, minute, day) = (TimeDelta::zero(), TimeDelta::minutes(1), TimeDelta::days(1));
    let take = |key, range, into: &mut TimeDelta| {
        if let Some(length) = s.duration(key, range) {
            *into = length;
        }
    };
    take("resolve_after", zero..=day, &mut policy.resolve_after);
    take("reopen_window", zero..=TimeDelta::days(30), &mut policy.reopen_window);
    take("close_after", minute..=TimeDelta::days(365), &mut policy.close_after);
    take("undo_window", zero..=TimeDelta::minutes(10), &mut policy.undo_window);
    take("heartbeat_grace", TimeDelta::seconds(10)..=day, &mut policy.heartbeat_grace);
    take("flap_window", minute..=TimeDelta::days(7), &mut policy.flap_window);
    take("flap_peace", minute..=TimeDelta::days(7), &mut policy.flap_peace);
    if let Some(n) = s.integer("flap_reopenings", 1..=1_000) {
        policy.flap_reopenings = n as usize;
    }
    let words = |key| {
        let texts = s.texts(key)?;
        Some(texts.into_iter().map(|t| t.value.to_owned()).collect::<Vec<String>>())
    };
    if let Some(codes) = words("codes") {
        if codes.is_empty() {
            s.missing("codes", "codes = [\"fixed\", \"workaround\"]");
        } else {
            policy.codes = codes;
        }
    }
    if let Some(categories) = words("categories") {
        policy.categories = categories;
    }
    if let Some(expiry) = s.section("ack_expiry") {
        let keys = ["p1", "p2", "p3", "p4", "p5"];
        for (key, slot) in keys.into_iter().zip(&mut policy.ack_expiry) {
            match expiry.node(key) {
                None => {}
                Some(node) if matches!(&node.value, Value::Text(t) if t == "never") => *slot = None,
                Some(node) => {
                    let range = minute..=TimeDelta::days(30);
                    *slot = expiry.duration_of(key, node, range).or(*slot);
                }
            }
        }
        expiry.finish();
    }
    let escalation = s.filled("escalation");
    s.finish();
    escalation
}

/// `[calendar]`: how many have to be on call while something is changed.
pub fn calendar(section: Option<Section<'_>>) -> usize {
    let Some(s) = section else { return 0 };
    let needed = s.integer("on_call_needed", 0..=100);
    s.finish();
    needed.and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

/// `[process]`: the roles that answer for its steps.
pub fn process(section: Option<Section<'_>>, roles: &BTreeSet<&str>, policy: &mut Policy) {
    let Some(s) = section else { return };
    let role = |key| {
        let role = s.filled(key)?;
        if !roles.contains(role.value) {
            let known: Vec<&str> = roles.iter().copied().collect();
            let remedy = suggest(role.value, &known, "roles of [[people]]");
            s.report().error(role.at, format!("nobody has the role {:?}", role.value), remedy);
        }
        Some(role.value.to_owned())
    };
    let roles = Step::ALL.map(|step| role(step.word()));
    policy.process = Process { roles, correct: role("correct") };
    s.finish();
}

/// `[priority]`.
pub fn priority(section: Option<Section<'_>>, policy: &mut Policy) {
    let Some(s) = section else { return };
    if let Some(node) = s.node("matrix") {
        match matrix(&s, &node.value) {
            Some(matrix) => policy.matrix = matrix,
            None => s.report().error(
                node.at.0,
                "priority.matrix is not three rows of three priorities",
                "rows are impact 1 to 3, columns urgency 1 to 3: [[1,2,3],[2,3,4],[3,4,5]]",
            ),
        }
    }
    s.finish();
}

fn matrix(s: &Section<'_>, value: &Value) -> Option<[[u8; 3]; 3]> {
    let Value::List(rows) = value else { return None };
    let rows: Option<Vec<[u8; 3]>> = rows
        .iter()
        .map(|row| {
            let Value::List(cells) = &row.value else { return None };
            let cells: Option<Vec<u8>> = cells
                .iter()
                .map(|cell| s.integer_of("matrix", cell, 1..=5).map(|n| n as u8))
                .collect();
            cells?.try_into().ok()
        })
        .collect();
    rows?.try_into().ok()
}

/// `[[rules]]`. A rule with several `match` texts applies where any of them holds.
pub fn rules(sections: Vec<Section<'_>>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for s in sections {
        if !s.has("match") {
            s.missing("match", "match = ['severity=\"page\"']");
        }
        let matchers = s.matchers("match");
        let level = |key| s.integer(key, 1..=3).map(|n| n as u8);
        let rule = Rule {
            matchers: crate::domain::matcher::Matchers::default(),
            impact: level("impact"),
            urgency: level("urgency"),
            category: s.filled("category").map(|t| t.value.to_owned()),
            group_by: s
                .texts("group_by")
                .map(|list| list.into_iter().map(|t| t.value.to_owned()).collect()),
            runbook: s.filled("runbook").map(|t| t.value.to_owned()),
        };
        s.finish();
        rules.extend(matchers.into_iter().map(|matchers| Rule { matchers, ..rule.clone() }));
    }
    rules
}
