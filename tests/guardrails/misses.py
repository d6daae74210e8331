#!/usr/bin/env python3
"""How much of what a server's parser takes is not understood.

  misses.py --classify target/debug/examples/classify mysql --url mysql://user:password@127.0.0.1:3306/ STATEMENTS…
  misses.py --classify target/debug/examples/classify sqlite STATEMENTS…

STATEMENTS are folders: `mariadb-test-data`'s main, SQLite's test, sqlglot's source (see corpora.py). The server parses
each statement and runs none: MySQL by PREPARE, SQLite by EXPLAIN. What it refuses for another reason than its syntax
(no such table) counts as taken. Prints the share by folder, the most frequent reasons, and examples with --examples.
"""

import argparse
import collections
import pathlib

import corpora
from targets import classify


def mysql_takes(url, statements):
    """Those that MySQL or MariaDB parses: by PREPARE, which runs nothing."""
    import pymysql
    from targets import mysql_login

    connection = pymysql.connect(**mysql_login(url), autocommit=True)
    cursor = connection.cursor()
    cursor.execute("CREATE DATABASE IF NOT EXISTS guardrails_misses")
    cursor.execute("USE guardrails_misses")
    taken = []
    for statement in statements:
        try:
            cursor.execute("SET @statement = %s", (statement,))
            cursor.execute("PREPARE prepared FROM @statement")
        except pymysql.Error as error:
            # 1064: a syntax error. 1231, 1366 and 1300: a text that is not UTF-8.
            if error.args[0] in (1064, 1149, 1300, 1366, 1231, 1065):
                continue
        taken.append(statement)
    cursor.execute("DROP DATABASE guardrails_misses")
    return taken


def sqlite_takes(statements):
    """Those that SQLite parses."""
    import apsw

    connection = apsw.Connection(":memory:")
    taken = []
    for statement in statements:
        try:
            connection.execute("EXPLAIN " + statement, prepare_flags=0)
        except apsw.SQLError as error:
            text = str(error)
            if "syntax error" in text or "incomplete input" in text or "unrecognized token" in text:
                continue
        except (apsw.Error, UnicodeError, ValueError):
            pass
        taken.append(statement)
    return taken


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dialect", choices=["mysql", "sqlite"])
    arguments.add_argument("folders", nargs="+")
    arguments.add_argument("--classify", required=True)
    arguments.add_argument("--url")
    arguments.add_argument("--examples", type=int, default=0)
    options = arguments.parse_args()
    for folder in options.folders:
        name = pathlib.Path(folder).name
        if "sqlglot" in name:
            statements = corpora.sqlglot(folder, options.dialect)
        else:
            statements = {"mysql": corpora.mariadb, "sqlite": corpora.sqlite}[options.dialect](folder)
        taken = mysql_takes(options.url, statements) if options.dialect == "mysql" else sqlite_takes(statements)
        answers = classify(options.classify, options.dialect, taken)
        missed = [(text, answer) for text, answer in zip(taken, answers) if not answer["understood"]]
        print(f"{name}: {len(statements)} statements, the server takes {len(taken)}, "
              f"not understood {len(missed)} ({len(missed) / max(1, len(taken)):.2%})")
        reasons, examples = collections.Counter(), collections.defaultdict(list)
        for text, answer in missed:
            key = (text.split(None, 1)[0].upper()[:12], answer["why_not"].split(";")[0][-60:])
            reasons[key] += 1
            examples[key].append(text)
        for key, count in reasons.most_common(40 if options.examples else 0):
            print(f"  {count:6} {key[0]:12} {key[1]}")
            step = max(1, len(examples[key]) // options.examples)
            for text in examples[key][::step][:options.examples]:
                print("           ", " ".join(text.split())[:200])


if __name__ == "__main__":
    main()
