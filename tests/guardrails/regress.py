#!/usr/bin/env python3
"""PostgreSQL's own regression SQL through the classifier, compared with PostgreSQL itself.

  regress.py --classify target/debug/examples/classify --corpus DIR [--postgres URL [--statements N]]

The corpus is `libpg_query/test/sql` of the source package `pglast` (see fetch_corpus).

1. The server's parser (`pglast`) says what each statement is. No statement that it knows to write, to
   lock or to do anything but read may be called a read.
2. With --postgres: the files are run statement by statement as a role that owns a database of its own,
   and each "read" is run just before as a role that may only read, in a READ ONLY transaction. None may
   fail because it writes (25006), none because it needs more than reading (42501). With --statements
   only as many files as hold that many statements are run: always the same ones, drawn by the hash of
   their names. The first part always compares them all.

Prints the share of plain SELECTs that are recognised as reads, and why the others are not.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile

import pglast
from pglast import ast, visitors

# Statements that write nothing, on their own: everything else is no read.
READS = (ast.SelectStmt, ast.VariableShowStmt, ast.ExplainStmt, ast.RawStmt)
WRITES = (
    ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt, ast.IntoClause, ast.LockingClause,
)
# Settings that read.py's own session must keep.
TIMEOUTS = "SET statement_timeout = '2s'; SET lock_timeout = '200ms'"


def fetch_corpus(tools, python=sys.executable, version=None):
    """The regression SQL, below `tools`: by pip from the package index."""
    folder = pathlib.Path(tools) / "pglast-src"
    found = list(folder.glob("pglast-*/libpg_query/test/sql"))
    if found:
        return found[0]
    folder.mkdir(parents=True, exist_ok=True)
    version = version or pglast.__version__
    subprocess.run(
        [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-binary", "pglast", "--dest", str(folder), f"pglast=={version}"],
        check=True,
    )
    with tarfile.open(next(folder.glob("pglast-*.tar.gz"))) as source:
        source.extractall(folder, filter="data")
    return next(folder.glob("pglast-*/libpg_query/test/sql"))


def lines_for_the_server(text):
    """Without what psql does itself: its commands, and the data of COPY … FROM stdin."""
    kept, data = [], False
    for line in text.split("\n"):
        if data:
            data = line != "\\."
            continue
        if re.match(r"\s*\\", line):
            continue
        kept.append(line)
        data = bool(re.search(r"\bcopy\b.*\bfrom\s+stdin\b[^;]*;\s*$", line, re.I))
    return "\n".join(kept)


def statements(path):
    text = lines_for_the_server(path.read_text(encoding="utf-8", errors="replace"))
    try:
        pieces = pglast.split(text)
    except pglast.Error:
        try:
            pieces = pglast.split(text, with_parser=False)
        except pglast.Error:
            return
    for piece in pieces:
        try:
            parsed = pglast.parse_sql(piece)
        except (pglast.Error, RecursionError):
            continue
        if len(parsed) == 1:
            yield piece, parsed[0].stmt


class Truth(visitors.Visitor):
    """What the server's parser knows of a statement."""

    def __init__(self):
        super().__init__()
        self.writes = None

    def visit(self, ancestors, node):
        if isinstance(node, WRITES):
            self.writes = self.writes or type(node).__name__
        # EXPLAIN ANALYZE runs its statement, which is visited as well.
        elif type(node).__name__.endswith("Stmt") and not isinstance(node, READS):
            self.writes = self.writes or type(node).__name__


def truth(statement):
    found = Truth()
    found(statement)
    return found.writes


def classify(program, texts):
    run = subprocess.run(
        [program, "postgres"], input="\n".join(json.dumps(text) for text in texts) + "\n",
        capture_output=True, text=True, check=True,
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(texts), (len(answers), len(texts))
    return answers


def connect(url, **more):
    import psycopg

    return psycopg.connect(url, autocommit=True, **more)


def run_reads(url, files, verdicts):
    """Runs every file as an owner, and each read before as a reader."""
    import psycopg

    outcome = collections.Counter()
    failures = []
    with connect(url) as admin:
        clean_up(admin)
        admin.execute("CREATE ROLE guardrails_owner LOGIN PASSWORD 'guardrails'")
        admin.execute("CREATE ROLE guardrails_reader LOGIN PASSWORD 'guardrails' IN ROLE pg_read_all_data")
    try:
        for name, texts in files.items():
            with connect(url) as admin:
                admin.execute("DROP DATABASE IF EXISTS guardrails_regress (FORCE)")
                admin.execute("CREATE DATABASE guardrails_regress OWNER guardrails_owner")
            login = {"password": "guardrails", "dbname": "guardrails_regress"}
            owner = connect(url, user="guardrails_owner", **login)
            reader = connect(url, user="guardrails_reader", **login)
            owner.execute(TIMEOUTS)
            reader.execute(TIMEOUTS)
            for text in texts:
                if verdicts[text]["read"]:
                    path = search_path(owner)
                    state = read_only(reader, text, path)
                    outcome[state or "ran"] += 1
                    if state in ("25006", "42501"):
                        failures.append((name, state, text))
                    if reader.closed:
                        reader = connect(url, user="guardrails_reader", **login)
                        reader.execute(TIMEOUTS)
                try:
                    owner.execute(text, prepare=False)
                except (psycopg.Error, UnicodeError, ValueError):
                    pass
                if owner.closed:
                    owner = connect(url, user="guardrails_owner", **login)
                    owner.execute(TIMEOUTS)
            owner.close()
            reader.close()
    finally:
        with connect(url) as admin:
            clean_up(admin)
    return outcome, failures


def clean_up(admin):
    admin.execute("DROP DATABASE IF EXISTS guardrails_regress (FORCE)")
    for role in ("guardrails_owner", "guardrails_reader"):
        admin.execute(f"DROP ROLE IF EXISTS {role}")


def search_path(owner):
    """So that the reader means the same tables as the owner; the default in a failed transaction."""
    import psycopg

    try:
        return owner.execute("SHOW search_path").fetchone()[0]
    except psycopg.Error:
        return '"$user", public'


def read_only(reader, text, path):
    """Runs a read; its SQLSTATE if it fails, "" if it was refused before it reached the server."""
    import psycopg

    try:
        reader.execute("BEGIN READ ONLY")
        reader.execute("SELECT set_config('search_path', %s, true)", (path,))
        reader.execute(text, prepare=False)
        return None
    except psycopg.Error as error:
        return error.sqlstate or "no answer"
    except (UnicodeError, ValueError):
        return "not sent"
    finally:
        if not reader.closed:
            try:
                reader.execute("ROLLBACK")
            except psycopg.Error:
                reader.close()


def sample(files, most):
    """As many whole files as hold that many statements, in an order that has nothing to do with them."""
    if most is None:
        return files
    drawn, count = {}, 0
    for name in sorted(files, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if count + len(files[name]) <= most:
            drawn[name] = files[name]
            count += len(files[name])
    return drawn


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--classify", required=True)
    arguments.add_argument("--corpus")
    arguments.add_argument("--tools", default="target/tools")
    arguments.add_argument("--postgres")
    arguments.add_argument("--statements", type=int)
    options = arguments.parse_args()
    corpus = pathlib.Path(options.corpus) if options.corpus else fetch_corpus(options.tools)

    files, nodes = {}, {}
    for path in sorted(corpus.rglob("*.sql")):
        found = list(statements(path))
        files[path.name] = [text for text, _ in found]
        nodes.update(found)
    texts = list(nodes)
    verdicts = dict(zip(texts, classify(options.classify, texts)))

    wrong, why = [], collections.Counter()
    plain = recognised = understood = 0
    for text in texts:
        writes, verdict = truth(nodes[text]), verdicts[text]
        understood += verdict["understood"]
        if verdict["read"] and writes:
            wrong.append((writes, text))
        if isinstance(nodes[text], ast.SelectStmt) and not writes:
            plain += 1
            recognised += verdict["read"]
            if not verdict["read"]:
                why[re.sub(r"`.*?`", "`…`", verdict["not_a_read"])] += 1
    print(f"files: {len(files)}; different statements that the server's parser takes: {len(texts)}")
    print(f"understood: {understood} ({understood / len(texts):.2%})")
    print(f"plain SELECTs: {plain}; recognised as reads: {recognised} ({recognised / plain:.1%})")
    for reason, count in why.most_common(12):
        print(f"  {count:6} {reason}")
    print(f"called a read although the server's parser says that it is none: {len(wrong)}")
    for writes, text in wrong[:20]:
        print(f"  {writes}: {text[:300]!r}")

    failures = []
    if options.postgres:
        drawn = sample(files, options.statements)
        print(f"on the server: {len(drawn)} files, {sum(map(len, drawn.values()))} statements")
        outcome, failures = run_reads(options.postgres, drawn, verdicts)
        print(f"reads run in READ ONLY transactions by a role that may only read: {sum(outcome.values())}")
        for state, count in outcome.most_common():
            print(f"  {count:6} {state}")
        print(f"failed because they write or need more than reading: {len(failures)}")
        for name, state, text in failures[:40]:
            print(f"  {state} {name}: {text[:300]!r}")
    return 1 if wrong or failures else 0


if __name__ == "__main__":
    sys.exit(main())
