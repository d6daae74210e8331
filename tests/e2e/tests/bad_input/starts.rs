//! A `serve` that cannot start says why, and touches nothing.

use std::os::unix::fs::PermissionsExt as _;

use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::serve_ends;

#[tokio::test]
async fn a_port_or_a_directory_in_use_is_named() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("data");
    let address = serve.url().strip_prefix("http://").unwrap();
    let taken = serve_ends(&["--demo", "--listen", address, "--data", other.to_str().unwrap()], &[]).await;
    assert!(taken.err.contains(&format!("`{address}` is in use by another program")), "{}", taken.err);
    assert!(!other.exists(), "nothing was made");
    let data = serve.data();
    let held = serve_ends(&["--demo", "--data", data.to_str().unwrap()], &[]).await;
    let holder = format!("in use by another process (process {})", serve.process_id().unwrap());
    assert!(held.err.contains(&holder) && held.err.contains(data.to_str().unwrap()), "{}", held.err);
    let alive = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(alive.state(), "PENDING", "the first one goes on");
}

#[tokio::test]
async fn a_directory_that_is_no_demos_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let refused = serve_ends(&["--demo", "--data", data], &[]).await;
    assert!(
        refused.err.contains("is not empty and no demo's") && refused.err.contains("--data"),
        "{}",
        refused.err
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    std::fs::write(folder.path().join("demo.json"), "{\"users\": ").unwrap();
    let refused = serve_ends(&["--demo", "--data", data], &[]).await;
    assert!(refused.err.contains("demo.json` is no demo's file"), "{}", refused.err);
    assert_eq!(std::fs::read(folder.path().join("demo.json")).unwrap(), b"{\"users\": ");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let below = file.join("data");
    for place in [file.to_str().unwrap(), below.to_str().unwrap(), "/proc/countersign", "/dev/null/data"] {
        for demo in [&["--demo"][..], &[]] {
            let args: Vec<&str> = demo.iter().copied().chain(["--data", place]).collect();
            let refused = serve_ends(&args, &[]).await;
            assert!(refused.err.contains("cannot write to the data directory"), "{place}: {}", refused.err);
            assert!(refused.err.contains(place), "{place}: {}", refused.err);
        }
    }
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_what_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (name, value, expected) in [
        ("REVIEW_TIMEOUT_SEC", "1h", "a whole number above 0"),
        ("REVIEW_TIMEOUT_SEC", "0", "a whole number above 0"),
        ("COUNTERSIGN_SWEEP_SECONDS", "often", "a whole number above 0"),
        ("COUNTERSIGN_LEASE_MARGIN_SEC", "-1", "a whole number above 0"),
    ] {
        let refused = serve_ends(&["--data", data.to_str().unwrap()], &[(name, value)]).await;
        let words =
            refused.err.contains(name) && refused.err.contains(expected) && refused.err.contains(value);
        assert!(words, "{}", refused.err);
    }
    for address in ["8700", "nowhere.invalid:1", "127.0.0.1:99999"] {
        let refused = serve_ends(&["--listen", address, "--data", data.to_str().unwrap()], &[]).await;
        assert!(refused.err.contains("wants an address such as `127.0.0.1:8700`"), "{}", refused.err);
    }
    let public =
        serve_ends(&["--demo", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()], &[]).await;
    assert!(public.err.contains("loopback only"), "{}", public.err);
    let strange = serve_ends(&["--listen", "192.0.2.1:8700", "--data", data.to_str().unwrap()], &[]).await;
    assert!(strange.err.contains("cannot listen on `192.0.2.1:8700`"), "{}", strange.err);
}

#[tokio::test]
async fn what_a_demo_writes_is_for_its_user_alone() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    for (path, mode) in [(serve.data(), 0o700), (serve.data().join("demo.json"), 0o600)] {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
}
