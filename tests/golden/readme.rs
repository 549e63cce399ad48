//! What the README says is what the program does.

use std::path::Path;

use atalaya::ui::keymap::{Keymap, as_markdown};

const BEGIN: &str = "<!-- keys: from the table of actions -->\n";
const END: &str = "<!-- end of keys -->";

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_key_table_is_the_one_of_the_program() {
    let text = readme();
    let (_, rest) = text.split_once(BEGIN).expect("the README has a key table");
    let (table, _) = rest.split_once(END).expect("the key table ends");
    let expect = as_markdown(&Keymap::default());
    assert!(table == expect, "put this table into the README:\n{expect}");
}

#[test]
fn every_picture_and_file_that_it_links_exists() {
    let text = readme();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local: Vec<&str> =
        links.filter(|l| !l.starts_with("http") && !l.starts_with('#')).collect();
    assert!(local.len() > 3, "the README links its pictures");
    for link in local {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link} does not exist");
    }
}

#[test]
fn its_examples_of_the_config_are_one_that_can_be_used() {
    let text = readme();
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Views are a file of their own.
    let blocks: Vec<&str> = blocks.filter(|block| !block.starts_with("[[view]]")).collect();
    assert!(blocks.len() > 1, "{blocks:?}");
    let around = atalaya::config::Surroundings::of_process();
    let now = "2026-11-23T13:03:00Z".parse().unwrap();
    // What the short example depends on is not in it.
    let text = blocks.concat().replace("depends_on = [\"db-main\"]\n", "");
    let config = atalaya::config::of_text("README.md", text, &around, now);
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.warnings.0.is_empty(), "{}", config.warnings);
}

#[test]
fn the_two_commands_come_first() {
    let text = readme();
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("no {word}"));
    assert!(at("](assets/") < at("cargo run --release"));
    assert!(at("cargo run --release") < at("tests/run"));
    assert!(at("tests/run") < at("\n## "), "both stand before the first section");
}
