# The broker: boot at several sizes, exit codes, loss of a broker, no traces left

load common
export PATH="$FLUX_BUILD/tests:$PATH"

teardown() {
    # whatever an instance made in TMPDIR is gone when it is
    run ls -d "$TMPDIR"/flux-*
    [ "$status" -ne 0 ] || { echo "left behind: $output"; false; }
}

@test "an instance of one runs its initial program and returns its exit code" {
    run start_flux 1 flux getattr size
    [ "$status" -eq 0 ]
    [ "$output" = 1 ]
    run start_flux 1 false
    [ "$status" -eq 1 ]
    run start_flux 1 sh -c 'exit 42'
    [ "$status" -eq 42 ]
    run start_flux 1 sh -c 'kill -9 $$'
    [ "$status" -eq 137 ]
    run start_flux 1 /nonexistent/program
    [ "$status" -eq 127 ]
}

@test "the initial program: a shell line, a script without #!, one found here" {
    run start_flux 1 'echo one; exit 7'
    [ "$status" -eq 7 ]
    [ "$output" = one ]
    printf 'echo script $1\n' >script
    chmod +x script
    run start_flux 1 ./script x
    [ "$output" = "script x" ]
    run start_flux 1 script y
    [ "$output" = "script y" ]
    run start_flux 1 echo 'a  b' 'c;d'
    [ "$output" = "a  b c;d" ]
}

@test "the initial program does not inherit the enclosing job's variables" {
    FLUX_JOB_ID=f1 SLURM_JOB_ID=2 PMIX_X=3 FLUX_KVS_NAMESPACE=ns \
        run start_flux 1 env
    [ "$status" -eq 0 ]
    [[ "$output" != *FLUX_JOB_ID* ]]
    [[ "$output" != *SLURM_* ]]
    [[ "$output" != *PMIX_X* ]]
    [[ "$output" != *FLUX_KVS_NAMESPACE* ]]
    [[ "$output" == *"FLUX_URI=local://"* ]]
}

@test "sizes 4 and 16 boot; every rank answers; the tree is full" {
    run start_flux 4 sh -c 'flux getattr size; for r in 0 1 2 3; do
        flux ping --rank=$r --count=1 broker >/dev/null || exit 1; done'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 4 ]
    run start_flux 16 -Stbon.topo=kary:2 sh -c 'flux getattr tbon.maxlevel &&
        flux ping --rank=15 --count=1 broker >/dev/null'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 4 ]
}

@test "topologies: binomial, mincrit, flat" {
    for topo in binomial mincrit:2 kary:0; do
        run start_flux 8 -Stbon.topo=$topo flux ping --rank=7 --count=1 broker
        echo "$topo: $output"
        [ "$status" -eq 0 ]
    done
    run start_flux 8 -Stbon.topo=nonsense true
    [ "$status" -ne 0 ]
}

@test "tcp between brokers of one host" {
    run start_flux 3 -Stbon.prefertcp=1 -Stbon.interface-hint=127.0.0.0/8 \
        sh -c 'flux getattr tbon.endpoint; flux ping --rank=2 --count=1 broker'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == tcp://127.0.0.1:* ]]
}

# pid_of RANK: the broker of that rank (in the initial program's shell)
PID_OF='pid_of() { flux getattr broker.pid >/dev/null; rpc -r $1 attr.get "{\"name\":\"broker.pid\"}" | tr -cd "0-9:," | cut -d: -f2 | cut -d, -f1; }'

@test "a follower killed by force: EHOSTUNREACH to what waits for it" {
    run start_flux 4 --test-exit-mode=leader --test-exit-timeout=10s sh -c "$PID_OF"'
        rpc -s -r 3 log.dmesg "{\"follow\":true}" >stream.out 2>stream.err & stream=$!
        while ! grep -qs "quorum->run" stream.out; do command sleep 0.01; done
        kill -9 $(pid_of 3)
        wait $stream; echo stream $?
        flux ping --rank=3 --count=1 broker 2>&1
        flux ping --rank=2 --count=1 broker
        rpc overlay.health'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"stream 113"* ]]
    [[ "$output" == *"No route to host"* ]]
    [[ "$output" == *"broker.ping"*"seq=0"* ]]
    [[ "$output" == *'"status":"degraded"'* ]]
    [[ "$output" == *'"status":"lost"'*'"error":"lost connection"'* ]]
}

@test "a router killed by force takes its subtree with it; the rest goes on" {
    run start_flux 4 -Stbon.topo=kary:1 -Sbroker.quorum=4 --test-exit-mode=leader \
        --test-exit-timeout=10s sh -c "$PID_OF"'
        rpc -s groups.get "{\"name\":\"broker.online\"}" >online & g=$!
        while ! grep -qs "0-3" online; do command sleep 0.01; done
        kill -9 $(pid_of 1)
        while ! grep -qs "\"0\"" online; do command sleep 0.01; done
        rpc -r 3 broker.ping {}; echo ping $?
        kill $g'
    echo "$output"
    [ "$status" -eq 0 ] || [ "$status" -eq 143 ]
    [[ "$output" == *"ping 113"* ]]
}

@test "subscriptions reach across the tree, and only where they are" {
    run start_flux 8 -Stbon.topo=kary:2 sh -c '
        export FLUX_URI=$(rpc -r 7 attr.get "{\"name\":\"local-uri\"}" | cut -d\" -f4)
        flux event sub --count=2 test.a >sub.out & sub=$!
        while ! flux event pub -s test.a 2>/dev/null || ! grep -q test.a sub.out; do :; done
        flux event pub test.b
        flux event pub test.a
        wait $sub'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c test.a sub.out)" -eq 2 ]
    [ "$(grep -c test.b sub.out)" -eq 0 ]
}

@test "modules: remove answers ENOSYS, load brings it back, errors name the cause" {
    run start_flux 1 sh -c '
        rpc module.list | tr "{" "\n" | grep -c heartbeat
        rpc module.remove "{\"name\":\"heartbeat\"}"
        rpc heartbeat.ping {}; echo ping $?
        rpc module.remove "{\"name\":\"heartbeat\"}"; echo again $?
        rpc module.load "{\"path\":\"heartbeat\",\"args\":[]}"
        rpc heartbeat.ping {} >/dev/null; echo ping $?
        rpc module.load "{\"path\":\"heartbeat\"}"; echo twice $?
        rpc module.load "{\"path\":\"nosuch\"}"; echo none $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"ping 38"*"again 2"*"ping 0"*"twice 17"*"none 2"* ]]
}

@test "a user's module: load, services, another name, failure, loss" {
    export MOD="$FLUX_BUILD/tests/testmod.so"
    run start_flux 1 -Sbroker.module-nopanic=1 sh -c '
        load() { rpc module.load "{\"path\":\"$MOD\"$1}"; echo "rc=$?"; }
        load
        rpc testmod.hello
        load
        load ",\"name\":\"other\",\"args\":[\"service=extra\"]"
        rpc module.list | tr "{" "\n" | grep other
        rpc extra.hello; echo no method $?
        rpc module.remove "{\"name\":\"other\"}"; rpc other.hello; echo gone $?
        load ",\"name\":\"third\",\"args\":[\"fail\"]"
        rpc testmod.die; echo died $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *'rc=0'*'{"hello":"testmod"}'*'rc=17'*'rc=0'*'["extra"]'* ]]
    [[ "$output" == *'no method 38'*'gone 38'*'rc=18'*'died 38'* ]]
}

@test "a user's module takes the place of a built-in one and gives it back" {
    export MOD="$FLUX_BUILD/tests/testmod.so"
    run start_flux 1 sh -c '
        rpc module.load "{\"path\":\"$MOD\",\"name\":\"heartbeat\"}"
        rpc heartbeat.hello
        rpc module.remove "{\"name\":\"heartbeat\"}"
        rpc module.load "{\"path\":\"heartbeat\"}"
        rpc heartbeat.stats-get'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *'{"hello":"heartbeat"}'*'"period":2'* ]]
}

@test "a module that fails while it runs brings the instance down" {
    run start_flux 1 sh -c "rpc module.load '{\"path\":\"$FLUX_BUILD/tests/testmod.so\"}'
        rpc testmod.die
        command sleep 30"
    echo "$output"
    [ "$status" -eq 129 ]
    [[ "$output" == *"module testmod exited with error"* ]]
}

@test "rc1 and rc3 may be programs, or nothing" {
    run start_flux 1 -Sbroker.rc1_path= -Sbroker.rc3_path= rpc module.list
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" != *heartbeat* ]]
    run start_flux 1 -Sbroker.rc3_path='echo bye >rc3.out' \
        -Sbroker.rc1_path='rpc module.load "{\"path\":\"heartbeat\"}"' rpc module.list
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *heartbeat* ]]
    [ "$(cat rc3.out)" = bye ]
    run start_flux 1 -Sbroker.rc1_path=false true
    [ "$status" -eq 1 ]
}

@test "configuration: read, reloaded, the same on followers" {
    mkdir conf
    printf '[test]\nkey = "one"\n' >conf/a.toml
    run start_flux 4 -Stbon.topo=kary:2 --config-path=$PWD/conf \
        --conf=test.other=2 sh -c '
        rpc -r 3 config.get
        printf "[test]\nkey = \"two\"\n" >conf/a.toml
        rpc config.reload
        while ! rpc -r 3 config.get | grep two; do :; done
        printf "[heartbeat]\nperiod = \"never\"\n" >conf/a.toml
        rpc config.reload; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *'"key":"one"'* ]]
    [[ "${lines[0]}" == *'"other":2'* ]]
    [[ "$output" == *"heartbeat.period"* ]]
    run start_flux 1 --config-path=/nonexistent true
    [ "$status" -ne 0 ]
}

@test "attributes: unknown, informational, and badly valued ones are refused" {
    run start_flux 1 -Sbroker.quorm=1 true
    [ "$status" -ne 0 ]
    [[ "$output" == *"broker.quorm"* ]]
    run start_flux 1 -Srank=3 true
    [ "$status" -ne 0 ]
    run start_flux 1 -Sbroker.quorum=7 true
    [ "$status" -ne 0 ]
    run start_flux 1 -Slog-level=loud true
    [ "$status" -ne 0 ]
}

@test "a terminating signal shuts the instance down" {
    run start_flux 1 sh -c 'kill -TERM $PPID; command sleep 30'
    echo "$output"
    [ "$status" -eq 129 ]
}

@test "statedir stays if it was there, rundir may be given" {
    mkdir -m 700 state run
    run start_flux 1 -Sstatedir=$PWD/state -Srundir=$PWD/run flux getattr rundir
    [ "$status" -eq 0 ]
    [ "$output" = "$PWD/run" ]
    [ -d state ]
    [ -d run ]
    [ -z "$(ls run)" ]
}

@test "attributes of what is not there are refused, before and after boot" {
    for a in content.restore=nosuch content.backing-module=content-s3 \
        tbon.zmqdebug=x broker.sd-notify=maybe broker.sd-stop-timeout=soon; do
        run start_flux 1 -S$a true
        echo "$a: $output"
        [ "$status" -eq 1 ]
        [[ "$output" == *"${a%=*}"* ]]
    done
    run start_flux 1 -Stbon.zmqdebug=0 -Scontent.backing-module=content-sqlite true
    [ "$status" -eq 0 ]
}

@test "flux start -o,-v: brokers tell their rank, size and network endpoint" {
    run start_flux 2 -o,-v -Stbon.prefertcp=1 -Stbon.interface-hint=127.0.0.0/8 true
    echo "$output"
    grep -q 'boot: rank=0 size=2 .* endpoint=tcp://127.0.0.1:[0-9]*$' <<<"$output"
    grep -q 'boot: rank=1 size=2 .* endpoint=none$' <<<"$output"
}

@test "tbon.zmqdebug logs what happens to connections" {
    run start_flux 2 flux dmesg
    [[ "$output" != *" socket: "* ]]
    for how in -Stbon.zmqdebug=1 --conf=tbon.zmqdebug=1; do
        run start_flux 2 $how sh -c 'flux dmesg; flux exec -r1 flux dmesg; flux getattr tbon.zmqdebug'
        grep -q 'broker.debug\[0\]: child socket: listening: ipc://' <<<"$output"
        grep -q 'broker.debug\[0\]: child socket: handshake succeeded: ipc://' <<<"$output"
        grep -q 'broker.debug\[1\]: parent socket: connected: ipc://' <<<"$output"
        [ "${lines[-1]}" = 1 ]
    done
}

@test "flux start --test-start-mode=leader: the others are offline" {
    run start_fake 3 4 --test-start-mode=leader -Sbroker.quorum=1 sh -c '
        flux overlay status; flux getattr hostlist; flux resource list -s down -no "{nnodes}"; flux run hostname'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "0 node0: partial
├─ 1 node1: offline
└─ 2 node2: offline
node[0-2]
2
$(hostname)" ]
    # the leader waits for them otherwise, and says so
    run start_flux 2 --test-start-mode=leader -Sbroker.quorum-warn=50ms --wrap=timeout,1 true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"quorum delayed: 1 of 2 brokers are online"* ]]
}

@test "the interface hint is taken over from the enclosing instance" {
    run start_flux 1 flux getattr tbon.interface-hint
    [ "$output" = default-route ]
    run start_flux 1 -Stbon.interface-hint=127.0.0.0/8 flux run flux start flux getattr tbon.interface-hint
    echo "$output"
    [ "$output" = 127.0.0.0/8 ]
    # a change is for instances that start after it, and not for this one
    run start_flux 1 bash -ec 'flux run true; flux setattr tbon.interface-hint hostname
        flux run flux start flux getattr tbon.interface-hint'
    [ "$output" = hostname ]
}

@test "systemd is told the state of the broker" {
    command -v python3 >/dev/null || skip "no python3"
    cat >listen.py <<'PY'
import socket
s = socket.socket (socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind ("notify")
open ("listening", "w")
while True:
    t = s.recv (1000).decode ()
    print (t, flush=True)
    if "STATUS=exit" in t:
        break
PY
    python3 listen.py >told &
    wait_until 5 test -e listening
    NOTIFY_SOCKET=$PWD/notify run start_flux 1 -Sbroker.sd-notify=1 -Sbroker.sd-stop-timeout=10s true
    echo "$output"
    [ "$status" -eq 0 ]
    wait
    cat told
    grep -q READY=1 told
    grep -q STOPPING=1 told
    grep -q EXTEND_TIMEOUT_USEC=10000000 told
    [ "$(grep -c READY=1 told)" -eq 1 ]
}

@test "the tbon attributes tell what is in force: default, configuration, option" {
    printf '[tbon]\ntcp_user_timeout = "2m"\ntorpid_min = "1.5s"\nzmq_io_threads = 2\n' >conf.toml
    run start_flux 2 --config-path=conf.toml -Stbon.torpid_max=40s sh -c '
        for a in tcp_user_timeout torpid_min torpid_max zmq_io_threads connect_timeout child_rcvhwm zmqdebug; do
            flux getattr tbon.$a
        done
        printf "[tbon]\ntorpid_min = \"2s\"\ntorpid_max = \"1s\"\n" | flux config load
        flux getattr tbon.torpid_min; flux getattr tbon.torpid_max'
    echo "$output"
    [ "$(tr '\n' ' ' <<<"$output")" = "2m 1.5s 40s 2 30s 0 0 2s 40s " ]
}

@test "tbon.torpid times change with the configuration" {
    mkdir conf
    run start_flux 2 --config-path=$PWD/conf --test-exit-mode=leader --test-exit-timeout=3s sh -c "$PID_OF"'
        pid=$(pid_of 1)
        printf "[tbon]\ntorpid_max = \"soon\"\n" >conf/a.toml
        flux config reload
        printf "[tbon]\ntorpid_max = \"0.4s\"\ntorpid_min = \"0.1s\"\n" >conf/a.toml
        flux config reload || exit 1
        rpc -s groups.get "{\"name\":\"broker.torpid\"}" >torpid & g=$!
        sleep 1
        grep -q "\"1\"" torpid && echo torpid without reason
        kill -STOP $pid
        for i in $(seq 100); do grep -q "\"1\"" torpid && break; sleep 0.05; done
        kill -CONT $pid
        tail -n1 torpid; kill $g'
    echo "$output"
    [[ "$output" == *"tbon.torpid_max"*soon* ]]
    [[ "$output" != *"without reason"* ]]
    grep -q '"1"' torpid
}

@test "attributes have their defaults; a value that is none is refused while the broker runs" {
    run start_flux 2 sh -c '
        for a in broker.rc1_path broker.rc3_path content.backing-module tbon.prefertcp; do flux getattr $a; done
        flux lsattr | grep -c -x -e conf.shell_initrc -e conf.shell_pluginpath
        flux exec -r1 flux getattr content.backing-module
        flux setattr log-stderr-level loud; flux setattr log-stderr-level 8; flux setattr log-stderr-level 4
        flux setattr log-level 6; flux setattr -f log-level six; flux setattr -f log-level 6
        flux setattr -f log-stderr-mode both; flux setattr -f log-filename /none/x
        rpc attr.rm "{\"name\":\"log-level\",\"force\":true}"
        flux getattr log-stderr-level; flux getattr log-level; flux getattr log-stderr-mode'
    echo "$output"
    [[ "$output" == "flux modprobe rc1
flux modprobe rc3
content-sqlite
0
2
"*"no such broker attribute"*"'loud' is not an integer"*"8 is not in the range"*"(--force sets it all the same)"*"'six' is not"* ]]
    [[ "$output" == *"must be leader or local"*"log-filename /none/x: No such file"*"
4
6
leader" ]]
}
