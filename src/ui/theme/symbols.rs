//! The signs that the screens are drawn with, and what stands in for them in plain ASCII.

use ratatui::symbols::border;

use crate::ui::terminal::Glyphs;

/// One consistent set of signs, each one cell wide.
#[derive(Debug, PartialEq)]
pub struct Symbols {
    pub ascii: bool,
    pub critical: &'static str,
    pub warning: &'static str,
    pub ok: &'static str,
    pub unknown: &'static str,
    pub maintenance: &'static str,
    pub deployment: &'static str,
    pub border: border::Set<'static>,
    /// Cuts text off.
    pub ellipsis: &'static str,
    /// Nothing to show.
    pub none: &'static str,
    pub brand: &'static str,
    /// The bar before the row of the cursor.
    pub bar: &'static str,
    /// Left of a tile, and under it.
    pub edge: &'static str,
    pub under: &'static str,
    pub mark: &'static str,
    pub folded: &'static str,
    pub unfolded: &'static str,
    /// Last child, child, continuation.
    pub tree_last: &'static str,
    pub tree_child: &'static str,
    pub tree_line: &'static str,
    pub sort_up: &'static str,
    pub sort_down: &'static str,
    pub arrow_up: &'static str,
    pub arrow_down: &'static str,
    pub arrow_left: &'static str,
    pub arrow_right: &'static str,
    /// Hangs a dependency under what depends on it.
    pub hook: &'static str,
    pub dot: &'static str,
    pub check: &'static str,
    /// From empty to full.
    pub levels: [&'static str; 9],
    pub bar_full: &'static str,
    pub bar_empty: &'static str,
    /// A bar over time: where it begins, and the rest of it.
    pub span_start: &'static str,
    pub span: &'static str,
    /// Fills what is blocked.
    pub bar_away: &'static str,
    pub line_v: &'static str,
    pub line_h: &'static str,
    /// A threshold on a chart.
    pub dashed: &'static str,
    pub tick: &'static str,
    pub quote_left: &'static str,
    pub quote_right: &'static str,
}

static UNICODE: Symbols = Symbols {
    ascii: false,
    critical: "✖",
    warning: "▲",
    ok: "●",
    unknown: "◌",
    maintenance: "⚒",
    deployment: "⇧",
    border: border::ROUNDED,
    ellipsis: "…",
    none: "—",
    brand: "▲",
    bar: "▌",
    edge: "▐",
    under: "▔",
    mark: "◆",
    folded: "▸",
    unfolded: "▾",
    tree_last: "└ ",
    tree_child: "├ ",
    tree_line: "│ ",
    sort_up: "▴",
    sort_down: "▾",
    arrow_up: "↑",
    arrow_down: "↓",
    arrow_left: "←",
    arrow_right: "→",
    hook: "↳",
    dot: "·",
    check: "✓",
    levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    bar_full: "▓",
    bar_empty: "░",
    span_start: "▌",
    span: "━",
    bar_away: "╳",
    line_v: "│",
    line_h: "─",
    dashed: "┄",
    tick: "┤",
    quote_left: "‹",
    quote_right: "›",
};

static ASCII: Symbols = Symbols {
    ascii: true,
    critical: "X",
    warning: "!",
    ok: ".",
    unknown: "?",
    maintenance: "M",
    deployment: "D",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    ellipsis: "~",
    none: "-",
    brand: "^",
    bar: ">",
    edge: "|",
    under: "=",
    mark: "#",
    folded: "+",
    unfolded: "-",
    tree_last: "` ",
    tree_child: "|-",
    tree_line: "| ",
    sort_up: "^",
    sort_down: "v",
    arrow_up: "^",
    arrow_down: "v",
    arrow_left: "<",
    arrow_right: ">",
    hook: "\\",
    dot: "-",
    check: "v",
    levels: [" ", "_", "_", ".", "-", "-", "=", "=", "#"],
    bar_full: "#",
    bar_empty: ".",
    span_start: "|",
    span: "=",
    bar_away: "x",
    line_v: "|",
    line_h: "-",
    dashed: "-",
    tick: "|",
    quote_left: "<",
    quote_right: ">",
};

impl Symbols {
    pub fn of(glyphs: Glyphs) -> &'static Self {
        match glyphs {
            Glyphs::Unicode => &UNICODE,
            Glyphs::Ascii => &ASCII,
        }
    }
}
