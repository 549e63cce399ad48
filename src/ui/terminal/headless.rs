//! A terminal that is not there: drives the real app in tests, with the same drawing as the real
//! one up to the last byte.

use std::sync::Arc;
use std::sync::Mutex;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use tokio::sync::mpsc;

use super::key::{InputEvent, Key};
use super::links::untag;
use super::session::locked;

/// The other side of a headless terminal: its keyboard and its screen.
#[derive(Debug, Clone)]
pub struct Headless {
    shared: Arc<Shared>,
    input: mpsc::Sender<InputEvent>,
}

/// What the drawing side leaves behind.
#[derive(Debug)]
pub(super) struct Shared(Mutex<Left>);

#[derive(Debug)]
struct Left {
    size: Size,
    screen: Buffer,
    last: String,
    bytes: usize,
    frames: usize,
    copied: Vec<String>,
    notified: Vec<(String, String)>,
    title: String,
}

impl Headless {
    pub(super) fn new(shared: Arc<Shared>, input: mpsc::Sender<InputEvent>) -> Self {
        Self { shared, input }
    }

    /// Sends an event; false once the app no longer listens.
    pub async fn send(&self, event: InputEvent) -> bool {
        self.input.send(event).await.is_ok()
    }

    /// Presses keys, written as in [`Key`]'s `FromStr` and separated by spaces: `j j Enter`.
    pub async fn press(&self, keys: &str) -> Result<(), String> {
        for key in keys.split_whitespace() {
            let key: Key = key.parse()?;
            if !self.send(InputEvent::Key(key)).await {
                return Err("the app no longer listens".to_owned());
            }
        }
        Ok(())
    }

    /// Types text, a key for each character.
    pub async fn type_text(&self, text: &str) -> bool {
        for c in text.chars() {
            if !self.send(InputEvent::Key(Key::char(c))).await {
                return false;
            }
        }
        true
    }

    /// Changes the size, as a window does.
    pub async fn resize(&self, width: u16, height: u16) -> bool {
        let size = Size { width, height };
        self.shared.resize(size);
        self.send(InputEvent::Resize(size)).await
    }

    /// The last frame.
    pub fn screen(&self) -> Buffer {
        locked(&self.shared.0).screen.clone()
    }

    /// The last frame's text, a line for each row, without trailing spaces.
    pub fn text(&self) -> String {
        let screen = self.screen();
        let rows = screen.area.rows().map(|row| {
            let cells = row.positions().filter_map(|p| screen.cell(p));
            let cells = cells.map(|cell| untag(cell.symbol()).0);
            cells.collect::<String>().trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    /// How many frames were drawn that changed something.
    pub fn frames(&self) -> usize {
        locked(&self.shared.0).frames
    }

    /// How many bytes a terminal would have got.
    pub fn bytes(&self) -> usize {
        locked(&self.shared.0).bytes
    }

    /// What was copied to the clipboard, oldest first.
    pub fn copied(&self) -> Vec<String> {
        locked(&self.shared.0).copied.clone()
    }

    /// What the terminal was asked to notify of: titles and bodies.
    pub fn notified(&self) -> Vec<(String, String)> {
        locked(&self.shared.0).notified.clone()
    }

    /// The window's title.
    pub fn title(&self) -> String {
        locked(&self.shared.0).title.clone()
    }
}

impl Shared {
    pub fn new(size: Size) -> Self {
        Self(Mutex::new(Left {
            size,
            screen: Buffer::empty(Rect::default()),
            last: String::new(),
            bytes: 0,
            frames: 0,
            copied: Vec::new(),
            notified: Vec::new(),
            title: String::new(),
        }))
    }

    pub fn size(&self) -> Size {
        locked(&self.0).size
    }

    pub fn resize(&self, size: Size) {
        locked(&self.0).size = size;
    }

    pub fn wrote(&self, frame: &str) {
        let mut left = locked(&self.0);
        left.bytes += frame.len();
        left.frames += 1;
        frame.clone_into(&mut left.last);
    }

    pub fn drew(&self, screen: &Buffer) {
        locked(&self.0).screen.clone_from(screen);
    }

    pub fn copy(&self, text: &str) {
        locked(&self.0).copied.push(text.to_owned());
    }

    pub fn notify(&self, title: &str, body: &str) {
        locked(&self.0).notified.push((title.to_owned(), body.to_owned()));
    }

    pub fn set_title(&self, text: &str) {
        text.clone_into(&mut locked(&self.0).title);
    }

    /// The bytes of the last frame, which are then forgotten.
    #[cfg(test)]
    pub fn take_last(&self) -> String {
        std::mem::take(&mut locked(&self.0).last)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::widgets::Paragraph;

    use crate::ui::terminal::{InputEvent, Options, Terminal};

    #[tokio::test]
    async fn an_app_is_driven_and_watched_without_a_terminal() {
        let (mut tui, mut events, headless) =
            Terminal::headless(20, 3, Options::default()).unwrap();
        headless.press("j Ctrl-d").await.unwrap();
        headless.resize(10, 2).await;
        let mut heard = Vec::new();
        while let Ok(event) = events.try_recv() {
            heard.push(match event {
                InputEvent::Key(key) => key.to_string(),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(heard, ["j", "Ctrl-d", "Resize(Size { width: 10, height: 2 })"]);
        let mut draw = |text: &str| {
            tui.draw_linked(|frame, links| {
                frame.render_widget(Paragraph::new(text), frame.area());
                links.add(Rect::new(0, 0, 5, 1), "https://a.example/");
            })
            .unwrap();
        };
        draw("hello\nthere");
        assert_eq!(headless.text(), "hello\nthere");
        let (frames, bytes) = (headless.frames(), headless.bytes());
        draw("hello\nthere");
        assert_eq!((headless.frames(), headless.bytes()), (frames, bytes));
        tui.copy("INC-7").unwrap();
        tui.notify("P1\x1b]0;x\x07", "down").unwrap();
        assert_eq!(headless.copied(), ["INC-7"]);
        assert_eq!(headless.notified(), [("P1".to_owned(), "down".to_owned())]);
        assert!(tui.copy(&"x".repeat(80_000)).unwrap_err().to_string().contains("at most"));
    }
}
