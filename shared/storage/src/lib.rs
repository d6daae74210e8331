//! The single table: what stands where, and the only code that reads or writes it.
//!
//! A map of the crate:
//!
//! - [`schema`] is the table, [`inspect`] looks at one that something else made,
//!   [`restored`] sets what a restore from a backup leaves off; [`keys`] the names of
//!   everything in it; [`codec`] bytes and JSON
//! - [`items`] what is stored besides requests: users with their tokens, connections; [`scope`] what a token
//!   is limited to
//! - [`store`] the client, [`read`] several items in one strongly consistent call
//! - [`catalogues`] what the databases of connections consist of
//! - [`requests`] birth, commits, events and output of requests; [`people`] and [`connections`]
//! - [`webhooks`] endpoints and how they are doing, [`deliveries`] what was brought to them, [`integrations`]
//!   the settings of Slack and Teams; [`commits`] every commit by time
//! - [`slack`] who is who in Slack, and who wants to be told there
//! - [`audit`] changes of everything but requests; [`feed`] everything that happened, by time; [`log`]
//!   the log over it, with its checkpoints; [`statistics`] numbers by period
//! - [`sign_in`] what a sign-in leaves behind: sessions, links to issuers' identities, one-time codes
//! - [`dry_runs`] how many dry runs a person had lately
//! - [`lists`] requests newest first; [`sweep`] what is overdue
//! - [`bulk`] requests as items, for loading many at once
//! - [`error`] what can go wrong, typed; [`meter`] what it cost
//!
//! **Invariants:** no table scan anywhere. State, event and inbox entries of a commit are one
//! transaction. Nobody but `requests` writes requests. A reply that was lost after the commit is
//! recognised by what stands in the table.

pub mod audit;
pub mod bulk;
pub mod catalogues;
pub mod codec;
pub mod commits;
pub mod connections;
pub mod deliveries;
pub mod dry_runs;
pub mod error;
pub mod feed;
pub mod inspect;
pub mod integrations;
pub mod items;
pub mod keys;
pub mod lists;
pub mod log;
pub mod meter;
pub mod people;
pub mod read;
pub mod requests;
pub mod restored;
pub mod schema;
pub mod scope;
pub mod sign_in;
pub mod slack;
pub mod statistics;
pub mod store;
pub mod sweep;
pub mod webhooks;
mod work;

pub use error::{StorageError, StorageFuture};
pub use items::{Connection, StoredToken, User};
pub use meter::Meter;
pub use read::{Found, Key};
pub use scope::{Scope, Scopes};
pub use store::Store;
