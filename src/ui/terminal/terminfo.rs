//! One number from the terminfo database: how many colours a terminal has.

use std::path::PathBuf;

/// `max_colors` of that terminal; `None` where no entry is found or it does not say.
pub fn colours(term: &str, env: impl Fn(&str) -> Option<String>) -> Option<u32> {
    let first = term.chars().next()?;
    // A name that is not one plain file name is no terminal.
    if !term.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+._".contains(&b)) || first == '.' {
        return None;
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    folders.extend(env("TERMINFO").map(PathBuf::from));
    folders.extend(env("HOME").map(|home| PathBuf::from(home).join(".terminfo")));
    folders.extend(env("TERMINFO_DIRS").iter().flat_map(std::env::split_paths));
    let usual = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];
    folders.extend(usual.map(PathBuf::from));
    let names = [first.to_string(), format!("{:x}", u32::from(first))];
    let paths = folders.iter().flat_map(|f| names.iter().map(move |n| f.join(n).join(term)));
    paths.filter_map(|path| std::fs::read(path).ok()).find_map(|entry| max_colours(&entry))
}

/// Reads a compiled entry (term(5)): a header of six 16-bit numbers, names, booleans, padding to an
/// even offset, then the numbers, of which `max_colors` is the 14th.
fn max_colours(entry: &[u8]) -> Option<u32> {
    let short = |at: usize| {
        let bytes: [u8; 2] = entry.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_le_bytes(bytes))
    };
    let width = match short(0)? {
        0o432 => 2,
        0o1036 => 4,
        _ => return None,
    };
    let (names, booleans) = (usize::from(short(2)?), usize::from(short(4)?));
    let count = short(6)?;
    let numbers = (12 + names + booleans).next_multiple_of(2);
    if count < 14 {
        return None;
    }
    let at = numbers + 13 * width;
    if width == 2 {
        i16::try_from(short(at)?).ok().map(|n| n as u32)
    } else {
        let bytes: [u8; 4] = entry.get(at..at + 4)?.try_into().ok()?;
        u32::try_from(i32::from_le_bytes(bytes)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(magic: u16, colours: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for n in [magic, 4, 1, 14, 0, 0] {
            bytes.extend_from_slice(&n.to_le_bytes());
        }
        bytes.extend_from_slice(b"abc\0\x01\0");
        bytes.resize(bytes.len() + 13 * colours.len(), 0xff);
        bytes.extend_from_slice(colours);
        bytes
    }

    #[test]
    fn both_formats_are_read() {
        assert_eq!(max_colours(&entry(0o432, &8_u16.to_le_bytes())), Some(8));
        assert_eq!(max_colours(&entry(0o1036, &0x0100_0000_u32.to_le_bytes())), Some(0x0100_0000));
    }

    #[test]
    fn broken_entries_say_nothing() {
        assert_eq!(max_colours(b""), None);
        assert_eq!(max_colours(b"\x1a\x01 garbage"), None);
        assert_eq!(max_colours(&entry(0o432, &0xffff_u16.to_le_bytes())), None);
        let whole = entry(0o1036, &8_u32.to_le_bytes());
        for length in 0..whole.len() {
            assert_eq!(max_colours(&whole[..length]), None);
        }
    }

    #[test]
    fn a_name_with_a_path_in_it_is_no_terminal() {
        assert_eq!(colours("../../etc/passwd", |_| None), None);
        assert_eq!(colours("", |_| None), None);
    }

    #[test]
    fn the_system_knows_its_console() {
        if std::path::Path::new("/usr/share/terminfo/l/linux").exists()
            || std::path::Path::new("/lib/terminfo/l/linux").exists()
        {
            assert_eq!(colours("linux", |_| None), Some(8));
        }
    }
}
