//! What the loader says about wrong files: every `config/*.toml` has its answer beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use atalaya::config::{Surroundings, Vocabulary, load};

fn around(config: PathBuf) -> Surroundings {
    let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
    Surroundings {
        config: Some(config),
        config_variable: None,
        config_dir: None,
        data_dir: "/data".into(),
        state_dir: "/state".into(),
        home: None,
        store: None,
        read_only: false,
        user: "ana".to_owned(),
        host: "tower".to_owned(),
        zone: None,
        vocabulary: Vocabulary {
            themes: words(&["atalaya-dark", "atalaya-light", "mono"]),
            tabs: words(&["health", "incidents"]),
            actions: words(&["acknowledge", "resolve", "filter"]),
            check_keys: |keys| {
                let twice = keys.get("resolve").is_some_and(|k| k.iter().any(|k| k == "a"));
                let why = "\"a\" is already the key of \"acknowledge\"".to_owned();
                if twice { vec![("resolve".to_owned(), why)] } else { Vec::new() }
            },
        },
    }
}

#[test]
fn every_wrong_file_gets_all_its_errors_with_place_and_remedy() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config");
    let mut files: Vec<PathBuf> = fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let now = "2026-11-23T13:03:00Z".parse().unwrap();
    assert!(files.len() >= 8, "{files:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("config");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    for file in files {
        // Copied, so that neither the path nor the permissions of the checkout show.
        let folder = tempfile::TempDir::new().unwrap();
        let copy = folder.path().join("config.toml");
        fs::copy(&file, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
        let said = match load(&around(copy), now) {
            Err(problems) => problems.to_string(),
            Ok(config) => format!("no errors\n{}", config.warnings),
        };
        let said = said.replace(&format!("{}/", folder.path().display()), "");
        assert!(!said.contains("hunter2"), "a secret was printed: {said}");
        insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), said);
    }
}
