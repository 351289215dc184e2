# flux resource

load common

@test "info is one line in the form of the manual page" {
    run start_fake 2 4 sh -c '
        flux resource info
        flux resource info --include=0
        flux resource drain 1
        flux resource info --states=down
        flux resource info -s up -i node[0-7]'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "2 Nodes, 8 Cores, 0 GPUs" ]
    [ "${lines[1]}" = "1 Nodes, 4 Cores, 0 GPUs" ]
    [ "${lines[2]}" = "1 Nodes, 4 Cores, 0 GPUs" ]
    [ "${lines[3]}" = "1 Nodes, 4 Cores, 0 GPUs" ]
}

@test "list shows free, allocated and down resources, also where there are none" {
    run start_fake 4 4 flux resource list
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "     STATE NNODES   NCORES NODELIST" ]
    [ "${lines[1]}" = "      free      4       16 node[0-3]" ]
    [ "${lines[2]}" = " allocated      0        0 " ]
    [ "${lines[3]}" = "      down      0        0 " ]
}

@test "list combines lines by the fields of its format; --include skips empty lines" {
    run start_fake 4 4 sh -c '
        flux resource drain 3
        flux resource list -no "{nnodes}"
        flux resource list -no "{state} {ranks} {nodelist} {rlist}"
        flux resource list -i node3,nosuch -no "{state} {nnodes}"
        flux resource list -s all,up --skip-empty -no "{state} {ncores}"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 4 ]
    [ "${lines[1]}" = "free 0-2 node[0-2] rank[0-2]/core[0-3]" ]
    [ "${lines[2]}" = "allocated   " ]
    [ "${lines[3]}" = "down 3 node3 rank3/core[0-3]" ]
    [ "${lines[4]}" = "down 1" ]
    [ "${lines[5]}" = "all 16" ]
    [ "${lines[6]}" = "up 12" ]
}

@test "R is a resource set of the states asked for" {
    run start_fake 2 4 sh -c '
        flux resource drain node0
        flux resource R -s up
        flux resource R -s up -i 0'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *'"R_lite":[{"rank":"1","children":{"core":"0-3"}}]'* ]]
    [[ "${lines[0]}" == *'"nodelist":["node1"]'* ]]
    [[ "${lines[1]}" == *'"R_lite":[]'* ]]
}

@test "queues and properties: a node's queues are shown, --queue filters" {
    cat >q.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-2]"
cores = "0-3"
properties = ["batch"]
[[resource.config]]
hosts = "node3"
cores = "0-3"
properties = ["debug", "extra"]
[queues.batch]
requires = ["batch"]
[queues.debug]
requires = ["debug"]
[queues.fast]
parent = "batch"
CONF
    run start_flux 4 --test-hosts="node[0-3]" --config-path=q.toml sh -c '
        flux resource list -s free
        flux resource list -s free -no "{queue}|{properties}|{nnodes}"
        flux resource info -q debug
        flux resource info -q fast
        flux resource status -q debug -no "{state} {nodelist}"
        flux resource list -q nosuch'
    echo "$output"
    [ "${lines[0]}" = "     STATE QUEUE      PROPERTIES NNODES   NCORES NODELIST" ]
    [ "${lines[1]}" = "      free batch                      3       12 node[0-2]" ]
    [ "${lines[2]}" = "      free debug      extra           1        4 node3" ]
    [ "${lines[3]}" = "batch|batch|3" ]
    [ "${lines[4]}" = "debug|debug,extra|1" ]
    [ "${lines[5]}" = "1 Nodes, 4 Cores, 0 GPUs" ]
    [ "${lines[6]}" = "3 Nodes, 12 Cores, 0 GPUs" ]
    [ "${lines[7]}" = "avail node3" ]
    [ "$status" -eq 1 ]
    [[ "${lines[8]}" == *"--queue=nosuch: there is no such queue"* ]]
}

@test "formats and hidden queues come from configuration files" {
    mkdir -p xdg/flux
    cat >xdg/flux/flux-resource.toml <<'CONF'
[list]
hidden-queues = ["all"]
[list.formats.mine]
description = "My format"
format = "{state} {queue} {nodelist}"
CONF
    cat >q.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "node0"
cores = "0"
[queues.all]
[queues.one]
CONF
    export XDG_CONFIG_HOME=$PWD/xdg
    run start_flux 1 -Shostname=node0 --config-path=q.toml sh -c '
        flux resource list -s free -no mine
        flux resource list -s free -no mine -q all
        flux resource list -o get-config=mine
        flux resource list -o help
        flux resource status -o mine'
    echo "$output"
    [ "${lines[0]}" = "free one node0" ]
    [ "${lines[1]}" = "free all node0" ]
    [ "${lines[2]}" = "[list.formats.mine]" ]
    [ "${lines[3]}" = 'format = "{state} {queue} {nodelist}"' ]
    [[ "$output" == *"mine         My format"* ]]
    [ "$status" -eq 1 ]
    [[ "$output" == *"no format named 'mine'"* ]]
}

@test "status: states, online or not, empty lines only with --states" {
    run start_fake 4 4 sh -c '
        flux resource status
        flux resource drain 1-2
        flux resource status -no "{statex} {status} {up.ascii} {nnodes} {ranks}"
        flux resource status -s all -no "{nodelist}"
        flux resource status -s exclude,drain -no "{state} {nnodes}"
        flux resource status -s exclude,drain --skip-empty -no "{state} {nnodes}"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "     STATE UP NNODES NODELIST" ]
    [ "${lines[1]}" = "     avail  ✔      4 node[0-3]" ]
    [ "${lines[2]}" = "avail online y 2 0,3" ]
    [ "${lines[3]}" = "drained online y 2 1-2" ]
    [ "${lines[4]}" = "node[0-3]" ]
    [ "${lines[5]}" = "exclude 0" ]
    [ "${lines[6]}" = "drained 2" ]
    [ "${lines[7]}" = "draining 0" ]
    [ "${lines[8]}" = "drained 2" ]
    [ "${#lines[@]}" -eq 9 ]
}

@test "drain and undrain: reasons, --force, --update, errors name the nodes" {
    run start_fake 4 4 sh -c '
        flux resource drain node[1-2] bad fan
        flux resource drain -no "{ranks}|{reason}|{nodelist}|{state}"
        flux resource drain 1; echo $?
        flux resource drain --force 1 worse
        flux resource drain --update 1-3 other
        flux resource drain -no "{ranks} {reason}"
        flux resource undrain 1-3 fixed
        flux resource undrain 1; echo $?
        flux resource undrain --force 1; echo $?
        flux resource drain nosuch; echo $?
        flux resource drain -n'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "1-2|bad fan|node[1-2]|drained" ]
    [[ "${lines[1]}" == *"rank 1 (node1) already drained"* ]]
    [ "${lines[2]}" = 1 ]
    [ "${lines[3]}" = "1 worse" ]
    [ "${lines[4]}" = "2 bad fan" ]
    [ "${lines[5]}" = "3 other" ]
    [[ "${lines[6]}" == *"rank 1 (node1) not drained"* ]]
    [ "${lines[7]}" = 1 ]
    [ "${lines[8]}" = 0 ]
    [[ "${lines[9]}" == *nosuch* ]]
    [ "${lines[10]}" = 1 ]
    [ "${#lines[@]}" -eq 11 ]
}

@test "eventlog: the journal, filtered, in several forms; --wait ends with its event" {
    run start_fake 2 4 sh -c '
        flux resource drain 1 because
        flux resource eventlog --wait=drain -m reason=because -f json
        flux resource eventlog -i node1 | cut -d" " -f2
        flux resource eventlog --wait=torpid --timeout=0.1s; echo $?
        flux resource eventlog --wait=nonsense; echo $?
        flux resource eventlog -H | sed -n 2p'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == '{"timestamp":'*'"name":"drain"'*'"idset":"1"'* ]]
    [ "${lines[1]}" = restart ]
    [ "${lines[2]}" = online ]
    [ "${lines[3]}" = drain ]
    [[ "${lines[4]}" == *"no event torpid within 0.1s"* ]]
    [ "${lines[5]}" = 1 ]
    [[ "${lines[6]}" == *"--wait=nonsense: there are"* ]]
    [ "${lines[7]}" = 1 ]
    [[ "${lines[8]}" == '[  +'*'] '* ]]
}

@test "reload replaces the inventory; invalid files and ranks are refused" {
    run start_fake 2 4 sh -c '
        flux resource R >R.json
        sed "s/0-3/0-1/" R.json >R2.json
        flux resource reload R2.json && flux resource info
        sed "s/\"rank\":\"0-1\"/\"rank\":\"0-9\"/;s/node\[0-1\]/node[0-9]/" R.json >R10.json
        flux resource reload R10.json; echo $?
        flux resource reload --force R10.json; echo $?
        flux resource reload nosuch.json; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "2 Nodes, 4 Cores, 0 GPUs" ]
    [[ "${lines[1]}" == *"--force"* ]]
    [ "${lines[2]}" = 1 ]
    [ "${lines[3]}" = 0 ]
    [[ "${lines[4]}" == *"nosuch.json: No such file"* ]]
    [ "${lines[5]}" = 1 ]
}

@test "bad states and formats are refused with what there is" {
    run start_fake 1 1 flux resource list -s busy
    [ "$status" -eq 1 ]
    [[ "$output" == *"--states=busy: there are up, down"* ]]
    run start_fake 1 1 flux resource status -s busy
    [ "$status" -eq 1 ]
    [[ "$output" == *"--states=busy: there are avail"* ]]
    run start_fake 1 1 flux resource list -o '{nope}'
    [ "$status" -eq 1 ]
    [[ "$output" == *nope* ]]
    run flux resource list -s help
    [ "$status" -eq 0 ]
}
