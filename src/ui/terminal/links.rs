//! Links on the screen. ratatui's cells have no place for one, so that each cell of a link carries
//! the link's number as an invisible character.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::sequence;

/// How many different links a screen may have.
const LINKS: usize = 90;
/// The first of the characters that stand for numbers: tags, which take no cell and which cleaned
/// text never contains.
const FIRST: u32 = 0xe_0020;

/// The links of a frame: see [`super::Tui::draw_linked`].
#[derive(Debug, Default)]
pub struct Links(pub(super) Vec<(Rect, String)>);

impl Links {
    /// The cells of `area` lead to `url`. Anything but http and https is left out.
    pub fn add(&mut self, area: Rect, url: &str) {
        self.0.push((area, url.to_owned()));
    }
}

/// The sequences that begin links, by number; the oldest makes room for a new one.
#[derive(Debug, Default)]
pub(super) struct LinkTable {
    known: VecDeque<(usize, String)>,
    next: usize,
}

impl LinkTable {
    /// Makes the cells of `area` a link, if `url` can be one.
    pub fn mark(&mut self, buffer: &mut Buffer, area: Rect, url: &str) {
        let Some(begin) = sequence::link(url) else { return };
        let number = match self.known.iter().find(|(_, known)| *known == begin) {
            Some((number, _)) => *number,
            None => self.remember(begin),
        };
        for position in area.intersection(buffer.area).positions() {
            if let Some(cell) = buffer.cell_mut(position) {
                let symbol = format!("{}{}", cell.symbol(), tag(number));
                cell.set_symbol(&symbol);
            }
        }
    }

    fn remember(&mut self, begin: String) -> usize {
        let number = self.next;
        self.next = (self.next + 1) % LINKS;
        if self.known.len() == LINKS {
            self.known.pop_front();
        }
        self.known.push_back((number, begin));
        number
    }

    /// The sequence that begins that link.
    pub fn begin(&self, number: usize) -> Option<&str> {
        self.known.iter().find(|(known, _)| *known == number).map(|(_, begin)| begin.as_str())
    }
}

fn tag(number: usize) -> char {
    char::from_u32(FIRST + (number % LINKS) as u32).unwrap_or(' ')
}

/// A cell's symbol without its link, and the link's number.
pub(super) fn untag(symbol: &str) -> (&str, Option<usize>) {
    // A symbol and a tag are at least five bytes.
    if symbol.len() < 5 {
        return (symbol, None);
    }
    let last = symbol.char_indices().next_back();
    match last.map(|(at, c)| (at, u32::from(c))) {
        Some((at, code)) if (FIRST..FIRST + LINKS as u32).contains(&code) => {
            (symbol.get(..at).unwrap_or_default(), Some((code - FIRST) as usize))
        }
        _ => (symbol, None),
    }
}
