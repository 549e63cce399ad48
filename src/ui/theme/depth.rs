//! How a style degrades on terminals with fewer colours.

use ratatui::style::{Color, Modifier, Style};

use super::Role;
use crate::ui::terminal::Depth;

/// `style` as a terminal of that depth shows it. Where the background that marks a row or a badge is
/// lost, reverse video takes its place, so that no emphasis disappears.
pub fn degrade(style: Style, role: Role, depth: Depth) -> Style {
    if depth == Depth::All {
        return style;
    }
    let mut out = style;
    out.fg = style.fg.map(|c| colour(c, depth, false));
    out.bg = style.bg.map(|c| colour(c, depth, true));
    let lost = !matches!(style.bg, None | Some(Color::Reset)) && out.bg == Some(Color::Reset);
    if lost && is_emphasis(role) {
        // Ink on a lost background would be ink on the terminal's own.
        out.fg = None;
        out.bg = None;
        out = out.add_modifier(Modifier::REVERSED);
    }
    if matches!(depth, Depth::Ansi16 | Depth::Ansi8)
        && matches!(style.bg, Some(Color::Rgb(..) | Color::Indexed(_)))
        && let Some(bg) = out.bg.filter(|bg| *bg != Color::Reset)
    {
        out = inked(out, darken(bg));
    }
    if role == Role::Selection && depth <= Depth::Ansi16 {
        // Bold black is grey on many terminals, and cannot be read on grey.
        out = out.remove_modifier(Modifier::BOLD | Modifier::DIM);
        if lost && depth != Depth::Off {
            // In reverse, what is coloured in the row would become its background.
            out = out.remove_modifier(Modifier::REVERSED).fg(Color::Black).bg(Color::Gray);
        }
    }
    out
}

/// The ink that can be read on one of the eight colours: bold black may turn grey, bold white not.
fn inked(style: Style, bg: Color) -> Style {
    match bg {
        Color::Red | Color::Blue | Color::Magenta => style.fg(Color::White).bg(bg),
        _ => style.fg(Color::Black).bg(bg).remove_modifier(Modifier::BOLD),
    }
}

/// Roles of which the background is the message.
fn is_emphasis(role: Role) -> bool {
    matches!(
        role,
        Role::Selection
            | Role::TabActive
            | Role::Demo
            | Role::ReadOnly
            | Role::Banner
            | Role::P1
            | Role::P2
    )
}

fn colour(colour: Color, depth: Depth, background: bool) -> Color {
    match depth {
        Depth::All => colour,
        Depth::Off => Color::Reset,
        Depth::Indexed => match colour {
            Color::Rgb(r, g, b) => Color::Indexed(nearest_256(r, g, b)),
            other => other,
        },
        Depth::Ansi16 | Depth::Ansi8 => {
            let ansi = match colour {
                Color::Rgb(r, g, b) => nearest_16(r, g, b, background),
                Color::Indexed(i) => {
                    let (r, g, b) = rgb_of(i);
                    nearest_16(r, g, b, background)
                }
                other => other,
            };
            if depth == Depth::Ansi8 { darken(ansi) } else { ansi }
        }
    }
}

/// The nearest of the 6×6×6 cube and the 24 greys of the 256-colour palette.
fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    (16..=255).min_by_key(|i| distance((r, g, b), rgb_of(*i))).unwrap_or(15)
}

fn rgb_of(index: u8) -> (u8, u8, u8) {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |i: u8| LEVELS.get(usize::from(i)).copied().unwrap_or(255);
    match index {
        0..=15 => ANSI.get(usize::from(index)).map_or((255, 255, 255), |(rgb, _)| *rgb),
        16..=231 => {
            let i = index - 16;
            (level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        grey => {
            let v = 8 + (grey - 232) * 10;
            (v, v, v)
        }
    }
}

/// Squared distance, weighted as the eye weighs the channels.
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> i32 {
    let d = |x: u8, y: u8| i32::from(x) - i32::from(y);
    2 * d(a.0, b.0).pow(2) + 4 * d(a.1, b.1).pow(2) + 3 * d(a.2, b.2).pow(2)
}

const ANSI: [((u8, u8, u8), Color); 16] = [
    ((0, 0, 0), Color::Black),
    ((205, 0, 0), Color::Red),
    ((0, 205, 0), Color::Green),
    ((205, 205, 0), Color::Yellow),
    ((0, 0, 238), Color::Blue),
    ((205, 0, 205), Color::Magenta),
    ((0, 205, 205), Color::Cyan),
    ((229, 229, 229), Color::Gray),
    ((127, 127, 127), Color::DarkGray),
    ((255, 0, 0), Color::LightRed),
    ((0, 255, 0), Color::LightGreen),
    ((255, 255, 0), Color::LightYellow),
    ((92, 92, 255), Color::LightBlue),
    ((255, 0, 255), Color::LightMagenta),
    ((0, 255, 255), Color::LightCyan),
    ((255, 255, 255), Color::White),
];

/// The ANSI colour of the same hue. Greys become the terminal's own colours, which are the only ones
/// that are known to be readable on its background.
fn nearest_16(r: u8, g: u8, b: u8, background: bool) -> Color {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let saturation = u32::from(max - min) * 100 / u32::from(max.max(1));
    if saturation < 35 {
        return if !background && (60..140).contains(&max) {
            Color::DarkGray
        } else {
            Color::Reset
        };
    }
    if background && max < 110 {
        return Color::Reset;
    }
    let (max, min, span) = (f32::from(max), f32::from(min), f32::from(max - min).max(1.0));
    let (r, g, b) = (f32::from(r), f32::from(g), f32::from(b));
    let hue = if r >= max {
        60.0 * ((g - b) / span).rem_euclid(6.0)
    } else if g >= max {
        60.0 * ((b - r) / span + 2.0)
    } else {
        60.0 * ((r - g) / span + 4.0)
    };
    let _ = min;
    match hue as u16 {
        22..=75 => Color::Yellow,
        76..=165 => Color::Green,
        166..=215 => Color::Cyan,
        216..=255 => Color::Blue,
        256..=330 => Color::Magenta,
        _ => Color::LightRed,
    }
}

fn darken(colour: Color) -> Color {
    match colour {
        Color::LightRed => Color::Red,
        Color::LightGreen => Color::Green,
        Color::LightYellow => Color::Yellow,
        Color::LightBlue => Color::Blue,
        Color::LightMagenta => Color::Magenta,
        Color::LightCyan => Color::Cyan,
        Color::DarkGray => Color::Reset,
        Color::White => Color::Gray,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case((255, 107, 107), Depth::Ansi16, Color::LightRed)]
    #[case((255, 107, 107), Depth::Ansi8, Color::Red)]
    #[case((240, 185, 74), Depth::Ansi16, Color::Yellow)]
    #[case((95, 192, 138), Depth::Ansi16, Color::Green)]
    #[case((95, 179, 245), Depth::Ansi16, Color::Cyan)]
    #[case((211, 218, 230), Depth::Ansi16, Color::Reset)]
    #[case((255, 0, 0), Depth::Indexed, Color::Indexed(196))]
    #[case((8, 8, 8), Depth::Indexed, Color::Indexed(232))]
    #[case((255, 0, 0), Depth::Off, Color::Reset)]
    fn a_colour_becomes_the_nearest_that_there_is(
        #[case] rgb: (u8, u8, u8),
        #[case] depth: Depth,
        #[case] expect: Color,
    ) {
        assert_eq!(colour(Color::Rgb(rgb.0, rgb.1, rgb.2), depth, false), expect);
    }

    #[test]
    fn a_lost_background_becomes_reverse_video() {
        let style = Style::new().fg(Color::Rgb(0, 0, 0)).bg(Color::Rgb(30, 40, 60));
        let tab = degrade(style, Role::TabActive, Depth::Ansi16);
        assert!(tab.add_modifier.contains(Modifier::REVERSED));
        assert_eq!(tab.fg, None);
        let overlay = degrade(style, Role::Overlay, Depth::Ansi16);
        assert!(!overlay.add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn a_selected_row_is_black_on_grey_without_bold_where_its_background_is_lost() {
        let style = Style::new().bg(Color::Rgb(30, 40, 60)).add_modifier(Modifier::BOLD);
        let selected = degrade(style, Role::Selection, Depth::Ansi16);
        assert_eq!((selected.fg, selected.bg), (Some(Color::Black), Some(Color::Gray)));
        assert!(selected.sub_modifier.contains(Modifier::BOLD), "bold black is grey on grey");
        let without = degrade(style, Role::Selection, Depth::Off);
        assert!(without.add_modifier.contains(Modifier::REVERSED));
    }
}
