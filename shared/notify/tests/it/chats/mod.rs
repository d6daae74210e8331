//! What people read in Slack and Teams: snapshots, limits, and that nothing in a command can deceive.

mod deceit;
mod limits;
mod slack;
mod story;
mod teams;
