//! From keys to actions: the table of actions with the user's own keys put over it.

mod key;
mod listing;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use crate::ui::terminal::{Key, KeyCode, Mods};

pub use key::{sequence, short, show};
pub use listing::{as_json, as_markdown, as_text};
pub use table::{Action, Context, Entry, Group, Issuable, Situation, TABLE};

/// Which keys do what.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    /// Sequences of each action, in the order of the table; the first one is shown.
    keys: Vec<Vec<Vec<Key>>>,
}

/// Something in `[ui.keys]` that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The action as it was written.
    pub action: String,
    pub why: String,
}

/// What a key means after those that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Action(Action),
    /// The key belongs to this action, which has nothing to act on now.
    NotNow(Action),
    /// More keys must follow: each with what it would do.
    Prefix(Vec<(Key, Action)>),
    Nothing,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: TABLE.iter().map(default_keys).collect() }
    }
}

fn default_keys(entry: &Entry) -> Vec<Vec<Key>> {
    entry.keys.iter().filter_map(|text| sequence(text).ok()).collect()
}

impl Keymap {
    /// The table with the user's own keys: an action's entry replaces all its default keys; an empty
    /// text takes them away. A problem is reported and leaves the default in place; so does a key
    /// that would mean two things in one place.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> (Self, Vec<KeyProblem>) {
        let mut map = Self::default();
        let mut problems = Vec::new();
        for (name, texts) in changes {
            if let Err(why) = map.change(name, texts) {
                problems.push(KeyProblem { action: name.clone(), why });
            }
        }
        for (name, why) in map.clashes() {
            let Some(index) = TABLE.iter().position(|e| e.name == name) else { continue };
            if let (Some(keys), Some(entry)) = (map.keys.get_mut(index), TABLE.get(index)) {
                *keys = default_keys(entry);
            }
            problems.push(KeyProblem { action: name.to_owned(), why });
        }
        (map, problems)
    }

    fn change(&mut self, name: &str, texts: &[String]) -> Result<(), String> {
        let Some(index) = TABLE.iter().position(|e| e.name == name) else {
            let near = TABLE
                .iter()
                .map(|e| (strsim::damerau_levenshtein(e.name, name), e.name))
                .min()
                .map_or("", |(_, near)| near);
            return Err(format!(
                "there is no action {name:?}; did you mean {near:?}? `atalaya keys` lists them"
            ));
        };
        let mut keys = Vec::new();
        for text in texts.iter().filter(|t| !t.is_empty()) {
            let keys_of_text = sequence(text)?;
            if keys_of_text.iter().any(|k| is_taken(*k)) {
                return Err(
                    "ctrl-a and ctrl-b belong to screen and tmux; choose another key".to_owned()
                );
            }
            if name == "quit" && keys_of_text == [Key::plain(KeyCode::Esc)] {
                return Err("esc never quits; choose another key".to_owned());
            }
            keys.push(keys_of_text);
        }
        if let Some(slot) = self.keys.get_mut(index) {
            *slot = keys;
        }
        Ok(())
    }

    /// Actions whose keys mean something else in the same place: the one that was changed from its
    /// default is named, with the other.
    pub fn clashes(&self) -> Vec<(&'static str, String)> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for stack in Context::STACKS {
            let bound: Vec<_> = self.bound(stack).collect();
            for (i, (a, first)) in bound.iter().enumerate() {
                for (b, second) in bound.iter().skip(i + 1) {
                    let overlap = first.starts_with(second) || second.starts_with(first);
                    if a.action == b.action || !overlap {
                        continue;
                    }
                    let (blamed, other) = if self.is_default(b) { (a, b) } else { (b, a) };
                    let key = show(if first.len() < second.len() { second } else { first });
                    let why = format!("{key:?} is already the key of {:?}", other.name);
                    if !found.iter().any(|(name, _)| *name == blamed.name) {
                        found.push((blamed.name, why));
                    }
                }
            }
        }
        found
    }

    fn is_default(&self, entry: &Entry) -> bool {
        self.keys(entry.action) == default_keys(entry)
    }

    fn bound<'a>(
        &'a self,
        stack: &'a [Context],
    ) -> impl Iterator<Item = (&'static Entry, &'a [Key])> {
        TABLE
            .iter()
            .filter(|e| e.within.iter().any(|c| stack.contains(c)))
            .flat_map(|e| self.keys(e.action).iter().map(move |keys| (e, keys.as_slice())))
    }

    /// The key sequences of an action, the first is the one to show.
    pub fn keys(&self, action: Action) -> &[Vec<Key>] {
        self.keys.get(action as usize).map_or(&[], Vec::as_slice)
    }

    /// The key to show for an action; `None` if it has none.
    pub fn shown(&self, action: Action, ascii: bool) -> Option<String> {
        let keys = self.keys(action).first()?;
        Some(keys.iter().map(|k| short(*k, ascii)).collect::<Vec<_>>().join(if keys.len() > 1 {
            " "
        } else {
            ""
        }))
    }

    /// What the keys pressed so far mean where `stack` holds.
    pub fn find(&self, stack: &[Context], pressed: &[Key], situation: &Situation) -> Found {
        let mut follow = Vec::new();
        for (entry, keys) in self.bound(stack) {
            if keys == pressed {
                let now = (entry.when)(situation);
                return if now { Found::Action(entry.action) } else { Found::NotNow(entry.action) };
            }
            if let Some([next, ..]) = keys.strip_prefix(pressed) {
                follow.push((*next, entry.action));
            }
        }
        if follow.is_empty() { Found::Nothing } else { Found::Prefix(follow) }
    }

    /// The actions that are valid now, the most useful first: the footer.
    pub fn hints(&self, stack: &[Context], situation: &Situation) -> Vec<&'static Entry> {
        let mut hints: Vec<_> = TABLE
            .iter()
            .filter(|e| e.weight > 0 && e.within.iter().any(|c| stack.contains(c)))
            .filter(|e| (e.when)(situation) && !(e.writes && situation.read_only))
            .filter(|e| !self.keys(e.action).is_empty())
            .collect();
        hints.sort_by_key(|e| std::cmp::Reverse(e.weight_in(situation)));
        hints
    }
}

/// The prefix keys of tmux and screen.
fn is_taken(key: Key) -> bool {
    key == Key::new(KeyCode::Char('a'), Mods::CTRL)
        || key == Key::new(KeyCode::Char('b'), Mods::CTRL)
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[ui.keys] {}: {}", self.action, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Status;
    use rstest::rstest;
    use std::collections::{BTreeSet, HashMap};

    fn changed(name: &str, key: &str) -> (Keymap, Vec<KeyProblem>) {
        Keymap::with(&BTreeMap::from([(name.to_owned(), vec![key.to_owned()])]))
    }

    #[test]
    fn every_default_key_can_be_read() {
        for entry in TABLE {
            for text in entry.keys {
                assert!(sequence(text).is_ok(), "{}: {text}", entry.name);
            }
        }
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        assert_eq!(Keymap::default().clashes(), []);
    }

    #[test]
    fn a_letter_means_the_same_in_every_pane() {
        let map = Keymap::default();
        let mut meaning: HashMap<Vec<Key>, Action> = HashMap::new();
        for entry in TABLE.iter().filter(|e| e.within != [Context::Confirm]) {
            for keys in map.keys(entry.action) {
                let before = meaning.insert(keys.clone(), entry.action);
                assert!(before.is_none_or(|a| a == entry.action), "{} {before:?}", show(keys));
            }
        }
    }

    #[test]
    fn nothing_is_on_the_prefix_keys_of_tmux_and_screen() {
        let map = Keymap::default();
        for entry in TABLE {
            for keys in map.keys(entry.action) {
                assert!(!keys.iter().any(|k| is_taken(*k)));
            }
        }
    }

    #[test]
    fn names_are_unique_and_stand_at_their_own_row() {
        let names: BTreeSet<_> = TABLE.iter().map(|e| e.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for entry in TABLE {
            assert_eq!(entry.action.entry().name, entry.name);
            assert!(!entry.help.is_empty() && !entry.within.is_empty());
        }
    }

    #[test]
    fn every_action_is_reached_by_its_key_somewhere() {
        let map = Keymap::default();
        let everything = Situation {
            row: true,
            incident: Some(crate::domain::incident::IncidentState::Acknowledged),
            undoable: true,
            link: true,
            clocks: true,
            chart: true,
            shift: true,
            leavable: true,
            turn: true,
            acceptable: true,
            ..Situation::default()
        };
        let resolved = Situation {
            incident: Some(crate::domain::incident::IncidentState::Resolved),
            ..everything.clone()
        };
        let unsigned = Situation { acceptable: false, ..everything.clone() };
        let planned = [Status::Planned, Status::Approved, Status::InProgress]
            .map(|status| Situation { occurrence: Some(status), ..everything.clone() });
        for entry in TABLE.iter().filter(|e| !e.keys.is_empty()) {
            for keys in map.keys(entry.action) {
                let reached = Context::STACKS.iter().any(|stack| {
                    [&everything, &resolved, &unsigned]
                        .into_iter()
                        .chain(&planned)
                        .any(|s| map.find(stack, keys, s) == Found::Action(entry.action))
                });
                assert!(reached, "{} by {}", entry.name, show(keys));
            }
        }
    }

    #[test]
    fn escape_is_bound_to_back_and_nothing_else() {
        let map = Keymap::default();
        for stack in Context::STACKS {
            for (entry, keys) in map.bound(stack) {
                assert!(!keys.contains(&Key::plain(KeyCode::Esc)) || entry.action == Action::Back);
            }
        }
    }

    #[test]
    fn the_first_key_of_a_sequence_shows_what_may_follow() {
        let map = Keymap::default();
        let found = map.find(Context::STACKS[0], &[Key::char('g')], &Situation::default());
        let Found::Prefix(follow) = found else { panic!("{found:?}") };
        assert!(follow.contains(&(Key::char('g'), Action::Top)));
        assert!(follow.contains(&(Key::char('h'), Action::GoHealth)));
    }

    #[test]
    fn a_key_with_nothing_to_act_on_says_whose_key_it_is() {
        let map = Keymap::default();
        let stack = Context::STACKS[2];
        let found = map.find(stack, &[Key::char('a')], &Situation::default());
        assert_eq!(found, Found::NotNow(Action::Acknowledge));
    }

    #[test]
    fn an_own_key_replaces_the_default() {
        let (map, problems) = changed("acknowledge", "K");
        assert_eq!(problems, []);
        let now = Situation {
            incident: Some(crate::domain::incident::IncidentState::New),
            ..Situation::default()
        };
        let stack = Context::STACKS[2];
        assert_eq!(map.find(stack, &[Key::char('K')], &now), Found::Action(Action::Acknowledge));
        assert_eq!(map.find(stack, &[Key::char('a')], &now), Found::Nothing);
    }

    #[rstest]
    #[case("acknowledge", "n", "already the key of \"note\"")]
    #[case("acknowledge", "g", "already the key of")]
    #[case("aknowledge", "a", "did you mean \"acknowledge\"")]
    #[case("acknowledge", "ctrl-b", "tmux")]
    #[case("quit", "esc", "esc never quits")]
    #[case("quit", "nokey", "is not a key")]
    fn a_key_that_cannot_be_is_reported_and_the_default_stays(
        #[case] name: &str,
        #[case] key: &str,
        #[case] why: &str,
    ) {
        let (map, problems) = changed(name, key);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].to_string().contains(why), "{}", problems[0]);
        assert_eq!(map, Keymap::default());
    }

    #[test]
    fn read_only_hides_what_writes() {
        let now = Situation {
            incident: Some(crate::domain::incident::IncidentState::New),
            read_only: true,
            row: true,
            ..Situation::default()
        };
        let hints = Keymap::default().hints(Context::STACKS[2], &now);
        assert!(hints.iter().all(|e| !e.writes));
        assert!(hints.iter().any(|e| e.action == Action::Filter));
    }
}
