//! As much XML as WebDAV needs: elements by their local names, and the texts in them.

use std::borrow::Cow;

/// How deep elements nest at most.
const MAX_DEPTH: usize = 64;

/// What is seen on the way through.
pub enum Seen<'a> {
    /// The innermost element begins.
    Begin,
    /// A text right inside the innermost element.
    Text(Cow<'a, str>),
}

/// Goes through an XML text and tells what is there, with the local names of the elements around it,
/// the innermost last. `None` if this is no XML, or XML with a document type, which nobody needs who
/// means well; what was seen until then was seen.
pub fn walk<'a>(xml: &'a str, mut see: impl FnMut(&[&'a str], Seen<'a>)) -> Option<()> {
    let mut rest = xml.trim_start_matches('\u{feff}').trim_start();
    if !rest.starts_with('<') {
        return None;
    }
    let mut open: Vec<&str> = Vec::new();
    while let Some((text, tag)) = rest.split_once('<') {
        if !open.is_empty() && !text.is_empty() {
            see(&open, Seen::Text(decoded(text)));
        }
        if let Some(data) = tag.strip_prefix("![CDATA[") {
            let (data, after) = data.split_once("]]>")?;
            if !open.is_empty() {
                see(&open, Seen::Text(Cow::Borrowed(data)));
            }
            rest = after;
        } else if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
        } else if tag.starts_with('?') {
            rest = tag.split_once("?>")?.1;
        } else if tag.starts_with('!') {
            return None;
        } else {
            let end = end_of(tag)?;
            let (inside, after) = (tag.get(..end)?, tag.get(end + 1..)?);
            rest = after;
            if inside.starts_with('/') {
                open.pop();
                continue;
            }
            let name = inside.split(['/', ' ', '\t', '\r', '\n']).next()?;
            open.push(name.rsplit(':').next()?);
            if open.len() > MAX_DEPTH {
                return None;
            }
            see(&open, Seen::Begin);
            if inside.ends_with('/') {
                open.pop();
            }
        }
    }
    Some(())
}

/// A text as it stands in XML.
pub fn encoded(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Where a tag ends; in quotes it does not.
fn end_of(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.char_indices().find_map(|(at, c)| {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        None
    })
}

/// With what stands for characters replaced by them.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split('&');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = piece.split_once(';').and_then(|(code, rest)| {
            let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
            let c = match code {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                _ => match (code.strip_prefix("#x"), code.strip_prefix('#')) {
                    (Some(hex), _) => char::from_u32(number(hex, 16)?)?,
                    (None, Some(digits)) => char::from_u32(number(digits, 10)?)?,
                    (None, None) => return None,
                },
            };
            Some((c, rest))
        });
        if let Some((c, rest)) = known {
            out.push(c);
            out += rest;
        } else {
            out.push('&');
            out += piece;
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `a/b: text`, of all texts.
    fn texts(xml: &str) -> (Vec<String>, bool) {
        let mut out = Vec::new();
        let outcome = walk(xml, |path, seen| {
            if let Seen::Text(text) = seen {
                out.push(format!("{}: {text}", path.join("/")));
            }
        });
        (out, outcome.is_some())
    }

    #[test]
    fn names_are_local_and_texts_are_decoded() {
        let xml = "<?xml version='1.0'?><!-- a > b --><D:a x='>' xmlns:D='DAV:'>1<b/>&lt;2&#x41;\
                   <![CDATA[<3>]]><c y=\"/>\">&amp;amp;</c></D:a>";
        let expect = ["a: 1", "a: <2A", "a: <3>", "a/c: &amp;"].map(str::to_owned).to_vec();
        assert_eq!(texts(xml), (expect, true));
        assert!(!texts(&"<a>".repeat(100)).1);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[<>/!?\\[\\]&;#x\"' a-c:\\-é]{0,60}") {
            let _ = texts(&format!("<a>{text}"));
            let _ = texts(&text);
        }

        #[test]
        fn what_is_encoded_is_read_as_it_was(text in "[&<>;a-z\"']{1,30}") {
            let (read, _) = texts(&format!("<a>{}</a>", encoded(&text)));
            prop_assert_eq!(read, [format!("a: {text}")]);
        }
    }
}
