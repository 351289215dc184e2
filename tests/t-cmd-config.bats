# flux config, flux uptime, flux broker

load common

@test "config get prints values, strings without quotes, tables as JSON" {
    printf '[a]\nb = 3\ns = "text"\nl = [1, 2]\nd = "1.5m"\n' >c.toml
    run start_flux 1 --config-path=c.toml sh -c '
        flux config get a.b; flux config get a.s; flux config get a.l; flux config get a
        flux config get -t fsd a.d; flux config get -t fsd-integer a.d
        flux config get -t fsd-real a.d'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 3 ]
    [ "${lines[1]}" = text ]
    [ "${lines[2]}" = "[1,2]" ]
    [ "${lines[3]}" = '{"b":3,"s":"text","l":[1,2],"d":"1.5m"}' ]
    [ "${lines[4]}" = 1.5m ]
    [ "${lines[5]}" = 90 ]
    [ "${lines[6]}" = 90.0 ]
}

@test "config get: a missing key is an error, unless there is a default; -q is quiet" {
    run start_flux 1 flux config get a.b
    [ "$status" -eq 1 ]
    [[ "$output" == *"a.b is not set"* ]]
    run start_flux 1 flux config get --quiet a.b
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    run start_flux 1 flux config get --default=x a.b
    [ "$status" -eq 0 ]
    [ "$output" = x ]
}

@test "config get checks the type" {
    printf 'n = 3\ns = "text"\n' >c.toml
    run flux config get -c c.toml -t string n
    [ "$status" -eq 1 ]
    [[ "$output" == *"n is of type integer, not string"* ]]
    run flux config get -c c.toml -t fsd s
    [ "$status" -eq 1 ]
    [[ "$output" == *"'text' is not a duration"* ]]
    run flux config get -c c.toml -t nonsense s
    [ "$status" -eq 1 ]
    [[ "$output" == *"--type=nonsense: there are"* ]]
    run flux config get -c c.toml -t integer n
    [ "$status" -eq 0 ]
    [ "$output" = 3 ]
}

@test "config get --config-path reads a directory, JSON and TOML without an instance" {
    mkdir d
    printf '[a]\nx = 1\n' >d/1.toml
    printf '[b]\ny = 2\n' >d/2.toml
    echo '{"z": 3}' >c.json
    run flux config get -c d
    [ "$output" = '{"a":{"x":1},"b":{"y":2}}' ]
    run flux config get -c c.json z
    [ "$output" = 3 ]
    run flux config get -c nonexistent z
    [ "$status" -eq 1 ]
    [[ "$output" == *nonexistent* ]]
}

@test "config set and unset change one value; its type stays unless another is asked for" {
    run start_flux 1 sh -c '
        flux config set a.b 7 && flux config set a.s yes && flux config get &&
        flux config set a.b 8 && flux config get a.b
        flux config set a.b text
        flux config set --type=string a.b text && flux config get a.b
        flux config set --type=fsd a.d 5x; flux config set --type=fsd a.d 5m
        flux config unset a.b && flux config unset a.b; flux config get'
    echo "$output"
    [ "${lines[0]}" = '{"a":{"b":7,"s":"yes"}}' ]
    [ "${lines[1]}" = 8 ]
    [[ "${lines[2]}" == *"'text' is not a valid integer"* ]]
    [ "${lines[3]}" = text ]
    [[ "${lines[4]}" == *"'5x' is not a duration"* ]]
    [[ "${lines[5]}" == *"a.b is not set"* ]]
    [ "${lines[6]}" = '{"a":{"s":"yes","d":"5m"}}' ]
}

@test "config load replaces all, from standard input or a path; reload reads the disk" {
    printf 'a = 1\n' >c.toml
    printf 'q = 5\n' >p.toml
    run start_flux 1 --config-path=c.toml sh -c '
        echo "{\"b\": 2}" | flux config load && flux config get &&
        printf "[t]\nx = 3\n" | flux config load && flux config get &&
        flux config load p.toml && flux config get &&
        echo "a = 9" >c.toml && flux config reload && flux config get
        echo "a = = 1" | flux config load'
    echo "$output"
    [ "${lines[0]}" = '{"b":2}' ]
    [ "${lines[1]}" = '{"t":{"x":3}}' ]
    [ "${lines[2]}" = '{"q":5}' ]
    [ "${lines[3]}" = '{"a":9}' ]
    [ "$status" -eq 1 ]
    [[ "${lines[4]}" == *"not TOML"* ]]
}

@test "config changes are for the leader; reload --follower-noop does nothing elsewhere" {
    run start_flux 2 sh -c '
        export FLUX_URI=local://$(flux getattr rundir)/local-1
        [ "$(flux getattr rank)" = 1 ] || exit 9
        flux config set a 1; echo $?
        flux config reload; echo $?
        flux config reload --follower-noop; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *"leader"* ]]
    [ "${lines[1]}" = 1 ]
    [[ "${lines[2]}" == *"leader"* ]]
    [ "${lines[3]}" = 1 ]
    [ "${lines[4]}" = 0 ]
}

@test "config builtin prints paths in tree and installed, and refuses other names" {
    run flux config builtin shell_path
    [ "$output" = "$FLUX_BUILD/flux-shell" ]
    run flux config builtin --installed shell_path
    [ "$status" -eq 0 ]
    [ "$output" != "$FLUX_BUILD/flux-shell" ]
    run flux config builtin nonsense
    [ "$status" -eq 1 ]
    [[ "$output" == *"nonsense is not the name of a builtin value"* ]]
}

@test "uptime: clock, state, time, owner, depth, size in the form of the manual page" {
    run start_flux 2 flux uptime
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" =~ ^\ [0-9]{2}:[0-9]{2}:[0-9]{2}\ run\ [0-9.]+[smhd],\ \ owner\ [^,]+,\ \ depth\ 0,\ \ size\ 2 ]]
    run start_flux 1 flux uptime extra
    [ "$status" -eq 1 ]
}

@test "uptime tells of drained nodes, of submission and scheduling that are off" {
    run start_fake 4 1 sh -c '
        flux resource drain 2-3
        flux queue disable --quiet -m x; flux queue stop --quiet
        flux uptime'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *"size 4,  2 drained" ]]
    [ "${lines[1]}" = "  submit disabled,  sched stopped" ]
}

@test "flux broker runs the broker with the same arguments" {
    run timeout 20 flux broker flux getattr size
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 1 ]
}
