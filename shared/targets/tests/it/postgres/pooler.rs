//! Sessions behind PgBouncer in transaction mode, where the next transaction may be another client's.

use crate::common::{Ran, at_most, by_statement, caps, read_only};
use crate::postgres::place::{self, Place};
use countersign_rules::transaction::TransactionOutcome;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

/// A pooler with one session of the server, which all clients share.
struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = place::config();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={} password={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 1\nignore_startup_parameters = options,extra_float_digits\n",
            server.get_ports()[0],
            server.get_user().unwrap(),
            place::password(),
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        // It refuses to run as root.
        let is_root =
            std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let mut command = if is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "pgbouncer"]);
            command
        } else {
            Command::new("pgbouncer")
        };
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .arg(&file)
            .env("PATH", format!("{path}:/usr/sbin"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let needed = "these tests need PgBouncer (Debian: apt-get install pgbouncer)";
        let pooler = Self { process: command.spawn().expect(needed), port, _folder: folder };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return pooler;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("PgBouncer did not start; these tests need it (Debian: apt-get install pgbouncer)");
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres:unused@localhost:{}/{database}?sslmode=disable", self.port)
    }

    /// What another client finds in the session.
    async fn state(&self, database: &str) -> Vec<Option<String>> {
        const STATE: &str = "SELECT current_user, session_user, current_setting('search_path'), \
            current_setting('statement_timeout'), current_setting('work_mem'), \
            nullif(current_setting('countersign.mark', true), ''), \
            (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors), \
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), \
            (SELECT count(*) FROM pg_listening_channels()), \
            (SELECT count(*) FROM pg_class WHERE relname = 'of_this_session' AND relpersistence = 't')";
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").password("unused").dbname(database);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(STATE).await.unwrap();
        connection.abort();
        let row = messages.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect())
            }
            _ => None,
        });
        row.unwrap()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // SIGTERM reaches the pooler behind `runuser` too, which SIGKILL would not.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// Case 17 of guardrails.md.
#[tokio::test]
async fn no_state_of_a_command_meets_another_client() {
    let place = Place::new("targets_pooler").await;
    let pooler = Pooler::start().await;
    let url = pooler.url("targets_pooler");
    let before = pooler.state("targets_pooler").await;
    assert_eq!(before[0].as_deref(), Some("postgres"));
    for command in [
        "SET ROLE pg_read_all_data",
        "SET SESSION AUTHORIZATION pg_read_all_data",
        "SELECT set_config('role', 'pg_read_all_data', false)",
        "SET search_path = nowhere; SET work_mem = '77MB'; SET countersign.mark = 'x'",
        "ALTER ROLE CURRENT_USER RESET ALL; SET statement_timeout = 12345",
        "PREPARE p AS SELECT 1",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT pg_advisory_lock(42)",
        "LISTEN channel",
        "CREATE TEMP TABLE of_this_session (a int)",
        "DO $$ BEGIN PERFORM set_config('countersign.mark', 'y', false); PERFORM pg_advisory_lock(43); END $$",
    ] {
        for command in [command.to_owned(), format!("{command}; SELECT 1 / 0")] {
            let ran = place.run_at(&url, &command, caps(60_000)).await;
            assert_eq!(ran.result.is_ok(), !command.contains("1 / 0"), "{command}: {:?}", ran.result);
            assert_eq!(pooler.state("targets_pooler").await, before, "{command}");
        }
    }
    let ran = place.run_at(&url, "SET ROLE pg_read_all_data; SELECT current_user", caps(60_000)).await;
    assert_eq!(ran.rows(), [[Some("pg_read_all_data")]], "within the command it holds");
}

#[tokio::test]
async fn everything_runs_in_a_transaction_there() {
    let place = Place::new("targets_pooler_runs").await;
    let pooler = Pooler::start().await;
    let url = pooler.url("targets_pooler_runs");
    let run = async |command: &str| -> Ran { place.run_at(&url, command, caps(60_000)).await };
    place
        .admin
        .batch_execute("ALTER DATABASE targets_pooler_runs SET search_path = targets_pooler_runs")
        .await
        .unwrap();
    let ran = run("DELETE FROM t WHERE id = 1").await;
    assert_eq!((ran.tags(), place.count().await), (vec!["DELETE 1"], 3));
    let ran = run("DELETE FROM t WHERE id = 2; SELECT 1 / 0").await;
    assert_eq!((ran.outcome(), place.count().await), (TransactionOutcome::RolledBack, 3));
    let ran = run("VACUUM t").await;
    assert_eq!(ran.failed().1, "25001");
    assert!(ran.failed().0.contains("connect to the server directly"), "{}", ran.failed().0);
    let ran = place.run_at(&url, "DELETE FROM t", at_most(1)).await;
    assert_eq!((ran.outcome(), place.count().await), (TransactionOutcome::RolledBack, 3));
    let ran = place.run_at(&url, "SELECT count(*) FROM t", read_only()).await;
    assert_eq!(ran.cell(), "3");
    let ran = place.run_at(&url, "DELETE FROM t", read_only()).await;
    assert_eq!(ran.failed().1, "25006");
    let script = "DELETE FROM t WHERE id = 2; SELECT 1 / 0; DELETE FROM t";
    let ran = place.run_at(&url, script, by_statement()).await;
    assert_eq!((ran.outcome(), place.count().await), (TransactionOutcome::Partial, 2));
    let ran = run("DO $$ BEGIN RAISE NOTICE 'through'; END $$").await;
    assert_eq!(ran.notices(), [("NOTICE", "through")]);
}
