//! `atalaya themes`: the compiled-in themes and those in the user's folder.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::Context;
use super::output::{self, Cell, Exit, Table, print};
use crate::domain::text::clean;
use crate::ui::theme;

#[derive(Serialize)]
struct Document {
    themes: Vec<Theme>,
}

#[derive(Serialize)]
struct Theme {
    name: String,
    /// The file; `null` for one that is compiled in.
    file: Option<String>,
    about: String,
}

pub fn run(context: &Context) -> Exit {
    let themes = list(context.around.config_dir.as_deref());
    if context.output.json {
        output::document(&Document { themes });
    } else {
        let mut table = Table::new(&["THEME", "ABOUT"]);
        for t in themes {
            let about = t.file.map_or(t.about, |file| format!("from {file}"));
            table.row([Cell::text(t.name), Cell::text(about)]);
        }
        print(&table.render(context.output));
    }
    Exit::Fine
}

/// Every name that `theme` may have.
pub fn names(config_dir: Option<&Path>) -> Vec<String> {
    list(config_dir).into_iter().map(|t| t.name).collect()
}

fn list(config_dir: Option<&Path>) -> Vec<Theme> {
    let mut themes: Vec<Theme> = theme::built_in()
        .into_iter()
        .map(|(name, about)| Theme { name: name.to_owned(), file: None, about: about.to_owned() })
        .collect();
    let folder = config_dir.map(|d| d.join("themes"));
    let files = folder.and_then(|f| fs::read_dir(f).ok()).into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        let Some(name) = path.file_stem().map(|n| clean(&n.to_string_lossy(), 60)) else {
            continue;
        };
        let own = Theme {
            name: name.clone(),
            file: Some(clean(&path.display().to_string(), 300)),
            about: String::new(),
        };
        // One's own replaces the shipped one of that name.
        match themes.iter_mut().find(|t| t.name == name) {
            Some(shipped) => *shipped = own,
            None => themes.push(own),
        }
    }
    themes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_a_theme_is_a_whole_sentence_or_an_address() {
        for theme in list(None) {
            let about = &theme.about;
            assert!(about.ends_with('.') || about.contains("https://"), "{}: {about}", theme.name);
        }
    }
}
