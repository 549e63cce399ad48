//! The backend that ratatui draws on: one buffer, one write a frame, and as few bytes as will do.
//!
//! Only sequences of the VT100 move the cursor, so that every terminal understands them. The style
//! is kept from frame to frame; the position is not, because somebody else (`wall`, a message of
//! the kernel) may have moved the cursor meanwhile.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Buffer, Cell, CellDiffOption, CellWidth};
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use super::colour::{Depth, ansi};
use super::headless::Shared;
use super::links::{LinkTable, untag};
use super::sequence;
use super::session::{Session, locked};

/// Frames shorter than that are not bracketed: they arrive whole anyway.
const BRACKETED: usize = 256;

/// Where frames go.
pub(super) enum Output {
    Tty(Arc<Session>),
    Headless(Arc<Shared>),
}

pub(super) struct Surface {
    output: Output,
    depth: Depth,
    /// The frame so far.
    frame: String,
    pen: Pen,
    /// Where the cursor is, if known.
    at: Option<Position>,
    /// The screen was cleared in this frame: what is skipped is blank.
    cleared: bool,
    cursor: Cursor,
    /// The address that the cells being written belong to.
    link: Option<usize>,
    links: Arc<Mutex<LinkTable>>,
}

/// The colours and attributes that the terminal writes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// The text cursor as the terminal has it, and as the frame wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cursor {
    shown: bool,
    wanted: bool,
    /// Where it blinks; valid while it is shown.
    rests: Option<Position>,
    wanted_at: Option<Position>,
}

impl Pen {
    const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };
}

impl Surface {
    pub fn new(output: Output, depth: Depth) -> Self {
        Self {
            output,
            depth,
            frame: String::with_capacity(16 * 1_024),
            pen: Pen::PLAIN,
            at: None,
            cleared: false,
            cursor: Cursor::default(),
            link: None,
            links: Arc::default(),
        }
    }

    /// The links that cells may carry.
    pub fn links(&self) -> Arc<Mutex<LinkTable>> {
        Arc::clone(&self.links)
    }

    pub fn depth(&self) -> Depth {
        self.depth
    }

    pub fn set_depth(&mut self, depth: Depth) {
        self.depth = depth;
    }

    /// What was known of the terminal's state is no longer true.
    pub fn forget(&mut self) {
        self.frame.clear();
        self.frame.push_str("\x1b[m");
        self.pen = Pen::PLAIN;
        self.at = None;
        self.cursor = Cursor::default();
    }

    fn go(&mut self, to: Position) {
        if self.at == Some(to) {
            return;
        }
        let mut best = String::with_capacity(10);
        let column = (to.x > 0).then_some(to.x + 1);
        let _ = match (to.y, column) {
            (0, None) => write!(best, "\x1b[H"),
            (y, None) => write!(best, "\x1b[{}H", y + 1),
            (0, Some(x)) => write!(best, "\x1b[;{x}H"),
            (y, Some(x)) => write!(best, "\x1b[{};{x}H", y + 1),
        };
        if let Some(at) = self.at {
            let gap = to.x.saturating_sub(at.x);
            let blank =
                self.pen.bg == Color::Reset && !self.pen.modifier.intersects(VISIBLE_ON_BLANK);
            if self.cleared
                && to.y == at.y
                && (1..=3).contains(&gap)
                && blank
                && self.link.is_none()
            {
                (0..gap).for_each(|_| self.frame.push(' '));
                self.at = Some(to);
                return;
            }
            let mut near = String::with_capacity(10);
            let from = if to.x == 0 && at.x > 0 {
                near.push('\r');
                0
            } else {
                at.x
            };
            match to.y.checked_sub(at.y) {
                // A line feed is shorter than CUD; it cannot scroll, because the line exists.
                Some(down @ 0..=3) => (0..down).for_each(|_| near.push('\n')),
                Some(down) => steps(&mut near, down, 'B'),
                None => steps(&mut near, at.y - to.y, 'A'),
            }
            match to.x.checked_sub(from) {
                Some(right) => steps(&mut near, right, 'C'),
                None => steps(&mut near, from - to.x, 'D'),
            }
            if near.len() < best.len() {
                best = near;
            }
        }
        self.frame.push_str(&best);
        self.at = Some(to);
    }

    fn style(&mut self, wanted: Pen) {
        if wanted == self.pen {
            return;
        }
        let changed = step(self.pen, wanted);
        let afresh = step(Pen::PLAIN, wanted).map(|codes| format!("0;{codes}"));
        let codes = match (changed, afresh) {
            _ if wanted == Pen::PLAIN => String::new(),
            (Some(a), Some(b)) if b.len() < a.len() => b,
            (Some(a), _) => a,
            (None, b) => b.unwrap_or_default(),
        };
        let _ = write!(self.frame, "\x1b[{codes}m");
        self.pen = wanted;
    }

    /// What a cell is written with. A blank shows neither its foreground nor most attributes, so
    /// that the pen may keep them.
    fn pen_for(&self, cell: &Cell, fg: Color, bg: Color) -> Pen {
        let seen = VISIBLE_ON_BLANK;
        let wanted = Pen { fg, bg, modifier: cell.modifier };
        let blank = cell.symbol() == " " && !cell.modifier.intersects(seen);
        if blank && !self.pen.modifier.intersects(seen) { Pen { bg, ..self.pen } } else { wanted }
    }

    fn relink(&mut self, link: Option<usize>) {
        if link == self.link {
            return;
        }
        let links = locked(&self.links);
        // A new link ends the one before.
        let begin = link.and_then(|number| links.begin(number)).unwrap_or(sequence::LINK_END);
        self.frame.push_str(begin);
        drop(links);
        self.link = link;
    }

    fn cell(&mut self, x: u16, y: u16, cell: &Cell, width: u16) {
        self.go(Position { x, y });
        let (fg, bg) = self.depth.pair(cell.fg, cell.bg);
        self.style(self.pen_for(cell, fg, bg));
        let (symbol, link) = untag(cell.symbol());
        self.relink(link);
        // Text is cleaned where it enters; nothing that was not may do more than look odd.
        let harmless = !symbol.is_empty() && !symbol.chars().any(char::is_control);
        let symbol = if harmless { symbol } else { " " };
        self.frame.push_str(symbol);
        let columns = symbol.cell_width().max(1);
        // Terminals disagree about the width of composed characters, and in the last column the
        // cursor waits between two lines.
        let sure = symbol.len() == 1 || symbol.chars().count() == 1;
        let next = x.saturating_add(columns);
        self.at = (sure && next < width).then_some(Position { x: next, y });
    }

    fn settle_cursor(&mut self, drawn: bool) {
        let Cursor { shown, wanted, rests, wanted_at } = self.cursor;
        if let (true, Some(to)) = (wanted, wanted_at)
            && (drawn || !shown || rests != wanted_at)
        {
            self.go(to);
        }
        if shown != wanted {
            self.frame.push_str(if wanted { "\x1b[?25h" } else { "\x1b[?25l" });
        }
        self.cursor = Cursor { shown: wanted, rests: wanted_at, ..self.cursor };
    }

    fn send(&mut self) -> io::Result<()> {
        self.cleared = false;
        let frame = std::mem::take(&mut self.frame);
        let result = match &self.output {
            Output::Tty(session) if frame.len() > BRACKETED && session.caps().synchronised => {
                session.write(format!("\x1b[?2026h{frame}\x1b[?2026l").as_bytes())
            }
            Output::Tty(session) => session.write(frame.as_bytes()),
            Output::Headless(shared) => {
                shared.wrote(&frame);
                Ok(())
            }
        };
        self.frame = frame;
        self.frame.clear();
        result
    }
}

/// Where the last frame had characters of two columns. What replaces one must also rewrite the
/// second column: terminals disagree about what is left there.
#[derive(Debug, Default)]
pub(super) struct Wide(Vec<Position>);

impl Wide {
    /// Marks the second columns that have to be rewritten, and remembers those of this frame.
    pub fn refresh(&mut self, buffer: &mut Buffer) {
        for at in self.0.drain(..) {
            let now = if is_drawn(buffer, at) { cells(buffer, at) } else { 0 };
            let second = Position { x: at.x + 1, y: at.y };
            if let (0 | 1, Some(cell)) = (now, buffer.cell_mut(second)) {
                cell.set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
        let wide = |(_, cell): &(usize, &Cell)| cell.symbol().len() > 1 && cell.cell_width() > 1;
        let found = buffer.content().iter().enumerate().filter(wide).map(|(n, _)| buffer.pos_of(n));
        self.0.extend(found.map(|(x, y)| Position { x, y }));
    }
}

fn cells(buffer: &Buffer, at: Position) -> u16 {
    buffer.cell(at).map_or(0, CellWidth::cell_width)
}

/// Whether a cell is drawn itself, and not covered by the character before it.
fn is_drawn(buffer: &Buffer, at: Position) -> bool {
    let mut x = buffer.area.x;
    while x < at.x {
        x += cells(buffer, Position { x, y: at.y }).max(1);
    }
    x == at.x
}

/// Attributes that a blank cell shows.
const VISIBLE_ON_BLANK: Modifier = Modifier::UNDERLINED
    .union(Modifier::REVERSED)
    .union(Modifier::CROSSED_OUT)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK);

/// Moves the cursor by `count` cells in the direction of `last`.
fn steps(frame: &mut String, count: u16, last: char) {
    let _ = match count {
        0 => Ok(()),
        1 => write!(frame, "\x1b[{last}"),
        n => write!(frame, "\x1b[{n}{last}"),
    };
}

/// The SGR codes that lead from one pen to another without a reset; `None` where an attribute has
/// to be taken back, which a VT100 does only by a reset.
fn step(from: Pen, to: Pen) -> Option<String> {
    if from.modifier.difference(to.modifier) != Modifier::empty() {
        return None;
    }
    let mut codes = String::new();
    let mut add = |code: &str| {
        if !codes.is_empty() {
            codes.push(';');
        }
        codes.push_str(code);
    };
    for (modifier, code) in ATTRIBUTES {
        if to.modifier.difference(from.modifier).contains(modifier) {
            add(code);
        }
    }
    if from.fg != to.fg {
        add(&colour(to.fg, false));
    }
    if from.bg != to.bg {
        add(&colour(to.bg, true));
    }
    Some(codes)
}

const ATTRIBUTES: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

fn colour(colour: Color, background: bool) -> String {
    let base = if background { 40 } else { 30 };
    match (colour, ansi(colour)) {
        (Color::Rgb(r, g, b), _) => format!("{};2;{r};{g};{b}", base + 8),
        (Color::Indexed(n @ 16..), _) => format!("{};5;{n}", base + 8),
        (_, Some(n @ 0..8)) => format!("{}", base + u32::from(n)),
        (_, Some(n)) => format!("{}", base + 60 + u32::from(n) - 8),
        _ => format!("{}", base + 9),
    }
}

impl Backend for Surface {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let width = self.size()?.width;
        self.at = None;
        for (x, y, cell) in content {
            self.cell(x, y, cell, width);
        }
        self.relink(None);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor.wanted = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.cursor.wanted = true;
        Ok(())
    }

    /// Where it was last asked to be; the terminal is never asked.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.wanted_at.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor.wanted_at = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.cleared = clear_type == ClearType::All;
        // Terminals erase with the background of the pen.
        self.style(Pen::PLAIN);
        self.frame.push_str(match clear_type {
            ClearType::All => "\x1b[2J",
            ClearType::AfterCursor => "\x1b[J",
            ClearType::BeforeCursor => "\x1b[1J",
            ClearType::CurrentLine => "\x1b[2K",
            ClearType::UntilNewLine => "\x1b[K",
        });
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        Ok(match &self.output {
            Output::Tty(session) => session.size(),
            Output::Headless(shared) => shared.size(),
        })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    /// Sends the frame, if there is anything in it.
    fn flush(&mut self) -> io::Result<()> {
        let drawn = !self.frame.is_empty();
        // A visible cursor would be seen running about.
        if drawn && self.cursor.shown {
            self.frame.insert_str(0, "\x1b[?25l");
            self.cursor.shown = false;
        }
        self.settle_cursor(drawn);
        if self.frame.is_empty() { Ok(()) } else { self.send() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::Terminal;
    use ratatui::style::{Style, Stylize};
    use ratatui::text::Line;

    struct Bench {
        terminal: Terminal<Surface>,
        shared: Arc<Shared>,
        wide: Wide,
    }

    fn bench(width: u16, height: u16) -> Bench {
        let shared = Arc::new(Shared::new(Size { width, height }));
        let surface = Surface::new(Output::Headless(Arc::clone(&shared)), Depth::All);
        Bench { terminal: Terminal::new(surface).unwrap(), shared, wide: Wide::default() }
    }

    impl Bench {
        /// The bytes that drawing this takes.
        fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame)) -> String {
            let drawing = |frame: &mut ratatui::Frame| {
                render(frame);
                self.wide.refresh(frame.buffer_mut());
            };
            self.terminal.draw(drawing).unwrap();
            self.shared.take_last()
        }
    }

    fn put(frame: &mut ratatui::Frame, x: u16, y: u16, text: &str, style: Style) {
        frame.buffer_mut().set_string(x, y, text, style);
    }

    #[test]
    fn a_frame_that_changes_nothing_costs_nothing() {
        let mut bench = bench(20, 5);
        bench.draw(|f| put(f, 0, 0, "hello", Style::new().red()));
        assert_eq!(bench.draw(|f| put(f, 0, 0, "hello", Style::new().red())), "");
    }

    #[test]
    fn one_changed_cell_costs_its_place_and_itself() {
        let mut bench = bench(160, 45);
        let style = Style::new().bold().light_blue();
        bench.draw(|f| put(f, 100, 0, "14:03:27", style));
        assert_eq!(bench.draw(|f| put(f, 100, 0, "14:03:28", style)), "\x1b[;108H8");
    }

    #[test]
    fn only_what_differs_of_a_style_is_sent() {
        let mut bench = bench(20, 5);
        let sent = bench.draw(|f| {
            put(f, 0, 0, "a", Style::new().red());
            put(f, 1, 0, "b", Style::new().red().bold());
            put(f, 2, 0, "c", Style::new().green().bold());
            put(f, 3, 0, "d", Style::new());
        });
        assert_eq!(sent, "\x1b[H\x1b[31ma\x1b[1mb\x1b[32mc\x1b[md");
    }

    #[test]
    fn an_attribute_is_taken_back_by_a_reset_as_a_vt100_knows_it() {
        let mut bench = bench(20, 5);
        let sent = bench.draw(|f| {
            put(f, 0, 0, "a", Style::new().red().bold().underlined());
            put(f, 1, 0, "b", Style::new().red().underlined());
        });
        assert_eq!(sent, "\x1b[H\x1b[1;4;31ma\x1b[0;4;31mb");
    }

    #[test]
    fn the_cursor_takes_the_shortest_way() {
        let mut bench = bench(80, 24);
        let sent = bench.draw(|f| {
            put(f, 10, 10, "a", Style::new());
            put(f, 13, 10, "b", Style::new());
            put(f, 0, 11, "c", Style::new());
            put(f, 1, 12, "d", Style::new());
            put(f, 70, 20, "e", Style::new());
        });
        assert_eq!(sent, "\x1b[11;11Ha\x1b[2Cb\r\nc\nd\x1b[21;71He");
    }

    #[test]
    fn after_the_last_column_and_after_composed_characters_the_place_is_said_again() {
        let mut bench = bench(4, 3);
        let sent = bench.draw(|f| {
            put(f, 3, 0, "x", Style::new());
            put(f, 0, 1, "e\u{301}y", Style::new());
        });
        assert_eq!(sent, "\x1b[;4Hx\x1b[2He\u{301}\x1b[2;2Hy");
    }

    #[test]
    fn the_text_cursor_is_told_of_only_when_it_changes() {
        let mut bench = bench(20, 5);
        let shown = bench.draw(|f| f.set_cursor_position((3, 2)));
        assert_eq!(shown, "\x1b[3;4H\x1b[?25h");
        assert_eq!(bench.draw(|f| f.set_cursor_position((3, 2))), "");
        assert_eq!(bench.draw(|f| f.set_cursor_position((4, 2))), "\x1b[3;5H");
        assert_eq!(bench.draw(|_| {}), "\x1b[?25l");
        assert_eq!(bench.draw(|_| {}), "");
    }

    #[test]
    fn no_control_character_leaves_through_a_cell() {
        let mut bench = bench(20, 5);
        let sent = bench.draw(|f| {
            for (y, symbol) in ["\x1b]0;x\x07", "\u{9b}2J", "a\nb", "o"].into_iter().enumerate() {
                f.buffer_mut()[(0, y as u16)].set_symbol(symbol);
            }
        });
        assert_eq!(sent, "\x1b[H \r\n \r\n \r\no");
    }

    #[test]
    fn a_link_surrounds_its_cells_and_a_changed_address_is_sent_again() {
        let mut bench = bench(20, 5);
        let links = bench.terminal.backend().links();
        let mut draw = |url: &str| {
            bench.draw(|f| {
                put(f, 0, 0, "run book", Style::new());
                let area = ratatui::layout::Rect::new(4, 0, 4, 1);
                locked(&links).mark(f.buffer_mut(), area, url);
            })
        };
        let (one, two) = ("https://a.example/1", "https://a.example/2");
        let begin = |url| sequence::link(url).unwrap();
        let sent = draw(one);
        assert_eq!(sent, format!("\x1b[Hrun\x1b[C{}book\x1b]8;;\x1b\\", begin(one)));
        assert_eq!(draw(one), "");
        assert_eq!(draw(two), format!("\x1b[;5H{}book\x1b]8;;\x1b\\", begin(two)));
        assert_eq!(draw("javascript:x"), "\x1b[;5Hbook");
    }

    #[test]
    fn any_size_can_follow_any_size() {
        let mut bench = bench(80, 24);
        for (width, height) in [(1, 1), (500, 200), (2, 40), (80, 24)] {
            bench.shared.resize(Size { width, height });
            bench.draw(|f| {
                assert_eq!(f.area().as_size(), Size { width, height });
                f.render_widget(Line::from("atalaya").reversed(), f.area());
            });
        }
    }

    #[test]
    fn a_full_repaint_of_a_busy_screen_stays_small() {
        let mut bench = bench(160, 45);
        let sent = bench.draw(|f| {
            for y in 0..45 {
                for (n, x) in (0..160).step_by(8).enumerate() {
                    let style = Style::new().fg(Color::Indexed(20 + (n % 3) as u8));
                    put(f, x, y, "word 12", style);
                }
            }
        });
        assert!(sent.len() < 18 * 1_024, "{} bytes", sent.len());
    }

    fn nonzero(n: u16) -> std::num::NonZeroU16 {
        n.try_into().unwrap()
    }

    const SYMBOLS: [&str; 5] = ["a", "█", "日", " ", "e\u{301}"];

    fn styles() -> [Style; 6] {
        [
            Style::new(),
            Style::new().red(),
            Style::new().light_green().on_blue().bold(),
            Style::new().reversed(),
            Style::new().fg(Color::Rgb(1, 2, 3)).underlined(),
            Style::new().on_cyan(),
        ]
    }

    fn seen(colour: vt100::Color) -> Color {
        match colour {
            vt100::Color::Default => Color::Reset,
            vt100::Color::Idx(n) => Depth::All.colour(Color::Indexed(n)),
            vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
        }
    }

    /// Whether a terminal that got the bytes shows what was drawn.
    fn compare(screen: &vt100::Screen, drawn: &Buffer) {
        let mut covered = 0;
        for (n, cell) in drawn.content().iter().enumerate() {
            let (x, y) = drawn.pos_of(n);
            if x == 0 {
                covered = 0;
            }
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = cell.cell_width().saturating_sub(1);
            let got = screen.cell(y, x).unwrap();
            let contents = if got.has_contents() { got.contents() } else { " " };
            assert_eq!(contents, cell.symbol(), "at {x},{y}");
            let number = |c: Color| ansi(c).map_or(c, Color::Indexed);
            assert_eq!(number(seen(got.bgcolor())), number(cell.bg), "at {x},{y}");
            assert_eq!(got.inverse(), cell.modifier.contains(Modifier::REVERSED), "at {x},{y}");
            assert_eq!(got.underline(), cell.modifier.contains(Modifier::UNDERLINED));
            if cell.symbol() != " " {
                assert_eq!(number(seen(got.fgcolor())), number(cell.fg), "at {x},{y}");
                assert_eq!(got.bold(), cell.modifier.contains(Modifier::BOLD), "at {x},{y}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_was_drawn_frame_after_frame(
            frames in prop::collection::vec(
                (
                    prop::option::of((1_u16..14, 1_u16..6)),
                    prop::collection::vec((0_u16..14, 0_u16..6, 0_usize..5, 0_usize..6), 0..30),
                ),
                1..6,
            )
        ) {
            let mut bench = bench(9, 4);
            let mut terminal = vt100::Parser::new(nonzero(4), nonzero(9), 0);
            for (size, cells) in frames {
                if let Some((width, height)) = size {
                    bench.shared.resize(Size { width, height });
                    terminal.screen_mut().set_size(nonzero(height), nonzero(width));
                }
                let mut drawn = None;
                let sent = bench.draw(|f| {
                    for (x, y, symbol, style) in cells {
                        let area = f.area();
                        // A wide character does not fit into the last column.
                        if x + 1 < area.width && y < area.height {
                            put(f, x, y, SYMBOLS[symbol], styles()[style]);
                        }
                    }
                    drawn = Some(f.buffer_mut().clone());
                });
                terminal.process(sent.as_bytes());
                compare(terminal.screen(), &drawn.unwrap());
            }
        }
    }
}
