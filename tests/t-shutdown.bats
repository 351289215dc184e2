# The end of an instance: what runs is ended, signals in every state, flux shutdown

load common

teardown() {
    run ls -d "$TMPDIR"/flux-*
    [ "$status" -ne 0 ] || { echo "left behind: $output"; false; }
}

# ms_of COMMAND...: how long it took, in milliseconds, in $ms; status in $status
ms_of() {
    local t0=$(date +%s%3N)
    run "$@"
    ms=$(($(date +%s%3N) - t0))
    echo "$ms ms, status $status: $output"
}

# a sleep that can be told from all others
nap() {
    nap="1000.$BATS_TEST_NUMBER$RANDOM$$"
    export nap
}

no_nap() {
    ! pgrep -fx "sleep $nap"
}

@test "an initial program that ends leaves no tasks behind" {
    nap
    ms_of start_flux 1 sh -c 'id=$(flux submit sleep $nap); flux job wait-event $id start'
    [ "$status" -eq 0 ]
    [ "$ms" -lt $((5000 * TEST_SLOW)) ]
    wait_until 2 no_nap
    ms_of start_fake 4 2 sh -c 'id=$(flux submit -N4 sleep $nap); flux job wait-event $id start'
    [ "$status" -eq 0 ]
    [ "$ms" -lt $((8000 * TEST_SLOW)) ]
    wait_until 2 no_nap
}

@test "jobs that are pending stay so; a restart runs them" {
    mkdir -m 700 state
    run start_flux 1 -Sstatedir=$PWD/state sh -c '
        flux submit --urgency=hold true
        id=$(flux submit sleep 1000); flux job wait-event $id start >&2'
    echo "$output"
    [ "$status" -eq 0 ]
    run start_flux 1 -Sstatedir=$PWD/state sh -c '
        flux jobs -ano "{id} {state} {result}"
        flux queue status
        flux job urgency $(flux jobs -no "{id}") 16; flux queue drain; flux jobs -ano "{result}"'
    echo "$output"
    [[ "$output" == *"SCHED"* ]]
    [[ "$output" == *"INACTIVE CANCELED"* ]]
    [[ "$output" == *COMPLETED* ]]
}

@test "cleanup commands run before the jobs are ended" {
    run start_flux 1 sh -c '
        id=$(flux submit sleep 1000); flux job wait-event $id start >/dev/null
        rpc() { "$FLUX_BUILD"/tests/rpc "$@"; }
        rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\"flux jobs -no {state} >jobs.out\"]}"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(cat jobs.out)" = RUN ]
}

# signal_start SIGNAL ARGS...: start in the background, wait for the file "ready",
# send SIGNAL, and see how it ends
signal_start() {
    local sig=$1 t0
    shift
    rm -f ready
    timeout -k$((2 * TEST_SLOW)) $((20 * TEST_SLOW)) flux start "$@" >out 2>&1 &
    local pid=$!
    wait_until 10 test -e ready
    t0=$(date +%s%3N)
    kill -$sig $pid
    status=0
    wait $pid || status=$?
    ms=$(($(date +%s%3N) - t0))
    echo "$sig: $ms ms, status $status: $(cat out)"
}

@test "SIGTERM, SIGINT and SIGHUP end an instance that runs a job" {
    nap
    for sig in TERM INT HUP; do
        for size in "" -s3; do
            signal_start $sig $size sh -c 'id=$(flux submit sleep $nap)
                flux job wait-event $id start; touch ready; exec sleep $nap'
            [ "$status" -eq 129 ]
            [ "$ms" -lt $((3000 * TEST_SLOW)) ]
            wait_until 2 no_nap
        done
    done
}

@test "SIGTERM while flux run waits, sent to the whole group as timeout(1) does" {
    nap
    ms_of timeout $((1 + TEST_SLOW)) flux start flux run sleep $nap
    [ "$status" -eq 124 ]
    [ "$ms" -lt $((5000 * TEST_SLOW)) ]
    wait_until 3 no_nap
    ms_of timeout $((1 + TEST_SLOW)) flux start -s3 flux run sleep $nap
    [ "$status" -eq 124 ]
    [ "$ms" -lt $((5000 * TEST_SLOW)) ]
    wait_until 3 no_nap
}

@test "SIGTERM while the instance boots" {
    # rc1 is a program
    signal_start TERM -Sbroker.rc1_path='touch ready; exec sleep 1000' true
    [ "$status" -ne 0 ]
    [ "$ms" -lt $((2000 * TEST_SLOW)) ]
    # a broker is missing: the others wait for it
    signal_start TERM -s2 --test-start-mode=leader --wrap=sh,-c,'touch ready; exec "$0" "$@"' true
    [ "$status" -ne 0 ]
    [ "$ms" -lt $((3000 * TEST_SLOW)) ]
    # quorum
    signal_start TERM -s2 -Sbroker.rc1_path='touch ready; [ $(flux getattr rank) = 0 ] || exec sleep 1000' true
    [ "$status" -ne 0 ]
    [ "$ms" -lt $((3000 * TEST_SLOW)) ]
}

# broken_off RANK COMMAND...: one of four brokers does COMMAND instead of being a broker
broken_off() {
    local rank=$1
    shift
    printf '#!/bin/sh\n[ $PMI_RANK != %s ] || %s\nexec "$@"\n' "$rank" "$*" >wrap
    chmod +x wrap
    ms_of flux start -s4 --wrap=./wrap touch ran
    [ "$ms" -lt $((5000 * TEST_SLOW)) ]
    [ ! -e ran ]
    [[ $output == *"rank $rank ended before the bootstrap was over; the others are ended"* ]]
    [ "$(grep -c . <<<"$output")" -le 2 ]
}

@test "a broker that ends while the instance boots ends the others, with one message" {
    broken_off 2 exit 3
    [ "$status" -eq 3 ]
    [[ $output == *"2 (pid "*") exited with rc=3"* ]]
    broken_off 0 'kill -9 $$'
    [ "$status" -eq 137 ]
    broken_off 3 exit 0
    [ "$status" -eq 1 ]
}

# term_after MS ARGS...: start, SIGTERM after that time.  Not under timeout(1), which may
# end before it has passed the signal on, and leave its child behind
term_after() {
    local ms=$1
    shift
    flux start "$@" >out 2>&1 &
    pid=$!
    command sleep 0.$(printf %03d $ms)
    kill -TERM $pid 2>/dev/null || true
    timeout 20 tail --pid=$pid -s 0.01 -f /dev/null || kill -9 $pid
    status=0
    wait $pid || status=$?
    [ $status -ne 137 ]
}

@test "SIGTERM at any moment of a short life" {
    for ms in 0 2 4 6 8 10 12 14 16 20 24 30; do
        term_after $ms true
    done
    for ms in 0 100 300 600; do
        term_after $ms -s3 true
    done
}

@test "a second SIGTERM forces what the first could not end" {
    flux start sh -c 'trap "" HUP TERM; touch ready; while :; do sleep 0.2; done' >out 2>&1 &
    pid=$!
    wait_until 10 test -e ready
    kill -TERM $pid
    command sleep 0.6
    kill -0 $pid
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 137 ]
    rm ready
    # rc3 that does not end
    flux start -Sbroker.rc3_path='trap "" TERM; touch ready; while :; do sleep 0.2; done' true &
    pid=$!
    wait_until 10 test -e ready
    kill -TERM $pid
    command sleep 0.6
    kill -0 $pid
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ "$status" -ne 0 ]
}

@test "flux shutdown: shows the log until rc3 is over" {
    run start_flux 1 sh -c 'trap "exit 3" HUP; setsid flux shutdown >shown 2>&1 & while :; do sleep 0.05; done'
    echo "$output"
    cat shown
    [ "$status" -eq 3 ]
    grep -q 'broker.info\[0\]: .*run->cleanup' shown
    grep -q 'finalize->goodbye' shown
    mkdir -m 700 run
    start_flux 3 --test-rundir=$PWD/run -Sbroker.rc2_none=1 &
    wait_until 5 test -e run/local-0
    export FLUX_URI=local://$PWD/run/local-0
    wait_until 5 sh -c 'flux uptime | grep -q " run "'
    run flux shutdown --quiet
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
    wait
}

@test "flux shutdown: in the background, of a target, refusals, exit code for systemd" {
    run start_flux 1 sh -c 'flux shutdown --background; sleep 20'
    [ "$status" -eq 129 ]
    run start_flux 1 -Sbroker.exit-norestart=42 sh -c 'flux shutdown --background $FLUX_URI; sleep 20'
    [ "$status" -eq 42 ]
    run start_flux 1 -Sbroker.exit-norestart=no true
    [ "$status" -eq 1 ]
    [[ "$output" == *"broker.exit-norestart"* ]]
    run start_flux 2 sh -c 'flux shutdown --dump=x --gc; flux shutdown a b
        FLUX_URI=$(flux exec -r1 flux getattr local-uri) flux shutdown; true'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"exclude each other"*"unexpected argument"*"rank 0"* ]]
}

@test "flux shutdown leaves a dump once kvs.gc-threshold is reached, unless someone says no" {
    stop() {
        mkdir -m 700 "$1"
        run start_flux 1 -Sstatedir="$PWD/$1" --conf="kvs.gc-threshold=$2" \
            sh -c "flux kvs put a=1; flux shutdown --quiet $3; command sleep 20"
        echo "$output"
    }
    stop due 1 ""
    [ -L due/dump/RESTORE ]
    stop refused 1 -n
    [ ! -e refused/dump ]
    stop early 100000 -y
    [ ! -e early/dump ]
    mkdir -m 700 bad
    run start_flux 1 -Sstatedir="$PWD/bad" --conf='kvs.gc-threshold="x"' flux shutdown
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"kvs.gc-threshold: want an integer"* ]]
}
