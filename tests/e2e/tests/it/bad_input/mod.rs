//! Bad input of every kind: a clear message each, and nothing is lost or done.

mod away;
mod bodies;
mod callers;
mod damage;
#[cfg(feature = "small-disk-tests")]
mod full_disk;
mod starts;

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::{Answer, Ended};

/// Asserts that an answer is a problem of that status and slug, with all that the contract promises.
fn problem(answer: &Answer, status: u16, slug: &str) {
    assert_eq!((answer.status, answer.slug()), (status, slug), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let told = answer.json["status"] == status && !answer.text("/title").is_empty();
    assert!(
        told && !answer.text("/detail").is_empty() && answer.text("/instance").starts_with('/'),
        "{answer:?}"
    );
    assert!(answer.text("/type").starts_with("https://countersign.dev/problems/"), "{answer:?}");
}

/// Runs `serve`, which is expected to end by itself, with nothing on standard output.
async fn serve_ends(args: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut all = vec!["serve"];
    all.extend(args);
    if !args.contains(&"--listen") {
        all.extend(["--listen", "127.0.0.1:0"]);
    }
    let ended = to_the_end(bare(&all, environment).unwrap()).await.unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("error: "), "{}", ended.err);
    ended
}
