# flux sproc, flux admin, flux exec --with-imp

load common

@test "processes of brokers are listed, killed, waited for, by pid and label" {
    run start_flux 2 bash -c '
        flux exec -r1 --bg --waitable --label=one sleep 100 >/dev/null
        flux exec -r0 --bg sleep 200 >/dev/null
        flux sproc ps -n -r1 -o "{label} {state} {rank} {cmd}"; flux sproc ps | grep -c "sleep 200"
        flux sproc ps | head -n1 | tr -s " "
        flux sproc kill -r1 --wait 15 one; echo $?
        flux exec -r1 --bg --waitable --label=two sh -c "echo out; exit 7" >/dev/null
        flux sproc wait -r1 -o two; echo $?; flux sproc ps -n -r1 | wc -l
        pid=$(flux sproc ps -n -o "{pid}"); flux sproc kill SIGKILL $pid
        flux sproc wait $pid; flux sproc kill 15 nosuch; flux sproc kill nosuch 1; flux sproc ps -s nosuch
        flux sproc ps -o "{x}"; flux sproc wait; echo $?'
    echo "$output"
    [ "${lines[0]}" = "one R 1 sleep 100" ]
    [ "${lines[1]}" = 1 ]
    [[ "${lines[2]}" == *"PID ST LABEL COMMAND"* ]]
    [ "${lines[3]}" = 143 ]
    [ "${lines[4]}" = out ]
    [ "${lines[5]}" = 7 ]
    [ "${lines[6]}" = 0 ]
    for t in "kill nosuch: no such process" "'nosuch' is not a signal" "flux-sproc: ERROR: wait:"; do
        [[ "$output" == *"$t"* ]] || { echo "MISSING $t"; false; }
    done
    [ "${lines[-1]}" = 1 ]
}

@test "sproc ps sorts by the keys of the format" {
    run start_flux 1 sh -c '
        for l in b c a; do flux exec --bg --waitable --label=$l sleep 100 >/dev/null; done
        flux sproc ps -no "sort:label {label}"
        flux sproc ps -no "sort:-label {label}"
        flux sproc ps -o "sort:nope {label}"
        for l in b c a; do flux sproc kill -w 9 $l; done; true'
    [ "$status" -eq 0 ]
    [ "$output" = $'a\nb\nc\nc\nb\na\nflux-sproc: ERROR: --format: Unknown sort key: nope' ]
}

@test "commands that are pushed run after the initial program, in order" {
    run start_flux 1 sh -c '
        flux admin cleanup-push echo three ">>order"
        printf "echo one >>order\n\necho two >>order\n" | flux admin cleanup-push; echo zero >>order'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(tr '\n' ' ' <order)" = "zero one two three " ]
}

@test "flux admin system-scripts tells what is configured; exec --with-imp wants an IMP" {
    run start_flux 1 sh -c 'flux admin system-scripts; flux admin system-scripts -v | grep -c "log: not configured$"
        flux exec -r0 --with-imp true; echo $?'
    echo "$output"
    [[ "$output" == "prolog: not configured
epilog: not configured
housekeeping: not configured
2
flux-exec: ERROR: --with-imp: the configuration has no exec.imp"*"
1" ]]
    printf '#!/bin/sh\necho imp "$@"\n' >imp
    chmod +x imp
    cat >conf.toml <<CONF
[exec]
imp = "$PWD/imp"
[job-manager.prolog]
command = ["a", "b"]
[job-manager.epilog]
per-rank = true
[job-manager.housekeeping]
release-after = "5s"
CONF
    run start_flux 1 --config-path=conf.toml sh -c 'flux admin system-scripts | head -n4
        flux exec -r0 --with-imp prolog x; flux jobtap load perilog.so; flux admin system-scripts --color=never | grep "^epi\|^house"'
    echo "$output"
    [ "$output" = "prolog: configured but inactive: perilog.so is not loaded
  command: a b

epilog: configured but inactive: perilog.so is not loaded
imp run prolog x
epilog: enabled (per-rank=true)
housekeeping: enabled (release-after=5s)" ]
}
