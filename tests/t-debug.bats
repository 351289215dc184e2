#!/usr/bin/env bats
# where the tasks of a job are: for people and for parallel debuggers

load common

in_fake() {
    cat >script
    run start_fake "$1" 8 bash -ex script
    [ "$status" -eq 0 ] || echo "$output"
}

@test "flux job hostpids" {
    in_fake 2 <<'END'
id=$(flux submit -N2 -n4 sh -c 'echo $$ >pid.$FLUX_TASK_RANK; exec sleep 100')
flux job hostpids -t 30 $id >out
test "$(cat out)" = "$(for t in 0 1 2 3; do printf '%snode%s:%s' "${sep-}" $((t / 2)) $(cat pid.$t); sep=,; done)"
test "$(flux job hostpids -d ' ' --ranks=1-2 $id)" = "node0:$(cat pid.1) node1:$(cat pid.2)"
test "$(flux job hostpids --ranks=all $id)" = "$(cat out)"
flux cancel $id; flux job wait-event -t 30 $id clean >/dev/null
! flux job hostpids $id 2>err; grep -q 'not running any more' err
! flux job hostpids -r x $id 2>err; grep -q 'want an idset' err
! flux job hostpids -t x $id 2>err; grep -q 'want a duration' err
! flux job hostpids 1234 2>err; grep -q '1234: no such job' err
# it waits for a job that is pending
id=$(flux submit --urgency=hold sleep 100)
! flux job hostpids -t 0.05s $id 2>err; grep -q 'timeout' err
flux job hostpids $id >out & pid=$!
flux job urgency $id default; wait $pid; grep -qE '^node.:[0-9]+$' out
flux cancel $id
id=$(flux submit --urgency=hold sleep 100); flux cancel $id
! flux job hostpids $id 2>err; grep -q 'ended before its tasks ran' err
END
    [ "$status" -eq 0 ]
}

@test "the processes of seven nodes come in the order of ranks" {
    in_fake 7 <<'END'
id=$(flux submit -N7 -n14 --taskmap=cyclic sh -c 'echo $$ >pid.$FLUX_TASK_RANK; exec sleep 100')
flux job hostpids -t 30 -d ' ' $id >out
test "$(cat out)" = "$(for t in $(seq 0 13); do echo node$((t % 7)):$(cat pid.$t); done | xargs)"
flux cancel $id
END
    [ "$status" -eq 0 ]
}

@test "stop-tasks-in-exec: tasks wait until they are continued" {
    in_fake 2 <<'END'
id=$(flux submit -N2 -n2 -o stop-tasks-in-exec sh -c 'touch ran.$FLUX_TASK_RANK')
for hp in $(flux job hostpids -d ' ' $id); do
    grep -q '^State:.*stop' /proc/${hp#*:}/status
    test "$(readlink /proc/${hp#*:}/exe)" = "$(readlink -f /bin/sh)"
done
test ! -e ran.0; test ! -e ran.1
flux job attach --debug $id
test -e ran.0; test -e ran.1
END
    [ "$status" -eq 0 ]
}

# A debugger of our own, which runs where gdb does not.
@test "MPIR: who runs flux run or flux job attach sees the tasks, stopped, and lets them go on" {
    [ -x "$FLUX_BUILD/tests/mpirtest" ] || skip "for x86_64 only"
    export MPIRTEST=$FLUX_BUILD/tests/mpirtest
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0    # LeakSanitizer cannot be traced
    in_fake 2 <<'END'
sh=$(readlink -f /bin/sh)
rc=0; $MPIRTEST flux run -N2 -n4 sh -c 'touch ran.$FLUX_TASK_RANK; exit 5' >out 2>err || rc=$?
test $rc = 5; test $(ls ran.* | wc -l) = 4
printf '%s\n' "state 1 size 4" "node0 $sh T" "node0 $sh T" "node1 $sh T" "node1 $sh T" | cmp - out
# one that waits in exec for whoever attaches
id=$(flux submit -N2 -n2 -o stop-tasks-in-exec sh -c 'touch late.$FLUX_TASK_RANK')
$MPIRTEST flux job attach --debug $id >out
printf '%s\n' "state 1 size 2" "node0 $sh T" "node1 $sh T" | cmp - out
test $(ls late.* | wc -l) = 2
# one that runs already is not stopped
id=$(flux submit -N2 -n2 sh -c 'until test -e stop; do sleep 0.02; done')
flux job hostpids $id >/dev/null
$MPIRTEST flux job attach --debug $id >out & pid=$!
until test $(wc -l <out) = 3; do sleep 0.02; done
! grep -q 'T$' out
touch stop; wait $pid
END
    [ "$status" -eq 0 ]
}

# debugged COMMANDS... -- PROGRAM: gdb's answers
GDB='gdb -q -batch -ex "break main" -ex run -ex "set var MPIR_being_debugged=1" -ex "break MPIR_Breakpoint" -ex continue'

@test "a debugger finds the tasks of flux run, before their main()" {
    need gdb gdb
    ! sanitized || skip "gdb and a sanitizer do not go together"
    export GDB
    in_fake 2 <<'END'
eval "$GDB" -ex "'print MPIR_debug_state'" -ex "'print MPIR_proctable_size'" \
    -ex "'printf \"%s %s\\n\", MPIR_proctable[3].host_name, MPIR_proctable[3].executable_name'" \
    -ex "'shell echo before: \$(ls ran.* 2>/dev/null)'" -ex continue \
    --args flux run -N2 -n4 sh -c "'touch ran.\$FLUX_TASK_RANK'" >out 2>&1 </dev/null
grep -qx '$1 = 1' out; grep -qx '$2 = 4' out
grep -qx "node1 $(readlink -f /bin/sh)" out
grep -qx 'before:' out
test $(ls ran.* | wc -l) = 4
END
    [ "$status" -eq 0 ]
}

@test "a debugger attaches to a job that runs, and has its tool started on each node" {
    need gdb gdb
    ! sanitized || skip "gdb and a sanitizer do not go together"
    printf '#!/bin/sh\necho "$1-$2 $(flux getattr rank)" >tool.$$\n' >tool
    chmod +x tool
    export GDB
    in_fake 2 <<'END'
id=$(flux submit -N2 -n2 sh -c 'until test -e stop; do sleep 0.02; done')
eval "$GDB" -ex "'set var MPIR_executable_path = \"$PWD/tool\"'" \
    -ex "'set var MPIR_server_arguments = \"a\\0b c\\0\"'" \
    -ex "'print MPIR_proctable[1].pid'" -ex "'tbreak exit'" -ex "'shell touch go'" -ex continue \
    --args flux job attach --debug $id >out 2>&1 </dev/null &
until test $(cat tool.* 2>/dev/null | wc -l) = 2; do sleep 0.02; done
test "$(cat tool.* | sort)" = "$(printf 'a-b c 0\na-b c 1')"
pids=$(flux job hostpids -r 1 $id); touch stop; wait
grep -qx "\$1 = ${pids#*:}" out
END
    [ "$status" -eq 0 ]
}

@test "--flags=debug: events that tell what is asked of the scheduler, also after a restart" {
    in_debug() { timeout 60 flux start -Sstatedir="$PWD/state" bash -ec "$1"; }
    mkdir state
    in_debug 'flux run --flags=debug true; flux run true
        id=$(flux job last); ! flux job eventlog $id | grep debug
        id=$(flux submit --debug --urgency=hold sleep 100); flux job urgency $id default >/dev/null
        flux job wait-event $id debug.alloc-request >/dev/null; flux cancel $id; flux queue drain'
    run in_debug 'flux job eventlog $(flux jobs -a -no {id} --filter=completed | tail -n1) | cut -d" " -f2 | tr "\n" " "
        flux run --debug true'
    [ "$status" -eq 0 ]
    [[ $output == "submit validate depend priority debug.alloc-request alloc start finish release debug.free-request free clean "* ]]
}
