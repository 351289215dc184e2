# flux overlay, flux module trace

load common

start_tree() {
    start_flux 8 -Stbon.topo=kary:2 --test-hosts="node[0-7]" --test-exit-mode=leader "$@"
}

@test "status draws the tree" {
    run start_tree flux overlay status
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "0 node0: full
├─ 1 node1: full
│  ├─ 3 node3: full
│  │  └─ 7 node7: full
│  └─ 4 node4: full
└─ 2 node2: full
   ├─ 5 node5: full
   └─ 6 node6: full" ]
}

@test "status: a subtree, a summary, times, no drawing" {
    run start_tree sh -c '
        flux overlay status --summary
        flux overlay status --rank=2 --no-pretty
        flux overlay status -v --rank=7
        flux overlay status -vv --rank=7
        flux overlay status --rank=8; echo $?
        flux overlay status --wait=full --summary
        flux overlay status --wait=fine; echo $?' 2>&1
    echo "$output"
    [ "${lines[0]}" = "0 node0: full" ]
    [ "${lines[1]}" = "2 node2: full" ]
    [ "${lines[2]}" = "5 node5: full" ]
    [ "${lines[3]}" = "6 node6: full" ]
    [[ "${lines[4]}" =~ ^7\ node7:\ full\ for\ [0-9.]+m?s$ ]]
    [[ "${lines[5]}" =~ ^7\ node7:\ full\ for\ [0-9.]+m?s\ \([0-9.]+\ ms\)$ ]]
    [[ "${lines[6]}" == *"--rank=8: no such rank"* ]]
    [ "${lines[7]}" = 1 ]
    [ "${lines[8]}" = "0 node0: full" ]
    [[ "${lines[9]}" == *"--wait=fine: there are"* ]]
}

@test "status: targets and their ancestors are highlighted" {
    run start_tree sh -c '
        flux overlay status -H 7 | grep -c "\*:"
        flux overlay status --highlight=node[3,6] --color=always | grep -c "\[34m. node[012360]*"
        flux overlay status --highlight=node[3,6] --color=always | head -1
        flux overlay status -H 8; echo $?; flux overlay status -H node8; echo $?' 2>&1
    echo "$output"
    [ "${lines[0]}" = 4 ]
    [ "${lines[1]}" = 5 ]
    [ "${lines[2]}" = "$(printf '\033[34m0 node0\033[0m: full')" ]
    [[ "${lines[3]}" == *"--highlight=8: there are ranks 0-7" ]]
    [ "${lines[4]}" = 1 ]
    [[ "${lines[5]}" == *"--highlight=node8: "*"not found"* ]]
    [ "${lines[6]}" = 1 ]
}

@test "disconnect: the subtree is lost, and what is behind it; errors says why" {
    run start_tree sh -c '
        exec >out 2>err
        flux overlay disconnect node6
        flux overlay disconnect 1
        flux overlay status --wait=degraded --down
        flux overlay status --no-ghost
        flux overlay errors
        flux overlay disconnect 1; echo $?'
    cat err out
    [ "$(head -1 err)" = "flux-overlay: asking node2 (rank 2) to disconnect child node6 (rank 6)" ]
    [[ "$(tail -1 err)" == *"rank 1 is not a connected child of rank 0" ]]
    [ "$(cat out)" = "0 node0: degraded
├─ 1 node1: lost
│  ├─ 3 node3: lost
│  │  └─ 7 node7: lost
│  └─ 4 node4: lost
└─ 2 node2: degraded
   └─ 6 node6: lost
0 node0: degraded
├─ 1 node1: lost
└─ 2 node2: degraded
   ├─ 5 node5: full
   └─ 6 node6: lost
node[1,6]: administrative disconnect
node[3-4,7]: lost parent
1" ]
}

@test "lookup and parentof" {
    run start_tree sh -c '
        flux overlay lookup 0-2,7
        flux overlay lookup node[5-6]
        flux overlay parentof 6
        flux overlay parentof 7
        flux overlay lookup nosuch; echo $?
        flux overlay parentof 0; echo $?
        flux overlay parentof 8; echo $?
        flux overlay parentof x; echo $?' 2>&1
    echo "$output"
    [ "${lines[0]}" = "node[0-2,7]" ]
    [ "${lines[1]}" = 5-6 ]
    [ "${lines[2]}" = 2 ]
    [ "${lines[3]}" = 3 ]
    [[ "${lines[4]}" == *nosuch* ]]
    [[ "${lines[6]}" == *"rank 0 is the root"* ]]
    [[ "${lines[8]}" == *"rank 8: there are ranks 0-7"* ]]
    [[ "${lines[10]}" == *"'x' is not a rank"* ]]
    for i in 5 7 9 11; do [ "${lines[$i]}" = 1 ]; done
}

@test "trace shows messages of the overlay and of modules, filtered" {
    run start_flux 2 bash -c '
        touch o m
        flux overlay trace --rank=1 -t request --full "broker.ping" >o & o=$!
        flux module trace -T "kvs.*" -t request kvs >m & m=$!
        until [ -s o ] && [ -s m ]; do
            flux ping --count=1 --rank=1 broker >/dev/null
            flux kvs put x=1
        done
        kill $o $m
        wait
        head -2 o; head -1 m
        flux overlay trace -t bad; echo $?
        flux overlay trace --delta; echo $?' 2>&1
    echo "$output"
    [[ "${lines[0]}" =~ ^[0-9.]+\ tx\ request\ 1\ broker.ping ]]
    [ "${lines[1]}" = "{" ]
    [[ "${lines[2]}" =~ ^[0-9.]+\ rx\ request\ kvs\ kvs\. ]]
    [[ "$output" == *"--type=bad: there are"* ]]
    [[ "$output" == *"--delta is for use with --human"* ]]
}
