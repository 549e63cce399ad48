//! One value of a term: a word with `*` and `?`, or `none`, or `me`. Without case, without
//! allocation while matching.

use std::fmt;

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `none`: there is no value.
    Absent,
    /// `me`: whoever asks.
    Me,
    /// Lower case. `*` stands for any text, `?` for one character.
    Glob(String),
}

impl Pattern {
    /// A value as it was written; in quotes, `none` and `me` are ordinary words.
    pub(super) fn read(text: &str, quoted: bool) -> Self {
        match text {
            "none" if !quoted => Self::Absent,
            "me" if !quoted => Self::Me,
            _ => Self::Glob(lower(text)),
        }
    }

    /// Whether `value` is meant; `me` is who asks.
    pub fn matches(&self, value: Option<&str>, me: &str) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none_or(str::is_empty),
            (_, None) => false,
            (Self::Me, Some(value)) => value == me,
            (Self::Glob(glob), Some(value)) => glob_matches(glob, value),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("none"),
            Self::Me => f.write_str("me"),
            Self::Glob(text) if text == "none" || text == "me" => write!(f, "\"{text}\""),
            Self::Glob(text) => f.write_str(&quoted(text)),
        }
    }
}

/// Lower case, character by character, so that it agrees with how texts are compared.
pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The text as a query writes it: in quotes where it would be read differently without them.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_./*?@#+%~()[]{}|;&^$'-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Whether the lower-case `needle` occurs in `text`, whatever its case.
pub(super) fn contains(text: &str, needle: &str) -> bool {
    let Some(first) = needle.bytes().next() else { return true };
    if text.is_ascii() {
        let (text, needle) = (text.as_bytes(), needle.as_bytes());
        return text.windows(needle.len()).any(|w| {
            w.first().is_some_and(|b| b.to_ascii_lowercase() == first)
                && w.eq_ignore_ascii_case(needle)
        });
    }
    let mut rest = text.chars().flat_map(char::to_lowercase);
    loop {
        let mut here = rest.clone();
        if needle.chars().all(|c| here.next() == Some(c)) {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

/// Whether the lower-case `glob` covers the whole of `text`, whatever its case. Linear but for the
/// last `*`, to which it returns.
fn glob_matches(glob: &str, text: &str) -> bool {
    if glob.is_ascii() && text.is_ascii() {
        return ascii_glob_matches(glob.as_bytes(), text.as_bytes());
    }
    let mut pattern = glob.chars();
    let mut rest = text.chars().flat_map(char::to_lowercase);
    let mut star = None;
    loop {
        let before = rest.clone();
        match (pattern.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                rest = before;
                star = Some((pattern.clone(), rest.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(p), Some(t)) if p == t => {}
            _ => {
                let Some((after_star, mut taken)) = star.take() else { return false };
                if taken.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                rest = taken.clone();
                star = Some((after_star, taken));
            }
        }
    }
}

/// The same for ASCII, which nearly all names are.
fn ascii_glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    // Where the pattern goes on after the last star, and how far that star reaches.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match (glob.get(g), star) {
            (Some(b'*'), _) => {
                g += 1;
                star = Some((g, t));
            }
            (Some(p), _) if *p == b'?' || p.eq_ignore_ascii_case(byte) => {
                g += 1;
                t += 1;
            }
            (_, Some((after, reach))) => {
                g = after;
                t = reach + 1;
                star = Some((after, t));
            }
            (_, None) => return false,
        }
    }
    glob.get(g..).is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("pay*", "Payments", true)]
    #[case("pay*", "repay", false)]
    #[case("*pay", "repay", true)]
    #[case("*a*b*", "xxaxxbxx", true)]
    #[case("*a*b*", "xxbxxaxx", false)]
    #[case("db-?", "db-1", true)]
    #[case("db-?", "db-12", false)]
    #[case("*", "", true)]
    #[case("", "", true)]
    #[case("", "x", false)]
    #[case("año*", "AÑO nuevo", true)]
    #[case("checkout", "CHECKOUT", true)]
    fn globs_cover_the_whole_value_without_case(
        #[case] glob: &str,
        #[case] text: &str,
        #[case] expect: bool,
    ) {
        assert_eq!(Pattern::Glob(glob.to_owned()).matches(Some(text), "ana"), expect);
    }

    proptest! {
        #[test]
        fn the_quick_way_for_ascii_agrees_with_the_general_one(
            glob in "[ab*?]{0,6}",
            text in "[abAB]{0,8}",
        ) {
            // One character outside ASCII at both ends takes the general way.
            let general = glob_matches(&format!("ñ{glob}"), &format!("Ñ{text}"));
            prop_assert_eq!(glob_matches(&glob, &text), general);
        }
    }

    #[rstest]
    #[case("Disk Full", "disk f", true)]
    #[case("Disk Full", "", true)]
    #[case("Disk", "disk full", false)]
    #[case("ÑANDÚ lost", "ñandú", true)]
    #[case("straße", "ss", false)]
    fn text_is_found_anywhere_without_case(
        #[case] text: &str,
        #[case] needle: &str,
        #[case] expect: bool,
    ) {
        assert_eq!(contains(text, needle), expect);
    }
}
