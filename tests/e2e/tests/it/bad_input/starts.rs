//! A `serve` that cannot start says why, and touches nothing.

use std::os::unix::fs::PermissionsExt as _;

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::serve::Plain;
use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::bad_input::serve_ends;

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
async fn a_first_start_that_is_killed_half_way_is_made_over() {
    for moment in ["lock", "store.sqlite3", "scheduler.sqlite3", "targets/demo.db", "demo.json"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let args = ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let mut first = bare(&args, &[]).unwrap().spawn().unwrap();
        while !data.join(moment).exists() {
            assert!(first.try_wait().unwrap().is_none(), "it ended before there was `{moment}`");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        first.kill().await.unwrap();
        let serve = Plain::start_with(data.to_str().unwrap(), &["--demo"]).await.unwrap();
        let demo = data.join("demo.json");
        for who in ["alice", "root"] {
            let args = [
                "--as",
                who,
                "--demo-file",
                demo.to_str().unwrap(),
                "exec",
                "demo-open",
                "SELECT count(*) AS n FROM customers",
                "-o",
                "csv",
            ];
            let exec = to_the_end(bare(&args, &[]).unwrap()).await.unwrap();
            assert_eq!((exec.code, exec.out.as_str()), (Some(0), "n\r\n1000\r\n"), "{moment}: {exec:?}");
        }
        assert!(!data.join("demo.unfinished").exists());
        assert!(serve.stop().await.unwrap().success());
    }
}

#[tokio::test]
async fn a_data_directory_that_is_no_demos_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve = Plain::start(data.to_str().unwrap()).await.unwrap();
    assert!(serve.stop().await.unwrap().success());
    let refused = serve_ends(&["--demo", "--data", data.to_str().unwrap()], &[]).await;
    assert!(refused.err.contains("is not empty and no demo's"), "{}", refused.err);
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
    let late = [("REVIEW_TIMEOUT_SEC", "1h")];
    let demo = folder.path().join("demo");
    let refused = serve_ends(&["--demo", "--data", demo.to_str().unwrap()], &late).await;
    assert!(refused.err.contains("REVIEW_TIMEOUT_SEC"), "{}", refused.err);
    let serve = Plain::start_with(demo.to_str().unwrap(), &["--demo"]).await.unwrap();
    assert!(serve.stop().await.unwrap().success(), "once it is right, the demo is made");
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
