# Certificates, and instances that are started from [bootstrap].

load common

@test "flux keygen writes a certificate that only its owner can read" {
    (umask 000 && flux keygen a.cert)
    [ "$(stat -c %a a.cert)" = 600 ]
    grep -qE '^    public-key = "[^"]{40}"$' a.cert
    grep -qE '^    secret-key = "[^"]{40}"$' a.cert
    grep -qx "    name = \"$(hostname)\"" a.cert
    [ "$(ls)" = a.cert ]
}

@test "flux keygen makes other keys each time, and replaces a file" {
    flux keygen a.cert
    chmod 400 a.cert
    cp a.cert b.cert
    flux keygen a.cert
    [ "$(stat -c %a a.cert)" = 600 ]
    [ "$(grep -h -- -key a.cert b.cert | sed 's/.*= //' | sort -u | wc -l)" -eq 4 ]
}

@test "flux keygen sets name and metadata" {
    flux keygen -n fluke --meta=a=1,b.c='x y' --meta=d= a.cert
    grep -qx '    name = "fluke"' a.cert
    grep -qx '    a = "1"' a.cert
    grep -qx '    b.c = "x y"' a.cert
    grep -qx '    d = ""' a.cert
}

@test "flux keygen says what is wrong with its arguments" {
    run flux keygen
    [ $status -eq 1 ]
    run flux keygen a b
    [ $status -eq 1 ]
    run flux keygen --meta=foo a.cert
    [ $status -eq 1 ]
    [[ $output == *"'foo' is not of the form KEY=VAL"* ]]
    run flux keygen --meta='a b=c' a.cert
    [ $status -eq 1 ]
    run flux keygen /nonexistent/a.cert
    [ $status -eq 1 ]
    [[ $output == *"/nonexistent/a.cert: No such file or directory"* ]]
    run ls
    [ "$output" = "" ]
}

# whatever the fault, no process and no socket of it stays
teardown() {
    nothing_left
}

# table HOSTS...: a configuration of these entries, on the loopback interface, each
# broker at a port of its own that ends in its name
table() {
    local port=$((20000 + BATS_TEST_NUMBER * 100 + RANDOM % 400 * 10))
    [ -f cert ] || flux keygen cert
    cat >boot.toml <<CONF
[bootstrap]
curve_cert = "$PWD/cert"
default_port = $((port / 10))
default_bind = "tcp://127.0.0.1:%p%h"
default_connect = "tcp://localhost:%p%h"
hosts = [ $* ]
CONF
}

# table_start N ARGS...: an instance of the hosts 0 to N-1 of boot.toml
table_start() {
    local n=$1
    shift
    start_flux "$n" --test-hosts="[0-$((n - 1))]" -c boot.toml "$@"
}

# fails_soon TEXT: what was run has failed with one line, which has TEXT
fails_soon() {
    echo "$output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "flux-broker: "*"$1"* ]]
}

# alone ARGS...: a broker for which there is no good end
alone() {
    run timeout 10 flux broker -c boot.toml -Srundir="$PWD/run" -Sstatedir="$PWD/state" "$@" true
    [ ! -e run ]
    [ ! -e state ]
}

@test "hosts of the table are ranks, and rank 0 is the parent of all" {
    table '{ host = "[0-2]" }'
    run table_start 3 sh -c 'flux exec flux getattr hostname | sort
        flux overlay status --summary; flux overlay status
        for a in size broker.boot-method tbon.topo hostlist broker.mapping tbon.level; do
            flux getattr $a
        done; flux exec -r2 flux getattr hostlist'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "0 1 2 0 0: full 0 0: full ├─ 1 1: full └─ 2 2: full 3 config custom [0-2] [[0,3,1,1]] 0 [0-2]" ]
}

@test "a parent in the table makes another tree, and tbon.topo wins over it" {
    table '{ host = "[0-4]" }, { host = "[2,3]", parent = "1" }, { host = "4", parent = "3" }'
    run table_start 5 sh -c 'flux getattr tbon.maxlevel; flux exec -r1 flux getattr tbon.descendants
        for i in 1 2 3 4; do flux overlay parentof $i; done
        flux getattr broker.critical-ranks; flux run -N5 true && echo ran'
    echo "$output"
    [ "${lines[*]}" = "3 3 0 1 1 3 0-1,3 ran" ]
    run table_start 5 -Stbon.topo=kary:1 sh -c 'flux getattr tbon.topo
        for i in 1 2 3 4; do flux overlay parentof $i; done'
    [ "${lines[*]}" = "kary:1 0 1 2 3" ]
    printf '[tbon]\ntopo = "kary:2"\n' >>boot.toml
    run table_start 5 sh -c 'flux getattr tbon.topo; for i in 1 2 3 4; do flux overlay parentof $i; done'
    [ "${lines[*]}" = "kary:2 0 0 1 1" ]
}

@test "addresses may be IPv6, and sockets of one host, which are removed" {
    table '{ host = "[0-1]" }'
    sed -i 's,"tcp://[a-z0-9.]*:,"tcp://[::1]:,; 2i enable_ipv6 = true' boot.toml
    if grep -q :0001 /proc/net/if_inet6 2>/dev/null || grep -q 00000001 /proc/net/if_inet6; then
        run table_start 2 flux getattr tbon.endpoint
        echo "$output"
        [[ $output == "tcp://[::1]:"* ]]
    fi
    sed -i "s,\"tcp://.*\",\"ipc://$PWD/sock-%h\",; /enable_ipv6/d" boot.toml
    run table_start 2 sh -c 'flux exec -r1 flux getattr tbon.parent-endpoint; ls sock-*'
    echo "$output"
    [ "${lines[*]}" = "ipc://$PWD/sock-0 sock-0" ]
    [ ! -e sock-0 ]
}

@test "a table without hosts, or with this one, is an instance of one" {
    echo '[bootstrap]' >boot.toml
    run timeout 20 flux start -c boot.toml sh -c 'flux getattr size; flux getattr broker.boot-method
        flux getattr hostlist'
    [ "${lines[*]}" = "1 config $(hostname)" ]
    printf 'hosts = [{ host = "here" }]\n' >>boot.toml
    run timeout 20 flux start -c boot.toml -Shostname=here flux getattr hostlist
    [ "$output" = here ]
}

@test "broker.boot-method chooses whether the table is used" {
    table '{ host = "other" }'
    run timeout 20 flux start -c boot.toml -Sbroker.boot-method=single flux getattr broker.boot-method
    [ "$output" = single ]
    run timeout 20 flux start -Sbroker.boot-method=config true
    fails_soon "bootstrap"
}

@test "a host that is not in the table is an error" {
    table '{ host = "[1-3]" }'
    alone -Shostname=foo
    fails_soon "this host, foo, is not in bootstrap.hosts ([1-3])"
}

@test "a certificate that is missing, no certificate, or open to others is an error" {
    table '{ host = "[0-1]" }'
    chmod 644 cert
    alone -Shostname=0
    fails_soon "cert: others can use it (mode 0644)"
    echo nonsense >cert
    chmod 600 cert
    alone -Shostname=1
    fails_soon "cert: there is no public-key"
    rm cert
    alone -Shostname=1
    fails_soon "cert: No such file or directory"
    sed -i /curve/d boot.toml
    alone -Shostname=1
    fails_soon "bootstrap.curve_cert is not set"
}

@test "addresses to listen at may be of an interface, or of all" {
    for bind in "tcp://lo:%p%h" "tcp://*:%p%h" "tcp://127.0.0.1:%p%h"; do
        table '{ host = "[0-2]" }, { host = "2", parent = "1" }'
        sed -i "s,default_bind = .*,default_bind = \"$bind\"," boot.toml
        run table_start 3 flux getattr tbon.maxlevel
        echo "$output"
        [ "$output" = 2 ]
    done
}

@test "a mistake in the table is an error that names its place" {
    for pair in "prot = 1|bootstrap.prot: " "default_port = \"x\"|bootstrap.default_port is not an integer" \
        "enable_ipv6 = 1|bootstrap.enable_ipv6 is not true or false" \
        "curve_cert = 1|bootstrap.curve_cert is not a path" \
        "default_bind = 1|bootstrap.default_bind is not a string" \
        "default_connect = []|bootstrap.default_connect is not a string" \
        "default_port = 65536|bootstrap.default_port: 65536 is not a port" \
        "hosts = 3|bootstrap.hosts is not an array" "hosts = [3]|bootstrap.hosts[0] is not a table" \
        "hosts = [{}]|bootstrap.hosts[0] has no key host"; do
        printf '[bootstrap]\n%s\n' "${pair%|*}" >boot.toml
        alone -Shostname=0
        fails_soon "${pair#*|}"
    done
    table '{ host = "[0-1]", prot = "x" }'
    alone -Shostname=0
    fails_soon "bootstrap.hosts[0].prot: unknown key"
    table '{ host = "[0-1]" }, { host = "1", parent = "5" }'
    alone -Shostname=0
    fails_soon "bootstrap.hosts[1].parent: 5 is not the name of a host"
    table '{ host = "[0-2]" }, { host = "1", parent = "2" }, { host = "2", parent = "1" }'
    alone -Shostname=0
    fails_soon "circle"
    table '{ host = "0", bind = "tcp://%i" }, { host = "1" }'
    alone -Shostname=0
    fails_soon "bind of 0 is 'tcp://%i'"
}

@test "a port in use and an interface that there is not are errors" {
    table '{ host = "0", bind = "tcp://127.0.0.1:%p9" }, { host = "1" }'
    flux broker -c boot.toml -Shostname=0 -Sbroker.rc2_none -Sbroker.quorum=1 \
        -Srundir="$PWD/first" &
    wait_until 10 test -S first/local-0
    alone -Shostname=0
    kill $!
    wait $!
    fails_soon "Address already in use"
    table '{ host = "0", bind = "tcp://nosuchif0:%p" }, { host = "1" }'
    alone -Shostname=0
    fails_soon "No such device"
}

@test "a parent whose name resolves to nothing is an error" {
    table '{ host = "0", connect = "tcp://nosuch.invalid:%p" }, { host = "1" }'
    alone -Shostname=1
    fails_soon "tcp://nosuch.invalid:"
    table '{ host = "0", connect = "tcp://nosuch" }, { host = "1" }'
    alone -Shostname=1
    fails_soon "'tcp://nosuch' is not an address"
}

# follower_of FILE: a follower that is to fail, beside a leader of another configuration
follower_of() {
    local conf=$1
    flux broker -c "$conf" -Shostname=0 -Sbroker.rc2_none -Sbroker.quorum=1 \
        -Srundir="$PWD/first" 2>leader.err &
    wait_until 10 test -S first/local-0
    alone -Shostname=1
    kill $!
    wait $!
    cat leader.err
}

@test "a broker with another certificate gives up, and says so" {
    table '{ host = "[0-1]" }'
    flux keygen other
    sed 's,/cert",/other",' boot.toml >leader.toml
    SECONDS=0
    follower_of leader.toml
    [ $SECONDS -lt 8 ]
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"0 (rank 0): what listens at tcp://localhost:"*" does not accept the certificate"*"curve_cert"* ]]
}

@test "a broker with another list of hosts is refused" {
    table '{ host = "[0-1]" }'
    cp boot.toml leader.toml
    sed -i 's/\[0-1\]/[0-2]/' boot.toml
    follower_of leader.toml
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"rank 1 was started with another list of hosts (bootstrap.hosts)"* ]]
}

@test "of brokers that race for one rundir one stays, and the others say why they do not" {
    mkdir rd
    local pids=() up=0
    for i in 1 2 3 4 5; do
        flux broker -Srundir="$PWD/rd" -Sbroker.rc2_none 2>"err$i" &
        pids+=($!)
    done
    wait_until 10 sh -c 'test $(grep -l "another broker listens at .*/rd/local-0" err* | wc -l) -eq 4'
    FLUX_URI=local://$PWD/rd/local-0 timeout 10 flux getattr size
    # what has said so is gone soon
    wait_until 10 sh -c 'up=0; for p; do kill -0 $p 2>/dev/null && up=$((up + 1)); done; test $up -le 1' \
        sh "${pids[@]}"
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null && up=$((up + 1)); done
    wait
    [ $up -eq 1 ]
    [ "$(ls rd)" = "" ]
}

@test "a socket that a killed broker left is taken over" {
    mkdir rd
    flux broker -Srundir="$PWD/rd" -Sbroker.rc2_none &
    wait_until 10 test -S rd/local-0
    kill -9 $!
    wait $! || true
    [ -S rd/local-0 ]
    timeout 10 flux broker -Srundir="$PWD/rd" true
    [ "$(ls rd)" = "" ]
}
