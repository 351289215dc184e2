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
