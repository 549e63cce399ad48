//! The picture in ARCHITECTURE.md stays true: a room is entered only along its arrows, and the pure
//! rooms know neither terminal, network, disk nor clock.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room → the rooms that it may use. `cli` stands at the top and may use all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["domain"]),
    ("sources", &["domain"]),
    ("engine", &["domain", "store"]),
    // Channels speak HTTP and read secrets as sources do.
    ("notify", &["domain", "engine", "sources"]),
    ("config", &["domain", "engine", "notify", "sources"]),
    ("ui", &["domain", "engine", "notify"]),
    ("cli", &["domain", "store", "sources", "engine", "notify", "config", "ui"]),
];

/// What the pure rooms must not name.
const PURE: &[&str] = &[
    "src/domain",
    "src/engine/core.rs",
    "src/engine/detection.rs",
    "src/engine/commands.rs",
    "src/engine/causes.rs",
    "src/engine/draft.rs",
    "src/engine/objectives.rs",
    "src/engine/sight.rs",
    "src/engine/publish.rs",
];
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "sqlx",
    "ratatui",
    "crossterm",
    "std::fs",
    "std::net",
    "std::env",
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant::now",
];

fn files(under: &Path) -> Vec<PathBuf> {
    if under.is_file() {
        return vec![under.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.extension().is_some_and(|e| e == "rs") {
            found.extend(files(&path));
        }
    }
    found
}

/// The code of a file without comments and without its test modules.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "tests")
        || path.file_name().is_some_and(|n| n == "tests.rs" || n == "fixture.rs")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_room_is_entered_only_along_its_arrows() {
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (room, allowed) in ARROWS {
        for file in files(&root().join("src").join(room)).iter().filter(|f| !is_test(f)) {
            let code = code(file);
            for other in rooms.iter().filter(|o| *o != room && !allowed.contains(o)) {
                if code.contains(&format!("crate::{other}::")) {
                    wrong.push(format!("{}: enters {other}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not along the arrows:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_src_is_a_room_with_arrows() {
    let folders = fs::read_dir(root().join("src")).unwrap().map(|e| e.unwrap().path());
    for folder in folders.filter(|p| p.is_dir()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(ARROWS.iter().any(|(room, _)| *room == name), "{name} is in no arrow");
    }
}

#[test]
fn the_pure_rooms_know_neither_terminal_network_disk_nor_clock() {
    let mut wrong = Vec::new();
    for place in PURE {
        for file in files(&root().join(place)).iter().filter(|f| !is_test(f)) {
            let code = code(file);
            for word in IMPURE.iter().filter(|w| code.contains(**w)) {
                wrong.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not pure:\n{}", wrong.join("\n"));
}
