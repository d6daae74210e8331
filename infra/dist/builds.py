"""Cargo, so that the same commit gives the same binaries, whatever folder they are built in."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import tomllib

# Rust's architectures by Lambda's names.
LAMBDA_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}


def stop(message):
    """Ends the program with one line."""
    sys.exit(f"error: {message}")


def host_triple():
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))


def manifest(root):
    return tomllib.loads((root / "Cargo.toml").read_text())


def workspace_version(root):
    return manifest(root)["workspace"]["package"]["version"]


def default_functions_profile(root):
    """`lambda` if the workspace defines it, else `release`, which is then built as `tests/sam/build fat` does."""
    return "lambda" if "lambda" in manifest(root)["profile"] else "release"


def stripped(names, folder, into):
    """Copies binaries of `folder` without symbols, as those of a release are. Gives their paths by name."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        stop(f"missing binaries in {folder}: {', '.join(missing)}")
    into.mkdir(parents=True, exist_ok=True)
    for name in names:
        subprocess.run(["strip", "--strip-all", "-o", into / name, folder / name], check=True)
    return {name: into / name for name in names}


def runnable(program):
    """A function that runs `program` and gives its standard output; ends if it does not run on this machine."""
    def run(*arguments):
        try:
            return subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            stop(f"{program.name} does not run on this machine, so it cannot write its man pages: {error}")
    return run


@dataclasses.dataclass(frozen=True)
class Target:
    """What a release runs on."""

    triple: str
    glibc: str

    def __post_init__(self):
        if self.architecture not in LAMBDA_ARCHITECTURES or not self.triple.endswith("-linux-gnu"):
            stop(f"unsupported target {self.triple}: expected one of "
                 + ", ".join(f"{name}-unknown-linux-gnu" for name in LAMBDA_ARCHITECTURES))

    @property
    def architecture(self):
        return self.triple.split("-")[0]

    @property
    def lambda_architecture(self):
        return LAMBDA_ARCHITECTURES[self.architecture]


class Toolchain:
    """Cargo with zig as the linker, offline."""

    def __init__(self, root, target, epoch):
        self.root = root
        self.target = target
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET")}
        self.environment |= {
            "SOURCE_DATE_EPOCH": str(epoch),
            "CARGO_INCREMENTAL": "0",
            "CARGO_TERM_COLOR": "never",
            "RUSTFLAGS": " ".join(self.remappings("--remap-path-prefix=")),
            # The C parts: SQLite, AWS-LC.
            f"CFLAGS_{target.triple.replace('-', '_')}": " ".join(self.remappings("-ffile-prefix-map=")),
        }

    def remappings(self, flag):
        """Folders of this machine by the names that stand for them in binaries."""
        cargo_home = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
        return [f"{flag}{cargo_home}=/cargo", f"{flag}{self.root}=/countersign"]

    def check(self):
        """Ends with one line if something is missing."""
        libraries = subprocess.run(["rustc", "--print", "target-libdir", "--target", self.target.triple],
                                   cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()
        if not pathlib.Path(libraries).is_dir():
            stop(f"rust-std for {self.target.triple} is not installed: rustup target add {self.target.triple}")
        # Only a first build needs the network.
        fetch = ["cargo", "fetch", "--locked", "--quiet", "--target", self.target.triple]
        if subprocess.run([*fetch, "--offline"], cwd=self.root, stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.run(fetch, {})
        self.environment["CARGO_NET_OFFLINE"] = "true"

    def run(self, command, environment):
        done = subprocess.run(command, cwd=self.root, env=self.environment | environment, check=False)
        if done.returncode != 0:
            stop(f"`{' '.join(command)}` failed")

    def build_program(self):
        """`countersign`, stripped. Gives its path."""
        folder = self.root / "target" / "dist-program"
        self.run(
            ["cargo", "zigbuild", "--locked", "--offline", "--release", "--package", "countersign-cli",
             "--bin", "countersign", "--target", f"{self.target.triple}.{self.target.glibc}"],
            {"CARGO_TARGET_DIR": str(folder), "CARGO_PROFILE_RELEASE_STRIP": "symbols"},
        )
        return folder / self.target.triple / "release" / "countersign"

    def build_functions(self, functions, profile):
        """The functions as Lambda runs them. Gives their paths by name."""
        folder = self.root / "target" / "dist-functions"
        environment = {"CARGO_TARGET_DIR": str(folder), "CARGO_PROFILE_RELEASE_STRIP": "symbols"}
        if profile == "release":
            environment |= {"CARGO_PROFILE_RELEASE_LTO": "fat", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1"}
        command = ["cargo", "lambda", "build", "--locked", "--offline", "--profile", profile]
        if self.target.lambda_architecture == "arm64":
            command.append("--arm64")
        for function in functions:
            command += ["--bin", function]
        self.run(command, environment)
        return {function: folder / "lambda" / function / "bootstrap" for function in functions}
