# Queues by configuration (RFC 33)

load common

queue_config() {
    fake_config 4 4
    cat >>fake.toml <<CONF
[queues.batch]
hosts = "node[0-2]"
[queues.debug]
hosts = "$1"
CONF
}

start_queues() {
    timeout -s KILL 60 flux start --test-size=4 --test-hosts='node[0-3]' \
        --config-path=fake.toml "$@"
}

@test "a queue of hosts runs its jobs on those hosts" {
    queue_config node3
    run start_queues sh -c \
        'flux queue start --quiet --all; flux submit --quiet --wait -q debug true && flux submit --quiet --wait -q batch -N3 true &&
         flux jobs -ano "{queue} {nodelist}"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "batch node[0-2]" ]
    [ "${lines[1]}" = "debug node3" ]
}

@test "a job that its queue can never run is refused, with what there is" {
    queue_config node3
    run start_queues flux submit -q debug -N2 true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"asks for 2 nodes; there is 1 that meets its constraints"* ]]
}

@test "an unknown queue is refused" {
    queue_config node3
    run start_queues flux submit -q nosuch true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *nosuch* ]]
}

@test "a host that is not there is named" {
    queue_config node9
    run start_queues true
    echo "$output"
    [[ "$output" == *"queues.debug.hosts: host node9 is not in the resource inventory"* ]]
}

@test "queues that cannot be are refused by their key (RFC 33)" {
    base='[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
cores = "0-1"
'
    default='[policy.jobspec.defaults.system]
queue = "a"
'
    while IFS='|' read -r toml want; do
        printf '%s%b\n%s' "$base" "$toml" "$default" >q.toml
        run start_flux 2 --test-hosts="node[0-1]" --config-path=q.toml true
        echo "$toml: $output"
        [ "$status" -ne 0 ]
        [[ "$output" == *"$want"* ]]
    done <<'END'
[queues.a]\nhosts = "node0"\nrequires = ["x"]|queues.a: both hosts and requires
[queues.a]\nrequires = ["x!y"]|queues.a.requires[0]: 'x!y' is not
[queues.a]\nrequires = [1]|queues.a.requires[0]: not a string
[queues.a]\nparent = "nosuch"|queues.a.parent: not a configured queue
[queues.a]\n[queues.b]\nparent = "a"\n[queues.c]\nparent = "b"|queues.c.parent: b is a virtual
[queues.a]\n[queues.b]\nparent = "a"\nhosts = "node0"|queues.b: a virtual queue must not
[queues.a]\n[queues.b]\nparent = "a"\npolicy.scheduler.x = 1|queues.b: a virtual queue must not
[queues.b]|policy.jobspec.defaults.system.queue: a is not
END
}
