//! The answers to a command as a person reads them: one line for the toast, and the list behind it.

use std::collections::BTreeMap;

use crate::domain::incident::IncidentId;
use crate::domain::incident::lifecycle::{Action, Command, Outcome, Verdict};

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// For the toast: the outcome first.
    pub text: String,
    pub tone: Tone,
    /// What `u` would take back.
    pub undoable: Vec<IncidentId>,
    /// What was not done only because nobody said that it should be done all the same.
    pub unsure: Vec<IncidentId>,
}

/// How an outcome is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    /// Nothing changed, and nothing is wrong.
    Neutral,
    /// Something was not done.
    Bad,
}

/// The past participle of a command: "acknowledged".
pub fn done_word(command: &Command) -> &'static str {
    match command {
        Command::Report(_) => "reported",
        Command::Undo { .. } => "taken back",
        Command::Act { action, .. } => match action {
            Action::Acknowledge => "acknowledged",
            Action::Unacknowledge => "given back",
            Action::Assign { .. } => "assigned",
            Action::Note { .. } => "noted",
            Action::Resolve { .. } => "resolved",
            Action::Close { .. } => "closed",
            Action::Cancel { .. } => "cancelled",
            Action::Reopen { .. } => "reopened",
        },
    }
}

/// One line for all answers.
pub fn summarise(command: &Command, outcomes: &[Outcome]) -> Summary {
    let done: Vec<IncidentId> = ids(outcomes, Verdict::is_done);
    let unsure = ids(outcomes, |verdict| matches!(verdict, Verdict::Confirm { .. }));
    let failed =
        |verdict: &Verdict| matches!(verdict, Verdict::Refused { .. } | Verdict::Conflict { .. });
    let tone = if outcomes.iter().any(|o| failed(&o.verdict)) {
        Tone::Bad
    } else if done.is_empty() {
        Tone::Neutral
    } else {
        Tone::Good
    };
    let text = match outcomes {
        [] => "nothing was asked".to_owned(),
        [one] => one.verdict.to_string(),
        many => count(done_word(command), many),
    };
    let undoable = if can_be_undone(command) { done } else { Vec::new() };
    Summary { text, tone, undoable, unsure }
}

/// A note stays in the history, and what was taken back is done with.
fn can_be_undone(command: &Command) -> bool {
    match command {
        Command::Undo { .. } => false,
        Command::Act { action, .. } => !matches!(action, Action::Note { .. }),
        Command::Report(_) => true,
    }
}

fn ids(outcomes: &[Outcome], which: impl Fn(&Verdict) -> bool) -> Vec<IncidentId> {
    outcomes.iter().filter(|o| which(&o.verdict)).filter_map(|o| o.id).collect()
}

/// `18 acknowledged, 2 refused: INC-7 was resolved by luis …`.
fn count(word: &str, outcomes: &[Outcome]) -> String {
    let mut done = 0_usize;
    let mut already = 0_usize;
    let mut not: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for outcome in outcomes {
        let (kind, why) = match &outcome.verdict {
            Verdict::Done { .. } => {
                done += 1;
                continue;
            }
            Verdict::Already { .. } => {
                already += 1;
                continue;
            }
            Verdict::Refused { why } => ("refused", why),
            Verdict::Conflict { why } => ("in conflict", why),
            Verdict::Confirm { why } => ("to be confirmed", why),
        };
        not.entry(kind).or_insert((0, why)).0 += 1;
    }
    let mut parts = Vec::new();
    if done > 0 || (already == 0 && not.is_empty()) {
        parts.push(format!("{done} {word}"));
    }
    if already > 0 {
        parts.push(format!("{already} already so"));
    }
    let reasons = not.into_iter().map(|(kind, (n, why))| {
        if n == 1 { format!("{n} {kind}: {why}") } else { format!("{n} {kind}: {why}, …") }
    });
    parts.extend(reasons);
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::lifecycle::Target;
    use rstest::rstest;

    fn acknowledge() -> Command {
        let target = Target { id: IncidentId(1), seen: 1 };
        Command::Act { targets: vec![target], action: Action::Acknowledge }
    }

    fn done(id: u64) -> Outcome {
        let said = format!("INC-{id} acknowledged");
        Outcome { id: Some(IncidentId(id)), verdict: Verdict::Done { said, also: Vec::new() } }
    }

    fn not(id: u64, verdict: fn(String) -> Verdict, why: &str) -> Outcome {
        Outcome { id: Some(IncidentId(id)), verdict: verdict(why.to_owned()) }
    }

    fn refused(why: String) -> Verdict {
        Verdict::Refused { why }
    }

    fn already(why: String) -> Verdict {
        Verdict::Already { why }
    }

    fn confirm(why: String) -> Verdict {
        Verdict::Confirm { why }
    }

    #[rstest]
    #[case(vec![done(1)], "INC-1 acknowledged", Tone::Good)]
    #[case(vec![not(1, already, "INC-1 is already yours")], "INC-1 is already yours", Tone::Neutral)]
    #[case(vec![done(1), done(2)], "2 acknowledged", Tone::Good)]
    #[case(
        vec![done(1), not(2, already, "…"), not(3, refused, "INC-3 was resolved by luis"), not(4, refused, "INC-4 was closed")],
        "1 acknowledged, 1 already so, 2 refused: INC-3 was resolved by luis, …",
        Tone::Bad
    )]
    #[case(vec![not(1, refused, "the store is full"), not(2, refused, "x")], "2 refused: the store is full, …", Tone::Bad)]
    fn the_outcome_comes_first_and_the_reason_after_it(
        #[case] outcomes: Vec<Outcome>,
        #[case] text: &str,
        #[case] tone: Tone,
    ) {
        let summary = summarise(&acknowledge(), &outcomes);
        assert_eq!((summary.text.as_str(), summary.tone), (text, tone));
    }

    #[test]
    fn only_what_was_done_can_be_undone_and_only_what_asks_is_asked_again() {
        let outcomes = [done(1), not(2, refused, "no"), not(3, confirm, "sure?")];
        let summary = summarise(&acknowledge(), &outcomes);
        assert_eq!(summary.undoable, [IncidentId(1)]);
        assert_eq!(summary.unsure, [IncidentId(3)]);
    }

    #[test]
    fn a_note_cannot_be_undone() {
        let command = Command::Act { targets: vec![], action: Action::Note { text: "x".into() } };
        assert_eq!(summarise(&command, &[done(1)]).undoable, []);
    }
}
