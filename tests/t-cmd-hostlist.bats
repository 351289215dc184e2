# flux hostlist

load common

@test "hosts are concatenated, counted, expanded, sorted, made unique" {
    run flux hostlist b2 'a[1-2]' b1
    [ "$status" -eq 0 ]
    [ "$output" = "b2,a[1-2],b1" ]
    run flux hostlist -S b2 'a[1-2]' b1
    [ "$output" = "a[1-2],b[1-2]" ]
    run flux hostlist -u h3 h1 h3 h2
    [ "$output" = "h[1-3]" ]
    run flux hostlist -c 'a[1-20]' a1
    [ "$output" = 21 ]
    run flux hostlist -e 'a[1-3]'
    [ "$output" = "a1 a2 a3" ]
    run flux hostlist -ed'\n' 'a[1-3]'
    [ "${#lines[@]}" -eq 3 ]
    run flux hostlist --expand --delimiter=, 'a[1-3]'
    [ "$output" = "a1,a2,a3" ]
}

@test "standard input is the default source, or -" {
    run sh -c 'printf "a1 a2\na3\n" | flux hostlist'
    [ "$output" = "a[1-3]" ]
    run sh -c 'echo a1 | flux hostlist a0 -'
    [ "$output" = "a[0-1]" ]
}

@test "set operations" {
    run flux hostlist --intersect 'a[1-5]' 'a[3-9]' 'a[4-6]'
    [ "$output" = "a[4-5]" ]
    run flux hostlist --minus 'a[1-5]' a2 'a[4-9]'
    [ "$output" = "a[1,3]" ]
    run flux hostlist --xor 'a[1-3]' 'a[2-4]'
    [ "$output" = "a[1,4]" ]
    run flux hostlist --minus --xor a b
    [ "$status" -eq 2 ]
}

@test "selections: --nth, --find, --limit, --exclude" {
    run flux hostlist -n 0,2-3 'a[0-9]'
    [ "$output" = "a[0,2-3]" ]
    run flux hostlist --nth=-1 'a[0-9]'
    [ "$output" = a9 ]
    run flux hostlist -n 10 'a[0-9]'
    [ "$status" -eq 1 ]
    [[ "$output" == *"no host has the index 10: there are 10"* ]]
    run flux hostlist -F 'a[3,1]' 'a[0-9]'
    [ "$output" = "3 1" ]
    run flux hostlist -F b 'a[0-9]'
    [ "$status" -eq 1 ]
    [[ "$output" == *"'b' not found"* ]]
    run flux hostlist -L 2 'a[0-9]'
    [ "$output" = "a[0-1]" ]
    run flux hostlist --limit=-2 'a[0-9]'
    [ "$output" = "a[8-9]" ]
    run flux hostlist -x 'a[0-7],nosuch' 'a[0-9]'
    [ "$output" = "a[8-9]" ]
    run flux hostlist -x 0-7 'a[0-9]'
    [ "$output" = "a[8-9]" ]
}

@test "exit codes: empty with --quiet, bad options, bad hosts" {
    run flux hostlist -q -x a a
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    run flux hostlist -q a
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run flux hostlist --nosuch
    [ "$status" -eq 2 ]
    run flux hostlist 'a[1-'
    [ "$status" -eq 1 ]
    [[ "$output" == *"a[1-"* ]]
    run flux hostlist --limit=x a
    [ "$status" -eq 2 ]
}

@test "sources: the instance, what is available, jobs" {
    run start_fake 4 1 sh -c '
        flux hostlist instance
        flux hostlist -l
        flux resource drain 1
        flux hostlist avail
        flux resource undrain 1
        id=$(flux submit -N2 true); flux job status $id
        [ "$(flux hostlist $id)" = "$(flux jobs -no {nodelist} $id)" ] && echo same
        flux hostlist -c $id
        flux run -N1 flux hostlist local
        flux hostlist foo1; echo $?
        flux hostlist --fallback foo1 foo2' 2>&1
    echo "$output"
    [ "${lines[0]}" = "node[0-3]" ]
    [ "${lines[1]}" = "node[0-3]" ]
    [ "${lines[2]}" = "node[0,2-3]" ]
    [ "${lines[3]}" = same ]
    [ "${lines[4]}" = 2 ]
    [[ "${lines[5]}" == node[0-3] ]]
    [[ "${lines[6]}" == *"job foo1 not found"* ]]
    [ "${lines[7]}" = 1 ]
    [ "${lines[8]}" = "foo[1-2]" ]
}

@test "flux hostlist does not wait for ever for standard input" {
    mkfifo f; exec 9<>f
    FLUX_HOSTLIST_STDIN_TIMEOUT=0.1 run flux hostlist <&9
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"nothing on standard input for 0.1s"* ]]
    FLUX_HOSTLIST_STDIN_TIMEOUT=soon run flux hostlist <&9
    [ "$status" -eq 1 ] && [[ "$output" == *"FLUX_HOSTLIST_STDIN_TIMEOUT=soon: want seconds"* ]]
    FLUX_HOSTLIST_STDIN_TIMEOUT=0 run flux hostlist <<<"n1 n2"
    [ "$output" = "n[1-2]" ]
}
