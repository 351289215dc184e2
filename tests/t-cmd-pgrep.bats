# flux pgrep, pkill, watch

load common

@test "pgrep: names by pattern, ids by range, both" {
    run start_flux 1 sh -c '
        a=$(flux submit --wait --job-name=alpha true)
        b=$(flux submit --job-name=beta true)
        c=$(flux submit --job-name=alphabet --urgency=hold true)
        flux job status $a $b
        flux pgrep alpha | wc -l
        flux pgrep -a alpha | wc -l
        [ "$(flux pgrep alpha)" = "$c" ] && echo same
        flux pgrep -a -n -o "{name}" "^alpha$"
        flux pgrep -a -no "{name}" $a..$b
        flux pgrep -a -no "{name}" $a..$c beta
        flux pgrep -f inactive -no "{name}" --count=1 a
        flux pgrep -a -o long beta
        flux pgrep nosuch; echo $?
        flux pgrep -a name:$a..$b; echo $?
        flux cancel $c'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = 2 ]
    [ "${lines[2]}" = same ]
    [ "${lines[3]}" = alpha ]
    [ "${lines[4]}" = beta ]
    [ "${lines[5]}" = alpha ]
    [ "${lines[6]}" = beta ]
    [ "${lines[7]}" = beta ]
    [[ "${lines[8]}" == *JOBID*USER*NAME* ]]
    [[ "${lines[9]}" == *beta* ]]
    [ "${lines[10]}" = 1 ]
    [ "${lines[11]}" = 1 ]
}

@test "pgrep: usage errors exit 2" {
    run flux pgrep
    [ "$status" -eq 2 ]
    run flux pgrep --nosuch x
    [ "$status" -eq 2 ]
    run flux pgrep '('
    [ "$status" -eq 2 ]
    [[ "$output" == *"pattern '('"* ]]
    run start_flux 1 flux pgrep --filter=bad x
    [ "$status" -eq 2 ]
    [[ "$output" == *"--filter=bad"* ]]
    for o in NOSUCH "{nosuch}" "{id"; do
        run flux pgrep -o "$o" x
        [ "$status" -eq 2 ]
        [[ "$output" == *"ERROR: --format: "* ]]
    done
    run flux pkill -a x
    [ "$status" -eq 2 ]
}

@test "pkill cancels what matches, and waits for it" {
    run start_flux 1 sh -c '
        keep=$(flux submit --job-name=keep --urgency=hold true)
        a=$(flux submit --job-name=kill-1 sleep 60)
        b=$(flux submit --job-name=kill-2 --urgency=hold sleep 60)
        flux pkill --wait "^kill"; echo $?
        flux jobs -ano "{name} {result}" | sort
        flux pkill kill; echo $?
        flux cancel $keep' 2>&1
    echo "$output"
    [ "${lines[0]}" = "flux-pkill: Canceled 2 jobs (0 errors)" ]
    [ "${lines[1]}" = 0 ]
    [[ "${lines[2]}" == "keep"* ]]
    [ "${lines[3]}" = "kill-1 CANCELED" ]
    [ "${lines[4]}" = "kill-2 CANCELED" ]
    [ "${lines[5]}" = 1 ]
}

@test "watch shows the output of jobs, ended or not, and returns the largest exit code" {
    run start_flux 1 sh -c '
        a=$(flux submit sh -c "echo one; exit 3"); flux job status $a
        b=$(flux submit echo two); flux job status $b
        flux watch $a; echo rc=$?
        flux watch --all; echo rc=$?
        c=$(flux submit sh -c "command sleep 0.1; echo three")
        flux watch --active; echo rc=$?
        flux watch -a; echo rc=$?
        flux watch --filter=failed; echo rc=$?'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = one ]
    [ "${lines[1]}" = rc=3 ]
    [ "$(printf '%s\n' "${lines[@]:2:2}" | sort | xargs)" = "one two" ]
    [ "${lines[4]}" = rc=3 ]
    [ "${lines[5]}" = three ]
    [ "${lines[6]}" = rc=0 ]
    [ "${lines[7]}" = rc=0 ]
    [ "${lines[8]}" = one ]
    [ "${lines[9]}" = rc=3 ]
}

@test "watch: usage errors exit 2, unknown jobs 1" {
    run flux watch
    [ "$status" -eq 2 ]
    run flux watch --nosuch
    [ "$status" -eq 2 ]
    run flux watch --all f1
    [ "$status" -eq 2 ]
    run start_flux 1 flux watch --since=2199-01-01 --all
    [ "$status" -eq 2 ]
    [[ "$output" == *"in the future"* ]]
    run start_flux 1 flux watch f1
    [ "$status" -eq 1 ]
    [[ "$output" == *"f1: no such job"* ]]
}
