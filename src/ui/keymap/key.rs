//! Key sequences as configuration files and help texts write them: `a`, `Space`, `Ctrl-d`, `g g`.

use crate::ui::terminal::{Key, KeyCode};

/// Keys that are pressed one after the other, separated by spaces: `g g`.
pub fn sequence(text: &str) -> Result<Vec<Key>, String> {
    let keys: Vec<Key> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err("a key is missing between the quotes".to_owned());
    }
    Ok(keys)
}

/// Keys as the configuration writes them: `g g`.
pub fn show(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// As short as a footer needs it: `↵`, `^d`, `Space`.
pub fn short(key: Key, ascii: bool) -> String {
    let name = match (key.code, ascii) {
        (KeyCode::Enter, false) => "↵".to_owned(),
        (KeyCode::Up, false) => "↑".to_owned(),
        (KeyCode::Down, false) => "↓".to_owned(),
        (KeyCode::Left, false) => "←".to_owned(),
        (KeyCode::Right, false) => "→".to_owned(),
        (KeyCode::PageUp, _) => "PgUp".to_owned(),
        (KeyCode::PageDown, _) => "PgDn".to_owned(),
        (KeyCode::BackTab, _) => "S-Tab".to_owned(),
        (code, _) => Key::plain(code).to_string(),
    };
    match (key.mods.ctrl, key.mods.alt) {
        (true, _) => format!("^{name}"),
        (false, true) => format!("M-{name}"),
        (false, false) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("g g", "g g", "g")]
    #[case("space", "Space", "Space")]
    #[case("ctrl-d", "Ctrl-d", "^d")]
    #[case("enter", "Enter", "↵")]
    #[case("pagedown", "PageDown", "PgDn")]
    fn sequences_are_read_and_shown(#[case] text: &str, #[case] long: &str, #[case] brief: &str) {
        let keys = sequence(text).unwrap();
        assert_eq!(show(&keys), long);
        assert_eq!(short(keys[0], false), brief);
    }

    #[rstest]
    #[case("")]
    #[case("g nokey")]
    fn what_is_no_sequence_is_refused(#[case] text: &str) {
        assert!(sequence(text).is_err());
    }

    proptest! {
        #[test]
        fn a_written_sequence_reads_back_as_itself(keys in prop::collection::vec("[!-~ñß€]", 1..4)) {
            let keys: Vec<Key> = keys.iter().map(|k| Key::char(k.chars().next().unwrap())).collect();
            prop_assert_eq!(sequence(&show(&keys)), Ok(keys));
        }
    }
}
