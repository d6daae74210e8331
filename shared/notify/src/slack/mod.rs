//! Slack, in both directions.
//!
//! - [`message`]: a request as a message; [`rich`] the pieces that it is made of; [`modal`] the dialog that
//!   asks for a reason; [`button`] what a button carries
//! - [`limits`]: what Slack takes, as a check that the tests and the stand-in share
//! - [`incoming`]: what Slack sends, and whether it is from Slack
//! - [`client`]: the calls that the product makes; [`failure`] what comes of them
//! - [`reminders`]: when to ask again
//!
//! **Invariant:** nothing that a person wrote is ever put where Slack reads mark-up.

pub mod button;
pub mod client;
pub mod failure;
pub mod incoming;
pub mod limits;
pub mod message;
pub mod modal;
pub mod reminders;
pub mod rich;
