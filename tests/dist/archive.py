"""The files of a release: checksums, archives, the program's binary, the bill of materials."""

import filecmp
import json
import pathlib
import re
import subprocess
import tarfile

from checks import ROOT, output
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


class Dist:
    """A release, unpacked."""

    def __init__(self, folder, unpacked):
        self.folder = folder
        self.bill = self.only("*.cdx.json")
        self.program_archive = self.only("countersign-[0-9]*.tar.gz")
        self.cloud_archive = self.only("countersign-aws-*.tar.gz")
        for path in (self.program_archive, self.cloud_archive):
            with tarfile.open(path) as tar:
                tar.extractall(unpacked, filter="fully_trusted")
        self.program_folder = unpacked / self.program_archive.name.removesuffix(".tar.gz")
        self.cloud_folder = unpacked / self.cloud_archive.name.removesuffix(".tar.gz")
        self.program = self.program_folder / "countersign"
        self.version, self.target = re.fullmatch(r"countersign-([^-]+)-(.*)", self.program_folder.name).groups()

    def only(self, pattern):
        """The one file of that name."""
        [path] = self.folder.glob(pattern)
        return path


def check(checks, dist, again, glibc):
    check_files(checks, dist, again)
    for path in (dist.program_archive, dist.cloud_archive):
        check_entries(checks, path)
    check_program_archive(checks, dist)
    if glibc:
        check_binary(checks, dist.program, glibc)
    check_bill(checks, dist)


def check_files(checks, dist, again):
    checks.succeeds("the checksums are right", ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dist.folder)
    names = sorted(path.name for path in dist.folder.iterdir())
    listed = [line.split("  ")[1] for line in (dist.folder / "SHA256SUMS").read_text().splitlines()]
    checks.equal("every file has a checksum", listed, [name for name in names if name != "SHA256SUMS"])
    _, different, missing = filecmp.cmpfiles(dist.folder, again, names, shallow=False)
    checks.equal("a second build has the same bytes", (different, missing), ([], []))


def check_entries(checks, path):
    with tarfile.open(path) as tar:
        entries = tar.getmembers()
    files = [entry.name for entry in entries if entry.isfile()]
    checks.equal(f"{path.name}: sorted", files, sorted(files))
    checks.equal(f"{path.name}: one time, one owner",
                 {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries},
                 {(entries[0].mtime, 0, 0, "root", "root")})
    folder = path.name.removesuffix(".tar.gz")
    checks.true(f"{path.name}: everything is in one folder",
                all(entry.name == folder or entry.name.startswith(f"{folder}/") for entry in entries), files)


def check_program_archive(checks, dist):
    for name in ("LICENSE", "README.md"):
        checks.equal(f"the archive has the {name} of the source",
                     (dist.program_folder / name).read_bytes(), (ROOT / name).read_bytes())
    scripts = {path.name: path.stat().st_size for path in (dist.program_folder / "completions").iterdir()}
    checks.equal("completion scripts for five shells", sorted(scripts),
                 sorted(["_countersign", "_countersign.ps1", "countersign.bash", "countersign.elv", "countersign.fish"]))
    checks.true("no completion script is empty", min(scripts.values()) > 1000, scripts)
    checks.succeeds("bash accepts its script", ["bash", "-n", dist.program_folder / "completions" / "countersign.bash"])
    pages = {path.name for path in (dist.program_folder / "man" / "man1").iterdir()}
    checks.true("man pages of commands and subcommands",
                {"countersign.1", "countersign-exec.1", "countersign-connections-create.1"} <= pages, sorted(pages))
    checks.equal("the program tells the version of the archive", output(dist.program, "--version"),
                 f"countersign {dist.version}\n")


def check_binary(checks, program, glibc):
    """The binary as it is published: old C libraries, no symbols, nothing of the machine that built it."""
    def numbers(version):
        return tuple(int(part) for part in version.split("."))
    needed = set(re.findall(r"GLIBC_([0-9.]+)", output("readelf", "--version-info", "--wide", program)))
    newest = max(needed, key=numbers)
    checks.true(f"the program needs no glibc newer than {glibc}", numbers(newest) <= numbers(glibc), f"it needs {newest}")
    sections = output("readelf", "--section-headers", "--wide", program)
    checks.equal("the program is stripped", re.findall(r"\.symtab|\.debug_\w+", sections), [])
    content = program.read_bytes()
    home = pathlib.Path.home()
    found = [str(path) for path in (ROOT, home) if len(path.parts) > 1 and str(path).encode() + b"/" in content]
    checks.equal("the program names no folder of the machine that built it", found, [])


def check_bill(checks, dist):
    text = dist.bill.read_text()
    checks.equal("the SBOM follows the schema of CycloneDX 1.6",
                 JsonStrictValidator(SchemaVersion.V1_6).validate_str(text), None)
    bill = json.loads(text)
    components = {component["name"]: component for component in bill["components"]}
    checks.equal("the SBOM is about this release", bill["metadata"]["component"]["version"], dist.version)
    checks.equal("a crate that only tests use is not in it", [name for name in ("insta", "proptest") if name in components], [])
    for name, scope in (("rusqlite", "required"), ("aws-lc-rs", "required"), ("cc", "excluded")):
        checks.equal(f"the SBOM has {name} as {scope}", components.get(name, {}).get("scope"), scope)
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--offline", "--package", "countersign-cli", "--edges", "normal", "--target", dist.target,
         "--prefix", "none", "--format", "{p}"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    crates = set(re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE))
    listed = {(component["name"], component["version"]) for component in bill["components"]}
    checks.equal("every crate of the program is in the SBOM", sorted(crates - listed), [])
    unlicensed = [name for name, component in components.items() if not component.get("licenses")]
    checks.equal("every crate has a licence", unlicensed, [])
