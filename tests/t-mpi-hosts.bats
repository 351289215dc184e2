#!/usr/bin/env bats
# MPI programs over two hosts, which have a network between them and nothing else

load common
load hosts
load mpi

setup() {
    cd "$BATS_TEST_TMPDIR"
    PIDS=()
    make_hosts 2
    [ -n "$SWITCH" ] || skip "name spaces of the network cannot be made here"
    export FLUX_URI=local://$PWD/local-0 PATH="$FLUX_BUILD/tests:$PATH"
}

teardown() {
    for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null || true; done
    remove_hosts
}

# an instance of test0 and test1, eight cores each
start_hosts() {
    flux keygen cert
    mkdir conf.d
    cat >conf.d/system.toml <<CONF
[bootstrap]
curve_cert = "$PWD/cert"
default_port = 8050
default_bind = "tcp://eth0:%p"
default_connect = "tcp://%h:%p"
hosts = [ { host = "test[0-1]" } ]
[resource]
noverify = true
[[resource.config]]
hosts = "test[0-1]"
cores = "0-7"
CONF
    for i in 1 0; do
        at_host $i
        "${AT[@]}" flux broker -c conf.d -Srundir="$PWD/run-$i" -Slocal-uri="local://$PWD/local-$i" \
            -Sbroker.rc2_none 2>"err$i" &
        PIDS[i]=$!
    done
    wait_until 20 all_free
}

all_free() {
    [ "$(timeout 10 flux resource list -s free -no '{nodelist}')" = "test[0-1]" ]
}

# run_common MPI-NAME: what tests/mpi.bash has for all
run_common() {
    echo "$COMMON" >script
    start_hosts
    MPI=$1 NODES=2 OPT=${2-} timeout $((100 * TEST_SLOW)) bash -ex script
    timeout 20 flux shutdown --quiet
}

@test "MPICH over two hosts" {
    build_mpi mpich "mpich libmpich-dev"
    run_common MPICH
}

@test "Open MPI over two hosts, by its Flux component" {
    ! sanitized || skip "Open MPI cannot load instrumented libraries"
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    run_common "Open MPI"
}

@test "Open MPI over two hosts, by PMIx" {
    need_pmix
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    run_common "Open MPI" "-o pmi=pmix"
}
