# Which modules an instance starts with: [modules], modprobe files, rc1 and rc3

load common
export PATH="$FLUX_BUILD/tests:$PATH"
export MOD="$FLUX_BUILD/tests/testmod.so"

loaded='flux module list | cut -d" " -f1 | grep -qx'
export loaded

@test "a module is disabled" {
    run start_flux 1 --conf=modules.sched-fluxion-qmanager.disabled=true sh -c '
        for m in sched-fluxion-qmanager sched-fluxion-resource sched-fluxion-feasibility sched-simple; do
            eval "$loaded $m" && echo there; done
        flux queue status; flux module load sched-simple; flux run echo ran'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" != *there* ]]
    [[ "$output" == *"Scheduler is offline"*ran* ]]
    # no sched-simple: neither that nor a user module of an older list
    run start_flux 1 --conf=modules.nosuch.disabled=true true
    [ "$status" -eq 0 ]
}

@test "a user's module is added, with arguments, on some ranks" {
    cat >conf.toml <<CONF
[modules]
testmod.module = "$MOD"
testmod.args = ["service=extra"]
testmod.ranks = ">0"
CONF
    run start_flux 3 -c conf.toml sh -c '
        for r in 0 1 2; do rpc -r $r testmod.hello; echo $r $?; done
        flux exec -r 2 flux module list | grep extra'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *'0 38'*'{"hello":"testmod"}'*'1 0'*'{"hello":"testmod"}'*'2 0'*testmod*extra* ]]
}

@test "arguments reach a built-in service" {
    run start_flux 1 '--conf=modules.sched-fluxion-qmanager.args=["queue-params=queue-depth=3"]' flux run true
    [ "$status" -eq 0 ]
    run start_flux 1 '--conf=modules.sched-fluxion-qmanager.args=["queue-params=queue-depth=zero"]' true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"rc1: "*"queue-params.queue-depth=zero"* ]]
}

@test "a file takes the place of a built-in service: by name, and on FLUX_MODULE_PATH" {
    run start_flux 1 --conf=modules.heartbeat.module="\"$MOD\"" rpc heartbeat.hello
    echo "$output"
    [ "$output" = '{"hello":"heartbeat"}' ]
    mkdir mods
    cp "$MOD" mods/barrier.so
    FLUX_MODULE_PATH=$PWD/mods run start_flux 1 rpc barrier.hello
    echo "$output"
    [ "$output" = '{"hello":"barrier"}' ]
}

@test "alternatives: of those that provide a service the chosen one is loaded" {
    cat >conf.toml <<CONF
[modules]
mine.module = "$MOD"
mine.provides = ["sched"]
mine.args = ["service=sched"]
mine.priority = 50
CONF
    who='for m in mine sched-fluxion-qmanager; do eval "$loaded $m" && echo $m; done; true'
    run start_flux 1 -c conf.toml sh -c "$who"
    [ "$output" = sched-fluxion-qmanager ]
    run start_flux 1 -c conf.toml --conf=modules.mine.priority=200 sh -c "$who"
    [ "$output" = mine ]
    run start_flux 1 -c conf.toml --conf=modules.alternatives.sched='"mine"' sh -c "$who"
    echo "$output"
    [ "$output" = mine ]
    run start_flux 1 -c conf.toml --conf=modules.alternatives.sched='"nosuch"' true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"modules.alternatives.sched"*nosuch* ]]
}

@test "flux batch --conf chooses, and passes arguments" {
    cat >conf.toml <<CONF
[modules]
mine.module = "$MOD"
mine.provides = ["sched"]
mine.args = ["service=sched"]
mine.disabled = true
CONF
    cat >job.sh <<'SH'
#!/bin/sh
flux module list | cut -d" " -f1 | grep -x -e mine -e sched-fluxion-qmanager -e sched-fluxion-resource
SH
    chmod +x job.sh
    run start_flux 1 sh -c 'flux batch -n1 --output=out --conf=conf.toml \
        --conf=modules.alternatives.sched=\"mine\" ./job.sh >/dev/null; flux queue drain; cat out'
    echo "$output"
    [ "$output" = mine ]
}

@test "needs, requires, after" {
    cat >conf.toml <<CONF
[modules]
one = { module = "$MOD", after = ["two"], requires = ["three"] }
two = { module = "$MOD", args = ["service=deux"] }
three = { module = "$MOD", disabled = true }
four = { module = "$MOD", needs-config = ["site.four"] }
five = { module = "$MOD", needs-env = ["SITE_FIVE"], needs-attrs = ["rank"] }
six = { module = "$MOD", needs = ["four"] }
CONF
    list='flux module list | cut -d" " -f1 | grep -x -e one -e two -e three -e four -e five -e six | sort | xargs'
    run start_flux 1 -c conf.toml sh -c "$list"
    echo "$output"
    [ "$output" = "one three two" ]
    SITE_FIVE=1 run start_flux 1 -c conf.toml --conf=site.four=1 sh -c "$list"
    echo "$output"
    [ "$output" = "five four one six three two" ]
    run start_flux 1 -c conf.toml --conf='modules.two.after=["one"]' true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"rc1: "*"after itself"* ]]
}

@test "modprobe.toml and modprobe.d of FLUX_MODPROBE_PATH" {
    mkdir -p site/modprobe.d
    cat >site/modprobe.toml <<CONF
alternatives.sched = "sched-simple"
[[modules]]
name = "site"
module = "$MOD"
CONF
    printf 'site.args = ["service=late"]\nheartbeat.disabled = true\n' >site/modprobe.d/b.toml
    FLUX_MODPROBE_PATH=$PWD/site run start_flux 1 sh -c '
        flux module list | grep -e site -e heartbeat'
    echo "$output"
    [[ "$output" == "site "*late* ]]
    [ "${#lines[@]}" -eq 1 ]
    printf 'x = = 1\n' >site/modprobe.d/c.toml
    FLUX_MODPROBE_PATH=$PWD/site run start_flux 1 true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"c.toml:1:"* ]]
}

@test "a module that fails, or cannot be, fails the boot with one line" {
    run start_flux 1 --conf=modules.bad.module="\"$MOD\"" '--conf=modules.bad.args=["fail"]' true
    echo "$output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ "$output" == *"rc1: module bad: Invalid cross-device link"* ]]
    for c in 'bad.ranks=1' 'bad.color="red"' 'bad.module="/nonexistent.so"' 'bad.ranks="0"' \
        'heartbeat.args="x"' 'heartbeat.ranks="x"' 'heartbeat.exec=true'; do
        run start_flux 1 "--conf=modules.$c" true
        echo "$c: $output"
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ "$output" == *"rc1: "* ]]
    done
}

@test "flux modprobe as rc1 and rc3; load, remove, show" {
    run start_flux 2 -Sbroker.rc1_path='flux modprobe rc1' -Sbroker.rc3_path='flux modprobe rc3' \
        flux run -N2 echo ran
    echo "$output"
    [ "$status" -eq 0 ]
    run start_flux 1 -Sbroker.rc1_path= --conf=modules.one.module="\"$MOD\"" \
        '--conf=modules.one.requires=["heartbeat"]' sh -c '
        flux modprobe load --dry-run one
        flux modprobe load one
        flux modprobe load one
        flux module list | grep -c -e one -e heartbeat
        flux modprobe remove heartbeat
        flux modprobe remove one heartbeat
        flux module list | grep -c -e one -e heartbeat
        flux modprobe rc1 --dry-run | grep -c -e job-manager -e one
        flux modprobe show sched | grep name
        flux modprobe list-dependencies one
        flux modprobe load nosuch; flux modprobe rc3 -v; true'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"load one"*"are loaded"*2*"in use by one"*0*2*sched-fluxion-qmanager*one*"  heartbeat"*nosuch* ]]
}

@test "flux modprobe remove takes what is not used any more too, and a service for its module" {
    run start_flux 1 --conf=modules.one.module="\"$MOD\"" '--conf=modules.one.requires=["cron", "kvs", "barrier"]' \
        '--conf=modules.heartbeat.requires=["barrier"]' '--conf=modules.kvs-watch.requires=["kvs"]' sh -c '
        flux modprobe remove --dry-run one; flux modprobe remove one
        for m in one cron kvs barrier; do eval "$loaded $m" && echo $m; done
        flux modprobe remove sched; eval "$loaded sched-fluxion-resource" || echo gone
        flux modprobe load sched; flux run echo ran; flux modprobe remove nosuch'
    echo "$output"
    [ "$output" = "remove one
remove cron
kvs
barrier
gone
ran
flux-modprobe: ERROR: module nosuch is not loaded" ]
}

@test "an alternative is chosen for all that it provides, but what another is named for" {
    cat >conf.toml <<CONF
[modules]
x = { module = "$MOD", provides = ["sched", "feasibility"], args = ["service=sched"], priority = 10 }
y = { module = "$MOD", provides = ["feasibility"], priority = 200 }
alternatives.sched = "x"
CONF
    who='for s in sched feasibility; do flux modprobe show $s | jq -r .name; done; for m in x y; do eval "$loaded $m" && echo loaded $m; done; true'
    run start_flux 1 -c conf.toml sh -c "$who"
    [ "$(echo $output)" = "x x loaded x" ]
    run start_flux 1 -c conf.toml --conf=modules.alternatives.feasibility='"y"' sh -c "$who"
    echo "$output"
    [[ "$(echo $output)" == "x y "*"loaded y" ]]
}

@test "in recovery mode a module that fails does not end the broker" {
    run start_flux 1 -Sbroker.recovery-mode=1 sh -c 'flux module load "$MOD"; rpc testmod.die; while flux module list | grep -q testmod; do :; done; echo goes on'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"exited with error"*"goes on"* ]]
}

@test "flux modprobe rc1 and rc3 show what comes after what; rc1 tells how long it took" {
    cat >conf.toml <<CONF
[modules]
one = { module = "$MOD", after = ["two", "kvs", "sched"] }
two = { module = "$MOD", requires = ["one"] }
CONF
    run start_flux 2 -c conf.toml -Sbroker.rc1_path='flux modprobe rc1 --timing' sh -c '
        for r in 0 1; do flux kvs get admin.modprobe.rc1.$r >$r; jq -r "keys | .[]" $r | grep -c .; done
        jq -r "[.one.start > .two.end, .kvs.end > .kvs.start, .one.end < 60] | all" 0
        flux modprobe rc1 --show-deps; flux modprobe rc3 --show-deps >rc3
        sed "s/], /]\n/g" rc3 | sed -n "1p;2p;\$p"
        flux modprobe remove all; flux modprobe rc1 --show-deps' 2>&1
    echo "$output"
    [ "${lines[0]}" -gt "${lines[1]}" ] && [ "${lines[1]}" -gt 5 ]
    [ "${lines[2]}" = true ]
    [ "${lines[3]}" = "{}" ]
    [ "${lines[4]}" = "{'one': []" ]
    [ "${lines[5]} ${lines[6]}" = "'two': ['one'] 'content': ['content-sqlite']}" ]
    [[ "${lines[7]}" == "{'content': [], "*"'one': ['two', 'kvs', 'sched-fluxion-qmanager']"* ]]
    run start_flux 1 -Sbroker.rc1_path= flux modprobe rc1 --timing --dry-run
    [[ "$output" == *"load kvs"* ]]
}

@test "a module runs as a process: exec in the table, --exec, --loader" {
    printf '#!/bin/sh\necho "loader of ${1##*/}" >&2; exec flux module-exec "$1"\n' >loader; chmod +x loader
    mkdir path; cp "$MOD" path/found.so; touch path/snake.py junk.so
    printf '#!/bin/sh\nexec flux module-exec "$MOD"\n' >path/flux-module-python-exec
    chmod +x path/flux-module-python-exec
    export FLUX_MODULE_PATH=$PWD/path
    pid_of='rpc module.list >l; ps -eo pid,ppid,args | grep "[m]odule-exec .*$1"'
    run start_flux 1 --conf=modules.one.module="\"$MOD\"" --conf=modules.one.exec=true \
        '--conf=modules.one.args=["hello=two  words", "service=svc"]' bash -c '
        rpc one.hello; flux module list | grep -o "one .* svc"
        flux module stats -p rx.request one; flux module stats -R one | grep -c maxrss
        flux module debug --set=5 one; flux module debug one
        flux module load --exec found; rpc found.hello
        flux module reload --exec --name=found "$MOD" hello=again; rpc found.hello
        flux module load --loader=./loader --name=third "$MOD"; rpc third.hello
        FLUX_EXEC_PATH=$PWD/path flux module load snake; rpc snake.hello
        for m in found third snake; do flux module remove $m; rpc $m.hello; done
        flux module load --exec "$MOD" fail; flux module load --exec ./junk.so; flux module load --exec kvs
        flux module load --loader=./loader found; rpc module.load "{\"path\":\"found\",\"loader\":\"/x\"}"; flux module load --loader=/bin/false "$MOD"
        flux module load --loader=/none "$MOD"; flux module load --exec /none.so' 2>&1
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == '{"hello":"two  words"}' && "${lines[1]}" == "one "*" svc" ]]
    [[ "$output" == *'0x5
{"hello":"found"}
{"hello":"again"}
loader of testmod.so
{"hello":"third"}
'*'snake'*': there is no flux-module-python-exec in FLUX_EXEC_PATH'* ]]
    [[ "$output" == *"found.hello is registered"*"third.hello is registered"* ]]
    [[ "$output" == *"Invalid cross-device link"*"junk.so: file too short"*"Exec format error"*"kvs is built in"* ]]
    [[ "$output" == *"--loader: give the path of the module"*"a loader needs the module"*"exited with code 1"*"--loader=/none: No such file"*"/none.so: No such file"* ]]
    FLUX_EXEC_PATH=$PWD/path run start_flux 1 sh -c 'flux module load snake && rpc snake.hello'
    echo "$output"
    [ "$output" = '{"hello":"snake"}' ]
}

@test "a module that is a process is lost as a thread is, ended by force, and leaves nothing" {
    run start_flux 1 -Sbroker.module-nopanic=1 bash -c '
        process() { pgrep -P $(flux getattr broker.pid) -f "flux-module-exe[c] /"; }
        flux module load --exec "$MOD"; rpc testmod.die; echo $?
        flux module load --exec "$MOD"; rpc testmod.hang & p=$!
        until [ "$(flux module stats -p rx.request testmod 2>/dev/null & sleep 0.1; kill $! 2>/dev/null)" = "" ]; do :; done
        flux module remove --cancel testmod; wait $p; echo $?; flux module list | grep testmod
        flux module load --exec "$MOD"; p=$(process); flux module remove testmod; kill -0 $p
        flux module load --exec "$MOD"; p=$(process); rpc testmod.hello & wait $!; kill -9 $p
        while flux module list | grep -q testmod; do :; done; process; true' 2>&1
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"38"*"38"*"No such process"*"was ended by signal 9"* ]]
    run start_flux 1 sh -c 'flux module load --exec "$MOD"; rpc testmod.die; command sleep 30'
    echo "$output"
    [ "$status" -eq 129 ]
    [[ "$output" == *"module testmod exited with error: Inappropriate ioctl"* ]]
}

@test "flux modprobe shows the table as with another alternative, or without a module; run is refused" {
    cat >modprobe.toml <<'CONF'
[[modules]]
name = "my-sched"
module = "sched-simple"
provides = ["sched"]
priority = 1
CONF
    FLUX_MODPROBE_PATH=$PWD run start_flux 1 sh -c '
        name() { flux modprobe show "$@" | jq -r .name; }
        name sched; name -S sched=my-sched sched; name -S sched=sched-simple -D sched-simple sched
        flux modprobe list-dependencies --set-alternative=sched=my-sched sched | head -n1
        name -D nosuch sched; name -S sched=nosuch sched; name -S sched sched
        flux modprobe run rc.py; echo $?'
    echo "$output"
    [ "${lines[1]}" = my-sched ]
    [ "${lines[2]}" != sched-simple ]
    [ "${lines[3]}" = my-sched ]
    [[ "$output" == *"--disable=nosuch: no module"*"--set-alternative=sched=nosuch: no module"*"--set-alternative=sched: want"*"rc.py: rc files are programs in Python"*"
1" ]]
}

@test "FLUX_RC_EXTRA: programs after the modules are loaded, and before they are unloaded" {
    mkdir -p "a b/rc1.d" c/rc1.d "a b/rc3.d" c/rc3.d
    say() { printf '#!/bin/sh\necho "$(flux getattr rank) %s" >>"$DIR/log"; flux module list >/dev/null; %s\n' "$2" "$3" >"$1"; chmod +x "$1"; }
    say "a b/rc1.d/2-it's" "a2"; say "a b/rc1.d/1" a1; say c/rc1.d/x c; echo exit 1 >c/rc1.d/no-program
    say "a b/rc3.d/bad" bad "exit 3"; say c/rc3.d/last last
    export DIR=$PWD FLUX_RC_EXTRA="$PWD/a b:$PWD/none:$PWD/c"
    run start_flux 1 sh -c 'echo run >>log'
    echo "$output"
    [ "$status" -eq 3 ]
    [ "$(paste -sd, log)" = "0 a1,0 a2,0 c,run,0 bad,0 last" ]
    rm log "a b/rc3.d/bad"; FLUX_RC_EXTRA=$FLUX_RC_EXTRA run start_flux 2 true
    [ "$status" -eq 0 ] && [ "$(grep -c '^1' log)" = 4 ]
    rm log; say "a b/rc1.d/1" a1 "exit 4"
    run start_flux 1 true
    echo "$output"
    [ "$status" -ne 0 ] && [ "$(paste -sd, log)" = "0 a1,0 last" ]
    rm log
    run start_flux 1 -Sbroker.rc1_path= -Sbroker.rc3_path= true
    [ "$status" -eq 0 ] && [ ! -e log ]
}
