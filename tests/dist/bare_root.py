"""The program where nothing is installed: the demo, and a command from the request to its output."""

import json
import re
import shutil
import signal
import subprocess
import time

from checks import free_port, output

# An account that owns nothing.
USER = 65534
HOME = "home/newcomer"
COMMAND = "UPDATE customers SET name = 'Changed' WHERE id = 7"


def libraries_alone(dist, work):
    """A root folder with the libraries that the program is linked with, and nothing else."""
    root = work / "libraries"
    for library in re.findall(r"(/\S+) \(0x", output("ldd", dist.program)):
        copied = root / library.removeprefix("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copied)
    return root


def check(checks, dist, root, work):
    # Nor are there root certificates in a bare Debian.
    shutil.rmtree(root / "etc" / "ssl", ignore_errors=True)
    shutil.copytree(dist.program_folder, root / "opt" / dist.program_folder.name)
    home = root / HOME
    home.mkdir(parents=True)
    shutil.chown(home, USER, USER)
    url = f"http://127.0.0.1:{free_port()}"

    def command(*words):
        return ["env", "--ignore-environment", f"HOME=/{HOME}", "/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child",
                f"--root={root}", f"--wd=/{HOME}", f"--setgid={USER}", f"--setuid={USER}",
                f"/opt/{dist.program_folder.name}/countersign", *words]

    def run(*words):
        return subprocess.run(command(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    started = time.monotonic()
    with open(work / "serve.log", "w") as log:
        service = subprocess.Popen(command("serve", "--demo", "--listen", url.removeprefix("http://")),
                                   stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True)
        try:
            line = service.stdout.readline()
            checks.true("serve --demo says where it listens", url in line, line + (work / "serve.log").read_text())
            if url in line and checks.succeeds("the service is healthy", command("health", "--url", url)):
                from_request_to_output(checks, run)
                print(f"        {time.monotonic() - started:.1f} s from the start to the output")
        finally:
            stop(service)
        checks.equal("the service ends cleanly", service.returncode, 0)


def from_request_to_output(checks, run):
    submitted = run("--as", "alice", "exec", "demo-db", COMMAND, "--no-wait", "-o", "json")
    checks.true("a command is submitted", submitted.returncode == 0, submitted.stderr)
    if submitted.returncode != 0:
        return
    request = json.loads(submitted.stdout)
    approved = run("--as", "dana", "approve", request["id"], "--yes", "--digest", request["digest"])
    checks.true("a reviewer approves it", approved.returncode == 0, approved.stderr)
    ran = run("--as", "alice", "run", request["id"])
    checks.true("it runs", ran.returncode == 0, ran.stdout + ran.stderr)
    shown = run("--as", "alice", "exec", "demo-open", "SELECT name, email FROM customers WHERE id = 7", "-o", "csv")
    checks.true("an address in the output is masked",
                shown.stdout.startswith("name,email\n") and "<EMAIL_ADDRESS>" in shown.stdout, shown.stdout + shown.stderr)
    who = run("--as", "dana", "whoami", "-o", "json")
    checks.equal("whoami names the reviewer's group", json.loads(who.stdout or "{}").get("groups"), ["dba-team"])


def stop(service):
    """Ends the service, which is the child of `unshare`: that passes no signal on."""
    children = subprocess.run(["pgrep", "--parent", str(service.pid)], capture_output=True, text=True, check=False).stdout
    for child in children.split():
        subprocess.run(["kill", f"-{int(signal.SIGTERM)}", child], check=False)
    try:
        service.wait(timeout=60)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
