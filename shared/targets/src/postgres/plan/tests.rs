use super::*;
use crate::deep::{MAX_NESTING, parse_within};
use std::time::Duration;

/// The plan, made on a runtime of its own.
fn make(command: &str) -> Result<Plan, RunError> {
    within(command, Duration::from_secs(20))
}

fn within(command: &str, limit: Duration) -> Result<Plan, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(parse_within(command, limit, parse))
}

fn texts(command: &str) -> Vec<String> {
    match make(command).unwrap() {
        Plan::Single(statement) => vec![statement.text],
        Plan::Several(statements) => statements.into_iter().map(|statement| statement.text).collect(),
    }
}

fn refused(command: &str) -> String {
    make(command).map(|plan| format!("accepted: {plan:?}")).unwrap_or_else(|error| error.to_string())
}

#[test]
fn statements_are_cut_where_the_grammar_ends_them() {
    assert_eq!(texts("select 1; delete from t"), ["select 1;", "delete from t"]);
    assert_eq!(texts(";;select ';' ;\n-- end; really\n;"), ["select ';' ;"]);
    assert_eq!(
        texts("do $$ begin delete from t; commit; end $$; select $a$;$a$"),
        ["do $$ begin delete from t; commit; end $$;", "select $a$;$a$"]
    );
    let atomic = "create function f() returns int language sql begin atomic select 1; select 2; end;";
    assert_eq!(texts(&format!("{atomic} select 3")), [atomic, "select 3"]);
}

#[test]
fn transaction_control_is_refused_in_every_disguise() {
    for command in [
        "BEGIN",
        "begin work",
        "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "start transaction",
        "Commit",
        "COMMIT AND CHAIN",
        "commit prepared 'x'",
        "END",
        "end transaction",
        "ABORT",
        "rollback",
        "ROLLBACK TO SAVEPOINT a",
        "rollback prepared 'x'",
        "savepoint a",
        "release savepoint a",
        "release a",
        "prepare transaction 'x'",
        "set transaction isolation level serializable",
        "SET TRANSACTION SNAPSHOT '1'",
        "set local transaction read only",
        "set session transaction read write",
        "set session characteristics as transaction read only",
        "/* a /* nested */ comment */ commit",
        "-- a line\ncommit",
        ";;; commit",
        "delete from t; commit; delete from u",
        "select 1;/**/\tcOmMiT/**/;",
        "select 'a\\'; commit; --'",
        "select $$a$$; rollback",
        "select \"a;\"; end",
        "do $$ begin end $$; commit",
        "SET/**/TRANSACTION/**/READ ONLY",
        "\u{feff}commit",
        // Not understood by the parser: the first words decide.
        "commit and what",
        "begin; selec 1; commit",
        "rollback to savepoint",
    ] {
        let message = refused(command);
        assert!(message.contains("is transaction control"), "{command:?}: {message}");
    }
}

#[test]
fn what_only_looks_like_transaction_control_is_not_refused() {
    for command in [
        "do $$ begin commit; end $$",
        "select 'x; commit; y'",
        "select $$; commit; $$",
        "select E'\\'; commit; --'",
        "select 1 as commit",
        "create function f() returns int language sql begin atomic select 1; end",
        "prepare p as select 1",
        "set search_path = public",
        "set session authorization default",
        "select \"commit\" from t -- ; commit",
        "select 1 /* ; commit; */",
        "call p()",
        "lock table t",
        "set constraints all deferred",
    ] {
        assert!(matches!(make(command), Ok(Plan::Single(_))), "{command}: {}", refused(command));
    }
}

#[test]
fn copy_from_and_to_the_client_is_refused_before_anything_is_sent() {
    for command in [
        "copy t from stdin",
        "COPY t TO STDOUT WITH (FORMAT csv)",
        "select 1; copy (select 1) to stdout",
        "copy t frm stdin",
    ] {
        assert!(refused(command).to_lowercase().contains("cop"), "{}", refused(command));
        assert!(make(command).unwrap_err().nothing_ran());
    }
    assert!(make("copy t from '/tmp/x'").is_ok());
}

#[test]
fn what_the_parser_does_not_understand_goes_as_one_statement() {
    for command in ["selec 1", "select 1; selec 2; drop table t", "select 1 \\; commit"] {
        let Ok(Plan::Single(statement)) = make(command) else { panic!("{command}: {}", refused(command)) };
        assert_eq!((statement.text.as_str(), statement.parsed), (command, false));
    }
}

#[test]
fn a_command_without_a_statement_is_refused() {
    for command in ["", "  ", ";", "-- nothing", "/* nothing */;"] {
        assert!(refused(command).contains("no statement"), "{command:?}: {}", refused(command));
    }
}

#[test]
fn a_deep_command_overflows_no_stack() {
    // Each of these overflows the 2 MiB that a thread has by default.
    for (open, close) in [("NOT ", ""), ("- ", ""), ("1+", ""), ("a.", ""), ("CASE WHEN ", "")] {
        let command = format!("SELECT {}1{}", open.repeat(4_000), close.repeat(4_000));
        // How long it takes is not the question here.
        assert!(matches!(within(&command, Duration::MAX), Ok(Plan::Single(_))), "{open}");
    }
}

#[test]
fn brackets_without_end_are_refused_unparsed() {
    for (open, close) in [("(", ")"), ("f(", ")"), ("ARRAY[", "]"), ("(select ", ")")] {
        let deep = |times: usize| format!("SELECT {}1{}", open.repeat(times), close.repeat(times));
        assert!(make(&deep(500)).is_ok(), "{open}");
        assert!(refused(&deep(MAX_NESTING + 1)).contains("nests brackets deeper"), "{open}");
    }
}

#[test]
fn a_parse_that_takes_too_long_is_refused() {
    let slow = format!("SELECT {}1", "1+".repeat(8_000));
    let error = within(&slow, Duration::from_micros(1)).unwrap_err();
    assert!(error.nothing_ran() && error.to_string().contains("could not be parsed"), "{error}");
}

#[test]
fn a_statement_shows_nothing_of_its_text() {
    assert!(!format!("{:?}", make("select 'hunter2'").unwrap()).contains("hunter2"));
}
