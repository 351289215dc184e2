# flux ion-resource: what the graph scheduler is asked by hand

bats_require_minimum_version 1.5.0
load common
export PATH="$FLUX_BUILD/tests:$PATH"

jobspec() {
    cat >job.yaml <<'YAML'
version: 9999
resources:
  - type: node
    count: 1
    with:
      - type: slot
        count: 1
        label: default
        with:
          - type: core
            count: 2
attributes:
  system:
    duration: 3600
tasks:
  - command: [ "app" ]
    slot: default
    count:
      per_slot: 1
YAML
}

@test "match: allocate, reserve, ask; info; cancel; what is taken is taken from jobs too" {
    jobspec
    run --separate-stderr start_fake 2 2 sh -c '
        ion="flux ion-resource"
        $ion match allocate job.yaml | awk "NR==2{print \$1,\$2,\$3}"
        $ion match satisfiability job.yaml
        $ion match without_allocating job.yaml | awk "NR==2{print \$1,\$2,\$3}"
        $ion match --jobid=7 allocate_with_satisfiability job.yaml | awk "NR==2{print \$1,\$2,\$3}"
        $ion match allocate job.yaml; echo $?
        $ion match allocate_orelse_reserve job.yaml | awk "NR==2{print \$1,\$2,\$3 ~ /^[0-9]+\$/}"
        $ion info 8 | awk "NR==2{print \$1,\$2}"
        id=$(flux submit -n1 true)
        flux jobs -no {state} $id
        $ion cancel 8; $ion cancel 7
        flux job wait-event $id clean >/dev/null && echo ran
        $ion cancel 7; $ion info 7
        a=$(flux submit -n1 --wait-event=start sleep 100)
        $ion cancel $a; flux cancel $a
        $ion stats | jq -c "[.V, .match.succeeded.njobs, .match.failed.njobs]"
        $ion stats-clear; $ion stats | jq -c "[.match.succeeded.njobs, .match.failed.njobs]"
        $ion match satisfiability job.yaml >/dev/null; flux module stats --clear-all sched-fluxion-resource
        until [ "$($ion stats | jq .match.succeeded.njobs)" = 0 ]; do command sleep 0.01; done
        sed -i "s/core/gpu/" job.yaml; $ion match satisfiability job.yaml; echo $?
        $ion match best job.yaml; $ion match allocate missing.yaml; true'
    echo "$output"; echo "$stderr"
    [ "$output" = "1 ALLOCATED Now
TRUE
-1 MATCHED Now
7 ALLOCATED Now
1
8 RESERVED 1
8 RESERVED
SCHED
ran
[7,5,1]
[0,0]
1" ]
    [[ "$stderr" == *"not now: 2 more core needed below /cluster0: 2 wanted, 0 free now"* ]]
    [[ "$stderr" == *"there is no job 7"*"is one of the queues': use flux cancel"* ]]
    [[ "$stderr" == *"asks for 2 gpus"*"there is no such match"*"missing.yaml: No such file"* ]]
}

@test "find, properties, status of vertices; ns-info; params" {
    run --separate-stderr start_fake 2 2 sh -c '
        ion="flux ion-resource"
        $ion find status=up | jq -c .execution.R_lite
        $ion find --format=simple type=core and sched-now=free | wc -l
        a=$(flux submit -n1 --requires=rank:1 --wait-event=start sleep 100)
        $ion find sched-now=allocated | jq -c .execution.R_lite
        $ion find jobid-alloc=$(flux job id --to=dec $a) | jq -r .execution.nodelist[0]
        flux cancel $a
        $ion set-property /cluster0/node0 colour=red
        $ion get-property /cluster0/node0; $ion get-property /cluster0/node0 colour
        $ion find property=colour | jq -r .execution.nodelist[0]
        flux run --requires=colour flux getattr rank
        $ion remove-property /cluster0/node0 colour
        $ion get-property /cluster0/node0 colour
        $ion get-status /cluster0/node1
        $ion set-status /cluster0/node1 down; $ion get-status /cluster0/node1
        flux run flux getattr rank
        $ion set-status /cluster0/node1 sideways; $ion get-status /cluster0/node9
        $ion ns-info 1 core 1; $ion ns-info x core 1
        $ion params | jq -r ".params[\"prune-filters\"]"
        $ion status | jq -c "[.all, .down] | map(.execution.nodelist[0])"
        $ion find "colour=="; true'
    echo "$output"; echo "$stderr"
    [ "$output" = '[{"rank":"0-1","children":{"core":"0-1"}}]
7
[{"rank":"1","children":{"core":"1"}}]
node1
colour = red
colour = red
node0
0
up
down
0
1 /cluster0/node1/core1
ALL:core,ALL:node
["node[0-1]","node1"]' ]
    [[ "$stderr" == *"it has no such property"*"the status is up or down"*"there is no vertex '/cluster0/node9'"*"rank 'x': want a number"* ]]
}

@test "update and partial-cancel: R of a file" {
    cat >R.json <<'JSON'
{"version":1,"execution":{"R_lite":[{"rank":"0-1","children":{"core":"0"}}],"starttime":0,"expiration":0,"nodelist":["node[0-1]"]}}
JSON
    sed 's/"0-1","ch/"1","ch/; s/\[0-1\]"\]/1"]/' R.json >part.json
    run --separate-stderr start_fake 2 2 sh -c '
        ion="flux ion-resource"
        $ion update 3 R.json | awk "NR==2{print \$1,\$2,\$3}"
        $ion update 4 R.json; $ion update 3 R.json
        $ion find sched-now=allocated | jq -c .execution.R_lite
        $ion partial-cancel 3 part.json
        $ion find sched-now=allocated | jq -c .execution.R_lite
        $ion partial-cancel 3 R.json
        $ion find sched-now=allocated | wc -c'
    echo "$output"; echo "$stderr"
    [ "$output" = '3 ALLOCATED Now
[{"rank":"0-1","children":{"core":"0"}}]
[{"rank":"0","children":{"core":"0"}}]
nothing of job 3 is left
0' ]
    [[ "$stderr" == *"some of the resources are in use then"*"the job id is in use"* ]]
}

@test "load-file: a graph of a file, in each format" {
    jobspec
    cat >tiny.graphml <<'XML'
<graphml><graph><node id="c"><data key="root">1</data><data key="type">cluster</data></node>
<node id="r"><data key="type">rack</data></node><node id="n"><data key="type">node</data></node>
<node id="k"><data key="type">core</data></node>
<edge source="c" target="r"><data key="multi_scale">2</data></edge>
<edge source="r" target="n"><data key="multi_scale">3</data></edge>
<edge source="n" target="k"><data key="multi_scale">4</data></edge></graph></graphml>
XML
    cat >load.sh <<'SH'
load() {
    flux module remove sched-fluxion-qmanager 2>/dev/null
    flux module reload -f sched-fluxion-resource "$@" || return 1
    flux ion-resource find status=up >/dev/null
    flux ion-resource stats | jq .V
}
load load-file=tiny.graphml load-format=grug match-policy=low
flux ion-resource match allocate job.yaml | grep -c MATCHED
flux ion-resource find --format=simple sched-now=allocated | head -3
flux ion-resource find --format=jgf status=up >graph.json
load load-file=graph.json load-format=jgf match-policy=high
echo '{"version":1,"execution":{"R_lite":[{"rank":"0-3","children":{"core":"0-7"}}],"starttime":0,"expiration":0,"nodelist":["n[0-3]"]}}' >R.json
load load-file=R.json load-format=rv1exec
rpc resource.topo-get null >topo.xml
load load-file=topo.xml load-format=hwloc load-allowlist=node >/dev/null
flux ion-resource find --format=simple status=up | grep -c -- ---
load load-file=topo.xml load-format=hwloc load-allowlist=node,core >/dev/null
flux ion-resource find --format=simple type=core | grep -c core
load load-file=topo.xml load-format=hwloc load-allowlist=node,,core
load load-file=tiny.graphml load-format=jgf
load load-file=missing load-format=grug
load load-file=tiny.graphml
load load-format=rv1exec_force
load load-format=grug
flux modprobe load sched-fluxion-qmanager
flux run echo ran
SH
    run --separate-stderr start_fake 1 2 sh load.sh
    echo "$output"; echo "$stderr"
    [ "${lines[0]}" = 33 ]
    [ "${lines[1]}" = 1 ]
    [[ "${lines[2]}" == *"core1[1:x]"* ]] || [[ "${lines[2]}" == *"core"* ]]
    [ "${lines[5]}" = 33 ]
    [ "${lines[6]}" = 37 ]
    [ "${lines[7]}" = 2 ]
    [ "${lines[8]}" = "$(flux start --conf=resource.noverify=true flux resource list -s all -no '{ncores}')" ]
    [ "${lines[-2]} ${lines[-1]}" = "4 ran" ]
    [[ "$stderr" == *"tiny.graphml: line 1"*"missing: No such file"*"load-format must say what it is"* ]]
}

@test "load-file and the queues: jobs run on nodes with ranks, others are refused; what is listed" {
    printf '%s' '<graphml><graph><node id="c"><data key="root">1</data><data key="type">cluster</data></node><node id="n"><data key="type">node</data></node><node id="k"><data key="type">core</data></node><edge source="c" target="n"><data key="multi_scale">3</data></edge><edge source="n" target="k"><data key="multi_scale">4</data></edge></graph></graphml>' >tiny.graphml
    run --separate-stderr start_fake 3 2 sh -c '
        flux resource R >R.json
        flux ion-resource find --format=jgf status=up >graph.json
        flux module remove sched-fluxion-feasibility
        for f in "tiny.graphml grug" "R.json rv1exec" "graph.json jgf"; do
            set -- $f
            flux module remove sched-fluxion-qmanager
            flux module reload -f sched-fluxion-resource load-file=$1 load-format=$2 match-policy=low
            flux module load sched-fluxion-qmanager
            flux resource list -s all -no "{nnodes} {ncores}"
            flux ion-resource status | jq -c "map(.execution.R_lite[0].rank)"
            timeout 30 flux run -N1 -n1 flux getattr rank
            flux module stats --parse=pending_jobs sched-fluxion-qmanager
            a=$(flux submit -N2 sleep 100); flux job wait-event -t 20 $a start >/dev/null || continue
            flux module reload sched-fluxion-qmanager
            rpc sched.resource-status {} | jq -c .allocated.execution.R_lite
            flux cancel $a; flux job wait-event -t 20 $a clean >/dev/null
        done'
    echo "$output"; echo "$stderr"
    [ "$output" = '3 6
[null,null,null]
0
3 6
["0-2",null,null]
0
0
[{"rank":"0-1","children":{"core":"0-1"}}]
3 6
["0-2",null,null]
0
0
[{"rank":"0-1","children":{"core":"0-1"}}]' ]
    [[ "$stderr" == *"type=alloc severity=0 nodes of the graph that was loaded from a file have no ranks"* ]]
}

@test "another scheduler, no scheduler, guests: what is refused" {
    run start_flux 1 --conf=modules.alternatives.sched='"sched-simple"' sh -c 'flux ion-resource stats; echo $?; flux ion-resource; echo $?; flux ion-resource cancel x; echo $?'
    echo "$output"
    [[ "$output" == *"the scheduler of this instance is not fluxion: load sched-fluxion-resource"*1*"subcommand is missing"*1*"'x' is not a job id"*1 ]]
}
