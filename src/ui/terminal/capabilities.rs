//! What a terminal can do: a first guess from the environment, corrected by its own answers.

use std::str::FromStr;

use super::key::Background;
use super::parser::Report;

/// What is known of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Frames can be bracketed (mode 2026), so that none is shown half drawn.
    pub synchronised: bool,
    /// OSC 8.
    pub links: bool,
    pub notify: NotifyBy,
    /// A window title can be set, saved and put back.
    pub title: bool,
    pub multiplexer: Multiplexer,
    /// The terminal is at the other end of an SSH session.
    pub ssh: bool,
    /// The cursor, clear and colour sequences of the VT100, and no others: nothing is probed.
    pub basic: bool,
    pub background: Option<Background>,
    /// Name and version, where the terminal said so.
    pub version: Option<String>,
}

/// How the terminal itself can call its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyBy {
    /// iTerm2, WezTerm, Ghostty, Windows Terminal.
    Osc9,
    /// urxvt, foot, VTE, Konsole.
    Osc777,
    /// kitty.
    Osc99,
    Bell,
}

/// What sits between us and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    None,
    Tmux,
    Screen,
}

/// The characters to draw with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

impl FromStr for Glyphs {
    type Err = String;

    /// `unicode` or `ascii`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unicode" => Ok(Self::Unicode),
            "ascii" => Ok(Self::Ascii),
            _ => Err(format!("{text:?} is no set of glyphs; one of unicode, ascii")),
        }
    }
}

impl Glyphs {
    /// Unicode where the locale is UTF-8 and the terminal is not one with a fixed small font.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|v| !v.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        if utf8 && !is_basic(&set("TERM").unwrap_or_default()) {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

fn is_basic(term: &str) -> bool {
    term.is_empty()
        || ["dumb", "ansi", "linux", "cons25"].contains(&term)
        || term.starts_with("vt")
        || term.starts_with("linux-")
}

impl Capabilities {
    /// The guess from the environment.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).is_some_and(|v| !v.is_empty());
        let value = |name: &str| env(name).unwrap_or_default();
        let term = value("TERM");
        let basic = is_basic(&term);
        let multiplexer = if set("TMUX") || term.starts_with("tmux") {
            Multiplexer::Tmux
        } else if set("STY") || term.starts_with("screen") {
            Multiplexer::Screen
        } else {
            Multiplexer::None
        };
        let ssh = set("SSH_CONNECTION") || set("SSH_TTY");
        let mut caps = Self {
            synchronised: false,
            links: false,
            notify: NotifyBy::Bell,
            title: !basic,
            multiplexer,
            ssh,
            basic,
            background: None,
            version: None,
        };
        // Inside a multiplexer these describe the terminal in which its server was started.
        if basic || multiplexer != Multiplexer::None {
            return caps;
        }
        let vte = value("VTE_VERSION").parse::<u32>().is_ok_and(|v| v >= 5_000);
        let name = match value("TERM_PROGRAM").as_str() {
            "" if set("KITTY_WINDOW_ID") => "kitty".to_owned(),
            "" if vte => "VTE".to_owned(),
            "" if set("KONSOLE_VERSION") => "Konsole".to_owned(),
            "" if set("WT_SESSION") => "Windows Terminal".to_owned(),
            "" => term,
            program => program.to_owned(),
        };
        caps.know(&name);
        caps
    }

    /// Takes an answer of the terminal into account; whether it changed the background.
    pub fn learn(&mut self, report: &Report) -> bool {
        match report {
            Report::Mode { mode: 2026, known } => self.synchronised = *known,
            Report::Version(version) => {
                let version = crate::domain::text::clean(version, 80);
                self.know(&version);
                self.version = Some(version);
            }
            Report::Background(background) => {
                return self.background.replace(*background) != Some(*background);
            }
            Report::Mode { .. } | Report::Attributes => {}
        }
        false
    }

    fn know(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let is = |names: &[&str]| names.iter().any(|n| name.contains(n));
        if is(&["kitty"]) {
            (self.links, self.notify) = (true, NotifyBy::Osc99);
        } else if is(&["iterm", "wezterm", "ghostty", "windows terminal"]) {
            (self.links, self.notify) = (true, NotifyBy::Osc9);
        } else if is(&["foot", "vte", "konsole"]) {
            (self.links, self.notify) = (true, NotifyBy::Osc777);
        } else if is(&["rxvt"]) {
            (self.links, self.notify) = (false, NotifyBy::Osc777);
        } else if is(&["alacritty", "contour", "mintty", "rio", "vscode"]) {
            self.links = true;
        }
    }

    /// What is asked at the start, in one write: mode 2026, the version, the background, and last
    /// the device attributes, which everything answers, so that the others need no time-out.
    /// Empty for terminals that might print a question that they do not know.
    pub fn probes(&self) -> &'static str {
        if self.basic { "" } else { "\x1b[?2026$p\x1b[>q\x1b]11;?\x1b\\\x1b[c" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[rstest]
    #[case(&[("LANG", "en_GB.UTF-8"), ("TERM", "xterm")], Glyphs::Unicode)]
    #[case(&[("LANG", "en_GB.utf8"), ("LC_ALL", "C"), ("TERM", "xterm")], Glyphs::Ascii)]
    #[case(&[("LANG", "C.UTF-8"), ("TERM", "linux")], Glyphs::Ascii)]
    #[case(&[("LANG", "C.UTF-8"), ("TERM", "vt100")], Glyphs::Ascii)]
    #[case(&[("LC_CTYPE", "es_ES.UTF-8"), ("LANG", "C"), ("TERM", "screen")], Glyphs::Unicode)]
    #[case(&[("TERM", "xterm")], Glyphs::Ascii)]
    fn glyphs_follow_locale_and_terminal(#[case] given: &[(&str, &str)], #[case] expect: Glyphs) {
        assert_eq!(Glyphs::detect(env(given)), expect);
    }

    #[rstest]
    #[case(&[("TERM", "xterm-kitty"), ("KITTY_WINDOW_ID", "1")], NotifyBy::Osc99, true)]
    #[case(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")], NotifyBy::Osc9, true)]
    #[case(&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")], NotifyBy::Osc777, true)]
    #[case(&[("TERM", "xterm-256color")], NotifyBy::Bell, false)]
    #[case(&[("TERM", "tmux-256color"), ("VTE_VERSION", "7600")], NotifyBy::Bell, false)]
    fn known_terminals_are_recognised(
        #[case] given: &[(&str, &str)],
        #[case] notify: NotifyBy,
        #[case] links: bool,
    ) {
        let caps = Capabilities::detect(env(given));
        assert_eq!((caps.notify, caps.links), (notify, links));
    }

    #[test]
    fn a_vt100_is_asked_nothing() {
        let caps = Capabilities::detect(env(&[("TERM", "vt100")]));
        assert_eq!((caps.probes(), caps.title), ("", false));
        assert!(!Capabilities::detect(env(&[("TERM", "xterm")])).probes().is_empty());
    }

    #[test]
    fn answers_correct_the_guess() {
        let mut caps = Capabilities::detect(env(&[("TERM", "xterm-256color")]));
        caps.learn(&Report::Mode { mode: 2026, known: true });
        caps.learn(&Report::Version("foot(1.16.2)".into()));
        assert!(caps.synchronised && caps.links);
        assert_eq!(caps.notify, NotifyBy::Osc777);
        assert!(caps.learn(&Report::Background(Background::Light)));
        assert!(!caps.learn(&Report::Background(Background::Light)));
    }
}
