//! `atalaya keys`: the table of actions with the keys that are in force.

use super::output::{self, Exit, print};
use super::{Context, Failure};
use crate::ui::keymap::{Keymap, as_json, as_text};

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let (map, _) = Keymap::with(&context.config()?.ui.keys);
    if context.output.json {
        output::print_json(&as_json(&map));
    } else {
        print(&as_text(&map));
    }
    Ok(Exit::Fine)
}
