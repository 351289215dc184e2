# The broker: boot at several sizes, exit codes, loss of a broker, no traces left

load common

teardown() {
    # whatever an instance made in TMPDIR is gone when it is
    run ls -d "$TMPDIR"/flux-*
    [ "$status" -ne 0 ] || { echo "left behind: $output"; false; }
}

@test "an instance of one runs its initial program and returns its exit code" {
    run start_flux 1 flux getattr size
    [ "$status" -eq 0 ]
    [ "$output" = 1 ]
    run start_flux 1 false
    [ "$status" -eq 1 ]
    run start_flux 1 sh -c 'exit 42'
    [ "$status" -eq 42 ]
    run start_flux 1 sh -c 'kill -9 $$'
    [ "$status" -eq 137 ]
    run start_flux 1 /nonexistent/program
    [ "$status" -eq 127 ]
}

@test "the initial program: a shell line, a script without #!, one found here" {
    run start_flux 1 'echo one; exit 7'
    [ "$status" -eq 7 ]
    [ "$output" = one ]
    printf 'echo script $1\n' >script
    chmod +x script
    run start_flux 1 ./script x
    [ "$output" = "script x" ]
    run start_flux 1 script y
    [ "$output" = "script y" ]
    run start_flux 1 echo 'a  b' 'c;d'
    [ "$output" = "a  b c;d" ]
}

@test "the initial program does not inherit the enclosing job's variables" {
    FLUX_JOB_ID=f1 SLURM_JOB_ID=2 PMIX_X=3 FLUX_KVS_NAMESPACE=ns \
        run start_flux 1 env
    [ "$status" -eq 0 ]
    [[ "$output" != *FLUX_JOB_ID* ]]
    [[ "$output" != *SLURM_* ]]
    [[ "$output" != *PMIX_X* ]]
    [[ "$output" != *FLUX_KVS_NAMESPACE* ]]
    [[ "$output" == *"FLUX_URI=local://"* ]]
}

@test "sizes 4 and 16 boot; every rank answers; the tree is full" {
    run start_flux 4 sh -c 'flux getattr size; for r in 0 1 2 3; do
        flux ping --rank=$r --count=1 broker >/dev/null || exit 1; done'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 4 ]
    run start_flux 16 -Stbon.topo=kary:2 sh -c 'flux getattr tbon.maxlevel &&
        flux ping --rank=15 --count=1 broker >/dev/null'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 4 ]
}

@test "topologies: binomial, mincrit, flat" {
    for topo in binomial mincrit:2 kary:0; do
        run start_flux 8 -Stbon.topo=$topo flux ping --rank=7 --count=1 broker
        echo "$topo: $output"
        [ "$status" -eq 0 ]
    done
    run start_flux 8 -Stbon.topo=nonsense true
    [ "$status" -ne 0 ]
}

@test "tcp between brokers of one host" {
    run start_flux 3 -Stbon.prefertcp=1 -Stbon.interface-hint=127.0.0.0/8 \
        sh -c 'flux getattr tbon.endpoint; flux ping --rank=2 --count=1 broker'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == tcp://127.0.0.1:* ]]
}

@test "a follower killed by force: EHOSTUNREACH to what waits for it" {
    run start_flux 4 --test-exit-mode=leader --test-exit-timeout=10s sh -c '
        flux ping --rank=3 --count=1000 --interval=0.05 broker >ping.out 2>&1 &
        while ! grep -q seq=1 ping.out; do command sleep 0.01; done
        pid=$(pgrep -P $(ps -o ppid= -p $PPID) -f "flux-broker" | sed -n 4p)
        kill -9 $pid
        wait
        cat ping.out | tail -1
        flux ping --rank=3 --count=1 broker 2>&1
        flux ping --rank=2 --count=1 broker'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"No route to host"* ]]
    [[ "$output" == *"broker.ping"*"seq=0"* ]]
}

@test "rc1 and rc3 may be programs, or nothing" {
    run start_flux 1 -Sbroker.rc1_path= -Sbroker.rc3_path= flux module list
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" != *heartbeat* ]]
    run start_flux 1 -Sbroker.rc1_path='flux module load heartbeat' \
        -Sbroker.rc3_path='echo bye >rc3.out' flux module list
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *heartbeat* ]]
    [ "$(cat rc3.out)" = bye ]
    run start_flux 1 -Sbroker.rc1_path=false true
    [ "$status" -eq 1 ]
}

@test "attributes: unknown, informational, and badly valued ones are refused" {
    run start_flux 1 -Sbroker.quorm=1 true
    [ "$status" -ne 0 ]
    [[ "$output" == *"broker.quorm"* ]]
    run start_flux 1 -Srank=3 true
    [ "$status" -ne 0 ]
    run start_flux 1 -Sbroker.quorum=7 true
    [ "$status" -ne 0 ]
    run start_flux 1 -Slog-level=loud true
    [ "$status" -ne 0 ]
}

@test "a terminating signal shuts the instance down" {
    run start_flux 1 sh -c 'kill -TERM $PPID; command sleep 30'
    echo "$output"
    [ "$status" -eq 129 ]
}

@test "statedir stays if it was there, rundir may be given" {
    mkdir -m 700 state run
    run start_flux 1 -Sstatedir=$PWD/state -Srundir=$PWD/run flux getattr rundir
    [ "$status" -eq 0 ]
    [ "$output" = "$PWD/run" ]
    [ -d state ]
    [ -d run ]
    [ -z "$(ls run)" ]
}
