//! What colours mean. Screens speak of roles ([`Role::Critical`]); a theme file says how a role looks;
//! the terminal's depth and glyphs decide how much of that can be shown.
//!
//! A state is always glyph + word + colour, so that each of the three may be missing.

mod depth;
mod file;
mod symbols;

use ratatui::style::{Modifier, Style};

pub use file::{Lookup, ThemeError, built_in, in_folder};
pub use symbols::Symbols;

use crate::domain::health::State;
use crate::domain::incident::Priority;
use crate::domain::observation::SourceState;
use crate::ui::terminal::{Background, Depth, Glyphs};

macro_rules! roles {
    ($($role:ident $name:literal),* $(,)?) => {
        /// What a piece of the screen is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role { $($role),* }

        impl Role {
            /// Every role with its name in theme files.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$role, $name)),*];
        }
    };
}

roles! {
    Base "base", Text "text", Strong "strong", Muted "muted", Faint "faint",
    Border "border", BorderFocus "border_focus", Title "title", Heading "heading",
    Accent "accent", Key "key", Hint "hint", Link "link",
    Selection "selection", SelectionIdle "selection_idle", Bar "bar", Mark "mark", Found "found",
    Field "field", FieldError "field_error", Stale "stale",
    Header "header", Brand "brand", Tab "tab", TabActive "tab_active", Footer "footer",
    Overlay "overlay", Demo "demo", ReadOnly "read_only", Banner "banner",
    ToastGood "toast_good", ToastBad "toast_bad", ToastInfo "toast_info",
    Ok "ok", Warning "warning", Critical "critical", Unknown "unknown", Maintenance "maintenance",
    P1 "p1", P2 "p2", P3 "p3", P4 "p4", P5 "p5",
    Chart "chart", Spark "spark", Axis "axis", LineWarn "line_warn", LineCrit "line_crit",
    ChartCursor "chart_cursor",
}

/// A theme as this terminal can show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub name: String,
    pub symbols: &'static Symbols,
    styles: Vec<Style>,
}

impl Theme {
    /// Builds the theme `name` for a terminal. `lookup` finds the text of a theme file by its name:
    /// the user's own folder first, then [`built_in`].
    pub fn load(
        name: &str,
        lookup: Lookup<'_>,
        depth: Depth,
        glyphs: Glyphs,
    ) -> Result<Self, ThemeError> {
        let mut styles = file::read(name, lookup)?;
        for (style, (role, _)) in styles.iter_mut().zip(Role::ALL) {
            *style = depth::degrade(*style, *role, depth);
        }
        let symbols = Symbols::of(glyphs);
        Ok(Self { name: name.to_owned(), symbols, styles })
    }

    /// A theme that is compiled in; an unknown name gives `mono`.
    pub fn built_in(name: &str, depth: Depth, glyphs: Glyphs) -> Self {
        let lookup: Lookup<'_> = &|name| file::shipped(name);
        Self::load(name, lookup, depth, glyphs).unwrap_or_else(|_| Self {
            name: "mono".to_owned(),
            symbols: Symbols::of(glyphs),
            styles: Role::ALL.iter().map(|(role, _)| plain(*role)).collect(),
        })
    }

    /// The theme for a terminal when nobody chose one.
    pub fn default_name(depth: Depth, background: Option<Background>) -> &'static str {
        match (depth, background) {
            (Depth::Off, _) => "mono",
            (Depth::Ansi8 | Depth::Ansi16, _) => "terminal",
            (_, Some(Background::Light)) => "atalaya-light",
            (_, _) => "atalaya-dark",
        }
    }

    /// How a role looks.
    pub fn of(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Whether only ASCII may be drawn.
    pub fn is_ascii(&self) -> bool {
        self.symbols.ascii
    }

    pub fn state(&self, state: State) -> Style {
        self.of(match state {
            State::Ok => Role::Ok,
            State::Warning => Role::Warning,
            State::Critical => Role::Critical,
            State::Unknown => Role::Unknown,
            State::Maintenance => Role::Maintenance,
        })
    }

    /// The sign that stands for a state: `✖ ▲ ● ◌ ⚒`.
    pub fn glyph(&self, state: State) -> &'static str {
        match state {
            State::Ok => self.symbols.ok,
            State::Warning => self.symbols.warning,
            State::Critical => self.symbols.critical,
            State::Unknown => self.symbols.unknown,
            State::Maintenance => self.symbols.maintenance,
        }
    }

    /// The badge of a priority; P1 and P2 are filled.
    pub fn priority(&self, priority: Priority) -> Style {
        self.of(match priority.0 {
            1 => Role::P1,
            2 => Role::P2,
            3 => Role::P3,
            4 => Role::P4,
            _ => Role::P5,
        })
    }

    /// The colour of a priority, for text.
    pub fn urgency(&self, priority: Priority) -> Style {
        match priority.0 {
            1 => self.of(Role::Critical),
            2 => self.of(Role::Warning),
            _ => self.priority(priority),
        }
    }

    /// How a source's state looks: sign, word, style.
    pub fn source(&self, state: &SourceState) -> (&'static str, &'static str, Style) {
        match state {
            SourceState::Fresh => (self.symbols.ok, "fresh", self.of(Role::Ok)),
            SourceState::Late => (self.symbols.warning, "late", self.of(Role::Warning)),
            SourceState::Failing { .. } => {
                (self.symbols.critical, "failing", self.of(Role::Critical))
            }
            SourceState::Never => (self.symbols.unknown, "never", self.of(Role::Unknown)),
        }
    }
}

/// Without any theme: enough emphasis to work with.
fn plain(role: Role) -> Style {
    match role {
        Role::Selection | Role::TabActive | Role::Banner | Role::P1 | Role::Critical => {
            Style::new().add_modifier(Modifier::REVERSED)
        }
        Role::Strong | Role::Title | Role::Warning | Role::P2 => {
            Style::new().add_modifier(Modifier::BOLD)
        }
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;
    use rstest::rstest;

    #[test]
    fn every_shipped_theme_is_complete_at_every_depth() {
        for (name, _) in built_in() {
            for depth in [Depth::Off, Depth::Ansi8, Depth::Ansi16, Depth::Indexed, Depth::All] {
                let lookup: Lookup<'_> = &|name| file::shipped(name);
                let theme = Theme::load(name, lookup, depth, Glyphs::Unicode);
                assert_eq!(theme.map(|t| t.styles.len()), Ok(Role::ALL.len()), "{name}");
            }
        }
    }

    #[test]
    fn the_selected_row_differs_from_others_in_every_theme_and_depth() {
        for (name, _) in built_in() {
            for depth in [Depth::Off, Depth::Ansi8, Depth::Ansi16, Depth::Indexed, Depth::All] {
                let theme = Theme::built_in(name, depth, Glyphs::Unicode);
                let text = theme.of(Role::Base);
                let selected = text.patch(theme.of(Role::Selection));
                assert_ne!(text, selected, "{name} {depth:?}");
            }
        }
    }

    #[test]
    fn without_colour_no_style_carries_one() {
        for (name, _) in built_in() {
            let theme = Theme::built_in(name, Depth::Off, Glyphs::Ascii);
            for style in &theme.styles {
                assert!(matches!(style.fg, None | Some(Color::Reset)), "{name}");
                assert!(matches!(style.bg, None | Some(Color::Reset)), "{name}");
            }
        }
    }

    #[test]
    fn states_differ_by_glyph_alone() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let theme = Theme::built_in("mono", Depth::Off, glyphs);
            let glyphs: std::collections::BTreeSet<_> =
                State::ALL.iter().map(|s| theme.glyph(*s)).collect();
            assert_eq!(glyphs.len(), State::ALL.len());
        }
    }

    #[rstest]
    #[case(Depth::Off, None, "mono")]
    #[case(Depth::Ansi16, Some(Background::Light), "terminal")]
    #[case(Depth::All, Some(Background::Light), "atalaya-light")]
    #[case(Depth::Indexed, None, "atalaya-dark")]
    fn the_default_follows_the_terminal(
        #[case] depth: Depth,
        #[case] background: Option<Background>,
        #[case] expect: &str,
    ) {
        assert_eq!(Theme::default_name(depth, background), expect);
    }

    /// Relative luminance contrast (WCAG 2), 1 to 21.
    fn contrast(a: Color, b: Color) -> Option<f64> {
        let luminance = |c: Color| {
            let Color::Rgb(red, green, blue) = c else { return None };
            let channel = |v: u8| {
                let v = f64::from(v) / 255.0;
                if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            Some(0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue))
        };
        let (a, b) = (luminance(a)?, luminance(b)?);
        Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
    }

    #[test]
    fn with_16_colours_no_badge_and_no_selected_row_has_bold_black_ink_or_black_on_blue() {
        for (name, _) in built_in() {
            let theme = Theme::built_in(name, Depth::Ansi16, Glyphs::Unicode);
            let bold = Style::new().add_modifier(Modifier::BOLD).patch(theme.of(Role::Selection));
            assert!(!bold.add_modifier.contains(Modifier::BOLD), "{name}");
            let badges = [Role::P1, Role::P2, Role::Demo, Role::Banner];
            for role in badges.into_iter().chain([Role::ReadOnly, Role::TabActive]) {
                let Style { fg, bg, add_modifier, .. } = theme.of(role);
                let dark = [Color::Red, Color::Blue, Color::Magenta].map(Some).contains(&bg);
                let bold = add_modifier.contains(Modifier::BOLD);
                match bg {
                    None | Some(Color::Reset) => {}
                    _ if dark => assert_eq!(fg, Some(Color::White), "{name} {role:?}"),
                    _ => assert_eq!((fg, bold), (Some(Color::Black), false), "{name} {role:?}"),
                }
            }
        }
    }

    #[test]
    fn text_can_be_read_on_every_background_it_meets() {
        for (name, _) in built_in() {
            let theme = Theme::built_in(name, Depth::All, Glyphs::Unicode);
            let base = theme.of(Role::Base);
            for over in [Role::Base, Role::Selection, Role::Overlay, Role::Header] {
                for role in [
                    Role::Text,
                    Role::Muted,
                    Role::Ok,
                    Role::Warning,
                    Role::Critical,
                    Role::Unknown,
                    Role::Maintenance,
                    Role::Accent,
                ] {
                    let style = base.patch(theme.of(role)).patch(theme.of(over));
                    let (Some(fg), Some(bg)) = (style.fg, style.bg) else { continue };
                    if let Some(ratio) = contrast(fg, bg) {
                        assert!(ratio >= 3.0, "{name}: {role:?} on {over:?} is {ratio:.1}:1");
                    }
                }
            }
        }
    }
}
