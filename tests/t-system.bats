# A system instance: two hosts, brokers of user flux with the command line of the unit
# file, the socket that commands use where FLUX_URI is not set.

load common
load hosts

FLUX_UID=1990 ALICE=1991 BOB=1992

setup() {
    cd "$BATS_TEST_TMPDIR"
    make_hosts 2
    [ -n "$SWITCH" ] || skip "name spaces cannot be made here"
    PIDS=() MUNGED=
    make_users
    mkdir -p site/conf.d home
    chmod 1777 home
    for i in 0 1; do furnish $i; done
    on_host 0 setpriv --reuid=$FLUX_UID --regid=$FLUX_UID --clear-groups flux version >/dev/null \
        || skip "$FLUX_BUILD cannot be reached by other users"
    as flux flux keygen /mnt/home/cert
    write_config
}

teardown() {
    for p in "${PIDS[@]}" $MUNGED; do kill -9 "$p" 2>/dev/null || true; done
    remove_hosts
}

make_users() {
    { cat /etc/passwd; for u in flux:$FLUX_UID alice:$ALICE bob:$BOB; do
        echo "${u%:*}:x:${u#*:}:${u#*:}::/mnt/home:/bin/sh"; done; } >passwd
    { cat /etc/group; for u in flux:$FLUX_UID alice:$ALICE bob:$BOB; do
        echo "${u%:*}:x:${u#*:}:"; done; echo "ops:x:1999:bob"; } >group
}

# furnish I: what systemd and the administrator prepare on a host
furnish() {
    chmod 755 .
    on_host "$1" mount --bind passwd /etc/passwd
    on_host "$1" mount --bind group /etc/group
    on_host "$1" mount --bind "$PWD" /mnt
    on_host "$1" mount -t tmpfs none /run
    on_host "$1" mount -t tmpfs none /var/lib
    on_host "$1" install -d -o $FLUX_UID -g $FLUX_UID -m 755 /run/flux
    on_host "$1" install -d -o $FLUX_UID -g $FLUX_UID -m 700 /var/lib/flux
}

# write_config TOML: of all hosts, with more lines
write_config() {
    cat >site/conf.d/system.toml <<CONF
[bootstrap]
curve_cert = "/mnt/home/cert"
default_port = 8050
default_bind = "tcp://eth0:%p"
default_connect = "tcp://%h:%p"
hosts = [ { host = "test[0-1]" } ]
[resource]
noverify = true
[[resource.config]]
hosts = "test[0-1]"
cores = "0-3"
CONF
    printf '%s\n' "${@-}" >>site/conf.d/system.toml
}

# user I NAME: the array AT before a command runs it on that host as that user, in a
# shell that knows of no instance
user() {
    local id
    id=$(awk -F: -v n="$2" '$1 == n { print $3 }' passwd)
    AT=(nsenter -t "${HOST_PIDS[$1]}" -n -u -m env -C /mnt/home -u FLUX_URI HOME=/mnt/home
        TMPDIR=/tmp setpriv --reuid="$id" --regid="$id" --init-groups)
}

# as NAME COMMAND...: on test0
as() {
    user 0 "$1"
    shift
    timeout 40 "${AT[@]}" "$@"
}

# systemctl_start I...: what the unit would do on these hosts
systemctl_start() {
    local words
    read -ra words < <(sed -n '/^ExecStart=/,/[^\\]$/ { s/^ExecStart=//; s/\\$//; p }' \
        "$FLUX_BUILD/etc/flux.service" | tr '\n' ' '; echo)
    [ "${words[1]}" = broker ]
    for i in "$@"; do
        user "$i" flux
        "${AT[@]}" flux broker --config-path=/mnt/site/conf.d "${words[@]:3}" 2>"err$i" &
        PIDS[i]=$!
    done
}

# nodes_up N: as the scheduler sees it
nodes_up() {
    [ "$(as flux flux resource list -s free -no '{nnodes}' 2>/dev/null)" = "$1" ]
}

ended() {
    ! kill -0 "${PIDS[$1]}" 2>/dev/null
}

# one_line TEXT: it failed with one line, which has TEXT
one_line() {
    echo "$output"
    [ "$status" -ne 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"$1"* ]]
}

shut_down() {
    as flux flux shutdown --quiet
    wait_until 20 ended 0
    local rc=0
    wait "${PIDS[0]}" || rc=$?
    [ $rc -eq 42 ]
}

@test "commands of any shell find the instance by its socket" {
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    run as flux sh -c 'for a in local-uri statedir instance-level config.path; do flux getattr $a; done
        flux run -N2 hostname | sort; flux submit true >/dev/null
        flux queue drain; flux jobs -ano "{status}"; flux resource status -no "{state} {nodelist}"
        flux queue status; flux overlay status --summary; flux uri --local .; flux uri --remote /
        flux proxy local:///run/flux/local flux getattr size'
    echo "$output"
    [ "${lines[*]}" = "local:///run/flux/local /var/lib/flux 0 /mnt/site/conf.d test0 test1 \
COMPLETED COMPLETED avail test[0-1] Job submission is enabled Scheduling is started 0 test0: full \
local:///run/flux/local ssh://test0/run/flux/local 2" ]
    as flux flux uptime | grep -q "run .*owner flux,  depth 0,  size 2"
    user 1 flux
    [ "$("${AT[@]}" flux getattr rank)" = 1 ]
    [ "$("${AT[@]}" flux run --requires=rank:0 hostname)" = test0 ]
    ! grep -E '(err|crit|warning)\[' err0 err1
}

@test "flux start --sysconfig begins with the configuration of the system instance" {
    mkdir -p etc/system
    cp -r site/conf.d etc/system/
    on_host 0 mount --bind etc "$FLUX_TOP/etc"
    run as flux flux start --sysconfig -Sbroker.quorum=1 sh -c 'flux getattr config.path
        flux getattr broker.boot-method; flux getattr size; flux config get bootstrap.default_port'
    echo "$output"
    [ "${lines[*]}" = "$FLUX_TOP/etc/system/conf.d config 2 8050" ]
    [ "$(as flux flux config get -c system bootstrap.default_port)" = 8050 ]
}

@test "a batch job and an allocation nest under it" {
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    as flux sh -c 'cat >job.sh <<"JOB"
#!/bin/sh
flux getattr size; flux getattr instance-level; flux getattr broker.boot-method
flux getattr parent-uri; flux run -N2 hostname | sort; flux --parent getattr hostlist
JOB
        chmod +x job.sh
        id=$(flux batch -N2 --output=out ./job.sh); flux job attach $id; cat out
        flux alloc -N1 flux getattr size; flux uri --local $(flux job last) || true' >got
    cat got
    [ "$(xargs <got)" != "" ]
    grep -qx 'local:///run/flux/local' got
    [ "$(sed -n '1,7p' got | xargs)" = "2 1 simple local:///run/flux/local test0 test1 test[0-1]" ]
    [ "$(sed -n 8p got)" = 1 ]
}

@test "jobs, queues and drained hosts are there after flux shutdown and a new start" {
    write_config '[queues.batch]' '[queues.debug]'
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    as flux sh -c 'flux queue start -q batch --quiet; flux run -q batch true; flux submit -q debug sleep 0
        flux resource drain test1 broken; flux queue disable -q debug --quiet; flux kvs put a=1'
    as flux flux jobs -no '{queue} {status}' -a >before
    shut_down
    wait_until 10 ended 1
    ls -l "/proc/${HOST_PIDS[0]}/root/var/lib/flux/dump"
    systemctl_start 1 0
    wait_until 20 as flux flux ping -c1 1 >/dev/null
    wait_until 20 as flux flux ping -c1 job-list >/dev/null
    as flux flux jobs -no '{queue} {status}' -a >after
    cat before after
    diff before after
    [ "$(xargs <after)" = "debug SCHED batch COMPLETED" ]
    [ "$(as flux flux resource drain -no '{nodelist} {reason}')" = "test1 broken" ]
    [ "$(as flux flux kvs get a)" = 1 ]
    as flux flux queue status -q batch | grep -q "Scheduling is started"
    as flux flux queue status -q debug | tee q | grep -q "submission is disabled"
    grep -q "Scheduling is stopped" q
}

# started ID...: their tasks run
started() {
    local id
    for id; do as flux flux job wait-event -q -W -t 20 -p exec "$id" shell.start; done
}

@test "jobs that run go on while each broker is killed and started again; flux shutdown ends them" {
    write_config '[exec]' "reconnect-timeout = \"$((20 * TEST_SLOW))s\""
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    as flux sh -c 'cat >task <<"SH"
#!/bin/sh
echo $FLUX_TASK_RANK on $(hostname) >>ran
echo $FLUX_TASK_RANK one; until [ -e go ]; do sleep .05; done
echo $FLUX_TASK_RANK two; flux getattr rank
SH
        cat >batch <<"SH"
#!/bin/sh
until [ -e go ]; do sleep .05; done
flux run hostname >nested; flux --parent getattr size >>nested
SH
        chmod +x task batch'
    both=$(as flux flux submit -n2 -c3 ./task)
    nested=$(as flux flux batch -n1 --requires=host:test1 --output=batch.out ./batch)
    started "$both" "$nested"
    for i in 1 0; do
        kill -9 "${PIDS[i]}"
        wait_until 20 ended $i
        [ $i -eq 1 ] || wait_until 20 ended 1
        systemctl_start $i $([ $i -eq 1 ] || echo 1)
        wait_until 20 as flux flux exec -r all true 2>/dev/null
    done
    as flux touch go
    as flux flux job attach "$both" >out
    sort out; cat home/ran
    [ "$(sort home/ran)" = "0 on test0
1 on test1" ]
    [ "$(sort out | xargs)" = "0 0 one 0 two 1 1 one 1 two" ]
    as flux flux job wait-event -q -t 20 "$nested" clean
    cat home/batch.out; as flux flux job attach "$nested"
    [ "$(xargs <home/nested)" = "test1 2" ]
    [ "$(as flux flux jobs -ano '{status}' "$both" "$nested" | xargs)" = "COMPLETED COMPLETED" ]
    ! as flux flux job eventlog "$both" | grep exception
    last=$(as flux flux submit -n2 -c3 sleep 300)
    started "$last"
    shut_down
    wait_until 10 ended 1
    systemctl_start 0
    wait_until 20 as flux flux getattr size
    as flux flux job eventlog "$last" | grep 'exception .*type="cancel"'
    [ "$(as flux flux jobs -ano '{status}' "$last")" = CANCELED ]
}

@test "a reload takes new queues, policy and access; what is wrong is refused and changes nothing" {
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    run as alice flux getattr size
    one_line "Operation not permitted"
    write_config '[access]' 'allow-guest-user = true' '[policy.limits]' 'duration = "1h"' \
        '[policy.jobspec.defaults.system]' 'duration = "5m"' '[queues.q.policy.limits]' \
        'job-size.max.nnodes = 1'
    as flux flux config reload
    [ "$(as alice flux getattr size)" = 2 ]
    [ "$(as flux flux queue list -no '{queue}')" = q ]
    as flux flux queue start --quiet -a
    run as flux flux submit -q q -N2 true
    one_line "requests too many nodes (2): the limit is 1"
    run as flux flux submit -q q -t 2h true
    one_line "requested duration (2h) exceeds policy limit of 1h"
    [ "$(as flux sh -c 'flux jobs -ano "{duration}" $(flux submit -q q true)')" = 300.0 ]
    for bad in '[queues' '[tbon]
torpid_min = "soon"' '[policy]
limits = 3' '[access]
allow-guest-user = "maybe"' '[queues.q]
requires = 1'; do
        write_config "$bad"
        run as flux flux config reload
        echo "$bad: $output"
        [ "$status" -ne 0 ]
        [ "$(as flux flux queue list -no '{queue}')" = q ]
        [ "$(as alice flux getattr size)" = 2 ]
    done
    user 1 flux
    run "${AT[@]}" flux config reload
    one_line "rank 0"
    "${AT[@]}" flux config reload --follower-noop
}

# denied COMMAND...: alice may not
denied() {
    run as alice "$@"
    echo "$*: $output"
    [ "$status" -ne 0 ]
    [[ $output == *[Pp]ermi* || $output == *owner* || $output == *"another user"* ]]
}

@test "a guest may look, and nothing else; root may be the owner; a group may be admins" {
    write_config '[access]' 'allow-guest-user = true' 'allow-root-owner = true' \
        '[access.roles.admin]' 'groups = ["ops"]'
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    id=$(as flux flux submit sleep 100)
    as flux flux job wait-event -t 10 "$id" start
    [ "$(as alice flux jobs -Ano '{username} {status}')" = "flux RUN" ]
    [ "$(as alice flux resource list -no '{nnodes}' -s all)" = 2 ]
    as alice flux queue status
    as alice flux overlay status --summary
    as alice flux uptime
    [ "$(as alice flux config get --default=none policy)" = none ]
    denied flux submit true
    denied flux cancel "$id"
    denied flux job kill "$id"
    denied flux kvs put a=1
    denied flux kvs get "$(as flux flux job id --to=kvs "$id").jobspec"
    denied flux queue stop
    denied flux resource drain 0
    denied flux exec -r0 true
    denied flux module remove job-list
    denied flux setattr log-stderr-level 7
    denied flux config set a=1 x
    denied flux overlay disconnect 1
    denied flux dmesg --clear
    denied flux shutdown
    # nor by way of another host
    user 1 alice
    [ "$("${AT[@]}" flux getattr rank)" = 1 ]
    run "${AT[@]}" flux kvs put a=1
    [[ $output == *"another user"* ]]
    run "${AT[@]}" flux exec -r1 true
    [[ $output == *"requires the instance owner"* ]]
    nodes_up 2
    on_host 0 env -u FLUX_URI flux cancel "$id"
    as flux flux job wait-event -t 10 "$id" clean
    on_host 0 env -u FLUX_URI flux resource drain 1 by root
    run on_host 0 env -u FLUX_URI flux submit true
    [ "$status" -eq 1 ]
    [[ $output == *"root may not submit jobs"*"submit as the user"* ]]
    nodes_up 1
    # administrators hold queues and look at what is not theirs
    [ "$(as bob flux queue stop)" = "Scheduling is stopped" ]
    run as bob flux shutdown
    [ "$status" -ne 0 ]
}

@test "resources may come from a file with R; what a host does not have drains it" {
    cat >site/R <<'R'
{"version": 1, "execution": {"R_lite": [{"rank": "0-1", "children": {"core": "0"}}],
 "nodelist": ["test[0-1]"], "properties": {"big": "1"}, "starttime": 0, "expiration": 0}}
R
    write_config
    sed -i '/^\[resource\]/,$d' site/conf.d/system.toml
    printf '[resource]\npath = "/mnt/site/R"\nexclude = "test0"\n' >>site/conf.d/system.toml
    systemctl_start 0 1
    wait_until 20 nodes_up 1
    [ "$(as flux flux resource list -s free -no '{nodelist} {ncores} {properties}')" = "test1 1 big" ]
    [ "$(as flux flux resource status -s exclude -no '{nodelist}')" = test0 ]
    [ "$(as flux flux run --requires=big hostname)" = test1 ]
    shut_down
    wait_until 20 ended 1
    sed -i 's/"core": "0"/"core": "0-9999"/' site/R
    systemctl_start 0 1
    drained() { as flux flux resource drain -no '{nodelist} {reason}' | grep "$1"; }
    wait_until 20 drained 'test1 missing core'
}

@test "a mistake in the configuration ends the broker at the start, with its place" {
    for bad in '[tbon]
torpid_max = 3' '[tbon]
torpidmax = "3s"' '[access]
allow-guest-users = true' '[policy]
limits.duration = "long"' '[queues.q]
requires = "x"' '[queues.q.policy.limits]
job-size.max.nodes = 1' '[queues.q]
parent = "p"'; do
        write_config "$bad"
        systemctl_start 0
        wait_until 20 ended 0
        run wait "${PIDS[0]}"
        [ "$status" -ne 0 ]
        grep -E 'tbon.torpid|allow-guest-users|rc1: .*(policy.limits.duration|queues.q)' err0
    done
}

@test "in private mode a guest sees no jobs of others" {
    write_config '[access]' 'allow-guest-user = true' 'private-mode = true'
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    as flux flux run true
    [ "$(as flux flux jobs -aAno '{status}')" = COMPLETED ]
    [ "$(as alice flux jobs -aAno '{status}')" = "" ]
}

# munge_site TOML...: munged on the hosts, and jobs that are signed
munge_site() {
    command -v munged >/dev/null || skip "munge is not installed"
    mkdir -p etc/security/conf.d
    printf '%s\n' '[sign]' "$@" >etc/security/conf.d/sign.toml
    dd if=/dev/urandom of=mungekey bs=64 count=1 status=none
    for i in 0 1; do
        on_host $i mount --bind etc "$FLUX_TOP/etc"
        on_host $i mkdir /run/munge
        on_host $i install -m 600 mungekey /run/munge/key
        at_host $i
        "${AT[@]}" munged --foreground --force --key-file=/run/munge/key \
            --log-file=/run/munge/log --pid-file=/run/munge/pid --seed-file=/run/munge/seed \
            >munged.err 2>&1 3>&- &
        disown $!
        MUNGED="$MUNGED $!"
        wait_until 10 on_host $i test -S /run/munge/munge.socket.2
    done
}

@test "with a program that changes users, jobs of guests run as their users" {
    munge_site 'default-type = "munge"'
    write_config '[access]' 'allow-guest-user = true' '[exec]' 'imp = "/run/testimp"'
    for i in 0 1; do on_host $i install -m 4755 "$FLUX_BUILD/tests/testimp" /run/testimp; done
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    run as alice flux run -N2 sh -c 'echo $(hostname) $(id -un)'
    echo "$output"
    [ "$(sort <<<"$output" | xargs)" = "test0 alice test1 alice" ]
    [ "$(as bob sh -c 'echo hello | flux run -n1 cat')" = hello ]
    as alice flux run --output=/mnt/home/out id -un
    [ "$(stat -c %u home/out) $(cat home/out)" = "$ALICE alice" ]
    # an instance of her own, in which she is the owner
    as alice tee batch.sh >/dev/null <<'SH'
#!/bin/sh
flux getattr instance-level; flux run -N2 id -un; flux --parent jobs -no '{username}'
id -u; flux getattr security.owner
SH
    as alice sh -c 'id=$(flux batch -N2 --output=batch.out batch.sh); flux job attach $id 2>&1'
    [ "$(xargs <home/batch.out)" = "1 alice alice alice $ALICE $ALICE" ]
    id=$(as alice flux submit -N2 sleep 100)
    as alice flux job wait-event -t 10 -p exec "$id" shell.start
    denied_to_bob() {
        run as bob "$@"
        echo "$*: $output"
        [ "$status" -ne 0 ]
    }
    denied_to_bob flux cancel "$id"
    denied_to_bob flux job attach "$id"
    denied_to_bob flux job info "$id" J
    denied_to_bob flux exec --jobid="$id" true
    [ "$(as alice flux exec --jobid="$id" id -un | xargs)" = "alice alice" ]
    as alice flux cancel "$id"
    as alice flux job wait-event -t 20 "$id" clean
    id=$(as alice flux submit sh -c 'trap "" TERM; while :; do sleep 0.1; done')
    as alice flux job wait-event -t 10 -p exec "$id" shell.start
    as alice flux job kill -s KILL "$id"
    as alice flux job wait-event -t 20 "$id" clean
    [ "$(as flux flux run id -un)" = flux ]
    nothing_left() { ! ps -o pid,ppid,stat,args -u $ALICE,$BOB | grep -v PID; }
    wait_until 5 nothing_left
}

@test "jobs of guests are signed by munge; without an IMP they fail, and say why" {
    munge_site 'default-type = "munge"' 'allowed-types = ["munge"]' 'max-ttl = 60'
    write_config '[access]' 'allow-guest-user = true' '[exec.testexec]' 'allow-guests = true'
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    [ "$(as flux flux run id -un)" = flux ]
    id=$(as alice flux submit -n1 true)
    run as alice flux job attach "$id"
    echo "$output"
    [ "$status" -ne 0 ]
    [[ $output == *"jobs of guests cannot be executed: exec.imp is not configured"* ]]
    id=$(as alice flux submit --setattr=exec.test.run_duration=0.01s true)
    as alice flux job attach "$id"
    [ "$(as flux flux jobs -aAno '{username} {status}' | sort | xargs)" = \
        "alice COMPLETED alice FAILED flux COMPLETED" ]
    # a signature is of one user, and of one job
    J=$(as alice flux job info "$id" J)
    submit() {
        run as "$1" "$FLUX_BUILD/tests/rpc" job-ingest.submit "{\"J\":\"$2\",\"urgency\":16,\"flags\":0}"
        echo "$output"
        [ "$status" -ne 0 ]
        [[ $output == *"$3"* ]]
    }
    submit bob "$J" "signer=$ALICE != requestor=$BOB"
    forged=$(sed 's/\.\(....\)/.YWJj/' <<<"$J")
    submit alice "$forged" "munge: the credential is of something else"
    none=$(printf 'version\0i1\0mechanism\0snone\0userid\0i%s\0' $ALICE | base64 -w0).e30=.none
    submit alice "$none" "only the instance owner can use mechanism none"
    none=$(printf 'version\0i1\0mechanism\0snone\0userid\0i%s\0' $FLUX_UID | base64 -w0).e30=.none
    submit flux "$none" "mechanism none are not accepted here"
    kill -9 $MUNGED
    run as alice flux submit true
    one_line "is munged running?"
}

@test "what is wrong with the configuration of signatures is an error" {
    munge_site 'default-type = "curve"'
    write_config
    systemctl_start 0
    wait_until 20 ended 0
    grep -q "etc/security/conf.d: sign.default-type: 'curve' is not a mechanism" err0
}

@test "the state of an instance that was shut down can be looked at, with nobody let in" {
    systemctl_start 0 1
    wait_until 20 nodes_up 2
    as flux sh -c 'flux kvs put a=1; flux run true'
    shut_down
    wait_until 10 ended 1
    systemctl_start 1
    as flux flux start -c /mnt/site/conf.d --recovery=/var/lib/flux sh -c '
        flux kvs get a; flux jobs -ano "{status}"; flux getattr size
        flux resource list -s free -no "{nnodes}"; flux overlay parentof 1
        flux submit true >/dev/null; flux jobs -no "{status}"
        timeout 30 sh -c "until flux dmesg | grep \"refused a broker\" >refused; do sleep 0.1; done"' >out 2>err
    cat out err
    [ "$(xargs <out)" = "1 COMPLETED 2 0 0 SCHED" ]
    grep -q 'the parent takes no new children' home/refused
}
