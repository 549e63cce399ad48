//! `atalaya export` and `atalaya import`: everything that is stored as JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::args;
use super::output::{Exit, complain};
use super::{Context, Failure, stored};
use crate::domain::text::clean;
use crate::store::Transferred;

pub async fn export(context: &Context, args: &args::Export) -> Result<Exit, Failure> {
    let config = context.config()?;
    let store = stored::open_to_query(context, &config).await?;
    let result = match &args.output {
        None => store.export(&mut BufWriter::new(io::stdout())).await.map_err(Failure::from),
        Some(path) => match beside(path) {
            Ok((file, part)) => {
                let mut out = BufWriter::new(file);
                let written = store.export(&mut out).await.map_err(Failure::from);
                finish(written, out, &part, path)
            }
            Err(e) => Err(unwritten(path, &e)),
        },
    };
    store.close().await;
    let count = result?;
    complain(&told("exported", count));
    Ok(Exit::Fine)
}

/// A half-written export never bears the name of a whole one.
fn beside(path: &Path) -> io::Result<(File, std::path::PathBuf)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
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
    format!("{verb} {} incidents and {} events", count.incidents, count.events)
}
