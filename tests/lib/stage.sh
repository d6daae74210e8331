# shellcheck shell=bash
# Stages: declared by `stage`, run by `run_stages` (two at a time and a third one that compiles), listed with their
# durations by `summary`.
#
# A stage is a subshell in a process group of its own, without standard input. Its output goes to a log, which is
# printed whole when the stage ends. Environment variables reach the other stages through `share`, sentences of the
# summary through `remark`.

# Stages that compile take the last lane and no other: at a low priority, they use what the others leave.
LANES=3
# A stage that takes longer is stopped and has failed. The longest takes about ten minutes.
STAGE_LIMIT_SECONDS=${STAGE_LIMIT_SECONDS:-2400}
HEARTBEAT_SECONDS=60
# Time for a process to end after SIGTERM, before SIGKILL.
GRACE_SECONDS=10

STAGES=()
declare -A STAGE_COMMAND=() STAGE_NEEDS=() STAGE_AFTER=() STAGE_FLAGS=()
# pending (unset), running, passed, failed
declare -A STAGE_STATE=() STAGE_LANE=() STAGE_START=() STAGE_SECONDS=() STAGE_CPU=() STAGE_PASSED=() STAGE_FAILED=()
LANE_STAGE=()
LANE_PID=()
# Process groups with servers that outlive their stage.
SERVER_GROUPS=()
TICKER=

# restore_signals SCRIPT ARGUMENT…: starts the script anew with the default actions of SIGINT and SIGQUIT, once. A
# non-interactive shell has what it starts in the background ignore them: a script cannot trap signals that were ignored
# when it started, and the programs under test would inherit that.
restore_signals() {
  if [[ -z ${SIGNALS_RESTORED:-} ]] && env --default-signal=INT,QUIT true 2>/dev/null; then
    SIGNALS_RESTORED=1 exec env --default-signal=INT,QUIT "$BASH" "$@"
  fi
  unset SIGNALS_RESTORED
}

# stage NAME [OPTION…] COMMAND…: declares a stage. Options:
#   --needs STAGE   starts after that stage, and only if it passed
#   --after STAGE   starts after that stage, passed or not
#   --compiles      occupies all processors: one of these at a time, and at a lower priority than the rest
#   --alone         beside nothing but a stage that compiles
#   --counts        prints its count of checks; a run without one has failed
#   --serves        leaves servers running, which are stopped at the end of the run
stage() {
  local name=$1 needs='' after='' flags=' '
  shift
  while [[ $1 == --* ]]; do
    case $1 in
      --needs) needs+="$2"$'\n' && shift 2 ;;
      --after) after+="$2"$'\n' && shift 2 ;;
      --alone | --compiles | --counts | --serves) flags+="$1 " && shift ;;
      *) echo "stage $name: unknown option $1" >&2; exit 2 ;;
    esac
  done
  STAGES+=("$name")
  STAGE_NEEDS[$name]=$needs
  STAGE_AFTER[$name]=$after
  STAGE_FLAGS[$name]=$flags
  STAGE_COMMAND[$name]=$(printf '%q ' "$@")
}

# remark SENTENCE: adds a line to the summary.
remark() {
  printf '%s\n' "$1" >>"$WORK/remarks"
}

# share NAME…: exports variables to the stages that start after this one.
share() {
  local name
  for name in "$@"; do
    printf 'export %s=%q\n' "$name" "${!name}"
  done >>"$WORK/environment-$STAGE_PID"
}

# in_parallel FUNCTION…: runs functions side by side, prints the output of each whole, and fails if one failed.
in_parallel() {
  local i pids=() folder status=0
  folder=$(mktemp -d "$WORK/parallel.XXXXXX")
  for ((i = 1; i <= $#; i++)); do
    "${!i}" </dev/null >"$folder/$i" 2>&1 &
    pids+=($!)
  done
  for ((i = 1; i <= $#; i++)); do
    wait "${pids[i - 1]}" || { echo "FAILED: ${!i}" && status=1; }
    cat "$folder/$i"
  done
  return "$status"
}

has_flag() {
  [[ ${STAGE_FLAGS[$1]} == *" $2 "* ]]
}

log_of() {
  printf '%s/%s.log' "$LOGS" "${1//[^a-z0-9]/-}"
}

# Reads `N passed; N failed` lines of libtest, of the programs in tests/, and the summary of nextest. Prints
# `PASSED FAILED`, or `- -` without such a line. A test that nextest did not get to run counts as failed.
count_checks() {
  awk '
    /^test result: / {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) failed += $(i - 1)
      }
      counted = 1
    }
    /^ *Summary \[ *[0-9.]+s\] .* tests? run: / {
      sub(/^ *Summary \[[^]]*\] */, "")
      gsub(/ *\([^)]*\)/, "")
      split($0, halves, / tests? run: /)
      ran = split(halves[1], of, "/")
      parts = split(halves[2], part, ", ")
      here = 0
      for (i = 1; i <= parts; i++) {
        if (part[i] ~ / skipped/) continue
        here += part[i]
        # Failed, timed out, could not be executed: everything that is not a pass.
        if (part[i] ~ / passed/) passed += part[i]; else failed += part[i]
      }
      if (here < of[ran]) failed += of[ran] - here
      counted = 1
    }
    END { if (counted) print passed + 0, failed + 0; else print "- -" }' "$1"
}

# Processor time of the machine since it started: busy, idle (or waiting for a disk), and taken by other machines.
processor_times() {
  awk '/^cpu / { print $2 + $3 + $4 + $7 + $8, $5 + $6, $9; exit }' /proc/stat
}

# Runs all declared stages.
run_stages() {
  local lane
  PROCESSORS_AT_START=$(processor_times)
  SECONDS_OF_HEARTBEAT=$SECONDS
  check_declarations
  while :; do
    fail_what_cannot_run
    for ((lane = 1; lane <= LANES; lane++)); do
      [[ -n ${LANE_STAGE[lane]:-} ]] || start_next "$lane"
    done
    something_runs || break
    await_change
    for ((lane = 1; lane <= LANES; lane++)); do
      [[ -z ${LANE_STAGE[lane]:-} ]] || collect "$lane"
    done
  done
}

something_runs() {
  local name
  for name in "${LANE_STAGE[@]}"; do
    [[ -z $name ]] || return 0
  done
  return 1
}

# A stage can refer only to stages above it, so that none waits for itself.
check_declarations() {
  local name other
  declare -A above=()
  for name in "${STAGES[@]}"; do
    while read -r other; do
      [[ -z $other || -n ${above[$other]:-} ]] || { echo "stage $name: no stage $other above it" >&2; exit 2; }
    done <<<"${STAGE_NEEDS[$name]}${STAGE_AFTER[$name]}"
    above[$name]=1
  done
}

# A stage whose need has failed has failed; so has everything that needs it.
fail_what_cannot_run() {
  local name need changed=1
  while ((changed)); do
    changed=0
    for name in "${STAGES[@]}"; do
      [[ -z ${STAGE_STATE[$name]:-} ]] || continue
      while read -r need; do
        [[ -n $need ]] || continue
        [[ ${STAGE_STATE[$need]:-} == failed ]] || continue
        printf '\n== %s: not run, because %s failed\n' "$name" "$need"
        STAGE_STATE[$name]=failed STAGE_PASSED[$name]=0 STAGE_FAILED[$name]=1
        changed=1
        break
      done <<<"${STAGE_NEEDS[$name]}"
    done
  done
}

# Starts the first stage of the list that can start in a lane now, if there is one.
start_next() {
  local lane=$1 name
  for name in "${STAGES[@]}"; do
    [[ -z ${STAGE_STATE[$name]:-} && $(lane_kind "$lane") == "$(stage_kind "$name")" ]] || continue
    can_start "$name" || continue
    disturbs "$name" || launch "$lane" "$name"
    return
  done
}

# Whether a stage would run beside one that runs alone. It waits then, and so do the stages below it.
disturbs() {
  local other
  [[ $(stage_kind "$1") == runs ]] || return 1
  for other in "${LANE_STAGE[@]}"; do
    [[ -n $other && $(stage_kind "$other") == runs ]] || continue
    ! has_flag "$other" --alone && ! has_flag "$1" --alone || return 0
  done
  return 1
}

lane_kind() {
  if (($1 == LANES)); then echo compiles; else echo runs; fi
}
stage_kind() {
  if has_flag "$1" --compiles; then echo compiles; else echo runs; fi
}

can_start() {
  local other
  while read -r other; do
    [[ -z $other || ${STAGE_STATE[$other]:-} == passed ]] || return 1
  done <<<"${STAGE_NEEDS[$1]}"
  while read -r other; do
    [[ -z $other || ${STAGE_STATE[$other]:-} == @(passed|failed) ]] || return 1
  done <<<"${STAGE_AFTER[$1]}"
}

launch() {
  local lane=$1 name=$2 log
  log=$(log_of "$name")
  printf -- '-- %4d s  started: %s\n' "$SECONDS" "$name"
  rm -f "$WORK/status-$lane" "$WORK/status-$lane-cpu"
  # With job control a stage leads a process group, which makes it and all of its processes easy to stop, and does not
  # ignore SIGINT. A session would do that as well, but the kernel shares the processors out among sessions before it
  # looks at priorities.
  set -m
  perform "$name" "$WORK/status-$lane" </dev/null >"$log" 2>&1 &
  set +m
  LANE_STAGE[lane]=$name
  LANE_PID[lane]=$!
  STAGE_STATE[$name]=running
  STAGE_LANE[$name]=$lane
  STAGE_START[$name]=$SECONDS
}

# In the subshell of a stage.
perform() {
  local fd
  set +m
  # Job control keeps a copy of the standard error of the script, and servers would hold it open after its end.
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
  done
  STAGE_PID=$BASHPID
  ! has_flag "$1" --compiles || renice -n 10 -p "$BASHPID" >/dev/null 2>&1
  eval "${STAGE_COMMAND[$1]}"
  echo $? >"$2"
  # User and system time of all processes that have ended and were waited for; in seconds.
  times >"$2-times"
  awk -F '[ms ]+' '{ sum += $1 * 60 + $2 + $3 * 60 + $4 } END { printf "%d\n", sum + 0.5 }' "$2-times" >"$2-cpu"
}

# Waits for a stage to end, at most a few seconds.
await_change() {
  local lane name
  if [[ -z $TICKER ]] || ! kill -0 "$TICKER" 2>/dev/null; then
    sleep 5 </dev/null >/dev/null 2>&1 &
    TICKER=$!
  fi
  wait -n
  for ((lane = 1; lane <= LANES; lane++)); do
    name=${LANE_STAGE[lane]:-}
    [[ -n $name ]] && ((SECONDS - STAGE_START[$name] > STAGE_LIMIT_SECONDS)) || continue
    echo "stopped: not done after $STAGE_LIMIT_SECONDS s" >>"$(log_of "$name")"
    stop_processes "${LANE_PID[lane]}"
  done
  if ((SECONDS - SECONDS_OF_HEARTBEAT >= HEARTBEAT_SECONDS)); then
    SECONDS_OF_HEARTBEAT=$SECONDS
    for name in "${LANE_STAGE[@]}"; do
      [[ -z $name ]] || printf -- '-- %4d s  running for %d s: %s\n' "$SECONDS" $((SECONDS - STAGE_START[$name])) "$name"
    done
  fi
}

# Takes the result of the stage in a lane, if the stage has ended.
collect() {
  local lane=$1 name=${LANE_STAGE[$1]} pid=${LANE_PID[$1]} log status passed failed
  ! kill -0 "$pid" 2>/dev/null || return
  wait "$pid" 2>/dev/null
  # Without a status it was killed.
  status=$(cat "$WORK/status-$lane" 2>/dev/null) || status=137
  log=$(log_of "$name")
  read -r passed failed < <(count_checks "$log")
  if [[ $passed == - ]]; then
    passed=0 failed=0
    if has_flag "$name" --counts; then
      echo "no count of checks was printed" >>"$log"
      failed=1
    else
      ((status != 0)) || passed=1
    fi
  elif ((passed + failed == 0)); then
    echo "no check was run" >>"$log"
    failed=1
  fi
  ((status == 0 || failed > 0)) || failed=1
  STAGE_PASSED[$name]=$passed STAGE_FAILED[$name]=$failed
  STAGE_SECONDS[$name]=$((SECONDS - STAGE_START[$name]))
  STAGE_CPU[$name]=$(cat "$WORK/status-$lane-cpu" 2>/dev/null)
  LANE_STAGE[lane]= LANE_PID[lane]=
  if has_flag "$name" --serves; then
    SERVER_GROUPS+=("$pid")
  else
    report_left_processes "$pid" >>"$log"
    stop_processes "$pid"
  fi
  if ((failed == 0)); then
    STAGE_STATE[$name]=passed
    # shellcheck source=/dev/null
    [[ ! -e $WORK/environment-$pid ]] || . "$WORK/environment-$pid"
  else
    STAGE_STATE[$name]=failed
  fi
  printf '\n== %s: %s, %d passed, %d failed, %d s\n' \
    "$name" "${STAGE_STATE[$name]}" "$passed" "$failed" "${STAGE_SECONDS[$name]}"
  ((status == 0)) || printf 'exit status %d\n' "$status"
  cat "$log"
  printf '\n'
}

# Prints the processes of groups: their members and all descendants of these, whatever group those are in.
processes_of() {
  local groups=" $* "
  cat /proc/[0-9]*/stat 2>/dev/null | sed -E 's/^([0-9]+) \(.*\) /\1 /' | awk -v groups="$groups" '
    $2 != "Z" { parent[$1] = $3; group[$1] = $4 }
    END {
      for (pid in parent) if (index(groups, " " group[pid] " ")) found[pid] = 1
      do {
        more = 0
        for (pid in parent) if (!(pid in found) && (parent[pid] in found)) { found[pid] = 1; more = 1 }
      } while (more)
      for (pid in found) print pid
    }'
}

report_left_processes() {
  local pid
  for pid in $(processes_of "$1"); do
    printf 'left running, and stopped: %s\n' "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
  done
}

# Prints the processes that carry this run's mark in their environment, except for this one.
marked_processes() {
  local file pid
  for file in /proc/[0-9]*/environ; do
    pid=${file//[!0-9]/}
    [[ $pid != "$$" && $pid != "$BASHPID" ]] || continue
    ! grep -qsz "^COUNTERSIGN_TESTS_WORK=$WORK\$" "$file" 2>/dev/null || echo "$pid"
  done
}

# stop_processes GROUP…: ends all processes of the groups, and their descendants.
stop_processes() {
  local pids
  mapfile -t pids < <(processes_of "$@")
  end_processes "${pids[@]}"
}

end_processes() {
  local until=$((SECONDS + GRACE_SECONDS)) left=("$@") pid
  (($# > 0)) || return 0
  kill -TERM "$@" 2>/dev/null
  while ((SECONDS < until)); do
    left=()
    for pid in "$@"; do
      ! runs "$pid" || left+=("$pid")
    done
    ((${#left[@]} > 0)) || return 0
    sleep 0.1
  done
  kill -KILL "${left[@]}" 2>/dev/null
}

# Whether a process is there, and not one that has ended and waits for its parent.
runs() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null && stat=${stat##*) } && [[ ${stat:0:1} != Z ]]
}

# Ends the stages, then the servers, then what has left its process group.
stop_everything() {
  local groups=() lane pids
  for ((lane = 1; lane <= LANES; lane++)); do
    [[ -n ${LANE_STAGE[lane]:-} ]] || continue
    groups+=("${LANE_PID[lane]}")
    echo "stopped: ${LANE_STAGE[lane]}; its log is $(log_of "${LANE_STAGE[lane]}")"
  done
  [[ -z $TICKER ]] || kill "$TICKER" 2>/dev/null
  ((${#groups[@]} == 0)) || stop_processes "${groups[@]}"
  stop_services
  ((${#SERVER_GROUPS[@]} == 0)) || stop_processes "${SERVER_GROUPS[@]}"
  mapfile -t pids < <(marked_processes)
  end_processes "${pids[@]}"
}

# Prints a table of the stages, the remarks and the sum, which is the last line. Fails if a stage failed.
summary() {
  local name passed=0 failed=0 verdict
  printf '\n== summary\n%-6s  %-32s  %6s  %6s  %4s  %7s  %7s  %7s\n' \
    '' stage passed failed lane start time CPU
  for name in "${STAGES[@]}"; do
    verdict=ok
    ((STAGE_FAILED[$name] == 0)) || verdict=FAILED
    if [[ -n ${STAGE_LANE[$name]:-} ]]; then
      printf '%-6s  %-32s  %6d  %6d  %4d  %5d s  %5d s  %5d s\n' "$verdict" "$name" "${STAGE_PASSED[$name]}" \
        "${STAGE_FAILED[$name]}" "${STAGE_LANE[$name]}" "${STAGE_START[$name]}" "${STAGE_SECONDS[$name]}" \
        "${STAGE_CPU[$name]:-0}"
    else
      printf '%-6s  %-32s  %6d  %6d  not run\n' "$verdict" "$name" 0 "${STAGE_FAILED[$name]}"
    fi
    passed=$((passed + STAGE_PASSED[$name]))
    failed=$((failed + STAGE_FAILED[$name]))
  done
  [[ ! -e $WORK/remarks ]] || cat "$WORK/remarks"
  awk '{ busy = $4 - $1; idle = $5 - $2; stolen = $6 - $3; sum = busy + idle + stolen
      if (sum > 0) printf "processors: %d %% busy, %d %% idle, %d %% taken by other machines\n",
        100 * busy / sum, 100 * idle / sum, 100 * stolen / sum }' <<<"$PROCESSORS_AT_START $(processor_times)"
  printf 'whole run: %d s; logs: %s\n' "$SECONDS" "${LOGS#"$PWD"/}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
