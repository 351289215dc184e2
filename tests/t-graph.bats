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
    echo "match allocate $(T1 1)" | rq -P high -F pretty_simple | tail -n +2 >out
    [ "$(sed -n 1p out)" = "      ---tiny0[1:shared]" ]
    [ "$(sed -n 5p out)" = "      ---------------core35[1:exclusive]" ]
}

@test "rv1_nosched is R, rlite names the node" {
    echo "match allocate $(T1 1)" | rq -P low -F rv1_nosched | grep -v ^INFO | head -1 >R
    [ "$(jq -r .version R)" = 1 ]
    [ "$(jq -r '.execution.R_lite[0].children.core' R)" = 0 ]
    [ "$(jq -r '.execution.nodelist[0]' R)" = node0 ]
    [ "$(jq -r '.execution.expiration' R)" = 3600 ]
    [ "$(jq -r '.execution.nslots' R)" = 1 ]
    echo "match allocate $(T1 1)" | rq -P low -F rlite | grep -v ^INFO | head -1 >L
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
    echo "match allocate $(T1 6)" | rq -F jgf_shorthand | grep -v ^INFO | head -1 >s
    [ "$(jq '.graph.nodes | length' s)" = 4 ]
}

# power.xml: racks with a pdu and four nodes, and a power panel that feeds the nodes by the pdus
power_recipe() {
    cat >power.xml <<'X'
<graphml><key id="size" for="node"><default>1</default></key><graph>
<node id="cluster"><data key="root">1</data><data key="type">cluster</data></node>
<node id="rack"><data key="type">rack</data></node>
<node id="pdu"><data key="type">pdu</data></node>
<node id="node"><data key="type">node</data></node>
<node id="core"><data key="type">core</data></node>
<node id="panel"><data key="root">1</data><data key="type">panel</data><data key="subsystem">power</data></node>
<node id="pdu_power"><data key="type">pdu</data><data key="subsystem">power</data></node>
<node id="node_power"><data key="type">node</data><data key="subsystem">power</data></node>
<edge source="cluster" target="rack"><data key="multi_scale">2</data></edge>
<edge source="rack" target="pdu"><data key="id_scope">1</data></edge>
<edge source="rack" target="node"><data key="multi_scale">4</data><data key="id_scope">1</data></edge>
<edge source="node" target="core"><data key="multi_scale">2</data></edge>
<edge source="panel" target="pdu_power"><data key="e_subsystem">power</data><data key="relation">supplies_to</data><data key="gen_method">ASSOCIATE_IN</data><data key="as_tgt_subsystem">containment</data></edge>
<edge source="pdu_power" target="node_power"><data key="e_subsystem">power</data><data key="relation">supplies_to</data><data key="gen_method">ASSOCIATE_BY_PATH_IN</data><data key="as_tgt_subsystem">containment</data><data key="as_tgt_uplvl">1</data><data key="as_src_uplvl">1</data></edge>
</graph></graphml>
X
}

@test "another subsystem can be matched on" {
    power_recipe
    cat >pdu.yaml <<'Y'
resources: [{type: pdu, count: 1, with: [{type: slot, label: a, count: 4, with: [{type: node, count: 1}]}]}]
attributes: {system: {duration: 60}}
Y
    { for i in 1 2 3; do echo "match allocate pdu.yaml"; done; echo "find type=pdu"
      echo "get-status /panel0/pdu1/node7"; } >in
    timeout 20 "$FLUX_BUILD/resource-query" -L power.xml -S power -P low <in >out
    [ "$(sed -n 1p out)" = "INFO: Loading a matcher: power" ]
    [ "$(grep -c ALLOCATED out)" = 2 ]
    [ "$(grep -c 'node[0-7]\[1:x\]' out)" = 8 ]
    grep -q -- "---panel0\[1:s\]" out
    grep -q "node7 is UP" out
    # in the containment no node is below a pdu
    timeout 20 "$FLUX_BUILD/resource-query" -L power.xml -S CA -P low <in 2>err >out
    ! grep -q ALLOCATED out
    ! timeout 20 "$FLUX_BUILD/resource-query" -L power.xml -S water </dev/null 2>err
    grep -q "no subsystem 'water'" err
}

# feed.xml: as power.xml, but pdus of 1000 feed the nodes of their racks, a panel with 1500 W
# the pdus, and a switch with 5 ports is connected to all nodes
feed_recipe() {
    power_recipe
    sed -e 's#id="pdu"><data key="type">pdu</data>#&<data key="size">1000</data>#' \
        -e 's#^<edge source="cluster"#<node id="watt"><data key="type">watt</data><data key="size">1500</data><data key="subsystem">power</data></node>\n<node id="switch"><data key="root">1</data><data key="type">switch</data><data key="subsystem">ibnet</data><data key="size">5</data></node>\n<node id="node_ib"><data key="type">node</data><data key="subsystem">ibnet</data></node>\n&#' \
        -e 's#^</graph>#<edge source="panel" target="watt"><data key="e_subsystem">power</data></edge>\n<edge source="switch" target="node_ib"><data key="e_subsystem">ibnet</data><data key="relation">connects</data><data key="gen_method">ASSOCIATE_IN</data><data key="as_tgt_subsystem">containment</data></edge>\n&#' \
        power.xml >feed.xml
    cat >fed.yaml <<'Y'
resources:
  - type: node
    count: 1
    with:
      - {type: slot, label: a, count: 1, with: [{type: core, count: 2}]}
      - {type: pdu, count: 300}
      - {type: watt, count: 300}
Y
    cp fed.yaml linked.yaml
    echo '      - {type: switch, count: 2}' >>linked.yaml
    echo 'attributes: {system: {duration: 60}}' | tee -a fed.yaml >>linked.yaml
}

@test "several subsystems: what is on the way up of a node is taken with it" {
    feed_recipe
    f() { timeout 20 "$FLUX_BUILD/resource-query" -L feed.xml -P low "$@"; }
    for i in 1 2 3 4 5 6; do echo "match allocate_orelse_reserve fed.yaml"; done >in
    for S in C+PA containment:power ALL; do
        f -S $S <in >out
        # three by a pdu, five by the watts of the panel
        [ "$(grep -o 'node[0-9]\[1:s\]' out | tr '\n' ' ')" = \
            "node0[1:s] node1[1:s] node2[1:s] node4[1:s] node5[1:s] node0[1:s] " ]
        [ "$(grep -c -- '-pdu0\[300:s\]' out)" = 4 ]
        [ "$(grep -c -- '---watt0\[300:s\]' out)" = 6 ]
        grep -q "SCHEDULED AT=60" out
    done
    # with the switch two are enough, but not if it does not take part
    sed 's/fed/linked/' in >in2
    f -S ALL <in2 >out
    [ "$(grep -c ALLOCATED out)" = 2 ]
    f -S C+PA <in2 >out 2>err
    [ "$(grep -c ALLOCATED out)" = 0 ]
    grep -q "2 more switch needed on a way up from /cluster0/rack.*/node.*0 there at all" err
    f -S CA <in >out
    [ "$(grep -c ALLOCATED out)" = 0 ]
}

@test "several subsystems: a node without a way up cannot be used" {
    feed_recipe
    { echo "set-status /cluster0/rack0/pdu0 down"; echo "match allocate fed.yaml"
      echo "set-status /panel0 down"; echo "match allocate fed.yaml"; } >in
    timeout 20 "$FLUX_BUILD/resource-query" -L feed.xml -S C+P -P low <in >out 2>err
    [ "$(grep -o 'node[0-9]' out)" = node4 ]
    grep -q "No matching" out
    # the same with the power as the tree
    cat >pdu.yaml <<'Y'
resources: [{type: pdu, count: 1, with: [{type: node, count: 2, with: [{type: switch, count: 1}]}]}]
attributes: {system: {duration: 60}}
Y
    { echo "match allocate pdu.yaml"; echo "match allocate pdu.yaml"
      echo "match allocate pdu.yaml"; } >in
    timeout 20 "$FLUX_BUILD/resource-query" -L feed.xml -S power+IBA -P low <in >out 2>err
    [ "$(grep -c -- '---switch0\[2:s\]' out)" = 2 ]
    grep -q "1 more switch needed on a way up from /panel0/pdu1/node" err
    ! timeout 20 "$FLUX_BUILD/resource-query" -L feed.xml -S C+water </dev/null 2>err
    grep -q "match-subsystems: the graph has no subsystem 'water'" err
}

@test "what a job has of pools elsewhere is in its graph" {
    feed_recipe
    f() { timeout 20 "$FLUX_BUILD/resource-query" -L feed.xml -P low -S ALL "$@"; }
    echo "match allocate linked.yaml" | f -F jgf | sed -n 2p >j
    [ "$(jq '[.graph.edges[] | select(.metadata.subsystem != "containment")] | length' j)" = 2 ]
    { echo "update allocate jgf j 7 0 60"; echo "update allocate jgf j 8 0 60"
      echo "partial-cancel 7 jgf j"; } | f >out 2>err
    grep -q -- '---watt0\[300:s\]' out
    grep -q "job 8: the resources are not free then" err
    grep -q "all of job 7 was canceled" out
}

@test "the graph is written for dot, and as GraphML" {
    power_recipe
    for f in dot graphml jgf; do
        timeout 20 "$FLUX_BUILD/resource-query" -L power.xml -o g -g $f </dev/null
    done
    [ "$(grep -c 'label="supplies_to"' g.dot)" = 10 ]
    [ "$(grep -c 'label="node[0-7]"' g.dot)" = 8 ]
    [ "$(tail -n1 g.dot)" = "}" ]
    [ "$(grep -c '<node id=' g.graphml)" = "$(jq '.graph.nodes | length' g.json)" ]
    [ "$(grep -c '<edge ' g.graphml)" = "$(jq '.graph.edges | length' g.json)" ]
    grep -q '<data key="path">/cluster0/rack1/node7</data>' g.graphml
    ! timeout 20 "$FLUX_BUILD/resource-query" -L power.xml -o g -g png </dev/null 2>err
    grep -q "expected dot, graphml or jgf, not 'png'" err
}

@test "time-granule rounds durations up" {
    { echo "time-granule"; echo "time-granule 1000"; echo "time-granule 0"
      for i in 1 2 3; do echo "match allocate_orelse_reserve $(T1 2)"; done; echo info; } \
        | rq >out 2>err
    grep -q "TIME GRANULE=1$" out
    grep -q "SCHEDULED AT=4000" out
    grep -q "3, RESERVED, start 4000, end 8000" out
    grep -q "usage: time-granule" err
}

@test "jgf_shorthand: what is exclusive stands for all below it" {
    echo "match allocate $(T1 6)" | rq -F jgf_shorthand | grep -v ^INFO | head -1 >s
    { echo "update allocate jgf_shorthand s 5 0 100"; echo "find sched-now=allocated and type=core"
      echo "partial-cancel 5 jgf_shorthand s"; echo info; } | rq >out
    [ "$(sed -n '/^INFO: EXPR/q;p' out | sed '1,/SCHEDULED/d' | grep -c 'core.*:x')" = 18 ]
    grep -q "all of job 5 was canceled" out
    ! grep -q "5, ALLOCATED" out
}

@test "a recipe that asks for too much, or goes in a circle, is refused at once" {
    for n in 1000000 1; do
        { echo '<graphml><graph><node id="a"><data key="root">1</data><data key="type">a</data></node>'
          for t in b c d; do echo "<node id='$t'><data key='type'>$t</data></node>"; done
          for e in ab bc cd; do
              echo "<edge source='${e%?}' target='${e#?}'><data key='multi_scale'>$n</data></edge>"
          done
          [ $n = 1 ] && echo "<edge source='d' target='b'/>"
          echo '</graph></graphml>'; } >$n.xml
    done
    ! rq -L 1000000.xml </dev/null 2>err
    grep -q "1000000.xml: line 1: more than 67108864 vertices: lower the multi_scale" err
    ! rq -L 1.xml </dev/null 2>err
    grep -q "1.xml: line 2: a cycle through 'b'" err
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

@test "if no kind of slot is enough, some of each are" {
    spec or.yaml slot
    # a socket has 18 cores and a gpu: one of each kind
    sed 's/^        count: 1$/        count: 4/' or.yaml >four.yaml
    sed 's/^        count: 1$/        count: 5/' or.yaml >five.yaml
    { echo "match satisfiability five.yaml"; echo "match allocate four.yaml"
      echo "match allocate_orelse_reserve four.yaml"; echo "match allocate_orelse_reserve four.yaml"
    } | rq -T flexible -P low -F rv1_nosched >out
    grep -q Unsatisfiable out
    [ "$(grep -c '"core": "0-35", "gpu": "0-1".*"nslots": 4' out)" = 3 ]
    [ "$(grep -c ALLOCATED out)" = 2 ]
    grep -q "SCHEDULED AT=3600" out
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

# slots N...: cores of slots without a node, by locality; three nodes of eight cores, of which
# core2 of b0, core4 of b1 and core1 and core6 of b2 are down
slots_by_locality() {
    cat >R.json <<'R'
{"version":1,"execution":{"R_lite":[{"rank":"0-2","children":{"core":"0-7"}}],
 "starttime":0,"expiration":0,"nodelist":["b[0-2]"]}}
R
    for n; do
        echo "resources: [{type: slot, count: $n, label: a, with: [{type: core, count: 1}]}]" >s$n.yaml
    done
    { for v in b0/core2 b1/core4 b2/core1 b2/core6; do echo "set-status /cluster0/$v down"; done
      for n; do echo "match allocate s$n.yaml"; done; } |
        timeout 20 "$FLUX_BUILD/resource-query" -f rv1exec -L R.json -F rlite -P locality |
        grep -v INFO | jq -r '[.[] | .node + ":" + .children.core] | join(" ")' | tr '\n' ';'
}

@test "locality fills runs of cores with slots, node by node" {
    # the longest is that of b0; it is gone on with, though others get longer than its rest
    [ "$(slots_by_locality 2)" = "b0:3-4;" ]
    [ "$(slots_by_locality 5)" = "b0:3-7;" ]
    [ "$(slots_by_locality 6)" = "b0:0,3-7;" ]
    [ "$(slots_by_locality 10)" = "b0:0-1,3-7 b1:0-2;" ]
    # of equally long ones the lowest: b1 has 0-3 before b2 has 2-5
    [ "$(slots_by_locality 2 2 2 2)" = "b0:3-4;b1:0-1;b2:2-3;b0:5-6;" ]
    [ "$(slots_by_locality 21 2>/dev/null)" = "" ]
    [ "$(slots_by_locality 20)" = "b0:0-1,3-7 b1:0-3,5-7 b2:0,2-5,7;" ]
}

@test "variation takes nodes of like class" {
    classes() { for n in 0:1 1:9 3:5 4:4 5:8 7:5; do
                    echo "set-property /cluster0/a${n%:*} perf_class=${n#*:}"; done; }
    [ "$(classes | nine 2 variation)" = "a[3,7]" ]
    [ "$(classes | nine 3 variation)" = "a[3-4,7]" ]
    [ "$(classes | nine 1 variation)" = "a0" ]
    [ "$(classes | nine 7 variation)" = "a[0-1,3-5,7-8]" ]
}

@test "terms of a policy are the same as its name" {
    for c in 01 02 03 04; do
        sed "s#@TEST_SRCDIR@/data/resource#$DATA#" "$DATA/commands/basics/cmds$c.in" >in
        while read -r name terms; do
            rq -t a -P "$name" <in >/dev/null 2>&1
            rq -t b -P "$terms" <in >/dev/null 2>&1
            grep -q ALLOCATED a
            cmp a b || { echo "$name: $terms"; false; }
        done <<'P'
low policy=low
high policy=high
lonode policy=low node_centric=true
hinodex policy=high node_centric=true node_exclusive=true
first policy=high set_stop_on_1_matches=true
firstnode first
P
    done
    echo "match allocate $(T1 1)" >in
    rq -P firstnodex <in >out
    [ "$(grep -c 'node.*\[1:x\]' out)" = 1 ]
    for p in "policy=middle" "node_centric=2" "speed=high" "policy=low,node_centric=true"; do
        ! rq -P "$p" </dev/null 2>err
        grep -q "bad term" err
    done
}

@test "what a writer wrote of a job puts the same job on a fresh graph" {
    for t in 1 2 4 6; do
        d=$(sed -n 's/^ *duration: *//p' "$(T1 $t)")
        for f in jgf:jgf jgf_shorthand:jgf_shorthand rv1:jgf rv1_shorthand:jgf_shorthand; do
            echo "match allocate $(T1 $t)" | rq -P hinodex -F ${f%:*} | grep -v ^INFO >r
            [ -s r ]
            { echo "update allocate ${f#*:} r 1 0 $d"; echo "partial-cancel 1 ${f#*:} r"; } |
                rq -F ${f%:*} | tee all | grep -v ^INFO >again
            grep -q "all of job 1 was canceled" all
            cmp <(jq -S . r) <(jq -S . again) ||
                { echo "test $t, $f"; false; }
        done
    done
}

@test "what a writer wrote of a whole graph is read as the same graph" {
    cat >R.json <<'R'
{"version":1,"execution":{"R_lite":[{"rank":"0-2","children":{"core":"0-3","gpu":"0"}},
 {"rank":"5","children":{"core":"0-1,4"}}],"starttime":0,"expiration":0,
 "nodelist":["fluke[7-9]","big"],"properties":{"fast":"1,5","odd":"2"}}}
R
    echo 'resources: [{type: cluster, count: 1, exclusive: true}]' >all.yaml
    q() { timeout 20 "$FLUX_BUILD/resource-query" "$@"; }
    echo "match allocate all.yaml" >in
    for from in "rv1exec R.json" "grug $DATA/grugs/tiny.graphml"; do
        set -- $from
        q -f $1 -L $2 -o first </dev/null
        for to in rv1_nosched:rv1exec rv1:rv1exec rv1:jgf jgf:jgf jgf_shorthand:; do
            [ $1:${to#*:} = grug:rv1exec ] && continue
            q -f $1 -L $2 -F ${to%:*} <in | sed -n 2p >wrote
            if [ -z "${to#*:}" ]; then
                [ "$(jq '.graph.nodes | length' wrote)" = 1 ]
                continue
            fi
            q -f ${to#*:} -L wrote -o again </dev/null
            cmp first.json again.json || { echo "$from $to"; false; }
        done
    done
}

# counts OPTIONS... <<< RESOURCES: vertices with "x" or "s" of each type that a match got
counts() {
    { echo "resources: $(cat)"; echo "attributes: {system: {duration: 60}}"; } >count.yaml
    echo "match allocate count.yaml" | rq "$@" |
        sed -nE 's/^ *-+([a-z]+)[0-9]*\[[0-9]+:([xs])\]/\1 \2/p' | sort | uniq -c |
        awk '{ printf "%s%s %s%s", sep, $1, $2, $3; sep = ", " }'
}

@test "several requests, nested slots, every operator of a range" {
    [ "$(counts <<<'[{type: slot, label: a, count: 1, with: [{type: core, count: 3}]},
        {type: slot, label: b, count: 2, with: [{type: gpu, count: 1}]}]' |
        grep -oE '[0-9]+ (core|gpu)x' | tr '\n' ' ')" = "3 corex 2 gpux " ]
    [ "$(counts <<<'[{type: node, count: 2, with: [{type: slot, label: a, count: 2, with: [
        {type: slot, label: b, count: 2, with: [{type: core, count: 2}]}]}]}]' |
        grep -oE '[0-9]+ corex')" = "16 corex" ]
    range() { counts <<<"[{type: node, count: 1, with: [{type: slot, label: a, count: 1, with: [
        {type: socket, count: 1, with: [{type: core, count: $1}]}]}]}]" |
        grep -oE '[0-9]+ corex'; }
    [ "$(range '{min: 3}')" = "18 corex" ]
    [ "$(range '{min: 3, max: 7}')" = "7 corex" ]
    [ "$(range '{min: 3, max: 40, operator: "+", operand: 7}')" = "17 corex" ]
    [ "$(range '{min: 3, max: 40, operator: "*", operand: 2}')" = "12 corex" ]
    [ "$(range '{min: 2, max: 40, operator: "^", operand: 2}')" = "16 corex" ]
    [ "$(range '"5,9,30"')" = "9 corex" ]
    [ -z "$(range '{min: 19, max: 40}')" ]
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

@test "find shows the sums of the prune filters for agfilter=true" {
    { echo "match allocate $(T1 2)"; echo "find agfilter=true and type=node"
      echo "set-property /tiny0/rack0/node0 class=7"
      echo "find property=class=7 and agfilter=f"; echo "find property=class=8"
      echo "get-property /tiny0/rack0/node0 class"; echo "get-property /tiny0/rack0/node0 no"
      echo "find agfilter=maybe"; } >in
    rq -P low -p ALL:core,rack:node,node:gpu <in >out 2>err
    sed '1,/SCHEDULED/d' out >found
    # ten cores of two sockets were matched, but the sockets are exclusive
    grep -q -- "---node0\[1:s\] core=36/36 gpu=2/2$" found
    grep -q -- "---rack0\[1:s\] core=36/72 node=0/2$" found
    grep -q -- "---tiny0\[1:s\] core=36/72$" found
    [ "$(grep -c -- '---node0\[1:s\]$' found)" = 1 ]
    grep -q "^class=7$" found
    grep -q "node0 has no property 'no'" err
    grep -q "find: column 1: unknown value" err
    echo "find agfilter=t" | rq -F jgf | sed -n 2p >j
    [ "$(jq -r '.graph.nodes[0].metadata.agfilter | "\(.core.total) \(.node.total)"' j)" = "72 2" ]
    for p in core ALL: :core a:b:c a:b,; do
        ! rq -p $p </dev/null 2>err
        grep -q "prune-filters: expected HL:LL" err
    done
}

@test "a match that can never be is said to be so" {
    sed 's/type: core/type: fpga/' "$(T1 1)" >f.yaml
    { echo "match allocate f.yaml"; for i in 1 2 3 4 5; do echo "match allocate $(T1 1)"; done
    } | rq 2>err >/dev/null
    grep -q "job 1: .*fpga needed below .*0 there at all" err
    grep -q "job 6: .*free now" err
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

@test "partial-cancel gives back all that is named, or nothing" {
    cat >R.json <<'R'
{"version":1,"execution":{"R_lite":[{"rank":"0-3","children":{"core":"0-3"}}],
 "starttime":0,"expiration":0,"nodelist":["a[0-3]"]}}
R
    some() { sed "s/\"0-3\",\"children\":{\"core\":\"0-3\"/\"$1\",\"children\":{\"core\":\"$2\"/
                  s/a\[0-3\]/$3/" R.json; }
    some 0-1 0-3 'a[0-1]' >two.json
    some 1-2 0-1 'a[1-2]' >other.json
    some 1 0-1 a1 >half.json
    { echo "update allocate rv1exec two.json 7 0 100"; echo "partial-cancel 7 rv1exec other.json"
      echo "find jobid-alloc=7 and type=core"; echo "partial-cancel 7 rv1exec half.json"
      echo "partial-cancel 7 rv1exec half.json"; echo "find jobid-alloc=7 and type=core"
      echo "partial-cancel 8 rv1exec half.json"; echo "update allocate rv1exec liar.json 9 0 1"
    } >in
    some 1 0-1 a2 >liar.json
    timeout 20 "$FLUX_BUILD/resource-query" -f rv1exec -L R.json <in >out 2>err
    grep -q "job 7 does not have /cluster0/a2/core0: nothing was canceled" err
    grep -q "job 7 does not have /cluster0/a1/core0: nothing was canceled" err
    grep -q "there is no job 8" err
    grep -q "liar.json: execution.nodelist: the node with rank 1 is a1, not a2" err
    [ "$(grep -c "part of job 7 was canceled" out)" = 1 ]
    [ "$(grep -c 'core.*:x' out)" = $((8 + 8 + 6)) ]
}

@test "partial-cancel gives back nodes that are shared, not what is on the way to others" {
    shared() { printf '{"graph":{"nodes":['; comma=
               for v; do printf '%s{"id":"%s","metadata":{"paths":{"containment":"%s"},"exclusive":false}}' \
                             "$comma" "$v" "$v"; comma=,; done
               echo ']}}'; }
    rack=/tiny0/rack0
    shared /tiny0 $rack $rack/node0 $rack/node1 >both.json
    shared /tiny0 $rack $rack/node0 >node.json
    shared /tiny0 >top.json
    { echo "update allocate jgf both.json 1 0 10"; echo "partial-cancel 1 jgf top.json"
      echo "partial-cancel 1 jgf node.json"; echo "find jobid-alloc=1"
      echo "partial-cancel 1 jgf both.json"; echo "info"; } >in
    rq <in >out 2>err
    grep -q "top.json: names nothing that job 1 has, but what is above: nothing was canceled" err
    [ "$(grep -c "part of job 1 was canceled" out)" = 1 ]
    [ "$(sed -n '/part of/,$p' out | grep -o 'node[01]')" = node1 ]
    # it has node0 no longer
    grep -q "job 1 does not have /tiny0/rack0/node0: nothing was canceled" err
    grep -q "1, ALLOCATED" out
}

@test "a part that cannot be had is named, with the place" {
    part() {
        printf '{"graph":{"nodes":[{"id":"0","metadata":{"paths":{"containment":"%s"},%s}}]}}' "$1" "$2" >p.json
        { echo "update allocate jgf p.json 1 0 10"; echo "stat"; } | rq >out 2>err
        grep -q " $3 allocated" out
    }
    core=/tiny0/rack0/node0/socket0/core0
    part $core '"size":1,"exclusive":true' 1
    for size in 0 -1 2 '"1"' 1.5 9223372036854775807; do
        part $core "\"size\":$size" 0
        grep -q "p.json: graph.nodes\[0\].metadata.size: must be an integer from 1 to 1" err
    done
    part $core '"exclusive":"yes"' 0
    grep -q "graph.nodes\[0\].metadata.exclusive: must be true or false" err
    part /tiny0/none '"size":1' 0
    grep -q "graph.nodes\[0\].metadata.paths: there is no such vertex" err
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
    { echo 'find "type=core'; echo "find 'type=core"; echo 'find "type=nothing"'; } | rq >out 2>err
    [ "$(grep -c "a quote is not closed" err)" = 2 ]
    [ "$(grep -c EXPRESSION out)" = 1 ]
    printf 'set-property /tiny0 a=1\0 b\nget-property /tiny0\nset-property /tiny0 a=\377\n' | rq >out 2>err
    grep -q "zero byte" err
    grep -q "property 'a': the name and the value must be UTF-8" err
    ! grep -q "a=1" out
    vertex() { printf '{"graph":{"nodes":[{"id":"0","metadata":{"type":"cluster",%s}}]}}' "$1" >g.json
               timeout 20 "$FLUX_BUILD/resource-query" -f jgf -L g.json </dev/null >out 2>err; }
    vertex '"status":"down","properties":{"a":"b","c":null}'
    ! vertex '"status":"sideways"'
    grep -q "graph.nodes\[0\].metadata.status: 'sideways' is not up or down" err
    ! vertex '"properties":{"a":5}'
    grep -q "graph.nodes\[0\].metadata.properties.a: must be a string" err
    echo '<graphml><graph><node id="a"/></graph>' >g.xml
    ! timeout 20 "$FLUX_BUILD/resource-query" -L g.xml </dev/null 2>err
    grep -q "g.xml: line" err
    ! rq -P best </dev/null 2>err
    grep -q "unknown policy 'best'" err
}
