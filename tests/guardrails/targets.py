"""Databases that judge mutants: what depends on the table `payments`, and what a command changed.

Each target has a scratch database with the tables `payments`, `customers` and `orders` (columns id, a, b and c, none of
them a key, every sort of value and NULL in each, no row twice), and a second one without `payments`. A command runs in
the first, and its state is read before everything is undone.
"""

import contextlib
import json
import subprocess
import urllib.parse

TABLES = ("payments", "customers", "orders")
IDS = (None, -1, 0, 1, 2, 7, 1000)
TEXTS = (None, "", "x", "abc", "%", "1")
ROWS = [
    (IDS[row % 7], IDS[(row * 3 + 2) % 7], TEXTS[row % 6], None if row == 0 else 10 + row) for row in range(14)
]


class Classifier:
    """The analysis, as one process that answers line by line."""

    def __init__(self, program, dialect):
        self.run = subprocess.Popen([program, dialect], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, texts):
        """At most as many as fit into a pipe."""
        self.run.stdin.write("".join(json.dumps(text) + "\n" for text in texts))
        self.run.stdin.flush()
        return [json.loads(self.run.stdout.readline()) for _ in texts]

    def close(self):
        self.run.stdin.close()
        self.run.wait()


def classify(program, dialect, texts):
    run = subprocess.run(
        [program, dialect], input="".join(json.dumps(text) + "\n" for text in texts),
        capture_output=True, text=True, check=True,
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(texts), (len(answers), len(texts))
    return answers


def mysql_login(url):
    parts = urllib.parse.urlsplit(url)
    return {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username, "password": parts.password or ""}


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def schema(tables, integer="int", text="varchar(40)", more=""):
    """The statements that make a scratch database."""
    for table in tables:
        yield f"CREATE TABLE {table} (id {integer}, a {integer}, b {text}, c {integer}){more}"
        rows = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in ROWS)
        yield f"INSERT INTO {table} VALUES {rows}"


class Outcome:
    """What a command did."""

    def __init__(self, error=None, state=None, affected=0, reads=None):
        self.error = error
        self.state = state
        self.affected = affected
        #: The tables that it used, if the server says so.
        self.reads = reads


class State:
    """What is in a database."""

    def __init__(self, rows, columns, objects, rights):
        #: For each table, its rows, each once.
        self.rows = rows
        #: For each table, how many columns it has.
        self.columns = columns
        #: Names or identities of tables, views, indexes and columns.
        self.objects = objects
        #: Who may do what, by object or sort.
        self.rights = rights

    def __eq__(self, other):
        return (self.rows, self.objects, self.rights) == (other.rows, other.objects, other.rights)

    def same_rights(self, other):
        """Whether everybody may do the same with what is in both."""
        both = (self.rights or {}).keys() & (other.rights or {}).keys()
        return all(self.rights[name] == other.rights[name] for name in both)


class Postgres:
    dialect = "postgres"

    def __init__(self, url, _seed=0):
        import psycopg

        self.psycopg, self.url = psycopg, url
        self.with_payments = self.without = None
        self.build()

    def build(self):
        """Makes both databases, and the accounts, anew."""
        self.drop()
        with self.psycopg.connect(self.url, autocommit=True) as admin:
            self.version = admin.execute("SHOW server_version").fetchone()[0]
            admin.execute("CREATE ROLE guardrails_fuzz LOGIN CREATEROLE PASSWORD 'guardrails'")
            admin.execute("CREATE ROLE other")
            admin.execute("CREATE DATABASE guardrails_with OWNER guardrails_fuzz")
            admin.execute("CREATE DATABASE guardrails_without OWNER guardrails_fuzz")
        self.with_payments = self.make("guardrails_with", TABLES)
        self.without = self.make("guardrails_without", TABLES[1:])
        self.before = self.state()

    def drop(self):
        for connection in (self.with_payments, self.without):
            if connection:
                connection.close()
        with self.psycopg.connect(self.url, autocommit=True) as admin:
            for name in ("guardrails_with", "guardrails_without"):
                admin.execute(f"DROP DATABASE IF EXISTS {name} (FORCE)")
            roles = {row[0] for row in admin.execute("SELECT quote_ident(rolname) FROM pg_roles")}
            # Those that were here before stay, also where mutants made others.
            self.strangers = getattr(self, "strangers", roles - {"guardrails_fuzz", "other"})
            for role in roles - self.strangers:
                admin.execute(f"DROP ROLE {role}")

    def make(self, database, tables):
        connection = self.connect(database)
        for statement in [*schema(tables), "CREATE VIEW open_orders AS SELECT id, a FROM orders",
                          "CREATE INDEX customers_a ON customers (a)"]:
            connection.execute(statement)
        return connection

    def connect(self, database):
        connection = self.psycopg.connect(
            self.url, dbname=database, user="guardrails_fuzz", password="guardrails", autocommit=True, prepare_threshold=None,
        )
        connection.execute("SET statement_timeout = '500ms'; SET lock_timeout = '200ms'")
        return connection

    def keywords(self):
        # Not type and function names: those stay names.
        rows = self.with_payments.execute("SELECT upper(word) FROM pg_get_keywords()").fetchall()
        return {word for word, in rows} - {"ID", "A", "B", "C"}

    STATE = """
        SELECT (SELECT json_agg(c.oid || '.' || coalesce(attnum, 0)) FROM pg_class c LEFT JOIN pg_attribute a
                ON a.attrelid = c.oid AND NOT attisdropped AND attnum > 0 WHERE relnamespace = 'public'::regnamespace),
            (SELECT json_object_agg(relname, ARRAY[(SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0
                    AND NOT attisdropped)::text, query_to_xml(format('SELECT * FROM public.%I', relname), true, true, '')::text])
                FROM pg_class c WHERE relnamespace = 'public'::regnamespace
                AND relname IN ('payments', 'customers', 'orders') AND relkind IN ('r', 'p')),
            (SELECT json_object_agg(oid, relowner || coalesce(relacl::text, '') || relrowsecurity || relforcerowsecurity)
                FROM pg_class WHERE relnamespace = 'public'::regnamespace),
            json_build_array(
                (SELECT string_agg(r::text, ',' ORDER BY rolname) FROM pg_roles r),
                (SELECT string_agg(m::text, ',' ORDER BY roleid, member) FROM pg_auth_members m),
                (SELECT string_agg(nspowner || coalesce(nspacl::text, ''), ',' ORDER BY oid) FROM pg_namespace
                    WHERE nspname = 'public'),
                (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_default_acl),
                (SELECT count(*) FROM pg_db_role_setting))"""

    def state(self):
        objects, tables, rights, others = self.with_payments.execute(self.STATE).fetchone()
        rows = {name: frozenset(map(str.strip, text.split("</row>")[:-1])) for name, (_, text) in (tables or {}).items()}
        columns = {name: count for name, (count, _) in (tables or {}).items()}
        return State(rows, columns, set(objects or ()), {**(rights or {}), "others": str(others)})

    def depends(self, pieces):
        """Whether a command works with `payments` and fails without it, because it is not there."""
        return self.tries(self.with_payments, pieces) is None and self.tries(self.without, pieces) == "42P01"

    def tries(self, connection, pieces):
        try:
            connection.execute("BEGIN")
            for piece in pieces:
                connection.execute(piece, prepare=False)
            return None
        except (self.psycopg.Error, UnicodeError, ValueError) as error:
            return getattr(error, "sqlstate", None) or "not sent"
        finally:
            self.undo(connection)

    def undo(self, connection):
        # A COPY from or to the client waits for data that never comes.
        if connection.info.transaction_status == self.psycopg.pq.TransactionStatus.ACTIVE:
            connection.close()
        if not connection.closed:
            with contextlib.suppress(self.psycopg.Error):
                connection.execute("ROLLBACK; SET statement_timeout = '500ms'; SET lock_timeout = '200ms'")
        if self.with_payments.closed:
            self.with_payments = self.connect("guardrails_with")
        if self.without.closed:
            self.without = self.connect("guardrails_without")

    def run(self, pieces, read=False):
        connection, affected = self.with_payments, 0
        try:
            connection.execute("BEGIN READ ONLY" if read else "BEGIN")
            for piece in pieces:
                affected += max(0, connection.execute(piece, prepare=False).rowcount)
            connection.execute("RESET ROLE; SET LOCAL search_path = public; SET LOCAL statement_timeout = '5s'")
            return Outcome(state=self.state(), affected=affected)
        except (self.psycopg.Error, UnicodeError, ValueError) as error:
            return Outcome(error=getattr(error, "sqlstate", None) or "not sent")
        finally:
            self.undo(connection)

    #: The transaction is read-only.
    writes = ("25006",)

    def close(self):
        self.drop()
