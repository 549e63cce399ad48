//! The escape sequences with text in them: clipboard, links, notifications, title. Pure.
//!
//! All text is cleaned here, whatever happened to it before: nothing that a server said can end a
//! sequence and begin another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::capabilities::{Capabilities, Multiplexer, NotifyBy};
use crate::domain::text::clean;

/// Most that is copied at once, in bytes: what xterm accepts in one sequence (100,000 characters of
/// base64), and with it everyone else.
pub const MAX_COPY: usize = 74_994;
const MAX_TITLE: usize = 200;
const MAX_NOTICE: usize = 300;
const MAX_URL: usize = 2_000;

/// OSC 52: puts `text` on the clipboard. `None` when it is longer than [`MAX_COPY`].
pub fn copy(text: &str, caps: &Capabilities) -> Option<String> {
    (text.len() <= MAX_COPY).then(|| {
        let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
        match caps.multiplexer {
            // tmux takes the plain one with `set-clipboard on`, the wrapped one with
            // `allow-passthrough`; which of them is set cannot be asked.
            Multiplexer::Tmux => format!("{plain}{}", wrapped(&plain, caps.multiplexer)),
            _ => wrapped(&plain, caps.multiplexer),
        }
    })
}

/// Calls the user: OSC 9, 777 or 99 where the terminal has one of them, else BEL. Inside a
/// multiplexer both: BEL for its own bell, OSC 9 for a terminal around it that may know it.
pub fn notify(title: &str, body: &str, caps: &Capabilities) -> String {
    // Semicolons separate fields; `9;4;…` would be a progress bar.
    let part = |text: &str| clean(text, MAX_NOTICE).replace(';', ",");
    let (title, body) = (part(title), part(body));
    let line = if body.is_empty() { title.clone() } else { format!("{title}: {body}") };
    match caps.notify {
        NotifyBy::Osc9 => format!("\x1b]9;{line}\x07"),
        NotifyBy::Osc777 => format!("\x1b]777;notify;{title};{body}\x07"),
        // One identifier joins the two halves; `d=1` shows it.
        NotifyBy::Osc99 => format!(
            "\x1b]99;i=atalaya:d=0:e=1;{}\x1b\\\x1b]99;i=atalaya:d=1:e=1:p=body;{}\x1b\\",
            STANDARD.encode(title),
            STANDARD.encode(body)
        ),
        NotifyBy::Bell if caps.multiplexer == Multiplexer::None => "\x07".to_owned(),
        NotifyBy::Bell => {
            format!("\x07{}", wrapped(&format!("\x1b]9;{line}\x07"), caps.multiplexer))
        }
    }
}

/// Sets the window's title.
pub fn title(text: &str) -> String {
    format!("\x1b]2;{}\x07", clean(text, MAX_TITLE))
}

/// Begins a link; the identifier lets the terminal join what belongs together. `None` for anything
/// but a reasonable http or https address.
pub fn link(url: &str) -> Option<String> {
    safe_url(url).map(|url| {
        let id = url.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("\x1b]8;id={id:x};{url}\x1b\\")
    })
}

/// Ends a link.
pub const LINK_END: &str = "\x1b]8;;\x1b\\";

/// An address that can be shown as a link or handed to a browser: http or https, no control
/// characters, not endless.
pub fn safe_url(url: &str) -> Option<String> {
    let parsed = Url::parse(&clean(url, MAX_URL + 1)).ok()?;
    let text = String::from(parsed);
    let web = text.starts_with("http://") || text.starts_with("https://");
    // `Url` percent-encodes what is not ASCII or not printable; this is the belt to the braces.
    (web && text.len() <= MAX_URL && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

/// A sequence in the envelope that a multiplexer passes through to the terminal around it.
fn wrapped(sequence: &str, multiplexer: Multiplexer) -> String {
    match multiplexer {
        Multiplexer::None => sequence.to_owned(),
        Multiplexer::Tmux => {
            format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
        }
        // screen forgets what is longer than 768 bytes, and joins what follows directly.
        Multiplexer::Screen => {
            let bytes: Vec<char> = sequence.chars().collect();
            let part = |chars: &[char]| format!("\x1bP{}\x1b\\", String::from_iter(chars));
            bytes.chunks(700).map(part).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn caps(multiplexer: Multiplexer, notify: NotifyBy) -> Capabilities {
        Capabilities { notify, multiplexer, ..Capabilities::detect(|_| None) }
    }

    #[test]
    fn a_copy_is_base64_and_wrapped_for_multiplexers() {
        let plain = "\x1b]52;c;aGk=\x07";
        let bell = |m| copy("hi", &caps(m, NotifyBy::Bell)).unwrap();
        assert_eq!(bell(Multiplexer::None), plain);
        let tmux = format!("{plain}\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        assert_eq!(bell(Multiplexer::Tmux), tmux);
        assert_eq!(bell(Multiplexer::Screen), format!("\x1bP{plain}\x1b\\"));
    }

    #[test]
    fn a_long_copy_is_cut_in_pieces_for_screen_and_refused_beyond_the_bound() {
        let caps = caps(Multiplexer::Screen, NotifyBy::Bell);
        let sent = copy(&"x".repeat(3_000), &caps).unwrap();
        assert!(sent.split("\x1b\\").all(|piece| piece.len() <= 768));
        assert!(copy(&"x".repeat(MAX_COPY), &caps).is_some());
        assert!(copy(&"x".repeat(MAX_COPY + 1), &caps).is_none());
    }

    #[test]
    fn notifications_speak_the_terminals_dialect() {
        let said = |n| notify("P1 checkout", "down; really", &caps(Multiplexer::None, n));
        assert_eq!(said(NotifyBy::Osc9), "\x1b]9;P1 checkout: down, really\x07");
        assert_eq!(said(NotifyBy::Osc777), "\x1b]777;notify;P1 checkout;down, really\x07");
        assert!(said(NotifyBy::Osc99).starts_with("\x1b]99;i=atalaya:d=0:e=1;UDEgY2hlY2tvdXQ="));
        assert_eq!(said(NotifyBy::Bell), "\x07");
        let inside = notify("a", "b", &caps(Multiplexer::Tmux, NotifyBy::Bell));
        assert_eq!(inside, "\x07\x1bPtmux;\x1b\x1b]9;a: b\x07\x1b\\");
    }

    #[test]
    fn only_web_addresses_become_links() {
        let begin = link("https://runbooks.example/checkout?a=1").unwrap();
        assert!(begin.ends_with(";https://runbooks.example/checkout?a=1\x1b\\"), "{begin:?}");
        assert!(link("https://a.example/ü\u{202e}x").unwrap().contains("%C3%BCx"));
        let bad = ["javascript:alert(1)", "file:///etc/passwd", "", "no address", "http://"];
        assert!(bad.iter().all(|url| link(url).is_none()));
        assert!(link(&format!("https://a.example/{}", "x".repeat(MAX_URL))).is_none());
    }

    /// Whether a terminal would see anything but one sequence of each kind that was meant.
    fn introducers(text: &str) -> usize {
        text.chars().filter(|c| ('\u{80}'..'\u{a0}').contains(c) || *c == '\x1b').count()
    }

    proptest! {
        #[test]
        fn no_text_can_break_out_of_its_sequence(text in any::<String>()) {
            let hostile = format!("{text}\x07\x1b\\\x1b]0;x\x07\u{9c}{text}");
            let none = |n| caps(Multiplexer::None, n);
            prop_assert_eq!(introducers(&title(&hostile)), 1);
            prop_assert_eq!(title(&hostile).matches('\x07').count(), 1);
            prop_assert_eq!(introducers(&notify(&hostile, &hostile, &none(NotifyBy::Osc777))), 1);
            prop_assert_eq!(notify(&hostile, "", &none(NotifyBy::Osc9)).matches('\x07').count(), 1);
            prop_assert_eq!(introducers(&copy(&hostile, &none(NotifyBy::Bell)).unwrap_or_default()), 1);
            if let Some(begin) = link(&format!("https://a.example/{hostile}")) {
                prop_assert_eq!(introducers(&begin), 2);
            }
        }
    }
}
