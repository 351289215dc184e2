# flux, the command itself

load common

@test "a misspelt command: those that are like it are named, nearest first" {
    run flux pign
    [ "$status" -eq 1 ]
    [ "$output" = "flux: ERROR: 'pign' is not a flux command: did you mean ping? See 'flux help'" ]
    run flux resorce list
    [[ "$output" == *"did you mean resource"* ]]
    run flux job5
    [[ "$output" == *"did you mean job or jobs?"* ]]
    run flux sub
    [[ "$output" == *"did you mean submit?"* ]]
    run flux frobnicate
    [ "$output" = "flux: ERROR: 'frobnicate' is not a flux command. See 'flux help'" ]
}

@test "commands of FLUX_EXEC_PATH and PATH are run, and named once each" {
    mkdir a b
    printf '#!/bin/sh\necho "frobnicate $*"\n' >a/flux-frobnicate
    chmod +x a/flux-frobnicate
    cp a/flux-frobnicate b
    export FLUX_EXEC_PATH=$PWD/a PATH=$PWD/b:$PATH
    run flux frobnicate x y
    [ "$output" = "frobnicate x y" ]
    run flux frobnicat
    [ "$status" -eq 1 ]
    [ "$output" = "flux: ERROR: 'frobnicat' is not a flux command: did you mean frobnicate? See 'flux help'" ]
    chmod -x a/flux-frobnicate b/flux-frobnicate
    run flux frobnicat
    [[ "$output" != *"did you mean"* ]]
}

@test "flux start -Xv shows what it would run, and creates nothing" {
    run flux start -X -v -s2 --test-hosts=a,b --rundir="$PWD/rd" true
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ "${lines[0]}" == "flux-start: 0: "*"/flux-broker -Srundir=$PWD/rd -Shostname=a true" ]]
    [[ "${lines[1]}" == "flux-start: 1: "*"/flux-broker -Srundir=$PWD/rd -Shostname=b true" ]]
    [ ! -e rd ]
    run flux start -X -v -S a=b true x
    [[ "$output" == "flux-start: "*"/flux-broker -Sa=b true x" ]]
    run flux start -X -s2 true
    [ -z "$output" ]
    for v in -v0 --verbose=0 -v2 -vv; do
        run flux start -X $v true
        [ "$status" -eq 0 ]
        case $v in *0) [ -z "$output" ];; *) [ -n "$output" ];; esac
    done
    run flux start -X -vx true
    [ "$output" = "flux-start: ERROR: --verbose=x: want a level, a number from 0" ]
    run flux start -s 99999999 -X true
    [ "$output" = "flux-start: ERROR: --test-size=99999999: want 1 to 65536" ]
    run flux start --conf=nosuch.json true
    [ "$output" = "flux-broker: nosuch.json: No such file or directory" ]
    run flux start -X -s2 --test-pmi-clique=foo true
    [ "$status" -eq 1 ]
    [[ "$output" == *"--test-pmi-clique: taskmap 'foo'"* ]]
}

@test "flux start kills brokers that are left after --test-exit-timeout, and says so" {
    run start_flux 2 --test-exit-timeout=0.1s \
        sh -c 'flux exec -r 1 sh -c "kill -9 \$PPID"; while kill -0 $PPID; do sleep 0.1; done'
    [ "$status" -eq 137 ]
    [[ "$output" == *"flux-start: --test-exit-timeout=0.1s has expired: killing the brokers that are left"* ]]
}

@test "flux start ends its brokers, and removes their sockets, when nobody reads its errors any more" {
    mkdir tmp
    mkfifo err
    (exec <err) &
    TMPDIR=$PWD/tmp start_flux 3 --test-exit-timeout=0.1s sh -c '
        flux exec sh -c "echo \$PPID" >pids
        flux exec -r 1 sh -c "kill -9 \$PPID"
        while kill -0 $PPID; do sleep 0.1; done' 2>err || status=$?
    [ "$status" -eq 137 ]
    [ "$(wc -l <pids)" -eq 3 ]
    while read -r pid; do
        if kill -0 "$pid"; then false; fi
    done <pids
    run find tmp -type s
    [ "$output" = "" ]
}

@test "flux lptest prints a ripple, and a job's output brings all of it" {
    run flux lptest 4 3
    [ "$output" = $'!"#$\n"#$%\n#$%&' ]
    [ "$(flux lptest | wc -lc | tr -s ' ')" = " 200 16000" ]
    run flux lptest 0
    [ "$status" -eq 1 ]
    [ "$output" = "flux-lptest: ERROR: LENGTH '0' is not a number of at least 1" ]
    flux start flux run flux lptest 95 20000 >got
    flux lptest 95 20000 | cmp - got
}
