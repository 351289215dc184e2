# housekeeping: a command on the ranks of a job after it has ended

load common

bats_require_minimum_version 1.5.0

# hk_conf LINES...: the table; the command notes that it has started, and waits for go.RANK
hk_conf() {
    cat >hk.sh <<'SCRIPT'
cd $(dirname $0)
rank=$(flux getattr rank)
env | grep -E "^FLUX_(JOB|OWNER)_" | sort >env.$rank
echo "$FLUX_JOB_ID" >>started.$rank
until [ -e go.$rank ]; do sleep 0.05; done
exit $(cat go.$rank)
SCRIPT
    {
        echo '[job-manager.housekeeping]'
        echo "command = [\"sh\", \"$PWD/hk.sh\"]"
        printf '%s\n' "$@"
    } >conf.toml
    # until COMMAND: for scripts below
    cat >until.sh <<'SCRIPT'
till() { local n=0; until "$@"; do sleep 0.05; n=$((n + 1)); [ $n -lt 400 ] || return 1; done; }
free_is() { [ "$(flux resource list -s free -no '{ranks}')" = "$1" ]; }
pending_is() { [ "$(flux housekeeping list -no '{pending.ranks}')" = "$1" ]; }
busy_is() { [ "$(flux housekeeping list -no '{ranks}')" = "$1" ]; }
go() { for i in "$@"; do echo 0 >go.$i.new; mv go.$i.new go.$i; done; }
SCRIPT
}

@test "it runs on each rank of a job that has ended, and then gives all back at once" {
    hk_conf
    run --separate-stderr start_flux 3 --config-path=conf.toml bash -c '
        . ./until.sh
        flux run -N2 --requires=rank:0-1 true; id=$(flux job last)
        till [ -e started.0 -a -e started.1 ]
        flux jobs -no "{status}" $id; free_is 2; echo free $?
        flux housekeeping list -no "{id.f58} {nnodes} {ranks} {pending.nnodes} {pending.ranks}"
        flux resource status -s housekeeping,allocated -no "{state} {ranks}"
        flux submit -N3 touch after >/dev/null
        go 0; till pending_is 1; free_is 2; echo free $?; [ -e after ]; echo after $?
        go 1 2; flux queue drain; till busy_is ""; free_is 0-2; echo free $?; ls after started.2
        cat env.1; flux job info $id eventlog | grep -c housekeeping'
    echo "$output"; echo "$stderr"
    [[ "$output" == "COMPLETED
free 0
ƒ"*" 2 0-1 2 0-1
housekeeping 0-1
allocated 0-1
free 0
after 1
free 0
after
started.2
FLUX_JOB_ID=ƒ"*"
FLUX_JOB_RANKS=0-2
FLUX_JOB_USERID=$(id -u)
FLUX_OWNER_USERID=$(id -u)
0" ]]
}

@test "release-after 0 gives back each rank when it is done, with either scheduler" {
    hk_conf 'release-after = "0"'
    for sched in sched-fluxion sched-simple; do
        rm -f go.* started.*
        [ $sched = sched-fluxion ] || printf '[modules]\nalternatives.sched = "sched-simple"\n' >>conf.toml
        run --separate-stderr start_flux 3 --config-path=conf.toml bash -c '
            . ./until.sh; flux module list -l 2>/dev/null | grep -o "sched-simple\|sched-fluxion-qmanager" | head -1
            flux run -N3 true; go 1; till free_is 1; echo released 1
            flux run -N1 flux getattr rank; till busy_is 0,2; echo ok
            flux run --requires=rank:1 true; go 0 1; till free_is 0-1
            pending_is 2; echo $?; go 2; till free_is 0-2; flux housekeeping list -n | wc -l'
        echo "$output"
        [[ "$output" == *"released 1
1
ok
0
0" ]]
    done
}

@test "release-after gives back what is done when the time is over, then rank by rank" {
    hk_conf 'release-after = "0.4s"'
    run --separate-stderr start_flux 3 --config-path=conf.toml bash -c '
        . ./until.sh
        flux run -N3 true; go 0 1; till pending_is 2; free_is ""; echo at once $?
        till free_is 0-1; echo later $?; go 2; till free_is 0-2; echo end $?'
    echo "$output"
    [ "$output" = "at once 0
later 0
end 0" ]
}

@test "flux housekeeping kill ends it by job, rank, host, or all; list can be restricted" {
    hk_conf 'release-after = "0"'
    fake_config 4 2
    cat fake.toml >>conf.toml
    run --separate-stderr timeout 60 flux start --test-size=4 --test-hosts="node[0-3]" --config-path=conf.toml bash -c '
        . ./until.sh; l() { flux housekeeping list "$@" -no "{nodelist}"; }
        flux run -N2 --requires=rank:0-1 true; a=$(flux job last); flux run -N2 true; b=$(flux job last)
        l; l -i node[1-2]; l -i 3; l --include=node9
        flux housekeeping kill -t node1; till busy_is "0
2-3"; echo host $?
        flux housekeeping kill -t 2-3 -j $a; flux housekeeping kill --jobid=$b -s KILL; till busy_is 0
        echo job $?; flux housekeeping kill -j $b; flux housekeeping kill -t node7; flux housekeeping kill
        flux housekeeping kill --all -j $a; flux housekeeping kill --all -s 99
        flux housekeeping kill --all; till busy_is ""; echo all $?
        flux dmesg | grep -o "node[0-3] (rank [0-3]) ƒ[^ ]* killed by signal.*" | sed "s/ƒ[^ ]*/ID/" | sort
        flux resource drain -n | wc -l; FLUX_HANDLE_ROLEMASK=2 FLUX_HANDLE_USERID=9999 flux housekeeping kill --all'
    echo "$output"; echo "$stderr"
    [ "$output" = "node[0-1]
node[2-3]
node1
node2
node3
host 0
job 0
all 0
node0 (rank 0) ID killed by signal 15 (Terminated)
node1 (rank 1) ID killed by signal 15 (Terminated)
node2 (rank 2) ID killed by signal 9 (Killed)
node3 (rank 3) ID killed by signal 9 (Killed)
0" ]
    grep -q "ERROR: kill: ƒ.* is not in housekeeping" <<<"$stderr"
    grep -q "ERROR: --targets=node7: there is no such rank or host" <<<"$stderr"
    grep -q "ERROR: say which: --jobid, --targets, or --all" <<<"$stderr"
    grep -q "ERROR: --all is not to be used together with --jobid or --targets" <<<"$stderr"
    grep -q "ERROR: --signal=99" <<<"$stderr"
    grep -q "housekeeping-kill requires the instance owner" <<<"$stderr"
}

@test "one that fails, or cannot be run, is logged with its host and rank" {
    hk_conf
    run --separate-stderr start_flux 2 --config-path=conf.toml bash -c '
        . ./until.sh; echo 3 >go.0; echo 0 >go.1
        flux run -N2 true; till busy_is ""; flux dmesg | grep -o "(rank.*exit code=.*"'
    echo "$output"; echo "$stderr"
    [[ "$output" == "(rank 0) ƒ"*": exited with exit code=3" ]]
    sed -i 's/command = .*/command = ["\/nosuch"]/' conf.toml
    run --separate-stderr start_flux 1 --config-path=conf.toml bash -c '
        . ./until.sh; flux run true; till busy_is ""; flux dmesg | grep -o "(rank.*cannot.*"'
    echo "$output"
    [[ "$output" == "(rank 0) ƒ"*": cannot be run: "*"No such file"* ]]
}

@test "it is run again when the job manager is loaded again, and nothing is given away meanwhile" {
    hk_conf 'release-after = "0"'
    run --separate-stderr start_flux 2 --config-path=conf.toml bash -c '
        . ./until.sh; twice() { [ "$(wc -l <started.1)" = 2 ]; }
        flux run -N2 true; go 0; till free_is 0; till [ -e started.1 ]
        flux module reload sched-fluxion-qmanager; till free_is 0; busy_is 1; echo scheduler $?
        flux module reload job-manager; till twice; till free_is 0; busy_is 1; echo manager $?
        flux job purge -f --num-limit=0 | tail -1; flux job purge -f $(flux job last)
        go 1; till free_is 0-1; echo end $?; wc -l <started.0'
    echo "$output"
    [[ "$output" == "scheduler 0
manager 0
purged 0 inactive jobs
end 0
1" ]]
    [[ "$stderr" == *"ERROR: cannot purge a job in housekeeping"* ]]
}

@test "ranks that are done while there is no scheduler are given to the next one" {
    hk_conf 'release-after = "0"'
    run --separate-stderr start_flux 2 --config-path=conf.toml bash -c '
        . ./until.sh; twice() { [ "$(cat started.? | wc -l)" = 4 ]; }
        flux run -N2 true; till [ -e started.0 -a -e started.1 ]
        flux module remove sched-fluxion-qmanager
        flux module reload job-manager; till twice
        go 0; till pending_is 1; echo done $?
        flux module load sched-fluxion-qmanager; till free_is 0; echo free $?; busy_is 1; echo busy $?
        go 1; till free_is 0-1; echo end $?'
    echo "$output"
    [ "$output" = "done 0
free 0
busy 0
end 0" ]
}

@test "it is run again after the instance was killed, on a rank as soon as that is online" {
    mkdir -m 700 state
    hk_conf 'release-after = "0"'
    run --separate-stderr start_flux 2 -Sstatedir=$PWD/state --config-path=conf.toml bash -c '
        . ./until.sh
        flux run -N2 true; go 0; till free_is 0; till [ -e started.1 ]; kill -9 $PPID; while kill -0 $PPID; do :; done'
    run --separate-stderr start_flux 2 -Sstatedir=$PWD/state --config-path=conf.toml bash -c '
        . ./until.sh; twice() { [ "$(wc -l <started.1)" = 2 ]; }
        till twice; busy_is 1; echo $?; free_is 0; echo $?; go 1; till busy_is ""; free_is 0-1; echo $?
        wc -l <started.0; flux kvs ls checkpoint.job-manager.housekeeping | wc -w'
    echo "$output"
    [ "$output" = "0
0
0
1
0" ]
}

@test "its configuration can be changed, and a wrong one is refused with its key" {
    hk_conf
    run --separate-stderr start_flux 1 --config-path=conf.toml bash -c '
        . ./until.sh
        flux run true; till pending_is 0; flux config load </dev/null; pending_is 0; echo still $?
        go 0; till busy_is ""; flux run true; flux housekeeping list -n | wc -l
        for t in "command = 1" "command = []" "command = [1]" "command = [\"a\"]
release-after = \"soon\"" "command = [\"a\"]
nosuch = 1" "release-after = \"1s\""; do
            printf "[job-manager.housekeeping]\n%s\n" "$t" | flux config load 2>&1 | grep -o job-manager.housekeeping | head -1
        done
        printf "[exec]\nimp = \"/bin/echo\"\n[job-manager.housekeeping]\nuse-systemd-unit = true\n" | flux config load
        flux run true; till busy_is ""; flux dmesg | grep -o "stdout: run housekeeping\|unit is deprecated"'
    echo "$output"
    [ "$output" = "still 0
0
job-manager.housekeeping
job-manager.housekeeping
job-manager.housekeeping
job-manager.housekeeping
job-manager.housekeeping
job-manager.housekeeping
unit is deprecated
stdout: run housekeeping" ]
}
