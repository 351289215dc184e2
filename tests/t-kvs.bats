# the key value store: what is kept, what is seen where, the life of its services

load common

@test "a state directory keeps keys, versions and namespaces over a restart" {
    run start_flux 1 --setattr=statedir=$PWD/state true
    [ "$status" -eq 0 ]
    mkdir -p state
    run start_flux 1 --setattr=statedir=$PWD/state sh -c '
        flux kvs put kept.a=1 kept.b=2
        flux kvs put --append kept.log="one "; flux kvs put --append kept.log=two
        flux kvs link kept.a kept.link; flux kvs mkdir kept.dir
        flux kvs unlink kept.b
        flux kvs namespace create other; flux kvs put -N other x=y
        flux kvs getroot -b >root; flux kvs version >version'
    echo "$output"
    [ "$status" -eq 0 ]
    run start_flux 1 --setattr=statedir=$PWD/state sh -c '
        flux kvs get kept.link kept.log; flux kvs ls -F kept
        flux kvs get -N other x
        flux kvs get kept.b
        test "$(flux kvs version)" -ge "$(cat version)" && echo goes on'
    echo "$output"
    [[ "$output" == *"1
one two"* ]]
    [[ "$output" == *"dir."* && "$output" == *"link@"* ]]
    [[ "$output" == *"y
flux-kvs: ERROR: kept.b: no such key"* ]]
    [[ "$output" == *"goes on" ]]
}

@test "what was answered survives kill -9 of the broker" {
    mkdir state
    cat >writer <<'SH'
#!/bin/sh
i=0
while flux kvs put k.$i=$i && echo $i >>acked; do i=$((i + 1)); done
SH
    chmod +x writer
    start_flux 1 --setattr=statedir=$PWD/state sh -c \
        'flux getattr broker.pid >pid; exec ./writer' 2>/dev/null 3>&- &
    local child=$!
    wait_until 20 sh -c '[ -e acked ] && [ $(wc -l <acked) -ge 20 ]'
    kill -9 "$(cat pid)"
    wait $child || true
    run start_flux 1 --setattr=statedir=$PWD/state sh -c '
        for i in $(cat acked); do
            test "$(flux kvs get k.$i)" = $i || echo "lost $i"
        done; echo checked'
    echo "$output"
    [ "$output" = checked ]
}

@test "two brokers cannot have the same state directory" {
    mkdir state
    run start_flux 1 --setattr=statedir=$PWD/state \
        timeout 20 flux start --setattr=statedir=$PWD/state true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"in use by another broker"* ]]
}

@test "every rank reads what any rank wrote" {
    run start_flux 4 sh -c '
        flux exec -r 3 flux kvs put w=3
        flux exec -r 0-2 flux kvs get w
        flux exec -r 1 flux kvs put --append w=1
        flux exec -r 2 flux kvs get w
        flux exec -r 3 flux kvs get none
        flux exec -r 2 flux kvs get --waitcreate late & sleep 0.2
        flux kvs put late=here; wait'
    echo "$output"
    [ "$(echo "$output" | grep -v Exit)" = "3
3
3
31
flux-kvs: ERROR: none: no such key
here" ]
}

@test "a watcher on another rank gets each append, and goes with its client" {
    run start_flux 2 sh -c '
        flux kvs put log=a
        flux exec -r 1 flux kvs get --watch --append --count=3 log >out &
        until [ -s out ]; do :; done
        flux kvs put --append log=b; flux kvs put --append log=c; wait
        cat out
        flux exec -r 1 timeout 0.5 flux kvs get --watch log >/dev/null
        until flux module stats kvs-watch | grep "\"watchers\": 0"; do :; done'
    echo "$output"
    [ "$(echo "$output" | grep -v Exit | head -3)" = "a
b
c" ]
    [[ "$output" == *'"watchers": 0'* ]]
}

@test "removing and loading the services keeps the tree" {
    run start_flux 1 sh -c '
        flux kvs put a=1
        flux module remove kvs-watch; flux module remove kvs
        flux kvs get a
        flux module load kvs; flux module load kvs-watch
        flux kvs get a; flux kvs put a=2; flux module reload kvs; flux kvs get a
        flux module remove kvs; flux module load kvs nonsense'
    echo "$output"
    [[ "$output" == *"No service matching kvs.lookup is registered"* ]]
    [[ "$output" == *"1
2"* ]]
    [[ "$output" == *"unknown option nonsense"* ]]
}

@test "nothing of the store is loaded before it is needed" {
    run start_flux 1 sh -c '
        flux kvs put a=1; flux kvs get a
        grep -c -E "sqlite|libcrypto" /proc/$(flux getattr broker.pid)/maps'
    echo "$output"
    [ "$output" = "1
0" ]
}

@test "a key of the table kvs that is wrong is refused" {
    run start_flux 1 bash -c '
        for t in "checkpoint-period = \"soon\"" "nosuch = 1" "gc-threshold = -1" "gc-threshold = \"x\""; do
            printf "[kvs]\n%s\n" "$t" | flux config load 2>&1 | grep -o "kvs[:.].*"
        done
        printf "[kvs]\ncheckpoint-period = \"30m\"\ngc-threshold = 5\n" | flux config load; echo $?'
    echo "$output"
    [ "$output" = "kvs.checkpoint-period: 'soon' is not a duration like 30m
kvs.nosuch: unknown key: there are checkpoint-period gc-threshold
kvs.gc-threshold is not a number of commits
kvs.gc-threshold: want an integer
0" ]
}

@test "every rank tells the hash of the content (RFC 10), and references use it" {
    run start_flux 2 sh -c 'flux getattr content.hash; flux exec -r 1 flux getattr content.hash'
    echo "$output"
    [ "$output" = "$(printf 'sha1\nsha1')" ]
    run start_flux 1 --setattr=content.hash=sha256 sh -c 'flux getattr content.hash
        echo x | flux content store; flux kvs put a=1; flux kvs getroot -b'
    echo "$output"
    [ "${lines[0]}" = sha256 ]
    [[ "${lines[1]}" == sha256-* && "${lines[2]}" == sha256-* ]]
}

@test "what was committed is brought to the disk after each checkpoint-period, if there is any" {
    cat >s <<'SH'
syncs() { flux module stats kvs | sed -n 's/.*"syncs": \([0-9]*\).*/\1/p'; }
flux kvs put a=1
until [ "$(syncs)" -ge 1 ]; do :; done
n=$(syncs); flux kvs put --sync a=2; echo $(($(syncs) - n))
flux kvs put a=3; n=$(syncs); until [ "$(syncs)" -gt "$n" ]; do :; done
SH
    run start_flux 1 --setattr=statedir="$PWD" --conf=kvs.checkpoint-period='"0.1s"' sh s
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" -ge 1 ]
    run start_flux 1 --setattr=statedir="$PWD" sh -c 'flux kvs get a; flux kvs put a=4; flux module stats kvs | grep -o "\"syncs\": 0"'
    echo "$output"
    [ "$output" = '3
"syncs": 0' ]
}

@test "arguments of the module kvs: a root to begin with, commits that are not merged" {
    cat >s <<'SH'
flux kvs put a=1; R=$(flux kvs getroot -b); flux kvs put a=2
flux module remove kvs
flux module load kvs initial-rootref=x; flux module load kvs transaction-merge=2; flux module load kvs nosuch=1
flux module load kvs initial-rootref=$R transaction-merge=0; flux kvs get a
flux kvs get --watch --count=101 a >seen & watcher=$!
until grep -qs 1 seen; do :; done
for i in $(seq 100); do flux kvs put a=$i & done; wait
sort -n seen | uniq | wc -l
SH
    run start_flux 1 --setattr=statedir="$PWD" bash s
    echo "$output"
    [[ "${lines[0]}" == *"initial-rootref=x: not a blobref" ]]
    [[ "${lines[1]}" == *"transaction-merge=2: want 0 or 1" ]]
    [[ "${lines[2]}" == *"unknown option nosuch=1: there are initial-rootref and transaction-merge" ]]
    [ "${lines[3]}" = 1 ]
    [ "${lines[4]}" = 100 ]
}
