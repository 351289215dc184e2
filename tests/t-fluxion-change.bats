# The graph scheduler while jobs run and wait: other configuration, modules reloaded with
# each of their arguments, brokers that are lost.

bats_require_minimum_version 1.5.0
load common
load fluxion

@test "config reload: another policy, other depths, for jobs that wait already" {
    sched 4 1 '
        key() { flux config get | jq -c ".\"sched-fluxion-qmanager\" = $1" | flux config load; }
        stat() { flux module stats --parse=queues.default.$1 sched-fluxion-qmanager | tr -d "\""; }
        a=$(job -N3 -t 1h); starts $a
        b=$(job -N4 -t 1h); waits $b
        c=$(job -N2 -t 1h); d=$(job -N1 -t 10m); pending 3
        echo $(state $b) $(state $d)
        # c waits with b for a to end, and is the second that is looked at
        key "{\"queue-policy\":\"easy\",\"queue-params\":{\"queue-depth\":2}}"
        waits $c; echo $(state $d)
        key "{\"queue-policy\":\"easy\",\"queue-params\":{\"queue-depth\":9,\"max-queue-depth\":3}}"
        starts $d; stat queue_depth; stat max_queue_depth
        key "{\"queue-policy\":\"conservative\"}"; stat policy; stat queue_depth
        key "{\"queue-policy\":\"best\"}" 2>&1; stat policy
        key "{\"queue-params\":{\"queue-depth\":-1}}" 2>&1; stat policy
        key "{}"; stat policy
        flux cancel $a $d; starts $b; state $c'
    [ "${lines[0]} ${lines[1]} ${lines[2]} ${lines[3]}" = "SCHED SCHED SCHED 9 3" ]
    [ "${lines[4]} ${lines[5]}" = "conservative 32" ]
    [[ "${lines[6]}" == *"[sched-fluxion-qmanager] queue-policy=best: unknown queue policy 'best': expected fcfs, easy, hybrid or conservative" ]]
    [ "${lines[7]}" = conservative ]
    [[ "${lines[8]}" == *"queue-params.queue-depth=-1: must be a number from 1 to "* ]]
    [ "${lines[9]} ${lines[10]} ${lines[11]}" = "conservative fcfs SCHED" ]
}

@test "config reload: queues come and go, a queue with jobs stays until they are gone" {
    cat >fluxion.toml <<'CONF'
[queues.a]
[queues.b]
[sched-fluxion-qmanager]
queue-policy-per-queue = "b:easy"
CONF
    sched 2 1 '
        with() { flux config get | jq -c "$1" | flux config load; }
        queues() { flux module stats sched-fluxion-qmanager | jq -c ".queues | map_values(.policy)"; }
        flux queue start --all --quiet
        r=$(job -q a -N2 -t 1h); starts $r
        w=$(job -q a -N2 -t 1h); waits $w
        queues
        with "del(.queues.b)" 2>&1
        with ".\"sched-fluxion-qmanager\" = {\"queue-policy-per-queue\":\"a:hybrid c:conservative\"}
            | .queues = {\"a\":{},\"c\":{}}"; queues
        flux queue start --queue=c --quiet
        c=$(job -q c -N1 -t 1m); waits $c
        flux jobs -no "{annotations.sched.queue}" $c
        with ".\"sched-fluxion-qmanager\" = {} | .queues = {\"c\":{}}"
        flux jobs -no "{contextual_info}" $w
        flux update $w queue=c; waits $w; queues
        flux cancel $r; starts $w; state $c; flux cancel $w; starts $c'
    [ "${lines[0]}" = '{"a":"fcfs","b":"easy"}' ]
    [[ "${lines[1]}" == *"there is no queue 'b': it is not in [queues]"* ]]
    [ "${lines[2]}" = '{"a":"hybrid","c":"conservative"}' ]
    [ "${lines[3]}" = c ]
    [ "${lines[4]}" = "there is no queue 'a' any more: flux update ID queue=NAME" ]
    [ "${lines[5]}" = '{"c":"fcfs"}' ]
    [ "${lines[6]}" = SCHED ]
    [[ "$output" != *"does not start"* ]]
}

@test "config reload: jobs from before there were queues say so, and go to one" {
    sched 2 1 '
        a=$(job -N2 -t 1h); starts $a; b=$(job -N1); waits $b
        flux config get | jq -c ".queues = {\"a\":{}}" | flux config load
        flux queue start --all --quiet
        flux jobs -no "{contextual_info}" $b
        flux update $b queue=a; waits $b; flux cancel $a; starts $b; flux jobs -no "{queue}" $b'
    [ "$output" = "it has no queue, and queues are configured: flux update ID queue=NAME
a" ]
}

@test "config reload: another match policy and format, from the next job on" {
    sched 3 2 '
        key() { flux config get | jq -c ".\"sched-fluxion-resource\" = $1" | flux config load; }
        a=$(job -n1); starts $a; ranks $a
        b=$(job -N3 --exclusive); waits $b
        key "{\"match-policy\":\"low\",\"match-format\":\"rv1\"}"
        flux job urgency $b hold >/dev/null
        c=$(job -n1); starts $c; ranks $c; flux job info $c R | jq "has(\"scheduling\")"
        key "{\"match-policy\":\"hinodex\"}"
        d=$(job -n1); starts $d; R_lite $d; flux job info $d R | jq "has(\"scheduling\")"
        key "{\"match-policy\":\"nearest\"}" 2>&1
        key "{\"load-format\":\"jgf\"}" 2>&1
        flux ion-resource params | jq -r ".params[\"match-policy\"]"
        R_lite $a; flux cancel $a $c $d; flux job urgency $b 16 >/dev/null; starts $b'
    [ "${lines[0]} ${lines[1]} ${lines[2]}" = "2 0 true" ]
    [ "${lines[3]} ${lines[4]}" = '[{"rank":"1","children":{"core":"0-1"}}] false' ]
    [[ "${lines[5]}" == *"[sched-fluxion-resource] match-policy=nearest: "* ]]
    [[ "${lines[6]}" == *"change only with flux module reload sched-fluxion-resource"* ]]
    [ "${lines[7]} ${lines[8]}" = 'hinodex [{"rank":"2","children":{"core":"1"}}]' ]
    [[ "$output" != *"does not start"* ]]
}

@test "each argument of each module, given when it is reloaded while jobs run and wait" {
    cat >args <<'ARGS'
sched-fluxion-qmanager queue-policy=hybrid
sched-fluxion-qmanager queue-params.queue-depth=7
sched-fluxion-qmanager queue-params.max-queue-depth=9
sched-fluxion-qmanager queue-params=queue-depth=5,max-queue-depth=4
sched-fluxion-qmanager policy-params.reservation-depth=3 queue-policy=hybrid
sched-fluxion-qmanager policy-params.max-reservation-depth=2 queue-policy=conservative
sched-fluxion-qmanager policy-params=reservation-depth=3,max-reservation-depth=8
sched-fluxion-qmanager queue-policy-per-queue=default:conservative
sched-fluxion-qmanager queue-params-per-queue=default:queue-depth=3 policy-params-per-queue=default:reservation-depth=3
sched-fluxion-resource match-policy=lonode
sched-fluxion-resource policy=high
sched-fluxion-resource match-format=rv1
sched-fluxion-resource match-format=rv1_shorthand
sched-fluxion-resource prune-filters=ALL:core,node:gpu
sched-fluxion-resource reserve-vtx-vec=2000
sched-fluxion-resource load-format=rv1exec
sched-fluxion-resource load-format=rv1exec_force
sched-fluxion-resource traverser=flexible
sched-fluxion-resource subsystems=containment
sched-fluxion-feasibility
ARGS
    printf '[queues.default]\n' >fluxion.toml
    sched 3 2 '
        flux queue start --all --quiet
        a=$(job -q default -N1 --exclusive -t 1h); starts $a
        b=$(job -q default -n3 -t 2h); starts $b
        w=$(job -q default -N3 -t 1h --urgency=1); waits $w
        held() { rpc sched.resource-status {} | jq -c -S .allocated.execution.R_lite; }
        held >before
        while read -r m args; do
            flux module reload $m $args || exit 1
            x=$(job -q default -n1 -t 1s); starts $x; flux cancel $x
            flux job wait-event $x clean >/dev/null
            held >after; cmp before after || echo "$m $args: not the same"
            [ "$(state $w)" = SCHED ] || echo "$m $args: $(state $w)"
            n=$((n + 1))
        done <args
        echo $n reloads
        flux dmesg | grep -c hello:
        flux cancel $a $b; starts $w'
    [ "$output" = "20 reloads
0" ]
}

@test "arguments that cannot be: the module says which, why, and what would do" {
    printf '[queues.debug]\n' >fluxion.toml
    cat >wrong <<'ARGS'
sched-fluxion-qmanager queue-policy=best|unknown queue policy 'best': expected fcfs, easy, hybrid or conservative
sched-fluxion-qmanager queue-params.queue-depth=0|must be a number from 1 to 2147483647
sched-fluxion-qmanager queue-params.max-queue-depth=1e3|must be a number from 1 to 2147483647
sched-fluxion-qmanager queue-params=depth=1|queue-params.depth: no such key: see flux-config-sched-fluxion-qmanager(5)
sched-fluxion-qmanager queue-params=queue-depth|must be of the form KEY=NUMBER[,KEY=NUMBER...]
sched-fluxion-qmanager policy-params.reservation-depth=x|must be a number from 1 to 2147483647
sched-fluxion-qmanager policy-params.max-reservation-depth=-5|must be a number from 1 to 2147483647
sched-fluxion-qmanager queue-policy-per-queue=debug|must be of the form NAME:VALUE[ NAME:VALUE...]
sched-fluxion-qmanager queue-policy-per-queue=debug:best|debug: queue-policy=best: unknown queue policy
sched-fluxion-qmanager queue-params-per-queue=night:queue-depth=1|there is no queue 'night': it is not in [queues]
sched-fluxion-qmanager policy-params-per-queue=debug:depth=1|debug: policy-params.depth: no such key
sched-fluxion-qmanager colour=red|colour: no such key: see flux-config-sched-fluxion-qmanager(5)
sched-fluxion-qmanager fcfs|'fcfs' is not of the form KEY=VALUE
sched-fluxion-resource match-policy=best|match-policy=best: 
sched-fluxion-resource match-policy=policy=low,node_centric=maybe|match-policy=policy=low,node_centric=maybe: 
sched-fluxion-resource match-format=jgf|must be rv1, rv1_nosched or rv1_shorthand
sched-fluxion-resource load-format=xml|must be rv1exec, rv1exec_force, jgf, grug or hwloc
sched-fluxion-resource load-format=hwloc|load-format=hwloc needs a load-file
sched-fluxion-resource load-format=jgf|load-format=jgf: R of this instance has no graph
sched-fluxion-resource load-allowlist=core load-format=rv1exec|load-allowlist is for load-format=hwloc
sched-fluxion-resource prune-filters=core|must be of the form HIGH:LOW[,HIGH:LOW...]
sched-fluxion-resource reserve-vtx-vec=0|must be a number from 1 to 2000000
sched-fluxion-resource traverser=fast|must be simple or flexible
sched-fluxion-resource subsystems=power|matches are made on containment only
sched-fluxion-feasibility now|sched-fluxion-feasibility takes no arguments: 'now'
ARGS
    sched 1 1 '
        flux module remove sched-fluxion-feasibility; flux module remove sched-fluxion-qmanager
        flux module remove sched-fluxion-resource
        while IFS="|" read -r args text; do
            case $args in
                *resource*) ;;
                *) flux module load sched-fluxion-resource ;;
            esac
            flux dmesg -C
            if flux module load $args 2>err; then
                grep -q " needs a\|R of this" <<<"$text" || echo "$args: taken"
                until flux dmesg | grep -qF "$text"; do command sleep 0.02; done
            else
                grep -qF -- "$text" err || cat err
            fi
            flux module remove -f sched-fluxion-resource
        done <wrong
        echo end'
    [ "$output" = end ]
}

@test "a broker of a batch job is lost: what no longer fits is told so, the rest goes on" {
    cat_helpers
    cat >inner.sh <<'SH'
#!/bin/bash
. ./helpers.sh
a=$(job -N1 --requires=rank:1 -t 1h); starts $a
b=$(job -N3 -t 1h); waits $b
c=$(job -N2 --requires=-rank:0 -t 1h); waits $c
d=$(job -N2 -t 30m --urgency=5); pending 3
l=$(job -N1 --requires=rank:2 -t 1m --urgency=20); starts $l
kill -9 $(flux exec -r 2 flux getattr broker.pid)
for id in $b $c; do flux job wait-event -t 20 $id exception | sed 's/.*note="//'; done
state $a
flux cancel $a; starts $d; ranks $d
flux submit -N3 true 2>&1
rpc sched.resource-status {} | jq -r '.all.execution.R_lite[0].rank, .down.execution.nodelist[0] // "none"'
for m in sched-fluxion-resource sched-fluxion-qmanager; do
    flux module reload $m
    rpc sched.resource-status {} | jq -r '.allocated.execution.R_lite[0].rank'
done
flux cancel $d; flux run -N2 flux getattr rank | sort | xargs
SH
    chmod +x inner.sh
    sched 3 2 'id=$(flux batch -N3 -n3 -c2 --output=out ./inner.sh)
        flux job wait-event -t 60 $id clean >/dev/null; grep -v "is lost" out'
    [ "${lines[0]}" = 'unsatisfiable request: asks for 3 nodes; there are 2"' ]
    [ "${lines[1]}" = 'unsatisfiable request: asks for 2 nodes; there is 1 that meets its constraints"' ]
    [ "${lines[2]} ${lines[3]}" = 'RUN 0-1' ]
    [[ "${lines[4]}" == *"asks for 3 nodes; there are 2" ]]
    [ "$(echo "${lines[@]:5}")" = "0-1 none 0-1 0-1 0 1" ]
}

@test "R in each format: a reload finds whole nodes and parts of nodes, and they can be given back" {
    for f in rv1 rv1_nosched rv1_shorthand; do
        policy easy
        printf '[sched-fluxion-resource]\nmatch-format = "%s"\n' $f >>fluxion.toml
        sched 3 4 '
            free() { flux ion-resource find sched-now=free | jq -c .execution.R_lite; }
            a=$(job -N1 --exclusive -n1 -t 1h); b=$(job -n2 -t 1h); starts $a; starts $b
            free >before
            for m in resource qmanager; do flux module reload sched-fluxion-$m
                w=$(job -n8 -t 1h); waits $w; flux cancel $w
                free | cmp before - && echo same; done
            w=$(job -n8 -t 1h); waits $w; flux jobs -no "{sched.reason_pending}" $w | sed "s/;.*//"
            rpc -n sched.free "{\"id\":$(flux job id --to=dec $a),\"R\":$(flux job info $a R \
                | jq -c "del(.execution.nslots, .scheduling)")}"
            starts $w; R_lite $w'
        [ "$(echo "${lines[@]}")" = 'same same waits for 2 more cores [{"rank":"0,2","children":{"core":"0-3"}}]' ]
    done
}

@test "statistics of the queues are cleared by request and by event; what waits is still counted" {
    sched 2 1 '
        stats() { flux module stats sched-fluxion-qmanager | jq -c "[.allocations, .pending_jobs,
            .allocated_jobs, .queues.default.action_counts.started]"; }
        a=$(job -N2 -t 1h); starts $a; b=$(job -N1); waits $b; stats
        flux module stats --clear sched-fluxion-qmanager; stats
        flux cancel $a; starts $b; stats
        flux module stats --clear-all sched-fluxion-qmanager
        until [ "$(stats)" = "[0,0,1,0]" ]; do command sleep 0.01; done'
    [ "$(echo $output)" = "[1,1,1,1] [0,1,1,0] [1,0,1,1]" ]
    [ "$status" -eq 0 ]
}

@test "ranks in housekeeping are a job's until they are done, also after reloads; the rest is free" {
    policy easy
    cat >>fluxion.toml <<CONF
[job-manager.housekeeping]
command = [ "sh", "-c", "while [ -e $PWD/hold.\$(flux getattr rank) ]; do sleep 0.02; done" ]
release-after = "0s"
CONF
    sched 3 2 '
        touch hold.0 hold.1 hold.2
        has() { rpc sched.resource-status {} | jq -r ".allocated.execution.R_lite[0].rank"; }
        until_has() { until [ "$(has)" = "$1" ]; do command sleep 0.02; done; echo "$1"; }
        a=$(flux submit -N3 -n3 -c2 -t 1h true); flux job wait-event -t 20 $a clean >/dev/null
        b=$(job -N1 -n1 -c2 --requires=rank:1 -t 1h); waits $b
        c=$(job -N2 -n2 -c2 -t 1h); waits $c
        rm hold.1; starts $b; ranks $b
        for m in sched-fluxion-qmanager sched-fluxion-resource job-manager; do
            flux module reload $m; waits $c; has
        done
        rm hold.0; until_has 1-2
        rm hold.2; starts $c; ranks $c
        flux dmesg | grep hello:'
    [ "$(echo $output)" = "1 0-2 0-2 0-2 1-2 0,2" ]
}
