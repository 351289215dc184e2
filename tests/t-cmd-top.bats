# flux top: what is on the screen, keys, other instances

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    export PATH="$FLUX_BUILD/tests:$PATH" TERM=xterm-256color
}

# with_queues SCRIPT: run it in an instance of four nodes and queues batch and debug
with_queues() {
    cat >q.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-3]"
cores = "0-3"
[[resource.config]]
hosts = "node[0-2]"
properties = ["batch"]
[[resource.config]]
hosts = "node3"
properties = ["debug"]
[queues.batch]
requires = ["batch"]
[queues.debug]
requires = ["debug"]
[policy.jobspec.defaults.system]
queue = "batch"
CONF
    run timeout $((120 * TEST_SLOW)) flux start --test-size=4 --test-hosts="node[0-3]" \
        --config-path=q.toml bash -ec "flux queue start --quiet -a; $1"
    echo "$output"
}

@test "flux top shows resources, counts and running jobs, of all queues or of one" {
    with_queues '
        flux submit --quiet --wait true
        ! flux submit --quiet --wait false 2>err || exit 1
        flux resource drain node2
        flux submit --quiet --wait-event=start -n5 -q batch --job-name=wide sleep inf
        flux submit --quiet --wait-event=start -n1 -q debug --job-name=small sleep inf
        flux submit --quiet -N1 -n1 -q debug --exclusive --job-name=later sleep inf
        ptytest flux top --test-exit-dump=all </dev/null >out
        ptytest flux top -q debug --test-exit-dump=debug </dev/null >out
        cat all; echo --; cat debug'
    [ "$status" -eq 0 ]
    [[ "$output" == *"/ "*"∞
nodes [||"*" 3/4]"*" 1 pending
cores [||"*" 6/16]"*" 2 running
gpus  ["*" 0/0]"*" 1 complete, 1 failed
"*"size: 4  uptime: "*"s  "*"
queue: all
"*"JOBID QUEUE "*"USER "*"ST NTASKS NNODES  RUNTIME NAME
"*" debug "*" R      1      1 "*" small
"*" batch "*" R      5      2 "*" wide
"*"--
"*"nodes [||"*" 1/1]"*" 1 pending
cores [||"*" 1/4]"*" 1 running
"*" 0 complete, 0 failed
"*"queue: debug
"*" small"* ]]
    [[ "${output#*--}" != *wide* ]]
    # what is down comes from the right
    [[ "$output" =~ "nodes ["\|+\ +\|+\ "3/4]" || "$output" =~ "nodes ["\|+\ "3/4]" ]]
}

@test "flux top: keys move the cursor, change the queue, go into an instance and back" {
    with_queues '
        id=$(flux batch -n1 -q batch --job-name=nested --wrap sleep inf)
        flux uri --wait $id >/dev/null
        flux submit --quiet --wait-event=start -q batch --job-name=plain sleep inf
        { echo expect nested
          echo "send d"; echo expect inactive
          echo "send l"; echo expect batch
          echo "send \e[C"; echo "send \eOC"; echo "send hhl"
          echo "send \r"                        # plain: nothing happens
          echo "send j\r"; echo "expect depth: 1"
          echo "send q"; echo expect plain
          echo "resize 12 60"
          echo "send k\eOB\r"; echo "expect depth: 1"
          echo "send \x0c"; echo "expect depth: 1"
          echo "send qq"; } >steps
        ptytest flux top --color=never <steps >out
        # into the nested instance at once, which has the id in its path
        ptytest flux top --test-exit-dump=dump $id </dev/null >out2
        grep "^/\?$id " dump; grep -q "depth: 1" dump; grep "^nodes.* 0/1\]" dump'
    [ "$status" -eq 0 ]
    ! grep -q $'\e\[3[0-9]m' out
}

@test "flux top leaves a nested instance that ends, and ends with the first" {
    run start_fake 1 4 bash -ec '
        id=$(flux batch -n1 --job-name=nested --wrap sleep inf)
        flux uri --wait $id >/dev/null
        mkfifo steps
        ptytest flux top <steps >out & pid=$!
        exec 5>steps
        printf "expect nested\nsend \\r\nexpect depth: 1\n" >&5
        while ! grep -qs "depth: 1" out; do command sleep 0.05; done
        other=$(flux batch -n1 --job-name=other --wrap sleep inf)
        flux uri --wait $other >/dev/null
        flux cancel $id; flux job wait-event -t30 $id clean >/dev/null
        printf "expect other\nsend q\ncooked\n" >&5
        exec 5>&-
        wait $pid
        ptytest flux top $other <steps >first & pid=$!
        exec 5>steps
        printf "expect depth: 1\n" >&5
        while ! grep -qs "depth: 1" first; do command sleep 0.05; done
        flux cancel $other
        exec 5>&-
        status=0; wait $pid || status=$?
        echo "first: $status"' </dev/null
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"first: 1" ]]
    grep -a "ERROR" first
}

@test "a nested instance that hangs is told, and blocks neither flux top, jobs, nor pstree" {
    run start_fake 1 4 bash -ec '
        id=$(flux batch -n1 --job-name=nested --wrap sleep inf)
        flux uri --wait $id >/dev/null; pid=$(flux proxy $id flux getattr broker.pid)
        kill -STOP $pid
        flux jobs -no "{name} {instance.stats.total}" >jobs &
        flux pstree -o "{name}" >pstree 2>&1 &
        { echo expect nested; echo "send \r"; echo "expect does not answer"; echo "send q"; echo cooked; } |
            ptytest flux top >out
        wait; cat jobs pstree
        kill -CONT $pid
        flux jobs -no "{name} {instance.stats.total}"
        flux pstree -o "{name}" 2>&1'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == "nested "*"flux-pstree: ERROR: the broker at "*"/local"*" does not answer"*"nested 0
"* ]]
}

@test "flux top: colors, ASCII ids" {
    run start_fake 1 4 bash -ec '
        id=$(flux batch -n1 --job-name=nested --wrap sleep inf); flux uri --wait $id >/dev/null
        ptytest flux top --test-exit --color </dev/null >always
        ptytest flux top --test-exit </dev/null >auto
        NO_COLOR=1 ptytest flux top --test-exit </dev/null >none
        FLUX_F58_FORCE_ASCII=1 ptytest flux top --test-exit-dump=dump $id </dev/null >out
        head -1 dump | grep "^/f[1-9A-Za-z]* "
        ! ptytest flux top --test-exit-dump=/nosuch/file </dev/null >refused; grep "/nosuch/file: No such" refused'
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q $'\e\[3[0-9]m' always
    grep -q $'\e\[3[0-9]m' auto
    ! grep -q $'\e\[3[0-9]m' none
}

@test "flux top: errors are one line, and the terminal is as it was" {
    run start_flux 1 bash -c '
        flux top </dev/null; echo $?
        flux top a b 2>&1 | head -1
        TERM=nosuch ptytest flux top </dev/null; echo $?
        ptytest flux top -q nosuch </dev/null; echo $?
        ptytest flux top --color=maybe </dev/null; echo $?
        ptytest flux top 1234 </dev/null; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == "flux-top: ERROR: standard input and output must be a terminal"*"
1
Usage: flux-top [OPTIONS] [TARGET]"*"
flux-top: ERROR: cannot open the terminal: its type TERM=nosuch "*"
1
flux-top: ERROR: --queue=nosuch: there is no such queue"*"
1
flux-top: option '--color': 'maybe' is not one of "*"
1
flux-top: ERROR: job 1234: there is no such job here"*"
1" ]]
}
