//! The terminal layer alone: a bordered screen with a counter.

use std::io;
use std::process::ExitCode;

use atalaya::ui::terminal::{InputEvent, Key, Options, Terminal};
use ratatui::widgets::{Block, Paragraph};

fn main() -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> io::Result<ExitCode> {
    let (mut tui, mut events) = Terminal::take_over(Options::default())?;
    tui.set_title("atalaya")?;
    let mut count = 0_u64;
    let mut last = String::new();
    loop {
        tui.draw(|frame| {
            let text = format!("{count} events, last: {last}");
            let block = Block::bordered().title("atalaya");
            frame.render_widget(Paragraph::new(text).block(block), frame.area());
        })?;
        let Some(event) = events.recv().await else { return Ok(ExitCode::FAILURE) };
        count += 1;
        last = format!("{event:?}");
        match event {
            InputEvent::Key(key) if key == Key::char('q') => return Ok(ExitCode::SUCCESS),
            InputEvent::Key(key) => last = key.to_string(),
            InputEvent::Leave(why) => return Ok(ExitCode::from(why.code())),
            InputEvent::Suspend => tui.suspend()?,
            InputEvent::Continued => tui.take_again()?,
            _ => {}
        }
    }
}
