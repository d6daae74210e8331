"""Stand-ins for a build: a `countersign` that records its calls, and a `cargo` without dependencies.

The `cargo` of a page is the real one. It parses the command line and selects the binary from the real manifests,
reduced to names, features and binaries. The stub that it builds puts the given program where the build would have
put it, and starts it. `cargo run` then takes a second, and fails where it fails for a reader.
"""

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

# Records the exit code of each call, which `|| true`, a pipe or `&` would hide. Ctrl-C reaches the program directly,
# as a part of the terminal's foreground; other signals are forwarded.
RECORDER = """#!{python} -IS
import json, os, signal, subprocess, sys
def record(code):
    line = json.dumps({{"argv": sys.argv[1:], "code": code}}) + "\\n"
    descriptor = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode("utf-8", "surrogateescape"))
    os.close(descriptor)
child = subprocess.Popen([{program!r}, *sys.argv[1:]])
signal.signal(signal.SIGINT, lambda *_: None)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: child.send_signal(number))
code = child.wait()
record(code)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""

# The source of each binary: copies the given program to its own place, and executes it.
STUB = """
use std::os::unix::process::CommandExt as _;
fn main() {
    let me = std::env::current_exe().unwrap();
    let (name, profile) = (me.file_name().unwrap(), me.parent().unwrap().file_name().unwrap());
    let folder = |name: &str| std::path::PathBuf::from(std::env::var_os(name).unwrap());
    let built = folder("COUNTERSIGN_DOCS_BUILT").join(name);
    let target = folder("COUNTERSIGN_DOCS_TARGET").join(profile);
    std::fs::create_dir_all(&target).unwrap();
    let there = target.join(name);
    std::fs::copy(&built, &there).unwrap_or_else(|error| panic!("{} is not built here: {error}", built.display()));
    let error = std::process::Command::new(there).args(std::env::args_os().skip(1)).exec();
    panic!("{error}");
}
"""

CARGO = """#!/bin/sh
# Cargo on the reduced manifests.
export RUSTC={rustc} CARGO_TARGET_DIR={manifests}/target CARGO_NET_OFFLINE=true
export COUNTERSIGN_DOCS_BUILT={built} COUNTERSIGN_DOCS_TARGET={target}
command=$1
[ $# -eq 0 ] || shift
exec {cargo} "$command" --quiet --manifest-path {manifests}/Cargo.toml "$@"
"""


def executable(path, text):
    """Writes an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def recorder(path, program, log):
    """Writes a `countersign` that runs `program` and records its calls in `log`."""
    return executable(path, RECORDER.format(python=sys.executable, program=str(program), log=str(log)))


def calls(log):
    """The recorded calls."""
    return [json.loads(line) for line in Path(log).read_text().splitlines()] if Path(log).exists() else []


def toolchain():
    """The `bin` folder of the toolchain. The proxies of rustup need settings from a home directory."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], cwd=Path(__file__).parent, check=True, capture_output=True, text=True).stdout
    return Path(sysroot.strip()) / "bin"


def manifests(root, folder):
    """Writes the manifests of the workspace `root` without dependencies, and a stub for each binary."""
    found = subprocess.run(
        ["cargo", "metadata", "--offline", "--no-deps", "--format-version", "1"], cwd=root, check=True,
        capture_output=True, text=True)
    metadata = json.loads(found.stdout)
    by_id = {package["id"]: package for package in metadata["packages"]}
    base = Path(metadata["workspace_root"])
    place = {id: Path(package["manifest_path"]).parent.relative_to(base) for id, package in by_id.items()}
    lists = {key: [str(place[id]) for id in metadata[f"workspace_{name}"]]
             for key, name in (("members", "members"), ("default-members", "default_members"))}
    write(folder / "Cargo.toml", "[workspace]\nresolver = \"3\"\n" + "".join(
        f"{key} = {json.dumps(value)}\n" for key, value in lists.items()))
    for id, package in by_id.items():
        binaries = [target for target in package["targets"] if "bin" in target["kind"]]
        text = [f'[package]\nname = "{package["name"]}"\nversion = "0.0.0"\nedition = "{package["edition"]}"\n']
        if package["default_run"]:
            text.append(f'default-run = "{package["default_run"]}"\n')
        if not binaries:
            text.append('[lib]\npath = "lib.rs"\n')
            write(folder / place[id] / "lib.rs", "")
        for target in binaries:
            text.append(f'[[bin]]\nname = "{target["name"]}"\npath = "main.rs"\n')
            if target.get("required-features"):
                text.append(f'required-features = {json.dumps(target["required-features"])}\n')
            write(folder / place[id] / "main.rs", STUB)
        features = {name: [other for other in others if other in package["features"]]
                    for name, others in package["features"].items()}
        text.append("[features]\n" + "".join(f"{json.dumps(n)} = {json.dumps(o)}\n" for n, o in features.items()))
        write(folder / place[id] / "Cargo.toml", "".join(text))
    return folder


def write(path, text):
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def cargo(path, manifests, built, target, bin=None):
    """Writes a `cargo` that builds into `target`. `built` contains the programs, `bin` the real cargo."""
    bin = Path(bin or toolchain())
    values = {"cargo": bin / "cargo", "rustc": bin / "rustc", "manifests": manifests, "built": built, "target": target}
    return executable(path, CARGO.format(**{name: shlex.quote(str(value)) for name, value in values.items()}))
