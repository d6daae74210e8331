"""What a reader of a page has already: a service that runs, a token, databases. Pages that are not named here have
the program on the path and nothing else; README.md and docs/tour.md have not even that, because they make it.
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
# In every URL with a password: no log may contain it.
PASSWORD = "hunter2-docs"
# Seals what happened each second instead of each minute.
SOON = {"COUNTERSIGN_SEAL_SECONDS": "1"}


class SceneError(Exception):
    """What a page needs is not here."""


@dataclass
class Scene:
    """`person`: whose token the commands act with, on a demo that runs."""

    demo: bool = False
    person: str | None = None
    # Variables of the reader and of the service.
    environment: dict = field(default_factory=dict)
    service: dict = field(default_factory=dict)
    # What was done before, as a script for bash with `-e`.
    before: str | None = None
    postgres: str | None = None
    mariadb: str | None = None
    # Variables of the service that hold the URL of the PostgreSQL or MariaDB database.
    urls: tuple = ()
    # Variable, role and its rights: a role of its own on the PostgreSQL database.
    reader: tuple | None = None
    # Queries on the PostgreSQL database and what they give when the page is over.
    afterwards: tuple = ()
    on_path: bool = True


SCENES = {
    # Readers come to the audit trail minutes later, when a checkpoint is there.
    "README.md": Scene(on_path=False, environment=SOON),
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
    """Runs SQL as an administrator. Gives what it prints."""
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
    """The databases of a page: made when it begins, dropped when it ends."""

    def __init__(self, page, scene):
        self._scene = scene
        self._name = "docs_" + re.sub(r"[^a-z0-9]+", "_", page.removesuffix(".md").removeprefix("docs/").lower())
        self._servers = {
            kind: os.environ.get(f"COUNTERSIGN_TEST_{kind.upper()}_URL")
            for kind in ("postgres", "mariadb") if getattr(scene, kind) is not None}
        for kind, url in self._servers.items():
            if not url:
                raise SceneError(f"COUNTERSIGN_TEST_{kind.upper()}_URL is not set: ./tests/run starts such a server")

    def make(self):
        """Makes them. Gives the variables with their URLs."""
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
        """What is not as it should be now that the page is over."""
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
    """Runs SQL as an administrator."""
    parts = urllib.parse.urlsplit(url)
    ran = subprocess.run(
        ["mariadb", "--no-defaults", f"--host={parts.hostname}", f"--port={parts.port}", f"--user={parts.username}"],
        input=sql, env=os.environ | {"MYSQL_PWD": parts.password or ""}, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        raise SceneError(f"mariadb: {ran.stderr.strip()}")


@contextlib.contextmanager
def service(program, folder, environment, log):
    """The demo, in a folder. Gives its people's tokens."""
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
