//! The backend that ratatui draws on: one buffer, one write a frame, and as few bytes as will do.
//!
//! Only sequences of the VT100 move the cursor, so that every terminal understands them. The style
//! is kept from frame to frame; the position is not, because somebody else (`wall`, a message of
//! the kernel) may have moved the cursor meanwhile.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Cell, CellWidth};
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
        self.style(Pen { fg, bg, modifier: cell.modifier });
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
    use ratatui::Terminal;
    use ratatui::style::{Style, Stylize};
    use ratatui::text::Line;

    struct Bench {
        terminal: Terminal<Surface>,
        shared: Arc<Shared>,
    }

    fn bench(width: u16, height: u16) -> Bench {
        let shared = Arc::new(Shared::new(Size { width, height }));
        let surface = Surface::new(Output::Headless(Arc::clone(&shared)), Depth::All);
        Bench { terminal: Terminal::new(surface).unwrap(), shared }
    }

    impl Bench {
        /// The bytes that drawing this takes.
        fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame)) -> String {
            self.terminal.draw(render).unwrap();
            self.shared.take_last()
        }
    }
}
