# shellcheck shell=bash
# The container engine and the image in which `sam local invoke` runs functions.

STAND_IN=countersign-lambda-stand-in:bookworm

# Uses the engine that runs, or starts one of our own: its socket is in the work folder, its images are
# kept below target/tools. It touches no firewall rule: containers reach this machine through the
# bridge, and published ports are served by its proxy process.
require_engine() {
  local tries pid
  docker info >/dev/null 2>&1 && return 0
  if [[ $EUID -ne 0 ]]; then
    echo "no container engine runs, and only root can start one" >&2
    return 1
  fi
  ls /sys/class/net/docker0 >/dev/null 2>&1 || BRIDGE_IS_OURS=1
  export DOCKER_HOST="unix://$WORK/docker.sock"
  dockerd --host "$DOCKER_HOST" --data-root "$TOOLS/engine" --exec-root "$WORK/docker" --pidfile "$WORK/docker.pid" \
    --iptables=false --ip6tables=false --ip-forward=false >"$LOGS/dockerd.log" 2>&1 </dev/null &
  pid=$!
  STARTED+=("$pid")
  for ((tries = 0; tries < 300; tries++)); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  echo "the container engine did not start:" >&2
  tail -n 20 "$LOGS/dockerd.log" >&2
  return 1
}

# The network interface that our engine made goes with it.
remove_bridge() {
  [[ -z ${BRIDGE_IS_OURS:-} ]] || ! command -v ip >/dev/null || ip link delete docker0 2>/dev/null
  BRIDGE_IS_OURS=
}

# Sets LAMBDA_IMAGE: AWS's base image where it can be had, else a minimal Debian, which has all that a
# Rust function needs: a C library of at least the same age and root certificates.
require_lambda_image() {
  local official="public.ecr.aws/lambda/provided:al2023-$1" root="$WORK/stand-in"
  LAMBDA_IMAGE=$official
  docker image inspect "$official" >/dev/null 2>&1 && return 0
  timeout 300 docker pull --quiet "$official" >/dev/null 2>&1 && return 0
  LAMBDA_IMAGE=$STAND_IN
  docker image inspect "$STAND_IN" >/dev/null 2>&1 && return 0
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >"$LOGS/debootstrap.log" 2>&1 ||
    { tail -n 20 "$LOGS/debootstrap.log" >&2; return 1; }
  tar -C "$root" -c . | docker import --change 'WORKDIR /var/task' --change 'ENV LAMBDA_TASK_ROOT=/var/task' - "$STAND_IN" >/dev/null
  local status=$?
  rm -rf "$root"
  return "$status"
}

# Prints the address under which a container reaches this machine.
host_seen_from_containers() {
  docker run --rm --add-host this-machine:host-gateway --entrypoint getent "$LAMBDA_IMAGE" hosts this-machine |
    awk '{ print $1; exit }'
}
