# limits, and input that is wrong: one line that says why, and the instance goes on

load common

# one_line TEXT: the output is one line that has it, the exit code is an error
one_line() {
    echo "$output"
    [ "$status" -ne 0 ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
    [[ "$output" == *"$1"* ]]
}

@test "impossible requests are refused at submit, with what was asked for and what there is" {
    fake_config 2 4
    flux start --test-size=2 --test-hosts="node[0-1]" -c fake.toml sh -c '
        for a in "-n 100000" "-N 5" "-n 1 -c 5" "--requires=rank:77" "--requires=hosts:n[0-999999]" \
                 "-n 0" "-n -3" "-c 0" "-N 0" "-n x" "-g 1" "-t -1" "-t nan"; do
            o=$(flux submit $a true 2>&1); echo "$a: $o $?"
        done; flux jobs -an' >out
    cat out
    [ "$(wc -l <out)" -eq 13 ]
    grep -q -- "^-t -1: .*--time-limit=-1: want minutes, or a duration .* 1$" out
    grep -q -- "^-t nan: .*--time-limit=nan: want minutes, or a duration .* 1$" out
    grep -qx -- "-n 100000: flux-submit: ERROR: unsatisfiable request: asks for 100000 cores; there are 8 1" out
    grep -qx -- "-N 5: flux-submit: ERROR: unsatisfiable request: asks for 5 nodes; there are 2 1" out
    grep -q -- "^-n 1 -c 5: .*unsatisfiable" out
    grep -q -- "^--requires=rank:77: .*asks for 1 core; there are 0 that meet its constraints" out
    grep -q -- "^--requires=hosts:n\[0-999999\]: .*there are 0 that meet its constraints" out
    grep -q -- "^-n 0: .*want at least 1" out
    grep -q -- "^-n -3: .*want at least 1" out
    grep -q -- "^-c 0: .*want at least 1" out
    grep -q -- "^-N 0: .*want at least 1" out
    grep -q -- "^-n x: .*want an integer" out
    grep -q -- "^-g 1: .*unsatisfiable" out
}

@test "configuration that cannot be read is named with line and column" {
    printf 'a = 1\nb = [1,\n  2,, 3]\n' >bad.toml
    run start_flux 1 -c bad.toml true
    one_line "bad.toml:3:5: expected a value"
    run start_flux 1 -c missing.toml true
    one_line "missing.toml: No such file or directory"
    printf 'a = "\xff\xfe"\n' >utf8.toml
    run start_flux 1 -c utf8.toml true
    one_line "utf8.toml:1:"
    printf '[exec]\nkill-timeout = "soon"\n' >value.toml
    run start_flux 1 -c value.toml true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *kill-timeout* ]]
}

@test "jobs that do not exist, scripts that are none, ranks that are drained" {
    cat >s <<'SH'
for c in "job eventlog" "job attach" "job kill" cancel "job raise" "job status"; do
    o=$(flux $c ƒ234 2>&1); echo "$c: $o $?"
done
echo "nonsense: $(flux job eventlog nonsense 2>&1) $?"
echo "missing: $(flux batch -n1 missing 2>&1) $?"
cp /bin/true binary; echo "binary: $(flux batch -n1 ./binary 2>&1) $?"
echo 'echo hi' >plain; echo "plain: $(flux batch -n1 ./plain 2>&1) $?"
flux resource drain 0 broken
id=$(flux submit true); flux job wait-event -t 0.3 $id alloc 2>/dev/null && echo it runs on a drained node
flux resource undrain 0; flux job wait-event -q -t 10 $id clean && echo it runs later
SH
    run start_flux 1 sh s
    echo "$output"
    [ "$(grep -c '^\(job\|cancel\).*ERROR.* 1$' <<<"$output")" -eq 6 ]
    [[ "$output" == *"nonsense: flux-job: ERROR: 'nonsense' is not a job id"* ]]
    [[ "$output" == *"missing: flux-batch: ERROR: missing: No such file"* ]]
    [[ "$output" == *"binary: flux-batch: ERROR: binary: this is a binary, not a script"* ]]
    [[ "$output" == *"plain: flux-batch: ERROR: plain: the script does not start with '#!'"* ]]
    [[ "$output" != *"drained node"* && "$output" == *"it runs later"* ]]
}

@test "a constraint of a million hosts" {
    {
        printf '["n0"'
        seq -f ',"n%.0f"' 7 7 7000000 | tr -d '\n'
        printf ']'
    } >list.json
    printf '[ingest]\nbuffer-size = "20M"\n' >ingest.toml
    run flux start -c ingest.toml sh -c '
        flux submit --setattr=^system.constraints.hostlist=list.json true; echo $?
        flux submit --requires="hosts:n[0-99999999999]" true; echo $?
        flux run hostname'
    echo "$output"
    [[ "$output" == *"unsatisfiable request: asks for 1 core; there are 0 that meet its constraints
1"* ]]
    [ "$(grep -c ERROR <<<"$output")" -eq 2 ]
    [[ "$output" == *"$(hostname)" ]]
    # more than a jobspec may have, if nothing is said
    run start_flux 1 flux submit --setattr=^system.constraints.hostlist=list.json true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"the jobspec has "*" bytes, which is more than ingest.buffer-size of the configuration ("*" bytes)" ]]
}

@test "the limit of a jobspec, as it is configured, and one byte beyond" {
    cat >s <<'SH'
head -c 20000 /dev/zero | tr '\0' x >v
load() { echo "ingest.buffer-size = \"$1\"" | flux config load; }
load 1k
e=$(flux submit --setattr=x="$(cat v)" true 2>&1); echo "$e"
n=${e#*has }; n=${n%% *}
load $n
flux submit --setattr=x="$(cat v)" true >/dev/null && echo accepted
load $((n - 1))
flux submit --setattr=x="$(cat v)" true
SH
    run start_flux 1 bash s
    echo "$output"
    [[ "${lines[0]}" == "flux-submit: ERROR: the jobspec has "*" bytes, which is more than ingest.buffer-size of the configuration (1024 bytes)" ]]
    [ "${lines[1]}" = accepted ]
    [[ "${lines[2]}" == "flux-submit: ERROR: the jobspec has "*" bytes, which is more than ingest.buffer-size of the configuration ("*" bytes)" ]]
    [ "${#lines[@]}" -eq 3 ]
}

@test "limits of names: each at its limit, and one beyond" {
    cat >s <<'SH'
long() { head -c $1 /dev/zero | tr '\0' k; }
say() { "$@" 2>&1 | sed "s/kkkk*[.]*/KKK/g" | cut -c1-120; }
flux kvs put $(long 65535)=last; say flux kvs get $(long 65535)
say flux kvs put $(long 65536)=1
say flux kvs get $(long 65536)
flux kvs namespace create $(long 255) && flux kvs namespace list | grep -c kkk
say flux kvs namespace create $(long 256)
flux kvs put l0=through; for i in $(seq 33); do flux kvs link l$((i - 1)) l$i; done
say flux kvs get l32
say flux kvs get l33
flux submit --urgency=31 true >/dev/null && say flux submit --urgency=32 true
say flux submit -n 2147483647 true
say flux submit -n 2147483648 true
head -c 1000 /dev/zero >v
flux run -o input.limit=1000 wc -c <v; say flux run -o input.limit=999 wc -c <v | grep -o 'input.limit: .*'
flux run -o output.limit=1000 cat v | wc -c; say flux run -o output.limit=999 cat v | grep -a -o 'truncated after.*'
SH
    run start_flux 1 bash s
    echo "$output"
    [ "$output" = "last
flux-kvs: ERROR: KKK: a key has at most 65535 bytes
flux-kvs: ERROR: KKK: a key has at most 65535 bytes
1
flux-kvs namespace: ERROR: 'KKK': the name of a namespace has 1 to 255 bytes, and no blanks
through
flux-kvs: ERROR: l33: too many symbolic links
flux-submit: ERROR: --urgency=32: want 0 to 31, hold, default or expedite
flux-submit: ERROR: unsatisfiable request: asks for 2147483647 cores; there are $(nproc)
flux-submit: ERROR: --ntasks=2147483648: want an integer of at most 2147483647
1000
input.limit: more than 999 bytes of standard input
1000
truncated after 999 bytes (output.limit)" ]
}

@test "large values: what was put comes back, in time that grows with the size only" {
    head -c 50000000 /dev/zero >v
    run start_flux 1 sh -c '
        timeout 20 flux kvs put -r big=- <v; timeout 20 flux kvs get -r big | cmp - v && echo same
        timeout 20 flux ping -c1 --pad=1000000 broker | grep -c pad=1000000'
    echo "$output"
    [ "$output" = "same
1" ]
}

@test "a client that does not read is cut off at the limit, not below it" {
    printf '[access]\nclient-queue-max = 4000000\n' >limit.toml
    head -c 90000 /dev/zero | tr '\0' x >x
    cat >s <<'SH'
flux event sub hostile >seen & reader=$!
flux event sub -c 120 hostile >seen2 & other=$!
until [ "$(flux module stats broker >/dev/null 2>&1; flux event pub hostile.0; wc -l <seen)" -gt 0 ]; do :; done
until [ -s seen2 ]; do flux event pub hostile.0; done
kill -STOP $reader
for i in $(seq 20); do flux event pub hostile.x "{\"x\":\"$(cat x)\"}"; done
flux dmesg | grep -c "does not read"
for i in $(seq 100); do flux event pub hostile.x "{\"x\":\"$(cat x)\"}"; done
flux dmesg | grep "does not read"
kill -CONT $reader; wait $reader; echo "reader $?"
wait $other; echo "other $?"
flux run echo goes on
SH
    run start_flux 1 -c limit.toml bash s
    echo "$output"
    [[ "$output" == "0
"*"a client that does not read is disconnected: "*" bytes wait for it, access.client-queue-max is 4000000"* ]]
    [[ "$output" == *"flux-event: ERROR: lost connection to the broker"* ]]
    [[ "$output" == *"reader 1
other 0
goes on" ]]
}

@test "a message from or to a client: at the limit, and one byte beyond" {
    printf '[access]\nmessage-max = 1500000\n' >limit.toml
    cat >s <<'SH'
# a value that is too large tells how much there is beside it
at_limit() {
    head -c 2000000 /dev/zero >v
    e=$("$@" 2>&1 <v); echo "$e"
    n=${e##*message of }; n=$((1500000 - (${n%% *} - 2000000)))
    head -c $n /dev/zero >v; "$@" <v >out && echo passes
    head -c $((n + 1)) /dev/zero >v; "$@" 2>&1 <v
}
at_limit flux kvs put -r big=-
at_limit flux content store
flux kvs get -r big | wc -c
head -c 2000 /dev/zero >v; flux kvs put -r --append big=- <v
flux kvs get -r big; echo $?
flux run echo goes on
SH
    run start_flux 1 -c limit.toml bash s
    echo "$output"
    large="which is more than access.message-max of the configuration (1500000)"
    [[ "${lines[0]}" == "flux-kvs: ERROR: "*"a message of 20000"*" bytes, $large" ]]
    [ "${lines[1]}" = passes ]
    [[ "${lines[2]}" == *"a message of 1500001 bytes, $large" ]]
    [[ "${lines[3]}" == "flux-content: ERROR: "*"a message of 20000"*" bytes, $large" ]]
    [ "${lines[4]}" = passes ]
    [[ "${lines[5]}" == *"a message of 1500001 bytes, $large" ]]
    [ "${lines[6]}" -gt 1499000 ]
    [[ "${lines[7]}" == "flux-kvs: ERROR: big: a message of 150"*" bytes, $large" ]]
    [ "${lines[8]}" = 1 ]
    [ "${lines[9]}" = "goes on" ]
    for n in 1048575 2147483648; do
        printf '[access]\nmessage-max = %s\n' $n >limit.toml
        run start_flux 1 -c limit.toml true
        echo "$output"
        [ "$status" -ne 0 ]
        [[ "$output" == *"access.message-max: want 1048576 to 2147483647 bytes"* ]]
    done
}

@test "one message that is larger than what may wait reaches a client that reads" {
    printf '[access]\nclient-queue-max = 1000000\n' >limit.toml
    head -c 9000000 /dev/urandom >v
    run start_flux 1 -c limit.toml sh -c '
        flux kvs put -r big=- <v; flux kvs get -r big | cmp - v && echo same
        flux proxy $FLUX_URI flux kvs get -r big | cmp - v && echo same'
    echo "$output"
    [ "$output" = "same
same" ]
}

@test "a host list of a million hosts, and of the most there can be" {
    [ "$(flux hostlist -c "n[0-2147483646]")" -eq 2147483647 ]
    run flux hostlist -c "n[0-2147483647]"
    one_line "Invalid jobid or hostlist n[0-2147483647]: too many hosts"
    run flux hostlist -c "n[0-2147483646]" x
    one_line "cannot join the lists: too many hosts in all"
    seq -f 'n%.0f' 7 7 7000000 | paste -sd, >list
    [ "$(flux hostlist -c - <list)" -eq 1000000 ]
    [ "$(flux hostlist -n -1 - <list)" = n7000000 ]
}

@test "garbage on the local socket ends that connection, nothing else" {
    cat >s <<'SH'
path=$(flux getattr local-uri); path=${path#local://}
python3 - "$path" <<'PY'
import os, random, socket, struct, sys
random.seed(7)
for i in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(5)
    s.recv(1)
    kind = i % 4
    junk = bytes(random.getrandbits(8) for _ in range(random.randrange(1, 3000)))
    if kind == 0:
        data = junk
    elif kind == 1:
        data = b"\xff\xee\x00\x12" + struct.pack(">I", len(junk) + 8) + junk
    elif kind == 2:
        data = b"\xff\xee\x00\x12" + struct.pack(">I", random.choice([0, 7, 0xffffffff, 0x7fffffff])) + junk
    else:
        data = b"\xff\xee\x00\x12"
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except (ConnectionError, BrokenPipeError):
        pass
    s.close()
PY
flux ping -c1 broker >/dev/null && flux run echo goes on
SH
    command -v python3 >/dev/null || skip "python3 is needed to write to a socket"
    run start_flux 1 sh s
    echo "$output"
    [ "$output" = "goes on" ]
}

@test "more clients than there are descriptors: they wait, and the broker does not spin" {
    need prlimit util-linux
    cat >s <<'SH'
pid=$(flux getattr broker.pid)
ticks() { read -r -a stat </proc/$pid/stat; echo $((stat[13] + stat[14])); }
said() { grep -q "no more clients can connect: Too many open files" log; }
flux dmesg --follow >log &
until [ -s log ]; do :; done
prlimit --pid $pid --nofile=64:20000
for i in $(seq 60); do flux event sub nothing & clients="$clients $!"; done
until said; do command sleep 0.05; done
t=$(ticks); command sleep 1; t=$(($(ticks) - t)); [ $t -lt 20 ] || echo "$t ticks in a second"
flux getattr rank >late & late=$!
kill $clients; wait $late; cat late
prlimit --pid $pid --nofile=20000:20000
flux run echo goes on
kill %1
SH
    run start_flux 1 bash s 2>/dev/null
    echo "$output"
    [[ "$output" == *"0
goes on" ]]
    [[ "$output" != *ticks* ]]
}

@test "guests: what is the owner's is refused, what is theirs is not" {
    cat >s <<'SH'
flux kvs put secret=1
id=$(flux submit sleep 100)
export FLUX_HANDLE_USERID=12345 FLUX_HANDLE_ROLEMASK=0x2
for c in "kvs get secret" "kvs put mine=1" "kvs namespace create n" "module list" "module remove kvs" \
         "resource drain 0" "cancel $id" "job kill $id" "job raise $id" "queue stop" "queue disable -m x" \
         "exec true" "setattr log-level 7" "event pub x" "config load" "shutdown" "job urgency $id 0" \
         "dmesg -C" "job eventlog $id"; do
    o=$(flux $c 2>&1 </dev/null); echo "$c: $? ${o%%$'\n'*}"
done >refused
flux getattr rank; flux ping -c1 broker >/dev/null && echo ping
flux jobs -A -no '{name}'
unset FLUX_HANDLE_USERID FLUX_HANDLE_ROLEMASK
flux jobs -no '{name} {state}'
flux cancel $id
SH
    run start_flux 1 bash s
    echo "$output"
    cat refused
    [ "$output" = "0
ping
sleep
sleep RUN" ]
    grep -v '^event pub\|^module list' refused >must
    [ "$(grep -c ': [1-9][0-9]* flux.*ERROR' must)" -eq "$(wc -l <must)" ]
}

@test "the broker is killed: each of its clients says so in one line, and fails" {
    cat >s <<'SH'
id=$(flux submit sleep 1000); flux kvs put x=1; n=0
while read -r c; do
    n=$((n + 1))
    (flux $c >out.$n 2>err.$n </dev/null; echo $? >rc.$n; mv rc.$n ended.$n) &
done <<END
job attach $id
job wait-event $id clean
job eventlog -F $id
queue drain
kvs get --watch --count=2 x
event sub x
exec sleep 1000
run sleep 1000
submit --wait sleep 1000
END
until [ "$(flux jobs -no '{id}' | wc -l)" -eq 3 ]; do :; done
kill -9 $(flux getattr broker.pid)
SH
    run start_flux 1 bash s
    all_ended() { [ "$(ls ended.* 2>/dev/null | wc -l)" -eq 9 ]; }
    wait_until 10 all_ended
    for n in 1 2 3 4 5 6 7 8 9; do
        grep -v 'job.exception\|^ƒ' err.$n >lines
        echo "$n: $(cat ended.$n): $(cat lines)"
        [ "$(cat ended.$n)" -gt 0 ]
        [ "$(wc -l <lines)" -eq 1 ]
        grep -q 'lost\|has ended\|cannot reach' lines
    done
}
