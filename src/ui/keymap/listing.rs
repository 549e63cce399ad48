//! The table of actions for reading: `atalaya keys` and the README.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Entry, Group, Keymap, TABLE, show};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// One aligned line per action, by group.
pub fn as_text(map: &Keymap) -> String {
    let mut out = String::new();
    let rows: Vec<_> = TABLE.iter().map(|e| (e, keys(map, e))).collect();
    let width = rows.iter().map(|(_, k)| k.chars().count()).max().unwrap_or(0);
    let names = rows.iter().map(|(e, _)| e.name.len()).max().unwrap_or(0);
    for group in Group::ALL {
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}", group.title());
        for (entry, keys) in rows.iter().filter(|(e, _)| e.group == group) {
            let _ = writeln!(out, "  {keys:width$}  {:names$}  {}", entry.name, entry.help);
        }
    }
    out
}

/// A table for the README.
pub fn as_markdown(map: &Keymap) -> String {
    let mut out =
        String::from("| key | action | where | what it does |\n| --- | --- | --- | --- |\n");
    for group in Group::ALL {
        for entry in TABLE.iter().filter(|e| e.group == group) {
            let keys: Vec<_> = map
                .keys(entry.action)
                .iter()
                .map(|k| format!("`{}`", show(k).replace('|', "\\|")))
                .collect();
            let (keys, places) = (keys.join(" "), places(entry));
            let _ = writeln!(out, "| {keys} | {} | {places} | {} |", entry.name, entry.help);
        }
    }
    out
}

/// `{version, actions: [{name, keys, contexts, group, writes, dangerous, help}]}`.
pub fn as_json(map: &Keymap) -> Value {
    let actions: Vec<Value> = TABLE
        .iter()
        .map(|e| {
            json!({
                "name": e.name,
                "keys": map.keys(e.action).iter().map(|k| show(k)).collect::<Vec<_>>(),
                "contexts": e.within.iter().map(|c| c.word()).collect::<Vec<_>>(),
                "group": e.group.title().to_lowercase(),
                "writes": e.writes,
                "dangerous": e.dangerous,
                "help": e.help,
            })
        })
        .collect();
    json!({ "version": VERSION, "actions": actions })
}

fn keys(map: &Keymap, entry: &Entry) -> String {
    map.keys(entry.action).iter().map(|k| show(k)).collect::<Vec<_>>().join(", ")
}

fn places(entry: &Entry) -> String {
    entry.within.iter().map(|c| c.word()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_stands_in_every_listing() {
        let map = Keymap::default();
        let (text, markdown, json) = (as_text(&map), as_markdown(&map), as_json(&map).to_string());
        for entry in TABLE {
            assert!(text.contains(entry.help) && markdown.contains(entry.help), "{}", entry.name);
            assert!(json.contains(&format!("{:?}", entry.name)));
        }
    }

    #[test]
    fn listings_show_the_keys_that_are_in_force() {
        let changes = [("acknowledge".to_owned(), vec!["K".to_owned()])].into();
        let (map, _) = Keymap::with(&changes);
        assert!(as_markdown(&map).contains("| `K` | acknowledge |"));
        assert!(as_json(&map).to_string().contains(r#""keys":["K"]"#));
    }
}
