//! The local clipboard tool, for terminals without OSC 52. Never over SSH, where the clipboard of
//! the machine that we run on is nobody's.

use std::io::Write;
use std::process::{Command, Stdio};

/// Hands `text` to the first tool of this desktop, in a thread of its own; what becomes of it is
/// not waited for.
pub(super) fn offer(text: &str) {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let tools: &[&[&str]] = if set("SSH_CONNECTION") || set("SSH_TTY") {
        &[]
    } else if cfg!(target_os = "macos") {
        &[&["pbcopy"]]
    } else if set("WAYLAND_DISPLAY") {
        &[&["wl-copy"]]
    } else if set("DISPLAY") {
        &[&["xclip", "-selection", "clipboard"], &["xsel", "--clipboard", "--input"]]
    } else {
        &[]
    };
    if tools.is_empty() {
        return;
    }
    let text = text.to_owned();
    let offer = move || {
        for tool in tools {
            let [program, arguments @ ..] = tool else { continue };
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::piped());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let Ok(mut child) = command.spawn() else { continue };
            let wrote = child.stdin.take().map(|mut pipe| pipe.write_all(text.as_bytes()));
            let _ = child.wait();
            if matches!(wrote, Some(Ok(()))) {
                return;
            }
        }
    };
    let _ = std::thread::Builder::new().name("clipboard".to_owned()).spawn(offer);
}
