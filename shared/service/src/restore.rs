//! After a restore from a backup: what is open in the table is ended before anybody serves it.
//!
//! Raising the epoch alone is enough for what P4 promises; whoever does it by this command sees beforehand what it
//! ends, is kept from an epoch that is not above all that the table knows, and has a list of what to look at.

use countersign_app::App;
use countersign_app::change::ChangeError;
use countersign_app::restored::{Older, Walk};
use countersign_rules::{Refusal, RequestId, Status, Timestamp};
use countersign_storage::Key;
use countersign_storage::lists::{Source, Window};
use countersign_storage::restored::Setting;

use crate::ServiceError;

/// How many of the newest requests are asked for their epoch.
const NEWEST: usize = 50;

/// An open request of before the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub id: RequestId,
    /// Its code; empty if its state cannot be read.
    pub code: String,
    /// Its connection; empty as well.
    pub connection: String,
    /// Who asked; empty as well.
    pub requester: String,
    /// Where it stood in the backup.
    pub was: Option<Status>,
    /// Where it stands now, or what it would be.
    pub is: Option<Status>,
    /// Why it could not be ended.
    pub error: Option<String>,
}

/// What the table knows of epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The highest epoch of a request in it; none if it has none.
    pub epoch: Option<u32>,
    /// When its newest request was submitted: the backup is of then or later.
    pub newest: Option<Timestamp>,
}

/// What is open in the table and of an older epoch than `app`'s. Changes nothing.
///
/// # Errors
/// [`ServiceError::Unsuitable`] if the epoch is not above all that the table knows; the table's own.
pub async fn look(app: &App) -> Result<(Known, Vec<Ended>), ServiceError> {
    let known = known(app).await?;
    let wanted = app.config.epoch;
    if let Some(epoch) = known.epoch.filter(|epoch| *epoch >= wanted) {
        return Err(ServiceError::Unsuitable(format!(
            "the table has requests of epoch {epoch}: the new epoch must be higher than every one before, got {wanted}"
        )));
    }
    let mut open = Vec::new();
    let mut walk = Walk::default();
    while let Some(older) = app.next_of_older_epochs(&mut walk).await? {
        open.extend(older.into_iter().map(Ended::of));
    }
    open.sort_by_key(|ended| ended.id);
    Ok((known, open))
}

/// Ends them. One that cannot be ended says so and holds up no other; a second run looks at it again.
pub async fn end(app: &App, open: &mut [Ended]) {
    for ended in open {
        match app.tick(ended.id).await {
            Ok(request) => ended.is = Some(request.status()),
            Err(ChangeError::Refused(Refusal::Wrong(status))) => ended.is = Some(status),
            Err(error) => {
                ended.is = ended.was;
                ended.error = Some(error.to_string());
            }
        }
    }
}

/// The settings of a table in AWS that a restore leaves off, and whether it has them.
///
/// # Errors
/// What the database said.
pub async fn settings(app: &App, switch_on: bool) -> Result<Vec<(Setting, bool)>, ServiceError> {
    let mut found = Vec::new();
    for setting in Setting::ALL {
        let was_on = app.store.has(setting).await?;
        if switch_on && !was_on {
            app.store.switch_on(setting).await?;
        }
        found.push((setting, was_on));
    }
    Ok(found)
}

async fn known(app: &App) -> Result<Known, ServiceError> {
    // What is open is asked below one by one; here the newest of everything, and of what is open.
    let window = Window::everything(app.now());
    let (all, open) = tokio::try_join!(
        app.store.list(&Source::All, window, NEWEST),
        app.store.list(&Source::Open, window, NEWEST)
    )?;
    let mut ids: Vec<RequestId> = all.ids.into_iter().chain(open.ids).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = Known { epoch: None, newest: ids.last().map(|id| id.made_at()) };
    for some in ids.chunks(NEWEST) {
        let keys: Vec<Key> = some.iter().copied().map(Key::State).collect();
        let found = app.store.read("epochs", &keys).await?;
        for id in some {
            if let Some(request) = found.request(*id)? {
                known.epoch = known.epoch.max(Some(request.epoch));
            }
        }
    }
    Ok(known)
}

impl Ended {
    fn of(older: Older) -> Self {
        let Older { id, request } = older;
        let was = request.as_ref().map(countersign_rules::Request::status);
        let (code, connection, requester) = match request {
            Some(request) => (request.digest.code(), request.connection.to_string(), request.requester.email),
            None => Default::default(),
        };
        let is = was.map(|was| match was {
            Status::Pending => Status::Cancelled,
            Status::Approved | Status::Running => Status::Unknown,
            ended => ended,
        });
        Self { id, code, connection, requester, was, is, error: None }
    }
}
