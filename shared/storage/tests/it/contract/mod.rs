//! The contract of the storage, on the embedded database and, with the feature
//! `dynamodb-local-tests`, on DynamoDB Local. `./tests/run` runs it on both.

mod access;
mod capacity;
mod deliveries;
mod dry_runs;
mod faults;
mod lists;
mod output;
mod people;
mod places;
mod requests;
mod sign_in;
mod sizes;
mod slack;
mod sweep;
