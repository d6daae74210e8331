"""What each page requires: a running service, a token, databases. Pages that are not listed here get the program on
the path. README.md and docs/tour.md build it themselves.
"""

import contextlib
import json
import os
import re
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field

URL = "http://127.0.0.1:8700"
# Part of every URL with a password; no log may contain it.
PASSWORD = "hunter2-docs"
# A checkpoint each second instead of each minute.
SOON = {"COUNTERSIGN_SEAL_SECONDS": "1"}


class SceneError(Exception):
    """A requirement of a page is missing."""


@dataclass
class Scene:
    """The requirements of one page."""

    # A running demo, and the person whose token is in COUNTERSIGN_TOKEN.
    demo: bool = False
    person: str | None = None
    # Environment variables of the service.
    service: dict = field(default_factory=dict)
    # A bash script that runs first, in the clone.
    before: str | None = None
    # SQL that prepares a database on that server.
    postgres: str | None = None
    mariadb: str | None = None
    # Variables of the service that contain the URL of that database.
    urls: tuple = ()
    # A second role on the PostgreSQL database: the variable with its URL, and the GRANT statement without its name.
    reader: tuple | None = None
    # Queries on the PostgreSQL database, and their results after the page.
    afterwards: tuple = ()
    # Whether `countersign` is on the path.
    on_path: bool = True


SCENES = {
    "README.md": Scene(on_path=False),
    "docs/tour.md": Scene(on_path=False),
    "docs/audit.md": Scene(
        demo=True, person="root", service=SOON, before="countersign --as alice exec demo-open 'SELECT 1'"),
    "docs/connections/http.md": Scene(demo=True, person="root", service={"BILLING_TOKEN": "Bearer " + PASSWORD}),
    "docs/connections/mysql.md": Scene(demo=True, person="root", mariadb="CREATE TABLE t (id int)", urls=("SHOP_DB_URL",)),
    "docs/connections/postgres.md": Scene(demo=True, person="root", postgres="", urls=("PROD_DB_URL",)),
    "docs/connections/runner.md": Scene(demo=True, person="root"),
    "docs/connections/sqlite.md": Scene(demo=True, person="root"),
    "docs/operations.md": Scene(before="""
        countersign bootstrap --email you@example.com > admin.token
        cp -a countersign-data countersign-backup
    """),
    "docs/guardrails.md": Scene(demo=True, person="root"),
    "docs/security.md": Scene(demo=True, person="alice"),
    "docs/webhooks.md": Scene(demo=True, person="root"),
    "docs/configurations.md": Scene(
        demo=True,
        postgres="""
            CREATE TABLE sessions (id int PRIMARY KEY, age int);
            INSERT INTO sessions VALUES (1, 1), (2, 5), (3, 30), (4, 91), (5, 120);
            CREATE TABLE salaries (id int PRIMARY KEY, amount int);
            INSERT INTO salaries VALUES (1, 5000), (2, 6000);
            CREATE TABLE people (name text, email text, notes text);
            INSERT INTO people VALUES ('Ada', 'ada@example.com', 'likes tea');
        """,
        urls=("PROD_DB_URL", "PAYROLL_URL"),
        reader=("PEOPLE_READ_URL", "GRANT SELECT ON people TO"),
        afterwards=(
            ("SELECT count(*) FROM sessions", "3"),
            ("SELECT amount FROM salaries WHERE id = 1", "5200"),
        ),
    ),
}


def as_psql(url, sql):
    """Runs SQL with psql. Returns its output."""
    ran = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=sql, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        raise SceneError(f"psql: {ran.stderr.strip()}")
    return ran.stdout.strip()


def another(url, user, database):
    """The URL of another user and database on the same server."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}", f"/{database}", "", ""))


class Databases:
    """The databases of a page: created before it runs, dropped after it."""

    def __init__(self, page, scene):
        self._scene = scene
        self._name = "docs_" + re.sub(r"[^a-z0-9]+", "_", page.removesuffix(".md").removeprefix("docs/").lower())
        self._servers = {
            kind: os.environ.get(f"COUNTERSIGN_TEST_{kind.upper()}_URL")
            for kind in ("postgres", "mariadb") if getattr(scene, kind) is not None}
        for kind, url in self._servers.items():
            if not url:
                raise SceneError(f"COUNTERSIGN_TEST_{kind.upper()}_URL is not set; ./tests/run starts the server and sets it")

    def make(self):
        """Creates them. Returns the environment variables with their URLs."""
        found = {}
        self.drop()
        name, reader = self._name, f"{self._name}_reader"
        if url := self._servers.get("postgres"):
            as_psql(url, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE {reader} LOGIN PASSWORD '{PASSWORD}'")
            as_psql(url, f"CREATE DATABASE {name} OWNER {name}")
            owned = another(url, name, name)
            as_psql(owned, self._scene.postgres)
            found |= dict.fromkeys(self._scene.urls, owned)
            if self._scene.reader:
                variable, rights = self._scene.reader
                as_psql(owned, f"{rights} {reader}")
                found[variable] = another(url, reader, name)
        if url := self._servers.get("mariadb"):
            as_mariadb(url, f"CREATE DATABASE {name}; CREATE USER {name}@'%' IDENTIFIED BY '{PASSWORD}';"
                            f"GRANT ALL ON {name}.* TO {name}@'%'; USE {name}; {self._scene.mariadb}")
            found |= dict.fromkeys(self._scene.urls, another(url, name, name))
        return found

    def check(self):
        """The queries whose results differ from the expected ones, as messages."""
        url = self._servers.get("postgres")
        for query, wanted in self._scene.afterwards:
            found = as_psql(another(url, self._name, self._name), query)
            if found != wanted:
                yield f"`{query}` gives {found}, not {wanted}"

    def drop(self):
        """Drops them."""
        name = self._name
        if url := self._servers.get("postgres"):
            as_psql(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            as_psql(url, f"DROP ROLE IF EXISTS {name}; DROP ROLE IF EXISTS {name}_reader")
        if url := self._servers.get("mariadb"):
            as_mariadb(url, f"DROP DATABASE IF EXISTS {name}; DROP USER IF EXISTS {name}@'%'")


def as_mariadb(url, sql):
    """Runs SQL with the client of MariaDB."""
    parts = urllib.parse.urlsplit(url)
    ran = subprocess.run(
        ["mariadb", "--no-defaults", f"--host={parts.hostname}", f"--port={parts.port}", f"--user={parts.username}"],
        input=sql, env=os.environ | {"MYSQL_PWD": parts.password or ""}, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        raise SceneError(f"mariadb: {ran.stderr.strip()}")


@contextlib.contextmanager
def service(program, folder, environment, log):
    """Serves the demo from a folder. Yields the tokens of its people, by name."""
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", "--demo"], cwd=folder, env=environment, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        give_up_at = time.monotonic() + 60
        while "Countersign's demo is at" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise SceneError(f"`serve --demo` did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        users = json.loads((folder / "countersign-demo" / "demo.json").read_text())["users"]
        yield {name: user["token"] for name, user in users.items()}
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
