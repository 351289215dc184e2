#!/usr/bin/env bats
# An instance whose brokers something else starts: launchers (docs/launchers.md), and
# Flux itself.  Slurm has a file of its own.

bats_require_minimum_version 1.5.0
load common

FAULT=$FLUX_BUILD/tests/pmifault

setup() {
    cd "$BATS_TEST_TMPDIR"
    export HOME=$BATS_TEST_TMPDIR
    unset "${!SLURM_@}" "${!PMI@}" "${!PALS_@}" "${!OMPI_@}" "${!JSM_@}" "${!LSB_@}" "${!PBS_@}"
}

# a broker that failed leaves neither its directory nor a rendezvous, a socket, or a process
teardown() {
    nothing_left || return 1
    [ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'flux-??????' -o -maxdepth 1 -name '.flux-*')" ]
}

# step RANK SIZE COMMAND...: as if Slurm had started it so
step() {
    env SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_PROCID="$1" SLURM_STEP_NUM_TASKS="$2" \
        SLURM_STEP_TASKS_PER_NODE="$2" timeout $((60 * TEST_SLOW)) "${@:3}"
}

PROBE='echo $(flux getattr broker.boot-method) $(flux getattr size) $(flux getattr broker.mapping); flux run -N4 -n4 true && echo ran'

@test "mpiexec.hydra: an instance of its processes" {
    need mpiexec.hydra mpich
    run timeout $((60 * TEST_SLOW)) mpiexec.hydra -n 4 flux start "$PROBE"
    [ "$output" = "$(printf 'simple 4 [[0,1,1,4]]\nran')" ]
    run timeout $((60 * TEST_SLOW)) mpiexec.hydra -n 2 flux start sh -c 'exit 7'
    [ "$status" -eq 7 ]
}

@test "mpiexec.hydra: one rank that is killed ends all" {
    need mpiexec.hydra mpich
    # before it has said a word, and as a member
    run timeout $((60 * TEST_SLOW)) mpiexec.hydra -n 3 \
        sh -c '[ $PMI_RANK -ne 1 ] || kill -KILL $$; exec flux start echo not this'
    [ "$status" -ne 0 ]
    [[ "$output" != *"not this"* ]]
    run timeout $((60 * TEST_SLOW)) mpiexec.hydra -n 3 \
        flux start sh -c 'flux exec -r 1 sh -c "kill -KILL \$(flux getattr broker.pid)"; sleep 1000'
    echo "$output"
    [ "$status" -ne 0 ]
    rm -rf "$BATS_TEST_TMPDIR"/flux-??????    # of brokers that hydra killed
}

# open_mpi N COMMAND...: Open MPI 4.1.4 may hang, all its processes having ended, in
# PMIx_server_finalize, where SIGTERM does not end it
open_mpi() {
    timeout -k 5 $((${LIMIT:-60} * TEST_SLOW)) env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        mpirun.openmpi --oversubscribe -n "$@"
}

@test "mpirun of Open MPI: a rendezvous, where PMIx is not to be had" {
    need mpirun.openmpi openmpi-bin
    export FLUX_PMI_CLIENT_METHODS="simple libpmi rendezvous single"
    run --separate-stderr open_mpi 4 flux start "$PROBE"
    echo "$output" "$stderr"
    [ "$output" = "$(printf 'rendezvous 4 [[0,1,4,1]]\nran')" ]
}

@test "mpirun of Open MPI: PMIx" {
    need mpirun.openmpi openmpi-bin
    [ -f "$FLUX_BUILD/lib/private/pmixclient.so" ] || skip "built without libpmix-dev"
    ! sanitized || skip "libpmix and libev have functions of the same names"
    run --separate-stderr open_mpi 4 flux start "$PROBE"
    echo "$output" "$stderr"
    [ "$output" = "$(printf 'pmix 4 [[0,1,4,1]]\nran')" ]
    run --separate-stderr open_mpi 3 flux pmi exchange --count=2
    [ "$(grep -c 'completed pmi exchange on 3 tasks' <<<"$output")" -eq 2 ]
    run --separate-stderr open_mpi 2 flux pmi get nosuch
    [[ "$stderr" == *"get nosuch: no such key"* ]]
    LIMIT=20 run --separate-stderr open_mpi 3 flux pmi barrier --test-abort=1
    [ "$status" -ne 0 ]
    [[ "$stderr" == *"rank 1 aborts"* ]]
    # one that was started alone is alone
    [ "$(open_mpi 1 flux start flux getattr size)" = 1 ]
}

@test "rendezvous: processes of which a launcher only tells who they are" {
    export FLUX_PMI_CLIENT_METHODS="simple rendezvous single"
    for r in 3 2 1; do
        step $r 4 flux start &
    done
    [ "$(step 0 4 flux start "$PROBE")" = "$(printf 'rendezvous 4 [[0,1,4,1]]\nran')" ]
    wait
    # two at once do not meet
    (SLURM_RESTART_COUNT=1 step 1 2 flux pmi barrier) &
    (SLURM_RESTART_COUNT=1 step 0 2 flux pmi barrier) >first &
    step 1 2 flux pmi exchange &
    step 0 2 flux pmi exchange >second
    wait
    [ "$(cat first)" = "slurm-1.0-1: completed pmi barrier on 2 tasks." ]
    [[ "$(cat second)" == "slurm-1.0-0: completed pmi exchange on 2 tasks in "* ]]
}

@test "rendezvous: what goes wrong is said, by all, and soon" {
    export FLUX_PMI_CLIENT_METHODS=rendezvous FLUX_BOOT_TIMEOUT=500ms
    run step 1 2 flux start true
    [ "$status" -eq 1 ]
    [[ "$output" == *"rank 0 not found within 0.5 seconds"*"No such file"* ]]
    run step 0 3 flux start true
    [ "$status" -eq 1 ]
    [[ "$output" == *"rank 1-2 did not come within"* ]]
    FLUX_BOOT_TIMEOUT=soon run step 0 2 flux start true
    [[ "$output" == *"FLUX_BOOT_TIMEOUT=soon is not a duration"* ]]
    # a file that others could have written or read
    echo '{}' >.flux-slurm-1.0-0
    run step 1 2 flux start true
    [[ "$output" == *"is not a file of this user alone"* ]]
    chmod 600 .flux-slurm-1.0-0
    run step 1 2 flux start true
    [[ "$output" == *"malformed"* ]]
    rm .flux-slurm-1.0-0
    # one that leaves in the middle takes the others along
    export FLUX_BOOT_TIMEOUT=30s
    step 2 3 flux pmi barrier --test-abort=2 2>/dev/null &
    step 1 3 flux start true 2>err1 &
    run step 0 3 flux start true
    wait
    [ "$status" -eq 1 ]
    [[ "$output" == *"rank 2 gave up: flux pmi barrier --test-abort"* ]]
    grep -q "rank 0" err1
}

@test "never one of several alone, whoever the launcher is" {
    refuse() { # WORDS VARIABLE=VALUE...
        run timeout 20 env "${@:2}" flux start echo not this
        echo "$output"
        [ "$status" -eq 1 ] && [[ "$output" == "flux-broker: bootstrap: this is $1"* ]] && [[ "$output" != *"not this"* ]]
    }
    export FLUX_PMI_CLIENT_METHODS="simple single"
    refuse "rank 1 of 2 that Slurm started" SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2
    refuse "rank 0 of 3 that PALS started" PALS_RANKID=0 PALS_APID=a PMI_SIZE=3
    refuse "rank 1 of 2 that LSF started" PMIX_RANK=1 PMIX_NAMESPACE=a JSM_NAMESPACE_RANK=1 JSM_NAMESPACE_SIZE=2
    refuse "rank 1 of 2 that Open MPI started" PMIX_RANK=1 PMIX_NAMESPACE=a OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2
    refuse "rank 0 that PMIx started" PMIX_RANK=0 PMIX_NAMESPACE=a
    refuse "rank 2 that PBS started" PBS_JOBID=1 PBS_TASKNUM=3 PBS_NODENUM=2
    refuse "rank 0 of 2 that a launcher started" PMI_RANK=0 PMI_SIZE=2
    # alone in truth
    for env in "SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1" "PMI_RANK=0 PMI_SIZE=1"; do
        [ "$(env $env flux start flux getattr size 2>&1)" = 1 ]
    done
    # the shell of a batch job
    for job in "PBS_JOBID=1.srv PBS_NUM_NODES=2" "LSB_JOBID=1.srv LSB_MCPU_HOSTS=a_4_b_4"; do
        run --separate-stderr env $job flux start flux getattr size
        [ "$output" = 1 ]
        [[ "$stderr" == "flux-broker: no launcher started this process of "*" job 1.srv"* ]]
        run --separate-stderr env $job flux start --test-size=1 flux getattr size
        [ -z "$stderr" ]
    done
}

@test "a process manager that fails in the middle: one line, soon, and nothing is left" {
    fails() { # WORDS FAULT N
        run timeout 20 "$FAULT" "$2" "$3" flux start echo not this
        echo "$2 $3: $output"
        [ "$status" -eq 1 ] || return
        [ "$(grep -c '^flux-broker: ' <<<"$output")" -eq 1 ] || return
        [ "$(grep -c -v -e '^flux-broker: ' -e '^pmifault: abort' <<<"$output")" -eq 0 ] || return
        [[ "$output" == *"$1"* ]]
    }
    # init, maxes, kvsname; four gets; put, barrier, get
    for n in 0 2 3 7 8 9; do
        fails "the process manager closed the connection" hangup $n
        fails "'Segmentation fault (core dumped)'" garbage $n
        fails "'cmd=??? rc=0'" binary $n
        fails "answer is too long" long $n
        fails "'cmd=appnum rc=0 appnum=0'" other $n
        fails "more than one line" twice $n
    done
    fails "'cmd=barrier_out rc=-1 msg=no'" refuse 8
    fails "rank 1 published no business card" silence 1000
}

@test "flux start: a broker that ends, is killed or sends garbage in the midst of the bootstrap ends all" {
    one() { # RANK COMMANDS WORDS
        SECONDS=0
        run timeout 20 flux start -s3 --wrap=sh,-c,"[ \$PMI_RANK != $1 ] || { $2; }; exec \"\$0\" \"\$@\"" echo not this
        echo "$2: $output"
        [ "$status" -ne 0 ] && [ $SECONDS -lt 5 ] || return
        [ "$(grep -c 'flux-start: ERROR:' <<<"$output")" -eq 1 ] || return
        [[ "$output" == *"flux-start: ERROR: $3"* && "$output" != *"not this"* ]]
    }
    for r in 0 2; do
        one $r 'exit 3' "rank $r ended before the bootstrap was over"
        one $r 'kill -KILL $$' "rank $r ended before the bootstrap was over"
        one $r 'echo garbage >&$PMI_FD' "rank $r breaks the PMI protocol"
        one $r 'head -c 100000 /dev/zero | tr "\0" a >&$PMI_FD' "rank $r breaks the PMI protocol"
    done
}

@test "a signal ends the wait for a process manager that says nothing" {
    for n in 0 5 8; do
        "$FAULT" silence $n flux start echo not this >out 2>&1 &
        wait_until 10 eval 'pgrep -P $! >pid'
        kill -TERM "$(cat pid)"
        status=0
        wait $! || status=$?
        [ "$status" -eq 143 ]
        ! grep -q "not this" out
    done
}

@test "flux pmi: barrier, exchange, get, abort, timeout under flux run" {
    cat >script <<'END'
flux run -n4 flux pmi barrier >out
grep -q ': completed pmi barrier on 4 tasks\.$' out
flux run -n4 flux pmi barrier --test-timing --test-count=3 >out
test $(grep -c ' on 4 tasks in [0-9.]*s\.$' out) = 3
flux run -N2 -n4 flux pmi exchange --count=2 >out
test $(grep -c ': completed pmi exchange on 4 tasks in ' out) = 2
test "$(flux run -n2 flux pmi get flux.instance-level)" = 1
test $(flux run -n2 flux pmi get --ranks=all PMI_process_mapping | wc -l) = 2
test $(flux run -n4 flux pmi get --ranks=1-3 flux.instance-level | wc -l) = 3
flux run flux pmi get nosuch 2>err && exit 1
grep -q '^flux-pmi: ERROR: get nosuch: .*no such key' err
flux run -n2 flux pmi barrier --test-abort=1 2>err && exit 1
grep -q 'rank 1 aborts' err
flux run -n2 -o exit-on-error sh -c 'test $FLUX_TASK_RANK = 0 || exec sleep 1000; exec flux pmi -t 100ms barrier' 2>err && exit 1
grep -q '^flux-pmi: ERROR: barrier: timed out$' err
flux run -n2 flux pmi -v2 barrier 2>err >/dev/null
grep -q 'C: cmd=barrier_in' err
LIB=$(flux run printenv FLUX_PMI_LIBRARY_PATH)
flux run -n2 flux pmi --method=libpmi:$LIB exchange >/dev/null
flux run -n2 flux pmi --method=libpmi2:${LIB%/*}/libpmi2.so exchange >/dev/null
flux run -n2 flux pmi --libpmi2-cray --method=libpmi2:${LIB%/*}/libpmi2.so exchange >/dev/null
flux run flux pmi --libpmi2-cray --method=libpmi2:${LIB%/*}/libpmi2.so get flux.instance-level 2>err && exit 1
flux run -n2 flux pmi --libpmi-noflux --method=libpmi:$LIB barrier 2>err && exit 1
grep -q "the library is Flux's own" err
END
    run start_flux 2 bash -ex script
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "flux pmi: without a launcher, and what it refuses" {
    [ "$(flux pmi barrier)" = "singleton: completed pmi barrier on 1 tasks." ]
    [[ "$(flux pmi exchange)" == "singleton: completed pmi exchange on 1 tasks in "* ]]
    refuses() { run flux pmi "${@:2}"; echo "$output"; [ "$status" -eq 1 ] && [[ "$output" == *"$1"* ]]; }
    refuses "a subcommand is missing"
    refuses "a key is missing" get
    refuses "no such key" get PMI_process_mapping
    refuses "there is no such method" --method=pmi3 barrier
    refuses "pmix: PMIX_RANK is not set" --method=pmix barrier
    refuses "simple: PMI_FD is not set" --method=simple barrier
    refuses "no method works" --method="libpmi:/nonexistent" barrier
    refuses "'x' is neither an idset" get --ranks=x key
    refuses "--count: must be at least 1" exchange --count=0
    refuses "takes no argument" barrier now
    FLUX_PMI_CLIENT_METHODS=nonsense refuses "nonsense: there is no such method" barrier
}

@test "a plugin of FLUX_PMI_CLIENT_SEARCHPATH is a method" {
    mkdir kvs other
    export FLUX_PMI_CLIENT_SEARCHPATH=/nonexistent:$FLUX_BUILD/tests FLUX_PMI_CLIENT_METHODS="files:kvs single"
    # it does not work here: the next one is tried
    [ "$(flux start flux getattr broker.boot-method)" = single ]
    FILES_RANK=0 FILES_SIZE=1 run flux pmi --method=files:nosuch barrier
    [ "$status" -eq 1 ]
    [ "$output" = "flux-pmi: ERROR: bootstrap: files:nosuch: files: nosuch: Invalid argument" ]
    export FILES_SIZE=3
    echo "(vector,(0,1,3))" >kvs/PMI_process_mapping
    for r in 2 1; do
        FILES_RANK=$r timeout 60 flux start &
    done
    FILES_RANK=0 run timeout 60 flux start 'flux getattr broker.boot-method; flux getattr size; flux run -N3 -n3 true && echo ran'
    wait
    [ "$output" = "$(printf 'files\n3\nran')" ]
    for r in 2 1; do
        FILES_RANK=$r timeout 60 flux pmi --method=files:other exchange &
    done
    FILES_RANK=0 run timeout 60 flux pmi --method=files:other exchange
    wait
    [[ "$output" == "files: completed pmi exchange on 3 tasks in "* ]]
    # an object that is none
    export FLUX_PMI_CLIENT_SEARCHPATH=$FLUX_BUILD/tests
    run flux pmi --method=testmod barrier
    [ "$status" -eq 1 ]
    [[ "$output" == *"testmod.so has no flux_pmi_client"* ]]
    run flux pmi --method=../tests/files barrier
    [[ "$output" == *"there is no such method"* ]]
}

# --- Flux itself ---

@test "flux submit -N2 flux start: an instance that is a job" {
    run start_flux 2 bash -c 'flux run -N2 flux start flux getattr size && flux run -N2 -o pmi=simple flux start flux getattr instance-level'
    [ "$output" = "$(printf '2\n1')" ]
}

@test "instances nest to depth 5" {
    cat >nest.sh <<'END'
#!/bin/sh
level=$(flux getattr instance-level)
echo "$level $(flux getattr size) $(flux getattr jobid-path | tr -dc /)"
[ "$level" -eq 5 ] || flux alloc -N2 ./nest.sh
END
    chmod +x nest.sh
    run start_fake 2 8 ./nest.sh
    echo "$output"
    [ "$output" = "$(printf '%s\n' '0 2 /' '1 2 /' '2 2 //' '3 2 ///' '4 2 ////' '5 2 /////')" ]
}

@test "64 instances at once in one" {
    cat >script <<'END'
flux submit --quiet --cc=1-64 -n1 flux start sh -c 'flux getattr instance-level >up.$FLUX_JOB_CC; flux --parent kvs put -N primary up.$FLUX_JOB_CC=1; flux --parent kvs get -N primary --watch --count=1 --waitcreate go >/dev/null; flux run true'
for i in $(seq 64); do flux kvs get --watch --count=1 --waitcreate up.$i >/dev/null; done
test $(flux jobs -no '{id}' --filter=running | wc -l) = 64
flux kvs put go=1
flux queue drain
flux jobs -a -no '{status}' | sort | uniq -c
END
    run start_fake 1 64 bash -e script
    echo "$output"
    [ "$(tr -s ' ' <<<"$output")" = " 64 COMPLETED" ]
}

# big N: boot, a job on every rank, shut down
big() {
    [ -n "${FLUX_TEST_ALL:-}" ] || skip "make check-all runs it"
    ! sanitized || skip "256 instrumented brokers take 5 to 13 GB of memory"
    run timeout $((300 * TEST_SLOW)) flux start --test-size="$1" \
        sh -c 'flux getattr size && flux run --label-io -N$(flux getattr size) printenv FLUX_TASK_RANK | sort -u | wc -l'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf '%s\n%s' "$1" "$1")" ]
}

@test "flux start --test-size=256, a job on every rank" {
    big 256
}

@test "flux start --test-size=1024, a job on every rank" {
    big 1024
}
