//! RFC 5545's content lines: unfolding and folding, names, parameters, escaped text.

use std::borrow::Cow;

/// Longest line kept, in bytes; what is beyond is dropped. A list of 15,000 dates has less.
const MAX_LINE: usize = 256 * 1024;
/// Longest line written, in bytes without its end.
const FOLD: usize = 75;

/// A line, unfolded.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// From 1: where it begins in the text.
    pub number: usize,
    pub text: Cow<'a, str>,
    /// Whether its end was dropped.
    pub is_cut: bool,
}

/// The lines of a text that are not empty, unfolded; they end with CRLF or LF.
pub(super) fn unfold(text: &str) -> impl Iterator<Item = Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let ends = |line: &'_ str| line.strip_suffix('\r').unwrap_or(line).len();
    let physical = text.split('\n').map(move |line| line.get(..ends(line)).unwrap_or(line));
    let mut physical = physical.zip(1..).peekable();
    std::iter::from_fn(move || {
        let (first, number) = physical.find(|(line, _)| !line.trim().is_empty())?;
        let mut text = Cow::Borrowed(first);
        while let Some((more, _)) = physical.next_if(|(line, _)| line.starts_with([' ', '\t'])) {
            if text.len() <= MAX_LINE {
                text.to_mut().push_str(more.get(1..).unwrap_or_default());
            }
        }
        let is_cut = text.len() > MAX_LINE;
        if is_cut {
            let end = text.floor_char_boundary(MAX_LINE);
            text = Cow::Owned(text.get(..end).unwrap_or_default().to_owned());
        }
        Some(Line { number, text, is_cut })
    })
}

/// A content line in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Property<'a> {
    /// In capitals.
    pub name: String,
    /// Names in capitals; values without quotes, several of one name joined by `,`.
    params: Vec<(String, String)>,
    pub value: &'a str,
}

impl Property<'_> {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn is(&self, name: &str, value: &str) -> bool {
        self.param(name).is_some_and(|v| v.eq_ignore_ascii_case(value))
    }
}

impl Line<'_> {
    /// The name that it begins with, in capitals; `None` where it is no content line.
    pub fn name(&self) -> Option<String> {
        let (name, _) = self.text.split_once([':', ';'])?;
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_name.then(|| name.to_ascii_uppercase())
    }

    /// `None` where it is no content line.
    pub fn property(&self) -> Option<Property<'_>> {
        let name = self.name()?;
        let mut rest = self.text.get(name.len()..)?;
        let mut params = Vec::new();
        while let Some(param) = rest.strip_prefix(';') {
            let (name, values) = param.split_once('=')?;
            let (value, end) = values_end(values)?;
            params.push((name.trim().to_ascii_uppercase(), value));
            rest = values.get(end..)?;
        }
        Some(Property { name, params, value: rest.strip_prefix(':')? })
    }
}

/// The values of a parameter and where the next thing begins. Quotes protect `;`, `:` and `,`.
fn values_end(text: &str) -> Option<(String, usize)> {
    let mut is_quoted = false;
    let end = text.find(|c| {
        is_quoted ^= c == '"';
        !is_quoted && matches!(c, ';' | ':')
    })?;
    Some((decode(&text.get(..end)?.replace('"', "")), end))
}

/// RFC 6868: `^n`, `^'` and `^^` in parameters.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = match (c, chars.peek()) {
            ('^', Some('n')) => Some('\n'),
            ('^', Some('\'')) => Some('"'),
            ('^', Some('^')) => Some('^'),
            _ => None,
        };
        if meant.is_some() {
            chars.next();
        }
        out.push(meant.unwrap_or(c));
    }
    out
}

/// A parameter's value as it is written: quoted, and as RFC 6868 says.
pub(super) fn parameter(value: &str) -> String {
    let encoded = value.replace('^', "^^").replace('"', "^'").replace('\n', "^n");
    format!("\"{}\"", encoded.replace(char::is_control, ""))
}

/// What an escaped text means.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(escaped) => out.push(escaped),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// A list of escaped texts: commas that are not escaped separate.
pub(super) fn unescape_list(text: &str) -> Vec<String> {
    let mut is_escaped = false;
    let parts = text.split(|c| {
        let separates = c == ',' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        separates
    });
    parts.map(unescape).collect()
}

/// A text as it is written: escaped, without control characters.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' | ';' | ',' => out.extend(['\\', c]),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Adds a line to a text, folded between characters, ended by CRLF.
pub(super) fn push(out: &mut String, line: &str) {
    let (mut rest, mut room) = (line, FOLD);
    while rest.len() > room {
        let (head, tail) = rest.split_at(rest.floor_char_boundary(room));
        out.push_str(head);
        out.push_str("\r\n ");
        // The blank counts.
        (rest, room) = (tail, FOLD - 1);
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Line<'_> {
        Line { number: 1, text: text.into(), is_cut: false }
    }

    #[test]
    fn folded_lines_are_one_and_keep_the_number_of_the_first() {
        let text = "\u{feff}A:1\r\n\r\nB:2\n  two\n\tthree\nC:3";
        let lines: Vec<_> = unfold(text).map(|l| (l.number, l.text.into_owned())).collect();
        let expect = [(1, "A:1"), (3, "B:2 twothree"), (6, "C:3")];
        assert_eq!(lines, expect.map(|(n, t)| (n, t.to_owned())));
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let long = format!("A:{}\r\n{}", "x".repeat(MAX_LINE), " y\r\n".repeat(100));
        let lines: Vec<_> = unfold(&long).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].is_cut && lines[0].text.len() == MAX_LINE);
    }

    #[test]
    fn parameters_may_be_quoted_and_encoded() {
        let line = line("attendee;CN=\"Day; Night: ^'A^'\";ROLE=X,\"Y\":mailto:a@b.c");
        let property = line.property().unwrap();
        assert_eq!(property.name, "ATTENDEE");
        assert_eq!(property.param("CN"), Some("Day; Night: \"A\""));
        assert!(property.is("ROLE", "x,y"));
        assert_eq!(property.value, "mailto:a@b.c");
    }

    #[test]
    fn what_is_no_content_line_is_none() {
        for text in ["", "plain", ":x", "A B:x", "A;CN:x", "A;CN=\"x:y", "É:x"] {
            assert_eq!(line(text).property(), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape("a\\, b\\nc\\\\n\\;\\x\\"), "a, b\nc\\n;x");
        assert_eq!(unescape_list("a\\,b,c\\\\,d"), ["a,b", "c\\", "d"]);
    }

    proptest! {
        #[test]
        fn what_is_folded_unfolds_to_itself(text in "A:\\PC{0,200}[é😀]{0,90}") {
            let mut out = String::new();
            push(&mut out, &text);
            prop_assert!(out.split("\r\n").all(|line| line.len() <= FOLD));
            let lines: Vec<_> = unfold(&out).map(|l| l.text.into_owned()).collect();
            prop_assert_eq!(lines, [text]);
        }

        #[test]
        fn what_is_escaped_unescapes_to_itself(text in "[\\PC\n\\\\,;]{0,60}") {
            prop_assert_eq!(unescape(&escape(&text)), text.clone());
            prop_assert_eq!(unescape_list(&escape(&text)), [text]);
        }

        #[test]
        fn a_parameter_is_read_as_it_was_written(text in "[\\PC^\"n:;,]{0,40}") {
            let written = format!("A;CN={}:x", parameter(&text));
            let line = line(&written);
            let property = line.property().unwrap();
            prop_assert_eq!(property.param("CN"), Some(text.as_str()));
        }
    }
}
