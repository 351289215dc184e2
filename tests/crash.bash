# crash.bash - kill -9 at a random moment, start again, compare with what was acknowledged
#
# Used by t-restart.bats.  Everything random comes from RANDOM, seeded by the
# caller with the number of the round, so that a round can be run again alone.
#
# In the folder of the round:
#   state/     the state directory
#   jobs       ids that flux submit printed
#   commits    numbers of key=value commits that were answered
#   ran/ID     one line each time that a task of the job ran

# what a load of submits and commits looks like; runs until it fails
cat_load() {
    cat <<'SH'
#!/bin/bash
# load NUMBER: a client that records what is acknowledged
i=0
while :; do
    i=$((i + 1))
    case $((i % 4)) in
    0) flux submit --cc=1-5 --env=MARK=$MARK ./task >>jobs.$1 || exit ;;
    1) flux submit --env=MARK=$MARK ./task hold >>jobs.$1 || exit ;;
    2) flux submit --env=MARK=$MARK ./task >>jobs.$1 || exit ;;
    3) flux submit --env=MARK=$MARK --urgency=0 ./task >>jobs.$1 || exit ;;
    esac
    flux kvs put load$1.k$i=$i && echo $1.k$i=$i >>commits.$1 || exit
done
SH
}

cat_task() {
    cat <<'SH'
#!/bin/sh
echo x >>ran/$FLUX_JOB_ID
[ "$1" = hold ] && sleep 300 & wait
SH
}

# prepare SIZE
prepare() {
    mkdir -p state ran
    cat_load >load
    cat_task >task
    chmod +x load task
    cat >fake.toml <<CONF
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-$(($1 - 1))]"
cores = "0-63"
CONF
    where="--test-size=$1 --test-hosts=node[0-$(($1 - 1))]"
    export MARK=crash-$$-$RANDOM
}

# start_load: an instance with three clients; its pid is in $instance
start_load() {
    flux start $where -c fake.toml -Sstatedir="$PWD/state" \
        sh -c 'flux getattr broker.pid >pid; ./load 1 & ./load 2 & ./load 3 & wait' \
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
flux cancel --all 2>/dev/null
timeout 25 flux queue idle >/dev/null || { echo "jobs do not end:"; flux jobs; }
flux jobs -a -c 0 -n -o '{id.f58} {status} {result}' >listed
cat jobs.* 2>/dev/null | while read -r id; do
    line=$(grep "^$id " listed) || { echo "job $id is lost"; continue; }
    log=$(flux job eventlog $id) || echo "job $id has no eventlog"
    n=0; [ -e ran/$id ] && n=$(wc -l <ran/$id)
    [ $n -le 1 ] || echo "job $id ran $n times"
    grep -q ' clean' <<<"$log" || echo "job $id has not ended: $log"
    case $line in
    *COMPLETED)
        [ $n -eq 1 ] || echo "job $id is completed, and ran $n times" ;;
    *)
        grep -q ' exception .*severity=0' <<<"$log" \
            || echo "job $id: $line is not explained by: $log" ;;
    esac
    flux job eventlog -p guest.exec.eventlog $id >/dev/null 2>&1 || [ $n -eq 0 ] \
        || echo "job $id ran and has no exec.eventlog"
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
    env -u MARK timeout 60 flux start $where -c fake.toml \
        -Sstatedir="$PWD/state" ./verify 2>log.verify
}

# round N: returns 1 and tells what is wrong
round() {
    local seed=$1 size=1 out rest
    RANDOM=$seed
    mkdir "round$seed" && cd "round$seed" || return 1
    [ $((seed % 3)) -eq 0 ] && size=4
    prepare $size
    start_load
    milliseconds $((RANDOM % (500 + 200 * size)))
    victim=$(cat pid 2>/dev/null)
    kill -9 "${victim:-$(pgrep -P "$instance" -o)}"
    wait "$instance" 2>/dev/null
    out=$(verify)
    rest=$(marked)
    cd ..
    [ "$out" = checked ] && [ -z "$rest" ] && return 0
    echo "round with seed $seed (size $size):"
    echo "$out"
    echo "left over: $rest"
    tail -n 5 "round$seed/log.start" "round$seed/log.verify"
    return 1
}
