#!/usr/bin/env bats
# resource-query: the sample cases, and its commands

load common

: "${DATA:=$FLUX_TOP/../shared/data/fluxion}"
export DATA

# rq OPTIONS...: resource-query on the tiny graph with commands from standard input
rq() {
    timeout 20 "$FLUX_BUILD/resource-query" -L "$DATA/grugs/tiny.graphml" "$@"
}

T1() { echo "$DATA/jobspecs/basics/test00$1.yaml"; }

@test "all sample cases come out byte for byte" {
    [ -f "$DATA/cases.tsv" ] || skip "no sample data"
    here=$PWD
    cd "$DATA"
    n=0
    while IFS=$'\t' read -r opts cmds expected; do
        [ "$opts" = options ] && continue
        sed "s#@TEST_SRCDIR@/data/resource#$DATA#" "$cmds" >"$here/in"
        timeout 20 "$FLUX_BUILD/resource-query" -t "$here/out" $opts \
            <"$here/in" 2>"$here/err"
        cmp "$here/out" "$expected" || { echo "$opts $cmds"; false; }
        n=$((n + 1))
    done <cases.tsv
    [ "$n" -eq 81 ]
}

@test "pretty_simple shows parents first, in words" {
    echo "match allocate $(T1 1)" | rq -P high -F pretty_simple >out
    [ "$(sed -n 1p out)" = "      ---tiny0[1:shared]" ]
    [ "$(sed -n 5p out)" = "      ---------------core35[1:exclusive]" ]
}

@test "rv1_nosched is R, rlite names the node" {
    echo "match allocate $(T1 1)" | rq -P low -F rv1_nosched | head -1 >R
    [ "$(jq -r .version R)" = 1 ]
    [ "$(jq -r '.execution.R_lite[0].children.core' R)" = 0 ]
    [ "$(jq -r '.execution.nodelist[0]' R)" = node0 ]
    [ "$(jq -r '.execution.expiration' R)" = 3600 ]
    [ "$(jq -r '.execution.nslots' R)" = 1 ]
    echo "match allocate $(T1 1)" | rq -P low -F rlite | head -1 >L
    [ "$(jq -r '.[0].node' L)" = node0 ]
}

@test "jgf that was written can be read, and gives the same graph" {
    rq -o g1 </dev/null
    timeout 20 "$FLUX_BUILD/resource-query" -f jgf -L g1.json -o g2 </dev/null
    cmp g1.json g2.json
    echo "match allocate $(T1 2)" >in
    rq -P hinode <in >a
    timeout 20 "$FLUX_BUILD/resource-query" -f jgf -L g1.json -P hinode <in >b
    cmp a b
    echo "match allocate $(T1 6)" | rq -F jgf_shorthand | head -1 >s
    [ "$(jq '.graph.nodes | length' s)" = 4 ]
}

@test "satisfiability: now, ever" {
    { echo "match satisfiability $(T1 7)"; echo "match satisfiability $(T1 6)"
      echo "match allocate_with_satisfiability $(T1 7)"; } | rq >out 2>err
    [ "$(grep -c 'Unsatisfiable request' out)" = 2 ]
    [ "$(grep -c '^INFO: Satisfiable request' out)" = 1 ]
    grep -q "1 more core needed below /tiny0/rack0/node.*: 19 wanted, 18 there at all" err
}

@test "cancel gives back; an unknown job is an error" {
    { for i in 1 2 3 4 5; do echo "match allocate $(T1 1)"; done
      echo "cancel 2"; echo "cancel 2"; echo "match allocate $(T1 1)"; } | rq >out 2>err
    [ "$(grep -c ALLOCATED out)" = 5 ]
    grep -q "there is no job 2" err
}

@test "without_allocating leaves nothing" {
    { echo "match without_allocating $(T1 2)"; echo "match allocate $(T1 2)"
      echo "match allocate $(T1 2)"
      echo "match without_allocating_future $(T1 2)"; echo info; } | rq >out
    grep -q "RESOURCES=MATCHED" out
    [ "$(grep -c 'JOBID=-1' out)" = 2 ]
    grep -q "SCHEDULED AT=3600" out
    [ "$(grep -c 'ALLOCATED, start' out)" = 2 ]
}

@test "status and properties" {
    { echo "set-status /tiny0/rack0/node1 down"; echo "get-status /tiny0/rack0/node1"
      echo "match allocate $(T1 2)"; echo "match allocate $(T1 2)"
      echo "set-property /tiny0/rack0/node0 class=7"
      echo "get-property /tiny0/rack0/node0"; echo "get-status /nowhere"; } \
        | rq >out 2>err
    grep -q "node1 is DOWN" out
    [ "$(grep -c ALLOCATED out)" = 1 ]
    grep -q "^class=7" out
    grep -q "no vertex '/nowhere'" err
}

# spec FILE TYPE: what the manual says of alternatives, as slots of TYPE
spec() {
    cat >"$1" <<Y
version: 9999
resources:
  - type: node
    count: 1
    with:
      - type: $2
        count: 1
        label: default
        with:
          - {type: core, count: 8}
          - {type: gpu, count: 1}
      - type: $2
        count: 1
        label: default
        with:
          - {type: core, count: 10}
attributes: {system: {duration: 3600}}
tasks: [{command: [app], slot: default, count: {per_slot: 1}}]
Y
}

@test "slots beside each other are alternatives for the flexible traverser" {
    spec or.yaml slot
    for i in 1 2 3 4 5 6; do echo "match allocate or.yaml"; done >in
    rq -T flexible -P low <in >out
    # two gpus a node, so two of the first kind, and two of the other in what is left
    [ "$(grep -c 'JOBID=' out)" = 6 ]
    [ "$(grep -c 'gpu.*:x' out)" = 4 ]
    [ "$(grep -c ALLOCATED out)" = 6 ]
    [ "$(sed -n '/JOBID=2/,/JOBID=3/p' out | grep -c 'core.*:x')" = 10 ]
    # both are wanted by the simple one
    rq -P low <in >out
    [ "$(sed -n '1,/JOBID=1/p' out | grep -c 'core.*:x')" = 18 ]
    ! rq -T complicated </dev/null 2>err
    grep -q "expected simple or flexible, not 'complicated'" err
}

@test "xor_slots are branches, tried in order" {
    spec xor.yaml xor_slot
    cat >nested.yaml <<'Y'
version: 9999
resources:
  - type: xor_slot
    count: 1
    label: default
    with:
      - {type: socket, count: 1, with: [{type: core, count: 19}]}
  - type: xor_slot
    count: 1
    label: default
    with:
      - type: node
        count: 1
        with:
          - {type: xor_slot, count: 2, label: a, with: [{type: gpu, count: 9}]}
          - {type: xor_slot, count: 2, label: a, with: [{type: core, count: 7}]}
attributes: {system: {duration: 3600}}
Y
    { for i in 1 2 3 4 5; do echo "match allocate xor.yaml"; done
      echo "match allocate nested.yaml"; echo "match satisfiability nested.yaml"
      echo "match allocate_orelse_reserve nested.yaml"; } | rq -T flexible -P low >out
    [ "$(grep -c 'gpu.*:x' out)" = 4 ]
    [ "$(grep -c ALLOCATED out)" = 5 ]
    grep -q "Satisfiable request" out
    grep -q "SCHEDULED AT=3600" out
    [ "$(sed -n '/JOBID=7/,$p' out | grep -c 'core.*:x')" = 14 ]
    # to the simple one that is a type of which there are none
    echo "match satisfiability xor.yaml" | rq | grep -q Unsatisfiable
}

# nine N: a request for N whole nodes of nine, of which node2 and node6 are down
nine() {
    cat >R.json <<'R'
{"version":1,"execution":{"R_lite":[{"rank":"0-8","children":{"core":"0"}}],
 "starttime":0,"expiration":0,"nodelist":["a[0-8]"]}}
R
    cat >n.yaml <<Y
version: 9999
resources: [{type: node, count: $1, exclusive: true, with: [{type: slot, count: 1, label: a, with: [{type: core, count: 1}]}]}]
attributes: {system: {duration: 100}}
Y
    { cat; echo "set-status /cluster0/a2 down"; echo "set-status /cluster0/a6 down"
      echo "match allocate n.yaml"; } |
        timeout 20 "$FLUX_BUILD/resource-query" -f rv1exec -L R.json -F rv1_nosched -P "$2" |
        sed -n 's/.*"nodelist": \["\([^"]*\)".*/\1/p'
}

@test "locality takes the longest runs of ids" {
    [ "$(nine 2 locality </dev/null)" = "a[3-4]" ]
    [ "$(nine 4 locality </dev/null)" = "a[0,3-5]" ]
    [ "$(nine 2 low </dev/null)" = "a[0-1]" ]
}

@test "variation takes nodes of like class" {
    classes() { for n in 0:1 1:9 3:5 4:4 5:8 7:5; do
                    echo "set-property /cluster0/a${n%:*} perf_class=${n#*:}"; done; }
    [ "$(classes | nine 2 variation)" = "a[3,7]" ]
    [ "$(classes | nine 3 variation)" = "a[3-4,7]" ]
    [ "$(classes | nine 1 variation)" = "a0" ]
    [ "$(classes | nine 7 variation)" = "a[0-1,3-5,7-8]" ]
}

@test "constraints choose nodes" {
    sed 's/^    duration: 3600/    duration: 3600\n    constraints: {"hostlist": ["node0"]}/' \
        "$(T1 2)" >c.yaml
    { echo "match allocate c.yaml"; echo "match allocate c.yaml"; } | rq -P high >out 2>err
    grep -q -- "---node0" out
    [ "$(grep -c ALLOCATED out)" = 1 ]
}

@test "find" {
    { echo "match allocate $(T1 1)"; echo "find sched-now=allocated and type=core"
      echo "find type=node and not sched-now=free"; echo "find jobid-alloc=1 and type=socket"
      echo "find nonsense=1"; echo "find (status=up"; } | rq -P low >out 2>err
    [ "$(grep -c 'core0\[1:x\]' out)" = 2 ]
    grep -q 'EXPRESSION="sched-now=allocated and type=core"' out
    grep -q "unknown key" err
    grep -q "expected )" err
}

@test "rv1exec: load, update, partial-cancel" {
    cat >R.json <<'R'
{"version":1,"execution":{"R_lite":[{"rank":"0-1","children":{"core":"0-3"}}],
 "starttime":0,"expiration":0,"nodelist":["a[0-1]"],"properties":{"fast":"1"}}}
R
    sed 's/"0-1","children":{"core":"0-3"}/"1","children":{"core":"0-3"}/; s/a\[0-1\]/a1/;
        s/,"properties":{"fast":"1"}//' R.json >one.json
    q() { timeout 20 "$FLUX_BUILD/resource-query" -f rv1exec -L R.json -F rv1_nosched "$@"; }
    { echo "get-property /cluster0/a1"; echo "update allocate rv1exec R.json 7 0 100"
      echo "update allocate rv1exec one.json 8 0 100"; echo "match allocate $(T1 8)"
      echo "partial-cancel 7 rv1exec one.json"; echo "match allocate $(T1 8)"; } \
        | q >out 2>err || true
    grep -q "the resources are not free then" err
    grep -q "No matching resources found" out
    grep -q "part of job 7" out
    grep -q '"nodelist": \["a1"\]' out
}

@test "bad input is named, with the place" {
    printf 'resources: []\n' >a.yaml
    printf 'resources:\n  - type: node\n    count: -1\n' >b.yaml
    printf 'resources: [\n' >c.yaml
    { echo "match allocate a.yaml"; echo "match allocate b.yaml"
      echo "match allocate c.yaml"; echo "match sideways x"; echo "frobnicate"; } \
        | rq >out 2>err
    grep -q "a.yaml: resources: must be a list" err
    grep -q "b.yaml: resources\[0\]: count" err
    grep -q "c.yaml: line" err
    grep -q "usage: match" err
    grep -q "unknown command 'frobnicate'" err
    echo '<graphml><graph><node id="a"/></graph>' >g.xml
    ! timeout 20 "$FLUX_BUILD/resource-query" -L g.xml </dev/null 2>err
    grep -q "g.xml: line" err
    ! rq -P best </dev/null 2>err
    grep -q "unknown policy 'best'" err
}
