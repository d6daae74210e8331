"""Counting of checks, and starting of programs."""

import contextlib
import pathlib
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Checks:
    """Counts the sentences that hold, and prints why one does not."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def equal(self, sentence, got, expected):
        self.true(sentence, got == expected, f"expected {expected!r}\n        got      {got!r}")

    def true(self, sentence, holds, otherwise):
        if holds:
            self.passed += 1
            print(f"ok      {sentence}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {sentence}\n        {otherwise}", flush=True)

    def succeeds(self, sentence, command, **options):
        """Runs a command; gives its standard output."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              check=False, **options)
        self.true(sentence, done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def report(self):
        verdict = "ok" if self.failed == 0 else "FAILED"
        print(f"test result: {verdict}. {self.passed} passed; {self.failed} failed")
        return 1 if self.failed else 0


def output(*command, **options):
    """Standard output of a command that has to succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port, server):
    """Waits until something listens there; fails if the server ends before."""
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{server.args} ended with {server.returncode}")
