# flux uri, flux proxy

load common

@test "uri: this instance, its parent, a job, a job of a job, back up" {
    cat >inner.sh <<'SH'
#!/bin/sh
id=$(flux batch -n1 --output=inner2.out --wrap flux getattr instance-level)
flux job wait-event $id memo >/dev/null
flux getattr local-uri
flux uri .
flux uri ..
flux uri /
flux uri ../..
SH
    chmod +x inner.sh
    run start_flux 1 sh -c '
        flux getattr local-uri
        flux uri /
        flux uri ..
        id=$(flux batch -n1 --output=inner.out ./inner.sh)
        flux uri --local --wait $id
        flux uri --wait $id/..?local
        flux job status $id
        cat inner.out'
    echo "$output"
    [ "$status" -eq 0 ]
    outer=${lines[0]}
    inner=${lines[3]}
    [[ "$outer" == local://* ]]
    [ "${lines[1]}" = "$outer" ]
    [ "${lines[2]}" = "$outer" ]
    [ "$inner" != "$outer" ]
    [[ "$inner" == local://* ]]
    [ "${lines[4]}" = "$outer" ]
    [ "${lines[5]}" = "$inner" ]
    [ "${lines[6]}" = "$inner" ]
    [ "${lines[7]}" = "$outer" ]
    [ "${lines[8]}" = "$outer" ]
    [ "${lines[9]}" = "$outer" ]
}

@test "uri: a path of two jobs" {
    cat >inner.sh <<'SH'
#!/bin/sh
id=$(flux batch -n1 --output=two.out --wrap 'echo up >two.up; flux getattr local-uri; cat fifo')
echo $id >two.id.tmp
flux uri --wait --local $id >two.uri
mv two.id.tmp two.id
flux job status $id
SH
    chmod +x inner.sh
    mkfifo fifo
    run start_flux 1 sh -c '
        id=$(flux batch -n1 ./inner.sh)
        until [ -s two.id ]; do command sleep 0.02; done
        flux uri --local $id/$(cat two.id)
        flux uri "$id/$(cat two.id)?local"
        flux uri --local jobid:/$id/$(cat two.id)
        flux proxy $id/$(cat two.id) flux getattr instance-level
        echo go >fifo
        flux job status $id
        cat two.uri'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "${lines[4]}" ]
    [ "${lines[1]}" = "${lines[4]}" ]
    [ "${lines[2]}" = "${lines[4]}" ]
    [ "${lines[3]}" = 2 ]
}

@test "uri: local and remote forms" {
    run start_flux 1 sh -c '
        flux uri --remote /
        flux uri "/?remote"
        FLUX_URI_RESOLVE_LOCAL=1 flux uri ssh://elsewhere/tmp/x/local-0
        flux uri ssh://elsewhere/tmp/x/local-0
        flux uri --local ssh://me@elsewhere:2222/tmp/x/local-0
        flux getattr local-uri'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "ssh://$(hostname)${lines[5]#local://}" ]
    [ "${lines[1]}" = "${lines[0]}" ]
    [ "${lines[2]}" = local:///tmp/x/local-0 ]
    [ "${lines[3]}" = ssh://elsewhere/tmp/x/local-0 ]
    [ "${lines[4]}" = local:///tmp/x/local-0 ]
}

@test "uri pid: of a broker's children, of another process" {
    run start_flux 1 sh -c '
        flux uri pid:$(flux getattr broker.pid)
        flux uri pid:$$
        flux getattr local-uri
        flux uri pid:x; echo $?
        flux uri pid:999999999; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "${lines[2]}" ]
    [ "${lines[1]}" = "${lines[2]}" ]
    [[ "${lines[3]}" == *"'x' is not a process id"* ]]
    [ "${lines[4]}" = 1 ]
    [[ "${lines[5]}" == *"there is no process 999999999"* ]]
    [ "${lines[6]}" = 1 ]
}

@test "uri: why there is none" {
    run start_flux 1 sh -c '
        held=$(flux submit --urgency=hold true)
        done=$(flux submit true)
        flux job status $done
        for t in $held $done foo nonsense! lsf:1 /?wrong ""; do flux uri "$t"; echo $?; done
        flux cancel $held'
    echo "$output"
    [[ "${lines[0]}" == *"is not running yet"* ]]
    [[ "${lines[2]}" == *"is not running any more"* ]]
    [[ "${lines[4]}" == *"job foo: there is no such job"* ]]
    [[ "${lines[6]}" == *"'nonsense!' is not a job id"* ]]
    [[ "${lines[8]}" == *"'lsf:'"* ]]
    [[ "${lines[10]}" == *"?wrong: there are"* ]]
    [[ "${lines[12]}" == *"an empty target"* ]]
    for i in 1 3 5 7 9 11 13; do [ "${lines[$i]}" = 1 ]; done
}

@test "uri --wait on a job that is no instance ends with the job" {
    run start_flux 1 sh -c 'flux uri --wait $(flux submit sleep 0.1)'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"has ended without posting a URI"* ]]
}

@test "jobs -R lists the jobs of a job" {
    run start_flux 1 sh -c '
        mkfifo fifo
        id=$(flux batch -n1 --wrap "flux submit --job-name=deep cat fifo; flux queue drain")
        uri=$(flux uri --wait --local $id)
        until FLUX_URI=$uri flux jobs -no "{name} {state}" | grep -q "deep RUN"; do
            command sleep 0.02; done
        flux jobs -R -no "{name}"
        echo go >fifo
        flux job status $id'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *deep* ]]
}

@test "proxy runs a command in another instance and returns its exit code" {
    run start_flux 1 sh -c '
        mkfifo fifo
        id=$(flux batch -n1 --wrap cat fifo)
        flux uri --wait $id >/dev/null
        flux proxy $id flux getattr instance-level
        flux proxy "$id?local" sh -c "exit 7"; echo $?
        flux proxy $id sh -c "kill -TERM \$\$"; echo $?
        flux proxy $id /nonexistent/program; echo $?
        SHELL=/usr/bin/printenv flux proxy $id | grep -c "^FLUX_URI=local://"
        flux proxy local:///nonexistent/socket true; echo $?
        echo go >fifo
        flux queue drain'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = 7 ]
    [ "${lines[2]}" = 143 ]
    [[ "${lines[3]}" == *"/nonexistent/program"* ]]
    [ "${lines[4]}" = 127 ]
    [ "${lines[5]}" = 1 ]
    [[ "${lines[6]}" == *"cannot connect to local:///nonexistent/socket"* ]]
    [ "${lines[7]}" = 1 ]
}

@test "proxy tells its child when the instance ends, unless --nohup" {
    cat >child.sh <<'SH'
trap 'echo got hup; kill $c; exit 3' HUP
head -n 1 <$1.fifo >/dev/null & c=$!
echo ready >$1.ready
wait $c    # read would miss a signal that comes just before it blocks
echo not hung up
exit 4
SH
    mkfifo a.fifo b.fifo end
    run start_flux 1 sh -c '
        id=$(flux batch -n1 --wrap cat end)
        flux uri --wait $id >/dev/null
        flux proxy $id sh child.sh a >a.out 2>&1 & a=$!
        flux proxy --nohup $id sh child.sh b >b.out 2>&1 & b=$!
        until [ -s a.ready ] && [ -s b.ready ]; do command sleep 0.02; done
        exec 9<>a.fifo 8<>b.fifo
        echo end >end
        flux job status $id
        wait $a; echo $?
        until grep -qs "lost the connection" b.out; do command sleep 0.02; done
        echo line >&8
        wait $b; echo $?
        cat a.out b.out'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 3 ]
    [ "${lines[1]}" = 4 ]
    [[ "${lines[2]}" == *"lost the connection to the Flux instance"* ]]
    [[ "$output" == *"got hup"* ]]
    [[ "$output" == *"not hung up"* ]]
}

# an ssh that runs the command here, and notes each use
fake_ssh() {
    cat >fakessh <<'SH'
#!/bin/sh
echo "$1" >>"$FAKESSH_LOG"
shift
exec sh -c "$*"
SH
    chmod +x fakessh
    export FLUX_SSH=$PWD/fakessh FAKESSH_LOG=$PWD/ssh.log
}

@test "proxy to another host: one ssh for all commands, FLUX_PROXY_REMOTE names it" {
    fake_ssh
    run start_flux 1 sh -c '
        path=$(flux getattr local-uri | sed s,local://,,)
        flux proxy ssh://elsewhere$path sh -c "
            flux getattr size; flux getattr size; flux kvs put x=1; flux kvs get x
            echo \$FLUX_PROXY_REMOTE; echo \$FLUX_URI"
        wc -l <ssh.log; head -1 ssh.log'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = 1 ]
    [ "${lines[2]}" = 1 ]
    [ "${lines[3]}" = elsewhere ]
    [[ "${lines[4]}" == local://*/flux-proxy-*/local ]]
    [ "${lines[5]}" = 1 ]
    [ "${lines[6]}" = elsewhere ]
    run ls -d "$TMPDIR"/flux-proxy-*
    [ "$status" -ne 0 ]
}

@test "within a proxy to another host, the parent is on that host too" {
    fake_ssh
    run start_flux 1 sh -c '
        mkfifo fifo
        id=$(flux batch -n1 --wrap cat fifo)
        path=$(flux uri --wait --local $id | sed s,local://,,)
        flux proxy ssh://elsewhere$path flux getattr parent-uri
        flux getattr local-uri
        echo go >fifo
        flux queue drain'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "ssh://elsewhere${lines[1]#local://}" ]
}

@test "proxy passes events, streams and cancellations of several clients" {
    run start_flux 1 sh -c '
        flux proxy / bash -c "
            flux event sub -c 2 a >a.out & a=\$!
            flux event sub -c 1 b >b.out & b=\$!
            flux kvs get --watch --count=2 --waitcreate key >k.out & k=\$!
            until [ -s a.out ]; do flux event pub a.1; done
            flux event pub a.2; flux event pub b.1
            until [ -s k.out ]; do flux kvs put key=1; done
            flux kvs put key=2
            wait \$a \$b \$k; echo \$?"
        head -c 3 a.out; head -c 3 b.out; echo
        flux run -n4 hostname | wc -l
        flux proxy / flux run -n1 echo through'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = "a.1b.1" ]
    [ "${lines[-1]}" = through ]
}

@test "proxy gives up what a client had when that goes" {
    run start_flux 1 bash -c '
        flux proxy / bash -c "
            flux kvs get --watch --waitcreate nosuchkey & w=\$!
            until flux module stats kvs-watch | grep -q 1; do command sleep 0.02; done
            kill -9 \$w; wait \$w
            end=\$((SECONDS + 5))
            while flux module stats kvs-watch | grep -q 1; do
                [ \$SECONDS -lt \$end ] || exit 1
                command sleep 0.02
            done
            exit 0" 2>/dev/null; echo rc=$?
        flux module stats kvs-watch'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *rc=0* ]]
}

@test "proxy --reconnect makes the connection anew; calls under way get ECONNRESET" {
    fake_ssh
    run start_flux 1 bash -c '
        path=$(flux getattr local-uri | sed s,local://,,)
        flux proxy --reconnect ssh://elsewhere$path bash -c "
            flux kvs get --waitcreate never 2>watch.err & w=\$!
            flux event sub -c 1 ev >ev.out & e=\$!
            until [ -n \"\$(pgrep -f \"[r]elay.*$path\")\" ]; do command sleep 0.02; done
            until flux module stats kvs-watch | grep -q 1; do command sleep 0.02; done
            kill \$(pgrep -f \"[r]elay.*$path\")
            wait \$w; echo watch=\$?
            flux getattr size
            until [ -s ev.out ]; do flux event pub ev; done
            wait \$e; echo ev=\$?" 2>proxy.err
        cat watch.err
        cat proxy.err'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = watch=1 ]
    [ "${lines[1]}" = 1 ]
    [ "${lines[2]}" = ev=0 ]
    [[ "$output" == *"Connection reset"* ]]
    [[ "$output" == *"lost the connection"* ]]
    [[ "$output" == *"again"* ]]
    [ "$(wc -l <ssh.log)" -eq 2 ]
}

@test "uri slurm: asks the processes of the job's first node, by srun" {
    mkdir bin
    cat >bin/srun <<'SH'
#!/bin/sh
# as srun would: here is the node
while [ "${1#-}" != "$1" ]; do echo "$1" >>srun.args; shift; done
case "$1" in
scontrol) [ "$3" = 77 ] || exit 1; printf 'PID      JOBID    STEPID   LOCALID GLOBALID\n1        77       0        0       0\n%-8d 77       0        0       0\n' "$BROKER_PID" ;;
*) exec "$@" ;;
esac
SH
    chmod +x bin/srun
    run start_flux 1 bash -c 'export BROKER_PID=$(flux getattr broker.pid) PATH=$PWD/bin:$PATH
        flux uri --local slurm:77; flux uri slurm:77 | cut -c1-6; flux getattr local-uri
        flux uri slurm:78; flux uri slurm:x; PATH=${PATH#*:} BROKER_PID=1 flux uri slurm:; flux uri lsf:1'
    echo "$output"
    [ "${lines[0]}" = "${lines[2]}" ]
    [ "${lines[1]}" = ssh:// ]
    [[ "${lines[3]}" == *"slurm:78: srun scontrol listpids failed"* ]]
    [[ "${lines[4]}" == *"'x' is not a Slurm job id"* ]]
    [[ "${lines[5]}" == *"'' is not a Slurm job id"* ]]
    [[ "${lines[6]}" == *lsf* ]]
    grep -qx -e --jobid=77 srun.args
}
