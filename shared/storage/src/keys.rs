//! The names of everything in the table.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | state of a request | `R#<ulid>` | `S` |
//! | a commit's events | `R#<ulid>` | `E#<version>` |
//! | a piece of output | `R#<ulid>` | `O#<piece>` |
//! | exact number of rows, for reviewers | `R#<ulid>` | `N` |
//! | waiting for a group | `I#<group>` | `<ulid>` |
//! | waiting for a runner | `J#<connection>` | `<ulid>` |
//! | idempotency key | `K#<user>#<sha-256 of route and key>` | `K` |
//! | user with tokens | `U` | `<user>` |
//! | who has an e-mail address | `M#<address>` | `M` |
//! | connection | `C` | `<name>` |
//! | catalogue of a connection's database | `E` | `<name>` |
//! | version of everything that a claim checks | `A` | `A` |
//! | custom webhook, and how any endpoint is doing | `W` | `<endpoint>` |
//! | delivery | `D#<endpoint>` | `<ulid>` |
//! | message posted for a request | `P#<ulid>` | `<endpoint>` |
//! | settings of Slack and Teams | `S` | `slack`, `teams` |
//! | up to when every event is on its way | `N` | `N` |
//! | account of a Slack user | `L#<slack user>` | `L` |
//! | code that proves a Slack user | `X#<sha-256 of the code>` | `X` |
//! | who wants direct messages | `B` | `<user>` |
//! | change of something else than a request | `V#<ulid>` | `V` |
//! | the log's head, and how far its checkpoints are copied | `Z` | `H`, `S` |
//! | tile of leaves, of nodes | `Z#L#<index>`, `Z#N#<level>#<index>` | `L`, `N` |
//! | checkpoint | `Z#C#<number / 1000>` | `<number>` |
//! | what of a minute is in the log | `Z#M#<day>` | `<minute>` |
//! | key that signed checkpoints | `Z#K` | `<first number>` |
//! | statistics | `Y#<length>#<partition>#<scope>` | `<period>` |
//! | a browser in which somebody is signed in | `B#<user>` | `<sha-256 of the session's id>` |
//! | whose an identity of an OIDC issuer is | `G#<sha-256 of issuer and subject>` | `G` |
//! | a code that is good once | `H#<sha-256 of the code>` | `H` |
//! | how many dry runs a person had in a minute | `E#<user>` | `<minute>` |

use countersign_notify::EndpointId;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{ConnectionName, GroupName, Request, RequestId, Status, Timestamp, UserId};

/// Open requests are spread over that many partitions of the status index, by their requesters.
pub const OPEN_SHARDS: u32 = 4;
/// Each day's events are spread over that many partitions of the feed.
pub const FEED_SHARDS: u32 = 4;

/// The sort key of a state item; the stream's filter names it.
pub const STATE: &str = "S";
pub(crate) const USERS: &str = "U";
pub(crate) const CONNECTIONS: &str = "C";
pub(crate) const CATALOGUES: &str = "E";
pub(crate) const EXACT_ROWS: &str = "N";
pub(crate) const ACCESS: &str = "A";
pub(crate) const IDEMPOTENCY: &str = "K";
pub(crate) const EMAIL: &str = "M";
pub(crate) const ENDPOINTS: &str = "W";
pub(crate) const SETTINGS: &str = "S";
pub(crate) const SLACK_SETTINGS: &str = "slack";
pub(crate) const NOTIFIED: &str = "N";
pub(crate) const SLACK_LINK: &str = "L";
pub(crate) const LINK_CODE: &str = "X";
pub(crate) const SUBSCRIPTIONS: &str = "B";
pub(crate) const IDENTITY: &str = "G";
pub(crate) const CODE: &str = "H";
/// The deadline of an open request that has none: behind every instant that is one.
pub(crate) const NO_DEADLINE: &str = "9999";
/// The sort key of the first commit's events.
pub(crate) const FIRST_EVENTS: &str = "E#00000001";

pub(crate) const CHANGE: &str = "V";
pub(crate) const LOG: &str = "Z";
pub(crate) const HEAD: &str = "H";
pub(crate) const COPIED: &str = "S";
pub(crate) const LEAVES: &str = "L";
pub(crate) const NODES: &str = "N";
pub(crate) const LOG_KEYS: &str = "Z#K";

pub(crate) fn change(ulid: &str) -> String {
    format!("V#{ulid}")
}

pub(crate) fn log_leaves(index: u64) -> String {
    format!("Z#L#{index}")
}

pub(crate) fn log_nodes(level: u32, index: u64) -> String {
    format!("Z#N#{level}#{index}")
}

pub(crate) fn log_checkpoint(number: u64) -> (String, String) {
    (format!("Z#C#{}", number / 1000), format!("{number:012}"))
}

/// Of the minute of an instant.
pub(crate) fn log_minute(at: Timestamp) -> (String, String) {
    let minute = Timestamp::from_unix_millis(at.unix_minutes() * 60_000);
    (format!("Z#M#{}", day(at)), minute.rfc3339())
}

pub(crate) fn statistics(length: char, scope: &str, partition: &str) -> String {
    format!("Y#{length}#{partition}#{scope}")
}

pub(crate) fn feed_of_change(ulid: &str, at: Timestamp) -> (String, String) {
    let shard = request_id(ulid).map_or(0, |id| shard(id.as_u128(), FEED_SHARDS));
    (feed(&day(at), shard), format!("{}#{ulid}", at.rfc3339()))
}

pub(crate) fn request(id: RequestId) -> String {
    format!("R#{}", id.ulid())
}

pub(crate) fn events(version: u64) -> String {
    format!("E#{version:08}")
}

pub(crate) fn output_piece(piece: u32) -> String {
    format!("O#{piece:05}")
}

pub(crate) fn inbox(group: &GroupName) -> String {
    format!("I#{group}")
}

pub(crate) fn work(connection: &ConnectionName) -> String {
    format!("J#{connection}")
}

pub(crate) fn idempotency(user: UserId, key_hash: &str) -> String {
    format!("K#{}#{key_hash}", user.ulid())
}

pub(crate) fn requester(user: UserId) -> String {
    format!("Q#{}", user.ulid())
}

pub(crate) fn connection_requests(name: &ConnectionName) -> String {
    format!("N#{name}")
}

pub(crate) fn email(email: &str) -> String {
    format!("M#{}", email.to_lowercase())
}

pub(crate) fn slack_link(slack_user: &str) -> String {
    format!("L#{slack_user}")
}

pub(crate) fn link_code(code_sha256: &str) -> String {
    format!("X#{code_sha256}")
}

pub(crate) fn deliveries(endpoint: &EndpointId) -> String {
    format!("D#{endpoint}")
}

/// Deliveries that wait for their next attempt, in the status index.
pub(crate) fn waiting(endpoint: &EndpointId) -> String {
    format!("W#{endpoint}")
}

pub(crate) fn posted(request: RequestId) -> String {
    format!("P#{}", request.ulid())
}

pub(crate) fn sessions(user: UserId) -> String {
    format!("B#{}", user.ulid())
}

pub(crate) fn identity(issuer: &str, subject: &str) -> String {
    format!("G#{}", sha256_hex(format!("{}:{issuer}:{subject}", issuer.len()).as_bytes()))
}

pub(crate) fn dry_runs(human: UserId) -> String {
    format!("E#{}", human.ulid())
}

pub(crate) fn one_time_code(code_hash: &str) -> String {
    format!("H#{code_hash}")
}

/// A shard that depends on the id alone.
fn shard(id: u128, shards: u32) -> u32 {
    // The low bits of a ULID are random.
    u32::try_from(id % u128::from(shards.max(1))).unwrap_or(0)
}

/// The shard of the open requests of a requester.
pub(crate) fn open_shard(requester: UserId) -> u32 {
    shard(requester.as_u128(), OPEN_SHARDS)
}

pub(crate) fn open(shard: u32) -> String {
    format!("O#{shard}")
}

pub(crate) fn ended(status: Status, month: &str) -> String {
    format!("T#{status}#{month}")
}

/// `2026-11`, of an instant.
pub(crate) fn month(at: Timestamp) -> String {
    at.rfc3339().chars().take(7).collect()
}

/// `2026-11-23`, of an instant.
pub(crate) fn day(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

pub(crate) fn feed(day: &str, shard: u32) -> String {
    format!("F#{day}#{shard}")
}

pub(crate) fn feed_of(id: RequestId, at: Timestamp) -> (String, String) {
    (feed(&day(at), shard(id.as_u128(), FEED_SHARDS)), format!("{}#{}", at.rfc3339(), id.ulid()))
}

/// Where a state stands in the status index: open ones by when the sweep should look, ended ones by
/// status and month of submission.
pub(crate) fn status_of(request: &Request, indexed_at: Option<Timestamp>) -> Option<(String, String)> {
    let status = request.status();
    if status.is_terminal() {
        return Some((ended(status, &month(request.created_at)), request.id.ulid()));
    }
    // UNKNOWN waits for a person, not for time: it stays visible at the end of the order.
    let due = indexed_at.map_or_else(|| NO_DEADLINE.to_owned(), Timestamp::rfc3339);
    let requester = request.requester.user;
    let sk = format!("{due}#{}#{}", request.id.ulid(), requester.ulid());
    Some((open(open_shard(requester)), sk))
}

/// Reads the request's id out of a bare ULID.
pub(crate) fn request_id(ulid: &str) -> Option<RequestId> {
    format!("{}{ulid}", RequestId::PREFIX).parse().ok()
}
