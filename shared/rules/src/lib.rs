//! The rules of approval, pure and total.
//!
//! A request changes in one way: [`decide`] looks at a [`Request`], one [`Command`] and the time, and
//! answers with the facts to record or with a [`Refusal`]; [`evolve`] folds recorded facts into the
//! next state; [`effects`] says what the outside world should be asked to do about a state. None of
//! them knows a clock, randomness or I/O: ids and times come in as arguments, so the very same
//! functions run in the Lambda functions, in the model checker and in the tests.
//!
//! A map of the crate:
//!
//! - words: [`ids`], [`time`], [`person`], [`policy`], [`bounds`], [`risk`], [`request`]
//! - what can be asked and what can have happened: [`command`], [`event`]
//! - the decision: [`submit`], [`mod@decide`], [`mod@evolve`], [`mod@effects`], [`quorum`]
//! - the proof: [`digest`] binds an approval to the bytes that run, [`chain`] binds events to each other
//! - what a human sees: [`display`]
//!
//! **Invariant:** this crate depends on nothing else of ours, and nothing in it reads a clock.

pub mod bounds;
pub mod chain;
pub mod command;
pub mod decide;
pub mod digest;
pub mod display;
pub mod effects;
pub mod event;
pub mod evolve;
pub mod ids;
pub mod person;
pub mod policy;
pub mod quorum;
pub mod refusal;
pub mod request;
pub mod risk;
mod schema;
pub mod submit;
pub mod time;
pub mod transaction;

pub use bounds::Bounds;
pub use command::Command;
pub use decide::decide;
pub use digest::Digest;
pub use effects::{Effect, effects};
pub use event::{Actor, Event, Fact, Via};
pub use evolve::{commit, evolve};
pub use ids::{ConnectionName, DeliveryId, GroupName, RequestId, TokenId, UserId, WebhookId};
pub use person::Person;
pub use policy::Policy;
pub use refusal::Refusal;
pub use request::{Phase, Request, Status};
pub use risk::{Risk, RiskLevel};
pub use submit::{Submission, submit};
pub use time::Timestamp;
pub use transaction::{StatementMode, Transaction};
