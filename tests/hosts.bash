# hosts.bash - hosts for tests of instances over several of them
#
#   switch ── eth0 of test0 (10.91.0.10)
#          ── eth0 of test1 (10.91.0.11) ...
#
# A host is a network, host name and mount name space, held by a process that sleeps;
# they share the file system, but for /etc/hosts.  Without the right to make name spaces,
# a host is an address of the loopback interface and a name on the broker's command line.

SWITCH=
HOST_PIDS=()

can_have_hosts() {
    [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && unshare -num true 2>/dev/null \
        && unshare -n ip link add type bridge 2>/dev/null
}

host_address() {
    if [ -n "$SWITCH" ]; then echo "10.91.0.$((10 + $1))"; else echo "127.91.0.$((10 + $1))"; fi
}

# hold VAR UNSHARE-OPTIONS...: the pid of a process in name spaces of its own
hold() {
    local var=$1
    shift
    unshare "$@" sleep infinity 3>&- &
    printf -v "$var" %d $!
    disown $!
    # its name spaces are there when it has become sleep
    wait_until 5 grep -qx sleep "/proc/${!var}/comm"
}

in_switch() {
    nsenter -t "$SWITCH" -n "$@"
}

# make_hosts N: test0 ... testN-1
make_hosts() {
    local n=$1 pid
    for ((i = 0; i < n; i++)); do HOST_PIDS+=(""); done
    can_have_hosts || return 0
    hold SWITCH -n
    in_switch ip link add br0 type bridge
    in_switch ip link set br0 up
    printf '127.0.0.1 localhost\n' >hosts
    for ((i = 0; i < n; i++)); do echo "$(host_address $i) test$i" >>hosts; done
    for ((i = 0; i < n; i++)); do
        hold pid -num
        HOST_PIDS[i]=$pid
        in_switch ip link add "port$i" type veth peer name eth0 netns "$pid"
        in_switch ip link set "port$i" master br0 up
        on_host $i ip link set lo up
        on_host $i ip addr add "$(host_address $i)/24" dev eth0
        on_host $i ip link set eth0 up
        on_host $i hostname "test$i"
        on_host $i mount --bind hosts /etc/hosts
    done
}

remove_hosts() {
    for pid in "${HOST_PIDS[@]}" $SWITCH; do
        [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
    done
    HOST_PIDS=() SWITCH=
}

# at_host I: the array AT before a command runs it there, in the same process
at_host() {
    AT=(nsenter -t "${HOST_PIDS[$1]}" -n -u -m --wd="$PWD")
    [ -n "${HOST_PIDS[$1]}" ] || AT=(env)
}

# on_host I COMMAND...
on_host() {
    at_host "$1"
    shift
    "${AT[@]}" "$@"
}

# cable I up|down: the link between a host and the switch
cable() {
    in_switch ip link set "port$1" "$2"
}
