//! Drafts as TOML.

use std::fmt::Write;

use super::Draft;
use crate::domain::text::{MAX_LINE, clean};

/// The drafts of a file, each with what is to be looked at above it.
pub fn toml(file: &str, drafts: &[Draft], source: &str) -> String {
    let mut out = String::new();
    for draft in drafts {
        let _ = writeln!(out, "# From {}.", clean(file, 300));
        for note in &draft.notes {
            let _ = writeln!(out, "# {}", clean(note, MAX_LINE));
        }
        let off = if draft.is_off { "#" } else { "" };
        let _ = writeln!(out, "{off}[[slos]]");
        let mut key = |key: &str, value: &str| {
            let _ = writeln!(out, "{off}{key} = {value}");
        };
        key("id", &quoted(&draft.id));
        if draft.name != draft.id && !draft.name.is_empty() {
            key("name", &quoted(&draft.name));
        }
        key("service", &quoted(&draft.service));
        match draft.target {
            Some(target) => key("target", &quoted(&target.to_string().replace(' ', ""))),
            None => key(if draft.is_off { "target" } else { "#target" }, "\"99.9%\""),
        }
        key("window", &draft.window);
        key("method", &quoted(draft.method));
        key("source", &quoted(source));
        for (name, value) in &draft.keys {
            key(name, value);
        }
        out.push('\n');
    }
    out
}

/// A text in quotes, with its escapes.
pub fn quoted(text: &str) -> String {
    toml::Value::String(clean(text, 16_384)).to_string()
}
