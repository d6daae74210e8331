# shellcheck shell=bash
# Stages: run, timed, counted, summed up at the end.

STAGE_NAMES=()
STAGE_SECONDS=()
STAGE_PASSED=()
STAGE_FAILED=()
REMARKS=()

# Remembers a sentence for the summary.
remark() {
  REMARKS+=("$1")
}

# stage NAME COMMAND...: runs the command and shows what it prints. Lines `test result: … N passed; N failed`
# are its count of tests; a stage without any counts as one test. A failure is remembered, and the next
# stage runs all the same, so that one run tells everything that is wrong.
stage() {
  local name=$1 started=$SECONDS status log tee passed failed
  shift
  log="$LOGS/${name//[^a-z0-9]/-}.log"
  printf '\n== %s\n' "$name"
  # Not in a pipeline, which would be a subshell: a stage may export variables and start services.
  # A named pipe, because a process that a stage leaves behind must not inherit the way to `tee`.
  rm -f "$WORK/stage"
  mkfifo "$WORK/stage"
  tee "$log" <"$WORK/stage" &
  tee=$!
  "$@" </dev/null >"$WORK/stage" 2>&1
  status=$?
  wait "$tee"
  read -r passed failed < <(awk '
    /^test result: / {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) failed += $(i - 1)
      }
      counted = 1
    }
    END { if (counted) print passed + 0, failed + 0; else print "- -" }' "$log")
  if [[ $passed == - ]]; then
    passed=$((status == 0)) failed=0
  fi
  if ((status != 0 && failed == 0)); then
    failed=1
  fi
  STAGE_NAMES+=("$name")
  STAGE_SECONDS+=($((SECONDS - started)))
  STAGE_PASSED+=("$passed")
  STAGE_FAILED+=("$failed")
  ((failed == 0))
}

BEHIND_NAMES=()
BEHIND_PIDS=()
BEHIND_SINCE=()

# behind NAME COMMAND...: begins a command behind the stages that follow, at the lowest priority, so that it
# takes what they leave of the processors while they wait. `stage NAME come_to NAME` waits for its end.
behind() {
  local name=$1
  shift
  # In a process group of its own, so that `stop_what_is_behind` reaches all that it starts; not in a session of its
  # own, because the kernel shares the processors out among sessions before it looks at priorities.
  set -m
  nice -n 19 "$@" </dev/null >"$WORK/behind-${#BEHIND_NAMES[@]}" 2>&1 &
  set +m
  BEHIND_NAMES+=("$name")
  BEHIND_PIDS+=($!)
  BEHIND_SINCE+=("$SECONDS")
}

# Prints what the command wrote, once it has ended, and ends as it did.
come_to() {
  local i status
  for i in "${!BEHIND_NAMES[@]}"; do
    [[ ${BEHIND_NAMES[i]} == "$1" ]] || continue
    # From here on nothing else runs.
    renice -n 0 -g "${BEHIND_PIDS[i]}" >/dev/null 2>&1
    wait "${BEHIND_PIDS[i]}"
    status=$?
    cat "$WORK/behind-$i"
    remark "$1: behind other stages; $((SECONDS - BEHIND_SINCE[i])) s from its beginning to here"
    return "$status"
  done
  echo "nothing called $1 was begun" >&2
  return 1
}

stop_what_is_behind() {
  local pid
  for pid in "${BEHIND_PIDS[@]}"; do
    kill -- "-$pid" 2>/dev/null
  done
}

# Prints what ran, on what, for how long; the last line is the sum. Fails if a stage failed.
summary() {
  local i passed=0 failed=0 verdict
  printf '\n== summary\n'
  for i in "${!STAGE_NAMES[@]}"; do
    verdict=ok
    ((STAGE_FAILED[i] == 0)) || verdict=FAILED
    printf '%-6s  %-32s  %5d passed  %3d failed  %5d s\n' \
      "$verdict" "${STAGE_NAMES[i]}" "${STAGE_PASSED[i]}" "${STAGE_FAILED[i]}" "${STAGE_SECONDS[i]}"
    passed=$((passed + STAGE_PASSED[i]))
    failed=$((failed + STAGE_FAILED[i]))
  done
  for i in "${!REMARKS[@]}"; do
    printf '%s\n' "${REMARKS[i]}"
  done
  printf 'whole run: %d s; logs: %s\n' "$SECONDS" "${LOGS#"$PWD"/}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
