#!/usr/bin/env python3
"""schemathesis against a running demo: nothing that it can think of is answered with what the OpenAPI
document does not say.

    cargo build --workspace --all-features --bin countersign
    tests/openapi/fuzz.py --program target/debug/countersign [--cases 10000]

It plays several people one after the other, each on a demo of their own, because what a call finds differs:
a requester, a reviewer, an admin and an auditor. It goes round until so many cases were run. Exit: 0 all as
documented, 1 something was not.
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
from pathlib import Path

PEOPLE = ["alice", "dana", "root", "audra"]
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
            sys.exit(f"serve did not start: {(data.parent / 'serve.log').read_text()}")
        time.sleep(0.1)
    return process, json.loads((data / "demo.json").read_text())


def fuzz(url, token, seed, examples):
    command = ["st", "run", f"{url}/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--seed", str(seed), "--max-examples", str(examples), "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing", "--exclude-checks", ",".join(LEFT_OUT)]
    command += ["--suppress-health-check", "all", "--request-timeout", "30", "--workers", "1"]
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(here)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=here, env=environment)
    cases = re.search(r"([\d,]+) generated", ended.stdout)
    return ended.returncode, int(cases[1].replace(",", "")) if cases else 0, ended.stdout + ended.stderr


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", type=Path, required=True)
    arguments.add_argument("--cases", type=int, default=10_000)
    arguments.add_argument("--examples", type=int, default=25, help="for each operation, in each round")
    options = arguments.parse_args()
    total, failed, seed = 0, 0, 0
    while total < options.cases and not failed:
        for person in PEOPLE:
            seed += 1
            with tempfile.TemporaryDirectory() as folder:
                process, demo = serve(options.program.resolve(), Path(folder) / "data")
                try:
                    code, cases, said = fuzz(demo["url"], demo["users"][person]["token"], seed, options.examples)
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(30)
            total += cases
            print(f"{'ok' if code == 0 else 'FAILED':6}  {person}, seed {seed}: {cases} cases", flush=True)
            if code != 0 or cases == 0:
                failed += 1
                print(said)
    print(f"{total} cases, {failed} runs failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
