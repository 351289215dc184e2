# The graph scheduler of an instance: queues, reasons, recovery, resources

bats_require_minimum_version 1.5.0
load common
load fluxion

@test "the three modules are loaded, and their services" {
    sched 2 2 'flux module list | grep fluxion | awk "{print \$1, \$NF}" | sort
        flux exec -r 1 flux module list | grep -c fluxion
        v=$(flux version | awk "/commands/ { print \$2 }")
        flux dmesg | grep -c "sched-fluxion-[a-z]*.info\[0\]: version $v" >&2'
    [ "$stderr" = 2 ]
    [ "$output" = "sched-fluxion-feasibility feasibility
sched-fluxion-qmanager sched
sched-fluxion-resource
0" ] || [ "$(echo "$output" | awk '{print $1}' | xargs)" = "sched-fluxion-feasibility sched-fluxion-qmanager sched-fluxion-resource 0" ]
}

@test "fcfs: behind a job that waits the others wait" {
    policy fcfs
    sched 4 1 '
        a=$(job -N3 -t 1h); starts $a
        b=$(job -N2 -t 1h); waits $b
        c=$(job -N1 -t 1m); pending 2
        echo $(state $a) $(state $b) $(state $c)
        flux cancel $a; starts $b; starts $c'
    [ "$output" = "RUN SCHED SCHED" ]
}

@test "easy: what does not delay the head starts, with the time at which the head will" {
    policy easy
    sched 4 1 '
        a=$(job -N3 -t 1h); starts $a
        b=$(job -N4 -t 1h); waits $b
        long=$(job -N1 -t 2h); waits $long
        short=$(job -N1 -t 10m); starts $short
        echo $(state $b) $(state $long) $(state $short)
        t=$(flux jobs -no "{annotations.sched.t_estimate}" $b)
        end=$(flux job info $a R | jq .execution.expiration)
        awk -v t=$t -v e=$end "BEGIN { d = t - e; print (d > -2 && d < 2) }"
        flux jobs -no "{sched.reason_pending}" $b
        flux cancel $a $short; starts $b
        for id in $a $b $short; do flux job info $id eventlog \
            | jq -r "select(.name == \"alloc\").context.annotations.sched.selection_type"; done | xargs'
    [ "${lines[0]}" = "SCHED SCHED RUN" ]
    [ "${lines[1]}" = 1 ]
    [[ "${lines[2]}" == "waits for 3 more whole nodes; first free at "[0-9]*:[0-9]* ]]
    [[ "${lines[3]}" == "immediate "*" backfilled" ]]
}

@test "conservative: no job is delayed by one behind it; hybrid: not the first N" {
    # b waits for a; c waits for b; d would delay c, not b
    script='
        a=$(job -N3 -t 1h); starts $a
        b=$(job -N2 -t 1h); waits $b
        c=$(job -N4 -t 1h); waits $c
        d=$(job -N1 -t 150m)'
    more='; e=$(job -N1 -t 30m); starts $e; waits $d; echo $(state $d) $(state $e)'
    policy conservative
    sched 4 1 "$script$more"
    [ "$output" = "SCHED RUN" ]
    policy hybrid
    printf 'policy-params.reservation-depth = 1\n' >>fluxion.toml
    sched 4 1 "$script"'; starts $d; state $d'
    [ "$output" = "RUN" ]
    policy hybrid
    printf 'policy-params.reservation-depth = 2\n' >>fluxion.toml
    sched 4 1 "$script$more"
    [ "$output" = "SCHED RUN" ]
}

@test "queue-depth: jobs beyond it are not looked at" {
    policy easy
    printf 'queue-params.queue-depth = 2\n' >>fluxion.toml
    sched 2 1 '
        a=$(job -N1 -t 1h); starts $a
        b=$(job -N2 -t 1h); c=$(job -N2 -t 1h); waits $b; waits $c
        d=$(job -N1 -t 1m)
        flux module stats --parse=queues.default.queue_depth sched-fluxion-qmanager
        flux cancel $c; starts $d
        echo $(state $b) $(state $d)'
    [ "$output" = "2
SCHED RUN" ]
}

@test "priorities: the more urgent job is served first, also when it becomes so later" {
    policy fcfs
    sched 1 1 '
        a=$(job -n1); starts $a
        b=$(job -n1); c=$(job -n1 --urgency=20); d=$(job -n1 --urgency=10)
        waits $b
        flux job urgency $d 30 >/dev/null
        for id in $a $d $c; do flux cancel $id; flux job wait-event $id clean >/dev/null
            flux jobs -f running -no "{id}" | sed "s/^$d\$/d/; s/^$c\$/c/; s/^$b\$/b/"; done
        for i in 1 2 3 4 5 6 7 8 9; do :; done; starts $b'
    [ "$status" -eq 0 ]
    [[ "$output" != *"does not start"* ]]
}

@test "a policy for each queue; annotations name the queue" {
    cat >fluxion.toml <<'CONF'
[queues.debug]
requires = ["debug"]
[queues.batch]
requires = ["batch"]
[queues.expedite]
parent = "batch"
[policy.jobspec.defaults.system]
queue = "batch"
[sched-fluxion-qmanager]
queue-policy-per-queue = "batch:easy debug:fcfs"
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
properties = ["debug"]
cores = "0-1"
[[resource.config]]
hosts = "node[2-3]"
properties = ["batch"]
cores = "0-1"
CONF
    cp fluxion.toml conf.toml
    cat_helpers
    cat >script.sh <<'SH'
. ./helpers.sh
flux queue start --all --quiet
for q in debug batch; do
    eval "a_$q=\$(job -q $q -n3 -t 1h); starts \$a_$q
        b_$q=\$(job -q $q -N2 -c2 -t 1h); waits \$b_$q
        c_$q=\$(job -q $q -n1 -t 1m)"
done
starts $c_batch; pending 3
echo $(state $b_debug) $(state $c_debug) $(state $b_batch) $(state $c_batch)
flux jobs -no '{annotations.sched.queue}' $b_debug $c_batch | xargs
x=$(job -q expedite -N2 -t 30s); waits $x
flux jobs -no '{annotations.sched.queue}' $x
flux module stats sched-fluxion-qmanager | jq -r '.queues | to_entries[] | .key + ":" + .value.policy' | sort | xargs
R_lite $c_batch; flux job info $c_batch R | jq -c .execution.properties
flux submit -q debug -N3 true
SH
    run --separate-stderr start_flux 4 --test-hosts='node[0-3]' -c conf.toml bash script.sh
    echo "$output"; echo "$stderr"
    [ "${lines[0]}" = "SCHED SCHED SCHED RUN" ]
    [ "${lines[1]}" = "debug batch" ]
    [ "${lines[2]}" = expedite ]
    [ "${lines[3]}" = "batch:easy debug:fcfs" ]
    [[ "${lines[5]}" == '{"batch":'* ]]
    [[ "$stderr" == *"asks for 3 nodes; there are 2 that meet its constraints"* ]]
    # one that names a queue that is not there
    printf '[sched-fluxion-qmanager]\nqueue-policy-per-queue = "night:easy"\n' >bad.toml
    run start_flux 1 -c bad.toml true
    [ "$status" -eq 1 ]
    [[ "$output" == *"there is no queue 'night'"* ]]
}

@test "feasibility at submission: what was asked for, and what there is" {
    sched 2 4 '
        for a in -N3 -n9 "-n1 -c5" "-N2 -c5" "-n1 -g1" "-N1 --requires=host:nosuch" \
            "-N2 --requires=rank:0"; do flux submit $a true 2>&1; done'
    [[ "${lines[0]}" == *"asks for 3 nodes; there are 2" ]]
    [[ "${lines[1]}" == *"asks for 9 cores; there are 8" ]]
    [[ "${lines[2]}" == *"asks for 5 cores on one node; there are 4" ]]
    [[ "${lines[3]}" == *"asks for 10 cores; there are 8" ]]
    [[ "${lines[4]}" == *"asks for 1 gpu on one node; there are 0" ]]
    [[ "${lines[5]}" == *"unsatisfiable request: "*"meet"*"constraints" ]]
    [[ "${lines[6]}" == *"asks for 2 nodes; there is 1 that meets its constraints" ]]
}

@test "feasibility on other ranks asks upstream" {
    sched 3 1 '
        flux exec -r 1-2 flux module list | grep feasibility | awk "{print \$1}"
        flux exec -r 2 rpc feasibility.check "{\"jobspec\":{\"resources\":[{\"type\":\"node\",\"count\":9}]}}" 2>&1
        flux exec -r 2 flux submit -N9 true 2>&1' --conf=modules.feasibility.ranks='"0,2"'
    [[ "$output" == "sched-fluxion-feasibility"*"asks for 9 nodes; there are 3"*"asks for 9 nodes"* ]]
}

@test "a jobspec of any shape: nested slots, gpus, several at the top, memory that is not there" {
    cat >nested.json <<'JSON'
{"version": 9999, "resources": [{"type": "node", "count": 2, "with": [
  {"type": "slot", "count": 1, "label": "a", "with": [{"type": "core", "count": 2}]}]}],
 "tasks": [{"command": ["true"], "slot": "a", "count": {"per_slot": 1}}],
 "attributes": {"system": {"duration": 60}}}
JSON
    jq '.resources[0].with[0].count = {"min": 1, "max": 9}' nested.json >range.json
    jq '.resources[0].with[0].with[0].type = "memory"' nested.json >memory.json
    jq '.resources = [{"type": "slot", "count": 2, "label": "a", "with": [{"type": "node", "count": 1}]}]' \
        nested.json >whole.json
    sched 2 4 '
        for f in nested range whole; do id=$(submit_json $f.json); starts $id; R_lite $id
            flux job wait-event $id clean >/dev/null; done
        submit_json memory.json 2>&1'
    [[ "${lines[0]}" == '[{"rank":"0-1","children":{"core":'* ]]
    [ "${lines[1]}" = '[{"rank":"0-1","children":{"core":"0-3"}}]' ]
    [ "${lines[2]}" = '[{"rank":"0-1","children":{"core":"0-3"}}]' ]
    [[ "${lines[3]}" == *"asks for 4 memorys; there are 0"* ]] || [[ "${lines[3]}" == *"unsatisfiable"*memory* ]]
}

@test "match policies: which nodes and cores are taken, and whole nodes" {
    for p in first:3:1 low:0:0 high:3:1 lonode:0:0 hinode:3:1; do
        IFS=: read -r name rank core <<<"$p"
        printf '[sched-fluxion-resource]\nmatch-policy = "%s"\n' "$name" >fluxion.toml
        sched 4 2 'id=$(job -n1); starts $id; R_lite $id'
        [ "$output" = "[{\"rank\":\"$rank\",\"children\":{\"core\":\"$core\"}}]" ]
    done
    for p in lonodex:0 hinodex:3 firstnodex:3; do
        printf '[sched-fluxion-resource]\nmatch-policy = "%s"\n' "${p%:*}" >fluxion.toml
        sched 4 2 'id=$(job -n1); starts $id; R_lite $id'
        [ "$output" = "[{\"rank\":\"${p#*:}\",\"children\":{\"core\":\"0-1\"}}]" ]
    done
    printf '[sched-fluxion-resource]\nmatch-policy = "policy=high node_exclusive=true set_stop_on_1_matches=true"\n' >fluxion.toml
    sched 4 2 'id=$(job -n1); starts $id; R_lite $id'
    [ "$output" = '[{"rank":"3","children":{"core":"0-1"}}]' ]
}

@test "match-format rv1: R has the graph, and a nested instance schedules on it" {
    for f in rv1 rv1_shorthand; do
        printf '[sched-fluxion-resource]\nmatch-format = "%s"\n' $f >fluxion.toml
        cat >inner.sh <<'SH'
#!/bin/sh
flux resource list -no '{state} {nnodes} {ncores}'
flux dmesg | grep -c 'scheduling key is not used'
flux run -N2 -n4 flux getattr rank | sort | xargs
flux run -n5 true
SH
        chmod +x inner.sh
        sched 4 2 'id=$(flux batch -N2 -n2 -c2 --output=out ./inner.sh)
            flux job wait-event -t 30 $id clean >/dev/null
            flux job info $id R | jq -r ".scheduling.writer, (.scheduling.graph.nodes | length)"
            cat out'
        [ "${lines[0]}" = fluxion:jgf ]
        [ "${lines[2]}" = "free 2 4" ]
        [[ "$output" == *"0 0 1 1"*"asks for 5 cores; there are 4"* ]]
        [ "${lines[5]}" = 0 ]
    done
}

@test "configuration: a file of its name, module arguments, a batch job's own, reload" {
    mkdir conf
    printf '[sched-fluxion-qmanager]\nqueue-policy = "hybrid"\n[sched-fluxion-qmanager.queue-params]\nqueue-depth = 8192\n' \
        >conf/sched-fluxion-qmanager.toml
    cd conf
    run start_flux 1 --config-path=./ sh -c '
        flux module stats --parse=queues.default sched-fluxion-qmanager | tr -d " \n"; echo
        flux module reload sched-fluxion-qmanager queue-policy=easy queue-params=queue-depth=5,max-queue-depth=4
        flux module stats --parse=queues.default.policy sched-fluxion-qmanager
        flux run true && echo ran
        flux batch -n1 --output=out --wrap \
            --conf=sched-fluxion-qmanager.queue-policy=conservative \
            flux module stats --parse=queues.default.policy sched-fluxion-qmanager >/dev/null
        flux queue drain; cat out
        sed -i s/hybrid/fcfs/ sched-fluxion-qmanager.toml
        flux module reload sched-fluxion-qmanager
        flux config reload
        flux module stats --parse=queues.default.policy sched-fluxion-qmanager'
    echo "$output"
    [[ "${lines[0]}" == *'"max_queue_depth":1000000,"policy":"hybrid","queue_depth":8192'* ]]
    [ "$(echo "${lines[@]:1}" | tr -d '"')" = "easy ran conservative fcfs" ]
}

@test "max-reservation-depth: conservative plans for no more; parameters of single queues" {
    # as above: c would be delayed by d, but is not planned for
    script='
        a=$(job -N3 -t 1h); starts $a
        b=$(job -N2 -t 1h); waits $b
        c=$(job -N4 -t 1h); waits $c
        d=$(job -N1 -t 150m)'
    policy conservative
    printf 'policy-params.max-reservation-depth = 1\n' >>fluxion.toml
    sched 4 1 "$script; starts \$d; state \$d"
    [ "$output" = "RUN" ]
    policy hybrid
    printf 'policy-params = { reservation-depth = 2, max-reservation-depth = 1 }\n' >>fluxion.toml
    sched 4 1 "$script; starts \$d; state \$d"
    [ "$output" = "RUN" ]
    cat >fluxion.toml <<'CONF'
[queues.a]
[queues.b]
[sched-fluxion-qmanager]
queue-policy = "easy"
queue-policy-per-queue = "b:conservative"
queue-params-per-queue = "a:queue-depth=3 b:queue-depth=9,max-queue-depth=4"
policy-params-per-queue = "b:max-reservation-depth=1"
CONF
    sched 4 1 '
        flux module stats sched-fluxion-qmanager | jq -c ".queues | map_values([.policy, .queue_depth, .max_queue_depth])"
        flux queue start --all --quiet
        job() { flux submit -q b --setattr=system.exec.test.run_duration=1000s "$@" true; }'"$script; starts \$d; state \$d"
    [ "${lines[0]}" = '{"a":["easy",3,1000000],"b":["conservative",9,4]}' ]
    [ "${lines[1]}" = RUN ]
}

@test "configuration that cannot be is refused, with the key" {
    while IFS='|' read -r arg text; do
        run start_flux 1 "--conf=$arg" true
        echo "$arg: $output"
        [ "$status" -eq 1 ]
        [[ "$output" == *"$text"* ]]
    done <<'CASES'
sched-fluxion-qmanager.queue-policy="best"|queue-policy=best
sched-fluxion-qmanager.queue-params.queue-depth=0|queue-params.queue-depth=0: must be a number from 1
sched-fluxion-qmanager.policy-params.reservation-depth="x"|policy-params.reservation-depth=x
sched-fluxion-qmanager.colour="red"|colour: no such key
sched-fluxion-qmanager.queue-params.queue-depth=1.5|queue-params.queue-depth: must be a string or an integer
sched-fluxion-qmanager.queue-params=[1]|queue-params: must be a string or an integer
sched-fluxion-qmanager=true|sched-fluxion-qmanager: must be a table
sched-fluxion-resource.match-policy="best"|match-policy=best
sched-fluxion-resource.match-format="rv2"|match-format=rv2: must be rv1, rv1_nosched or rv1_shorthand
sched-fluxion-resource.prune-filters="ALL"|prune-filters=ALL
sched-fluxion-resource.reserve-vtx-vec=2000001|reserve-vtx-vec=2000001: must be a number from 1 to 2000000
sched-fluxion-resource.load-allowlist="node,,core"|load-allowlist=node,,core
sched-fluxion-resource.traverser="fast"|traverser=fast: must be simple or flexible
sched-fluxion-resource.subsystems="power"|subsystems=power: matches are made on containment only
sched-fluxion-resource.policy="best"|policy=best
CASES
    run start_flux 1 sh -c 'flux module reload sched-fluxion-qmanager nonsense; flux module list | grep -c qmanager
        flux module load sched-fluxion-qmanager; flux run echo ran'
    echo "$output"
    [[ "$output" == *"'nonsense' is not of the form KEY=VALUE"*0*ran* ]]
}

@test "reload: running jobs keep exactly what they have, waiting ones wait on" {
    policy easy
    sched 3 4 '
        c=$(job -N1 --exclusive -t 2h); starts $c
        a=$(job -N1 -n1 -c2 -t 1h); b=$(job -n5 -t 1h); starts $a; starts $b
        w=$(job -N3 --exclusive -t 1h); waits $w
        rpc sched.resource-status {} | jq -c -S .allocated >before
        for m in sched-fluxion-qmanager sched-fluxion-resource job-manager resource; do
            flux module reload $m
            x=$(job -n1 -t 1s); starts $x; flux cancel $x; flux job wait-event $x clean >/dev/null
            rpc sched.resource-status {} | jq -c -S .allocated >after
            cmp before after && echo same
        done
        waits $w; state $w
        flux dmesg | grep -c hello:
        flux cancel $a $b $c; starts $w'
    [ "$output" = "same
same
same
same
SCHED
0" ]
}

@test "nodes that are drained or down are not used; running jobs on them survive a reload" {
    sched 3 1 '
        a=$(job -N1 --requires=rank:1); starts $a
        flux resource drain 1 >/dev/null
        flux module reload sched-fluxion-resource
        b=$(job -N2); starts $b; ranks $b
        c=$(job -N1); waits $c; flux jobs -no "{sched.reason_pending}" $c
        flux resource undrain 1; flux cancel $a; starts $c; ranks $c
        flux dmesg | grep hello:'
    [ "${lines[0]}" = 0,2 ]
    [[ "${lines[1]}" == "waits for "* ]]
    [ "${lines[2]}" = 1 ]
    [ "${#lines[@]}" -eq 3 ]
}

@test "a new expiration is planned with" {
    policy easy
    sched 2 1 '
        a=$(job -N1 -t 1h); starts $a
        b=$(job -N2 -t 1h); waits $b
        c=$(job -N1 -t 90m); waits $c; state $c
        set_duration $a 7200 >/dev/null
        starts $c; state $c'
    [ "$output" = "SCHED
RUN" ]
}

@test "the time of the instance is the time of its jobs" {
    cat >inner.sh <<'SH'
#!/bin/sh
id=$(flux submit -n1 true)
flux job wait-event $id clean >/dev/null
flux job info $id R | jq .execution.expiration
flux job info $id jobspec | jq .attributes.system.duration
SH
    chmod +x inner.sh
    sched 1 2 'id=$(flux batch -n1 -t 10m --output=out ./inner.sh)
        flux job wait-event $id clean >/dev/null; cat out
        flux job info $id R | jq .execution.expiration'
    awk -v a="${lines[0]}" -v b="${lines[2]}" 'BEGIN { d = a - b; exit !(d < 1 && d > -1) }'
}

@test "an instance that has more time gives it to jobs that were to end with it, to no others" {
    cat >inner.sh <<'SH'
#!/bin/bash
. ./helpers.sh
end() { flux job info $1 R | jq ".execution.expiration - .execution.starttime | round"; }
a=$(job -n1); b=$(job -n1 -t 30m); c=$(job -n1 -t 1m); real=$(flux submit -n1 sleep 1000)
for id in $a $b $c $real; do starts $id; end $id; done | xargs
w=$(job -N1 -n4 -t 1h); waits $w
me=$(flux getattr jobid)
flux --parent update $me duration=+1h
for id in $a $b $real; do flux job wait-event -t 20 $id resource-update >/dev/null; done
for id in $a $b $c $real; do end $id; done | xargs
flux job info $c eventlog | grep -c resource-update
flux --parent update $me duration=40m
until [ "$(rpc sched.resource-status {} | jq '.all.execution | .expiration - .starttime | round')" = 2400 ]; do
    command sleep 0.01
done
flux update $c duration=2m
for id in $a $c; do flux job info $id eventlog | grep -c resource-update; done | xargs
SH
    chmod +x inner.sh
    sched 1 4 'id=$(flux batch -n1 -c4 -t 10m --output=out ./inner.sh)
        flux job wait-event $id clean >/dev/null; cat out'
    [ "${lines[0]}" = "600 600 60 600" ]
    [ "${lines[1]}" = "4200 1800 60 4200" ]
    [ "${lines[2]} ${lines[3]}" = "0 1 1" ]
}

@test "part of what a job has is given back: the next job has it, and keeps it when the first ends" {
    sched 2 2 '
        a=$(job -N2 -n4); starts $a
        b=$(job -N1 -n2); waits $b
        echo "{\"id\":$(flux job id --to=dec $a),\"R\":$(flux job info $a R \
            | jq -c "del(.execution.nslots) | .execution.R_lite[0].rank = \"1\" | .execution.nodelist = [\"node1\"]")}" >part
        rpc -n sched.free "$(cat part)"
        starts $b; R_lite $b
        flux cancel $a; flux job wait-event $a clean >/dev/null
        rpc sched.resource-status {} | jq -c .allocated.execution.R_lite
        c=$(job -N1 -n2); starts $c; ranks $c'
    [ "$output" = '[{"rank":"1","children":{"core":"0-1"}}]
[{"rank":"1","children":{"core":"0-1"}}]
0' ]
}

@test "a queue of hosts" {
    printf '[queues.front]\nhosts = "node2"\n[queues.rest]\nhosts = "node[0-1]"\n' >fluxion.toml
    sched 3 1 '
        flux queue start --all --quiet
        a=$(job -q front -N1); b=$(job -q rest -N2); c=$(job -q front -n1)
        starts $a; ranks $a; starts $b; ranks $b
        pending 1; state $c; flux job info $a R | jq -c .execution.properties
        flux submit -q front -N2 true 2>&1'
    [ "${lines[0]} ${lines[1]} ${lines[2]} ${lines[3]}" = "2 0-1 SCHED null" ]
    [[ "${lines[4]}" == *"asks for 2 nodes; there is 1 that meets its constraints" ]]
}

@test "nested: a batch job in a batch job, each with the graph scheduler" {
    cat >depth.sh <<'SH'
#!/bin/sh
flux module list | grep -c sched-fluxion
flux getattr instance-level
[ "$(flux getattr instance-level)" = 3 ] || flux batch -n1 --output=out$(flux getattr instance-level) ./depth.sh >/dev/null
flux queue drain
SH
    chmod +x depth.sh
    sched 1 2 './depth.sh; cat out0 out1 out2'
    [ "$(echo $output)" = "3 0 3 1 3 2 3 3" ]
}

@test "without the resource module nothing is scheduled; with it again, all is" {
    sched 2 1 '
        a=$(job -N1); starts $a
        flux module remove sched-fluxion-resource
        flux module load sched-fluxion-qmanager 2>&1
        b=$(job -N1); c=$(job -N1)
        flux module remove sched-fluxion-qmanager
        flux module load sched-fluxion-qmanager 2>&1
        flux modprobe load sched-fluxion-qmanager
        starts $b; waits $c; echo $(state $a) $(state $b) $(state $c)'
    [[ "${lines[1]}" == *"it needs sched-fluxion-resource: load that first"* ]]
    [ "${lines[-1]}" = "RUN RUN SCHED" ]
}

@test "why a job waits, in the words of its request: cores, nodes, constraints, drained nodes, stopped queues" {
    policy easy
    sched 4 4 '
        why() { waits $1; flux jobs -no "{sched.reason_pending}" $1 | sed "s/; first free at .*//"; }
        clear() { flux cancel --all --quiet; flux queue drain; }
        job -N4 -n4 -c2 -t 1h >/dev/null
        why $(job -N2 -n2 -c3 -t 1h); clear
        job -N4 -n4 -c2 -t 1h >/dev/null
        why $(job -n1 -c3 -t 1h); clear
        job -n14 -t 1h >/dev/null
        why $(job -n4 -t 1h); clear
        job -n14 >/dev/null
        why $(job -n4) >/dev/null; id=$(flux jobs -f pending -no "{id}")
        until flux jobs -no "{sched.reason_pending}" $id | grep "no end is known"; do :; done; clear
        flux resource drain node[1-2] >/dev/null
        why $(job -N4 -t 1h)
        why $(job -n1 --requires=host:node1)
        flux resource undrain node[1-2]; clear
        a=$(job -N3 -t 1h); starts $a; b=$(job -N4 -t 1h); why $b; why $(job -N1 -t 2h)
        until flux jobs -no "{contextual_info}" $b | grep -q "^eta:1h: waits for 3 more whole nodes; first free at "; do :; done
        flux job info $b annotations | jq -r .sched.reason_pending | grep -c "^waits for 3"
        flux job info $a annotations | jq -r .sched.resource_summary | grep -c rank; clear
        flux job info $a annotations | jq -r .sched.selection_type
        flux queue stop --quiet -m lunch; s=$(flux submit true); flux jobs -no "{contextual_info}" $s
        flux job info $s annotations
        flux queue start --quiet; flux job wait-event -t 20 $s clean >/dev/null
        flux submit --urgency=hold true >/dev/null; flux jobs -no "{contextual_info}"'
    [ "$output" = "waits for 2 more nodes with 3 cores free in each
waits for 1 more core on one node
waits for 2 more cores
waits for 2 more cores; no end is known of what is in the way
waits for 2 more whole nodes; 2 nodes are down or drained
waits for 1 more core on a node that meets its constraints; node1, which meets them, is down or drained
waits for 3 more whole nodes
waits for 1 more whole node beside what is reserved for earlier jobs
1
1
immediate
its queue is stopped: lunch
{}
held" ]
}

@test "why a job waits: gpus, queues and their constraints, drained hosts, what is not for the scheduler" {
    cat >fluxion.toml <<'CONF'
[queues.debug]
requires = ["debug"]
[queues.batch]
requires = ["batch"]
[policy.jobspec.defaults.system]
queue = "batch"
duration = "1h"
[policy.limits]
duration = "2h"
[sched-fluxion-qmanager]
queue-policy = "easy"
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
cores = "0-3"
gpus = "0-1"
properties = ["batch"]
[[resource.config]]
hosts = "node2"
cores = "0-3"
properties = ["debug"]
CONF
    cp fluxion.toml conf.toml
    cat_helpers
    cat >script.sh <<'SH'
. ./helpers.sh
why() { waits $1; flux jobs -no "{sched.reason_pending}" $1 | sed "s/; first free at .*//"; flux cancel $1; }
info() { flux jobs -no '{contextual_info}' $1; flux cancel $1; }
flux queue start --all --quiet
a=$(job -N1 -n1 -g1 -t 30m); b=$(job -n1 -g1 -t 1h); starts $a; starts $b
why $(job -n3 -g1)
why $(job -N2 -n2 -g2)
why $(job -N1 --exclusive -n1)
why $(job -n7)
d=$(job -q debug -N1 -t 10m); starts $d
why $(job -q debug -n1)
flux resource drain node0
why $(job -N2 -n2)
why $(job -N1 --requires=host:node0)
flux resource undrain node0
info $(flux submit --dependency=afterok:$b true) | sed 's/:.*//'
info $(flux submit --begin-time=+1h true) | sed 's/=.*//'
info $(flux submit --urgency=hold true)
flux queue stop --queue=debug --quiet
info $(flux submit -q debug true)
for o in "-t 3h" "-q debug -g1" -N3 "-q debug --requires=batch" "-n1 -g3" "-N2 -n2 -c5" -n9 --requires=-batch; do
    flux submit $o true 2>&1; done | sed 's/.*ERROR: //'
SH
    run --separate-stderr start_flux 3 --test-hosts='node[0-2]' -c conf.toml bash script.sh
    echo "$output"; echo "$stderr"
    [ "$output" = "waits for 1 more gpu
waits for 2 more gpus
waits for 1 more whole node that meets its constraints
waits for 1 more core on a node that meets its constraints
waits for 1 more core on a node that meets its constraints
waits for 1 more node with 1 core free; node0, which meets its constraints, is down or drained
waits for 1 more whole node; node0, which meets its constraints, is down or drained
depends
depends:begin-time
held
its queue is stopped
requested duration (3h) exceeds policy limit of 2h
unsatisfiable request: asks for 1 gpu on one node; there are 0 that meet its constraints
unsatisfiable request: asks for 3 nodes; there are 2 that meet its constraints
unsatisfiable request: asks for 1 core; there are 0 that meet its constraints
unsatisfiable request: asks for 3 gpus on one node; there are 2 that meet its constraints
unsatisfiable request: asks for 2 nodes with 5 cores each; there are 0 that meet its constraints
unsatisfiable request: asks for 9 cores; there are 8 that meet its constraints
unsatisfiable request: asks for 1 core; there are 0 that meet its constraints" ]
}

@test "traverser=flexible: of slots beside each other a job takes one that there is" {
    cat >slots.json <<'JSON'
{"version": 9999, "resources": [{"type": "node", "count": 1, "with": [
  {"type": "slot", "count": 1, "label": "a", "with": [{"type": "core", "count": 2}, {"type": "gpu", "count": 1}]},
  {"type": "slot", "count": 1, "label": "b", "with": [{"type": "core", "count": 3}]}]}],
 "tasks": [{"command": ["true"], "slot": "a", "count": {"per_slot": 1}}],
 "attributes": {"system": {"duration": 60}}}
JSON
    sed 's/"slot", "count"/"xor_slot", "count"/' slots.json >xor.json
    script='
        flux ion-resource match satisfiability slots.json 2>&1
        flux ion-resource match satisfiability xor.json 2>&1
        flux ion-resource match allocate slots.json >/dev/null 2>&1 && flux ion-resource cancel 1
        id=$(submit_json slots.json 2>/dev/null)
        [ -z "$id" ] || { starts $id; R_lite $id; }'
    printf '[sched-fluxion-resource]\ntraverser = "flexible"\npolicy = "low"\nsubsystems = "containment"\n' >fluxion.toml
    sched 1 4 "$script
        flux config get | jq '.\"sched-fluxion-resource\".traverser = \"simple\"' | flux config load 2>&1"
    [ "${lines[0]} ${lines[1]}" = "TRUE TRUE" ]
    [ "${lines[2]}" = '[{"rank":"0","children":{"core":"0-2"}}]' ]
    [[ "${lines[3]}" == *"traverser, change only with flux module reload sched-fluxion-resource" ]]
    sched 1 4 "$script"
    [[ "${lines[0]}" == *"asks for "* ]]
    [ "${#lines[@]}" -eq 2 ]
}
