#!/usr/bin/env bats
# An instance in the jobs of a real Slurm, which the test installs nothing for and
# starts by itself: two nodes, both of them this machine.

bats_require_minimum_version 1.5.0
load common
load slurm

setup_file() {
    local tool
    for tool in munged:munge slurmctld:slurmctld slurmd:slurmd srun:slurm-client; do
        need "${tool%:*}" "${tool#*:}" || return 1
    done
    # munged wants a path that all can go through
    SLURM_DIR=$(mktemp -d /tmp/flux-slurm-XXXXXX)
    export SLURM_DIR
    slurm_start "$SLURM_DIR"
}

teardown_file() {
    [ -n "${SLURM_DIR:-}" ] || return 0
    slurm_stop "$SLURM_DIR"
    rm -rf "$SLURM_DIR"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    export HOME=$BATS_TEST_TMPDIR
}

# what a test leaves: jobs, directories of brokers, files of a rendezvous
teardown() {
    scancel -Q --user="$(id -un)"
    wait_until 20 slurm_is_idle
    [ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'flux-??????' -o -maxdepth 1 -name '.flux-*')" ]
}

# in_step ARGS...: srun over both nodes
in_step() {
    timeout $((60 * TEST_SLOW)) srun -N2 -n2 --mpi=none "$@"
}

@test "sbatch: a script with srun flux start over two nodes runs three batch jobs" {
    cat >sbatch.sh <<'END'
#!/bin/sh
#SBATCH -N 2
srun -N ${SLURM_NNODES} -n ${SLURM_NNODES} --mpi=none --mpibind=off flux start flux_batch.sh
END
    [ -n "$SLURM_MPIBIND" ] || sed -i 's/ --mpibind=off//' sbatch.sh
    cat >flux_batch.sh <<'END'
#!/bin/sh
flux batch -N1 -n1 --output=1.out ./job.sh
flux batch -N1 -n1 --output=2.out ./job.sh
flux batch -N2 -n2 --output=3.out ./job.sh
flux queue drain
flux jobs -a --no-header --format='{status} {nnodes}' | sort
END
    cat >job.sh <<'END'
#!/bin/sh
flux run -N$(flux getattr size) echo done
END
    chmod +x flux_batch.sh job.sh
    sbatch --parsable -o out sbatch.sh >id
    # sbatch -W looks every ten seconds
    wait_until 60 eval '[ -z "$(squeue -h -j $(cat id))" ]'
    cat out
    [ "$(tail -n 3 out)" = "$(printf 'COMPLETED 1\nCOMPLETED 1\nCOMPLETED 2')" ]
    [ "$(cat 1.out)" = "done" ]
    [ "$(cat 3.out)" = "$(printf 'done\ndone')" ]
    ! grep -q -i -e error -e warning out
}

@test "salloc, then srun --pty flux start -o,--config-path=./: a shell at the terminal" {
    printf '[job-manager]\ninactive-num-limit = 77\n' >x.toml
    cat >steps <<'END'
send PS1=; echo size=$(flux getattr size) limit=$(flux config get job-manager.inactive-num-limit)\r
expect size=2 limit=77
send test -t 0 && exit 3\r
END
    run timeout $((60 * TEST_SLOW)) "$FLUX_BUILD/tests/ptytest" \
        env SHELL=/bin/sh salloc -Q -N2 srun --pty --mpi=none flux start -o,--config-path=./ <steps
    echo "$output"
    [ "$status" -eq 3 ]
}

@test "each method: srun --mpi=pmi2, --mpi=none with Slurm's library, and with none" {
    [ "$(timeout 30 srun -N2 -n2 --mpi=pmi2 flux start flux getattr broker.boot-method)" = simple ]
    [ "$(in_step flux start flux getattr broker.boot-method)" = libpmi ]
    cat >probe.sh <<'END'
#!/bin/sh
echo $(flux getattr broker.boot-method) $(flux getattr size) $(flux getattr broker.mapping)
flux run -N2 true && echo ran
END
    chmod +x probe.sh
    export FLUX_PMI_CLIENT_METHODS="simple rendezvous single"
    [ "$(in_step flux start probe.sh)" = "$(printf 'rendezvous 2 [[0,2,1,1]]\nran')" ]
    # two on a node: they talk by a socket in the file system
    export FLUX_PMI_CLIENT_METHODS="rendezvous:$BATS_TEST_TMPDIR"
    [ "$(timeout 30 srun -N1 -n2 flux start flux getattr tbon.endpoint | cut -c1-4)" = "ipc:" ]
}

@test "libpmi2 says 0 of 1 under --mpi=none, and is not believed" {
    run in_step flux pmi -v --method="simple libpmi2 libpmi" exchange
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"open libpmi2: says rank 0 of 1, where Slurm says rank 1 of 2"* ]]
    [[ "$output" == *"completed pmi exchange on 2 tasks"* ]]
}

@test "no method works: an error that names each, and why, never an instance of one" {
    FLUX_PMI_CLIENT_METHODS="simple libpmi:/nonexistent rendezvous:/nonexistent single" \
        FLUX_BOOT_TIMEOUT=1s run in_step -l flux start sh -c 'echo not this'
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" != *"not this"* ]]
    for rank in 0 1; do
        grep "^$rank: flux-broker: bootstrap: this is rank $rank of 2 that Slurm started" <<<"$output" >line
        grep -q 'simple: PMI_FD is not set' line
        grep -q 'libpmi:/nonexistent: /nonexistent: cannot open' line
        grep -q 'rendezvous:/nonexistent: .*No such file' line
        grep -q 'single: this is one of 2 processes' line
        grep -q 'Debian: libpmi0' line
    done
}

@test "a library that ends the process: it is said who did, and nothing is left" {
    echo garbage >bad.conf
    run timeout 60 srun -N1 -n2 env SLURM_CONF="$PWD/bad.conf" flux start echo not this
    echo "$output"
    [ "$status" -ne 0 ]
    [ "$(grep -c '^flux-broker: a PMI library ended this process' <<<"$output")" -eq 2 ]
    [[ "$output" != *"not this"* ]]
}

@test "a shell of sbatch or salloc, where there is no step: one node, and one line about it" {
    run --separate-stderr timeout 30 salloc -Q -N2 flux start flux getattr size
    [ "$status" -eq 0 ]
    [ "$output" = 1 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    [[ "$stderr" == "flux-broker: this is no step of Slurm job "*", which has 2 nodes"*"srun -N2 -n2"* ]]
    # it was said that it is meant
    for how in "--test-size=1" "-Sbroker.boot-method=single"; do
        run --separate-stderr timeout 30 salloc -Q -N2 flux start $how flux getattr size
        [ "$output" = 1 ]
        [ -z "$stderr" ]
    done
    FLUX_PMI_CLIENT_METHODS=single run --separate-stderr in_step flux start flux getattr size
    echo "$output" "$stderr"
    [ "$output" = "$(printf '1\n1')" ]
    # srun may say that it had to wait for the nodes
    [ -z "$(grep -v '^srun: ' <<<"$stderr")" ]
}

# there is no event for the clock of a job
@test "the time limit is that of the Slurm job, and follows it" {
    cat >limit.sh <<'END'
#!/bin/bash
left() { flux resource list -no '{rlist}' >/dev/null; flux run flux job timeleft; }
within() { [ "$1" -gt "$2" ] && [ "$1" -le "$3" ]; }
until within "$(flux job timeleft)" 500 600; do sleep 0.05; done
within "$(left)" 500 600 || exit 1
scontrol update jobid="$(flux getattr slurm.jobid)" timelimit=20
flux resource eventlog -f json --wait=resource-update >/dev/null
until within "$(flux job timeleft)" 1000 1200; do sleep 0.05; done
within "$(left)" 1000 1200 || exit 1
END
    chmod +x limit.sh
    SLURM=$SLURM_CONF
    timeout $((60 * TEST_SLOW)) srun -t 10 -N2 -n2 flux start -Sslurm.poll-interval=100ms \
        env SLURM_CONF="$SLURM" ./limit.sh
    # no limit, nothing that expires
    in_step flux start sh -c 'flux kvs get resource.R' | grep '"expiration":0'
}

@test "a rank that is killed in the middle of the bootstrap ends the step" {
    cat >kill.sh <<'END'
#!/bin/sh
[ "$SLURM_PROCID" = 1 ] || exec flux start sh -c 'echo not this'
exec sh -c 'kill -KILL $$'
END
    chmod +x kill.sh
    FLUX_PMI_CLIENT_METHODS=rendezvous FLUX_BOOT_TIMEOUT=2s run in_step ./kill.sh
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"rank 1 did not come within 2 seconds"* ]]
    [[ "$output" != *"not this"* ]]
    for mpi in none pmi2; do
        FLUX_BOOT_TIMEOUT=2s run timeout $((60 * TEST_SLOW)) srun -N2 -n2 --mpi=$mpi ./kill.sh
        echo "$output"
        [ "$status" -ne 0 ]
        [[ "$output" == *"not all of 2 processes came within 2 seconds"* ]]
        [[ "$output" != *"not this"* ]]
    done
}

@test "scancel ends the instance, and nothing of it is left" {
    cat >wait.sh <<'END'
#!/bin/sh
flux submit -N2 sleep 1000 >/dev/null
flux getattr broker.pid >pid
flux exec -r 1 flux getattr broker.pid >pid1
echo >ready
sleep 1000
END
    chmod +x wait.sh
    sbatch --parsable -N2 -o out --wrap='srun -n2 --mpi=none flux start ./wait.sh' >id
    wait_until 30 test -f ready
    kill -0 "$(cat pid)" "$(cat pid1)"
    scancel "$(cat id)"
    wait_until 20 eval '! kill -0 $(cat pid) 2>/dev/null'
    wait_until 20 eval '! kill -0 $(cat pid1) 2>/dev/null'
}
