# job-exec and rexec: launch, signals, termination, loss, reload

load common

# exec.eventlog's names, then the main eventlog's
show_log() {
    echo 'names() { flux job eventlog $1 "$2" | cut -d" " -f2 | tr "\n" " "; }'
}

@test "events of a job with one shell" {
    run start_flux 1 sh -c "$(show_log)"'
        flux run true
        id=$(flux job last)
        names "-p exec" $id; echo
        names "" $id; echo
        flux kvs namespace list | grep job-
        flux kvs ls job.$(flux job id --to=dothex $id).guest'
    echo "$output"
    [[ "${lines[0]}" =~ ^init\ starting\ shell.init\ shell.start\ shell-exit\ complete\ done ]]
    [[ "${lines[1]}" =~ alloc\ start\ finish\ release\ free\ clean ]]
    [[ "$output" != *"job-"* ]]
    [[ "$output" == *exec* ]]
}

@test "a job on every broker: one shell each, statuses, release of all" {
    run start_flux 4 sh -c '
        flux run -N4 sh -c "echo \$FLUX_TASK_RANK"
        flux run -N4 sh -c "exit \$FLUX_TASK_RANK"; echo rc=$?
        flux job eventlog $(flux job last) | grep -E "finish|release"'
    echo "$output"
    for i in 0 1 2 3; do [[ "$output" == *"$i"* ]]; done
    [[ "$output" == *rc=3* ]]
    [[ "$output" == *"finish status=768"* ]]
    [[ "$output" == *'ranks="0-3" final=true'* ]]
}

@test "a shell that cannot be started" {
    printf '[exec]\njob-shell = "/no/such/shell"\n' >c.toml
    run start_flux 1 --config-path=c.toml flux run true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"cannot start job shell"*"/no/such/shell"* ]]
    # jobspec says which, for one job
    printf '#!/bin/sh\necho early trouble >&2\nexit 9\n' >shell.sh
    chmod +x shell.sh
    run start_flux 1 sh -c 'flux run -Sexec.job_shell=$PWD/shell.sh true; echo rc=$?
        flux job eventlog -p exec $(flux job last)'
    echo "$output"
    [[ "$output" == *rc=9* ]]
    [[ "$output" == *'data="early trouble"'* ]]
}

@test "cancel ends all tasks of a job" {
    run start_flux 4 sh -c '
        id=$(flux submit -N4 sleep 1000)
        flux job wait-event -t 10 -p exec $id shell.start >/dev/null
        flux cancel $id
        flux job wait-event -t 10 $id clean >/dev/null && echo clean
        flux job eventlog $id | grep finish'
    echo "$output"
    [[ "$output" == *clean* ]]
    [[ "$output" == *"finish status=36608"* ]]
}

@test "tasks that ignore SIGTERM are killed" {
    printf '[exec]\nkill-timeout = "0.1s"\n' >c.toml
    run start_flux 1 --config-path=c.toml sh -c '
        id=$(flux submit sh -c "trap : TERM; echo trapped; while :; do sleep .1; done")
        flux job wait-event -t 10 -W -p output $id data >/dev/null
        flux cancel $id
        flux job wait-event -t 10 $id clean >/dev/null && echo clean
        flux job eventlog $id | grep finish'
    echo "$output"
    [[ "$output" == *clean* ]]
    # the task was killed through its shell: 128 + 9
    [[ "$output" == *"finish status=35072"* ]]
}

@test "signals reach the tasks" {
    run start_flux 2 sh -c '
        id=$(flux submit -N2 sh -c "trap \"exit 5\" USR1; echo ready; while :; do sleep .1; done")
        flux job wait-event -t 10 --count=2 -W -p output $id data >/dev/null
        flux job kill -s USR1 $id
        flux job wait-event -t 10 $id clean >/dev/null
        flux job eventlog $id | grep finish'
    echo "$output"
    [[ "$output" == *"finish status=1280"* ]]
}

@test "the time limit ends a job" {
    run start_flux 1 sh -c 'flux run -t 0.3s sleep 1000; echo rc=$?'
    echo "$output"
    [[ "$output" == *timeout*"resource allocation expired"* ]]
    [[ "$output" == *rc=142* ]]
}

@test "job-exec is reloaded while a job runs" {
    run start_flux 2 sh -c '
        id=$(flux submit -N2 sh -c "echo ready; while ! test -f go; do sleep .1; done; exit 3")
        flux job wait-event -t 10 --count=2 -W -p output $id data >/dev/null
        flux module reload job-exec
        flux module stats job-exec | grep -c $id
        touch go
        flux job wait-event -t 10 $id clean >/dev/null && echo clean
        flux job eventlog $id | grep -E "finish|exception"
        flux job eventlog -p exec $id | grep -c reattach'
    echo "$output"
    [[ "$output" == *clean* ]]
    [[ "$output" == *"finish status=768"* ]]
    [[ "$output" != *exception* ]]
}

@test "simulated jobs: no shell, no namespace, the same events" {
    run start_flux 1 sh -c "$(show_log)"'
        flux submit --wait --quiet --cc=1-50 --setattr=exec.test.run_duration=0.01s \
            nosuchprogram; echo rc=$?
        id=$(flux job last)
        names "-p exec" $id; echo
        flux submit --wait -Sexec.test.run_duration=0 -Sexec.test.wait_status=512 x; echo rc=$?'
    echo "$output"
    [[ "$output" == *"rc=0"*"init starting complete done"*"rc=2"* ]]
}

@test "a broker that dies takes its shells with it" {
    run start_flux 4 sh -c '
        id=$(flux submit -N4 sleep 1000)
        flux job wait-event -t 10 -p exec $id shell.start >/dev/null
        flux exec -r 3 sh -c "kill -9 \$PPID" 2>/dev/null
        flux job wait-event -t 20 $id clean >/dev/null && echo clean
        flux job eventlog $id | grep exception'
    echo "$output"
    [[ "$output" == *clean* ]]
    [[ "$output" == *'type="lost-shell"'*'rank 3'* ]]
}

@test "a process may have a channel of messages to the broker that starts it (RFC 42)" {
    run start_flux 1 sh -c '
        exec_rpc() {
            "$FLUX_BUILD/tests/rpc" -s rexec.exec "{\"flags\":1,\"cmd\":{\"cmdline\":[\"sh\",\"-c\",\"FLUX_URI=\$CH flux getattr size\"],
                \"env\":{\"PATH\":\"$PATH\"},\"opts\":{},\"channels\":[],\"msgchans\":[{\"name\":\"CH\",\"uri\":\"$1\"}]}}" 2>&1
        }
        exec_rpc "$FLUX_URI" | grep -c "\"data\":\"1.n\""
        exec_rpc local:///nosuch'
    echo "$output"
    [ "${lines[0]}" = 1 ]
    [[ "${lines[1]}" == *"cannot connect to /nosuch"* ]]
}
