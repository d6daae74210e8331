#!/usr/bin/env python3
"""Mutation fuzzing of the guardrails, judged by real servers.

  fuzz.py --classify target/debug/examples/classify postgres --url URL [--seconds 60 | --mutants N] [--seed N]
  fuzz.py … mysql --url mysql://user:password@127.0.0.1:3306/        (MySQL and MariaDB)
  fuzz.py … sqlite
  fuzz.py … postgres --corpus DIR    also mutates the statements of public tests (see corpora.py)

Each mutant is analysed. What the analysis lets through is run in a scratch database (targets.py), and it must hold that:

- table: without a hit of a rule about the table `payments`, the command does not need it
- written_table: without a hit, rows and columns of `payments` stay as they were
- no-drop: without a hit, tables, views, indexes and columns stay
- no-unbounded-write: without a hit, not every row of a table is changed or deleted
- no-privilege-change: without a hit, accounts, owners and privileges stay as they were
- read: a command that is called a read changes nothing and works in a read-only transaction
- bound: a command whose rows can be bounded changes no more rows than the server reports

Exit: 0 nothing was found, 1 a rule was passed. Each finding is printed once for each sort of statement.
"""

import argparse
import collections
import pathlib
import random
import re
import sys
import time

import corpora
from mutate import Mutator, adapted
from targets import Classifier, Outcome, Postgres, literal
from targets_other import Mysql, Sqlite

TARGETS = {"postgres": Postgres, "mysql": Mysql, "sqlite": Sqlite}
SEEDS = pathlib.Path(__file__).parent / "seeds"
# Where a server obeys them, a mutant may reach beyond its scratch database, or the rules do not look at them.
SKIPS = re.compile(
    r"\b(sleep|pg_sleep\w*|benchmark|get_lock|outfile|dumpfile|load_extension|shutdown|kill|generate_series|repeat|"
    r"randomblob|zeroblob|hex|sequence|seq_\w+|tablespace|database|schema|attach|vacuum|writefile|edit|lpad|rpad|space)\b",
    re.I,
)
# Statements that a ROLLBACK undoes, or that change nothing.
UNDONE = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "VALUES", "TABLE", "EXPLAIN", "DESCRIBE", "PRAGMA")
PRESETS = ("no-drop", "no-unbounded-write", "no-privilege-change")


class Fuzz:
    def __init__(self, target, classifier, mutator):
        self.target, self.classifier, self.mutator = target, classifier, mutator
        self.counts = collections.Counter()
        self.findings = {}
        self.seen = set()

    def step(self):
        """A batch of mutants."""
        commands = []
        while len(commands) < 64:
            command = self.mutator.mutant()
            key = hash(command)
            if key not in self.seen and "\0" not in command and len(command) < 2000:
                self.seen.add(key)
                commands.append(command)
        for command, answer in zip(commands, self.classifier.ask(commands)):
            self.counts["analysed"] += 1
            if not answer["understood"]:
                continue
            self.counts["understood"] += 1
            hits = set(answer["hits"])
            # Where every rule hits, nothing can get past.
            if (answer["read"] or self.open(hits)) and not SKIPS.search(command):
                self.judge(command, answer["pieces"], hits, answer)

    @staticmethod
    def open(hits):
        return any(rule not in hits for rule in (*PRESETS, "table", "written_table"))

    def judge(self, command, pieces, hits, answer):
        target = self.target
        self.pieces = pieces
        # A definition commits by itself in MySQL, and the database has to be made anew: a part of them is enough.
        commits = any(s["verb"] not in UNDONE for s in answer["statements"])
        if commits and target.dialect == "mysql" and self.mutator.random.random() > 0.05:
            return
        if answer["read"]:
            outcome = target.run(pieces, read=True)
            self.counts["run read-only"] += 1
            if outcome.error in target.writes:
                self.found("read", command, answer, "it fails in a read-only transaction")
        outcome = target.run(pieces)
        self.counts["executed"] += 1
        self.counts["succeeded" if outcome.error is None else f"error {outcome.error}"] += 1
        names_payments = "payments" in command.lower() or "\\" in command
        if "table" not in hits and outcome.error is None and names_payments:
            uses = (outcome.reads is None or "payments" in outcome.reads) and target.depends(pieces)
            self.counts["compared without the table"] += 1
            if uses:
                self.found("table", command, answer, "the server uses `payments`")
        if outcome.error is None:
            self.compare(command, hits, answer, outcome)
        if commits:
            self.mend(command, hits, answer)

    def compare(self, command, hits, answer, outcome):
        before, after = self.target.before, outcome.state
        if answer["read"] and after != before:
            self.found("read", command, answer, "it changes something")
        lost = before.objects - after.objects
        renames = re.search(r"\brename\b", command, re.I)
        if lost and "no-drop" not in hits and not renames:
            self.found("no-drop", command, answer, f"{len(lost)} objects are gone")
        if not after.same_rights(before) and "no-privilege-change" not in hits:
            self.found("no-privilege-change", command, answer, "privileges changed")
        if after.rows.get("payments") != before.rows["payments"] and "written_table" not in hits and not lost:
            self.found("written_table", command, answer, "`payments` changed")
        changed = 0
        for table, rows in before.rows.items():
            # A definition that changes the columns changes all rows, which is no-drop's.
            if after.columns.get(table) != before.columns[table]:
                continue
            stay = after.rows[table]
            changed += len(rows - stay)
            if not rows & stay and "no-unbounded-write" not in hits and not self.excused(command, table):
                self.found("no-unbounded-write", command, answer, f"every row of `{table}`")
        if answer["bound"] is None and changed > outcome.affected:
            self.found("bound", command, answer, f"{changed} rows changed, {outcome.affected} reported")

    def excused(self, command, table):
        """Conditions that hold for every row only because of what is in the tables: a query, a constant of its own."""
        if len(re.findall(r"\bselect\b|\bvalues\b|\btable\b", command, re.I)) > 0:
            return True
        # With rows that have each constant, and its neighbours, in every column.
        numbers = {int(number) + step for number in re.findall(r"\b\d{1,8}\b", command) for step in (-1, 0, 1)}
        texts = set(re.findall(r"'([^'\\]{0,30})'", command)) | {str(number) for number in numbers}
        numbers = sorted(numbers | {0})
        rows = [(one, other, text, one) for one in numbers[:8] for other in numbers[:8] for text in sorted(texts)[:8]]
        insert = f"INSERT INTO {table} VALUES " + ", ".join(
            "(" + ", ".join(map(literal, row)) + ")" for row in rows[:200] or [(0, 0, "", 0)])
        base = self.target.run([insert]).state
        outcome = self.target.run([insert, *self.pieces])
        return base is None or outcome.state is None or bool(base.rows[table] & outcome.state.rows.get(table, set()))

    def mend(self, command, hits, answer):
        """Makes the scratch databases anew if a command changed them for good: it committed, or commits by itself."""
        try:
            after = self.target.state()
        except Exception:  # noqa: BLE001 - whatever is wrong with the database, it is made anew
            after = None
        if after is not None and after == self.target.before:
            return
        if after is not None:
            self.compare(command, hits, answer, Outcome(state=after, affected=10**9))
        self.target.build()

    def found(self, oracle, command, answer, why):
        verbs = tuple(statement["verb"] for statement in answer["statements"])[:3]
        self.counts[f"FOUND {oracle}"] += 1
        found = self.findings.setdefault((oracle, verbs), [])
        if not found:
            print(f"  FOUND {oracle}: {why}: {command!r}", flush=True)
        found.append((why, command))


def statements(options, target):
    own = corpora.own(SEEDS / f"{options.dialect}.sql")
    keywords = target.keywords()
    public = []
    for folder in options.corpus or []:
        path = pathlib.Path(folder)
        if "sqlglot" in path.name:
            public += corpora.sqlglot(path, options.dialect)
        elif options.dialect == "mysql":
            public += corpora.mariadb(path)
        elif options.dialect == "sqlite":
            public += corpora.sqlite(path)
        else:
            from regress import statements as regress

            public += [text for file in sorted(path.rglob("*.sql")) for text, _ in regress(file)]
    public = [text for text in public if len(text) < 400]
    return own * (3 if public else 1) + corpora.unique([adapted(text, keywords) for text in public]), keywords


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dialect", choices=sorted(TARGETS))
    arguments.add_argument("--classify", required=True)
    arguments.add_argument("--url")
    arguments.add_argument("--corpus", action="append")
    arguments.add_argument("--seconds", type=float)
    arguments.add_argument("--mutants", type=int)
    arguments.add_argument("--seed", type=int, default=12)
    arguments.add_argument("--show", type=int, default=3)
    options = arguments.parse_args()
    target = TARGETS[options.dialect](options.url)
    classifier = Classifier(options.classify, options.dialect)
    chance = random.Random(options.seed)
    base, keywords = statements(options, target)
    fuzz = Fuzz(target, classifier, Mutator(base, keywords, chance))
    print(f"{options.dialect} {target.version}: {len(base)} statements, seed {options.seed}", flush=True)
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    most = options.mutants or (float("inf") if options.seconds else 100_000)
    try:
        while time.monotonic() < end and fuzz.counts["analysed"] < most:
            fuzz.step()
            if fuzz.counts["analysed"] % 64_000 == 0:
                print(f"  {dict(fuzz.counts)}", flush=True)
    finally:
        classifier.close()
        target.close()
        for name, count in fuzz.counts.items():
            print(f"  {count:8} {name}")
        for (oracle, verbs), cases in fuzz.findings.items():
            print(f"{oracle}: {len(cases)} × {', '.join(verbs)}")
            for why, command in sorted(cases, key=lambda case: len(case[1]))[:options.show]:
                print(f"    {why}: {command!r}")
    return 1 if fuzz.findings else 0


if __name__ == "__main__":
    sys.exit(main())
