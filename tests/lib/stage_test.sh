#!/usr/bin/env bash
# Tests of stage.sh. Ends with `test result: ok. N passed; N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
PASSED=0 FAILED=0

# check SENTENCE COMMAND…: whether the command succeeds.
check() {
  local sentence=$1
  shift
  if "$@"; then
    PASSED=$((PASSED + 1))
    echo "ok      $sentence"
  else
    FAILED=$((FAILED + 1))
    printf 'FAILED  %s\n        %s\n' "$sentence" "$*"
    sed 's/^/        /' "$FOLDER/output" 2>/dev/null
  fi
}

# script STAGES: writes a script that runs these stages, as tests/run does.
script() {
  rm -rf "$FOLDER/work" "$FOLDER/output"
  mkdir -p "$FOLDER/work" "$FOLDER/logs"
  cat >"$FOLDER/script" <<END
set -uo pipefail
. tests/lib/stage.sh
restore_signals "$FOLDER/script"
WORK=$FOLDER/work LOGS=$FOLDER/logs GRACE_SECONDS=2
export COUNTERSIGN_TESTS_WORK=\$WORK
stop_services() { :; }
trap stop_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
$1
run_stages
summary
END
}

# run_script STAGES: runs it; sets STATUS, and leaves the output in a file.
run_script() {
  script "$1"
  bash "$FOLDER/script" >"$FOLDER/output" 2>&1 </dev/null
  STATUS=$?
}

says() {
  grep -qE "$1" "$FOLDER/output"
}

counts() {
  printf '%s\n' "$1" >"$FOLDER/counted"
  [[ $(. tests/lib/stage.sh; count_checks "$FOLDER/counted") == "$2" ]]
}

# Whether the process whose id is in this file has ended.
has_ended() {
  local tries pid
  pid=$(cat "$FOLDER/$1") || return 1
  for ((tries = 0; tries < 50; tries++)); do
    (. tests/lib/stage.sh; runs "$pid") || return 0
    sleep 0.1
  done
  return 1
}

await_file() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    [[ -s $FOLDER/$1 ]] && return 0
    sleep 0.1
  done
  return 1
}

counts_of_nextest_and_libtest() {
  check "libtest: lines are added up" counts \
    $'test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 4 passed; 2 failed' "7 2"
  check "nextest: all passed" counts '     Summary [   0.123s] 12 tests run: 12 passed, 3 skipped' "12 0"
  check "nextest: one test" counts '     Summary [   0.123s] 1 test run: 1 passed, 0 skipped' "1 0"
  check "nextest: slow and leaky tests passed" counts \
    '     Summary [ 100.123s] 12 tests run: 12 passed (2 slow, 1 leaky), 0 skipped' "12 0"
  check "nextest: failures of every kind count" counts \
    '     Summary [  10.000s] 10 tests run: 5 passed (1 slow), 2 failed, 1 exec failed, 2 timed out, 4 skipped' "5 5"
  check "nextest: tests that were not run count as failed" counts \
    '     Summary [   1.000s] 5/12 tests run: 4 passed, 1 failed, 3 skipped' "4 8"
  check "nothing is counted without such a line" counts $'Compiling\nSummary of it' "- -"
}

results() {
  run_script '
    stage "one" true
    stage "two" false
    stage "three" --needs two touch "$WORK/../three"
    stage "four" --needs three true
    stage "five" --after two true
    stage "six" bash -c "kill -KILL \$PPID; sleep 60"
    stage "seven" --counts echo nothing
    stage "eight" echo "test result: ok. 0 passed; 0 failed"
    stage "nine" --counts echo "test result: ok. 5 passed; 0 failed"
    stage "ten" bash -c "echo \"test result: ok. 5 passed; 0 failed\"; exit 1"'
  check "a run with a failed stage fails" test "$STATUS" = 1
  check "a stage whose need failed is not run" says '^== three: not run, because two failed'
  check "that is so for what needs it in turn" says '^== four: not run, because three failed'
  check "its command was not started" test ! -e "$FOLDER/three"
  check "a stage after a failed one runs" says '^== five: passed, 1 passed, 0 failed'
  check "a killed stage fails" says '^== six: failed, 0 passed, 1 failed'
  check "a stage that has to count and does not fails" says '^== seven: failed, 0 passed, 1 failed'
  check "a stage that ran no check fails" says '^== eight: failed, 0 passed, 1 failed'
  check "checks are counted" says '^== nine: passed, 5 passed, 0 failed'
  check "a stage with passed checks and a failing exit status fails" says '^== ten: failed, 5 passed, 1 failed'
  check "the last line is the sum" test "$(tail -n 1 "$FOLDER/output")" = "12 passed, 7 failed"
  run_script 'stage "one" true'
  check "a run without a failure passes" test "$STATUS" = 0
  run_script 'stage "one" --needs other true'
  check "a need that is not declared is a mistake in the script" test "$STATUS" = 2
}

lanes() {
  # Each waits for the other.
  run_script '
    meet() { echo here >"$WORK/$1"; local i; for ((i = 0; i < 100; i++)); do [[ -e $WORK/$2 ]] && return; sleep 0.1; done; return 1; }
    stage "one" meet one two
    stage "two" meet two one'
  check "two stages run at a time" test "$STATUS" = 0
  run_script '
    alone() { mkdir "$WORK/compiles" && sleep 0.5 && rmdir "$WORK/compiles"; }
    stage "one" --compiles alone
    stage "two" --compiles alone
    beside() { local i; for ((i = 0; i < 50; i++)); do [[ -d $WORK/compiles ]] && return; sleep 0.1; done; return 1; }
    stage "three" beside'
  check "two stages that compile do not, and another one is started instead" test "$STATUS" = 0
  run_script '
    count() { mkdir "$WORK/running.$BASHPID"; sleep 0.5; ls -d "$WORK"/running.* | wc -l >>"$WORK/counts"; rmdir "$WORK/running.$BASHPID"; }
    for name in one two three four; do stage "$name" count; done
    stage "compiler" --compiles count
    stage "most" --after four --after three --after compiler eval "! grep -v [123] <\"\$WORK/counts\" && grep 3 <\"\$WORK/counts\""'
  check "a third one runs beside two others only if it compiles" test "$STATUS" = 0
  run_script '
    count() { mkdir "$WORK/running.$BASHPID"; sleep 0.5; ls -d "$WORK"/running.* | wc -l >"$WORK/count-$1"; rmdir "$WORK/running.$BASHPID"; }
    stage "one" count one
    stage "two" --alone count two
    stage "three" count three
    stage "compiler" --compiles true
    stage "counts" --after two --after three eval "[[ \$(<\"\$WORK/count-two\") == 1 ]]"'
  check "a stage that runs alone runs beside no other" test "$STATUS" = 0
  run_script '
    set_it() { VALUE="a b"; share VALUE; }
    set_both() { in_parallel set_it true; }
    stage "one" set_both
    stage "two" --needs one test "${VALUE:-}" = ""
    read_it() { [[ $VALUE == "a b" ]]; }
    stage "three" --needs one read_it'
  check "a variable reaches later stages" test "$STATUS" = 0
}

endings() {
  run_script '
    leave() { sleep 300 & echo $! >"$WORK/../left"; }
    stage "one" leave
    stage "two" --serves leave'
  check "a server is stopped at the end" has_ended left
  check "a process that a stage leaves running is reported" says 'left running, and stopped: sleep 300'
  STAGE_LIMIT_SECONDS=1 run_script 'stage "one" sleep 300'
  check "a stage that takes too long is stopped and fails" says '^stopped: not done after 1 s'

  local signal expected
  for signal in INT TERM; do
    [[ $signal == INT ]] && expected=130 || expected=143
    rm -f "$FOLDER"/{server,own,session,stage}
    script '
      serve() { sleep 301 & echo $! >"$WORK/../server"; }
      spread() {
        setsid sleep 302 & echo $! >"$WORK/../session"
        bash -c "trap \"\" TERM INT; sleep 303" & echo $! >"$WORK/../own"
        sleep 304 & echo $! >"$WORK/../stage"
        wait
      }
      stage "one" --serves serve
      stage "two" --needs one spread'
    # As a non-interactive shell does it: SIGINT is ignored.
    bash "$FOLDER/script" >"$FOLDER/output" 2>&1 </dev/null &
    check "($signal) the stage starts" await_file stage
    kill -"$signal" $!
    wait $!
    check "SIG$signal ends a run in the background" test $? = "$expected"
    check "SIG$signal ends the servers" has_ended server
    check "SIG$signal ends the processes of a stage" has_ended stage
    check "SIG$signal ends processes in a session of their own" has_ended session
    check "SIG$signal ends processes that ignore signals" has_ended own
  done
}

counts_of_nextest_and_libtest
results
lanes
endings
echo "test result: $( ((FAILED == 0)) && echo ok || echo FAILED). $PASSED passed; $FAILED failed"
((FAILED == 0))
