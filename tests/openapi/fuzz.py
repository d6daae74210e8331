#!/usr/bin/env python3
"""schemathesis against a running demo: every answer to every generated call is one that the OpenAPI document describes.

    cargo build --workspace --all-features --bin countersign
    tests/openapi/fuzz.py --program target/debug/countersign [--cases 10000] [--quick]

It plays four people side by side, each on a demo of their own, because the same call finds different things: a
requester, a reviewer, an admin and an auditor. It goes round, each time with other seeds, until that many cases were
run. With --quick there are fewer random calls of each operation, and the systematic ones (2,600 a person) are made by
the admin alone, who has most permissions. Ends with `test result: ok. N passed; N failed`, of people and rounds. Exit: 0 all as documented, 1 something was not.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ADMIN = "root"
PEOPLE = ["alice", "dana", ADMIN, "audra"]
# `positive_data_acceptance` calls it a fault that a call is refused although its shape is right: a cursor that
# is none of ours, a connection that is not there. Status, content type and members of that refusal are checked.
LEFT_OUT = ["positive_data_acceptance"]


def serve(program, data):
    command = [program, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", str(data)]
    environment = {**os.environ, "COUNTERSIGN_MAX_WAIT_SECONDS": "1"}
    log = (data.parent / "serve.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    until = time.monotonic() + 60
    while not (data / "demo.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"serve did not start: {(data.parent / 'serve.log').read_text()}")
        time.sleep(0.1)
    return process, json.loads((data / "demo.json").read_text())


def fuzz(url, token, seed, phases, examples):
    command = ["st", "run", f"{url}/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--seed", str(seed), "--max-examples", str(examples), "--no-color"]
    command += ["--phases", ",".join(phases), "--exclude-checks", ",".join(LEFT_OUT)]
    command += ["--suppress-health-check", "all", "--request-timeout", "30", "--workers", "1"]
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(here)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=here, env=environment)
    cases = re.search(r"([\d,]+) generated", ended.stdout)
    return ended.returncode, int(cases[1].replace(",", "")) if cases else 0, ended.stdout + ended.stderr


def play(options, person, seed):
    """One person's calls on a fresh demo: the outcome, the number of cases and the output."""
    phases = ["examples", "fuzzing"] if options.quick and person != ADMIN else ["examples", "coverage", "fuzzing"]
    examples = 5 if options.quick else 25
    with tempfile.TemporaryDirectory() as folder:
        process, demo = serve(options.program.resolve(), Path(folder) / "data")
        try:
            return fuzz(demo["url"], demo["users"][person]["token"], seed, phases, examples)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", type=Path, required=True)
    arguments.add_argument("--cases", type=int, default=10_000)
    arguments.add_argument("--quick", action="store_true")
    options = arguments.parse_args()
    total, passed, failed, seed = 0, 0, 0, 0
    while total < options.cases and not failed:
        seeds = range(seed + 1, seed + 1 + len(PEOPLE))
        seed += len(PEOPLE)
        with ThreadPoolExecutor(len(PEOPLE)) as pool:
            plays = list(pool.map(lambda person, seed: play(options, person, seed), PEOPLE, seeds))
        for person, own_seed, (code, cases, said) in zip(PEOPLE, seeds, plays):
            fine = code == 0 and cases > 0
            print(f"{'ok' if fine else 'FAILED':6}  {person}, seed {own_seed}: {cases} cases", flush=True)
            total += cases
            passed += fine
            failed += not fine
            if not fine:
                print(said)
    print(f"{total} cases")
    print(f"test result: {'ok' if failed == 0 else 'FAILED'}. {passed} passed; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
