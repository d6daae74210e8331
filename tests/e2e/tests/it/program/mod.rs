//! What people and scripts do with the program `countersign`, against the real service, on every
//! database.

mod bootstrap;
mod connections;
mod decide;
mod endings;
mod exec;
mod lists;
mod people;
mod webhooks;

use countersign_e2e::{Answer, Ended, Serve};

/// Asserts how a run of the program ended, and shows what it said if it did not.
fn ended(ended: &Ended, code: i32, out: &str) {
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), out), "{}", ended.err);
}

/// Asserts that all of these words stand on standard error.
fn says(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.err.contains(word), "`{word}` is missing: {}", ended.err);
    }
}

/// Approves or rejects what `request` shows, as a script does.
async fn decide(serve: &Serve, who: &str, verb: &str, request: &Answer, more: &[&str]) -> Ended {
    let mut args = vec![verb, request.text("/id"), "--yes", "--digest", request.text("/digest")];
    args.extend(more);
    serve.run(who, &args).await.unwrap()
}

fn customers(serve: &Serve, condition: &str) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    let count = format!("SELECT count(*) FROM customers WHERE {condition}");
    database.query_row(&count, [], |row| row.get(0)).unwrap()
}
