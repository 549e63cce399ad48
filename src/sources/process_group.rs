//! The processes that a program starts, ended with it.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The process group of a program that was started with `process_group(0)`; killed when this is
/// dropped, and with it all that the program started, except what moved to a session of its own.
pub struct Group(Option<Pid>);

impl Group {
    pub fn led_by(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Gone already is fine.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
