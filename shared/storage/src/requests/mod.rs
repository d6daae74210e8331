//! Birth, commits, events and output of requests: the only code that writes them.
//!
//! - here: the commits themselves, and how they are read
//! - [`idempotency`]: what was made before under the same key
//! - [`exact_rows`]: the number of rows that reviewers see
//! - [`output`]: what an execution printed, in pieces

mod exact_rows;
mod idempotency;
mod output;

pub use exact_rows::ExactRows;
pub use idempotency::{IDEMPOTENCY_SECONDS, Idempotency, Remembered, Submitted};
pub use output::{INLINE_OUTPUT_BYTES, OutputPiece, PIECE_BYTES, SoFar};

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Event, GroupName, Request, RequestId, Timestamp, effects};

use crate::codec::{self, Item, binary, get_number, number, text};
use crate::store::{Condition, Rejected, VERSION};
use crate::{Key, StorageError, StorageFuture, Store, keys, schema};

pub(crate) const DOC: &str = "doc";
pub(crate) const ERROR: &str = "err";
const OUTPUT: &str = "out";
/// At most that many characters of an error text are kept.
pub const ERROR_CHARACTERS: usize = 1000;

/// What stands beside a commit's events, because not everybody who sees the events may see it.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    /// The error text of an execution.
    pub error: Option<String>,
    /// Output that is small enough to stand with the event, compressed.
    pub output: Option<Vec<u8>>,
    /// The access version that the commit relies on: it fails if anything that a claim checks
    /// has changed since.
    pub access_version: Option<u64>,
}

impl Store {
    /// Stores a request that was just submitted: state, first events, inbox entries and the
    /// idempotency key, in one transaction.
    ///
    /// # Errors
    /// Any [`StorageError`]. After an error nothing is stored, unless it says `Unavailable`.
    pub fn create<'a>(
        &'a self,
        request: &'a Request,
        events: &'a [Event],
        idempotency: Option<&'a Idempotency>,
    ) -> StorageFuture<'a, Submitted> {
        Box::pin(async move {
            let mut actions = vec![
                self.put(state_item(request, effects::sweep_at(request), None)?, Some(Condition::Absent))?,
                self.put(events_item(request, events, &Aside::default())?, Some(Condition::Absent))?,
            ];
            for group in request.groups_waiting() {
                actions.push(self.put(inbox_item(&group, request.id), None)?);
            }
            if request.waits_for_runner() {
                actions.push(self.put(work_item(request), None)?);
            }
            if let Some(idempotency) = idempotency {
                actions.push(self.remember(idempotency, &request.id.to_string(), request.created_at)?);
            }
            match self.transact("create", &self.token(request, None), actions).await {
                Ok(()) => Ok(Submitted::New),
                Err(Rejected::Conditions { .. }) => self.submitted_before(request, idempotency).await,
                Err(rejected) if rejected.perhaps_committed() => {
                    if self.stands(request).await? {
                        Ok(Submitted::New)
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    async fn submitted_before(
        &self,
        request: &Request,
        idempotency: Option<&Idempotency>,
    ) -> Result<Submitted, StorageError> {
        if self.stands(request).await? {
            return Ok(Submitted::New);
        }
        let Some(wanted) = idempotency else {
            return Err(StorageError::Conflict);
        };
        self.submitted_under(wanted).await?.ok_or(StorageError::Conflict)
    }

    /// Stores the next commit of a request: its state, its events and what changes in the inboxes,
    /// in one transaction, if nobody has written since `before` was read.
    ///
    /// # Errors
    /// [`StorageError::Conflict`]: load again and decide again. Else any other [`StorageError`];
    /// `Unavailable` after all retries may still have been stored.
    pub fn append<'a>(
        &'a self,
        before: &'a Request,
        after: &'a Request,
        events: &'a [Event],
        aside: &'a Aside,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let indexed_at = self.indexed_at(before, after);
            let mut actions = vec![
                self.put(
                    state_item(after, indexed_at, aside.error.as_deref())?,
                    Some(Condition::Version(before.version)),
                )?,
                self.put(events_item(after, events, aside)?, Some(Condition::Absent))?,
            ];
            actions.extend(self.inbox_changes(before, after)?);
            if let Some(version) = aside.access_version {
                let key = codec::key(keys::ACCESS, keys::ACCESS);
                actions.push(self.check(key, Condition::VersionOrAbsent(version))?);
            }
            match self.transact("append", &self.token(after, aside.access_version), actions).await {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => {
                    if self.stands(after).await? {
                        Ok(())
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Where the status index keeps an open request: never later than the sweep must look, and
    /// not moved when it may look later, because a move costs two index writes.
    #[expect(clippy::unused_self, reason = "reads as part of the store's layout")]
    fn indexed_at(&self, before: &Request, after: &Request) -> Option<Timestamp> {
        let due = effects::sweep_at(after)?;
        match effects::sweep_at(before) {
            Some(was) if after.approval().is_some() && before.approval().is_none() => Some(was.min(due)),
            _ => Some(due),
        }
    }

    /// The client request token of a commit, so that a retry of the same commit is recognised and
    /// another commit never is: what it ends in, and what it relies on. With the table, because
    /// tokens count in the whole account, where a restored copy may stand beside its original. At
    /// most 36 characters.
    fn token(&self, after: &Request, access_version: Option<u64>) -> String {
        let relied_on = access_version.map_or_else(String::new, |version| version.to_string());
        let commit = format!("{}\n{}\n{relied_on}", self.table, after.last_hash);
        sha256_hex(commit.as_bytes()).chars().take(36).collect()
    }

    fn inbox_changes(
        &self,
        before: &Request,
        after: &Request,
    ) -> Result<Vec<TransactWriteItem>, StorageError> {
        let was: BTreeSet<GroupName> = before.groups_waiting().into_iter().collect();
        let is: BTreeSet<GroupName> = after.groups_waiting().into_iter().collect();
        let mut actions = Vec::new();
        for group in was.difference(&is) {
            actions.push(self.delete(codec::key(&keys::inbox(group), &after.id.ulid()))?);
        }
        for group in is.difference(&was) {
            actions.push(self.put(inbox_item(group, after.id), None)?);
        }
        match (before.waits_for_runner(), after.waits_for_runner()) {
            (true, false) => {
                actions.push(self.delete(codec::key(&keys::work(&after.connection), &after.id.ulid()))?);
            }
            (false, true) => actions.push(self.put(work_item(after), None)?),
            (true, true) | (false, false) => {}
        }
        Ok(actions)
    }

    /// Whether the very commit that ends in `request` stands in the table or was built upon.
    async fn stands(&self, request: &Request) -> Result<bool, StorageError> {
        let key = codec::key(&keys::request(request.id), &keys::events(request.version));
        let items = self.batch_get("recognise", vec![key]).await?;
        let Some(item) = items.first() else {
            return Ok(false);
        };
        let events = crate::read::events_of(item)?;
        Ok(events.last().is_some_and(|event| event.hash == request.last_hash))
    }

    /// Loads the state of a request, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn load<'a>(&'a self, id: RequestId) -> StorageFuture<'a, Option<Request>> {
        Box::pin(async move { self.read("load", &[Key::State(id)]).await?.request(id) })
    }

    /// All the events of a request, in their order.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn events<'a>(&'a self, id: RequestId) -> StorageFuture<'a, Vec<Event>> {
        Box::pin(async move {
            let commits = self.commits(id).await?;
            Ok(commits.into_iter().flatten().collect())
        })
    }

    /// All the events of a request, by commit.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn commits<'a>(&'a self, id: RequestId) -> StorageFuture<'a, Vec<Vec<Event>>> {
        Box::pin(async move {
            let mut commits = Vec::new();
            let mut start = None;
            loop {
                let query = self
                    .client
                    .query()
                    .consistent_read(true)
                    .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
                    .expression_attribute_values(":pk", text(keys::request(id)))
                    .expression_attribute_values(":event", text("E#"))
                    .set_exclusive_start_key(start);
                let (items, next) = self.query("events", query).await?;
                for item in &items {
                    codec::check_schema(item)?;
                    commits.push(crate::read::events_of(item)?);
                }
                start = next;
                if start.is_none() {
                    return Ok(commits);
                }
            }
        })
    }

    /// How many commits the table holds of a request; for checks.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn stored_version<'a>(&'a self, id: RequestId) -> StorageFuture<'a, Option<u64>> {
        Box::pin(async move {
            let key = codec::key(&keys::request(id), keys::STATE);
            let items = self.batch_get("version", vec![key]).await?;
            items.first().map(|item| get_number(item, VERSION)).transpose()
        })
    }
}

pub(crate) fn state_item(
    request: &Request,
    indexed_at: Option<Timestamp>,
    error: Option<&str>,
) -> Result<Item, StorageError> {
    let mut item = codec::item(&keys::request(request.id), keys::STATE);
    item.insert(VERSION.to_owned(), number(request.version));
    item.insert(DOC.to_owned(), binary(codec::pack("the state of a request", request)?));
    if let Some((pk, sk)) = keys::status_of(request, indexed_at) {
        item.insert(schema::BY_STATUS.partition_key.to_owned(), text(pk));
        item.insert(schema::BY_STATUS.sort_key.to_owned(), text(sk));
    }
    if let Some(error) = error {
        let error: String = error.chars().take(ERROR_CHARACTERS).collect();
        item.insert(ERROR.to_owned(), text(error));
    }
    Ok(item)
}

pub(crate) fn events_item(request: &Request, events: &[Event], aside: &Aside) -> Result<Item, StorageError> {
    let mut item = codec::item(&keys::request(request.id), &keys::events(request.version));
    item.insert(DOC.to_owned(), binary(codec::pack("the events of a request", &events)?));
    if let Some(last) = events.last() {
        let (pk, sk) = keys::feed_of(request.id, last.at);
        item.insert(schema::FEED.partition_key.to_owned(), text(pk));
        item.insert(schema::FEED.sort_key.to_owned(), text(sk));
    }
    if request.version == 1 {
        let ulid = request.id.ulid();
        item.insert(schema::BY_WHO.partition_key.to_owned(), text(keys::requester(request.requester.user)));
        item.insert(schema::BY_WHO.sort_key.to_owned(), text(ulid.clone()));
        item.insert(
            schema::BY_WHERE.partition_key.to_owned(),
            text(keys::connection_requests(&request.connection)),
        );
        item.insert(schema::BY_WHERE.sort_key.to_owned(), text(ulid));
    }
    if let Some(output) = &aside.output {
        item.insert(OUTPUT.to_owned(), binary(output.clone()));
    }
    Ok(item)
}

pub(crate) fn inbox_item(group: &GroupName, id: RequestId) -> Item {
    codec::item(&keys::inbox(group), &id.ulid())
}

fn work_item(request: &Request) -> Item {
    codec::item(&keys::work(&request.connection), &request.id.ulid())
}
