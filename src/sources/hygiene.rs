//! Labels and annotations from outside, bounded and made harmless.

use std::collections::BTreeMap;

use crate::domain::matcher::Labels;
use crate::domain::text;

/// How many labels of one alert are kept.
const MAX_LABELS: usize = 64;

/// Cleaned labels; those past the 64th are left out.
pub fn labels(raw: BTreeMap<String, String>) -> Labels {
    clean(raw, |v| text::clean(v, text::MAX_LINE))
}

/// Cleaned annotations, line breaks kept.
pub fn annotations(raw: BTreeMap<String, String>) -> Labels {
    clean(raw, |v| text::clean_text(v, text::MAX_TEXT))
}

fn clean(raw: BTreeMap<String, String>, value: impl Fn(&str) -> String) -> Labels {
    raw.into_iter()
        .take(MAX_LABELS)
        .map(|(k, v)| {
            // Nearly all text is harmless already; only the rest is written anew.
            let k = if is_plain(&k, 200) { k } else { text::clean(&k, 200) };
            let v = if is_plain(&v, text::MAX_LINE) { v } else { value(&v) };
            (k, v)
        })
        .collect()
}

/// Printable ASCII of bounded length, without blanks at the ends.
fn is_plain(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= max
        && bytes.iter().all(|b| (b' '..=b'~').contains(b))
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
}

/// A stable identity of a label set: 64-bit FNV-1a over the sorted pairs, as hexadecimal digits.
pub fn fingerprint(labels: &Labels) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, value) in labels {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    format!("{hash:016x}")
}

/// An address that may be opened: `http` or `https` only.
pub fn link(raw: &str) -> Option<String> {
    let url = url::Url::parse(raw).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
    Some(url.to_string()).filter(|u| u.len() <= 4_096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_labels_are_cleaned_and_their_number_is_bounded() {
        let mut raw: BTreeMap<String, String> =
            (0..100).map(|n| (format!("l{n:03}"), "v".to_owned())).collect();
        raw.insert("a".to_owned(), "x\u{1b}[31my\u{202e}".to_owned());
        let labels = labels(raw);
        assert_eq!(labels.len(), MAX_LABELS);
        assert_eq!(labels.get("a").map(String::as_str), Some("xy"));
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(link("http://h/graph?g0.expr=up").is_some());
        assert_eq!(link("javascript:alert(1)"), None);
        assert_eq!(link("file:///etc/passwd"), None);
    }

    #[test]
    fn the_fingerprint_depends_on_names_and_values_and_nothing_else() {
        let of = |pairs: &[(&str, &str)]| {
            fingerprint(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1")]), of(&[("a", "2")]));
        assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));
    }
}
