//! Bytes from the terminal as keys, pastes and reports. Pure; the clock is the caller's.
//!
//! Why not `termina::Parser`, which was tried first: it has no time-outs and no way to drop half a
//! sequence, types the rest of one that it does not know (`CSI = …`, APC) as keys, and waits for
//! ever after `CSI >`. Here every sequence is read to its end by the grammar of ECMA-48, known or
//! not, so that an answer, however late, is never typed; what could wait for ever is bounded by
//! [`Parser::waiting`] and [`Parser::give_up`].

use super::key::{Background, Key, KeyCode, Mods, Mouse, MouseKind};
use crate::domain::text::clean_text;

/// Longest paste that is delivered, in characters; the rest of it is dropped.
pub const MAX_PASTE: usize = 65_536;
/// Longest control sequence or string that is understood; longer ones are read and dropped.
const MAX_SEQUENCE: usize = 1_024;

/// What a stretch of input means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    Key(Key),
    Paste(String),
    Mouse(Mouse),
    Focus(bool),
    Report(Report),
}

/// The terminal's answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Device attributes: every terminal answers this one, and in order, so it ends the probing.
    Attributes,
    /// Name and version, such as `kitty(0.35.1)`.
    Version(String),
    /// DECRQM: a private mode, and whether the terminal knows it.
    Mode {
        mode: u16,
        known: bool,
    },
    Background(Background),
}

/// What the parser holds back until more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    Nothing,
    /// A lone ESC: the key, unless a sequence follows at once.
    Escape,
    /// Half a sequence, half a character, or a paste without its end.
    Rest,
}

#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// The sequence so far, without its introducer.
    held: Vec<u8>,
    /// ESC came before the character that is being read.
    alt: bool,
    out: Vec<Parsed>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    /// `CSI [`, the Linux console's function keys.
    LinuxKey,
    Ss3,
    /// OSC, DCS, APC, PM or SOS; the introducer's second byte, and whether ESC came last.
    Text {
        kind: u8,
        escape: bool,
    },
    Paste,
    /// The rest of a paste that stalled: it must not be taken for keys.
    LatePaste,
    /// A character of that many bytes.
    Utf8(usize),
    /// That many bytes of an old mouse report.
    Skip(u8),
}

impl Parser {
    /// Takes the bytes that arrived and returns what became complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Parsed> {
        for byte in bytes {
            self.byte(*byte);
        }
        std::mem::take(&mut self.out)
    }

    pub fn waiting(&self) -> Waiting {
        match self.state {
            State::Escape => Waiting::Escape,
            State::LatePaste if self.held.last() == Some(&0x1b) => Waiting::Escape,
            State::Ground | State::LatePaste => Waiting::Nothing,
            // Its parameters have begun: whatever comes next is its rest, however late.
            State::Csi if !self.held.is_empty() => Waiting::Nothing,
            _ => Waiting::Rest,
        }
    }

    /// Nothing more came in time: a lone ESC is the key, a paste is what came of it, and half a
    /// sequence is dropped. What still comes of a paste is dropped, too, up to its end, a lone ESC or
    /// Ctrl-C.
    pub fn give_up(&mut self) -> Vec<Parsed> {
        match self.state {
            State::Escape => self.key(KeyCode::Esc, Mods::NONE),
            State::Paste => {
                self.paste();
                self.enter(State::LatePaste);
                return std::mem::take(&mut self.out);
            }
            _ => {}
        }
        self.reset();
        std::mem::take(&mut self.out)
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.held.clear();
        self.alt = false;
    }

    fn enter(&mut self, state: State) {
        self.held.clear();
        self.state = state;
    }

    fn hold(&mut self, byte: u8, limit: usize) {
        // One more than the limit marks what is too long to be understood.
        if self.held.len() <= limit {
            self.held.push(byte);
        }
    }

    fn key(&mut self, code: KeyCode, mods: Mods) {
        let mods = Mods { alt: mods.alt || self.alt, ..mods };
        self.out.push(Parsed::Key(Key::new(code, mods)));
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Csi => self.csi_byte(byte),
            State::LinuxKey => {
                self.reset();
                if let b'A'..=b'E' = byte {
                    self.key(KeyCode::F(byte - b'A' + 1), Mods::NONE);
                }
            }
            State::Ss3 => {
                self.reset();
                self.ss3(byte);
            }
            State::Text { kind, escape } => self.text_byte(kind, escape, byte),
            State::Paste => {
                self.hold(byte, MAX_PASTE * 4 + PASTE_END.len());
                if byte == b'~' && self.held.ends_with(PASTE_END) {
                    self.held.truncate(self.held.len() - PASTE_END.len());
                    self.paste();
                    self.reset();
                } else if self.held.len() > MAX_PASTE * 4 + PASTE_END.len() {
                    // Too long: keep a window in which the end can still be seen.
                    let drop = MAX_PASTE * 4;
                    self.held.remove(drop);
                }
            }
            State::LatePaste if byte == 0x03 => {
                self.reset();
                self.ground(byte);
            }
            State::LatePaste => {
                if self.held.len() == PASTE_END.len() {
                    self.held.remove(0);
                }
                self.held.push(byte);
                if self.held == PASTE_END {
                    self.reset();
                }
            }
            State::Utf8(length) => self.utf8(length, byte),
            State::Skip(left) if left > 1 => self.state = State::Skip(left - 1),
            State::Skip(_) => self.reset(),
        }
    }

    fn ground(&mut self, byte: u8) {
        let ctrl = |c: u8| (KeyCode::Char(char::from(c)), Mods::CTRL);
        let (code, mods) = match byte {
            0x1b => return self.enter(State::Escape),
            b'\r' => (KeyCode::Enter, Mods::NONE),
            b'\t' => (KeyCode::Tab, Mods::NONE),
            0x7f | 0x08 => (KeyCode::Backspace, Mods::NONE),
            0x00 => ctrl(b' '),
            0x01..=0x1a => ctrl(byte - 1 + b'a'),
            0x1c..=0x1f => ctrl(byte - 0x1c + b'\\'),
            0x20..=0x7e => (KeyCode::Char(char::from(byte)), Mods::NONE),
            0xc2..=0xdf => return self.utf8_start(2, byte),
            0xe0..=0xef => return self.utf8_start(3, byte),
            0xf0..=0xf4 => return self.utf8_start(4, byte),
            _ => return self.reset(),
        };
        self.key(code, mods);
        self.reset();
    }

    fn utf8_start(&mut self, length: usize, byte: u8) {
        self.enter(State::Utf8(length));
        self.held.push(byte);
    }

    fn utf8(&mut self, length: usize, byte: u8) {
        if byte & 0xc0 != 0x80 {
            // Broken off: what comes now is something else.
            self.reset();
            return self.ground(byte);
        }
        self.held.push(byte);
        if self.held.len() == length {
            let c = std::str::from_utf8(&self.held).ok().and_then(|s| s.chars().next());
            if let Some(c) = c.filter(|c| !c.is_control()) {
                self.key(KeyCode::Char(c), Mods::NONE);
            }
            self.reset();
        }
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'[' => self.enter(State::Csi),
            b'O' => self.enter(State::Ss3),
            b']' | b'P' | b'_' | b'^' | b'X' => {
                self.enter(State::Text { kind: byte, escape: false });
            }
            0x1b => {
                self.key(KeyCode::Esc, Mods::NONE);
                self.enter(State::Escape);
            }
            _ => {
                self.alt = true;
                self.ground(byte);
            }
        }
    }

    fn csi_byte(&mut self, byte: u8) {
        match byte {
            b'[' if self.held.is_empty() => self.enter(State::LinuxKey),
            0x20..=0x3f => self.hold(byte, MAX_SEQUENCE),
            0x40..=0x7e => {
                let held = std::mem::take(&mut self.held);
                self.reset();
                if held.len() <= MAX_SEQUENCE {
                    self.csi(&held, byte);
                }
            }
            0x18 | 0x1a => self.reset(),
            // A key that was pressed in the middle of it.
            _ => {
                self.reset();
                self.ground(byte);
            }
        }
    }

    fn csi(&mut self, held: &[u8], last: u8) {
        let text = std::str::from_utf8(held).unwrap_or_default();
        match (text.as_bytes().first(), last) {
            (Some(b'?'), b'c') => self.report(Report::Attributes),
            (Some(b'?'), b'n') => match text {
                "?997;1" => self.report(Report::Background(Background::Dark)),
                "?997;2" => self.report(Report::Background(Background::Light)),
                _ => {}
            },
            (Some(b'?'), b'y') => {
                let answer = text.trim_start_matches('?').strip_suffix('$').unwrap_or_default();
                if let Some((mode, setting)) = answer.split_once(';')
                    && let Ok(mode) = mode.parse()
                {
                    self.report(Report::Mode { mode, known: matches!(setting, "1" | "2" | "3") });
                }
            }
            (Some(b'<'), b'M' | b'm') => self.mouse(text.trim_start_matches('<'), last == b'M'),
            (None, b'M') => self.state = State::Skip(3),
            (None, b'I') => self.out.push(Parsed::Focus(true)),
            (None, b'O') => self.out.push(Parsed::Focus(false)),
            (None | Some(b'0'..=b'9' | b';'), _) => self.csi_key(text, last),
            _ => {}
        }
    }

    /// Keys: `CSI A`, `CSI 1;5A`, `CSI 5~`, `CSI 27;5;105~`, `CSI 105;5u`.
    fn csi_key(&mut self, text: &str, last: u8) {
        // Sub-parameters after a colon: alternate keys, and the kind of the event.
        let mut parts = text.split(';');
        let mut next = || parts.next().unwrap_or_default();
        let number = |part: &str| part.split(':').next().unwrap_or_default().parse::<u32>().ok();
        let (first, second, third) = (next(), next(), next());
        let mods = modifiers(number(second).unwrap_or(1));
        let released = second.split(':').nth(1) == Some("3");
        if released {
            return;
        }
        let code = match last {
            b'A' => KeyCode::Up,
            b'B' => KeyCode::Down,
            b'C' => KeyCode::Right,
            b'D' => KeyCode::Left,
            b'H' => KeyCode::Home,
            b'F' => KeyCode::End,
            b'Z' => KeyCode::BackTab,
            b'P' => KeyCode::F(1),
            b'Q' => KeyCode::F(2),
            // `CSI row;column R` is a cursor report, not F3.
            b'R' if matches!(number(first), None | Some(1)) => KeyCode::F(3),
            b'S' => KeyCode::F(4),
            b'~' if first == "200" => return self.enter(State::Paste),
            b'~' if first == "27" => return self.coded(number(third), mods),
            b'~' => match number(first).and_then(numbered) {
                Some(code) => code,
                None => return,
            },
            b'u' => return self.coded(number(first), mods),
            _ => return,
        };
        self.key(code, mods);
    }

    /// A key by its Unicode code point.
    fn coded(&mut self, number: Option<u32>, mods: Mods) {
        let code = match number.and_then(char::from_u32) {
            Some('\r' | '\u{e046}') => KeyCode::Enter,
            Some('\t') => KeyCode::Tab,
            Some('\u{1b}') => KeyCode::Esc,
            Some('\u{7f}' | '\u{8}') => KeyCode::Backspace,
            // Private-use code points are modifier, lock and media keys.
            Some(c) if !c.is_control() && !matches!(c, '\u{e000}'..='\u{f8ff}') => KeyCode::Char(c),
            _ => return,
        };
        self.key(code, mods);
    }

    fn ss3(&mut self, byte: u8) {
        let code = match byte {
            b'A' => KeyCode::Up,
            b'B' => KeyCode::Down,
            b'C' => KeyCode::Right,
            b'D' => KeyCode::Left,
            b'H' => KeyCode::Home,
            b'F' => KeyCode::End,
            b'M' => KeyCode::Enter,
            b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
            // The keypad in application mode: * + , - . / and the digits.
            b'j'..=b'y' => KeyCode::Char(char::from(byte - b'j' + b'*')),
            0x1b => return self.enter(State::Escape),
            _ => return,
        };
        self.key(code, Mods::NONE);
    }

    fn text_byte(&mut self, kind: u8, escape: bool, byte: u8) {
        match (escape, byte) {
            (true, b'\\') | (false, 0x07) => {
                let held = std::mem::take(&mut self.held);
                self.reset();
                if held.len() <= MAX_SEQUENCE {
                    self.text(kind, &held);
                }
            }
            // No string after all: a new sequence, or a key.
            (true, _) => {
                self.enter(State::Escape);
                self.escape(byte);
            }
            (false, 0x1b) => self.state = State::Text { kind, escape: true },
            (false, 0x18 | 0x1a) => self.reset(),
            (false, _) => self.hold(byte, MAX_SEQUENCE),
        }
    }

    fn text(&mut self, kind: u8, held: &[u8]) {
        let text = std::str::from_utf8(held).unwrap_or_default();
        match kind {
            b']' => {
                if let Some(background) = text.strip_prefix("11;").and_then(background) {
                    self.report(Report::Background(background));
                }
            }
            b'P' => {
                if let Some(version) = text.strip_prefix(">|") {
                    self.report(Report::Version(version.to_owned()));
                }
            }
            _ => {}
        }
    }

    fn mouse(&mut self, text: &str, pressed: bool) {
        let mut numbers = text.split(';').map(|n| n.parse::<u16>().ok());
        let (Some(Some(bits)), Some(Some(x)), Some(Some(y))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return;
        };
        let button = (bits & 3) as u8;
        let kind = match (bits & 0xe0, button) {
            (0, 0..=2) if pressed => MouseKind::Down(button),
            (0, 0..=2) => MouseKind::Up(button),
            (0x20, 0..=2) => MouseKind::Drag(button),
            (0x40, 0) => MouseKind::ScrollUp,
            (0x40, 1) => MouseKind::ScrollDown,
            _ => return,
        };
        let mods = Mods { shift: bits & 4 != 0, alt: bits & 8 != 0, ctrl: bits & 16 != 0 };
        let (x, y) = (x.saturating_sub(1), y.saturating_sub(1));
        self.out.push(Parsed::Mouse(Mouse { kind, x, y, mods }));
    }

    fn paste(&mut self) {
        let text = clean_text(&String::from_utf8_lossy(&self.held), MAX_PASTE);
        self.out.push(Parsed::Paste(text));
    }

    fn report(&mut self, report: Report) {
        self.out.push(Parsed::Report(report));
    }
}

const PASTE_END: &[u8] = b"\x1b[201~";

/// xterm's modifier parameter: 1 + a bit set.
fn modifiers(parameter: u32) -> Mods {
    let bits = parameter.saturating_sub(1);
    // Meta (8 and 32) counts as Alt, where a terminal tells them apart at all.
    Mods { shift: bits & 1 != 0, alt: bits & (2 | 8 | 32) != 0, ctrl: bits & 4 != 0 }
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        // The numbers leave gaps where the LK201 keyboard had other keys.
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23..=26 => KeyCode::F((number - 12) as u8),
        28 | 29 => KeyCode::F((number - 13) as u8),
        31..=34 => KeyCode::F((number - 14) as u8),
        _ => return None,
    })
}

/// Reads `rgb:RRRR/GGGG/BBBB` (one to four digits each) or `#RRGGBB`.
fn background(text: &str) -> Option<Background> {
    let channel = |digits: &str| {
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = 16_u32.checked_pow(digits.len() as u32)? - 1;
        Some(f64::from(value) / f64::from(most.max(1)))
    };
    let channels: Vec<f64> = if let Some(rgb) = text.strip_prefix("rgb:") {
        rgb.split('/').filter(|d| (1..=4).contains(&d.len())).filter_map(channel).collect()
    } else {
        let hex = text.strip_prefix('#').filter(|h| h.len() == 6 && h.is_ascii())?;
        [0..2, 2..4, 4..6].into_iter().filter_map(|r| hex.get(r).and_then(channel)).collect()
    };
    let [r, g, b] = channels.try_into().ok()?;
    let luma = 0.299 * r + 0.587 * g + 0.114 * b;
    Some(if luma > 0.5 { Background::Light } else { Background::Dark })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn shown(parsed: Vec<Parsed>) -> String {
        let one = |p: Parsed| match p {
            Parsed::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        };
        parsed.into_iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[rstest]
    #[case(b"aU ", "a U Space")]
    #[case("né日🦀".as_bytes(), "n é 日 🦀")]
    #[case(b"\r\t\x7f\x08", "Enter Tab Backspace Backspace")]
    #[case(b"\x04\x15\x1a\x00\x1c", "Ctrl-d Ctrl-u Ctrl-z Ctrl-Space Ctrl-\\")]
    #[case(b"\x1bx\x1b\x1b[A", "Alt-x Esc Up")]
    #[case(b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;2D", "Up Down Ctrl-Right Shift-Left")]
    #[case(b"\x1b[5~\x1b[6~\x1b[3;5~\x1b[H\x1b[4~", "PageUp PageDown Ctrl-Delete Home End")]
    #[case(b"\x1bOP\x1b[15~\x1b[17~\x1b[24~\x1b[[A\x1b[R", "F1 F5 F6 F12 F1 F3")]
    #[case(b"\x1b[25~\x1b[28~\x1b[34~", "F13 F15 F20")]
    #[case(b"\x1b[Z\x1b[97;5u\x1b[97;2u\x1b[27;5;105~\x1b[27u", "BackTab Ctrl-a A Ctrl-i Esc")]
    #[case(b"\x1b[97;1:3u\x1b[57441;2u", "")]
    #[case(b"\x1bOj\x1bOp\x1bOy\x1bOM", "* 0 9 Enter")]
    #[case(b"\xff\xfe\xc3(\xe2\x82", "(")]
    fn keys_are_read(#[case] bytes: &[u8], #[case] expect: &str) {
        assert_eq!(shown(Parser::default().feed(bytes)), expect);
    }

    /// Everything that terminals are known to answer, asked for or not.
    const ANSWERS: [&[u8]; 16] = [
        b"\x1b[?62;1;4c",
        b"\x1b[>0;276;0c",
        b"\x1b[=1;2c",
        b"\x1b[?2026;2$y",
        b"\x1b[?9999;0$y",
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
        b"\x1b]10;rgb:ff/ff/ff\x07",
        b"\x1b]4;1;rgb:cdcd/0000/0000\x07",
        b"\x1bP>|kitty(0.35.1)\x1b\\",
        b"\x1bP1+r544e=787465726d\x1b\\",
        b"\x1bP!|00000000\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[24;80R",
        b"\x1b[?997;1n",
        b"\x1b[?0u",
        b"\x1b[4;600;800t",
    ];

    #[test]
    fn no_answer_of_a_terminal_is_ever_typed_however_it_is_split() {
        for answer in ANSWERS {
            for cut in 0..=answer.len() {
                let mut parser = Parser::default();
                let (head, tail) = answer.split_at(cut);
                let mut all = parser.feed(head);
                all.extend(parser.feed(tail));
                all.extend(parser.feed(b"q"));
                let keys: Vec<_> = all.iter().filter(|p| matches!(p, Parsed::Key(_))).collect();
                let told = format!("{:?} cut at {cut}", String::from_utf8_lossy(answer));
                assert_eq!(keys, [&Parsed::Key(Key::char('q'))], "{told}");
            }
        }
    }

    #[test]
    fn answers_are_understood() {
        let read = |bytes: &[u8]| Parser::default().feed(bytes);
        let report = |r| vec![Parsed::Report(r)];
        assert_eq!(read(ANSWERS[0]), report(Report::Attributes));
        assert_eq!(read(ANSWERS[3]), report(Report::Mode { mode: 2026, known: true }));
        assert_eq!(read(ANSWERS[4]), report(Report::Mode { mode: 9999, known: false }));
        assert_eq!(read(ANSWERS[5]), report(Report::Background(Background::Dark)));
        assert_eq!(read(ANSWERS[8]), report(Report::Version("kitty(0.35.1)".into())));
        let light = b"\x1b]11;rgb:fd/f6/e3\x07";
        assert_eq!(read(light), report(Report::Background(Background::Light)));
    }

    #[test]
    fn a_lone_escape_is_held_back_until_nothing_follows() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b").is_empty());
        assert_eq!(parser.waiting(), Waiting::Escape);
        assert_eq!(shown(parser.give_up()), "Esc");
        assert_eq!(parser.waiting(), Waiting::Nothing);
        assert!(parser.give_up().is_empty());
    }

    #[test]
    fn half_a_sequence_is_dropped_not_typed() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b[").is_empty());
        assert_eq!(parser.waiting(), Waiting::Rest);
        assert!(parser.give_up().is_empty());
        assert_eq!(shown(parser.feed(b"q")), "q");
    }

    #[test]
    fn a_sequence_that_is_split_for_long_is_still_one() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b[2").is_empty());
        assert_eq!(parser.waiting(), Waiting::Nothing, "there is nothing to give up");
        let expect = [Parsed::Paste("aaa".into())];
        assert_eq!(parser.feed(b"00~aaa\x1b[201~"), expect);
    }

    #[test]
    fn the_rest_of_a_paste_that_stalled_is_never_typed() {
        let mut parser = Parser::default();
        assert!(parser.feed(b"\x1b[200~hello ").is_empty());
        assert_eq!(parser.give_up(), [Parsed::Paste("hello ".into())]);
        assert_eq!(parser.waiting(), Waiting::Nothing);
        assert!(parser.feed(b"aaa\x1b[Ba\x1b[20").is_empty());
        assert_eq!(parser.waiting(), Waiting::Nothing);
        assert_eq!(shown(parser.feed(b"1~q")), "q");
    }

    #[test]
    fn a_paste_without_an_end_is_left_by_esc_or_ctrl_c() {
        for (last, expect) in [(&b"\x1b"[..], ""), (b"\x03", "Ctrl-c")] {
            let mut parser = Parser::default();
            parser.feed(b"\x1b[200~a");
            parser.give_up();
            assert_eq!(shown(parser.feed(last)), expect);
            if parser.waiting() == Waiting::Escape {
                parser.give_up();
            }
            assert_eq!(shown(parser.feed(b"q")), "q");
        }
    }

    #[test]
    fn a_key_pressed_inside_a_broken_sequence_is_not_lost() {
        assert_eq!(shown(Parser::default().feed(b"\x1b[1;\rq")), "Enter q");
        assert_eq!(shown(Parser::default().feed(b"\x1b]11;rgb\x1b[Aq")), "Up q");
    }

    #[test]
    fn a_paste_is_one_event_cleaned_and_bounded() {
        let mut parser = Parser::default();
        let given = b"\x1b[200~q\r\nrm -rf \x1b[31m\x07x\x1b[201~a";
        let expect = [Parsed::Paste("q\nrm -rf x".into()), Parsed::Key(Key::char('a'))];
        assert_eq!(parser.feed(given), expect);

        let mut long = b"\x1b[200~".to_vec();
        long.resize(MAX_PASTE * 6, b'x');
        long.extend_from_slice(b"\x1b[201~a");
        let parsed = parser.feed(&long);
        assert!(matches!(&parsed[0], Parsed::Paste(t) if t.chars().count() == MAX_PASTE));
        assert_eq!(parsed[1..], [Parsed::Key(Key::char('a'))]);
    }

    #[test]
    fn mouse_reports_are_read() {
        let parsed = Parser::default().feed(b"\x1b[<0;3;4M\x1b[<64;1;1M\x1b[<35;1;1M\x1b[M !!q");
        let press = Mouse { kind: MouseKind::Down(0), x: 2, y: 3, mods: Mods::NONE };
        let wheel = Mouse { kind: MouseKind::ScrollUp, x: 0, y: 0, mods: Mods::NONE };
        let expect = [Parsed::Mouse(press), Parsed::Mouse(wheel), Parsed::Key(Key::char('q'))];
        assert_eq!(parsed, expect);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_mean_the_same_and_leave_a_parser_that_works(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(&b"\x1b[]OP_;?<>0127~umMcR\\\x07"[..])],
                0..200,
            ),
            cut in 0_usize..200,
        ) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut pieces = Parser::default();
            let mut in_pieces = pieces.feed(head);
            in_pieces.extend(pieces.feed(tail));
            let mut whole = Parser::default();
            prop_assert_eq!(whole.feed(&bytes), in_pieces);
            whole.give_up();
            prop_assert_eq!(whole.feed(b"q"), vec![Parsed::Key(Key::char('q'))]);
        }
    }
}
