//! Theme files: TOML with a palette, roles written in its words, and a parent to begin from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::Role;

/// Finds the text of a theme file by its name, with where it was found.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<(String, String)>;

/// The deepest chain of parents.
const MAX_PARENTS: usize = 8;

const SHIPPED: [(&str, &str); 9] = [
    ("atalaya-dark", include_str!("../../../themes/atalaya-dark.toml")),
    ("atalaya-light", include_str!("../../../themes/atalaya-light.toml")),
    ("terminal", include_str!("../../../themes/terminal.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
    ("deuteranopia", include_str!("../../../themes/deuteranopia.toml")),
    ("catppuccin-mocha", include_str!("../../../themes/catppuccin-mocha.toml")),
    ("gruvbox-dark", include_str!("../../../themes/gruvbox-dark.toml")),
    ("nord", include_str!("../../../themes/nord.toml")),
];

/// What is wrong with a theme, and where: `nord.toml:12:9  …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ThemeError {
    /// The file, or the theme's name where there is no file.
    pub file: String,
    /// Line and column from 1; `None` if it is about the whole file.
    pub place: Option<(usize, usize)>,
    pub reason: String,
}

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}  {}", self.file, self.reason),
            None => write!(f, "{}  {}", self.file, self.reason),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    parent: Option<Spanned<String>>,
    #[serde(default)]
    palette: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The themes that are compiled in, with the first comment line of each.
pub fn built_in() -> Vec<(&'static str, &'static str)> {
    let about = |text: &'static str| text.lines().next().unwrap_or("").trim_start_matches("# ");
    SHIPPED.iter().map(|(name, text)| (*name, about(text))).collect()
}

/// The text of a theme that is compiled in.
pub fn shipped(name: &str) -> Option<(String, String)> {
    let (name, text) = SHIPPED.iter().find(|(n, _)| *n == name)?;
    Some((format!("{name}.toml"), (*text).to_owned()))
}

/// The text of the theme `name`, from `<folder>/<name>.toml` if it is there, otherwise compiled in.
pub fn in_folder(folder: Option<&Path>, name: &str) -> Option<(String, String)> {
    let own = folder.filter(|_| !name.contains(['/', '\\'])).and_then(|folder| {
        let path = folder.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path.display().to_string(), text))
    });
    own.or_else(|| shipped(name))
}

/// The style of every role, in the order of [`Role::ALL`].
pub fn read(name: &str, lookup: Lookup<'_>) -> Result<Vec<Style>, ThemeError> {
    let mut chain: Vec<(String, String, File)> = Vec::new();
    let mut next = Some((name.to_owned(), None));
    while let Some((name, asked_at)) = next.take() {
        let missing = |reason| match (chain.last(), asked_at) {
            (Some((file, text, _)), Some(at)) => {
                ThemeError { file: file.clone(), place: Some(place(text, at)), reason }
            }
            _ => ThemeError { file: name.clone(), place: None, reason },
        };
        if chain.len() >= MAX_PARENTS {
            return Err(missing("this parent leads back to the theme itself".to_owned()));
        }
        // A file of the user's that bears the name of a shipped theme may build on that one.
        let found = if chain.iter().any(|(file, ..)| *file == origin(lookup, &name)) {
            shipped(&name).filter(|(file, _)| chain.iter().all(|(f, ..)| f != file))
        } else {
            lookup(&name)
        };
        let Some((file, text)) = found else {
            let names: Vec<_> = SHIPPED.iter().map(|(n, _)| *n).collect();
            return Err(missing(format!(
                "there is no theme {name:?}; shipped are {}",
                names.join(" ")
            )));
        };
        let parsed: File = toml::from_str(&text).map_err(|e| ThemeError {
            file: file.clone(),
            place: e.span().map(|s| place(&text, s.start)),
            reason: e.message().to_owned(),
        })?;
        next = parsed.parent.as_ref().map(|p| (p.as_ref().clone(), Some(p.span().start)));
        chain.push((file, text, parsed));
    }
    styles(&chain)
}

fn origin(lookup: Lookup<'_>, name: &str) -> String {
    lookup(name).map(|(file, _)| file).unwrap_or_default()
}

/// Folds parents before children: first all palettes, then all roles, so that a child that changes
/// only the palette changes every role.
fn styles(chain: &[(String, String, File)]) -> Result<Vec<Style>, ThemeError> {
    let mut palette: BTreeMap<&str, Color> = BTreeMap::new();
    for (file, text, parsed) in chain.iter().rev() {
        for (name, value) in &parsed.palette {
            let colour = colour(value.as_ref()).ok_or_else(|| ThemeError {
                file: file.clone(),
                place: Some(place(text, value.span().start)),
                reason: format!(
                    "{:?} is not a colour; write \"#rrggbb\", an ANSI name, 0-255 or \"none\"",
                    value.as_ref()
                ),
            })?;
            palette.insert(name.as_ref(), colour);
        }
    }
    let mut styles = vec![None; Role::ALL.len()];
    for (file, text, parsed) in chain.iter().rev() {
        for (name, value) in &parsed.roles {
            let error = |at, reason| ThemeError {
                file: file.clone(),
                place: Some(place(text, at)),
                reason,
            };
            let slot = Role::ALL.iter().position(|(_, n)| n == name.as_ref());
            let Some(slot) = slot.and_then(|i| styles.get_mut(i)) else {
                let near = Role::ALL.iter().map(|(_, n)| *n);
                let near = near.min_by_key(|n| strsim::damerau_levenshtein(n, name.as_ref()));
                return Err(error(
                    name.span().start,
                    format!(
                        "unknown role {:?}; did you mean {:?}?",
                        name.as_ref(),
                        near.unwrap_or_default()
                    ),
                ));
            };
            let style = style(value.as_ref(), &palette);
            *slot = Some(style.map_err(|reason| error(value.span().start, reason))?);
        }
    }
    let file = chain.first().map(|(file, ..)| file.clone()).unwrap_or_default();
    let missing = |(style, (_, name)): (Option<Style>, &(Role, &str))| {
        style.ok_or_else(|| ThemeError {
            file: file.clone(),
            place: None,
            reason: format!(
                "has no role {name:?}; add it, or begin with parent = \"atalaya-dark\""
            ),
        })
    };
    styles.into_iter().zip(Role::ALL).map(missing).collect()
}

/// Reads `fg on bg bold dim …`.
fn style(text: &str, palette: &BTreeMap<&str, Color>) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let known = |word: &str| palette.get(word).copied().or_else(|| colour(word));
        match word {
            "bold" => style = style.add_modifier(Modifier::BOLD),
            "dim" => style = style.add_modifier(Modifier::DIM),
            "italic" => style = style.add_modifier(Modifier::ITALIC),
            "underline" => style = style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style = style.add_modifier(Modifier::REVERSED),
            "on" => {
                let word = words.next().unwrap_or_default();
                let bg = known(word).ok_or_else(|| {
                    format!("{word:?} is neither a colour nor a name of the palette")
                })?;
                style = style.bg(bg);
            }
            word => {
                let fg = known(word).ok_or_else(|| {
                    format!(
                        "{word:?} is neither a colour, nor a name of the palette, nor one of \
                         bold dim italic underline reverse"
                    )
                })?;
                style = style.fg(fg);
            }
        }
    }
    Ok(style)
}

/// `#rrggbb`, an ANSI name, a number of the 256-colour palette, or `none`.
fn colour(text: &str) -> Option<Color> {
    if text == "none" || text == "default" {
        return Some(Color::Reset);
    }
    if let Some(hex) = text.strip_prefix('#') {
        let valid = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        return valid.then(|| u32::from_str_radix(hex, 16).ok().map(Color::from_u32)).flatten();
    }
    if let Ok(index) = text.parse() {
        return Some(Color::Indexed(index));
    }
    Some(match text {
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "gray" => Color::Gray,
        "dark_gray" => Color::DarkGray,
        "light_red" => Color::LightRed,
        "light_green" => Color::LightGreen,
        "light_yellow" => Color::LightYellow,
        "light_blue" => Color::LightBlue,
        "light_magenta" => Color::LightMagenta,
        "light_cyan" => Color::LightCyan,
        "white" => Color::White,
        _ => return None,
    })
}

/// Line and column, from 1, of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn with(text: &'static str) -> impl Fn(&str) -> Option<(String, String)> {
        move |name| {
            let own = (name == "own").then(|| ("own.toml".to_owned(), text.to_owned()));
            own.or_else(|| shipped(name))
        }
    }

    #[test]
    fn a_child_changes_only_what_it_says() {
        let own = read("own", &with("parent = \"nord\"\n[palette]\nok = \"#010203\"\n")).unwrap();
        let nord = read("nord", &shipped).unwrap();
        let differ: Vec<_> = Role::ALL
            .iter()
            .zip(own.iter().zip(&nord))
            .filter(|(_, (a, b))| a != b)
            .map(|((_, name), _)| *name)
            .collect();
        assert_eq!(differ, ["toast_good", "ok"]);
        assert_eq!(own[Role::Ok as usize].fg, Some(Color::Rgb(1, 2, 3)));
    }

    #[test]
    fn a_file_of_a_shipped_name_may_build_on_the_shipped_one() {
        let lookup = |name: &str| match name {
            "nord" => Some((
                "/home/me/nord.toml".to_owned(),
                "parent = \"nord\"\n[roles]\nok = \"blue\"".to_owned(),
            )),
            other => shipped(other),
        };
        let styles = read("nord", &lookup).unwrap();
        assert_eq!(styles[Role::Ok as usize].fg, Some(Color::Blue));
    }

    #[rstest]
    #[case("parent = \"nrd\"", "own.toml:1:10  there is no theme \"nrd\"")]
    #[case("parent = \"own\"", "own.toml:1:10  there is no theme \"own\"")]
    #[case("[palette]\nok = \"#12\"", "own.toml:2:6  \"#12\" is not a colour")]
    #[case(
        "parent = \"nord\"\n[roles]\ncritcal = \"red\"",
        "own.toml:3:1  unknown role \"critcal\"; did you mean \"critical\"?"
    )]
    #[case("parent = \"nord\"\n[roles]\nok = \"blood\"", "own.toml:3:6  \"blood\" is neither")]
    #[case("[roles]\nok = \"red\"", "own.toml  has no role \"base\"")]
    #[case("[roles]\nok = 3", "own.toml:2:6  ")]
    #[case("colour = 1", "own.toml:1:1  unknown field")]
    fn a_mistake_is_named_with_its_place(#[case] text: &'static str, #[case] expect: &str) {
        let error = read("own", &with(text)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }
}
