//! The store as commands need it: opened by the config, its troubles told.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::output::complain;
use super::{Context, Failure, actor};
use crate::config::{Config, StoreAddress};
use crate::domain::incident::Actor;
use crate::store::{Location, Store, StoreError};

/// How long a command waits for the store before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Refused(_) | StoreError::ReadOnly { .. } => Self::Refused(e.to_string()),
            StoreError::Unusable { .. }
            | StoreError::Newer { .. }
            | StoreError::Older { .. }
            | StoreError::Damaged { .. }
            | StoreError::Failed { .. } => Self::Unreachable(e.to_string()),
        }
    }
}

/// What the store of a config is called in its own room.
pub fn location(address: &StoreAddress) -> Location {
    match address {
        StoreAddress::Sqlite(path) => Location::File(path.clone()),
        StoreAddress::Memory => Location::Memory,
    }
}

/// Opens it for writing.
pub async fn open(config: &Config) -> Result<Store, Failure> {
    opened(&location(&config.store), false).await
}

/// Opens it for reading only. Where nothing was ever stored, there is nothing to read: no file is
/// made for that.
pub async fn open_to_read(config: &Config) -> Result<Store, Failure> {
    match location(&config.store) {
        Location::File(path) if is_blank(&path) => opened(&Location::Memory, false).await,
        location => opened(&location, true).await,
    }
}

/// Opens it for writing, unless nothing was ever stored: then it is not made.
pub async fn open_if_there(config: &Config) -> Result<Option<Store>, Failure> {
    match location(&config.store) {
        Location::File(path) if is_blank(&path) => Ok(None),
        Location::Memory => Ok(None),
        location => opened(&location, false).await.map(Some),
    }
}

/// Whether nothing was ever stored there: there is no file, or a console ended right after making it.
fn is_blank(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(file) => file.is_file() && file.len() == 0,
        Err(_) => !path.exists(),
    }
}

/// As [`open_to_read`], for a question about what is stored: a file that somebody named and that is
/// not there is no empty store, but a wrong name.
pub async fn open_to_query(context: &Context, config: &Config) -> Result<Store, Failure> {
    match &config.store {
        StoreAddress::Sqlite(path)
            if config.store != context.around.default_store() && !path.exists() =>
        {
            Err(Failure::Unreachable(format!(
                "the store {}: there is no such file; correct --store or [store] url, or open the \
                 console once to make it",
                location(&config.store)
            )))
        }
        _ => open_to_read(config).await,
    }
}

async fn opened(location: &Location, read_only: bool) -> Result<Store, Failure> {
    let open = async {
        match Store::open(location, read_only).await {
            // Nobody asked for it to stay as it is: it is brought up to date, as a console does.
            Err(StoreError::Older { .. }) => Store::open(location, false).await,
            opened => opened,
        }
    };
    let opening = tokio::time::timeout(PATIENCE, open);
    let store = opening.await.map_err(|_| {
        Failure::Unreachable(format!("the store {location} does not answer within 30 s"))
    })??;
    for notice in store.notices() {
        complain(notice);
    }
    Ok(store)
}

/// Who acts, by config and surroundings.
pub fn operator(context: &Context, config: &Config) -> Actor {
    actor::operator(&config.operator, &context.around.host)
}
