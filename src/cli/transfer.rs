//! `atalaya export` and `atalaya import`: everything that is stored as JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::args;
use super::output::{Exit, complain};
use super::{Context, Failure, stored};
use crate::domain::text;
use crate::domain::text::clean;
use crate::store::{Store, Transferred};

pub async fn export(context: &Context, args: &args::Export) -> Result<Exit, Failure> {
    let config = context.config()?;
    let store = stored::open_to_query(context, &config).await?;
    let result = match &args.output {
        None => {
            let mut out = Reader { out: BufWriter::new(io::stdout()), gone: false };
            let written = store.export(&mut out).await.map_err(Failure::from);
            if out.gone { Ok(None) } else { written.map(Some) }
        }
        Some(path) => to_file(&store, path).await.map(Some),
    };
    store.close().await;
    if let Some(count) = result? {
        complain(&told("exported", count));
    }
    Ok(Exit::Fine)
}

/// Standard output, and whether its reader went away (`| head`), which is no error.
struct Reader {
    out: BufWriter<io::Stdout>,
    gone: bool,
}

impl Reader {
    fn watch<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.gone |= matches!(&result, Err(e) if e.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.watch(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.watch(result)
    }
}

async fn to_file(store: &Store, path: &Path) -> Result<Transferred, Failure> {
    // Through links, so that it is the file that is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let special = fs::metadata(&target).is_ok_and(|m| !m.is_file());
    if special {
        // A device or a pipe is written to, never replaced.
        let file = OpenOptions::new().write(true).open(&target).map_err(|e| unwritten(path, &e))?;
        return Ok(store.export(&mut BufWriter::new(file)).await?);
    }
    let (file, part) = beside(&target).map_err(|e| unwritten(path, &e))?;
    let mut out = BufWriter::new(file);
    let written = store.export(&mut out).await.map_err(Failure::from);
    finish(written, out, &part, &target)
}

/// A half-written export never bears the name of a whole one.
fn beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    // Not through a link that somebody laid there, nor into a file that others may read.
    match fs::remove_file(&part) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    Ok((file, part))
}

fn finish(
    written: Result<Transferred, Failure>,
    mut out: BufWriter<File>,
    part: &Path,
    path: &Path,
) -> Result<Transferred, Failure> {
    let done = written.and_then(|count| {
        out.flush()
            .and_then(|()| out.get_ref().sync_all())
            .and_then(|()| fs::rename(part, path))
            .map(|()| count)
            .map_err(|e| unwritten(path, &e))
    });
    if done.is_err() {
        let _ = fs::remove_file(part);
    }
    done
}

fn unwritten(path: &Path, e: &io::Error) -> Failure {
    Failure::Refused(format!("{} cannot be written: {e}", named(path)))
}

/// A path as messages have it.
fn named(path: &Path) -> String {
    clean(&path.display().to_string(), 300)
}

pub async fn import(context: &Context, args: &args::Import) -> Result<Exit, Failure> {
    let config = context.config()?;
    let store = stored::open(&config).await?;
    let result = if args.file == Path::new("-") {
        store.import(&mut BufReader::new(io::stdin())).await.map_err(Failure::from)
    } else {
        match File::open(&args.file) {
            Ok(file) => store.import(&mut BufReader::new(file)).await.map_err(Failure::from),
            Err(e) => Err(Failure::Usage(format!("{} cannot be read: {e}", named(&args.file)))),
        }
    };
    store.close().await;
    complain(&told("imported", result?));
    Ok(Exit::Fine)
}

fn told(verb: &str, count: Transferred) -> String {
    let number = |n: u64, what| text::count(usize::try_from(n).unwrap_or(usize::MAX), what);
    let said = format!(
        "{verb} {} and {}",
        number(count.incidents, "incident"),
        number(count.events, "event")
    );
    match count.days {
        0 => said,
        days => format!("{said}, with {} of what objectives measured", number(days, "day")),
    }
}
