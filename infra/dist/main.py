"""Builds a release: archives, functions, packaged template, container build file, SBOM and checksums.

The same commit, toolchain and target give the same bytes: see `builds.py` (compiler flags), `archives.py`
(order, owners and times) and `sbom.py` (identifiers).
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import archives
import builds
import packaged_template
import sbom

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

# Completion scripts by the name under which shells look for them.
COMPLETIONS = {
    "bash": "countersign.bash",
    "zsh": "_countersign",
    "fish": "countersign.fish",
    "powershell": "_countersign.ps1",
    "elvish": "countersign.elv",
}


def main():
    arguments = parsed()
    target = builds.Target(arguments.target, arguments.glibc)
    version = builds.workspace_version(ROOT)
    epoch = source_date_epoch()
    functions = packaged_template.functions(ROOT / "infra" / "template.yaml")

    if arguments.binaries:
        binaries = pathlib.Path(arguments.binaries).resolve()
        stripped = builds.stripped(["countersign", *functions], binaries, ROOT / "target" / "dist-stripped")
        program = stripped.pop("countersign")
        bootstraps = stripped
    else:
        toolchain = builds.Toolchain(ROOT, target, epoch)
        toolchain.check()
        program = toolchain.build_program()
        bootstraps = toolchain.build_functions(functions, arguments.functions_profile)

    out = pathlib.Path(arguments.out).resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    write_program_archive(out, program, version, target, epoch, arguments.compression)
    write_functions_archive(out, bootstraps, version, target, epoch, arguments.compression)
    shutil.copyfile(HERE / "Containerfile", out / "Containerfile")
    bill = sbom.describe(ROOT, target.triple, version, epoch, ["countersign-cli", *map("countersign-{}".format, functions)])
    (out / f"countersign-{version}-{target.triple}.cdx.json").write_text(bill)
    write_checksums(out)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>12}  {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")


def parsed():
    parser = argparse.ArgumentParser(prog="infra/dist/dist", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=builds.host_triple(), metavar="TRIPLE",
                        help="Rust target, a Linux one with glibc [default: this machine's, %(default)s]")
    parser.add_argument("--glibc", default="2.28", metavar="VERSION",
                        help="oldest glibc on which `countersign` runs [default: %(default)s]")
    parser.add_argument("--functions-profile", default=builds.default_functions_profile(ROOT), metavar="PROFILE",
                        help="Cargo profile of the functions [default: %(default)s]")
    parser.add_argument("--out", default=str(ROOT / "target" / "dist"), metavar="DIR",
                        help="output folder; its content is replaced [default: target/dist]")
    parser.add_argument("--binaries", metavar="DIR",
                        help="package the binaries in this folder, such as target/debug, instead of building")
    parser.add_argument("--compression", type=int, choices=range(1, 10), default=9, metavar="LEVEL",
                        help="1 is fast, 9 is small [default: %(default)s]")
    return parser.parse_args()


def source_date_epoch():
    """Time stamp of everything in a release: SOURCE_DATE_EPOCH, or the time of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        commit = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
        given = commit.stdout.strip()
    if not given.isdigit():
        builds.stop("no commit to take the time from; set SOURCE_DATE_EPOCH to seconds since 1970")
    return int(given)


def write_program_archive(out, program, version, target, epoch, level):
    """`countersign` with completions, man pages, LICENSE and README."""
    name = f"countersign-{version}-{target.triple}"
    content = {
        "countersign": archives.File(program.read_bytes(), executable=True),
        "README.md": archives.File((ROOT / "README.md").read_bytes()),
        "LICENSE": archives.File((ROOT / "LICENSE").read_bytes()),
    }
    run = builds.runnable(program)
    for shell, file in COMPLETIONS.items():
        content[f"completions/{file}"] = archives.File(run("completion", shell))
    with tempfile.TemporaryDirectory() as folder:
        run("man", folder)
        for page in pathlib.Path(folder).iterdir():
            content[f"man/man1/{page.name}"] = archives.File(page.read_bytes())
    archives.write_tar(out / f"{name}.tar.gz", name, content, epoch, level)


def write_functions_archive(out, bootstraps, version, target, epoch, level):
    """One `bootstrap.zip` per function, and the template that deploys them."""
    name = f"countersign-aws-{version}-{target.lambda_architecture}"
    template = packaged_template.package(ROOT / "infra" / "template.yaml", target.lambda_architecture, version)
    content = {
        "template.yaml": archives.File(template.encode()),
        "samconfig.toml": archives.File(packaged_template.sam_configuration(ROOT / "samconfig.toml").encode()),
        "README.md": archives.File((HERE / "aws.md").read_bytes()),
        "LICENSE": archives.File((ROOT / "LICENSE").read_bytes()),
    }
    for function, bootstrap in bootstraps.items():
        code = archives.bootstrap_zip(bootstrap.read_bytes(), epoch, level)
        content[packaged_template.code_path(function)] = archives.File(code)
    archives.write_tar(out / f"{name}.tar.gz", name, content, epoch, level)


def write_checksums(out):
    """SHA256SUMS, as `sha256sum --check` reads it."""
    files = sorted(path for path in out.iterdir() if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines))


if __name__ == "__main__":
    sys.exit(main())
