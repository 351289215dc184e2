# An instance over four hosts, started by hand as a site would by systemd.

load common
load hosts

setup() {
    cd "$BATS_TEST_TMPDIR"
    make_hosts 4
    [ -n "$SWITCH" ] || skip "name spaces of the network cannot be made here"
    flux keygen cert
    mkdir conf.d
    PIDS=()
    export FLUX_URI=local://$PWD/local-0
}

teardown() {
    for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null || true; done
    remove_hosts
}

# table ENTRIES: the configuration of all hosts
table() {
    cat >conf.d/system.toml <<CONF
[bootstrap]
curve_cert = "$PWD/cert"
default_port = 8050
default_bind = "tcp://eth0:%p"
default_connect = "tcp://%h:%p"
hosts = [ $* ]
[tbon]
torpid_min = "0.2s"
torpid_max = "1s"
tcp_user_timeout = "2s"
[exec]
reconnect-timeout = "0.5s"
[resource]
noverify = true
[[resource.config]]
hosts = "test[0-3]"
cores = "0-1"
CONF
}

# broker I...: start those of these hosts
broker() {
    for i in "$@"; do
        at_host "$i"
        "${AT[@]}" flux broker -c conf.d -Srundir="$PWD/run-$i" -Sstatedir="$PWD/state" \
            -Slocal-uri="local://$PWD/local-$i" -Slog-stderr-mode=local -Slog-stderr-level=6 \
            -Sbroker.rc2_none -Sbroker.quorum=1 -Sbroker.quorum-warn=none \
            -Sbroker.exit-norestart=42 2>"err$i" &
        PIDS[i]=$!
    done
}

# is STATUS RANK: what rank 0 knows of it
is() {
    timeout 10 flux overlay status | grep -qE "[ ─]$2 test$2: $1\$|^$2 test$2: $1\$"
}

# nodes STATE: hosts in that state, as the scheduler sees them
nodes() {
    timeout 10 flux resource list -s "$1" -no '{nodelist}'
}

nodes_are() {
    [ "$(nodes "$1")" = "$2" ]
}

ended() {
    ! kill -0 "${PIDS[$1]}" 2>/dev/null
}

# ends I RC: it ends, with that exit code (or any but 0: "error"; or "any")
ends() {
    local rc=0
    wait_until 10 ended "$1"
    wait "${PIDS[$1]}" || rc=$?
    echo "test$1: exit $rc"
    case $2 in
    any) ;;
    error) [ $rc -ne 0 ] ;;
    *) [ $rc -eq "$2" ] ;;
    esac
}

@test "four hosts in a tree of three levels run jobs, and shut down together" {
    table '{ host = "test[0-3]" }, { host = "test[2-3]", parent = "test1" }'
    broker 3 2 1 0
    wait_until 20 nodes_are free 'test[0-3]'
    run timeout 20 flux run -N4 hostname
    [ "$(sort <<<"$output" | xargs)" = "test0 test1 test2 test3" ]
    [ "$(timeout 10 flux overlay parentof 3)" = 1 ]
    [ "$(timeout 10 flux exec -r3 flux getattr tbon.parent-endpoint)" = tcp://test1:8050 ]
    [ "$(timeout 10 flux getattr tbon.endpoint)" = "tcp://$(host_address 0):8050" ]
    timeout 20 flux shutdown --quiet
    ends 0 42
    for i in 1 2 3; do ends $i 0; done
    run find . -type s
    [ -z "$output" ]
}

@test "a late host waits for its parent, and its resources come up when it is there" {
    table '{ host = "test[0-3]" }, { host = "test3", parent = "test1" }'
    broker 0 2 3
    wait_until 20 nodes_are free 'test[0,2]'
    nodes_are down 'test[1,3]'
    is partial 0
    is offline 3
    timeout 10 flux submit -N4 hostname >id
    broker 1
    timeout 20 flux job attach "$(cat id)" | sort | xargs >out
    [ "$(cat out)" = "test0 test1 test2 test3" ]
    wait_until 10 is full 0
}

@test "a lost host fails its job and goes down; it comes back and runs jobs again" {
    table '{ host = "test[0-3]" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    id=$(timeout 10 flux submit --requires=host:test2 sleep 100)
    timeout 10 flux job wait-event -t 10 "$id" start
    kill -9 "${PIDS[2]}"
    timeout 10 flux job wait-event -t 10 -m type=lost-shell "$id" exception
    wait_until 10 is lost 2
    timeout 10 flux overlay errors | grep -q 'test2: lost connection'
    wait_until 10 nodes_are down test2
    ends 2 137
    broker 2
    wait_until 10 is full 0
    wait_until 10 nodes_are free 'test[0-3]'
    [ "$(timeout 20 flux run --requires=host:test2 hostname)" = test2 ]
}

@test "a host that is disconnected is lost, and is told why; the others go on" {
    table '{ host = "test[0-3]" }, { host = "test3", parent = "test2" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    run timeout 10 flux overlay disconnect test2
    [ "$output" = "flux-overlay: asking test0 (rank 0) to disconnect child test2 (rank 2)" ]
    [ "$status" -eq 0 ]
    ends 2 error
    ends 3 any
    grep -q 'it disconnected this broker' err2
    is degraded 0
    is lost 2
    [ "$(timeout 10 flux overlay lookup test3)" = 3 ]
    timeout 10 flux overlay errors | grep -q 'test2: administrative disconnect'
    wait_until 10 nodes_are free 'test[0-1]'
    broker 3 2
    wait_until 20 nodes_are free 'test[0-3]'
    is full 0
}

@test "a host that falls silent gets no new jobs until it speaks again; its job goes on" {
    table '{ host = "test[0-3]" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    id=$(timeout 10 flux submit --requires=host:test3 sleep 3)
    timeout 10 flux job wait-event -t 10 "$id" start
    kill -STOP "${PIDS[3]}"
    wait_until 10 nodes_are down test3
    timeout 10 flux submit --requires=host:test3 true >waiting
    is full 0
    kill -CONT "${PIDS[3]}"
    timeout 20 flux job wait-event -t 15 "$(cat waiting)" clean
    timeout 10 flux job attach "$id"
    nodes_are free 'test[0-3]'
}

@test "a router that is stopped takes its subtree along, which waits for its return" {
    table '{ host = "test[0-3]" }, { host = "test[2-3]", parent = "test1" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    kill "${PIDS[1]}"
    ends 1 0
    for i in 2 3; do ends $i 0; done
    wait_until 10 is offline 1
    wait_until 10 nodes_are down 'test[1-3]'
    broker 3 2
    broker 1
    wait_until 20 nodes_are free 'test[0-3]'
    is full 0
}

@test "a host whose cable is pulled is lost; when it is back, it is told to start again" {
    table '{ host = "test[0-3]" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    cable 3 down
    wait_until 20 is lost 3
    nodes_are free 'test[0-2]'
    [ "$(timeout 20 flux run -N3 hostname | wc -l)" -eq 3 ]
    cable 3 up
    ends 3 error
    broker 3
    wait_until 20 nodes_are free 'test[0-3]'
}

@test "the leader is killed: the others exit, and find it again" {
    table '{ host = "test[0-3]" }, { host = "test3", parent = "test1" }'
    broker 0 1 2 3
    wait_until 20 nodes_are free 'test[0-3]'
    id=$(timeout 10 flux submit -N4 true)
    timeout 10 flux job wait-event -t 10 "$id" clean
    kill -9 "${PIDS[0]}"
    ends 0 137
    ends 1 error
    ends 2 error
    ends 3 any
    broker 1 2 3 0
    wait_until 20 nodes_are free 'test[0-3]'
    timeout 20 flux queue drain
    [ "$(timeout 10 flux jobs -ano '{status}')" = COMPLETED ]
}
