# crash.bash - kill -9 at a random moment, start again, compare with what was acknowledged
#
# Used by t-restart.bats.  Everything random comes from RANDOM, seeded by the
# caller with the number of the round, so that a round can be run again alone.
#
# What is killed (CRASH_KIND=broker|follower|shell, else by the seed):
#   broker     rank 0
#   follower   one of the others; rank 0 goes on for a while
#   shell      five times a child of some broker: a job's shell or the one that waits
# Then the instance ends, killed or told to, and is started again.
#
# In the folder of the round:
#   state/     the state directory
#   jobs.N     ids that flux submit printed
#   commits.N  numbers of key=value commits that were answered
#   ran/ID     one line for each task of the job that ran: its task rank
#   ended/ID   the same, written at its end, by those that came to it
#   run/       the rundir, the same after the restart: so job shells are taken over
#   taken      ids of jobs that were

# what a load of submits and commits looks like; runs until it fails
cat_load() {
    cat <<'SH'
#!/bin/bash
# load NUMBER: a client that records what is acknowledged
i=0
while :; do
    i=$((i + 1))
    case $((i % 5)) in
    0) flux submit --cc=1-5 --env=MARK=$MARK ./task >>jobs.$1 || exit ;;
    1) flux submit --env=MARK=$MARK --job-name=hold ./task hold >>jobs.$1 || exit ;;
    2) flux submit --env=MARK=$MARK -n$((2 * NODES)) -c3 ./task late >>jobs.$1 || exit ;;
    3) flux submit --env=MARK=$MARK --urgency=0 ./task >>jobs.$1 || exit ;;
    4) flux submit --env=MARK=$MARK -n$((2 * NODES)) -c22 ./task >>jobs.$1 || exit ;;
    esac
    flux kvs put load$1.k$i=$i && echo $1.k$i=$i >>commits.$1 || exit
done
SH
}

cat_task() {
    cat <<'SH'
#!/bin/sh
echo $FLUX_TASK_RANK >>ran/$FLUX_JOB_ID
case $1 in
hold) sleep 300 ;;
late) sleep .4 ;;
esac
echo $FLUX_TASK_RANK >>ended/$FLUX_JOB_ID
SH
}

# prepare SIZE
prepare() {
    mkdir -p state ran ended run
    cat_load >load
    cat_task >task
    chmod +x load task
    cat >fake.toml <<CONF
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-$(($1 - 1))]"
cores = "0-63"
[exec]
reconnect-timeout = "$((8 * TEST_SLOW))s"
CONF
    where="--test-size=$1 --test-hosts=node[0-$(($1 - 1))] --test-rundir=$PWD/run"
    [ $1 -eq 1 ] || where="$where -Stbon.topo=kary:$((1 + RANDOM % 3))"
    export MARK=crash-$$-$RANDOM NODES=$((1 + $1 / 3))
}

# start_load SIZE: an instance with three clients, one of them on another rank if there
# is one; the pid of flux start is in $instance
start_load() {
    flux start $where -c fake.toml -Sstatedir="$PWD/state" \
        sh -c "touch ready; ./load 1 & ./load 2 & flux exec -n -r$(($1 / 2)) ./load 3 & wait" \
        >/dev/null 2>log.start 3>&- &
    instance=$!
}

milliseconds() {
    command sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# processes of jobs that carry our mark
marked() {
    local p
    for p in $(env -u MARK grep -lzxs "MARK=$MARK" /proc/[0-9]*/environ); do
        grep -qzs "^FLUX_JOB_ID=" "$p" || continue
        p=${p%/environ}
        echo "${p#/proc/} $(tr '\0' ' ' <"$p/cmdline")"
    done
}

# run inside the restarted instance: says what is wrong, nothing if all is well
cat_verify() {
    cat <<'SH'
#!/bin/bash
flux cancel --all --states=depend,priority,sched 2>/dev/null
for ((i = 0; i < 300; i++)); do
    flux jobs -n -f running -o '{name}' | grep -qvx hold || break
    sleep 0.05
done
flux cancel --all 2>/dev/null
timeout $((25 * TEST_SLOW)) flux queue idle >/dev/null || { echo "jobs do not end:"; flux jobs; }
flux jobs -a -c 0 -n -o '{id.f58} {ntasks} {status} {result}' >listed
cat jobs.* 2>/dev/null | while read -r id; do
    line=$(grep "^$id " listed) || { echo "job $id is lost"; continue; }
    log=$(flux job eventlog $id) || echo "job $id has no eventlog"
    n=0; [ -e ran/$id ] && n=$(wc -l <ran/$id)
    [ $n -eq 0 ] || [ -z "$(sort ran/$id | uniq -d)" ] || echo "job $id ran twice: $(echo $(<ran/$id))"
    grep -q ' clean' <<<"$log" || echo "job $id has not ended: $log"
    e=0; [ -e ended/$id ] && e=$(wc -l <ended/$id)
    case $line in
    *" $n COMPLETED COMPLETED") [ $e -eq $n ] || echo "job $id: $line, $e of $n tasks ended" ;;
    *COMPLETED) echo "job $id: $line, and $n of its tasks ran" ;;
    *)
        grep -q ' exception .*severity=0' <<<"$log" \
            || echo "job $id: $line is not explained by: $log" ;;
    esac
    if exec=$(flux job eventlog -p guest.exec.eventlog $id 2>/dev/null); then
        grep -q ' reattach' <<<"$exec" && echo "$line" >>taken
        [ "$(grep -c ' shell.start' <<<"$exec")" -lt 2 ] || echo "job $id started twice: $exec"
    else
        [ $n -eq 0 ] || echo "job $id ran and has no exec.eventlog"
    fi
done
cat commits.* 2>/dev/null | while IFS== read -r key val; do
    [ "$(flux kvs get load$key)" = "$val" ] || echo "commit load$key=$val is lost"
done
echo checked
SH
}

# verify: start again and compare
verify() {
    cat_verify >verify
    chmod +x verify
    env -u MARK TEST_SLOW=$TEST_SLOW timeout $((60 * TEST_SLOW)) flux start $where -c fake.toml \
        -Sstatedir="$PWD/state" ./verify 2>log.verify
}

# pids of the brokers of some ranks, a pattern
brokers() {
    local p
    for p in $(pgrep -P "$instance" flux-broker); do
        grep -qzxs "PMI_RANK=$1" "/proc/$p/environ" && echo "$p"
    done
}

is_there() {
    [ -n "$(brokers 0)" ] || ! kill -0 "$instance" 2>/dev/null
}

kill_broker() {
    wait_until 10 is_there
    kill -9 $(brokers 0) 2>/dev/null
}

kill_follower() {
    local f=($(brokers '[1-9]'))
    [ ${#f[@]} -eq 0 ] || kill -9 "${f[RANDOM % ${#f[@]}]}" 2>/dev/null
}

kill_shells() {
    local i pids
    for i in 1 2 3 4 5; do
        pids=($(pgrep -P "$(brokers . | paste -sd,)" -x flux-shell 2>/dev/null))
        [ ${#pids[@]} -eq 0 ] || kill -9 "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null
        milliseconds $((RANDOM % 100))
    done
}

# is anything of this round's instance left?
no_broker() {
    ! pgrep -f "flux-broker .*$PWD/state" >/dev/null
}

# the end of the instance: killed, or told to
end_instance() {
    if [ $((RANDOM % 2)) -eq 0 ]; then
        kill_broker
    else
        kill -TERM "$instance" 2>/dev/null
    fi
}

# round N: returns 1 and tells what is wrong
round() {
    local seed=$1 size=1 kinds=(broker follower broker shell) kind out rest
    RANDOM=$seed
    kind=${CRASH_KIND:-${kinds[seed % 4]}}
    mkdir "round$seed" && cd "round$seed" || return 1
    [ $kind != follower ] && [ $((seed % 3)) -ne 0 ] || size=4
    prepare $size
    start_load $size
    [ $kind = broker ] || wait_until 20 test -e ready
    milliseconds $((RANDOM % (500 + 200 * size)))
    case $kind in
    broker) kill_broker ;;
    follower) kill_follower; milliseconds $((RANDOM % 1000)); end_instance ;;
    shell) kill_shells; end_instance ;;
    esac
    wait "$instance" 2>/dev/null
    out=$(verify)
    rest=$(marked; wait_until 5 no_broker || pgrep -af "flux-broker .*$PWD/state")
    cd ..
    [ "$out" = checked ] && [ -z "$rest" ] && return 0
    echo "round with seed $seed ($kind, size $size):"
    echo "$out"
    echo "left over: $rest"
    tail -n 5 "round$seed/log.start" "round$seed/log.verify"
    return 1
}
