# shellcheck shell=bash
# The container engine and the image in which `sam local invoke` runs functions.

# Uses the engine that runs, or starts one of our own, as a stage with `--serves`: its socket is in the work folder, its
# images are kept below target/tools. It touches no firewall rule: containers reach this machine through the
# bridge, and published ports are served by its proxy process.
require_engine() {
  local tries pid
  docker info >/dev/null 2>&1 && return 0
  if [[ $EUID -ne 0 ]]; then
    echo "no container engine runs, and only root can start one" >&2
    return 1
  fi
  [[ -e /sys/class/net/docker0 ]] || touch "$WORK/made-bridge"
  DOCKER_HOST="unix://$WORK/docker.sock"
  share DOCKER_HOST
  export DOCKER_HOST
  dockerd --host "$DOCKER_HOST" --data-root "$TOOLS/engine" --exec-root "$WORK/docker" --pidfile "$WORK/docker.pid" \
    --iptables=false --ip6tables=false --ip-forward=false >"$LOGS/dockerd.log" 2>&1 </dev/null &
  pid=$!
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
  [[ -e $WORK/made-bridge ]] || return 0
  ip link delete docker0 2>/dev/null
  rm -f "$WORK/made-bridge"
}

# require_stand_in_image FUNCTION…: a minimal image with this machine's root certificates, the libraries that the
# functions are linked with, and the three programs that sam needs to add its emulator. AWS's base image has an older
# C library than many machines, so that what was linked here may not run there. Sets LAMBDA_IMAGE.
require_stand_in_image() {
  local files programs=(/bin/sh /bin/mv /bin/chmod) digest
  mapfile -t files < <({
    printf '%s\n' "${programs[@]}" /etc/ssl/certs/ca-certificates.crt
    ldd "${programs[@]}" "$@" | sed -nE 's/.*[[:space:]](\/[^ ]+) \(0x.*/\1/p'
  } | sort -u)
  # In the name, not in the tag: sam keeps one image with its emulator for each name.
  digest=$(sha256sum "${files[@]}" | sha256sum)
  LAMBDA_IMAGE=countersign-lambda-stand-in-${digest:0:16}:latest
  docker image inspect "$LAMBDA_IMAGE" >/dev/null 2>&1 && return 0
  docker images --quiet --filter 'reference=countersign-lambda-stand-in-*' | sort -u |
    xargs --no-run-if-empty docker rmi --force >/dev/null 2>&1
  mkdir -p "$WORK/stand-in/tmp" "$WORK/stand-in/var/task" &&
    tar -c --dereference -C / "${files[@]#/}" | tar -x -C "$WORK/stand-in" &&
    tar -c -C "$WORK/stand-in" . |
    docker import --change 'WORKDIR /var/task' --change 'ENV LAMBDA_TASK_ROOT=/var/task' \
      --change 'ENV PATH=/bin' - "$LAMBDA_IMAGE" >/dev/null
}

# require_lambda_image ARCHITECTURE FUNCTION…: AWS's base image where it can be had, else the stand-in. Sets LAMBDA_IMAGE.
require_lambda_image() {
  LAMBDA_IMAGE=public.ecr.aws/lambda/provided:al2023-$1
  shift
  docker image inspect "$LAMBDA_IMAGE" >/dev/null 2>&1 ||
    timeout 300 docker pull --quiet "$LAMBDA_IMAGE" >/dev/null 2>&1 ||
    require_stand_in_image "$@"
}

# Prints the address under which a container reaches this machine.
host_seen_from_containers() {
  docker run --rm --add-host this-machine:host-gateway --entrypoint /bin/sh "$LAMBDA_IMAGE" -c \
    'while read -r address name; do [ "$name" != this-machine ] || echo "$address"; done </etc/hosts'
}
