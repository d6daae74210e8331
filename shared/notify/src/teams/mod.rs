//! Microsoft Teams, by the webhook of a workflow: cards that lead to the page.
//!
//! - [`card`]: a request as an Adaptive Card, and what is posted around it
//! - [`limits`]: what a workflow takes, as a check that the tests and the stand-in share
//! - [`client`]: the one call
//!
//! A card cannot be changed after it was posted, and a button that decides needs a bot. So the card's
//! button opens the page, where the reviewer signs in, and a decision is told by a second card.

pub mod card;
pub mod client;
pub mod limits;
