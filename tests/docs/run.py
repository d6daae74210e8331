#!/usr/bin/env python3
"""Runs the shell blocks of all pages, in order and unchanged, each page in a clean clone.

    tests/docs/run.py --program target/debug/countersign [PAGE…]
    tests/docs/run.py --root FOLDER [--program …] README.md       for tests/docs/bare_root

A block fails if one of its commands fails and no `||` follows, if its exit code is not the one that the page says,
if any call of `countersign` exits with 2 (usage error), or if the output below it on the page is not printed. page.py
documents the marks, scenes.py the requirements of each page. Pages run side by side, each in its own network namespace,
or one at a time where the system allows no namespaces. Databases are created on the servers of
COUNTERSIGN_TEST_POSTGRES_URL and COUNTERSIGN_TEST_MARIADB_URL, which `./tests/run` starts.

Ends with `test result: ok. N passed; N failed`.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import urllib.parse
from pathlib import Path

import network
import page as pages
import scenes
import standins
from terminal import Terminal, TerminalError

ROOT = Path(__file__).resolve().parents[2]
# Whoever runs the commands in the bare root, as tests/docs/bare_root makes it.
HOME_IN_ROOT = "/home/newcomer"
# Timeout of one block, far above what any takes on a busy machine.
PATIENCE_SECONDS = 120
# The same for a block that builds a release.
BUILD_SECONDS = 3 * 3600
# Timeout of one page.
PAGE_SECONDS = 900
AT_ONCE = 4
PROBLEM = "  "


# Not part of a clone; used where git cannot list the files.
MADE = shutil.ignore_patterns("target", "node_modules", ".git", "__pycache__", "countersign-d*")


def is_repository(root):
    """Whether git reads this folder as the top of a repository. It does not in an unpacked archive, or for another owner."""
    ran = subprocess.run(["git", "rev-parse", "--show-prefix"], cwd=root, capture_output=True, text=True)
    return ran.returncode == 0 and not ran.stdout.strip()


def files(root):
    """Tracked files, and untracked ones that are not ignored."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=root,
                            check=True, capture_output=True, text=True).stdout
    return [file for file in listed.split("\0") if file and (root / file).is_file()]


def all_files(root):
    """The same without git."""
    found = []
    for folder, folders, names in os.walk(root):
        left_out = MADE(folder, folders)
        folders[:] = [name for name in folders if name not in left_out]
        found += [str((Path(folder) / name).relative_to(root)) for name in names]
    return found


def clone(root, folder):
    """Makes a clean clone and adds uncommitted changes. Without git: a copy."""
    if not is_repository(root):
        shutil.copytree(root, folder, symlinks=True, ignore=MADE)
        return
    subprocess.run(["git", "clone", "--quiet", "--local", str(root), str(folder)], check=True)
    changed = subprocess.run(["git", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"], cwd=root,
                             check=True, capture_output=True, text=True).stdout
    for entry in filter(None, changed.split("\0")):
        source, copy = root / entry[3:], folder / entry[3:]
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
        else:
            copy.unlink(missing_ok=True)


class Reader:
    """Follows a page, in as many terminals as it asks for."""

    def __init__(self, folder, environment, work, log, root=None, patience=PATIENCE_SECONDS):
        self._folder, self._environment, self._work, self._root = folder, environment, work, root
        self._patience = patience
        self._log = log
        self._terminals = {}
        self._seen = 0

    def _terminal(self, number):
        if number not in self._terminals:
            self._terminals[number] = Terminal(
                self._folder, self._environment, self._work / f"terminal-{number}", self._root)
        return self._terminals[number]

    def step(self, step):
        """Executes one step. Returns the problems and the output."""
        terminal = self._terminal(step.terminal)
        wrong = []
        try:
            if isinstance(step, pages.Block):
                if step.once:
                    self._once(terminal, step.once)
                terminal.start(step.commands)
                if step.until:
                    terminal.until(step.until, self._patience)
                else:
                    wrong += ended(terminal.wait(self._patience, step.answers), step.exit, step.commands)
            elif isinstance(step, pages.Ends):
                if not terminal.running:
                    wrong.append(f"no block is running in terminal {step.terminal}")
                else:
                    wrong += ended(terminal.wait(PATIENCE_SECONDS), step.exit, "")
            else:
                wrong += self._interrupt(terminal)
        except TerminalError as error:
            wrong.append(str(error))
        shown = terminal.output()
        line = pages.missing(shown, getattr(step, "output", None) or [])
        if line is not None:
            wrong.append(f"`{line}` was not printed")
        if "panicked at" in shown:
            wrong.append("a program panicked")
        return wrong + self.usage_errors(), shown

    def _once(self, terminal, command):
        """Waits until a command succeeds. Its output is not part of the page."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            terminal.start(f"if {command}; then true; else (exit 3); fi\n")
            status, _ = terminal.wait(PATIENCE_SECONDS)
            if status == 0:
                return
            if time.monotonic() > give_up_at:
                raise TerminalError(f"`{command}` still fails after {PATIENCE_SECONDS} s")
            time.sleep(0.2)

    def _interrupt(self, terminal):
        if not terminal.running:
            return ["no block is running that Ctrl-C could interrupt"]
        terminal.type("\x03")
        status, _ = terminal.wait(PATIENCE_SECONDS)
        return [] if status in (0, 130) else [f"exit code {status} after Ctrl-C, expected 0 or 130"]

    def usage_errors(self):
        """The calls since the last check that were usage errors."""
        calls = standins.calls(self._log)[self._seen :]
        self._seen += len(calls)
        return [f"exit code 2 (usage error): countersign {shlex.join(call['argv'])}"
                for call in calls if call["code"] == 2]

    def leave(self):
        """Types Ctrl-C where a block is still running, and closes all terminals. Returns the problems."""
        wrong = []
        for number, terminal in self._terminals.items():
            try:
                if terminal.running:
                    wrong += [f"terminal {number}: {problem}" for problem in self._interrupt(terminal)]
            except TerminalError as error:
                wrong.append(f"terminal {number}: {error}")
            terminal.close()
        return wrong + self.usage_errors()


def ended(result, wanted, commands):
    """The problems with the exit code of a block and of its commands."""
    status, failures = result
    if status != wanted:
        return [f"exit code {status}, expected {wanted}"]
    if wanted == 0 and failures:
        code, line = failures[0]
        lines = commands.splitlines()
        command = lines[line - 1] if line <= len(lines) else ""
        return [f"exit code {code} of line {line} of the block: {command}"]
    return []


def whole_page(name, steps, reader, bare=False):
    """Follows a page from top to bottom. Yields `(step, line, problems, output)`."""
    blocked = None
    for step in steps:
        if isinstance(step, pages.Block) and (step.not_run or bare and step.needs):
            continue
        if blocked:
            yield kind(step), step.line, [f"not reached: the step at line {blocked} failed"], ""
            continue
        problems, shown = reader.step(step)
        yield kind(step), step.line, problems, shown
        if problems:
            blocked = step.line
    if problems := reader.leave():
        yield "the end of the page", len(steps) and steps[-1].line, problems, ""


def kind(step):
    return {pages.Block: "block", pages.Ends: "end", pages.Interrupt: "Ctrl-C"}[type(step)]


def one_page(name, options):
    """In a separate process: runs a page and prints one line of JSON for each step."""
    work = Path(options.work)
    folder, log, built = work / "clone", work / "calls.jsonl", work / "built"
    sockets = json.loads(options.sockets)
    if options.isolated:
        network.switch_on()
        for path, port in sockets:
            network.reach(path, port)
    program = Path(options.program).resolve()
    scene = scenes.SCENES.get(name, scenes.Scene())
    for place in [built] + [work / "bin"] * scene.on_path:
        standins.recorder(place / "countersign", program, log)
    standins.cargo(work / "bin" / "cargo", options.manifests, built, folder / "target")
    home = work / "home"
    home.mkdir()
    environment = {
        "HOME": str(home), "PATH": f"{work / 'bin'}:{os.environ['PATH']}", "TERM": "xterm", "LANG": "C.UTF-8",
        "TMPDIR": str(home)}
    steps = pages.read((folder / name).read_text(), name)
    with contextlib.ExitStack() as open_things:
        databases = scenes.Databases(name, scene)
        urls = databases.make()
        open_things.callback(databases.drop)
        if scene.demo:
            service_log = work / "service.log"
            tokens = open_things.enter_context(
                scenes.service(str(program), folder, environment | scene.service | urls, service_log))
            environment["COUNTERSIGN_URL"] = scenes.URL
            if scene.person:
                environment["COUNTERSIGN_TOKEN"] = tokens[scene.person]
        if scene.before:
            ran = subprocess.run(["bash", "-euc", scene.before], cwd=folder, env=environment, capture_output=True, text=True)
            if ran.returncode != 0:
                raise scenes.SceneError(f"exit code {ran.returncode} of the script before the page: {ran.stdout}{ran.stderr}")
        reader = Reader(folder, environment, work, log)
        failed = False
        for what, line, problems, shown in whole_page(name, steps, reader):
            failed |= bool(problems)
            emit(what, line, problems, shown)
        if not failed:
            problems = list(databases.check())
            if scene.demo and scenes.PASSWORD in service_log.read_text(errors="replace"):
                problems.append("the log of the service contains a password")
            if problems or scene.afterwards:
                emit("after the page", 1, problems, "")
        elif scene.demo:
            emit("log of the service", 1, [], service_log.read_text(errors="replace")[-3000:])


def in_root(options):
    """Runs pages in a root with a clone. Builds there, or with `--program` uses the stand-in for cargo."""
    root = Path(options.root)
    folder, log = root / HOME_IN_ROOT[1:] / "countersign", root / "opt/calls.jsonl"
    network.switch_on()
    if options.program:
        (root / "opt/built").mkdir()
        shutil.copy2(options.program, root / "opt/built/countersign")
        standins.manifests(ROOT, root / "opt/manifests")
        standins.cargo(root / "usr/local/bin/cargo", "/opt/manifests", "/opt/built", f"{HOME_IN_ROOT}/countersign/target", "/opt/rust/bin")
    passed = failed = 0
    for name in options.pages:
        environment = {"HOME": HOME_IN_ROOT, "PATH": "/usr/local/bin:/opt/rust/bin:/usr/bin:/bin", "TERM": "xterm",
                       "LANG": "C.UTF-8", "CARGO_NET_OFFLINE": "true"}
        began = time.monotonic()
        reader = Reader(folder, environment, root / "opt/work", log, root, BUILD_SECONDS)
        for what, line, problems, shown in whole_page(name, pages.read((folder / name).read_text(), name), reader, bare=True):
            good = report(name, what, line, problems, shown, f"  at {time.monotonic() - began:.0f} s")
            passed, failed = passed + good, failed + (not good)
    return result(passed, failed)


def emit(what, line, problems, shown):
    print(json.dumps({"what": what, "line": line, "problems": problems, "shown": shown}), flush=True)


def follow(name, options, isolation, sockets, manifests, work):
    """Runs a page in a separate process. Returns its steps."""
    work.mkdir(parents=True)
    # Outside of the namespace, where this user owns the repository.
    clone(ROOT, work / "clone")
    command = [*isolation, sys.executable, __file__, "--one", name, "--program", options.program, "--work", str(work),
               "--manifests", str(manifests), "--sockets", json.dumps(sockets)]
    command += ["--isolated"] * bool(isolation)
    with contextlib.nullcontext() if isolation else network.shared():
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PAGE_SECONDS)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    if ran.returncode != 0:
        told.append({"what": "page", "line": 1, "problems": [ran.stderr.strip()], "shown": ""})
    return told


def servers(work):
    """Unix sockets that forward to the databases, with their ports: TCP does not cross the namespaces."""
    found = []
    for kind in ("POSTGRES", "MARIADB"):
        if url := os.environ.get(f"COUNTERSIGN_TEST_{kind}_URL"):
            parts = urllib.parse.urlsplit(url)
            path = work / f"{kind.lower()}.sock"
            network.publish(path, parts.hostname, parts.port)
            found.append((str(path), parts.port))
    return found


def own_tests():
    """Runs the tests of the runner. Returns how many passed and failed."""
    suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent), pattern="test_*.py")
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    return result.testsRun - failed, failed


def main(options):
    passed, failed = own_tests() if not options.pages else (0, 0)
    work = Path(tempfile.mkdtemp(prefix="countersign-docs."))
    try:
        repository = is_repository(ROOT)
        all_pages = options.pages or pages.pages((files if repository else all_files)(ROOT))
        runnable, not_run = [], 0
        for name in all_pages:
            try:
                steps = pages.read((ROOT / name).read_text(), name)
            except pages.PageError as error:
                failed += 1
                print(f"FAILED  {name}\n{PROBLEM}{error}")
                continue
            blocks = [step for step in steps if isinstance(step, pages.Block)]
            not_run += sum(bool(block.not_run) for block in blocks)
            if any(not block.not_run for block in blocks):
                runnable.append(name)
        # A page must not lose its commands unnoticed.
        for name in set() if options.pages else set(scenes.SCENES) - set(runnable):
            failed += 1
            print(f"FAILED  {name}\n{PROBLEM}expected a block that runs: scenes.py lists its requirements")
        isolation = network.namespace()
        sockets = servers(work) if isolation else []
        manifests = standins.manifests(ROOT, work / "manifests")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE if isolation else 1) as pool:
            began = time.monotonic()
            running = [(name, pool.submit(follow, name, options, isolation, sockets, manifests,
                                          work / name.removesuffix(".md").replace("/", "-"))) for name in runnable]
            for name, future in running:
                try:
                    told = future.result()
                except Exception as error:
                    told = [{"what": "page", "line": 1, "problems": [repr(error)], "shown": ""}]
                for step in told:
                    if step["what"] == "log of the service":
                        print(f"        {step['what']}:\n{step['shown']}")
                        continue
                    good = report(name, **step)
                    passed, failed = passed + good, failed + (not good)
        where = "each page in a clean clone, " if repository else "each page in a copy (git cannot read this folder), "
        where += "side by side" if isolation else "one at a time (no network namespaces)"
        print(f"{len(runnable)} pages in {time.monotonic() - began:.0f} s, {where}; {not_run} blocks are marked as "
              "not run")
    finally:
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return result(passed, failed)


def report(name, what, line, problems, shown, remark=""):
    """Prints the result of a step. Returns whether it passed."""
    print(f"{'FAILED' if problems else 'ok    '}  {name}:{line}  {what}{remark}")
    if problems:
        print("\n".join(PROBLEM + problem for problem in problems))
        print("".join(f"  | {line}\n" for line in shown.splitlines()[-60:]), end="")
    sys.stdout.flush()
    return not problems


def result(passed, failed):
    """Prints the last line, which tests/lib/stage.sh counts. Returns the exit code."""
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed")
    return 1 if failed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the `countersign` that the pages run")
    parser.add_argument("--root", help="runs the pages below this root, without a network, and builds there")
    parser.add_argument("--keep", action="store_true", help="keep the clones and the logs")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as docs/tour.md; all of them by default")
    for name in ("--one", "--work", "--manifests", "--sockets"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        options.program = str(Path(options.program).resolve())
    elif not options.root:
        parser.error("--program is missing")
    return options


if __name__ == "__main__":
    options = arguments()
    if options.one:
        try:
            one_page(options.one, options)
        except (scenes.SceneError, pages.PageError) as error:
            sys.exit(str(error))
        except Exception:
            traceback.print_exc()
            sys.exit(1)
    else:
        sys.exit(in_root(options) if options.root else main(options))
