//! Birth, commits, events and output of requests: the only code that writes them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Event, GroupName, Request, RequestId, Timestamp, UserId, effects};

use crate::codec::{self, Item, binary, get_binary, get_number, get_text, number, text};
use crate::store::{Condition, Rejected, VERSION};
use crate::{Key, StorageError, Store, keys, schema};

pub(crate) const DOC: &str = "doc";
pub(crate) const ERROR: &str = "err";
const OUTPUT: &str = "out";
const BODY: &str = "body";
const MADE: &str = "made";
const CONTEXT: &str = "ctx";
const GOES_ON: &str = "on";
const ROWS: &str = "rows";
const BYTES: &str = "len";
/// How long an answer is remembered under its idempotency key.
pub const IDEMPOTENCY_SECONDS: u32 = 24 * 3600;
/// Output up to that many bytes, compressed, stands with the outcome's event.
pub const INLINE_OUTPUT_BYTES: usize = 1024;
/// A piece of output holds at most that many bytes before compression, which may not help: an item
/// takes 400 KB.
pub const PIECE_BYTES: usize = 280 * 1024;
/// At most that many characters of an error text are kept.
pub const ERROR_CHARACTERS: usize = 1000;

/// Under what key a submission is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key.
    pub user: UserId,
    /// SHA-256 of route and key, in hexadecimal digits.
    pub key_hash: String,
    /// SHA-256 of the body, in hexadecimal digits.
    pub body_hash: String,
}

impl Idempotency {
    /// Of a caller's key on a route, for a body.
    #[must_use]
    pub fn new(user: UserId, route: &str, key: &str, body: &[u8]) -> Self {
        let key_hash = sha256_hex(format!("{}:{route}:{key}", route.len()).as_bytes());
        Self { user, key_hash, body_hash: sha256_hex(body) }
    }
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is stored.
    New,
    /// The key was used before, with the same body: that request.
    Before(RequestId),
    /// The key was used before, with another body.
    KeyReused,
}

/// What an idempotency key stands for.
pub(crate) enum Remembered {
    /// Nothing: it is new.
    Nothing,
    /// Another body.
    OtherBody,
    /// That was made.
    Made(String),
}

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

/// A piece of stored output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputPiece {
    /// The bytes, at most [`PIECE_BYTES`].
    pub bytes: Vec<u8>,
    /// What a reader must know who begins here.
    pub context: String,
    /// Whether the piece ends inside a record: the next one goes on with it.
    pub goes_on: bool,
    /// What comes in pieces from outside counts as it comes: rows and bytes up to the end of this piece.
    pub so_far: Option<SoFar>,
}

/// How much output there is up to the end of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// Rows.
    pub rows: u64,
    /// Bytes, before compression.
    pub bytes: u64,
}

impl Store {
    /// Stores a request that was just submitted: state, first events, inbox entries and the
    /// idempotency key, in one transaction.
    ///
    /// # Errors
    /// Any [`StorageError`]. After an error nothing is stored, unless it says `Unavailable`.
    pub async fn create(
        &self,
        request: &Request,
        events: &[Event],
        idempotency: Option<&Idempotency>,
    ) -> Result<Submitted, StorageError> {
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

    /// What became of an earlier submission under that key, if there was one.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn submitted_under(&self, wanted: &Idempotency) -> Result<Option<Submitted>, StorageError> {
        match self.remembered(wanted).await? {
            Remembered::Nothing => Ok(None),
            Remembered::OtherBody => Ok(Some(Submitted::KeyReused)),
            Remembered::Made(id) => {
                let id = id.parse().map_err(|error| StorageError::corrupt("an idempotency item", error))?;
                Ok(Some(Submitted::Before(id)))
            }
        }
    }

    /// What an idempotency key is remembered for.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub(crate) async fn remembered(&self, wanted: &Idempotency) -> Result<Remembered, StorageError> {
        let key = codec::key(&keys::idempotency(wanted.user, &wanted.key_hash), keys::IDEMPOTENCY);
        let items = self.batch_get("idempotency", vec![key]).await?;
        let Some(item) = items.first() else {
            return Ok(Remembered::Nothing);
        };
        if get_text(item, BODY)? != wanted.body_hash {
            return Ok(Remembered::OtherBody);
        }
        Ok(Remembered::Made(get_text(item, MADE)?.to_owned()))
    }

    /// The action that remembers what was made under an idempotency key.
    pub(crate) fn remember(
        &self,
        idempotency: &Idempotency,
        made: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StorageError> {
        self.put(idempotency_item(idempotency, made, now), Some(Condition::Absent))
    }

    /// Stores the next commit of a request: its state, its events and what changes in the inboxes,
    /// in one transaction, if nobody has written since `before` was read.
    ///
    /// # Errors
    /// [`StorageError::Conflict`]: load again and decide again. Else any other [`StorageError`];
    /// `Unavailable` after all retries may still have been stored.
    pub async fn append(
        &self,
        before: &Request,
        after: &Request,
        events: &[Event],
        aside: &Aside,
    ) -> Result<(), StorageError> {
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
    pub async fn load(&self, id: RequestId) -> Result<Option<Request>, StorageError> {
        self.read("load", &[Key::State(id)]).await?.request(id)
    }

    /// All the events of a request, in their order.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn events(&self, id: RequestId) -> Result<Vec<Event>, StorageError> {
        let commits = self.commits(id).await?;
        Ok(commits.into_iter().flatten().collect())
    }

    /// All the events of a request, by commit.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn commits(&self, id: RequestId) -> Result<Vec<Vec<Event>>, StorageError> {
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
    }

    /// Stores a piece of output, before the outcome that names it. The first piece is 1.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`. Storing the same piece again replaces it.
    pub async fn put_output(
        &self,
        id: RequestId,
        number: u32,
        piece: &OutputPiece,
    ) -> Result<(), StorageError> {
        self.put_output_if(id, number, piece, None).await
    }

    /// The same, only while the request has that version.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it has another one.
    pub async fn put_output_while(
        &self,
        id: RequestId,
        number: u32,
        piece: &OutputPiece,
        version: u64,
    ) -> Result<(), StorageError> {
        self.put_output_if(id, number, piece, Some(version)).await
    }

    async fn put_output_if(
        &self,
        id: RequestId,
        number: u32,
        piece: &OutputPiece,
        version: Option<u64>,
    ) -> Result<(), StorageError> {
        let compressed = codec::compress(&piece.bytes)?;
        if compressed.len() > PIECE_BYTES + 1024 {
            return Err(StorageError::TooLarge(format!("a piece of output of {} bytes", compressed.len())));
        }
        let mut item = codec::item(&keys::request(id), &keys::output_piece(number));
        item.insert(OUTPUT.to_owned(), binary(compressed));
        item.insert(CONTEXT.to_owned(), text(&piece.context));
        if piece.goes_on {
            item.insert(GOES_ON.to_owned(), number_one());
        }
        if let Some(so_far) = piece.so_far {
            item.insert(ROWS.to_owned(), number_of(so_far.rows));
            item.insert(BYTES.to_owned(), number_of(so_far.bytes));
        }
        let token = crate::people::fresh_token()?;
        let mut actions = vec![self.put(item, None)?];
        if let Some(version) = version {
            let state = codec::key(&keys::request(id), keys::STATE);
            actions.push(self.check(state, Condition::Version(version))?);
        }
        match self.transact("output", &token, actions).await {
            Ok(()) => Ok(()),
            Err(Rejected::Conditions { .. }) => Err(StorageError::Conflict),
            Err(rejected) => Err(rejected.into_error()),
        }
    }

    /// A piece of output; piece 0 is the one that stands with the outcome's event, which `version`
    /// names.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn output(
        &self,
        id: RequestId,
        number: u32,
        version: u64,
    ) -> Result<Option<OutputPiece>, StorageError> {
        let sk = if number == 0 { keys::events(version) } else { keys::output_piece(number) };
        let items = self.batch_get("output", vec![codec::key(&keys::request(id), &sk)]).await?;
        let Some(item) = items.first().filter(|item| item.contains_key(OUTPUT)) else {
            return Ok(None);
        };
        Ok(Some(OutputPiece {
            bytes: codec::decompress(get_binary(item, OUTPUT)?)?,
            context: get_text(item, CONTEXT).unwrap_or_default().to_owned(),
            goes_on: item.contains_key(GOES_ON),
            so_far: match (get_number(item, ROWS), get_number(item, BYTES)) {
                (Ok(rows), Ok(bytes)) => Some(SoFar { rows, bytes }),
                _ => None,
            },
        }))
    }

    /// How many commits the table holds of a request; for checks.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn stored_version(&self, id: RequestId) -> Result<Option<u64>, StorageError> {
        let key = codec::key(&keys::request(id), keys::STATE);
        let items = self.batch_get("version", vec![key]).await?;
        items.first().map(|item| get_number(item, VERSION)).transpose()
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

fn number_one() -> aws_sdk_dynamodb::types::AttributeValue {
    number(1)
}

/// [`number`], where an argument has that name.
fn number_of(value: u64) -> aws_sdk_dynamodb::types::AttributeValue {
    number(value)
}

pub(crate) fn inbox_item(group: &GroupName, id: RequestId) -> Item {
    codec::item(&keys::inbox(group), &id.ulid())
}

fn work_item(request: &Request) -> Item {
    codec::item(&keys::work(&request.connection), &request.id.ulid())
}

fn idempotency_item(idempotency: &Idempotency, made: &str, now: Timestamp) -> Item {
    let mut item =
        codec::item(&keys::idempotency(idempotency.user, &idempotency.key_hash), keys::IDEMPOTENCY);
    item.insert(BODY.to_owned(), text(&idempotency.body_hash));
    item.insert(MADE.to_owned(), text(made));
    item.insert(schema::TTL.to_owned(), number(now.plus_seconds(IDEMPOTENCY_SECONDS).unix_seconds()));
    item
}
