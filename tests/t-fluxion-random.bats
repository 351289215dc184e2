# Random work under each policy of the graph scheduler, disturbed in every way: no core is
# ever two jobs', everything ends, and who has what agrees at the end.

bats_require_minimum_version 1.5.0
load common
export PATH="$FLUX_BUILD/tests:$PATH"

cat_script() {
    cat >disturb.sh <<'SH'
# disturb.sh SEED OPS RELOADS [LOST...]: ranks that are lost on the way
RANDOM=$1
ops=$2 reloads=$3
shift 3
lost=("$@")
for r in "${lost[@]}"; do pid[$r]=$(flux exec -r $r flux getattr broker.pid); done
ids=()
submit() {
    local shape=("-n1" "-n$((1 + RANDOM % 6))" "-N1" "-N$((1 + RANDOM % ${most:-3}))" "-n2 -c2"
                 "-N2 -n2 -c3" "-n1 --requires=rank:$((RANDOM % 4))" "-N1 --exclusive --requires=-host:node2")
    local limit=("" "-t 10s" "-t 1m" "-t 1h")
    ids+=($(flux submit ${shape[$((RANDOM % 8))]} ${limit[$((RANDOM % 4))]} --urgency=$((1 + RANDOM % 30)) \
        --setattr=system.exec.test.run_duration=0.0$((RANDOM % 10))s true 2>submit.err))
    grep -v "unsatisfiable request: asks for" submit.err
}
any() { id=${ids[$((RANDOM % ${#ids[@]}))]}; }
quiet() { "$@" >/dev/null 2>&1; true; }
submit
policies=(fcfs easy hybrid conservative)
another() {
    flux config get | jq -c ".\"sched-fluxion-qmanager\" = {\"queue-policy\":\"${policies[RANDOM % 4]}\",
        \"queue-params\":{\"queue-depth\":$((1 + RANDOM % 40))}}" | flux config load || echo "cannot configure"
}
for ((i = 0; i < ops; i++)); do
    if [ ${#lost[@]} -gt 0 ] && [ $((i % 30)) = 29 ]; then
        kill -9 ${pid[${lost[0]}]}
        lost=("${lost[@]:1}")
    fi
    case $((RANDOM % 20)) in
        0) any; quiet flux cancel $id ;;
        1) any; quiet flux update $id duration=$((60 + RANDOM % 600)) ;;
        2) quiet flux resource drain $((RANDOM % 4)) ;;
        3) for k in 0 1 2 3; do quiet flux resource undrain $k; done ;;
        4) any; quiet flux job urgency $id $((RANDOM % 32)) ;;
        5) [ -z "$reloads" ] || flux module reload ${modules[$((RANDOM % 2))]} || echo "cannot reload" ;;
        7) [ -z "$reloads" ] || another ;;
        6) quiet flux ion-resource set-property /cluster0/node$((RANDOM % 4)) colour=$i ;;
        *) submit ;;
    esac
done
for k in 0 1 2 3; do quiet flux resource undrain $k; done
SH
    # what the history says: "CORE FROM TO ID" of each core that a job had
    cat >history.sh <<'SH'
for id in $(flux jobs -a -c 0 -no '{id}'); do
    flux job info $id R >R 2>/dev/null || continue
    flux job info $id eventlog | sed "s/^{/{\"id\":\"$id\",/"
    sed "s/^{/{\"id\":\"$id\",/" R
done >documents
jq -rs 'def ids: split(",") | map(split("-") | map(tonumber) | range(.[0]; .[-1] + 1));
    group_by(.id)[] | . as $docs | (map(select(.name == "alloc"))[0].timestamp) as $from
    | (map(select(.name == "free"))[0].timestamp // 1e12) as $to
    | .[] | select(.execution) | .id as $id | .execution.R_lite[]
    | (.rank | ids[]) as $rank | (.children.core | ids[]) as $core
    | "\($rank).\($core) \($from) \($to) \($id)"' documents | sort -k1,1 -k2,2n >history
awk '{ t = $2 + 0; u = $3 + 0 }
    $1 == core && t < end { print "core " core " is given to " $4 " while " id " has it"; bad = 1 }
    $1 != core || u > end { end = u; id = $4 }
    { core = $1; n++ }
    END { exit bad || n < 200 }' history
SH
    cat >check.sh <<'SH'
# jobs that stay, and what there is besides: who has what, said by both
keep=$(flux submit --cc=1-3 -n1 --requires=rank:3 --urgency=31 --setattr=system.exec.test.run_duration=1000s true)
for id in $keep; do flux job wait-event -t 30 $id start >/dev/null; done
until [ "$(flux jobs -f pending,running -no '{id}' | wc -l)" = 3 ]; do
    for id in $(flux jobs -f pending -no '{id}'); do
        [ "$(flux jobs -no '{urgency}' $id)" != 0 ] || flux job urgency $id 16 >/dev/null
    done
    command sleep 0.02
done
ids='def ids: split(",") | map(split("-") | map(tonumber) | range(.[0]; .[-1] + 1));
    [.[].execution.R_lite[] | (.rank | ids[]) as $r | .children.core | ids[] | "\($r).\(.)"] | sort'
flux resource list -s allocated -no '{ncores}'
for id in $keep; do flux job info $id R; done | jq -sc "$ids"
rpc sched.resource-status {} | jq -sc "map(.allocated) | $ids"
. ./history.sh && echo once
flux cancel $keep
flux queue drain
rpc sched.resource-status {} | jq -c '.allocated.execution.R_lite // []'
flux resource list -s free -no '{ncores}'
flux jobs -a -c 0 -no '{state} {result}' | sort | uniq -c
SH
}

# random POLICY SEED RELOADS
random() {
    cat_script
    printf '[sched-fluxion-qmanager]\nqueue-policy = "%s"\n' "$1" >fluxion.toml
    cat >>fluxion.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-3]"
cores = "0-3"
CONF
    run --separate-stderr timeout $((60 * TEST_SLOW)) flux start --test-size=4 \
        --test-hosts='node[0-3]' -c fluxion.toml bash -c "
        modules=(sched-fluxion-qmanager sched-fluxion-resource)
        . ./disturb.sh $2 120 '$3'; . ./check.sh"
    echo "$output"
    echo "$stderr"
}

# What agrees: three jobs of one core are left; then nothing is.
agrees() {
    [ "$status" -eq 0 ]
    [[ "$output" != *"is given to"* ]]
    [[ "$output" != *"cannot reload"* ]]
    [ "${lines[0]%% *}" = 3 ]
    [ "${lines[1]}" = "${lines[2]}" ]
    [ "${lines[3]}" = once ]
    [ "${lines[4]} ${lines[5]}" = "[] 16" ]
    [ "$(printf '%s\n' "${lines[@]:6}" | grep -vc INACTIVE)" = 0 ]
}

@test "random work under fcfs, hybrid and conservative: no core twice, all ends, all agree" {
    for p in fcfs:1 hybrid:2 conservative:3; do
        random ${p%:*} ${p#*:} ""
        agrees
    done
}

@test "random work under easy, with reloads of both modules and of the configuration" {
    random easy 4 y
    agrees
}

@test "random work while brokers are lost, with reloads: what fits on the rest ends, no core twice" {
    cat_script
    cat >inner.sh <<'SH'
#!/bin/bash
modules=(sched-fluxion-qmanager sched-fluxion-resource)
most=2      # there are jobs that stay on one of the three that are left
. ./disturb.sh 5 150 y 4 2
until [ "$(rpc sched.resource-status {} | jq -r .all.execution.R_lite[].rank | xargs)" = 0-1,3 ]; do command sleep 0.02; done
. ./check.sh
SH
    chmod +x inner.sh
    printf '[resource]\nnoverify = true\n[[resource.config]]\nhosts = "node[0-4]"\ncores = "0-3"\n' >conf.toml
    run --separate-stderr timeout $((60 * TEST_SLOW)) flux start --test-size=5 --test-hosts='node[0-4]' \
        -c conf.toml bash -c '
        id=$(flux batch -N5 -n5 -c4 --output=out --error=err --conf=sched-fluxion-qmanager.queue-policy=easy ./inner.sh)
        flux job wait-event -t 50 $id clean >/dev/null; cat out; cat err >&2'
    echo "$output"
    echo "$stderr"
    [[ "$output" != *"is given to"* ]]
    [ "${lines[0]%% *}" = 3 ]
    [ "${lines[1]}" = "${lines[2]}" ]
    [ "${lines[3]}" = once ]
    [ "${lines[4]} ${lines[5]}" = "[] 12" ]
    [ "$(printf '%s\n' "${lines[@]:6}" | grep -vc INACTIVE)" = 0 ]
    [[ "$stderr" != *cannot* ]]
}
