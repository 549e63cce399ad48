//! Addresses and bodies with gaps, `{{id}}`, that are filled in when an action is done.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The names that a gap can have, beside `labels.NAME`.
pub const NAMES: [&str; 11] = [
    "id", "title", "service", "priority", "source", "by", "comment", "alert", "to", "email",
    "until",
];

/// A text with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Gap(String),
}

/// What stands in the gaps, by their names.
pub type Values = BTreeMap<String, String>;

impl Template {
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return Err("\"{{\" without \"}}\" behind it".to_owned());
            };
            let name = name.trim();
            if !NAMES.contains(&name) && name.strip_prefix("labels.").is_none_or(str::is_empty) {
                return Err(format!("nothing is called {name:?}"));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Gap(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The names of its gaps.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Gap(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// What stands before its first gap.
    pub fn head(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// With its gaps filled; one of which nothing is known is empty.
    pub fn fill(&self, values: &Values, escape: fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Gap(name) => values.get(name).map(|v| escape(v)).unwrap_or_default(),
        };
        self.0.iter().map(piece).collect()
    }
}

/// As part of an address: everything but letters, digits, `-`, `_` and `~`, and a dot that is not
/// alone.
pub fn percent(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.') {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// As part of a text in JSON, without the quotes around it.
pub fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
