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
    [[ "$output" == *"the output
"*"
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
