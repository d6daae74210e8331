"""Statements of public tests: MariaDB's, SQLite's, sqlglot's and PostgreSQL's.

Each function reads files that a package brings and gives the statements in them; nothing here knows what they mean.
MariaDB's are in Debian's `mariadb-test-data`, SQLite's in Debian's source package `sqlite3`, PostgreSQL's in the
source package `pglast` (see regress.py), sqlglot's in its source package.
"""

import ast
import pathlib
import re

# Commands of mysqltest: lines that begin with one are no SQL.
MYSQLTEST = frozenset("""
append_file assert cat_file change_user character_set chmod connect connection copy_file dec delimiter die
diff_files dirty_close disable_abort_on_error disable_async_client disable_column_names disable_connect_log disable_info
disable_metadata disable_ps_protocol disable_query_log disable_reconnect disable_result_log disable_warnings
disable_view_protocol disable_ps2_protocol disable_cursor_protocol disable_service_connection disable_rpl_parse
disable_session_track_info disable_testcase disable_prepare_warnings
disconnect echo else enable_abort_on_error enable_async_client enable_column_names enable_connect_log enable_info
enable_metadata enable_ps_protocol enable_query_log enable_reconnect enable_result_log enable_warnings
enable_view_protocol enable_ps2_protocol enable_cursor_protocol enable_service_connection enable_rpl_parse
enable_session_track_info enable_testcase enable_prepare_warnings
end error eval evalp exec exec_in_background exit file_exists horizontal_results if inc let list_files
list_files_append_file list_files_write_file lowercase_result mkdir move_file optimizer_trace output perl ping
query_attributes query_get_value query_horizontal query_vertical reap remove_file remove_files_wildcard replace_column
replace_numeric_round replace_regex replace_result require reset_connection result_format rmdir save_master_pos send
send_eval send_quit send_shutdown shutdown_server skip sleep sorted_result partially_sorted_result source
start_timer sync_slave_with_master sync_with_master system vertical_results wait_for_slave_to_stop while write_file
""".split())


def unique(statements):
    return list(dict.fromkeys(statements))


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def split(text, delimiter=";", backslash=True):
    """Statements of a script with MySQL's strings and comments."""
    pattern = re.compile(
        r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|/\*.*?\*/|#[^\n]*|--[ \t][^\n]*|" + re.escape(delimiter),
        re.S,
    )
    start = 0
    for match in pattern.finditer(text):
        if match.group() == delimiter:
            yield text[start:match.start()].strip()
            start = match.end()


def mariadb(folder, most_bytes=4000):
    """The statements of `*.test` files below a folder."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*.test")):
        lines, delimiter, text = read(path).split("\n"), ";", []
        skips = None
        chunks = []
        for line in lines:
            if skips:
                skips = None if line.strip() == skips else skips
                continue
            word = re.match(r"\s*(?:--)?\s*([a-z_]+)", line)
            command = word and word.group(1)
            if re.match(r"\s*--\s*\S", line) or line.lstrip().startswith("#"):
                word = re.match(r"\s*--\s*(\w+)\s*(\S*)", line)
                if word and word.group(1) == "delimiter":
                    chunks.append((delimiter, "\n".join(text)))
                    delimiter, text = word.group(2) or ";", []
                continue
            if command == "delimiter":
                chunks.append((delimiter, "\n".join(text)))
                text = []
                rest = line.split("delimiter", 1)[1].strip()
                delimiter = rest.removesuffix(delimiter) or rest or ";"
                continue
            if command in ("perl", "write_file", "append_file"):
                skips = "EOF"
                continue
            text.append(line)
        chunks.append((delimiter, "\n".join(text)))
        for end, chunk in chunks:
            for statement in split(chunk, end):
                statement = re.sub(r"^(?:\s*[{}]\s*|#[^\n]*\n\s*)+", "", statement).strip()
                first = re.match(r"[a-zA-Z_(]+", statement)
                if not first or "$" in statement or len(statement) > most_bytes:
                    continue
                if first.group().lower().rstrip("(") not in MYSQLTEST:
                    found.append(statement)
    return unique(found)


def sqlite(folder, most_bytes=4000):
    """The SQL of SQLite's TCL tests: what is in the braces of execsql, catchsql, db eval and do_execsql_test."""
    command = re.compile(r"\b(?:execsql|catchsql|execsql2|db\d? eval|do_execsql_test\s+\S+|do_catchsql_test\s+\S+|do_eqp_test\s+\S+)\s+\{")
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*.test")):
        text = read(path)
        for match in command.finditer(text):
            depth, at = 1, match.end()
            while at < len(text) and depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            found.extend(statement for statement in sqlite_split(text[match.end():at - 1]) if len(statement) <= most_bytes)
    return unique(found)


def sqlite_split(text):
    import sqlite3

    current = ""
    for part in re.split(r"(;)", text):
        current += part
        if part == ";" and sqlite3.complete_statement(current):
            statement = current.strip().removesuffix(";").strip()
            if statement:
                yield statement
            current = ""
    if current.strip():
        yield current.strip()


def sqlglot(folder, dialect):
    """The statements of sqlglot's tests of a dialect, and of its fixtures for all of them."""
    folder = pathlib.Path(folder)
    found = []
    for node in ast.walk(ast.parse(read(folder / "tests" / "dialects" / f"test_{dialect}.py"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("validate_identity", "validate_all"):
                texts = [part.value for part in node.args[:1] if isinstance(part, ast.Constant)]
                found.extend(text for text in texts if isinstance(text, str))
    found.extend(line for line in read(folder / "tests" / "fixtures" / "identity.sql").split("\n") if line.strip())
    return unique(found)


def own(path):
    """One statement a line; lines that begin with `--` are comments."""
    return [line for line in read(pathlib.Path(path)).split("\n") if line.strip() and not line.startswith("--")]
