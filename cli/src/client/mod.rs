//! The HTTP client: one call, its retries, its problems, and what requests look like.

mod call;
mod http;
mod model;
mod pages;
mod problem;

pub(crate) use call::{Again, Call, random};
#[cfg(feature = "runner")]
pub(crate) use http::back_off;
pub(crate) use http::{Answer, Client, Failure, ServerClock, builder};
pub(crate) use model::{Decision, Group, Request, Statement, Status};
pub(crate) use pages::{all_pages, every_item, pages};
pub(crate) use problem::Problem;
