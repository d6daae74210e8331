//! What people do in Slack: `POST /slack/interactions` and `POST /slack/commands`.
//!
//! Slack waits for three seconds. A vote needs no more than the table: it is written, and the message is
//! brought up to date by `deliver`. Two things are asked of Slack right here, by a client that is made
//! when it is first needed:
//!
//! - the dialog for a rejection: its trigger lives for three seconds, and an asynchronous invocation
//!   would spend them on a queue and perhaps on a cold start before it asked;
//! - words for the eyes of whoever pressed a button in vain: Slack shows no answer of ours to a button,
//!   and they should not have to wonder.
//!
//! - [`gate`]: whether a call is from Slack and from our workspace, and whose account it is
//! - [`interactions`]: buttons and dialogs; [`votes`] what comes of them
//! - [`commands`]: what people type; [`link`] the proof of who they are

pub(crate) mod commands;
mod gate;
pub(crate) mod interactions;
mod link;
mod votes;

pub use gate::Slack;
