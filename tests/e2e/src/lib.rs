//! What the journeys need: the real program in a process of its own, and its people.
//!
//! - [`serve`]: starts `countersign serve --demo`, kills it, starts it again
//! - `calls`: what people do over HTTP
//! - [`program`]: what they do with the program `countersign`
//! - [`slack`] and [`teams`]: stand-ins that check what Slack and Teams check
//! - [`line`]: a line to a server that can be cut, or on which the server is mute
//! - [`tamper`]: a line with somebody on it
//! - [`port`]: ports that no other test gets
//! - [`postgres`], [`mariadb`]: a database of a test's own on a real server
//! - [`receiver`]: a webhook's receiver that remembers what came
//! - [`small_disk`]: a disk that can really be full

mod answer;
mod calls;
mod databases;
pub mod line;
pub mod mariadb;
pub mod port;
pub mod postgres;
pub mod program;
pub mod receiver;
pub mod serve;
pub mod slack;
pub mod small_disk;
pub mod tamper;
pub mod teams;

pub use answer::Answer;
pub use program::{Ended, Running};
pub use receiver::{Reaction, Received, Receiver};
pub use serve::{Database, Serve};
