# flux jobtap, update, multi-prog, startlog

load common

@test "flux jobtap lists, queries, loads with configuration, and removes plugins" {
    run start_flux 1 sh -c '
        flux jobtap list; flux jobtap list -a | grep -c "^\."
        flux jobtap query .history | jq -r .name,.path
        flux jobtap remove ".begin*" && flux jobtap load --remove=".hist*" .begin-time
        flux jobtap list -a | grep -c -e hist -e begin
        flux jobtap remove all; echo $?; flux jobtap list -a | grep -c history
        flux jobtap remove nosuch; flux jobtap query nosuch; flux jobtap load nosuch.so
        flux jobtap load ./nosuch.so; flux jobtap load .limit-duration x'
    echo "$output"
    [[ "$output" =~ ^[0-9]+$'\n'.history$'\n'builtin$'\n'1$'\n'0$'\n'0$'\n' ]]
    [[ "$output" == *"no plugin matches nosuch
"*"plugin nosuch is not loaded
"*"nosuch.so: file not found in "*"
"*"./nosuch.so: No such file or directory
"*"'x': want key=val" ]]
}

@test "flux update: duration of a running job, absolute and relative; name and queue of a pending one" {
    run start_flux 1 sh -c '
        id=$(flux submit -t1h sleep inf); flux job wait-event $id start >/dev/null
        flux update -v --wait $id duration=+10m; flux update $id duration=30m
        flux jobs -no "{duration}" $id
        flux update $id duration=-3h; flux update $id duration=x; flux update $id name=foo
        flux update -n $id name=foo x.y=[1] attributes.user.z=a | jq -cS .
        flux cancel $id
        id=$(flux submit --urgency=hold -t1h sleep inf); flux update $id name=foo duration=2h
        flux jobs -no "{name} {duration}" $id; flux update $id nosuch=1; flux cancel $id
        flux job wait-event $id clean >/dev/null; flux update $id name=bar'
    echo "$output"
    [[ "${lines[0]}" = "updated attributes.system.duration to 4200.0" ]]
    [[ "${lines[1]}" = 1800* ]]
    [[ "${lines[2]}" == *"duration=-3h: nothing would be left of 1800s"* ]]
    [[ "${lines[3]}" == *"duration=x: want"* ]]
    [[ "${lines[4]}" == *"only the duration of a running job"* ]]
    [[ "${lines[5]}" = '{"attributes.system.job.name":"foo","attributes.system.x.y":[1],"attributes.user.z":"a"}' ]]
    [[ "${lines[6]}" = foo\ 7200* ]]
    [[ "${lines[7]}" == *nosuch* ]]
    [[ "${lines[8]}" == *"inactive"* ]]
    run start_flux 1 sh -c 'flux update; echo $?; flux update 1 x; echo $?; flux update 1 name=x; echo $?'
    echo "$output"
    [[ "$output" == *"
2
"*"'x': want KEY=VALUE
2
"*"
1" ]]
}

@test "flux multi-prog runs the command of each task" {
    cat >app.conf <<'CONF'
# all of them
0-1 echo "task %t" x   # inline
2,4 echo %t offset %o

* sh -c 'echo rest %t %o; exit 3'
CONF
    printf '0-2 a\n2 b\n' >twice.conf
    printf '0 a\n* b\n* c\n' >stars.conf
    printf 'x a\n' >ranks.conf
    printf '0 \n' >empty.conf
    printf '0 echo "a\n' >quote.conf
    printf '0 nosuchcommand\n' >none.conf
    run start_fake 1 8 sh -c '
        flux run -n6 flux multi-prog app.conf >out; echo $?; sort out
        flux multi-prog --dry-run=0,4-6 app.conf
        for f in twice stars ranks empty quote; do flux multi-prog -n0 $f.conf; done
        flux multi-prog -n3 twice.conf; flux multi-prog app.conf
        flux run flux multi-prog none.conf 2>&1; echo $?'
    echo "$output"
    [[ "$output" == *"3
2 offset 0
4 offset 1
rest 3 0
rest 5 1
task 0 x
task 1 x
0: echo task 0 x
4: echo 4 offset 1
5: sh -c echo rest 5 1; exit 3
6: sh -c echo rest 6 2; exit 3
"*"twice.conf: lines 1 and 2: a task is in both"*"
"*"stars.conf: lines 2 and 3"*"
"*"ranks.conf: line 1: 'x'"*"
"*"empty.conf: line 1: no command"*"
"*"quote.conf: line 1: no closing"*"
"*"twice.conf: lines 1"*"
"*"FLUX_TASK_RANK is not set"*"
"*"nosuchcommand: No such file"*"
127" ]]
}

@test "flux startlog tells the runs of an instance, and of a crash" {
    mkdir -m 700 state
    run start_flux 1 -Sstatedir=$PWD/state sh -c 'flux startlog; flux startlog --check; flux startlog --quiet'
    echo "$output"
    [[ "${#lines[@]}" -eq 2 && "${lines[0]}" == *" - running ("* ]]
    run start_flux 1 -Sstatedir=$PWD/state sh -c 'kill -9 $(flux getattr broker.pid)'
    [ "$status" -ne 0 ]
    run start_flux 1 -Sstatedir=$PWD/state sh -c 'flux startlog -v; flux startlog --check --quiet; echo $?
        flux dmesg | grep -c "not shut down properly"'
    echo "$output"
    [[ "$output" == *" - 20"*"s) 0.88.0
"* ]]
    [[ "$output" == *" - crashed 0.88.0
"*" - running ("*") 0.88.0
1
1" ]]
    run start_flux 1 -Sstatedir=$PWD/state sh -c 'flux startlog --check --quiet; echo $?'
    [ "$output" = 0 ]
}

@test "the functions of flux/jobtap.h do what their pages say, also with wrong arguments" {
    run start_flux 1 sh -c '
        flux jobtap load "$FLUX_BUILD/tests/tapapi.so"
        flux submit --quiet --job-name=refused true; flux submit --quiet --job-name=silent true
        b=$(flux submit --job-name=second true); a=$(flux submit --job-name=first true)
        c=$(flux submit --job-name=third true)
        for j in $a $b $c; do flux job wait-event -t 10 $j clean >/dev/null; done
        flux job wait $a && flux jobs -no "{duration}" $a
        for j in $a $b $c; do flux job eventlog $j | cut -d" " -f2 | xargs; done
        "$FLUX_BUILD/tests/rpc" job-manager.tapapi.report >report
        jq -r ".failures[], .freed" report; jq ".tried > 100, .topics[\"job.inactive-add\"]" report
        flux dmesg | grep "job-manager.err"'
    echo "$output"
    [ "${lines[0]}" = "flux-submit: ERROR: refused is 1" ]
    [[ "${lines[1]}" == "flux-submit: ERROR: "*"'tapapi'"* ]]
    [ "${lines[2]}" = 77.0 ]
    [ "${lines[3]}" = "submit validate dependency-add dependency-remove set-flags tapapi.mine tapapi.empty jobspec-update depend priority alloc start finish epilog-start epilog-finish release free clean" ]
    [ "${lines[4]}" = "submit validate dependency-add dependency-remove depend priority alloc start finish release free clean" ]
    [ "${lines[5]}" = "submit validate depend priority alloc prolog-start prolog-start exception prolog-finish prolog-finish start finish release free clean" ]
    [ "${lines[6]}" = 3 ]
    [ "${lines[7]}" = true ]
    [ "${lines[8]}" = 3 ]
    [ "${#lines[@]}" -eq 9 ]
}
