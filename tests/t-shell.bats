#!/usr/bin/env bats
# the job shell: what runs, what comes out, what goes in

load common

# in_flux N: run the script on standard input in an instance of N brokers
in_flux() {
    cat >script
    run start_flux "$1" bash -ex script
    [ "$status" -eq 0 ] || echo "$output"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    export PATH="$FLUX_BUILD/tests:$PATH" FLUX_TESTS="$FLUX_BUILD/tests"
}

@test "output, labels, exit codes" {
    in_flux 1 <<'END'
flux run echo hello
flux run -n2 -l sh -c 'echo out; echo err >&2' 2>err | sort >out
printf '0: out\n1: out\n' | cmp - out
sort err | grep -v flux >err2
printf '0: err\n1: err\n' | cmp - err2
rc=0; flux run sh -c 'exit 3' || rc=$?; test $rc = 3
rc=0; flux run -n2 sh -c 'exit $FLUX_TASK_RANK' || rc=$?; test $rc = 1
rc=0; flux run sh -c 'kill -USR2 $$' || rc=$?; test $rc = 140
END
    [ "$status" -eq 0 ]
    [[ $output == *hello* ]]
}

@test "a program that is missing or cannot be run" {
    in_flux 1 <<'END'
rc=0; flux run no-such-program 2>err || rc=$?; test $rc = 127
grep -q 'type=exec severity=0 .*no-such-program: No such file' err
rc=0; flux run /etc/passwd 2>err || rc=$?; test $rc = 126
grep -q 'Permission denied' err
rc=0; flux run -n2 no-such-program 2>err || rc=$?; test $rc = 127
test $(grep -c job.exception err) = 1
END
    [ "$status" -eq 0 ]
}

@test "the environment of a task" {
    in_flux 2 <<'END'
flux run -N2 -n4 -l sh -c 'echo $FLUX_JOB_SIZE $FLUX_JOB_NNODES $FLUX_TASK_RANK $FLUX_TASK_LOCAL_ID' | sort >out
printf '0: 4 2 0 0\n1: 4 2 1 1\n2: 4 2 2 0\n3: 4 2 3 1\n' | cmp - out
flux run sh -c 'test -d "$FLUX_JOB_TMPDIR" && echo $FLUX_JOB_TMPDIR' >dir
test ! -e $(cat dir)
test "$(flux run --requires=rank:1 flux getattr rank)" = 1
id=$(flux submit sh -c 'echo $FLUX_JOB_ID')
test "$(flux job attach $id)" = $id
flux run --env=GREETING='job {{id}} task {{taskid}} of {{size}}' sh -c 'echo $GREETING' | grep -q 'task 0 of 1'
flux run -N1 -n2 -l echo {{task.id}} {{task.localid}} {{node.id}} {{nnodes}} {{name}} | sort >out
printf '0: 0 0 0 1 echo\n1: 1 1 0 1 echo\n' | cmp - out
flux run echo {{nonsense}} 2>err | grep -qx '{{nonsense}}'
flux run -N2 --output='{{node.id}}.{{nonsense}}' echo {{nonsense}}{{node.gpus}} 2>err
test "$(grep -c "unknown mustache tag 'nonsense'" err)" = 2    # once a shell, none lost
test "$(cat 1.{{nonsense}})" = '{{nonsense}}'
test -z "$(grep lost err)"
grep -q nonsense err
flux run --cwd=/usr pwd | grep -qx /usr
flux run --cwd=/no/such/dir pwd 2>err | grep -qx /tmp
grep -q '/no/such/dir' err
END
    [ "$status" -eq 0 ]
}

@test "output to files, by template" {
    in_flux 2 <<'END'
flux run --output=one echo hello
grep -qx hello one
flux run -n2 -N2 --output='out.{{taskid}}' --error=err sh -c 'echo o$FLUX_TASK_RANK; echo e >&2'
grep -qx o0 out.0; grep -qx o1 out.1; test $(wc -l <err) = 2
flux run -N2 -n4 --output='{{node.id}}' --label-io sh -c 'echo $FLUX_TASK_RANK'
test "$(sort 0)" = "$(printf '0: 0\n1: 1')"
test "$(sort 1)" = "$(printf '2: 2\n3: 3')"
flux run -N2 --output=all sh -c 'echo $FLUX_TASK_RANK'
test "$(sort all)" = "$(printf '0\n1')"
id=$(flux submit --output='{{id.dec}}.{{name}}' --job-name=fred echo hello)
flux job attach $id 2>err
grep -qx hello $(flux job id --to=dec $id).fred
grep -q 'stdout redirected to' err
echo first >keep
flux run --output=keep -o output.mode=append echo second
test "$(cat keep)" = "$(printf 'first\nsecond')"
! flux run --output=/no/such/dir/file true 2>err
grep -q '/no/such/dir/file: No such file' err
END
    [ "$status" -eq 0 ]
}

@test "the job's environment says how its id is written: what the user is told is there" {
    in_flux 1 <<'END'
id=$(LC_ALL=C flux batch -n1 --wrap echo hello)
LC_ALL=C flux job attach $id 2>err
grep -q "redirected to flux-$id.out" err
case $id in f*) ;; *) false;; esac
test "$(cat flux-$id.out)" = hello
id=$(LC_ALL= LC_CTYPE=C LANG=C.UTF-8 flux submit --output='{{id}}.{{id.f58}}' printenv FLUX_JOB_ID)
LC_ALL=C flux job attach $id
test "$(cat $id.$id)" = $id
id=$(FLUX_F58_FORCE_ASCII=1 flux batch -n1 --wrap flux getattr jobid)
flux job attach $id
case $id in f*) ;; *) false;; esac
test "$(cat flux-$id.out)" = $id
id=$(LC_ALL=C.UTF-8 flux batch -n1 --wrap flux getattr jobid)
LC_ALL=C flux job attach $id
case $id in ƒ*) ;; *) false;; esac
test "$(cat flux-$id.out)" = $id
id=$(flux submit --env=-* --output='{{id}}' /bin/echo hello)    # says nothing: as the shell's own
flux job attach $id
test "$(cat $id)" = hello
END
    [ "$status" -eq 0 ]
}

@test "standard input" {
    in_flux 2 <<'END'
echo hello | flux run cat | grep -qx hello
seq 1000 | flux run -N2 -n4 -l cat >out
for i in 0 1 2 3; do grep "^$i: " out | sed 's/^.: //' | cmp - <(seq 1000); done
echo hello | flux run -n3 -N2 -l --input=1 cat >out; grep -x '1: hello' out
[ "$(wc -l <out)" -eq 1 ]    # the others are at the end of their input: cat does not wait
head -c 8000000 /dev/urandom >data
flux run -o input.limit=20M cat <data | cmp - data
flux run --input=data -N2 sha1sum | sort -u >out
test "$(sed 's/ .*//' out | uniq)" = "$(sha1sum <data | sed 's/ .*//')"
flux run --input=data cat | cmp - data
! flux run --input=/no/such/file cat 2>err
grep -q 'cannot open input file /no/such/file' err
rc=0; flux run -o input.limit=1k cat <data >/dev/null 2>err || rc=$?
test $rc != 0
grep -q input.limit err
END
    [ "$status" -eq 0 ]
}

@test "input that nobody reads holds its sender back, and is dropped at the end" {
    in_flux 1 <<'END'
head -c 30000000 /dev/zero >data
flux run -o input.limit=32M sh -c 'head -c 10 | wc -c; exec <&-; sleep 0.3' <data | grep -qx 10
flux run -o input.limit=32M sleep 0.3 <data
END
    [ "$status" -eq 0 ]
}

@test "ten thousand lines and fifty megabytes, to the KVS and to a file" {
    in_flux 1 <<'END'
flux run seq 10000 | cmp - <(seq 10000)
flux run sh -c 'yes 0123456789abcdef | head -c 50000000' | cmp - <(yes 0123456789abcdef | head -c 50000000)
flux run --output=file sh -c 'yes 0123456789abcdef | head -c 50000000' 2>/dev/null
cmp file <(yes 0123456789abcdef | head -c 50000000)
head -c 3000000 /dev/urandom >data
flux run -o output.stdout.buffer.type=none cat data | cmp - data
END
    [ "$status" -eq 0 ]
}

@test "output of followers comes by the leader, however slow the reader" {
    in_flux 3 <<'END'
flux run -N3 -n3 -l seq 20000 >out
for i in 0 1 2; do grep "^$i: " out | sed 's/^.: //' | cmp - <(seq 20000); done
flux run -N3 -n3 sh -c 'yes abcdef | head -c 2000000' | (sleep 0.5; wc -c) | grep -qx 6000000
flux run -N3 -o output.client.hwm=5 -o output.client.lwm=2 seq 3000 | wc -l | grep -qx 9000
END
    [ "$status" -eq 0 ]
}

@test "output.limit cuts off, and says so" {
    in_flux 1 <<'END'
flux run -o output.limit=1k seq 10000 >out 2>err
test $(wc -c <out) = 1024
grep -q 'truncated' err
! flux run -o output.limit=2G true 2>err
grep -q 'output.limit' err
END
    [ "$status" -eq 0 ]
}

@test "unbuffered output appears before the newline" {
    in_flux 1 <<'END'
mkfifo go
flux run -u sh -c 'printf prompt; read x <go; echo done' >out &
for i in $(seq 200); do grep -q prompt out && break; sleep 0.02; done
grep -q prompt out
echo >go
wait
grep -q 'promptdone' out
END
    [ "$status" -eq 0 ]
}

@test "a child that keeps the output open keeps the job, until it is canceled" {
    in_flux 1 <<'END'
flux run sh -c '(sleep 0.3; echo late) & echo early' >out
test "$(cat out)" = "$(printf 'early\nlate')"
id=$(flux submit sh -c 'sleep 100 &')
flux job wait-event -t 10 $id start >/dev/null
flux cancel $id
flux job wait-event -t 10 $id clean >/dev/null
END
    [ "$status" -eq 0 ]
}

@test "signals reach all tasks and their children" {
    in_flux 2 <<'END'
id=$(flux submit -N2 -n4 sh -c 'trap "echo got it; exit 5" USR1; echo ready; while :; do sleep 0.02; done')
for i in $(seq 300); do test "$(flux kvs get job.$(flux job id --to=dothex $id).guest.output 2>/dev/null | grep -c ready)" = 4 && break; sleep 0.02; done
flux job kill -s USR1 $id
rc=0; flux job attach $id >out || rc=$?
test $rc = 5
test $(grep -c 'got it' out) = 4
id=$(flux submit sh -c 'sleep 100')
flux job wait-event -t 10 $id start >/dev/null
flux cancel $id
rc=0; flux job attach $id 2>err || rc=$?
test $rc = 143
END
    [ "$status" -eq 0 ]
}

@test "a shell that is killed ends the job" {
    in_flux 2 <<'END'
id=$(flux submit -N2 sh -c 'test $FLUX_TASK_RANK = 1 && kill -9 $PPID; sleep 100')
rc=0; flux job attach $id 2>err || rc=$?
test $rc != 0
grep -q 'lost' err
flux job wait-event -t 20 $id clean >/dev/null
id=$(flux submit sh -c 'kill -9 $PPID; sleep 100')
rc=0; flux job attach $id 2>err || rc=$?
test $rc != 0
flux job wait-event -t 20 $id clean >/dev/null
END
    [ "$status" -eq 0 ]
}

@test "PMI between tasks and between shells" {
    in_flux 4 <<'END'
flux run pmitest exchange 3 | grep -qx '1 ok'
flux run -N4 -n8 pmitest exchange 10 | grep -qx '8 ok'
flux run -N4 -n5 -o pmi-simple.exchange.k=1 pmitest exchange | grep -qx '5 ok'
flux run -N2 -n3 -l pmitest get flux.taskmap PMI_process_mapping | grep '^2' >out
grep -qx '2: flux.taskmap=\[\[0,1,2,1\],\[1,1,1,1\]\]' out
grep -qx '2: PMI_process_mapping=(vector,(0,1,2),(1,1,1))' out
flux run -o pmi-simple.nomap pmitest get flux.taskmap | grep -qx 'flux.taskmap: none'
! flux run -o pmi=off pmitest exchange
rc=0; flux run -N2 -n3 pmitest abort 42 2>err || rc=$?; test $rc = 42
grep -q 'task 2 called MPI_Abort: enough' err
! flux run -n2 pmitest say 'what is this' 2>err
grep -q 'breaks the PMI protocol' err
END
    [ "$status" -eq 0 ]
}

@test "exit-timeout and exit-on-error" {
    in_flux 2 <<'END'
rc=0; flux run -N2 -o exit-timeout=0.1s sh -c 'test $FLUX_TASK_RANK = 1 && exit 9; sleep 100' 2>err || rc=$?
test $rc = 9
grep -q 'exit-timeout' err
rc=0; flux run -N2 -o exit-on-error sh -c 'test $FLUX_TASK_RANK = 1 && exit 7; sleep 100' 2>err || rc=$?
test $rc = 7
grep -q 'task 1' err
flux run -n2 -o exit-timeout=none sh -c 'test $FLUX_TASK_RANK = 1 || sleep 0.2'
! flux run -n2 -o exit-timeout=soon true 2>err
grep -q 'exit-timeout' err
END
    [ "$status" -eq 0 ]
}

@test "task maps" {
    in_flux 2 <<'END'
map() { flux job taskmap --to=raw $(flux job last); }
flux run -N2 -n4 --taskmap=cyclic true; test "$(map)" = "0,2;1,3"
flux run -N2 -n4 --taskmap=cyclic:2 true; test "$(map)" = "0-1;2-3"
flux run -N2 -n4 --taskmap='manual:[[1,1,2,1],[0,1,2,1]]' true; test "$(map)" = "2-3;0-1"
# as many tasks in all, but not on each node; one may have none
flux run -N2 -n4 -o cpu-affinity=off --taskmap='manual:0-2;3' --label-io printenv FLUX_TASK_LOCAL_ID | sort >out
test "$(map)" = "0-2;3"; test "$(xargs <out)" = "0: 0 1: 1 2: 2 3: 0"
flux run -N2 -n4 --taskmap='manual:[[1,1,4,1]]' flux pmi exchange >out
test "$(flux job taskmap $(flux job last))" = "[[1,1,4,1]]"; grep -q 'on 4 tasks' out
! flux run -N2 -n4 --taskmap='manual:[[0,2,1,1]]' true 2>err; grep -q "task map 'manual': got 2 tasks, expected 4" err
! flux run -N2 -n4 --taskmap='manual:[[0,1,4,1]]' true 2>err; grep -q "task map 'manual': got 1 nodes, expected 2" err
! flux run -N2 -n4 --taskmap=block:2 true 2>err; grep -q "task map 'block' takes no value, '2'" err
! flux run -N2 --taskmap=nope true 2>err; grep -q "nope" err
END
    [ "$status" -eq 0 ]
}

@test "task maps by a file of hosts" {
    cat >script <<'END'
map() { flux job taskmap --to=raw $(flux job last); }
printf 'node1\nnode0\n' >hosts
flux run -N2 -n4 --taskmap=hostfile:hosts true; test "$(map)" = "1,3;0,2"
printf 'node[1,1]\n\nnode0\nnode[0,7]\n' >hosts
flux run -N2 -n4 --taskmap=hostfile:hosts true; test "$(map)" = "2-3;0-1"
printf 'node0\n' >hosts
! flux run -N2 -n4 --taskmap=hostfile:hosts true 2>err
grep -q "host 'node1' of this job is not in hosts" err
! flux run -N2 --taskmap=hostfile:no-such-file true 2>err; grep -q 'no-such-file: No such file' err
printf 'node[0\n' >hosts
! flux run -N2 --taskmap=hostfile:hosts true 2>err; grep -q "'node\[0' is not a hostlist" err
END
    run start_fake 2 4 bash -ex script
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "oom.adjust, and a task that the kernel kills for want of memory" {
    in_flux 1 <<'END'
test "$(flux run -o oom.adjust=500 cat /proc/self/oom_score_adj)" = 500
for bad in 1001 -1001 x; do ! flux run -o oom.adjust=$bad true 2>err; grep -q 'oom.adjust: want' err; done
END
    [ "$status" -eq 0 ]
    # in a memory cgroup of version 1 or 2, where we may make one
    cg=$(awk -F: '$2 == "memory" { print "/sys/fs/cgroup/memory"; exit } $1 == 0 { print "/sys/fs/cgroup"; exit }' /proc/self/cgroup)/fluxtest.$$
    ! sanitized || return 0
    mkdir "$cg" 2>/dev/null || return 0
    for f in memory.limit_in_bytes memory.max; do [ ! -e "$cg/$f" ] || limit=$cg/$f; done
    if [ -n "${limit-}" ] && echo 100M >"$limit"; then
        run sh -c 'echo $$ >"$1/cgroup.procs"; exec timeout 60 flux start flux run tail /dev/zero' sh "$cg"
    fi
    wait_until 10 rmdir "$cg"
    [ -z "${limit-}" ] || [ "$status" -eq 137 ]
    [ -z "${limit-}" ] || grep -q 'task 0 (host .*): out of memory: the kernel has killed 1 process' <<<"$output"
}

@test "binding" {
    [ "$(nproc)" -ge 2 ] || skip "one processor"
    in_flux 1 <<'END'
flux run -n1 -c1 grep Cpus_allowed_list /proc/self/status | grep -Eq ':\s*[0-9]+$'
flux run -n2 -o cpu-affinity=per-task -l grep Cpus_allowed_list /proc/self/status | sed 's/^.*:\s*//' | sort -u | wc -l | grep -qx 2
flux run -n2 -o 'cpu-affinity=map:0;1' -l grep Cpus_allowed_list /proc/self/status | sort >out
grep -Eqx '0: Cpus_allowed_list:\s*0' out; grep -Eqx '1: Cpus_allowed_list:\s*1' out
flux run -o cpu-affinity=off grep Cpus_allowed_list /proc/self/status | cmp - <(grep Cpus_allowed_list /proc/self/status)
flux run -n2 -o cpu-affinity=verbose,per-task true 2>err; grep -q 'task 1: cpuset' err
grep -q 'shell: cpuset' err
flux run -o 'cpu-affinity={"verbose":true}' true 2>err; grep -q 'shell: cpuset' err
flux run -n2 -o cpu-affinity.dry-run -o cpu-affinity.map='0;1' grep Cpus_allowed_list /proc/self/status 2>err | sort -u | wc -l | grep -qx 1
grep -q 'shell: cpuset' err; grep -q 'task 1: cpuset: 1$' err
! flux run -o cpu-affinity=sideways true 2>err; grep -q sideways err
! flux run -o 'cpu-affinity={"a":1}' true 2>err; grep -q 'want a string' err
END
    [ "$status" -eq 0 ]
}

@test "gpus of tasks" {
    cat >fake.toml <<'END'
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
cores = "0-7"
gpus = "0-3"
END
    cat >script <<'END'
# gpus OPTIONS...: what each task sees
gpus() { flux run "$@" sh -c 'echo $FLUX_TASK_RANK:$CUDA_VISIBLE_DEVICES:$CUDA_DEVICE_ORDER' | sort | xargs; }
two="-N2 -n4 -g2"
test "$(gpus $two)" = "0:0,1,2,3:PCI_BUS_ID 1:0,1,2,3:PCI_BUS_ID 2:0,1,2,3:PCI_BUS_ID 3:0,1,2,3:PCI_BUS_ID"
test "$(gpus $two -o gpu-affinity=on)" = "$(gpus $two)"
test "$(gpus $two -o gpu-affinity=per-task)" = "0:0,1:PCI_BUS_ID 1:2,3:PCI_BUS_ID 2:0,1:PCI_BUS_ID 3:2,3:PCI_BUS_ID"
test "$(gpus $two -o 'gpu-affinity=map:3;0-1')" = "0:3:PCI_BUS_ID 1:0,1:PCI_BUS_ID 2:3:PCI_BUS_ID 3:0,1:PCI_BUS_ID"
test "$(gpus $two -o gpu-affinity=off)" = "0:: 1:: 2:: 3::"
test "$(gpus -n1)" = "0::"
test "$(CUDA_DEVICE_ORDER=FASTEST_FIRST gpus -n1 -g4)" = "0:0,1,2,3:FASTEST_FIRST"
! flux run -n1 -g1 -o gpu-affinity=sideways true 2>err
grep -q 'gpu-affinity: there are on, off, per-task, map:LIST' err
! flux run -n1 -g1 -o gpu-affinity=map:x true 2>err
grep -q "gpu-affinity: map: 'x' is not a list" err
END
    run timeout 60 flux start --test-size=2 --test-hosts='node[0-1]' --config-path=fake.toml bash -ex script
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "terminals of tasks, captured" {
    in_flux 2 <<'END'
flux run -o pty tty | grep -q /dev/pts
rc=0; flux run -n2 -o pty.ranks=1 -l tty >out 2>/dev/null || rc=$?
grep -q '^0: not a tty' out; grep -q '^1: /dev/pts' out; test $rc = 1
flux run -N2 -n2 -o pty -l sh -c 'test -t 0 && test -t 1 && test -t 2 && echo yes' | tr -d '\r' | sort >out
printf '0: yes\n1: yes\n' | cmp - out
echo hello | flux run -o pty sh -c 'read x; echo got $x' | grep -q 'got hello'
flux run --input=/etc/passwd -o pty sh -c 'cat; test -t 1' | tr -d '\r' | cmp - /etc/passwd
flux run -o pty seq 100000 | tr -d '\r' | cmp - <(seq 100000)
flux run -o pty --output=file seq 1000; tr -d '\r' <file | cmp - <(seq 1000)
rc=0; flux run -o pty sh -c 'exit 3' 2>/dev/null || rc=$?; test $rc = 3
rc=0; flux run -o pty no-such-program 2>/dev/null || rc=$?; test $rc = 127
! flux run -o pty.ranks=some true 2>err; grep -q 'pty.ranks' err
id=$(flux submit -o pty sleep 100); flux job wait-event -t10 $id start >/dev/null; flux cancel $id; flux job wait-event -t10 $id clean >/dev/null
END
    [ "$status" -eq 0 ]
}

@test "an interactive terminal" {
    in_flux 2 <<'END'
export PS1='ready> '
rc=0; ptytest flux run -N2 -n2 -o pty.interactive sh -c 'test $FLUX_TASK_RANK = 0 && exec sh -i' >out <<'STEPS' || rc=$?
expect ready>
raw
send tty\r
expect /dev/pts
send stty size\r
expect 30 100
resize 40 120
send until stty size | grep ^40; do sleep 0.1; done\r
expect 40 120
expect ready>
send sleep 100\r
send \x03
expect ready>
send read x; echo =$x=\r
send abc\x04\x04
expect =abc=
send exit 5\r
expect detached: session exiting
cooked
STEPS
test $rc = 5
END
    [ "$status" -eq 0 ]
}

@test "detach from a terminal, come back, share it" {
    in_flux 1 <<'END'
export PS1='ready> '
ptytest flux run -o pty.interactive sh -i >out <<'STEPS'
expect ready>
send a=42\r
expect ready>
send ~.
expect [detached]
cooked
STEPS
id=$(flux job last)
ptytest flux job attach $id >out <<'STEPS'
raw
send echo a=$a.\r
expect a=42.
expect ready>
send ~\x1a
stop
raw
send echo still here | tr a-z A-Z\r
expect STILL HERE
expect ready>
send echo ~~ | wc -c\r
expect 3
expect ready>
send ~.
expect [detached]
STEPS
mkfifo steps
ptytest flux job attach $id >out2 <steps &
exec 9>steps
printf 'raw\nsend echo one-$((1+1))\\r\nexpect one-2\n' >&9
for i in $(seq 300); do grep -q one-2 out2 && break; sleep 0.02; done
ptytest flux job attach $id >out3 <<'STEPS'
raw
send echo two-$((1+1)); exit\r
expect two-2
expect detached
STEPS
printf 'expect two-2\nexpect detached\n' >&9
exec 9>&-
wait
END
    [ "$status" -eq 0 ]
}

@test "an interactive terminal without one here; with capture; that nobody looks at" {
    in_flux 1 <<'END'
echo 'echo got $((40+2)); exit 4' >typed
rc=0; flux run -o pty.interactive sh -i <typed >out 2>/dev/null || rc=$?
test $rc = 4; grep -q 'got 42' out
ptytest flux run -o pty.interactive -o pty.capture sh -c 'echo shown $((1+1))' >out </dev/null
test $(grep -c 'shown 2' out) = 1
flux job attach $(flux job last) </dev/null | grep -q 'shown 2'
flux run -o pty.interactive true </dev/null
ptytest flux run -o pty.interactive sh -c 'echo last words; exit 6' >out </dev/null || test $? = 6
grep -q 'last words' out
ptytest flux run -o pty.interactive no-such-program >out </dev/null || test $? = 127
id=$(flux submit -o pty.interactive sh -c 'echo kept; sleep 100')
ptytest flux job attach $id >out <<'STEPS'
expect kept
send ~.
STEPS
flux cancel $id
flux job wait-event -t 10 $id clean >/dev/null
END
    [ "$status" -eq 0 ]
}

@test "any signal; a signal while shells wait for one another" {
    in_flux 2 <<'END'
printf '#!/bin/sh\ntrap "echo usr1" USR1; trap "echo winch" WINCH; trap "exit 9" QUIT\necho up\nwhile :; do sleep 0.02; done\n' >prog; chmod +x prog
id=$(flux submit -N2 -n2 ./prog)
output() { flux kvs get job.$(flux job id --to=dothex $id).guest.output 2>/dev/null; }
for i in $(seq 300); do test "$(output | grep -c up)" = 2 && break; sleep 0.02; done
flux job kill -s USR1 $id; flux job kill -s SIGWINCH $id
for i in $(seq 300); do test "$(output | grep -c winch)" = 2 && break; sleep 0.02; done
flux job kill -s QUIT $id
rc=0; flux job attach $id >out || rc=$?
test $rc = 9; test $(grep -c usr1 out) = 2
END
    [ "$status" -eq 0 ]
}

@test "the loss of a shell that is not critical: the others do not wait for it" {
    in_flux 3 <<'END'
cat >prog <<'PROG'
#!/bin/sh
case $FLUX_TASK_RANK in
0) n=0; until [ -e lost ]; do sleep 0.02; done; sleep 0.2; echo survived;;
1) until [ -e go ]; do sleep 0.02; done; kill -9 $PPID; sleep 100;;
2) echo two;;
esac
PROG
chmod +x prog
id=$(flux submit -N3 -n3 -o exit-timeout=none ./prog)
flux job wait-event -t 10 $id start >/dev/null
"$FLUX_TESTS"/rpc job-exec.critical-ranks "{\"id\":$(flux job id --to=dec $id),\"ranks\":\"0\"}"
touch go
flux job wait-event -t 10 $id exception >/dev/null
touch lost
flux job attach $id >out 2>err || true
grep -q survived out; grep -q two out; grep -q lost-shell err
END
    [ "$status" -eq 0 ]
}

@test "a follower whose leader is gone says once that its output is lost" {
    in_flux 2 <<'END'
id=$(flux submit -N2 -n2 sh -c 'trap "" TERM
    [ $FLUX_TASK_RANK = 1 ] || { touch zero; exec sleep 1000; }
    touch one; until [ -e gone ]; do sleep 0.02; done; echo late; echo later >&2; sleep 0.5; touch said
    exec sleep 1000')
until [ -e zero ] && [ -e one ]; do sleep 0.02; done
broker=$(flux getattr broker.pid)
kill -9 $(pgrep -P $broker -f "flux-shell")
flux job wait-event -t 20 $id exception >/dev/null
touch gone
until [ -e said ]; do sleep 0.02; done
flux job wait-event -t 20 $id clean >/dev/null
flux job eventlog -p guest.exec.eventlog $id >log
flux dmesg >>log
test $(grep -c 'output lost on its way' log) -ge 1
test $(grep 'output lost on its way' log | sort -u | wc -l) -le 2
END
    [ "$status" -eq 0 ]
}

@test "co-processes" {
    in_flux 2 <<'END'
cat >helper <<'PROG'
#!/bin/sh
exec 2>&-
trap 'echo bye from $2; exit 0' TERM
echo hello from $2
: >up.$2
while :; do sleep 0.02; done
PROG
chmod +x helper
opt='{"h":{"command":["./helper","x","{{node.id}}"],"output":"one.log"},"own":{"command":["./helper","y","own{{node.id}}"],"output":"own-{{node.id}}.log","ranks":"1"},"dflt":{"command":["echo","at {{id}}"],"ranks":"0"}}'
id=$(flux submit -N2 -o coprocess="$opt" sh -c 'until [ -e up.0 ] && [ -e up.1 ] && [ -e up.own1 ] && ls coproc-dflt* >ls 2>&1; do sleep 0.02; done')
flux job attach $id
test "$(sort one.log)" = "$(printf 'bye from 0\nbye from 1\nhello from 0\nhello from 1')"
test "$(cat own-1.log)" = "$(printf 'hello from own1\nbye from own1')"
test ! -e own-0.log
grep -qx "at $id" coproc-dflt-$id.log
# one that does not want to end
time flux run -o coprocess-kill-timeout=0.2s -o 'coprocess={"x":{"command":["sh","-c","trap : TERM; while :; do sleep 0.05; done"]}}' true
flux run -o 'coprocess={"x":{"command":["no-such-program"]}}' true 2>err; grep -q 'no-such-program' err
! flux run -o 'coprocess={"x":{"command":[]}}' true 2>err; grep -q 'coprocess.x: want' err
! flux run -o 'coprocess=1' true 2>err; grep -q 'coprocess: want an object' err
echo 'coprocess.define { name = "helper", command = {"echo", "defined"}, output = "d.log" }' >rc.lua
flux run -o userrc=rc.lua true; test ! -e d.log
flux run -o userrc=rc.lua -o helper sh -c 'until [ -s d.log ]; do sleep 0.02; done'; grep -qx defined d.log
flux run -o userrc=rc.lua -o helper.output=e.log sh -c 'until [ -s e.log ]; do sleep 0.02; done'; grep -qx defined e.log
END
    [ "$status" -eq 0 ]
}

@test "sysmon, hwloc.xmlfile, unknown options" {
    in_flux 1 <<'END'
flux run -o sysmon sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done' 2>err
grep -q 'sysmon: memory.peak=[0-9]' err; grep -q 'sysmon: loadavg-overall=[0-9]' err
flux run -o sysmon -o sysmon.period=0.05s -o verbose=2 sleep 0.3 2>err; grep -q 'loadavg=' err
! flux run -o sysmon -o sysmon.period=x true 2>err; grep -q sysmon.period err
HWLOC_COMPONENTS=x flux run -o hwloc.xmlfile sh -c 'grep -c "<topology" $HWLOC_XMLFILE; echo $HWLOC_COMPONENTS' | tr '\n' . | grep -qx '1\.\.'
flux run -n1 -c1 -o hwloc.xmlfile -o hwloc.restrict sh -c 'grep -c "type=.Core" $HWLOC_XMLFILE' | grep -qx 1
flux run -N1 -n2 -o nonsense=1 true 2>err; test $(wc -l <err) = 1; grep -q "WARN: option 'nonsense' is not known" err
flux run -o output.stdout.typ=kvs true 2>err; test $(wc -l <err) = 1; grep -q "'output.stdout.typ' .* is 'output.stdout.type' meant?" err
flux run --output=x.out --label-io --unbuffered -o pty.capture -o hwloc.restrict -o signal -o testplugin true 2>err; test "$(grep -c WARN err)" = 1; grep -q "WARN.*testplugin" err
for o in verbose=x verbose=-1 signal=x coprocess-kill-timeout=soon; do
    ! flux run -o $o true 2>err; grep -q "${o%=*}: want" err
done
flux run -n2 -o verbose true 2>err; grep -q 'job .*: 2 tasks on 1 nodes, task map \[\[0,1,2,1\]\]' err
grep -q 'on .*: 2 tasks, cores \[.*\], gpus \[\]' err
! flux run -o rexec.sign-required true 2>err; grep -q 'rexec: sign-required: this version does not' err
! flux run -o output.client.hwm=foo true 2>err; grep -q 'output.client: want integers' err
! flux run -o stage-in true 2>err; grep -q 'stage-in: main: no such archive' err
END
    [ "$status" -eq 0 ]
}

@test "tasks stopped in exec, and where they are" {
    in_flux 2 <<'END'
id=$(flux submit -N2 -n2 -o stop-tasks-in-exec sh -c 'echo went on')
flux job wait-event -t 10 -p guest.exec.eventlog $id shell.start >/dev/null
"$FLUX_TESTS"/rpc $(id -u)-shell-$(flux job id --to=f58plain $id).proctable >table
pids=$(grep -o '\[[01], *"[^"]*", *[0-9]*, *"/[^"]*sh"' table | sed 's/.*", *\([0-9]*\),.*/\1/')
test $(echo $pids | wc -w) = 2
for p in $pids; do grep -q '^State:.*T' /proc/$p/status; done
kill -CONT $pids
flux job attach $id | grep -c 'went on' | grep -qx 2
END
    [ "$status" -eq 0 ]
}

@test "processes of flux exec --jobid end with the tasks, or are killed" {
    in_flux 1 <<'END'
id=$(flux submit -o rexec-shutdown-timeout=0.2s sh -c 'until [ -e stop ]; do sleep 0.02; done')
flux job wait-event -t 10 -p guest.exec.eventlog $id shell.start >/dev/null
flux exec --jobid=$id sh -c 'trap "echo asked" TERM; : >up; while :; do sleep 0.02; done' >out 2>/dev/null &
for i in $(seq 300); do test -e up && break; sleep 0.02; done
touch stop
flux job wait-event -t 20 $id finish >/dev/null
wait || true
grep -q asked out
END
    [ "$status" -eq 0 ]
}

@test "an empty temporary directory is used again, as if it were new" {
    in_flux 1 <<'END'
flux run sh -c 'stat -c "%i %n" $FLUX_JOB_TMPDIR; chmod 755 $FLUX_JOB_TMPDIR' >first
flux run sh -c 'stat -c "%i %n" $FLUX_JOB_TMPDIR; stat -c %a $FLUX_JOB_TMPDIR; touch $FLUX_JOB_TMPDIR/x' >second
[ "$(cut -d" " -f1 first | head -1)" = "$(cut -d" " -f1 second | head -1)" ]
[ "$(cut -d" " -f2 first | head -1)" != "$(cut -d" " -f2 second | head -1)" ]
[ "$(tail -1 second)" = 700 ]
flux run sh -c '[ -z "$(ls -A $FLUX_JOB_TMPDIR)" ]'
! ls -d $TMPDIR/jobtmp-*
flux getattr rundir >rundir
END
    echo "$output"
    [ "$status" -eq 0 ]
    [ ! -e "$(cat rundir)" ]
}

@test "the shell removes its temporary directory, also when it fails" {
    in_flux 1 <<'END'
flux run sh -c 'mkdir -p $FLUX_JOB_TMPDIR/a/b; touch $FLUX_JOB_TMPDIR/a/b/c; ln -s / $FLUX_JOB_TMPDIR/root'
! flux run -o exit-timeout=x true 2>/dev/null
! flux run no-such-program 2>/dev/null
! ls -d $TMPDIR/jobtmp-*
test -d /usr
END
    [ "$status" -eq 0 ]
}

@test "attach at a terminal: the status line; ctrl-C twice cancels, ctrl-C ctrl-Z detaches" {
    in_flux 1 <<'END'
id=$(flux submit -N1 --exclusive sleep 100)
flux job wait-event -t 10 $id start >/dev/null
rc=0; ptytest flux run -N1 --exclusive true >out <<'STEPS' || rc=$?
expect waiting for resources
expect 00:00:0
send \x03
expect one more ctrl-C within 2s
send \x03
expect job.exception
STEPS
test $rc = 1
ptytest flux run -N1 --exclusive true >out <<'STEPS'
expect waiting for resources
send \x03
expect one more ctrl-C
send \x1a
expect detaching
STEPS
FLUX_ATTACH_NONINTERACTIVE=1 ptytest flux job attach -vv $(flux job last) >out <<'STEPS'
expect job.priority
send \x03
expect one more ctrl-C
send \x1a
expect detaching
STEPS
! grep -q 'waiting for' out
flux cancel $id $(flux job last)
ptytest flux run sh -c 'kill -STOP $$; echo back' >out <<'STEPS' &
STEPS
# the task may not have stopped yet
while kill -0 $!; do flux job kill -s CONT $(flux job last) || true; sleep 0.1; done 2>/dev/null
wait $!
END
    [ "$status" -eq 0 ]
}

@test "a time limit: a signal before it, and at its end" {
    in_flux 1 <<'END'
rc=0; flux run -t 1s --signal=USR1@0.7s sh -c 'trap "echo warned; exit 7" USR1; while :; do sleep 0.02; done' >out 2>err || rc=$?
test $rc = 7; grep -q warned out; grep -q 'sending SIGUSR1' err
rc=0; flux run -t 0.3s sh -c 'trap "echo time is up; exit 9" ALRM; while :; do sleep 0.02; done' >out 2>err || rc=$?
test $rc = 9; grep -q 'time is up' out; grep -q 'type=timeout' err
! flux run -o signal.signum=999 true 2>err; grep -q 'signal' err
END
    [ "$status" -eq 0 ]
}
