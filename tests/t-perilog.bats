# perilog.so: prolog and epilog of jobs

load common

# perilog_conf PROLOG EPILOG: each the lines of its table, or nothing
perilog_conf() {
    {
        echo '[job-manager]'
        echo 'plugins = [ { load = "perilog.so" } ]'
        [ -z "$1" ] || printf '[job-manager.prolog]\n%s\n' "$1"
        [ -z "$2" ] || printf '[job-manager.epilog]\n%s\n' "$2"
        echo '[job-manager.perilog]'
        echo 'log-ignore = ["^noise", "x+y"]'
    } >conf.toml
}

@test "a prolog runs before the tasks, an epilog after them, and their output is logged" {
    perilog_conf "command = [\"sh\", \"-c\", \"echo pro \$FLUX_JOB_ID \$FLUX_JOB_USERID; echo noise; echo pro >>$PWD/order\"]
per-rank = true" "command = [\"sh\", \"-c\", \"echo epi >&2; echo epi >>$PWD/order\"]"
    run start_flux 2 --config-path=conf.toml bash -c '
        flux jobtap query perilog.so | jq -c .conf.prolog.timeout,.conf.epilog.timeout
        flux run -N2 sh -c "echo task >>order"; id=$(flux job last)
        flux job wait-event $id clean >/dev/null
        flux job eventlog $id | cut -d" " -f2 | tr "\n" " "; echo
        flux dmesg | grep -c "prolog: stdout: rank [01]: pro $id $(id -u)$"
        flux dmesg | grep -c "epilog: stderr: rank 0: epi"; flux dmesg | grep -c noise' 2>/dev/null
    echo "$output"
    [[ "$output" == "1800
0
"*"
submit validate depend priority alloc prolog-start prolog-finish start finish epilog-start release epilog-finish free clean 
2
1
0"* ]]
    [ "$(tr '\n' ' ' <order)" = "pro pro task task epi " ]
}

@test "a prolog that fails raises an exception, no task starts, the epilog runs" {
    perilog_conf 'command = ["sh", "-c", "test $(flux getattr rank) = 0 || exit 3"]
per-rank = true' "command = [\"touch\", \"$PWD/epilog\"]"
    run start_flux 2 --config-path=conf.toml bash -c '
        flux run -N2 touch task; echo $?; id=$(flux job last)
        flux job wait-event $id clean >/dev/null; flux run --requires=rank:0 true; echo $?'
    echo "$output"
    [[ "$output" == *"type=prolog severity=0 prolog exited with exit code=3 on ranks 1"*"
1
0" ]]
    [ ! -e task ]
    [ -e epilog ]
    perilog_conf 'command = ["/nosuch"]' ''
    run start_flux 1 --config-path=conf.toml flux run true
    echo "$output"
    [[ "$output" == *"type=prolog severity=0 prolog exited with exit code=127"* ]]
}

@test "a timeout and a cancel end the prolog; ranks where it goes on are drained" {
    nap='trap \"\" TERM; while :; do sleep 0.1; done'
    perilog_conf "command = [\"sh\", \"-c\", \"$nap\"]
timeout = \"0.3s\"
kill-timeout = 0.2" ''
    run start_flux 1 --config-path=conf.toml bash -c '
        flux run true; echo $?; flux resource drain -no "{ranks} {reason}"'
    echo "$output"
    [[ "$output" == *"prolog timed out"*"
1
"*"0 prolog for job ƒ"*" timed out" ]]
    perilog_conf 'command = ["sleep", "100"]' ''
    run start_flux 1 --config-path=conf.toml bash -c '
        id=$(flux submit true); flux job wait-event $id prolog-start >/dev/null; flux cancel $id
        flux job wait-event $id clean >/dev/null; flux job eventlog $id | grep -c prolog-finish
        flux resource drain -n | wc -l'
    echo "$output"
    [ "$output" = "1
0" ]
}

@test "an epilog that fails is an exception of a job that has ended, but not fatal" {
    perilog_conf '' 'command = ["false"]'
    run start_flux 1 --config-path=conf.toml bash -c '
        flux run true; flux job wait-event $(flux job last) clean >/dev/null
        flux job eventlog $(flux job last) | grep exception
        flux jobs -ano "{status}"'
    echo "$output"
    [[ "$output" == *"COMPLETED" ]]
    [[ "$output" == *"type=\"epilog\" severity=1 note=\"epilog exited with exit code=1\""* ]]
}

@test "a wrong configuration is refused with its key" {
    for t in 'command = "x"' 'command = []' 'nosuch = 1' 'command = ["a"]
timeout = "soon"' 'command = ["a"]
kill-timeout = -1.0' 'per-rank = true'; do
        perilog_conf "$t" ''
        run start_flux 1 --config-path=conf.toml flux run true
        echo "$output"
        [ "$status" -ne 0 ]
        [[ "$output" == *"job-manager.prolog"* ]]
    done
}

@test "a prolog that ran when the instance was killed is run again after the restart" {
    mkdir -m 700 state
    perilog_conf "command = [\"sh\", \"-c\", \"echo run >>$PWD/runs; test -e $PWD/again || exec sleep 100\"]" ''
    run start_flux 1 -Sstatedir=$PWD/state --config-path=conf.toml sh -c '
        flux job wait-event $(flux submit touch task) prolog-start >/dev/null
        while ! [ -e runs ]; do command sleep 0.1; done; kill -9 $PPID; while kill -0 $PPID; do :; done'
    touch again
    run start_flux 1 -Sstatedir=$PWD/state --config-path=conf.toml sh -c '
        flux job wait-event $(flux job last) clean >/dev/null; flux jobs -ano "{name} {status}"'
    echo "$output"
    [[ "$output" == *"touch COMPLETED" ]]
    [ -e task ]
    [ "$(wc -l <runs)" = 2 ]
}
