# The resource service: where R comes from, drain, status, the journal

load common
export PATH="$FLUX_BUILD/tests:$PATH"

# the number of cores that a broker finds
ncores() {
    grep -c . <<<"$(for f in /sys/devices/system/cpu/cpu*/topology/core_cpus_list; do
        cat "$f"
    done | sort -u)"
}

@test "each broker discovers the machine" {
    run start_flux 3 rpc resource.status
    [ "$status" -eq 0 ]
    [ "$(jq -r .online <<<"$output")" = 0-2 ]
    [ "$(jq -r .offline <<<"$output")" = "" ]
    [ "$(jq -c .drain <<<"$output")" = "{}" ]
    [ "$(jq -r '.R.execution.R_lite | length' <<<"$output")" = 1 ]
    [ "$(jq -r '.R.execution.R_lite[0].rank' <<<"$output")" = 0-2 ]
    [ "$(jq -r '.R.execution.nodelist[0]' <<<"$output")" = "$(flux hostlist -f, avail 2>/dev/null || echo "$(hostname),$(hostname),$(hostname)")" ]
}

@test "what a broker may not run on is not there" {
    run taskset -c 0 timeout 60 flux start rpc resource.status
    [ "$status" -eq 0 ]
    [ "$(jq -r '.R.execution.R_lite[0].children.core' <<<"$output")" = 0 ]
}

@test "fake resources count as online" {
    run start_flux 1 --conf=fake-resources.nnodes=1000 \
        --conf=fake-resources.cores-per-node=48 --conf=fake-resources.gpus-per-node=4 \
        --conf=fake-resources.host-prefix=node rpc resource.status
    [ "$status" -eq 0 ]
    [ "$(jq -r .online <<<"$output")" = 0-999 ]
    [ "$(jq -c '.R.execution.R_lite' <<<"$output")" = \
        '[{"rank":"0-999","children":{"core":"0-47","gpu":"0-3"}}]' ]
    [ "$(jq -r '.R.execution.nodelist[0]' <<<"$output")" = "node[0-999]" ]
}

@test "fake resources: what cannot be done is refused" {
    run start_flux 1 --conf=fake-resources.nnodes=0 true
    [ "$status" -ne 0 ]
    [[ "$output" == *fake-resources.nnodes* ]]
    run start_flux 1 --conf=fake-resources.nnodes=1 --conf=fake-resources.amend-r=x.py true
    [ "$status" -ne 0 ]
    [[ "$output" == *amend-r* ]]
}

@test "configured resources take the ranks of their hosts" {
    cat >c.toml <<-CONF
	[resource]
	noverify = true
	exclude = "node2"
	[[resource.config]]
	hosts = "node[0-3]"
	cores = "0-7"
	[[resource.config]]
	hosts = "node3"
	gpus = "0"
	properties = ["big"]
	CONF
    run timeout 60 flux start --test-size=4 --test-hosts="node[3,2,1,0]" \
        --config-path=c.toml rpc resource.status
    [ "$status" -eq 0 ]
    [ "$(jq -r '.R.execution.nodelist[0]' <<<"$output")" = "node[3,2,1,0]" ]
    [ "$(jq -r '.R.execution.properties.big' <<<"$output")" = 0 ]
    [ "$(jq -r '.R.execution.R_lite[0].rank' <<<"$output")" = 0 ]
    [ "$(jq -r '.R.execution.R_lite[0].children.gpu' <<<"$output")" = 0 ]
    [ "$(jq -r .exclude <<<"$output")" = 1 ]
}

@test "a mistake in the configuration stops the start and names the key" {
    printf '[resource]\nexclude = "nobody"\n' >c.toml
    run start_flux 1 --config-path=c.toml true
    [ "$status" -eq 1 ]
    [[ "$output" == *"resource.exclude: host nobody"* ]]
    printf '[resource]\npath = "/nonexistent"\n' >c.toml
    run start_flux 1 --config-path=c.toml true
    [ "$status" -eq 1 ]
    [[ "$output" == *"resource.path: /nonexistent"* ]]
    printf '[[resource.config]]\nhosts = "a"\n' >c.toml
    run start_flux 1 --config-path=c.toml true
    [ "$status" -eq 1 ]
    [[ "$output" == *"host a has no cores"* ]]
}

@test "a node that lacks what is configured drains, with the difference as reason" {
    printf '[[resource.config]]\nhosts = "%s"\ncores = "0-4095"\n' "$(hostname)" >c.toml
    run start_flux 1 --config-path=c.toml \
        sh -c 'until rpc resource.status | grep missing; do :; done'
    [ "$status" -eq 0 ]
    [[ "$output" == *'"reason":"missing core['*'-4095]"'* ]]
    printf '[resource]\nnoverify = true\n' >>c.toml
    { printf '[resource]\nnoverify = true\n'; grep -v resource.$ c.toml | head -3; } >d.toml
    run start_flux 1 --config-path=d.toml rpc resource.status
    [ "$(jq -c .drain <<<"$output")" = "{}" ]
}

@test "drain and undrain: modes, targets, errors, from any rank" {
    cat >t.sh <<-'SCRIPT'
	set -e
	drain() { rpc -r $1 resource.drain "$2"; }
	rpc resource.drain '{"targets":"1-2","reason":"first"}'
	! drain 0 '{"targets":"0-1"}'
	! drain 3 '{"targets":"7"}'
	! drain 0 '{"targets":"nobody"}'
	! drain 0 '{"targets":""}'
	! drain 0 '{"targets":"1","mode":"foo"}'
	! drain 0 '{}'
	drain 3 '{"targets":"0-1","reason":"second","mode":"update"}'
	drain 0 '{"targets":"2","reason":"third","mode":"overwrite"}'
	rpc -r 2 resource.status >s1
	drain 0 '{"targets":"1","reason":"fourth","mode":"force-overwrite"}'
	rpc resource.status >s2
	! rpc resource.undrain '{"targets":"0,3"}'
	rpc -r 1 resource.undrain '{"targets":"0,3","mode":"update"}'
	rpc resource.undrain '{"targets":"1","reason":"done"}'
	rpc resource.status >s3
	rpc resource.sched-status >s4
	SCRIPT
    run start_flux 4 sh t.sh
    [ "$status" -eq 0 ]
    [ "$(jq -c '.drain | map_values(.reason)' s1)" = \
        '{"0":"second","1":"first","2":"third"}' ]
    [ "$(jq '.drain."1".timestamp == .drain."2".timestamp' s1)" = true ]
    [ "$(jq '.drain."1".timestamp > .drain."2".timestamp' s2)" = true ]
    [ "$(jq -c '.drain | map_values(.reason)' s3)" = '{"2":"third"}' ]
    [ "$(jq -r '.down.execution.R_lite[].rank' s4)" = 2 ]
    [ "$(jq -r '.all.execution.R_lite[].rank' s4)" = 0-3 ]
}

@test "an excluded node cannot be drained" {
    printf '[resource]\nexclude = "0"\n' >c.toml
    run start_flux 1 --config-path=c.toml rpc resource.drain '{"targets":"0"}'
    [ "$status" -eq 22 ]
    [[ "$output" == *"excluded by configuration"* ]]
}

@test "drained nodes stay drained when the instance starts again" {
    mkdir state
    run start_flux 2 -Sstatedir="$PWD/state" \
        rpc resource.drain '{"targets":"1","reason":"disk"}'
    [ "$status" -eq 0 ]
    run start_flux 2 -Sstatedir="$PWD/state" rpc resource.status
    [ "$status" -eq 0 ]
    [ "$(jq -r '.drain."1".reason' <<<"$output")" = disk ]
    run start_flux 2 -Sstatedir="$PWD/state" rpc resource.undrain '{"targets":"1"}'
    [ "$status" -eq 0 ]
    run start_flux 2 -Sstatedir="$PWD/state" rpc resource.status
    [ "$(jq -c .drain <<<"$output")" = "{}" ]
    # excluding clears it, too
    run start_flux 2 -Sstatedir="$PWD/state" rpc resource.drain '{"targets":"1"}'
    run start_flux 2 -Sstatedir="$PWD/state" --conf=resource.exclude=1 rpc resource.status
    [ "$(jq -c .drain <<<"$output")" = "{}" ]
    [ "$(jq -r .exclude <<<"$output")" = 1 ]
    # old events make room, but what they say stays
    run start_flux 2 -Sstatedir="$PWD/state" rpc resource.drain '{"targets":"0","reason":"x"}'
    run start_flux 2 -Sstatedir="$PWD/state" --conf=resource.history=0 \
        sh -c 'rpc resource.status; timeout 1 rpc -s resource.journal; true'
    [ "$(head -1 <<<"$output" | jq -r '.drain."0".reason')" = x ]
}

@test "the journal: history, sentinel, news; on every rank; until cancelled" {
    cat >t.sh <<-'SCRIPT'
	rpc -s -r $1 resource.journal >journal &
	pid=$!
	until grep -qs '"events":\[\]' journal; do sleep 0.01; done
	rpc resource.drain '{"targets":"0"}'
	until grep -qs '"drain"' journal; do sleep 0.01; done
	kill $pid
	SCRIPT
    for rank in 0 1; do
        run start_flux 2 sh t.sh $rank
        [ "$status" -eq 0 ]
        [ "$(head -1 journal | jq -r '.events[0].name')" = restart ]
        [ "$(head -1 journal | jq -r '.R.version')" = 1 ]
        [ "$(jq -r '.events[].name' journal | sort -u | tr '\n' ' ')" = \
            "drain online resource-define restart " ]
    done
}

@test "the journal is bounded" {
    run start_flux 1 --conf=resource.journal-max=4 sh -c \
        'for i in 1 2 3 4 5 6; do
            rpc resource.drain "{\"targets\":\"0\",\"mode\":\"overwrite\"}" >/dev/null
        done; timeout 1 rpc -s resource.journal | head -1'
    [ "$(jq -r '.events | length' <<<"$output")" = 4 ]
    [ "$(jq -r '.events[0].name' <<<"$output")" = truncate ]
}

@test "another inventory can be loaded" {
    cat >t.sh <<-'SCRIPT'
	R='{"version":1,"execution":{"R_lite":[{"rank":"0-9","children":{"core":"0-3"}}],"nodelist":["x[0-9]"]}}'
	rpc resource.reload "{\"R\":$R}"
	echo $?
	rpc resource.reload "{\"R\":$R,\"force\":true}"
	rpc resource.reload "{}"
	echo $?
	rpc resource.status
	rpc resource.topo-get >topo.xml
	jq -Rs '{xml:[.,.]}' topo.xml >reload.json
	rpc resource.reload "$(jq -c '.force=true' reload.json)"
	rpc resource.status >status
	SCRIPT
    run start_flux 1 sh t.sh
    [[ "$output" == *"use --force"* ]]
    [[ "$output" == *'"nodelist":["x[0-9]"]'* ]]
    [[ "$output" == *'"online":"0-9"'* ]]
    [[ "$(cat topo.xml)" == *"<topology"* ]]
    [ "$(jq -r '.R.execution.R_lite[0].rank' status)" = 0-1 ]
}

@test "a topology from a file" {
    run start_flux 1 rpc resource.topo-get
    printf '%s\n' "$output" >topo.xml
    FLUX_HWLOC_XMLFILE=$PWD/topo.xml run start_flux 1 rpc resource.status
    [ "$(jq -r '.R.execution.R_lite[0].rank' <<<"$output")" = 0 ]
    FLUX_HWLOC_XMLFILE=/nonexistent run start_flux 1 rpc resource.status
    [[ "$output" == *hwloc* ]]
}

@test "the module can be loaded again" {
    run start_flux 2 sh -c 'rpc resource.drain "{\"targets\":\"1\"}"
        flux module reload resource
        rpc resource.status'
    [ "$status" -eq 0 ]
    [[ "$output" == *'"drain":{"1":'* ]]
    run start_flux 1 sh -c 'flux module remove resource
        flux module load resource nonsense'
    [ "$status" -ne 0 ]
    [[ "$output" == *"unknown option 'nonsense'"* ]]
}

@test "a job inherits its resources" {
    cat >t.sh <<-'SCRIPT'
	flux run -N2 -n2 -t 10m flux start sh -c \
	    'rpc resource.status; timeout 1 rpc -s resource.journal | head -1' >inner
	flux job info $(flux job last) R >R
	SCRIPT
    run start_flux 2 sh t.sh
    [ "$status" -eq 0 ]
    [ "$(head -1 inner | jq -r '.R.execution.R_lite[0].rank')" = 0-1 ]
    [ "$(head -1 inner | jq -r '.R.execution.R_lite[0].children.core')" = "$(jq -r '.execution.R_lite[0].children.core' R)" ]
    [ "$(head -1 inner | jq -r '.R.execution.expiration > .R.execution.starttime')" = true ]
    [ "$(tail -1 inner | jq -r '.events[] | select(.name=="resource-define").context.method')" \
        = job-info ]
    # more brokers than nodes: each discovers
    cat >t.sh <<-'SCRIPT'
	flux run -n2 -t 10m flux start sh -c \
	    'rpc resource.status; timeout 1 rpc -s resource.journal | head -1' >inner
	SCRIPT
    run start_flux 1 sh t.sh
    [ "$status" -eq 0 ]
    [ "$(head -1 inner | jq -r '.R.execution.R_lite[0].rank')" = 0-1 ]
    [ "$(head -1 inner | jq -r '.R.execution.expiration > 0')" = true ]
    [ "$(tail -1 inner | jq -r '.events[] | select(.name=="resource-define").context.method')" \
        = dynamic-discovery ]
}

@test "the scheduler hears of what goes down and comes up" {
    cat >t.sh <<-'SCRIPT'
	flux module remove sched-fluxion-resource
	rpc -s resource.acquire >acquire &
	pid=$!
	lines() { until [ "$(wc -l <acquire)" -ge $1 ]; do sleep 0.01; done; }
	lines 1
	rpc -s resource.acquire && exit 1
	rpc resource.drain '{"targets":"1"}'
	lines 2
	rpc resource.undrain '{"targets":"1"}'
	lines 3
	broker=$(rpc -r 2 attr.get '{"name":"broker.pid"}' | jq -r .value)
	kill -9 $broker
	lines 4
	rpc resource.status >status
	rpc resource.acquire-mute
	rpc resource.drain '{"targets":"0"}'
	kill $pid
	SCRIPT
    run start_flux 3 sh t.sh
    [[ "$output" == *"acquired by another scheduler"* ]]
    [ "$(head -1 acquire | jq -r .up)" = 0-2 ]
    [ "$(head -1 acquire | jq -r '.resources.execution.R_lite[0].rank')" = 0-2 ]
    [ "$(tail -n +2 acquire | tr -d '\n')" = '{"down":"1"}{"up":"1"}{"down":"2"}' ]
    [ "$(jq -r .online status)" = 0-1 ]
    [ "$(jq -r .offline status)" = 2 ]
}

@test "the new expiration of a job reaches the instance that it is" {
    cat >t.sh <<-'SCRIPT'
	cat >inner.sh <<-'INNER'
	rpc resource.status >s1
	rpc -s resource.journal >journal &
	until grep -qs '"events":\[\]' journal; do sleep 0.01; done
	touch go
	until grep -qs resource-update journal; do sleep 0.01; done
	rpc resource.status >s2
	kill $!
	INNER
	id=$(flux submit -n1 -t 10m flux start sh inner.sh)
	until [ -e go ]; do sleep 0.01; done
	dec=$(flux job id --to=dec $id)
	rpc job-manager.update \
	    "{\"id\":$dec,\"updates\":{\"attributes.system.duration\":1200}}"
	flux job attach $id
	SCRIPT
    run start_flux 1 sh t.sh
    [ "$status" -eq 0 ]
    t1=$(jq .R.execution.expiration s1)
    t2=$(jq .R.execution.expiration s2)
    [ "$(jq -n "($t2 - $t1 | round) == 600")" = true ]
}

@test "a job that loses a node has that much less: pending jobs that want more are told" {
    cat >lose.sh <<'SCRIPT'
[ $1 = sched-fluxion ] || { for m in qmanager feasibility resource; do flux module remove sched-fluxion-$m; done
    flux module load sched-simple; }
flux submit --requires=rank:0 -N1 -x sleep inf >/dev/null
id=$(flux submit -N3 -x true)
kill -9 $(flux exec -r2 flux getattr broker.pid)
flux job wait-event -t 20 $id exception | grep -o "type=.*"
flux resource info; flux resource list -s down -no "{nnodes}"; flux resource status -s offline -no "{ranks}"
flux run -N3 true 2>&1; echo $?
flux run -N1 -x true; echo $?
flux cancel --all
SCRIPT
    for sched in sched-fluxion sched-simple; do
        rm -f flux-*.out
        run start_fake 3 2 sh -c "flux batch -N3 -x --wrap bash ./lose.sh $sched >/dev/null
            flux job wait-event \$(flux job last) clean >/dev/null; cat flux-*.out"
        echo "$output"
        [[ "$output" == *'type="alloc" severity=0 note="'*'
2 Nodes, 4 Cores, 0 GPUs
0
2
flux-run: ERROR: '*"
1
0"* ]]
    done
}
