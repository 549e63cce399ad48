//! The views of the queue that a person keeps for themselves: `views.toml` beside the config, written
//! by the console, and read again when somebody changed it by hand.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::domain::incident::views::{OwnChange as Change, OwnViews, View};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;
/// The most views that a person keeps.
const MOST: usize = 200;
const HEAD: &str = "# The views of the queue that were saved in the console. It writes this file anew when one is\n\
     # saved or deleted; changes by hand are read at once.\n\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(default)]
    view: Vec<Spanned<toml::Value>>,
}

#[derive(Serialize)]
struct Written<'a> {
    view: &'a [View],
}

/// Where they are kept.
pub fn file(around: &super::Surroundings) -> PathBuf {
    around.config_dir.as_ref().unwrap_or(&around.state_dir).join("views.toml")
}

/// Reads the file; none is no views. One that is wrong costs only itself.
pub fn read(path: &Path) -> OwnViews {
    let failed = |why: String| OwnViews { views: Vec::new(), wrong: vec![why] };
    let shown = path.display();
    match fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return OwnViews::default(),
        Err(e) => return failed(format!("{shown} cannot be read: {e}; mend its permissions")),
        Ok(meta) if meta.len() > MAX_FILE => {
            return failed(format!("{shown} has more than 256 KiB; take views out of it"));
        }
        Ok(meta) if !meta.is_file() => {
            return failed(format!("{shown} is no file; put one there, or take it away"));
        }
        Ok(_) => {}
    }
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    match read() {
        Ok(text) => of_text(&shown.to_string(), &text),
        Err(e) => failed(format!("{shown} cannot be read: {e}; save it as UTF-8 text")),
    }
}

/// What a text of that name says.
pub fn of_text(name: &str, text: &str) -> OwnViews {
    let line = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    let read: Read = match toml::from_str(text) {
        Ok(read) => read,
        Err(e) => {
            let place = line(e.span().map_or(0, |span| span.start));
            let why = e.message().lines().next().unwrap_or_default().to_owned();
            let why = format!("{name}:{place}: {why}; correct the line, or delete the file");
            return OwnViews { views: Vec::new(), wrong: vec![why] };
        }
    };
    let mut own = OwnViews::default();
    for one in read.view {
        let place = line(one.span().start);
        let view = one.into_inner().try_into::<View>();
        let view = view.map_err(|e| e.message().lines().next().unwrap_or_default().to_owned());
        let checked = view.and_then(|view| match view.wrong() {
            Some(why) => Err(why),
            None if own.views.iter().any(|known| known.name == view.name) => {
                Err(format!("there is a view {:?} above", view.name))
            }
            None if own.views.len() >= MOST => Err(format!("{MOST} views are the most")),
            None => Ok(view),
        });
        match checked {
            Ok(view) => own.views.push(view),
            Err(why) => own
                .wrong
                .push(format!("{name}:{place}: {why}; correct this [[view]] or take it out")),
        }
    }
    own
}

/// Changes the file, as it is now. A file with mistakes is left alone, since what it means to say
/// would be lost.
///
/// # Errors
/// Why nothing was changed.
pub fn change(path: &Path, change: &Change) -> Result<OwnViews, String> {
    let mut own = read(path);
    if let Some(why) = own.wrong.first() {
        return Err(format!("not saved: {why}"));
    }
    match change {
        Change::Save(view) => {
            if let Some(why) = view.wrong() {
                return Err(why);
            }
            let full = own.views.len() >= MOST;
            match own.views.iter_mut().find(|known| known.name == view.name) {
                Some(known) => known.clone_from(view),
                None if full => {
                    return Err(format!("{MOST} views are the most; delete one first"));
                }
                None => own.views.push(view.clone()),
            }
        }
        Change::Delete(name) => {
            let before = own.views.len();
            own.views.retain(|view| view.name != *name);
            if own.views.len() == before {
                return Err(format!("there is no view {name:?} of yours; v lists them"));
            }
        }
    }
    write(path, &own.views)
        .map_err(|e| format!("not saved: {} cannot be written: {e}", path.display()))?;
    Ok(own)
}

/// All or nothing: a file beside it takes its place.
fn write(path: &Path, views: &[View]) -> std::io::Result<()> {
    let text = toml::to_string(&Written { view: views }).map_err(std::io::Error::other)?;
    // Through a link to the file that it means.
    let path = &meant(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(HEAD.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Where a link leads, also one to what is not there yet; the path itself where it is none.
fn meant(path: &Path) -> PathBuf {
    if let Ok(target) = fs::canonicalize(path) {
        return target;
    }
    match (fs::read_link(path), path.parent()) {
        (Ok(target), Some(folder)) => folder.join(target),
        _ => path.to_path_buf(),
    }
}

/// What tells that the file was changed.
pub fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, query: &str) -> View {
        View { name: name.into(), query: query.into(), ..View::default() }
    }

    #[test]
    fn a_view_that_is_wrong_costs_only_itself_and_says_file_line_and_remedy() {
        let text = "[[view]]\nname = \"mail\"\nquery = \"service:mail\"\n\n[[view]]\nname = \"bad\"\n\
                    query = \"stat:new\"\n\n[[view]]\nname = \"mine too\"\nsort = \"urgency\"\n\n\
                    [[view]]\nname = \"mail\"\n";
        let own = of_text("views.toml", text);
        assert_eq!(own.views, [view("mail", "service:mail")]);
        assert_eq!(own.wrong.len(), 3, "{:?}", own.wrong);
        assert_eq!(
            own.wrong[0],
            "views.toml:5: its query is wrong: there is no term \"stat\"; did you mean state:?; \
             correct this [[view]] or take it out"
        );
        assert!(own.wrong[1].starts_with("views.toml:9: nothing is sorted by \"urgency\""));
        assert!(own.wrong[2].starts_with("views.toml:13: there is a view \"mail\" above"));
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        let own = of_text("views.toml", "[[view]]\nname = mail\n");
        assert!(own.views.is_empty());
        assert!(own.wrong[0].starts_with("views.toml:2: "), "{:?}", own.wrong);
        assert!(own.wrong[0].ends_with("; correct the line, or delete the file"));
        let own = of_text("views.toml", "view = 3\n");
        assert!(own.wrong[0].starts_with("views.toml:1: "), "{:?}", own.wrong);
    }

    #[test]
    fn a_link_stays_one_and_what_it_leads_to_is_written_also_where_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) =
            (folder.path().join("views.toml"), folder.path().join("dotfiles.toml"));
        std::os::unix::fs::symlink("dotfiles.toml", &link).unwrap();
        for name in ["mail", "disk"] {
            change(&link, &Change::Save(view(name, "service:mail"))).unwrap();
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(std::fs::read_to_string(&target).unwrap().contains(name));
        }
    }

    #[test]
    fn what_is_saved_is_read_again_and_a_file_with_mistakes_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("atalaya/views.toml");
        assert_eq!(read(&path), OwnViews::default());
        let own = change(&path, &Change::Save(view("mail", "service:mail"))).unwrap();
        assert_eq!(read(&path), own);
        change(&path, &Change::Save(view("disk", "disk -is:mine"))).unwrap();
        let own = change(&path, &Change::Save(view("mail", "service:mail*"))).unwrap();
        assert_eq!(own.views, [view("mail", "service:mail*"), view("disk", "disk -is:mine")]);
        let own = change(&path, &Change::Delete("mail".into())).unwrap();
        assert_eq!((own.views.len(), read(&path)), (1, own));
        let gone = change(&path, &Change::Delete("mail".into()));
        assert_eq!(gone.unwrap_err(), "there is no view \"mail\" of yours; v lists them");
        let broken = "[[view]]\nname = \"\"\n";
        std::fs::write(&path, broken).unwrap();
        let why = change(&path, &Change::Save(view("mail", ""))).unwrap_err();
        assert!(why.starts_with("not saved: ") && why.contains(":1: a view needs a name"), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
    }
}
