//! `infra/template.yaml` and the code that it deploys say the same.
//!
//! - [`template`]: the file, with CloudFormation's short forms written out
//! - [`table`]: the table, against the one that the code makes where there is no template
//! - [`routes`]: which function answers what
//! - [`environment`]: the variables of each function, against those that the code reads
//! - [`roles`]: what each function may do, against all that it does in [`life`], seen by [`recorder`]

mod document;
mod environment;
mod life;
mod recorder;
mod roles;
mod routes;
mod table;
