//! What Slack sends: buttons, dialogs and commands. Nothing of it is believed before its signature.
//!
//! - [`signature`]: whether it is from Slack, and fresh
//! - [`interaction`]: buttons and dialogs; [`command`] what people type
//! - [`origin`]: whose it is, and whether they belong to the workspace

pub mod command;
pub mod interaction;
pub mod origin;
pub mod signature;

pub use command::{SlashCommand, Words};
pub use interaction::Interaction;
pub use origin::{Origin, Outsider, Workspace};
