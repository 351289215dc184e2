# Submission commands: what they ask for, how they wait, what they refuse

load common

@test "submit --cc runs a job an id, with FLUX_JOB_CC and {cc} replaced" {
    run start_flux 1 flux submit --cc=1-3 --quiet --watch sh -c 'echo $FLUX_JOB_CC {cc}'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo "$output" | sort)" = "$(printf '1 1\n2 2\n3 3')" ]
}

@test "submit --bcc makes identical jobs" {
    run start_flux 1 flux submit --bcc=0-1 --quiet --watch sh -c 'echo cc=$FLUX_JOB_CC'
    echo "$output"
    [ "$output" = "$(printf 'cc=\ncc=')" ]
}

@test "{cc} is nothing without --cc; --dry-run prints a jobspec for each id; --log begins anew" {
    run start_flux 1 sh -c 'flux submit --quiet --watch echo a{cc}b {0} {}
        flux submit --dry-run --cc=3-4 --env=V={cc} echo {cc} \
            | jq -r ".tasks[0].command[1], .attributes.system.environment[\"V\", \"FLUX_JOB_CC\"]"
        echo old >log1; flux submit --cc=1-2 --log=log{cc} true; cat log1 log2 | wc -l'
    echo "$output"
    [ "$output" = "$(printf 'ab {0} {}\n3\n3\n3\n4\n4\n4\n2')" ]
}

@test "names of options are not abbreviated; what follows the command is its own" {
    for c in submit run bulksubmit 'batch -n1 --wrap' 'alloc -n1'; do
        run flux $c --time=5 true
        echo "$c: $output"
        [ "$status" -eq 1 ]
        [[ "$output" == *"'--time'"*--time-limit* || "$output" == *"'--time=5'"*--time-limit* ]]
    done
    run flux alloc -n1 --dry-run -- cat -n
    [ "$(echo "$output" | jq -c .tasks[0].command)" = '["flux","broker","--","cat","-n"]' ]
    run flux alloc -n1 --dry-run --job-name -- cat -n
    [ "$(echo "$output" | jq -c .tasks[0].command)" = '["flux","broker","cat","-n"]' ]
    run start_flux 1 sh -c 'flux run -t1 echo --time=5 -n2; flux run -- echo -- -n'
    [ "$output" = "$(printf -- '--time=5 -n2\n-- -n')" ]
}

@test "a begin time is a date, a time, or words" {
    for t in 'tomorrow morning' 'in an hour' '2099-06-21 8am' '+1h' 'next Monday at 8:30'; do
        run flux submit --dry-run --begin-time="$t" true
        echo "$t: $status"
        echo "$output" | jq -e ".attributes.system.dependencies[0]
            | .scheme == \"begin-time\" and (.value | tonumber) > $(date +%s)"
    done
    run flux submit --dry-run --begin-time='some time' true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == "flux-submit: ERROR: --begin-time=some time: 'some time' is not understood: want "* ]]
    run start_flux 1 sh -c 'flux submit --begin-time="in 1 hour" true
        flux jobs -no "{state} {dependencies}"; flux jobs -no "{state}" --since="5 minutes ago"'
    echo "$output"
    [[ "${lines[1]}" == "DEPEND begin-time="* ]]
    [ "${lines[2]}" = DEPEND ]
}

@test "the progress bar fits the terminal, has a clock or a rate, and its own colors" {
    PATH="$FLUX_BUILD/tests:$PATH" run start_flux 1 bash -c '
        printf "resize 24 66\n" >steps
        ptytest flux submit --cc=1-3 --wait --progress --quiet true <steps >bar
        ptytest flux submit --cc=1-3 --watch --progress --jps --quiet printf "\033[31mred\n" </dev/null >rate
        flux submit --cc=1-2 --progress --quiet true 2>&1'
    echo "$output"
    [[ "$output" == *"--progress: standard error is not a terminal"* ]]
    last=$(tr '\r' '\n' <bar | grep 100.0%)
    echo "$last" | cat -v
    [[ "$last" =~ ^PD:0\ +R:0\ +CD:3\ +F:0\ +│█+│100.0%\ 0:00:0.$'\e[K'$ ]]
    tr '\r' '\n' <rate | grep 'CD:3' | grep '100.0% [0-9.]* job/s'
    grep -q $'\e\[31mred' rate
    grep -q $'\e\[0m\r*PD' rate
}

@test "{cc} in an option is replaced for each job" {
    run start_flux 1 flux submit --cc=1-2 --quiet --wait --output=out{cc}.txt echo hello
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(cat out1.txt out2.txt)" = "$(printf 'hello\nhello')" ]
}

@test "submit --wait exits with the largest exit code" {
    run start_flux 1 flux submit --quiet --cc=1-3 --wait sh -c 'exit {cc}'
    echo "$output"
    [ "$status" -eq 3 ]
}

@test "run passes output, error and exit code through" {
    run start_flux 1 sh -c 'flux run sh -c "echo out; echo err >&2; exit 7" 2>err.txt'
    echo "$output"
    [ "$status" -eq 7 ]
    [ "$output" = out ]
    grep -q '^err$' err.txt
    run start_flux 1 sh -c 'flux run sh -c "kill -9 \$\$"; echo $?; flux run sh -c "exit 3"'
    echo "$output"
    [ "$status" -eq 3 ]
    [ "$output" = "flux-job: task(s) Killed
137
flux-job: task(s) exited with exit code 3" ]
}

@test "status, attach and jobs say the same of how a job ended" {
    cat >script <<'END'
said() { # COMMAND, then what is said by: status, attach, jobs; and the exit code of the former
    id=$(flux submit $OPT sh -c "$1")
    [ -z "$CANCEL" ] || { flux job wait-event $id start >/dev/null; flux cancel $id; }
    rc=0; flux job status -v $id 2>err || rc=$?
    test "$(cat err)" = "$id: $2" && test $rc = $5
    rc=0; flux job attach $id 2>err || rc=$?
    test "$(grep '^flux-job: ' err)" = "$3" && test $rc = $5
    test "$(flux jobs -no '{status} {returncode} {inactive_reason}{t_remaining}' $id)" = "$4"
}
said true "exited with exit code 0" "" "COMPLETED 0 Exit 0" 0
for code in 3 255; do
    said "exit $code" "task(s) exited with exit code $code" "flux-job: task(s) exited with exit code $code" "FAILED $code Exit $code" $code
done
said 'kill -9 $$' "task(s) Killed" "flux-job: task(s) Killed" "FAILED 137 Killed" 137
said 'kill -15 $$' "task(s) Terminated" "flux-job: task(s) Terminated" "FAILED 143 Terminated" 143
said 'kill -9 $PPID' "exception type=exec note=shell rank 0 (on $(hostname)): Killed" "flux-job: job shell Killed" "FAILED -9 Killed" 137
OPT=-t0.1s said 'sleep 99' "exception type=timeout note=resource allocation expired" "flux-job: task(s) Alarm clock" "TIMEOUT 142 Timeout" 142
CANCEL=1 said 'sleep 99' "exception type=cancel note=" "flux-job: task(s) Terminated" "CANCELED 143 Canceled" 143
OPT=--urgency=0; id=$(flux submit $OPT true); flux cancel $id
rc=0; flux job status -e 7 $id || rc=$?; test $rc = 7
test "$(flux jobs -no '{status} {returncode} {inactive_reason}{t_remaining}' $id)" = "CANCELED -128 Canceled"
END
    run start_flux 1 bash -ex script
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the environment follows its rules, in order" {
    export TEST_A=1 TEST_B=2 TEST_C=3
    run start_flux 1 flux run --env-remove='TEST_*' --env=TEST_B --env='X=$TEST_A-$$' sh -c \
        'echo "$TEST_A,$TEST_B,$TEST_C,$X"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = ",2,,1-\$" ]
}

@test "an unset variable in an environment rule is an error" {
    run flux submit --env='X=$NO_SUCH_VARIABLE' true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *NO_SUCH_VARIABLE* ]]
}

@test "resource limits are those asked for" {
    run start_flux 1 flux run --rlimit=nofile=123 sh -c 'ulimit -Sn'
    echo "$output"
    [ "$output" = 123 ]
    while read -r rule keys; do
        run flux submit --dry-run --rlimit="$rule" true
        echo "$rule: $status"
        [ "$(echo "$output" | jq -c '.attributes.system.shell.options.rlimit // {} | keys')" = "$keys" ]
    done <<'END'
-*,core ["core"]
-* []
-*,ofile,cpu=7 ["cpu","nofile"]
-*,MEM* ["memlock"]
-[a-bd-z]* ["core","cpu"]
END
    run flux submit --dry-run --rlimit=-*,nosuch true
    [ "$status" -eq 1 ]
    [[ "$output" == *"--rlimit=nosuch: no such limit" ]]
}

@test "--dry-run prints the jobspec and submits nothing" {
    run flux submit --dry-run -N2 -n4 -c2 -t 5m --job-name=x hostname
    [ "$status" -eq 0 ]
    echo "$output" | jq -e '.resources[0].type == "node" and .resources[0].count == 2
        and .resources[0].with[0].count == 2 and .resources[0].with[0].with[0].count == 2
        and .attributes.system.duration == 300 and .attributes.system.job.name == "x"'
}

@test "impossible and wrong requests are refused by the option's name" {
    for opt in -n0 -n-1 -nx -c0 -N0 '-N 2 -n 1' -t1e400 -tinfs --cwd= --env==x -tx --urgency=99 --signal=NOSUCH --begin-time=x \
        --dependency=x --flags=x --requires=a:b: --rlimit=nosuch=1 -x --cores=3; do
        run flux submit $opt true
        echo "$opt: $output"
        [ "$status" -eq 1 ]
        [[ "$output" == flux-submit:* ]]
        [ "$(echo "$output" | wc -l)" -eq 1 ] || [[ "$opt" = -nx* ]]
    done
}

@test "a job that can never run is refused at submit with what there is" {
    run start_fake 2 4 flux submit -n 100000 true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *100000* ]]
    [[ "$output" == *8* ]]
}

@test "batch takes directives; the command line overrides them" {
    printf '#!/bin/sh\n# flux: -n1 --job-name=fromscript\n# flux: --output=o.txt\nflux getattr size\n' >b.sh
    chmod +x b.sh
    run start_flux 1 sh -c \
        'id=$(flux batch --job-name=cli ./b.sh) && flux job status $id && flux jobs -ano {name}; cat o.txt'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = cli ]
    [ "${lines[1]}" = 1 ]
}

@test "a directive that is no option is refused: it would end the options" {
    for d in '-N1 word' '--job-name' 'x' '-n1 --' '--bogus=1'; do
        printf '#!/bin/sh\n# flux: %s\n' "$d" >b.sh
        run flux batch --dry-run -n1 b.sh
        echo "$d: $output"
        [ "$status" -eq 1 ]
        [[ "$output" == "flux-batch: ERROR: b.sh: "* && "${#lines[@]}" -eq 1 ]]
    done
}

@test "batch refuses what is no script, and says what to do" {
    printf 'echo hi\n' >nobang.sh
    run flux batch -n1 nobang.sh
    [ "$status" -eq 1 ]
    [[ "$output" == *"does not start with '#!'"*"--wrap"* ]]
    run flux batch -n1 nosuch.sh
    [ "$status" -eq 1 ]
    [[ "$output" == *"nosuch.sh: No such file"* ]]
    for c in 'batch -n1' 'batch -n1 --wrap' 'batch -n1 -'; do
        run flux $c </dev/null
        echo "$output"
        [ "$status" -eq 1 ]
        [[ "$output" == *"standard input"*" is empty"* ]]
    done
    run flux batch -n1 /bin/true
    [ "$status" -eq 1 ]
    [[ "$output" == *binary* ]]
    run flux batch --wrap true
    [ "$status" -eq 1 ]
    [[ "$output" == *--nslots* ]]
}

@test "a script with lines of another system, or an interpreter that is not there" {
    printf '#!/bin/sh\r\ntrue\r\n' >dos.sh
    run flux batch -n1 --dry-run dos.sh
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == "flux-batch: ERROR: dos.sh: its lines end with a carriage return"* ]]
    printf '#!/no/such/sh\ntrue\n' >nosh.sh
    run start_flux 1 sh -c 'id=$(flux batch -n1 --output=kvs nosh.sh); flux job attach $id'
    echo "$output"
    [ "$status" -eq 127 ]
    [[ "$output" == *"/script': there is no interpreter '/no/such/sh'"* ]]
}

@test "batch reads its script from standard input" {
    run start_flux 1 sh -c 'id=$(echo "echo from stdin" | flux batch -n1 --wrap --output=o.txt); flux job status $id; cat o.txt'
    echo "$output"
    [ "$output" = "from stdin" ]
}

@test "batch --conf configures the new instance" {
    run start_flux 1 sh -c \
        'id=$(flux batch -n1 --output=o.txt --conf=policy.jobspec.defaults.system.duration=\"1h\" --wrap flux config get) &&
         flux job status $id; cat o.txt'
    echo "$output"
    [ "$status" -eq 0 ]
    echo "$output" | jq -e '.policy.jobspec.defaults.system.duration == "1h"'
}

@test "files added to a job are in its temporary directory" {
    echo content >data.txt
    run start_flux 1 flux run --add-file=data.txt --add-file='s.sh:700=#!/bin/sh
echo script' sh -c 'cat $FLUX_JOB_TMPDIR/data.txt; {{tmpdir}}/s.sh'
    echo "$output"
    [ "$output" = "$(printf 'content\nscript')" ]
    run flux submit --dry-run --add-file=a:640=data.txt --add-file=b:999=data.txt --add-file=data.txt true
    echo "$output" | jq -e '.attributes.system.files | .a.mode == 33184 and .["b:999"].mode == 33152
        and .["data.txt"].size == 8'
    for f in $'some\ntext' =data.txt $'some\nA=1'; do
        run flux submit --dry-run --add-file="$f" true
        [ "$output" = "flux-submit: ERROR: --add-file: file name missing: want NAME=TEXT or a path" ]
    done
    run flux batch -n1 --add-file=script=data.txt --wrap true
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == "flux-batch: ERROR: --add-file=script=data.txt: the names script"* ]]
}

@test "a file of the jobspec may be a reference to content (RFC 37)" {
    run start_flux 1 sh -c 'ref=$(printf content | flux content store)
        flux run --setattr=files.f="{\"mode\":33188,\"size\":9,\"encoding\":\"blobvec\",
            \"data\":[[0,7,\"$ref\"]]}" sh -c "tr \"\\0\" . <\$FLUX_JOB_TMPDIR/f"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = content.. ]
}

@test "dependencies order jobs, and an impossible one cancels" {
    run start_flux 1 sh -c '
        a=$(flux submit sh -c "echo a >>order")
        b=$(flux submit --dependency=afterok:$a sh -c "echo b >>order")
        flux job status $b && cat order
        f=$(flux submit --urgency=hold false)
        d=$(flux submit --dependency=afterok:$f true)
        flux job urgency $f default
        flux job status $d; echo rc=$?
        flux submit --dependency=afterok:$f true'
    echo "$output"
    [ "${lines[0]}" = a ]
    [ "${lines[1]}" = b ]
    [ "${lines[2]}" = rc=1 ]
    [ "$status" -eq 1 ]    # one that has ended is refused at once
    [[ "${lines[3]}" == *"afterok: job "*" failed" ]]
}

@test "a time limit ends a job with a timeout exception" {
    run start_flux 1 sh -c 'flux run -t 0.3s sleep 100; echo rc=$?; flux jobs -ano {result}'
    echo "$output"
    [[ "$output" == *"type=timeout"* ]]
    [[ "$output" == *TIMEOUT* ]]
}

@test "a signal to a batch job reaches its script and its jobs, and ends no broker" {
    cat >b.sh <<'END'
#!/bin/sh
# flux: -N2 -n2 --output=b.out
trap 'echo script' USR2
for i in 1 2; do
    flux submit --quiet --output=job.$i sh -c 'trap "echo job; exit 7" USR2; touch ready.$0
        while :; do sleep 0.02; done' $i
done
until [ "$(flux jobs -an -o '{returncode}' | grep -c 7)" = 2 ]; do sleep 0.02; done
cat job.*; exit 3
END
    run start_fake 2 2 bash -c 'id=$(flux batch b.sh)
        until [ -e ready.1 ] && [ -e ready.2 ]; do sleep 0.02; done
        flux job kill --signal=USR2 $id; flux job status $id; echo $?'
    cat b.out; echo "$output"
    [ "$output" = 3 ]
    [ "$(grep -c '^script$' b.out) $(grep -c '^job$' b.out)" = "1 2" ]
}

@test "a batch job at its time limit shuts down in order: --dump is there" {
    run start_flux 1 sh -c 'id=$(flux batch -n1 -t 0.5s --output=kvs --dump=d.tar --wrap sleep inf)
        flux job attach $id; echo $?; flux jobs -no {status} $id; tar tf d.tar | grep -c resource'
    echo "$output"
    [[ "$output" == *"type=timeout"*"142"$'\n'"TIMEOUT"$'\n'[1-9]* ]]
}

@test "cancel, kill and raise do what they say, for many jobs" {
    run start_flux 1 sh -c '
        id=$(flux submit --wait-event=start sleep 100)
        flux cancel -m enough $id; flux job status -v $id; echo rc=$?
        id=$(flux submit --wait-event=exec.shell.start sleep 100)
        flux job kill -s SIGUSR1 $id; flux job status $id; echo rc=$?
        id=$(flux submit --urgency=hold true); flux cancel $id "no!id"; flux jobs -no "{state} left" $id
        flux cancel -q $id; flux cancel -q --all; echo quiet
        flux submit --quiet --cc=1-4 --urgency=hold true
        flux cancel --all; flux queue idle; flux jobs --stats-only'
    echo "$output"
    [[ "$output" == *"enough"* ]]
    [[ "$output" == *"rc=138"* ]]
    [[ "$output" == *"'no!id' is not a job id"*"SCHED left"$'\n'"quiet"*"Canceled 4 jobs"* ]]
}

@test "urgency holds and releases a job" {
    run start_flux 1 sh -c '
        id=$(flux submit --urgency=hold echo released)
        flux jobs -no "{contextual_info}" $id
        flux job urgency $id default && flux job attach $id'
    echo "$output"
    [ "${lines[0]}" = held ]
    [ "${lines[1]}" = released ]
}

@test "job wait gives each waitable job's result once" {
    run start_flux 1 sh -c '
        flux submit --quiet --flags=waitable true
        flux submit --quiet --flags=waitable false
        flux job wait --all; echo rc=$?; flux job wait; echo rc=$?'
    echo "$output"
    [[ "$output" == *rc=1*rc=2* ]]
}

@test "job ids convert between their forms" {
    run flux job id --to=f58plain 123456789
    f58=$output
    run flux job id --to=dec "$f58"
    [ "$output" = 123456789 ]
    run flux job id --to=hex "$f58"
    [ "$output" = 0x75bcd15 ]
    run flux job id nosuchid!
    [ "$status" -eq 1 ]
    [ "$(flux job id --to=f58 123456789)" = "ƒ${f58#f}" ]
    [ "$(LC_ALL=C flux job id --to=f58 123456789)" = "$f58" ]
}

@test "an unknown job is named in the error" {
    run start_flux 1 sh -c '
        for c in "job attach" "job status" "job eventlog" "job urgency" "cancel" "jobs"; do
            flux $c 1234 $(test "$c" = "job urgency" && echo 5) && echo "$c succeeded"; done'
    echo "$output"
    [[ "$output" != *succeeded* ]]
    [ "$(echo "$output" | grep -c 1234)" -ge 5 ]
}

@test "jobs lists by state, by name and as JSON" {
    run start_flux 1 sh -c '
        flux submit --quiet --wait --job-name=good true
        flux submit --quiet --wait --job-name=bad false
        flux jobs -n --filter=failed -o {name}
        flux jobs -an --name=good -o "{name} {status_abbrev} {returncode}"
        flux jobs -a --json | jq -r ".jobs | length"'
    echo "$output"
    [ "${lines[0]}" = bad ]
    [ "${lines[1]}" = "good CD 0" ]
    [ "${lines[2]}" = 2 ]
}

@test "output is decoded by its header's encoding, repeats and ranks (RFC 24)" {
    cat >myshell <<'SH'
#!/bin/sh
flux kvs put --raw output='{"timestamp":1,"name":"header","context":{"version":1,"encoding":{"stdout":"base64","stderr":"UTF-8"},"count":{"stdout":1,"stderr":1},"options":{}}}
{"timestamp":2,"name":"data","context":{"stream":"stdout","rank":"0-1","data":"bWVlcAo=","repeat":2}}
{"timestamp":2,"name":"data","context":{"stream":"stdout","rank":"all","encoding":"UTF-8","data":"plain\n"}}
{"timestamp":2,"name":"data","context":{"stream":"stdout","rank":"0","eof":true}}
{"timestamp":2,"name":"data","context":{"stream":"stderr","rank":"0","eof":true}}
'
SH
    chmod +x myshell
    run start_flux 1 sh -c 'flux submit --watch --quiet --setattr=system.exec.job_shell=$PWD/myshell true
        flux job attach -l $(flux job last)'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf 'meep\nmeep\nplain\n0-1: meep\n0-1: meep\nall: plain')" ]
}

@test "clients that wait for many jobs at once are each told of their own, and leave no watch behind" {
    run start_fake 1 64 bash -c '
        held=$(flux submit --urgency=hold true); waiting=; following=
        for i in 1 2 3 4; do flux job wait-event $held clean >/dev/null & following="$following $!"; done
        for i in 1 2 3 4 5 6 7 8; do
            flux submit --cc=1-40 --quiet --wait --setattr=system.exec.test.run_duration=0.01 true || echo failed &
            waiting="$waiting $!"
        done
        wait $waiting
        flux job wait-event -t0.1 $held clean 2>/dev/null || echo not yet
        kill $following
        until flux module stats job-info | grep -q "\"watchers\": 0"; do :; done
        flux cancel $held; flux jobs -an -c0 | wc -l'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "not yet
321" ]
}
