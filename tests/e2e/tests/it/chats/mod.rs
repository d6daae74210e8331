//! Requests that are told and decided in Slack, and told in Teams: the real program, and stand-ins that
//! check what Slack and Teams check.

mod decide;
mod people;
mod scene;
mod teams;
mod trouble;
