#!/usr/bin/env python3
"""CPU seconds of a build from nothing, in total and per crate.

    tests/bench/build_cost.py run TABLE.json [--source DIR] [-- cargo arguments]
    tests/bench/build_cost.py compare BEFORE.json AFTER.json

`run` builds into a new target directory: `cargo build --release -j1` with the given arguments, the whole product
without any. Each compiler process is measured by the kernel (user + system time), so figures hold on a busy machine
too. What is not in a crate's row is build scripts, most of them C compilers, and cargo itself.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def spent(usage):
    return usage.ru_utime + usage.ru_stime


def wrap(command):
    """Runs one compiler for cargo and appends what it cost."""
    # With the jobserver of cargo.
    process = subprocess.Popen(command, close_fds=False)
    _, status, usage = os.wait4(process.pid, 0)
    name = command[command.index("--crate-name") + 1] if "--crate-name" in command else None
    if name and name != "___":
        kind = command[command.index("--crate-type") + 1] if "--crate-type" in command else "lib"
        row = {"crate": name, "kind": kind, "cpu": spent(usage), "mb": usage.ru_maxrss // 1024}
        with open(os.environ["BUILD_COST_LOG"], "a") as log:
            log.write(json.dumps(row) + "\n")
    return os.waitstatus_to_exitcode(status)


def run(table, source, arguments):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(Path(folder) / "target"),
            "RUSTC_WRAPPER": str(Path(__file__).resolve()),
            "BUILD_COST_LOG": str(log),
        }
        began = time.monotonic()
        command = ["cargo", "build", "--release", "--locked", "-j1", *arguments]
        subprocess.run(command, cwd=source, env=environment, check=True)
        rows = [json.loads(line) for line in log.read_text().splitlines()]
    total = spent(resource.getrusage(resource.RUSAGE_CHILDREN))
    result = {"command": " ".join(command), "total": total, "wall": time.monotonic() - began, "crates": rows}
    Path(table).write_text(json.dumps(result, indent=1))
    print(f"{total:.0f} CPU-seconds, {result['wall']:.0f} s wall, {len(rows)} compiler processes")


def by_crate(result):
    sums = {}
    for row in result["crates"]:
        name = f"{row['crate']} (binary)" if row["kind"] == "bin" else row["crate"]
        sums[name] = sums.get(name, 0) + row["cpu"]
    sums["build scripts and cargo"] = result["total"] - sum(sums.values())
    return sums


def compare(before, after):
    before, after = (json.loads(Path(path).read_text()) for path in (before, after))
    old, new = by_crate(before), by_crate(after)
    print("| crate | before | after |\n|---|---|---|")
    print(f"| **total** | **{before['total']:.0f}** | **{after['total']:.0f}** |")
    for name in sorted({*old, *new}, key=lambda name: -max(old.get(name, 0), new.get(name, 0))):
        if max(old.get(name, 0), new.get(name, 0)) >= 8:
            cells = (f"{table[name]:.1f}" if name in table else "–" for table in (old, new))
            print(f"| `{name}` | " + " | ".join(cells) + " |")


def main():
    # As cargo's wrapper: the first argument is the compiler.
    if "BUILD_COST_LOG" in os.environ and len(sys.argv) > 1 and Path(sys.argv[1]).name == "rustc":
        sys.exit(wrap(sys.argv[1:]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="what")
    running = commands.add_parser("run")
    running.add_argument("table")
    running.add_argument("--source", default=".")
    running.add_argument("arguments", nargs="*")
    comparing = commands.add_parser("compare")
    comparing.add_argument("before")
    comparing.add_argument("after")
    options = parser.parse_args()
    if options.what == "run":
        run(options.table, options.source, options.arguments)
    else:
        compare(options.before, options.after)


if __name__ == "__main__":
    main()
