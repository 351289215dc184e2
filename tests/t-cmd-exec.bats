# flux exec

load common

@test "exec runs on all ranks, on some, without some" {
    run start_flux 4 sh -c '
        flux exec flux getattr rank | sort
        flux exec --rank=1-2 flux getattr rank | sort
        flux exec -r all -x 1-3 flux getattr rank
        flux exec -r 0-2 -x 1-2 flux getattr rank'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo $output)" = "0 1 2 3 1 2 0 0" ]
}

@test "exec --label-io puts the rank before each line, also a last one without newline" {
    run start_flux 2 sh -c '
        flux exec -l -r 0 printf "a\nb\nc"
        flux exec -l -r 1 sh -c "echo err >&2" 2>&1 >/dev/null'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo "$output")" = "0: a
0: b
0: c
1: err" ]
}

@test "exec returns the largest exit code, 128 + signal, 127, 68" {
    run start_flux 4 sh -c '
        flux exec sh -c "exit \$(flux getattr rank)"; echo rc=$?
        flux exec -r 0-1 sh -c "kill -KILL \$\$"; echo rc=$?
        flux exec -r 1 nosuchprogram; echo rc=$?
        flux exec -r 3-9 true; echo rc=$?
        flux exec --quiet -r 0 false; echo rc=$?
        flux exec -r x true; echo rc=$?
        flux exec; echo rc=$?' 2>&1
    echo "$output"
    [[ "$output" == *"2: Exit 2"* ]]
    [[ "$output" == *"[0-1]: Killed"* ]]
    [[ "$output" == *"rank 1: "*"nosuchprogram"* ]]
    [[ "$output" == *"--rank=3-9: there are ranks 0-3"* ]]
    [[ "$output" != *"0: Exit 1"* ]]
    [ "$(echo "$output" | grep rc= | xargs)" = "rc=3 rc=137 rc=127 rc=68 rc=1 rc=1 rc=1" ]
}

@test "exec sends its input to all, as fast as the slowest takes it" {
    head -c 3000000 /dev/zero >in
    run start_flux 3 sh -c '
        flux exec wc -c <in
        flux exec -r 0-1 sh -c "[ \$(flux getattr rank) = 1 ] || exec wc -c" <in
        flux exec -n wc -c <in'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo $output)" = "3000000 3000000 3000000 3000000 0 0 0" ]
}

@test "exec keeps the working directory and environment, or takes --dir" {
    mkdir sub
    run start_flux 2 sh -c '
        export MY_VARIABLE=here
        flux exec -r 1 sh -c "pwd; echo \$MY_VARIABLE; echo \$FLUX_URI"
        flux exec -r 1 --dir=/ pwd
        flux exec -r 1 --dir=/nonexistent pwd; echo $?
        flux getattr rundir' 2>&1
    echo "$output"
    [ "${lines[0]}" = "$PWD" ]
    [ "${lines[1]}" = here ]
    [[ "${lines[2]}" == */local-1 ]]
    [ "${lines[3]}" = / ]
    [[ "${lines[4]}" == */nonexistent* ]]
}

@test "exec forwards signals" {
    touch out
    run start_flux 2 bash -c '
        flux exec --quiet -l sh -c "trap \"echo term; exit 5\" TERM; echo ready; while :; do command sleep 0.02; done" >out 2>/dev/null &
        until [ "$(grep -c ready out)" = 2 ]; do command sleep 0.02; done
        kill -TERM $!
        wait $!
        echo $?
        sort out'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 5 ]
    [ "$(echo $output)" = "5 0: ready 0: term 1: ready 1: term" ]
}

@test "exec --bg prints ranks and pids; --attach finds a process by label or pid" {
    mkfifo fifo
    run start_flux 2 sh -c '
        flux exec --bg -r 0-1 --label=cat sh -c "cat fifo; exit 3" >pids
        cut -d: -f1 pids
        flux exec -v -q -r 0 --attach cat 2>a.err & a=$!
        flux exec -v -q -r 1 --attach $(sed -n "s/^1: //p" pids) 2>b.err & b=$!
        flux exec --bg -r 0 --label=cat true; echo rc=$?
        until grep -qs Running a.err && grep -qs Running b.err; do command sleep 0.02; done
        exec 9>fifo
        exec 9>&-
        wait $a; echo rc=$?
        wait $b; echo rc=$?
        flux exec -r 0 --attach nosuch; echo rc=$?
        flux exec --waitable true; echo rc=$?' 2>&1
    echo "$output"
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 1 ]
    [[ "${lines[2]}" == *"label 'cat' is in use"* ]]
    [ "${lines[3]}" != rc=0 ]
    [ "${lines[4]}" = rc=3 ]
    [ "${lines[5]}" = rc=3 ]
    [[ "${lines[6]}" == *"rank 0: "* ]]
    [[ "$output" == *"--waitable is for use with --bg"* ]]
}

@test "exec --jobid wants a job that runs" {
    run start_flux 1 sh -c '
        flux exec -j f1 true; echo rc=$?
        flux exec -j $(flux submit --urgency=hold true) true; echo rc=$?
        flux cancel --all 2>/dev/null || flux cancel $(flux jobs -no {id})' 2>&1
    echo "$output"
    [[ "${lines[0]}" == *"--jobid=f1: there is no such job"* ]]
    [ "${lines[1]}" = rc=1 ]
    [[ "${lines[2]}" == *"the job is not running"* ]]
    [ "${lines[3]}" = rc=1 ]
}

@test "exec --jobid runs on the nodes of a job, ranks are places among them, and ends with it" {
    run start_fake 4 1 bash -c '
        flux resource drain 0
        id=$(flux submit -N2 --requires=rank:1-2 --wait-event=start sleep 60.0625)
        until flux exec --quiet -j $id true 2>/dev/null; do command sleep 0.02; done
        flux exec -j $id flux getattr rank | sort
        flux exec -j $id -r 0 flux getattr rank
        flux exec -j $id -x 0 flux getattr rank
        flux exec -j $id -r 2 true; echo rc=$?
        flux exec --quiet -j $id sleep 60.0625 & e=$!
        until [ "$(pgrep -fc "^sleep 60.0625")" = 4 ]; do command sleep 0.02; done
        flux cancel $id
        flux job status $id
        wait $e; echo rc=$?' 2>/dev/null
    echo "$output"
    [ "$(echo "$output" | grep -v ERROR | head -5 | xargs)" = "1 2 1 2 rc=68" ]
    [ "${lines[-1]}" != rc=0 ]
}
