//! Telling the outside world what happened to a request: pure, save for the two clients.
//!
//! - [`endpoint`] where deliveries go, and how an endpoint is doing
//! - [`delivery`] one attempt series: what comes after an attempt, decided without a clock
//! - [`schedule`] how long after a failure the next attempt comes
//! - [`diagnose`] what went wrong, in words, and what to do
//! - [`sender`] the seam: what a channel is handed and what it answers
//! - [`posted`] where a message of a request is; [`settings`] what an admin configures of Slack and Teams
//! - [`notice`] what a message about a request says, whatever channel shows it, of [`words`]; [`legible`]
//!   whether a command can be judged where a chat shows it
//! - [`slack`] messages, dialogs, limits, what Slack sends, and the client; [`teams`] cards and the client
//! - [`payload`] the JSON that a webhook carries; [`sign`] its Standard Webhooks signatures
//!
//! Who does what: `dispatch` asks for a delivery to each endpoint of a commit, `deliver` loads what it
//! needs, calls the [`Sender`] of the endpoint's channel and stores what [`delivery::Delivery::after`]
//! says; `expire` finds what was lost. Senders do I/O, so they live in `functions/deliver`; what they
//! send is made here.
//!
//! **Invariants:** the id of a delivery depends on endpoint, request and event alone, so that
//! duplicates of an invocation are one delivery. Nothing here reads a clock or draws at random; only
//! [`slack::client`] and [`teams::client`] connect to anything.

pub mod delivery;
pub mod diagnose;
pub mod endpoint;
pub mod legible;
pub mod notice;
pub mod payload;
pub mod posted;
pub mod schedule;
pub mod sender;
pub mod settings;
pub mod sign;
pub mod slack;
pub mod teams;
pub mod words;

pub use delivery::{Delivery, State};
pub use endpoint::{Channel, EndpointId, Health, Webhook};
pub use posted::{Place, Posted};
pub use schedule::Schedule;
pub use sender::{Attempt, Outcome, Sender, Work};
pub use settings::{Integrations, SlackSettings, TeamsSettings};
