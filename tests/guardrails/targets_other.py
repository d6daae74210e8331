"""MySQL, MariaDB and SQLite as targets (see targets.py)."""

import contextlib
import time
import zlib

from targets import Outcome, State, TABLES, mysql_login, schema


class Mysql:
    dialect = "mysql"
    #: The transaction is read-only.
    writes = (1792,)
    MISSING = (1146,)

    def __init__(self, url):
        import pymysql

        self.pymysql, self.url = pymysql, url
        self.name = f"guardrails_{zlib.crc32(url.encode()) % 1000}"
        self.admin = self.connect(None, user=None)
        with self.admin.cursor() as cursor:
            cursor.execute("SELECT version()")
            self.version = cursor.fetchone()[0]
        self.with_payments = self.without = None
        self.build()

    def build(self):
        """Makes both databases, and the accounts, anew."""
        self.drop()
        with self.admin.cursor() as cursor:
            for user in ("guardrails_fuzz", "other"):
                cursor.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'guardrails'")
            cursor.execute(f"GRANT ALL ON `{self.name}%`.* TO 'guardrails_fuzz'@'%' WITH GRANT OPTION")
            cursor.execute("GRANT CREATE USER ON *.* TO 'guardrails_fuzz'@'%'")
        self.with_payments = self.make("with", TABLES)
        self.without = self.make("without", TABLES[1:])
        self.before = self.state()

    def drop(self):
        for connection in (self.with_payments, self.without):
            with contextlib.suppress(self.pymysql.Error):
                if connection:
                    connection.close()
        with self.admin.cursor() as cursor:
            for suffix in ("with", "without"):
                cursor.execute(f"DROP DATABASE IF EXISTS {self.name}_{suffix}")
            cursor.execute("SELECT user, host FROM mysql.user")
            accounts = set(cursor.fetchall())
            ours = {("guardrails_fuzz", "%"), ("other", "%")}
            # Those that were here before stay, also where mutants made others.
            self.strangers = getattr(self, "strangers", accounts - ours)
            for user, host in accounts - self.strangers:
                with contextlib.suppress(self.pymysql.Error):
                    cursor.execute("DROP USER IF EXISTS %s@%s", (user, host))
            with contextlib.suppress(self.pymysql.Error):
                cursor.execute("DROP ROLE IF EXISTS x")

    def lost(self, error):
        """Whether the server is gone: a mutant may crash it. Waits until its supervisor has started it again."""
        if error.args[:1] not in ((2006,), (2013,), (0,)):
            return False
        for _ in range(60):
            with contextlib.suppress(self.pymysql.Error):
                self.admin = self.connect(None, user=None)
                self.admin.ping()
                self.build()
                return True
            time.sleep(1)
        raise RuntimeError("the server is gone and does not come back") from error

    def connect(self, database, user="guardrails_fuzz"):
        login = mysql_login(self.url)
        if user:
            login.update(user=user, password="guardrails")
        return self.pymysql.connect(**login, database=database, autocommit=True, read_timeout=20 if user else 300)

    def make(self, suffix, tables):
        database = f"{self.name}_{suffix}"
        with self.admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")
            cursor.execute(f"CREATE DATABASE {database}")
        connection = self.connect(database)
        with connection.cursor() as cursor:
            for statement in [*schema(tables), "CREATE VIEW open_orders AS SELECT id, a FROM orders",
                              "CREATE INDEX customers_a ON customers (a)"]:
                cursor.execute(statement)
            cursor.execute("SET SESSION sql_select_limit = 1000, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
            with contextlib.suppress(self.pymysql.Error):
                cursor.execute("SET SESSION max_statement_time = 0.5")
            with contextlib.suppress(self.pymysql.Error):
                cursor.execute("SET SESSION max_execution_time = 500")
        return connection

    def keywords(self):
        with self.admin.cursor() as cursor:
            cursor.execute("SELECT upper(word) FROM information_schema.keywords")
            return {word for word, in cursor.fetchall()} - {"ID", "A", "B", "C"}

    def state(self):
        database = f"{self.name}_with"
        rows = {}
        cursor = self.with_payments.cursor()
        cursor.execute(
            f"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{database}'")
        columns = cursor.fetchall()
        for table in TABLES:
            if any(name == table for name, _ in columns):
                cursor.execute(f"SELECT x.*, '{table}' FROM {database}.{table} x")
                rows[table] = {tuple(map(str, row)) for row in cursor.fetchall()}
        count = {table: sum(name == table for name, _ in columns) for table in rows}
        # A view may change its columns: no rows are lost with them.
        objects = {(table, table != "open_orders" and column) for table, column in columns}
        return State(rows, count, objects, self.rights())

    def rights(self):
        """Accounts and grants, as checksums."""
        tables = ("user", "global_priv", "db", "tables_priv", "columns_priv", "procs_priv", "roles_mapping", "role_edges")
        cursor = self.admin.cursor()
        cursor.execute("CHECKSUM TABLE " + ", ".join(f"mysql.{table}" for table in tables))
        return dict(cursor.fetchall())

    def depends(self, pieces):
        return self.tries(self.with_payments, pieces) is None and self.tries(self.without, pieces) in self.MISSING

    def tries(self, connection, pieces):
        try:
            with connection.cursor() as cursor:
                cursor.execute("START TRANSACTION")
                for piece in pieces:
                    cursor.execute(piece)
                    cursor.fetchall()
            return None
        except (self.pymysql.Error, UnicodeError, ValueError) as error:
            return error.args[0] if error.args else "not sent"
        finally:
            self.undo()

    def undo(self):
        for connection in (self.with_payments, self.without):
            with contextlib.suppress(self.pymysql.Error):
                connection.rollback()

    def run(self, pieces, read=False):
        affected = 0
        try:
            with self.with_payments.cursor() as cursor:
                cursor.execute("START TRANSACTION READ ONLY" if read else "START TRANSACTION")
                for piece in pieces:
                    affected += max(0, cursor.execute(piece))
                    cursor.fetchall()
            return Outcome(state=self.state(), affected=affected)
        except (self.pymysql.Error, UnicodeError, ValueError) as error:
            if self.lost(error):
                return Outcome(error="server lost")
            return Outcome(error=error.args[0] if error.args else "not sent")
        finally:
            self.undo()

    def close(self):
        self.drop()


class Sqlite:
    """SQLite in memory; its authorizer says which tables a statement uses."""

    dialect = "sqlite"
    writes = ("ReadOnlyError",)

    def __init__(self, _url=None):
        import apsw

        self.apsw = apsw
        self.version = apsw.sqlite_lib_version()
        self.connection = None
        connection = apsw.Connection(":memory:")
        for statement in [*schema(TABLES, "INTEGER", "TEXT"), "CREATE VIEW open_orders AS SELECT id, a FROM orders",
                          "CREATE INDEX customers_a ON customers (a)"]:
            connection.execute(statement)
        self.image = connection.serialize("main")
        connection.execute("DROP TABLE payments")
        self.image_without = connection.serialize("main")
        self.build()
        self.before = self.state()

    def build(self):
        if self.connection:
            self.connection.close(True)
        self.connection = self.apsw.Connection(":memory:")
        self.connection.deserialize("main", self.image)

    def depends(self, pieces):
        """Whether a command fails without `payments`: the authorizer also names what is no table (a WITH, a column)."""
        connection = self.apsw.Connection(":memory:")
        connection.deserialize("main", self.image_without)
        try:
            for piece in pieces:
                connection.execute(piece).fetchall()
        except self.apsw.SQLError as error:
            return "no such table: " in str(error)
        except (self.apsw.Error, UnicodeError, ValueError):
            pass
        finally:
            connection.close(True)
        return False

    def keywords(self):
        return {word.upper() for word in self.apsw.keywords} - {"ID", "A", "B", "C"}

    def state(self):
        run = self.connection.execute
        columns = set(run("SELECT m.type || m.name, p.name FROM main.sqlite_schema m LEFT JOIN pragma_table_info(m.name, 'main') p").fetchall())
        rows = {}
        for table in TABLES:
            if any(kind == f"table{table}" for kind, _ in columns):
                rows[table] = {tuple(map(str, row)) for row in run(f"SELECT x.*, '{table}' FROM main.{table} x")}
        count = {table: sum(kind == f"table{table}" for kind, _ in columns) for table in rows}
        return State(rows, count, columns, None)

    def run(self, pieces, read=False):
        used = set()

        def authorize(action, first, second, _database, _trigger):
            if action not in (self.apsw.SQLITE_SAVEPOINT, self.apsw.SQLITE_FUNCTION):
                used.update({first, second} & {"payments"})
            # No other files, no code of others.
            refused = (self.apsw.SQLITE_ATTACH,)
            return self.apsw.SQLITE_DENY if action in refused else self.apsw.SQLITE_OK

        connection, affected = self.connection, 0
        try:
            connection.execute("BEGIN")
            connection.execute(f"PRAGMA query_only = {int(read)}")
            connection.authorizer = authorize
            budget = [200]

            def progress():
                budget[0] -= 1
                return budget[0] < 0

            connection.set_progress_handler(progress, 5000)
            for piece in pieces:
                before = connection.total_changes()
                cursor = connection.cursor()
                for number, _row in enumerate(cursor.execute(piece)):
                    if number > 2000:
                        break
                cursor.close()
                affected += connection.total_changes() - before
            connection.authorizer = None
            connection.execute("PRAGMA query_only = 0")
            return Outcome(state=self.state(), affected=affected, reads=used)
        except (self.apsw.Error, UnicodeError, ValueError) as error:
            return Outcome(error=type(error).__name__, reads=used)
        finally:
            connection.authorizer = None
            connection.set_progress_handler(None)
            try:
                connection.execute("PRAGMA query_only = 0")
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            except self.apsw.Error:
                self.build()

    def close(self):
        self.connection.close(True)
