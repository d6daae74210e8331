//! Commands of 100 KiB that are full of what may cost most: each piece alone, in long runs, nested, as items of a list and
//! as statements, in each place of a statement.

use countersign_guardrails::Dialect;

/// The longest command that is analysed.
const SIZE: usize = 100 * 1024;

/// What is done with each command: its pattern and its text.
type Visit<'a> = &'a mut dyn FnMut(&str, &str);

/// Expressions that go on: `{n}` is a number of its own each time.
const CHAINS: [&str; 34] = [
    "1+",
    "a||",
    "a.",
    "- ",
    "~",
    "NOT ",
    "a OR ",
    "a = {n} OR ",
    "a = {n} AND ",
    "c{n} = {n} OR ",
    "c{n} <> {n} AND ",
    "a IS NULL OR ",
    "a LIKE '%{n}%' OR ",
    "c{n} LIKE '%_%_%_%' AND ",
    "a IN ({n}, 'x') OR ",
    "a BETWEEN {n} AND ",
    "a IN (SELECT id FROM t{n}) OR ",
    "EXISTS (SELECT 1 FROM t{n}) OR ",
    "NOT a = {n} AND ",
    "a = {n} XOR ",
    "a->'x'->",
    "a COLLATE x || ",
    "'it''s' || ",
    "'' ''",
    "f{n}(a) + ",
    "CASE WHEN a THEN {n} END + ",
    "CASE a WHEN {n} THEN ",
    "a IS NOT DISTINCT FROM ",
    "CAST(a AS int) + ",
    "a[1] + ",
    "INTERVAL 1 day + ",
    "1 UNION SELECT ",
    "1 UNION ALL SELECT a{n} FROM t{n} INTERSECT SELECT ",
    "1 FROM a{n} JOIN b{n} ON true WHERE 1 + ",
];

/// What follows an expression, again and again.
const TAILS: [&str; 14] = [
    "::int",
    "[1]",
    ".a",
    " IS NULL",
    " COLLATE x",
    " = ALL (SELECT 1)",
    " JOIN t{n} ON true",
    ", t{n}",
    " CROSS JOIN s{n}.t{n}",
    " NATURAL LEFT JOIN t",
    " UNION SELECT 1",
    " EXCEPT SELECT a FROM t{n}",
    " AND a = {n}",
    " x{n}",
];

/// What nests, and what ends it.
const NESTS: [(&str, &str); 15] = [
    ("(", ")"),
    ("((", "))"),
    ("f(", ")"),
    ("(SELECT ", ")"),
    ("(SELECT a FROM t WHERE a = ", ")"),
    ("(1 + (SELECT count(*) FROM t{n} WHERE ", "))"),
    ("EXISTS (SELECT ", ")"),
    ("CASE WHEN ", " THEN 1 END"),
    ("CASE (", ") WHEN 1 THEN 2 END"),
    ("CAST(", " AS int)"),
    ("a IN (", ")"),
    ("ARRAY[", "]"),
    ("(WITH w AS (SELECT 1) SELECT ", ")"),
    ("(1, ", ")"),
    ("coalesce(a, ", ")"),
];

/// Where an expression stands.
const PLACES: [(&str, &str); 9] = [
    ("SELECT ", "1"),
    ("SELECT * FROM t WHERE ", "1"),
    ("UPDATE t SET a = 1 WHERE ", "a = 1"),
    ("DELETE FROM t WHERE ", "a = 1"),
    ("UPDATE t SET a = ", "1 WHERE id = 1"),
    ("INSERT INTO t VALUES (", "1)"),
    ("CREATE VIEW v AS SELECT ", "1"),
    ("SELECT * FROM t ORDER BY ", "1"),
    ("EXPLAIN SELECT ", "1"),
];

/// Text that fills a command.
const FILLERS: [&str; 62] = [
    ";",
    " ",
    "\n",
    "-",
    "/",
    "*",
    "'",
    "''",
    "\"\"",
    "``",
    "[]",
    "\\",
    "'\\",
    "\\'",
    "$",
    "$$",
    "$a$",
    "#",
    "#\n",
    "-- ",
    "-- x\n",
    "--x\n",
    "/*",
    "/**/",
    "/* x */ ",
    "*/",
    "(",
    ")",
    "()",
    "(),",
    ",",
    ".",
    "@",
    ":=",
    "é",
    "\u{a0}",
    "x",
    "x ",
    "x{n} ",
    "x{n}, ",
    "'\u{a0}é'",
    "1.",
    "1e",
    ".5 ",
    "0x1F ",
    "U&\"\\0061\" ",
    "E'\\'' ",
    "SELECT ",
    "FROM ",
    "FROM t{n} ",
    "BEGIN ",
    "END ",
    "BEGIN; ",
    "CASE ",
    "DELIMITER //\n",
    "DELIMITER ;\n",
    "CREATE ",
    "DEFINER ",
    "TABLE ",
    "TABLE t{n}; ",
    "UPDATE ",
    "WITH ",
];

/// What a filler stands behind.
const STARTS: [&str; 40] = [
    "",
    "SELECT ",
    "SELECT '",
    "SELECT \"",
    "SELECT `",
    "SELECT $a$",
    "SELECT 1 -- ",
    "SELECT 1 /* ",
    "SELECT * FROM ",
    "SELECT * FROM t WHERE a IN (",
    "INSERT INTO t VALUES ",
    "INSERT INTO t VALUES ('",
    "UPDATE t SET a = 1 WHERE ",
    "DELETE ",
    "DELETE FROM ",
    "TRUNCATE ",
    "DROP TABLE ",
    "ALTER TABLE t ",
    "ALTER TABLE t DROP ",
    "GRANT ",
    "GRANT SELECT ON t TO ",
    "SET ",
    "CREATE TABLE t (",
    "CREATE TABLE t (a int) ",
    "CREATE DEFINER=a PROCEDURE p() ",
    "CREATE DEFINER=a PROCEDURE p() BEGIN ",
    "CREATE PROCEDURE p() SELECT ",
    "CREATE DEFINER ",
    "CREATE TEMP TRIGGER ",
    "CREATE TEMP TRIGGER t AFTER UPDATE ON a BEGIN ",
    "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC ",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $a$ ",
    "CREATE VIEW v AS SELECT ",
    "WITH a AS (SELECT 1) ",
    "MERGE INTO t USING s ON ",
    "EXPLAIN ",
    "COPY t FROM STDIN ",
    "DO $a$ ",
    "PRAGMA ",
    "SHOW ",
];

/// Statements and items: with `{n}`, each one differs from the others.
const REPEATED: [(&str, &str, &str); 40] = [
    ("", "SELECT 1; ", ""),
    ("", "SELECT * FROM t{n} WHERE id = {n};\n", ""),
    ("", "INSERT INTO t (a, b) VALUES ({n}, 'x');\n", ""),
    ("", "UPDATE t{n} SET a = 1 WHERE id = {n}; ", ""),
    ("", "UPDATE t SET a = '\\\\' WHERE id = {n}; ", ""),
    ("", "DELETE FROM t{n} WHERE a = '\\\\'; ", ""),
    ("", "DELETE FROM t{n}; ", ""),
    ("", "DROP TABLE t{n}; ", ""),
    ("", "TRUNCATE t{n}; ", ""),
    ("", "SET @a{n} = {n}; ", ""),
    ("", "CALL p{n}(); ", ""),
    ("", "SELECT f{n}(); ", ""),
    ("", "ALTER TABLE t{n} DROP COLUMN c; ", ""),
    ("", "ALTER TABLE t{n} ADD COLUMN c int; ", ""),
    ("", "CREATE TABLE t{n} (a int); ", ""),
    ("", "GRANT SELECT ON t{n} TO u; ", ""),
    ("", "SELECT 'it''s' /* x */ -- y\n, \"q\"; ", ""),
    ("", "SELECT * FROM t WHERE id IN (1, 2, 3) AND a LIKE '%x%' OR b = 2; ", ""),
    ("DROP TABLE ", "t{n}, ", "t"),
    ("DROP TABLE ", "mysql.t{n}, ", "t"),
    ("DROP TABLE ", "pg_{n}, ", "t"),
    ("TRUNCATE TABLE ", "t{n}, ", "t"),
    ("SELECT * FROM ", "t{n}, ", "t"),
    ("SELECT * FROM ", "f{n}(1), ", "t"),
    ("SELECT ", "f{n}(1), ", "1"),
    ("SELECT ", "a{n}.*, ", "1"),
    ("SELECT ", "a AS b{n}, ", "1"),
    ("SELECT ", "(SELECT a FROM t{n}), ", "1"),
    ("SELECT ", "a{n} IN (SELECT a FROM t{n} WHERE a = 1 AND b = 2), ", "1"),
    ("DELETE FROM t WHERE id IN (", "{n}, ", "1)"),
    ("DELETE FROM t WHERE id IN (", "'x{n}', ", "1)"),
    ("DELETE FROM t WHERE id IN (", "c{n}, ", "1)"),
    ("DELETE FROM t WHERE f(", "c{n}, ", "1) = 1"),
    ("UPDATE t SET ", "c{n} = {n}, ", "a = 1 WHERE id = 1"),
    ("INSERT INTO t VALUES ", "({n}, 'some words of text'), ", "(1, '')"),
    ("INSERT INTO t (", "c{n}, ", "a) VALUES (1)"),
    ("ALTER TABLE t ", "DROP COLUMN c{n}, ", "DROP COLUMN c"),
    ("CREATE TABLE t (", "c{n} int NOT NULL DEFAULT 0, ", "a int)"),
    ("WITH ", "w{n} AS (SELECT * FROM w), ", "w AS (SELECT 1) SELECT * FROM w"),
    (
        "WITH RECURSIVE ",
        "w{n} AS (SELECT * FROM w1 JOIN w2), ",
        "w AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT a FROM w)",
    ),
];

/// Pieces of scripts.
const SHELL: [&str; 66] = [
    "a ",
    "a\n",
    "a;",
    "a|",
    "a||",
    "a&&",
    "a&",
    "! a\n",
    "time a\n",
    "$x ",
    "\"$x\" ",
    "${x} ",
    "${x:-",
    "${x:-a} ",
    "'a' ",
    "'",
    "\"",
    "\"a\"",
    "\\",
    "\\\n",
    "`a` ",
    "`",
    "$(",
    "$(a) ",
    "$((",
    "$((1+1)) ",
    "$'\\n' ",
    "(",
    "( a )\n",
    "{ ",
    "{ a; }\n",
    "<(",
    "<(a) ",
    ">f ",
    "2>&1 ",
    "<<E\nx\nE\n",
    "a <<E\n$(b)\nE\n",
    "a <<E\n",
    "a <<-E <<F\nE\nF\n",
    "<<<x ",
    "x=1 ",
    "x=(",
    "x{n}=y ",
    "if a; then ",
    "if a; then b; fi\n",
    "while a; do ",
    "for x in a b; do ",
    "for x in a; do b; done\n",
    "case x in a) ",
    "case x in a) b;; esac\n",
    "f() { ",
    "f{n}() { a; }\n",
    "[[ a && ",
    "[[ a == b ]] && ",
    "sudo ",
    "xargs ",
    "env a=b ",
    "find . -exec a {} + ",
    "nice timeout 5 ",
    "bash -c 'a'\n",
    "kubectl get pod web-{n} | grep x\n",
    "-n ",
    "*",
    "{a,b} ",
    "# x\n",
    "export x{n}=1\n",
];

const SHELL_STARTS: [&str; 10] =
    ["", "a ", "a | ", "sudo ", "echo \"", "echo $(", "x=", "cat <<E\n", "if ", "export "];

/// Pieces of requests.
const HTTP: [&str; 24] = [
    "/a",
    "/",
    "a",
    "%41",
    "%2f",
    "%",
    "/..",
    ";a",
    "?a=b",
    "&a=b",
    "&_method=x",
    "=",
    "[",
    "{\"a\":",
    "\"a\",",
    "\"_method\":1,",
    "\\u0061",
    "\"",
    "a=b&",
    "_method=get&",
    "\r\n",
    "\n",
    "1,",
    "<!--",
];

const HTTP_STARTS: [&str; 12] = [
    "GET /",
    "GET /?",
    "GET /?a=",
    "POST /",
    "POST /x\naccept: ",
    "POST /x\n\n",
    "POST /x\ncontent-type: application/json\n\n",
    "POST /x\ncontent-type: application/json\n\n{\"a\":",
    "POST /x\ncontent-type: application/json\n\n[",
    "POST /x\ncontent-type: application/x-www-form-urlencoded\n\n",
    "POST /x\ncontent-type: multipart/form-data; boundary=a\n\n--a\n",
    "POST /x\ncontent-type: application/xml\n\n",
];

/// Visits all of them for a dialect.
pub(crate) fn each(dialect: Dialect, visit: Visit<'_>) {
    match dialect {
        Dialect::Postgres | Dialect::Mysql | Dialect::Sqlite => sql(visit),
        Dialect::Shell => fillers(&SHELL_STARTS, &SHELL, visit),
        Dialect::Http => fillers(&HTTP_STARTS, &HTTP, visit),
    }
}

fn sql(visit: Visit<'_>) {
    fillers(&STARTS, &FILLERS, visit);
    for (start, piece, end) in REPEATED {
        let command = format!("{start}{}{end}", fill(piece, SIZE - start.len() - end.len()));
        visit(&format!("`{start}{piece}…{end}`"), &command);
    }
    for (start, end) in PLACES {
        for piece in CHAINS {
            for count in [1, 20, 90, 370, 740, 1490] {
                of_runs(visit, start, &numbered(piece, count), end, &format!("({piece}) × {count}"));
            }
        }
        for piece in TAILS {
            for count in [20, 90, 370, 740, 1490] {
                let inner = format!("a{}", numbered(piece, count));
                of_runs(visit, start, &inner, &format!(" {end}"), &format!("({piece}) × {count}"));
                of_runs(
                    visit,
                    "SELECT * FROM t",
                    &numbered(piece, count),
                    "",
                    &format!("({piece}) × {count}"),
                );
            }
        }
        for (open, close) in NESTS {
            for count in [4, 12, 19, 39, 99] {
                let nested = format!("{}1{} = ", numbered(open, count), close.repeat(count));
                of_runs(visit, start, &nested, end, &format!("({open}{close}) × {count}"));
                of_runs(visit, start, &numbered(open, count), end, &format!("({open}) × {count}"));
            }
        }
    }
}

/// One statement, many of its kind, and many items in one.
fn of_runs(visit: Visit<'_>, start: &str, inner: &str, end: &str, name: &str) {
    let one = format!("{start}{inner}{end}");
    visit(&format!("`{start}` {name}"), &one);
    visit(&format!("`{start}` {name}, statements"), &fill(&format!("{one}; "), SIZE));
    let items = fill(&format!("{inner}1, "), SIZE.saturating_sub(one.len()));
    visit(&format!("`{start}` {name}, items"), &format!("{start}{items}{end}"));
}

/// Each piece behind each start up to the end, and another one in the second half.
fn fillers(starts: &[&str], pieces: &[&str], visit: Visit<'_>) {
    const SECOND: [&str; 10] = [";", ")", "'", "BEGIN ", "END ", "x ", "a b c ", "-- ", "\n", " E\n"];
    for start in starts {
        for piece in pieces {
            let name = format!("`{}`, then `{}`", start.escape_debug(), piece.escape_debug());
            visit(&name, &format!("{start}{}", fill(piece, SIZE - start.len())));
            let half = format!("{start}{}", fill(piece, SIZE / 2));
            for second in SECOND {
                let command = format!("{half}{}", fill(second, SIZE - half.len()));
                visit(&format!("{name}, then `{}`", second.escape_debug()), &command);
            }
        }
    }
}

/// A piece some times, with a number of its own each.
fn numbered(piece: &str, count: usize) -> String {
    (0..count).map(|number| piece.replace("{n}", &number.to_string())).collect()
}

/// As often as it fits.
fn fill(piece: &str, size: usize) -> String {
    if !piece.contains("{n}") {
        return piece.repeat(size / piece.len());
    }
    let mut text = String::with_capacity(size);
    for number in 0_usize.. {
        let next = piece.replace("{n}", &number.to_string());
        if text.len() + next.len() > size {
            break;
        }
        text.push_str(&next);
    }
    text
}
