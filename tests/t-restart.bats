# what survives a restart, and what kill -9 leaves behind

load common
load crash

# keep ARGS...: an instance of one broker with 8 cores and a state directory
keep() {
    mkdir -p state
    cat >keep.toml <<CONF
[resource]
noverify = true
[[resource.config]]
hosts = "node0"
cores = "0-7"
CONF
    timeout 60 flux start --test-size=1 --test-hosts=node0 -c keep.toml \
        -Sstatedir="$PWD/state" "$@"
}

# shell_of ID: pid of the job's shell; for scripts too
shell_of() {
    pgrep -P "$(flux getattr broker.pid)" -f "flux-shell f${1#ƒ}\$"
}
export -f shell_of

# no process of this test is left; ARGS are words of command lines
nothing_left() {
    ! pgrep -f "$1"
}

@test "an orderly restart keeps jobs, their output, the KVS and drained nodes" {
    run keep sh -c '
        flux submit --wait hostname
        flux submit --wait false
        flux submit --urgency=hold touch ran.held
        flux submit --dependency=begin-time:$(($(date +%s) + 3600)) touch ran.later
        flux queue disable -m "not now" >/dev/null
        flux kvs put a.b=c; flux kvs namespace create mine; flux kvs put -N mine d=e
        flux resource drain 0 broken fan
        flux jobs -a -c 0 -n -o "{id.f58} {name} {status}" | sort >before
        flux job last >last
        for j in $(flux jobs -an -o "{id.f58}" -f inactive); do flux job eventlog $j; done >logs'
    echo "$output"
    [ "$(wc -l <before)" -eq 4 ]
    run keep sh -c '
        flux jobs -a -c 0 -n -o "{id.f58} {name} {status}" | sort >after; diff before after
        for j in $(flux jobs -an -o "{id.f58}" -f inactive); do flux job eventlog $j; done >logs2
        diff logs logs2
        for j in $(flux jobs -an -o "{id.f58}" -f completed); do flux job attach $j; done
        flux kvs get a.b; flux kvs get -N mine d
        flux resource drain -n -o "{ranks} {reason}"
        flux submit true; flux queue enable >/dev/null
        flux resource undrain 0
        flux job urgency $(flux jobs -no "{id.f58}" --name=touch -f sched) 16
        new=$(flux submit --wait true)
        test $(flux job id --to=dec $new) -gt $(flux job id --to=dec $(cat last)) && echo ids go on
        flux job wait-event -t 10 $(flux jobs -ano "{id.f58}" --name=touch | tail -n1) clean >/dev/null
        flux job wait-event -t 10 $(sed -n "/touch SCHED/s/ .*//p" before) clean >/dev/null
        flux job eventlog $(sed -n "/touch SCHED/s/ .*//p" before) | grep -o flux-restart
        test -e ran.held && echo the held job ran; flux cancel --all'
    echo "$output"
    [[ "$output" != *"<"* && "$output" != *">"* ]]
    [[ "$output" == *"$(hostname)"* ]]
    [[ "$output" == *"c
e
0 broken fan"* ]]
    [[ "$output" == *"not now"* ]]
    [[ "$output" == *"ids go on"* ]]
    [[ "$output" == *"flux-restart"* ]]
    [[ "$output" == *"the held job ran"* ]]
    [ ! -e ran.later ]
}

@test "a job that ran when its broker was killed ends, with all of its processes" {
    run keep sh -c '
        flux submit sh -c "trap : TERM; setsid sleep 77$$ & sleep 78$$" >id
        flux job wait-event -t 10 $(cat id) start; echo "7[78]$$" >mark
        until pgrep -f "^sleep 77$$" >/dev/null; do :; done
        kill -9 $(flux getattr broker.pid)'
    [ "$status" -eq 137 ]
    run keep sh -c '
        flux job wait-event -t 20 $(cat id) clean >/dev/null
        flux job eventlog $(cat id); flux jobs -no "{status}" $(cat id)
        flux job eventlog -p guest.exec.eventlog $(cat id)
        flux run echo goes on'
    echo "$output"
    [[ "$output" == *'exception severity=0 type="exec" note="lost with its broker'* ]]
    [[ "$output" == *"finish status=9"* && "$output" == *FAILED* ]]
    [[ "$output" == *"complete status=9"* ]]
    [[ "$output" == *"goes on" ]]
    nothing_left "sleep $(cat mark)"
    ! ls -d "$TMPDIR"/jobtmp-* 2>/dev/null
}

@test "what a shell cannot end any more is killed before its resources are free" {
    cat >stubborn <<'SH'
#!/bin/bash
trap '' TERM HUP
while :; do sleep 0.1; done
SH
    chmod +x stubborn
    # a stopped process whose parent goes gets SIGHUP, which ends the shell alone
    run keep bash -c '
        flux submit -n1 -c8 ./stubborn $$ >id; echo "[s]tubborn $$" >mark
        flux job wait-event -W -t 10 -p exec $(cat id) shell.start
        kill -STOP $(shell_of $(cat id))
        kill -9 $(flux getattr broker.pid)'
    command sleep 1.2
    pgrep -f "$(cat mark)"
    run keep bash -c 'flux run -c8 sh -c "pgrep -f \"$(cat mark)\" >/dev/null || echo alone"
        flux job eventlog $(cat id)'
    echo "$output"
    [[ "$output" == *alone* ]]
    [[ "$output" == *"after its restart: "[12]")"* ]]
}

@test "a killed shell: its tasks are killed, the job says why, the node goes on" {
    run keep bash -c '
        id=$(flux submit -c8 sh -c "setsid sleep 81$$ & sleep 82$$"); echo "8[12]$$" >mark
        flux job wait-event -W -t 10 -p exec $id shell.start >/dev/null
        until pgrep -f "^sleep 81$$" >/dev/null; do :; done
        kill -9 $(shell_of $id)
        flux job wait-event -t 10 $id clean >/dev/null
        pgrep -f "^sleep 8[12]$$"
        flux job eventlog $id; flux run -c8 echo goes on'
    echo "$output"
    [[ "$output" == *'exception severity=0 type="exec" note="shell rank 0 (on node0): Killed"'* ]]
    [[ "$output" == *"goes on" ]]
    nothing_left "^sleep $(cat mark)"
}

@test "a killed follower: its jobs say why, its tasks end, the others go on" {
    run start_fake 4 4 sh -c '
        one=$(flux submit --requires=rank:3 sleep 83$$); all=$(flux submit -N4 -n4 sleep 84$$)
        echo "8[34]$$" >mark
        flux job wait-event -W -t 10 -p exec $one shell.start >/dev/null
        flux job wait-event -W -t 10 -p exec $all shell.start >/dev/null
        kill -9 $(flux exec -r 3 flux getattr broker.pid)
        flux job wait-event -t 20 $one clean >/dev/null
        flux job wait-event -t 20 $all clean >/dev/null
        flux job eventlog $one | grep exception; flux job eventlog $all | grep exception
        flux resource list -no "{state} {ranks}" -s down
        flux run -N3 flux getattr rank | sort'
    echo "$output"
    [[ "$output" == *'type="lost-shell" note="lost contact with job shell on node3 (rank 3)"'* ]]
    [ "$(grep -c 'exception .*severity=0' <<<"$output")" -ge 2 ]
    [[ "$output" == *"down 3"* ]]
    [[ "$output" == *"0
1
2"* ]]
    wait_until 5 nothing_left "^sleep $(cat mark)"
}

@test "the killed broker of a batch job: the job fails, its inner tasks end" {
    cat >batch <<'SH'
#!/bin/sh
flux getattr broker.pid >inner.pid
flux run sleep 85$MARK
SH
    export MARK=$$
    run keep sh -c '
        id=$(flux batch -n2 --output=none ./batch)
        until pgrep -f "^sleep 85$MARK" >/dev/null; do sleep .02; done
        kill -9 $(cat inner.pid)
        flux job wait-event -t 20 $id clean >/dev/null
        flux job eventlog $id; flux jobs -no "{status} {returncode}" $id; flux run -c8 echo goes on'
    echo "$output"
    [[ "$output" == *"FAILED 137"* ]]
    [[ "$output" == *"goes on"* ]]
    wait_until 5 nothing_left "^sleep 85$MARK"
}

# again N ARGS...: an instance of N brokers with 8 cores each, whose brokers are found at
# the same place after a restart; CONF: more lines of its configuration
again() {
    local n=$1
    shift
    mkdir -p state run
    fake_config "$n" 8
    printf '%s\n' "${CONF:-}" >>fake.toml
    timeout $((60 * TEST_SLOW)) flux start --test-size="$n" --test-hosts="node[0-$((n - 1))]" \
        --test-rundir="$PWD/run" -c fake.toml -Sstatedir="$PWD/state" "$@"
}

# a task that says once that it runs, counts, and goes on when the file 'go' is there
cat_counter() {
    cat <<'SH'
#!/bin/sh
# counter [EXIT]
echo $FLUX_TASK_RANK >>ran
echo $FLUX_TASK_RANK one
until [ -e go ]; do sleep .02; done
echo $FLUX_TASK_RANK two
sleep .1
echo $FLUX_TASK_RANK three
exit ${1:-0}
SH
}

# counts [N]: N tasks (1) have run once and written all, each in order
counts() {
    local i
    [ "$(wc -l <ran)" -eq "${1:-1}" ] && [ -z "$(sort ran | uniq -d)" ] || return
    for ((i = 0; i < ${1:-1}; i++)); do
        [ "$(grep "^$i " out | xargs)" = "$i one $i two $i three" ] || return
    done
}

@test "a job whose broker is killed and comes back goes on: output, exit code, resources" {
    cat_counter >counter; chmod +x counter
    run again 1 sh -c '
        flux submit -c6 ./counter 3 >id
        flux job wait-event -q -W -t 10 -p exec $(cat id) shell.start
        until [ -s ran ]; do sleep .01; done
        kill -9 $(flux getattr broker.pid)'
    [ "$status" -eq 137 ]
    run again 1 sh -c '
        flux job wait-event -q -W -t 20 -p exec $(cat id) reattach
        flux resource list -s allocated -no "{ncores} allocated"
        flux submit -c6 echo another >id2; flux jobs -no "{name} {status}"; touch go
        flux job attach $(cat id) >out 2>err; echo exit $?; flux job attach $(cat id2)
        flux job eventlog $(cat id); flux job eventlog -p exec $(cat id)'
    echo "$output"; cat out err
    counts
    ! grep -v "exit code 3" err
    [[ "$output" == *"6 allocated
echo SCHED
counter RUN
exit 3
another"* ]]
    [[ "$output" == *"finish status=768"* && "$output" != *exception* ]]
    [ "$(grep -cE ' (recoverable|reattach|shell.start|shell-exit|complete|done)( |$)' <<<"$output")" -eq 6 ]
}

@test "job shells of several nodes are taken over, those that are dead are named" {
    cat_counter >counter; chmod +x counter
    run again 4 -Stbon.topo=kary:2 sh -c '
        flux submit -n4 -c5 ./counter >id; flux submit -n2 -c3 --requires=rank:1,3 sleep 91$$ >id2
        for i in $(cat id id2); do flux job wait-event -q -W -t 10 -p exec $i recoverable; done
        until [ "$(wc -l <ran)" -eq 4 ]; do sleep .01; done
        echo "91$$" >mark
        pgrep -P $(flux exec -r3 flux getattr broker.pid) \
            -f "flux-shell $(flux job id --to=f58plain $(cat id2))" >shell
        kill -9 $(flux getattr broker.pid)'
    kill -9 $(<shell)
    run again 4 -Stbon.topo=kary:2 sh -c '
        flux job wait-event -q -t 30 $(cat id2) clean; flux job eventlog $(cat id2)
        flux job wait-event -q -W -t 20 -p exec $(cat id) reattach; touch go
        flux job attach $(cat id) >out; echo exit $?; flux jobs -ano "{status}" $(cat id)'
    echo "$output"; cat out
    counts 4
    [[ "$output" == *'type="lost-shell" note="lost job shell on node3 (rank 3): lost with its broker: it was not there'* ]]
    [[ "$output" == *"exit 0
COMPLETED" ]]
    nothing_left "^sleep $(cat mark)"
}

@test "jobs that are canceled, or whose time is up, end after they were taken over" {
    run again 1 sh -c '
        flux submit -t1.5s sleep 92$$ >timed; flux submit sleep 93$$ >id; echo "9[23]$$" >mark
        flux submit sh -c "trap \"\" TERM; while :; do sleep 94$$; done" >stubborn
        for i in $(cat timed id stubborn); do flux job wait-event -q -W -t 10 -p exec $i shell.start; done
        flux cancel $(cat stubborn)
        kill -9 $(flux getattr broker.pid)'
    CONF='[exec]
kill-timeout = "0.5s"' run again 1 sh -c '
        flux cancel $(cat id)
        for i in $(cat timed id stubborn); do
            flux job wait-event -q -t 20 $i clean; flux job eventlog $i | grep -E "exception|finish"
        done'
    echo "$output"
    [ "$(grep -c exception <<<"$output")" -eq 3 ]
    [[ "${lines[0]}" == *'type="timeout"'* && "${lines[1]}" == *"finish status=36352"* ]]
    [[ "${lines[2]}" == *'type="cancel"'* && "${lines[3]}" == *"finish status=36608"* ]]
    [[ "${lines[4]}" == *'type="cancel"'* && "${lines[5]}" == *"finish status=35072"* ]]
    nothing_left "^sleep $(cat mark)"
}

@test "exec.reconnect-timeout: job shells wait for so long; 0 ends them with their broker" {
    CONF='[exec]
reconnect-timeout = "0.5s"' run again 1 sh -c 'flux submit sleep 95$$ >id; echo "95$$" >mark
        flux job wait-event -q -W -t 10 -p exec $(cat id) shell.start
        kill -9 $(flux getattr broker.pid)'
    nothing_left "^sleep $(cat mark)" && false
    wait_until 10 nothing_left "^sleep $(cat mark)"
    run again 1 sh -c 'flux job wait-event -q -t 20 $(cat id) clean; flux job eventlog $(cat id)'
    echo "$output"
    [[ "$output" == *'type="exec" note="lost with its broker: it was not there when the broker was back'* ]]
    CONF='[exec]
reconnect-timeout = "0"' run again 1 sh -c 'id=$(flux submit sleep 96$$); echo "96$$" >mark
        flux job wait-event -W -t 10 -p exec $id shell.start >/dev/null
        flux job eventlog -p exec $id; kill -9 $(flux getattr broker.pid)'
    wait_until 2 nothing_left "^sleep $(cat mark)"
    [[ "$output" != *recoverable* ]]
}

# table N: brokers by [bootstrap], started by hand as systemd would
table() {
    mkdir -p state run0 run1 run2
    flux keygen cert
    cat >boot.toml <<CONF
[bootstrap]
curve_cert = "$PWD/cert"
default_bind = "ipc://$PWD/sock-%h"
default_connect = "ipc://$PWD/sock-%h"
hosts = [ { host = "n[0-$(($1 - 1))]" } ]
[resource]
noverify = true
[[resource.config]]
hosts = "n[0-$(($1 - 1))]"
cores = "0-3"
[exec]
reconnect-timeout = "$((4 * TEST_SLOW))s"
CONF
    PIDS=()
}

# unit I ARGS...: the broker of host I
unit() {
    local i=$1
    shift
    flux broker -c boot.toml -Shostname="n$i" -Srundir="$PWD/run$i" -Slocal-uri="local://$PWD/run$i/local" \
        -Sstatedir="$PWD/state" -Sbroker.rc2_none -Sbroker.quorum=1 "$@" 2>>"err$i" 3>&- &
    PIDS[i]=$!
}

nodes_up() {
    [ "$(flux resource list -s free,allocated -no '{nnodes}' 2>/dev/null)" = "$1" ]
}

# The job of both, and that of the follower, have started; 'go' is not there.
two_jobs() {
    rm -f ran go
    flux submit -N2 -n2 ./counter >both
    flux submit --requires=host:n1 sh -c 'until [ -e go ]; do sleep .02; done; exit 4' >one
    flux job wait-event -q -W -t 10 -p exec $(<both) recoverable
    flux job wait-event -q -W -t 10 -p exec $(<one) shell.start
    wait_until 10 eval '[ "$(wc -l <ran)" = 2 ]'
}

two_jobs_end() {
    touch go
    flux job attach $(<both) >out
    counts 2
    run flux job attach $(<one)
    [ "$status" -eq 4 ]
    ! flux job eventlog $(<both) | grep exception
    ! flux job eventlog $(<one) | grep exception
}

@test "a follower that comes back, killed or stopped, takes its job shells up again" {
    cat_counter >counter; chmod +x counter
    table 2
    export FLUX_URI="local://$PWD/run0/local"
    unit 0; unit 1
    wait_until 20 nodes_up 2
    for sig in KILL TERM; do
        two_jobs
        kill -$sig "${PIDS[1]}"; wait "${PIDS[1]}" || true
        flux jobs -o '{id} {status}'
        unit 1
        wait_until 20 nodes_up 2
        two_jobs_end
    done
    # and rank 0, by whose end the follower ends too
    two_jobs
    kill -9 "${PIDS[0]}"; wait "${PIDS[@]}" || true
    unit 0; unit 1
    wait_until 20 nodes_up 2
    two_jobs_end
    # the last one does not come back
    two_jobs
    kill -9 "${PIDS[1]}"
    flux job wait-event -q -t 20 $(<both) clean
    flux job wait-event -q -t 20 $(<one) clean
    flux job eventlog $(<one) | grep 'type="exec"\|lost-shell'
    flux job eventlog $(<both) | grep 'lost contact with job shell on n1 (rank 1)'
    flux shutdown --quiet
    wait "${PIDS[0]}" || true
    cat err0 err1
}

# Both tasks have written 20 lines more.
wrote() {
    [ "$(wc -l <last.0)" -ge "$1" ] && [ "$(wc -l <last.1)" -ge "$2" ]
}

write_on() {
    wait_until 10 wrote $(($(wc -l <last.0) + 20)) $(($(wc -l <last.1) + 20))
}

@test "output of other nodes waits while the broker of the leader shell is away" {
    cat >writer <<'SH'
#!/bin/sh
i=0
until [ -e go ]; do
    i=$((i + 1)); echo $FLUX_TASK_RANK $i; echo $i >>last.$FLUX_TASK_RANK
    sleep .01
done
SH
    chmod +x writer
    table 3
    export FLUX_URI="local://$PWD/run0/local"
    unit 0; unit 1; unit 2
    wait_until 20 nodes_up 3
    id=$(flux submit -N2 -n2 --requires=host:n[1-2] ./writer)
    flux job wait-event -q -W -t 10 -p exec "$id" recoverable
    wait_until 10 test -s last.0 -a -s last.1
    for i in 1 2; do
        write_on
        kill -9 "${PIDS[i]}"; wait "${PIDS[i]}" || true
        write_on
        unit $i
        wait_until 20 nodes_up 3
    done
    touch go
    flux job attach "$id" >out
    for i in 0 1; do
        diff last.$i <(sed -n "s/^$i //p" out)
    done
    ! flux job eventlog "$id" | grep exception
    flux shutdown --quiet
    wait "${PIDS[0]}" || true
}

# everything that listings tell of finished jobs, a line each
finished() {
    local f='{id.dec} {name} {status} {t_submit} {t_depend} {t_run} {t_cleanup} {t_inactive}'
    f+=' {ranks} {nodelist} {nnodes} {ncores} {ntasks} {returncode} {waitstatus} {success}'
    f+=' {exception.occurred} {exception.severity} {exception.type} {exception.note}'
    f+=' {project} {bank} {queue} {cwd} {expiration} {duration} {urgency} {priority}'
    f+=' {annotations}'
    flux jobs -a -c 0 -f inactive -no "$f" | sort
}
export -f finished

@test "finished jobs: after kill -9 they are the same, from their records or their directories" {
    set=checkpoint.job-manager.inactive.00000001
    export set
    run keep bash -c '
        flux submit --wait --setattr=project=p1 --setattr=bank=b1 -t 5m --urgency=20 false
        flux cancel -m "not needed any more" $(flux submit --urgency=hold held)
        flux submit --wait-event=clean nosuchprogram
        flux submit --quiet --cc=1-150 --setattr=exec.test.run_duration=0.0001s sim
        flux queue drain
        flux kvs get --watch --waitcreate -c1 $set.jobs | grep -c ^.[0-9]
        finished >before; flux jobs --stats-only 2>stats
        kill -9 $(flux getattr broker.pid)'
    echo "$output"
    [[ "$output" == *"
128"* ]]
    [ "$(wc -l <before)" -eq 153 ]
    # twice: what had no record at first has one then, or is read again
    for i in 1 2; do
        keep bash -c 'finished >after; flux jobs --stats-only 2>stats2
            flux kvs ls checkpoint.job-manager.inactive >sets
            flux job eventlog $(flux job id $(head -n1 before)) | grep -c clean' | grep -x 1
        diff before after
        diff stats stats2
        [ "$(cat sets)" = 00000001 ]
    done
}

@test "finished jobs: a record saves reading the directory, but the directory decides" {
    set=checkpoint.job-manager.inactive.00000001
    export set
    keep bash -c '
        flux submit --quiet --cc=1-140 --setattr=exec.test.run_duration=0.0001s sim
        flux queue drain
        flux kvs get --watch --waitcreate -c1 $set.jobs | grep . >records
        sed -e "1s/\"sim\"/\"changed\"/" -e "2s/^/garbage/" records >new
        sed -e "3s/^.[0-9]*/[4711/" -e 3q -e d records >>new
        flux kvs put --raw $set.jobs=- <new'
    run keep bash -c '
        flux jobs -a -c 0 -no "{name}" | sort | uniq -c | xargs
        flux dmesg | grep -o "1 lines are no records"
        flux job purge -f --num-limit=0; flux jobs -a -c 0 -n | wc -l
        flux kvs ls checkpoint.job-manager.inactive'
    echo "$output"
    [[ "$output" == *"1 changed 139 sim"*"1 lines are no records"*"purged 140 inactive jobs
0" ]]
    run keep bash -c 'flux jobs -a -c 0 -n | wc -l; flux submit --wait true'
    [ "${lines[0]}" = 0 ]
}

@test "finished jobs: a set of records goes with its last job, also after a reload of the job manager" {
    run keep sh -c '
        sets="flux kvs ls checkpoint.job-manager.inactive"
        flux submit --quiet --cc=1-150 --setattr=exec.test.run_duration=0.0001s sim
        flux queue drain
        flux module reload job-manager
        flux submit --quiet --cc=1-110 --setattr=exec.test.run_duration=0.0001s sim
        flux queue drain
        flux kvs get --watch --waitcreate -c1 checkpoint.job-manager.inactive.00000002.jobs >/dev/null
        $sets; flux job purge -f --num-limit=100; $sets; flux job purge -f --num-limit=1; $sets'
    echo "$output"
    [ "$output" = "00000001
00000002
purged 160 inactive jobs
00000002
purged 99 inactive jobs" ]
    run keep sh -c 'flux jobs -a -c 0 -n | wc -l; flux kvs ls checkpoint.job-manager.inactive'
    [ "${lines[0]}" = 1 ]
}

@test "a full disk: commits and submissions say so, what runs goes on, and nothing is lost" {
    [ "$(id -u)" -eq 0 ] || skip "only root can mount a small tmpfs for the state directory"
    mkdir -m 700 state
    mount -t tmpfs -o size=2m,mode=700 none state \
        || skip "a small tmpfs for the state directory cannot be mounted here"
    cat >script <<'SH'
id=$(flux submit sh -c "until [ -e go ]; do sleep .02; done; echo the output")
flux job wait-event -q -t 10 -W -p exec $id shell.start
flux kvs put before=1
dd if=/dev/zero of=state/fill bs=4k 2>/dev/null
value=$(head -c 40000 /dev/urandom | base64 -w0)
echo commit; flux kvs put big1=$value && echo accepted
flux kvs put big2=$value && echo accepted
echo submit; for i in 1 2 3; do flux submit true && flux submit -n1 true && echo accepted; done
echo look up; flux kvs get before; flux ping -c1 kvs >/dev/null
touch go
flux job wait-event -q -t 1.5 $id finish && echo it cannot be recorded yet
rm state/fill
flux job wait-event -q -t 10 $id clean
flux job attach $id
flux jobs -no "{status} {returncode}" $id
flux job eventlog -p exec $id | grep -c done
flux kvs put after=1; flux run echo goes on; flux kvs get after
SH
    run keep sh script
    umount state
    echo "$output"
    [[ "$output" == *"flux-kvs: ERROR: cannot commit: the disk that holds statedir is full: free some space, then try again"* ]]
    [[ "$output" == *"flux-submit: ERROR: "*"free some on the disk that holds statedir, then submit again"* ]]
    [[ "$output" != *accepted* && "$output" != *"recorded yet"* ]]
    [[ "$output" == *"the output"*"
COMPLETED 0
1
goes on
1" ]]
}

@test "kill -9 at random moments: acknowledged is kept, nothing runs twice or is left over" {
    local first=${CRASH_SEED:-$((RANDOM * 100))}
    local n=${CRASH_ROUNDS:-10}
    for ((s = first; s < first + n; s++)); do
        round "$s" || {
            echo "again with: CRASH_SEED=$s CRASH_ROUNDS=1"
            false
        }
        rm -rf "round$s"
    done
}
