//! The colour ladder: what a terminal can show, and the nearest of it to what a theme asks for.

use std::str::FromStr;

use ratatui::style::{Color, Style};

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// Attributes only: bold, reverse, underlined.
    Off,
    /// The eight ANSI colours.
    Ansi8,
    /// The eight and their bright versions.
    Ansi16,
    /// xterm's palette.
    #[default]
    Indexed,
    /// 24 bits.
    All,
}

impl FromStr for Depth {
    type Err = String;

    /// `off`, `8`, `16`, `256`, `all`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "8" => Ok(Self::Ansi8),
            "16" => Ok(Self::Ansi16),
            "256" => Ok(Self::Indexed),
            "all" => Ok(Self::All),
            _ => Err(format!("{text:?} is no colour depth; one of off, 8, 16, 256, all")),
        }
    }
}

impl Depth {
    /// The depth of the terminal that the environment describes: `NO_COLOR`, then `COLORTERM`, then
    /// what `TERM` says. An explicit choice of the user comes before and never gets here.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|v| !v.is_empty());
        if set("NO_COLOR").is_some() {
            return Self::Off;
        }
        let term = set("TERM").unwrap_or_default();
        let has_none = |t: &str| t.is_empty() || t == "dumb" || t.starts_with("vt");
        if has_none(&term) {
            return Self::Off;
        }
        if set("COLORTERM").is_some_and(|c| c.contains("truecolor") || c.contains("24bit")) {
            return Self::All;
        }
        let is = |names: &[&str]| names.iter().any(|n| term.contains(n));
        if is(&["-direct", "truecolor", "kitty", "alacritty", "wezterm", "foot", "ghostty"]) {
            Self::All
        } else if term.contains("256color") {
            Self::Indexed
        } else if is(&["16color", "linux", "xterm", "rxvt", "screen", "tmux", "konsole"]) {
            Self::Ansi16
        } else {
            match super::terminfo::colours(&term, &env) {
                Some(0x1_00_00_00..) => Self::All,
                Some(256..) => Self::Indexed,
                Some(16..) => Self::Ansi16,
                Some(..8) => Self::Off,
                Some(8..) | None => Self::Ansi8,
            }
        }
    }

    /// The nearest colour that this depth has.
    pub fn colour(self, colour: Color) -> Color {
        match (self, colour) {
            (_, Color::Reset) | (Self::Off, _) => Color::Reset,
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed((r, g, b))),
            (Self::All | Self::Indexed, c) => c,
            (Self::Ansi16, c) => match ansi(c) {
                Some(n) => named(n),
                None => named(nearest_ansi(rgb(c), 16)),
            },
            (Self::Ansi8, c) => match ansi(c) {
                // Bright black is a dark grey, which black is not: it would vanish.
                Some(8) => named(7),
                Some(n) => named(n % 8),
                None => named(nearest_ansi(rgb(c), 8)),
            },
        }
    }

    /// Foreground and background; two colours that would fall together are kept apart.
    pub fn pair(self, fg: Color, bg: Color) -> (Color, Color) {
        let (near_fg, near_bg) = (self.colour(fg), self.colour(bg));
        if near_fg == near_bg && fg != bg && near_bg != Color::Reset {
            let readable = if luma(rgb(near_bg)) > 128 { Color::Black } else { Color::White };
            return (self.colour(readable), near_bg);
        }
        (near_fg, near_bg)
    }

    /// A style in this depth. The backend does the same for every cell; this is for what is drawn
    /// elsewhere.
    pub fn apply(self, style: Style) -> Style {
        let (fg, bg) = match (style.fg, style.bg) {
            (Some(fg), Some(bg)) => {
                let (fg, bg) = self.pair(fg, bg);
                (Some(fg), Some(bg))
            }
            (fg, bg) => (fg.map(|c| self.colour(c)), bg.map(|c| self.colour(c))),
        };
        Style { fg, bg, ..style }
    }
}

/// The number of an ANSI colour, if it is one of the 16.
pub(super) fn ansi(colour: Color) -> Option<u8> {
    Some(match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(n @ 0..=15) => n,
        _ => return None,
    })
}

fn named(n: u8) -> Color {
    match n {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        _ => Color::White,
    }
}

type Rgb = (u8, u8, u8);

/// xterm's default palette for the 16.
const ANSI: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The levels of xterm's 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn rgb(colour: Color) -> Rgb {
    let level = |n: u8| CUBE.get(usize::from(n % 6)).copied().unwrap_or(255);
    match (colour, ansi(colour)) {
        (Color::Rgb(r, g, b), _) => (r, g, b),
        (_, Some(n)) => ANSI.get(usize::from(n)).copied().unwrap_or_default(),
        (Color::Indexed(n @ 16..=231), _) => {
            let n = n - 16;
            (level(n / 36), level(n / 6), level(n))
        }
        (Color::Indexed(n), _) => {
            let grey = 8 + n.saturating_sub(232) * 10;
            (grey, grey, grey)
        }
        _ => (0, 0, 0),
    }
}

fn luma((r, g, b): Rgb) -> u32 {
    (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1_000
}

/// How far two colours look apart: squared, with the usual cheap weights for red and blue
/// ("redmean", Riemersma).
fn distance(a: Rgb, b: Rgb) -> i32 {
    let mean = i32::midpoint(i32::from(a.0), i32::from(b.0));
    let (r, g, b) = (
        i32::from(a.0) - i32::from(b.0),
        i32::from(a.1) - i32::from(b.1),
        i32::from(a.2) - i32::from(b.2),
    );
    (((512 + mean) * r * r) >> 8) + 4 * g * g + (((767 - mean) * b * b) >> 8)
}

fn nearest_ansi(colour: Rgb, count: usize) -> u8 {
    let near = ANSI.iter().take(count).enumerate().min_by_key(|(_, c)| distance(**c, colour));
    near.map_or(7, |(n, _)| n as u8)
}

fn nearest_indexed((r, g, b): Rgb) -> u8 {
    let step = |v: u8| {
        let near = CUBE.iter().enumerate().min_by_key(|(_, c)| c.abs_diff(v));
        near.map_or(0, |(n, _)| n as u8)
    };
    let cube = 16 + 36 * step(r) + 6 * step(g) + step(b);
    let grey_level = luma((r, g, b)).saturating_sub(3) / 10;
    let grey = 232 + grey_level.min(23) as u8;
    let far = |n: u8| distance(rgb(Color::Indexed(n)), (r, g, b));
    if far(grey) < far(cube) { grey } else { cube }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Depth::Off)]
    #[case(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "")], Depth::All)]
    #[case(&[("TERM", "xterm-256color")], Depth::Indexed)]
    #[case(&[("TERM", "xterm-kitty")], Depth::All)]
    #[case(&[("TERM", "screen")], Depth::Ansi16)]
    #[case(&[("TERM", "linux")], Depth::Ansi16)]
    #[case(&[("TERM", "vt100"), ("COLORTERM", "truecolor")], Depth::Off)]
    #[case(&[("TERM", "dumb")], Depth::Off)]
    #[case(&[("TERM", "never-heard-of")], Depth::Ansi8)]
    #[case(&[], Depth::Off)]
    fn the_depth_is_what_the_environment_says(#[case] env: &[(&str, &str)], #[case] expect: Depth) {
        let get =
            |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Depth::detect(get), expect);
    }

    #[rstest]
    #[case(Depth::All, Color::Rgb(1, 2, 3), Color::Rgb(1, 2, 3))]
    #[case(Depth::Indexed, Color::Rgb(255, 0, 0), Color::Indexed(196))]
    #[case(Depth::Indexed, Color::Rgb(128, 128, 128), Color::Indexed(244))]
    #[case(Depth::Indexed, Color::Rgb(0, 0, 0), Color::Indexed(16))]
    #[case(Depth::Ansi16, Color::Rgb(250, 10, 10), Color::LightRed)]
    #[case(Depth::Ansi16, Color::Indexed(196), Color::LightRed)]
    #[case(Depth::Ansi16, Color::Indexed(9), Color::LightRed)]
    #[case(Depth::Ansi8, Color::LightRed, Color::Red)]
    #[case(Depth::Ansi8, Color::DarkGray, Color::Gray)]
    #[case(Depth::Ansi8, Color::Rgb(200, 200, 0), Color::Yellow)]
    #[case(Depth::Off, Color::Red, Color::Reset)]
    #[case(Depth::Ansi8, Color::Reset, Color::Reset)]
    fn a_colour_becomes_the_nearest_there_is(
        #[case] depth: Depth,
        #[case] given: Color,
        #[case] expect: Color,
    ) {
        assert_eq!(depth.colour(given), expect);
    }

    #[test]
    fn text_stays_readable_where_two_colours_fall_together() {
        let (fg, bg) = Depth::Ansi8.pair(Color::Rgb(40, 40, 40), Color::Rgb(10, 10, 10));
        assert_eq!((fg, bg), (Color::Gray, Color::Black));
        let (fg, bg) = Depth::Ansi8.pair(Color::LightYellow, Color::Yellow);
        assert_eq!((fg, bg), (Color::Black, Color::Yellow));
    }

    #[test]
    fn every_indexed_colour_is_its_own_nearest() {
        for n in 16..=231 {
            let near = Depth::Indexed.colour(Color::Rgb(
                rgb(Color::Indexed(n)).0,
                rgb(Color::Indexed(n)).1,
                rgb(Color::Indexed(n)).2,
            ));
            let Color::Indexed(near) = near else { panic!("{near:?}") };
            assert_eq!(rgb(Color::Indexed(near)), rgb(Color::Indexed(n)));
        }
    }
}
