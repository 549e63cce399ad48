//! The rules of the service plan that govern incidents, as data.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::model::Priority;
use super::process::Process;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::text::nearest;

/// How incidents end, where the plan does not say.
pub const CODES: [&str; 8] = [
    "fixed",
    "workaround",
    "recovered",
    "rolled_back",
    "configuration",
    "capacity",
    "third_party",
    "no_fault",
];

/// Everything that `decide` needs to know of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How long all alerts must be proven clear before the incident resolves by itself.
    pub resolve_after: TimeDelta,
    /// How long after Resolved the same trouble reopens the same incident.
    pub reopen_window: TimeDelta,
    /// Resolved incidents close by themselves after that.
    pub close_after: TimeDelta,
    /// How long an acknowledgement lasts, by priority 1 to 5; `None`: until taken back.
    pub ack_expiry: [Option<TimeDelta>; 5],
    /// How long an own action can be undone.
    pub undo_window: TimeDelta,
    /// How long a heartbeat may be silent before monitoring counts as blind.
    pub heartbeat_grace: TimeDelta,
    /// Reopenings within `flap_window` that make an incident flapping.
    pub flap_reopenings: usize,
    pub flap_window: TimeDelta,
    /// A flapping incident stays open until this long without a change.
    pub flap_peace: TimeDelta,
    /// Impact 1–3 (rows) × urgency 1–3 (columns) → priority.
    pub matrix: [[u8; 3]; 3],
    /// How incidents end: closing wants one of them.
    pub codes: Vec<String>,
    /// What they are about; empty: any word.
    pub categories: Vec<String>,
    /// Who answers for each step.
    pub process: Process,
    /// In which times are told.
    pub zone: Tz,
    /// First match wins; an alert that matches none is classified by its `severity` label and its
    /// service's tier.
    pub rules: Vec<Rule>,
}

/// How alerts are classified and grouped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    pub matchers: Matchers,
    pub impact: Option<u8>,
    pub urgency: Option<u8>,
    pub category: Option<String>,
    /// Alerts with equal values of these labels are one incident. `None`: each alert is one.
    pub group_by: Option<Vec<String>>,
    pub runbook: Option<String>,
}

/// What a rule makes of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    pub impact: u8,
    pub urgency: u8,
    pub priority: Priority,
    pub category: String,
    pub group_by: Option<Vec<String>>,
    pub runbook: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        let half_hour = Some(TimeDelta::minutes(30));
        Self {
            resolve_after: TimeDelta::minutes(2),
            reopen_window: TimeDelta::minutes(30),
            close_after: TimeDelta::days(3),
            ack_expiry: [half_hour, half_hour, None, None, None],
            undo_window: TimeDelta::seconds(30),
            heartbeat_grace: TimeDelta::minutes(5),
            flap_reopenings: 3,
            flap_window: TimeDelta::minutes(60),
            flap_peace: TimeDelta::minutes(30),
            matrix: [[1, 2, 3], [2, 3, 4], [3, 4, 5]],
            codes: CODES.map(str::to_owned).to_vec(),
            categories: Vec::new(),
            process: Process::default(),
            zone: Tz::UTC,
            rules: Vec::new(),
        }
    }
}

impl Policy {
    /// The matrix; impact and urgency outside 1–3 count as the nearest.
    pub fn priority(&self, impact: u8, urgency: u8) -> Priority {
        let at = |n: u8| usize::from(n.clamp(1, 3) - 1);
        let cell = self.matrix.get(at(impact)).and_then(|row| row.get(at(urgency)));
        Priority(cell.copied().unwrap_or(3).clamp(1, 5))
    }

    /// Whether closing may say this code; nothing may be said later.
    ///
    /// # Errors
    /// It is none of the plan's; names the nearest.
    pub fn known_code(&self, code: &str) -> Result<(), String> {
        known("code", "codes", code, &self.codes)
    }

    /// Whether incidents may be about this.
    ///
    /// # Errors
    /// It is none of the plan's categories; names the nearest.
    pub fn known_category(&self, category: &str) -> Result<(), String> {
        known("category", "categories", category, &self.categories)
    }

    /// How long an acknowledgement of that priority lasts.
    pub fn ack_expiry(&self, priority: Priority) -> Option<TimeDelta> {
        self.ack_expiry.get(usize::from(priority.0.clamp(1, 5) - 1)).copied().flatten()
    }

    /// Impact, urgency and group of an alert with these labels on a service of that tier.
    ///
    /// Without a rule: `severity` critical, page, emergency or high → urgency 1, warning or
    /// medium → 2, everything else → 3; tier 1 → impact 1, tier 2 → 2, others and Unassigned → 3.
    pub fn classify(&self, labels: &Labels, tier: Option<u8>) -> Classification {
        let rule = self.rules.iter().find(|r| r.matchers.matches(labels));
        let severity = labels.get("severity").map(|s| s.to_ascii_lowercase());
        let by_severity = match severity.as_deref() {
            Some("critical" | "page" | "emergency" | "high" | "error") => 1,
            Some("warning" | "medium" | "warn") => 2,
            _ => 3,
        };
        let by_tier = tier.unwrap_or(3).clamp(1, 3);
        let urgency = rule.and_then(|r| r.urgency).unwrap_or(by_severity).clamp(1, 3);
        let impact = rule.and_then(|r| r.impact).unwrap_or(by_tier).clamp(1, 3);
        Classification {
            impact,
            urgency,
            priority: self.priority(impact, urgency),
            category: rule.and_then(|r| r.category.clone()).unwrap_or_default(),
            group_by: rule.and_then(|r| r.group_by.clone()),
            runbook: rule.and_then(|r| r.runbook.clone()),
        }
    }
}

fn known(what: &str, of: &str, word: &str, words: &[String]) -> Result<(), String> {
    if word.is_empty() || words.is_empty() || words.iter().any(|w| w == word) {
        return Ok(());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let remedy = match nearest(word, &words) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("{of}: {}", words.join(", ")),
    };
    Err(format!("there is no {what} {word:?}; {remedy}"))
}
