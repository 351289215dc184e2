# Every built-in service has the life of a module under its documented name

bats_require_minimum_version 1.5.0
load common
export PATH="$FLUX_BUILD/tests:$PATH"

SERVICES="content content-sqlite kvs kvs-watch resource heartbeat barrier job-manager
    job-ingest job-list job-info job-exec sched-fluxion-resource sched-fluxion-qmanager
    sched-fluxion-feasibility"
export SERVICES

@test "every service is listed under its name, with its own uuid" {
    run start_flux 1 sh -c '
        flux module list -l >list
        for s in $SERVICES; do grep -q "^$s  *[0-9a-z]* *R .*builtin" list || echo "$s is not listed"; done
        rpc module.list | tr "{" "\n" | sed -n "s/.*\"uuid\":\"\([^\"]*\)\".*/\1/p" | sort | uniq -d'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
}

@test "removed: ENOSYS; loaded: it answers, with stats, ping, rusage and debug" {
    run start_flux 1 sh -c '
        for s in $SERVICES; do
            flux module remove $s || exit 1
            flux module list | grep -q "^$s " && echo "$s is still listed"
            rpc $s.ping {} 2>/dev/null; [ $? -eq 38 ] || echo "$s: not ENOSYS"
            flux module remove $s 2>/dev/null && echo "$s: removed twice"
            flux module load $s || exit 1
            flux ping -c1 $s >/dev/null || echo "$s: no ping"
            flux module stats $s >/dev/null || echo "$s: no stats"
            flux module stats --rusage $s >/dev/null || echo "$s: no rusage"
            flux module debug --set=1 $s >/dev/null || echo "$s: no debug"
            flux module load $s 2>/dev/null && echo "$s: loaded twice"
        done; true'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
}

@test "a scheduler that another has followed is not heard: jobs go to who said hello last" {
    run start_flux 1 sh -c '
        rpc -s job-manager.sched-ready "{\"mode\":\"unlimited\"}"; echo $?
        flux run echo ran
        flux module remove sched-fluxion-qmanager
        : >ready
        timeout 10 rpc -s job-manager.sched-ready "{\"mode\":\"unlimited\"}" >ready &
        until grep -qs count ready; do sleep 0.05; done
        kill $!; wait $! 2>/dev/null
        flux module load sched-fluxion-qmanager
        flux run echo again'
    echo "$output"
    [ "$output" = "0
ran
again" ]
}

# In a sub-shell of the test: reload SERVICE while one job runs, one waits, and
# one is submitted after it
RELOAD='before=$(flux submit -n1 sh -c "while ! test -e go; do sleep 0.05; done; exit 3")
    flux job wait-event $before start >/dev/null
    waits=$(flux submit -n2 true)
    flux module reload $1 || exit 1
    after=$(flux submit -n1 true)
    touch go
    for j in $before $waits $after; do flux job wait-event -t 15 $j clean >/dev/null || { echo "$1: $j"; flux jobs -a; flux queue status; exit 1; }; done
    flux jobs -ano "{result} {returncode}"; flux module list | grep -c " R "'

@test "running and waiting jobs survive the reload of each service" {
    echo "$RELOAD" >reload.sh
    for s in job-exec job-manager kvs resource sched-fluxion-qmanager sched-fluxion-resource \
        sched-fluxion-feasibility kvs-watch job-ingest job-info \
        job-list content content-sqlite heartbeat barrier; do
        rm -f go
        echo "-- $s"
        run --separate-stderr start_fake 1 2 sh reload.sh $s
        echo "$output"
        [ "$status" -eq 0 ]
        [ "$(echo "$output" | sort)" = "$(printf '16\nCOMPLETED 0\nCOMPLETED 0\nFAILED 3')" ]
    done
}

@test "with several brokers: reload of job-exec and resource" {
    echo "$RELOAD" >reload.sh
    for s in job-exec resource job-manager; do
        rm -f go
        run --separate-stderr start_fake 3 2 sh reload.sh $s
        echo "$output"
        [ "$status" -eq 0 ]
        [ "$(echo "$output" | sort)" = "$(printf '16\nCOMPLETED 0\nCOMPLETED 0\nFAILED 3')" ]
    done
}

@test "the same services may be reloaded while many jobs go through" {
    run --separate-stderr start_fake 1 4 sh -c '
        flux submit --cc=1-200 --quiet true
        for s in job-manager sched-fluxion-qmanager job-exec sched-fluxion-resource resource; do flux module reload $s || exit 1; done
        flux submit --cc=1-200 --quiet true
        flux queue drain
        flux jobs -a -c0 -no "{result}" | sort | uniq -c'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo $output)" = "400 COMPLETED" ]
}

@test "the simple scheduler in its place: listed, removed and loaded, reloaded while jobs run" {
    echo "$RELOAD" >reload.sh
    run --separate-stderr start_fake 1 2 --conf=modules.alternatives.sched='"sched-simple"' sh reload.sh sched-simple
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo "$output" | sort)" = "$(printf '14\nCOMPLETED 0\nCOMPLETED 0\nFAILED 3')" ]
    run --separate-stderr start_fake 1 4 --conf=modules.alternatives.sched='"sched-simple"' sh -c '
        flux module list | grep -o "sched-[a-z]*"
        flux submit --cc=1-200 --quiet true
        flux module remove sched-simple; rpc sched-simple.ping {} 2>/dev/null; [ $? -eq 38 ] || exit 1
        flux module load sched-simple
        for s in job-manager sched-simple resource; do flux module reload $s || exit 1; done
        flux submit --cc=1-200 --quiet true
        flux queue drain
        flux jobs -a -c0 -no "{result}" | sort | uniq -c'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo $output)" = "sched-simple 400 COMPLETED" ]
}

@test "services are reloaded while jobs are submitted and run: none fails, no request is lost" {
    cat >s <<'SH'
flux submit --cc=1-60 echo hi >ids & s=$!
while kill -0 $s 2>/dev/null; do
    for m in kvs kvs-watch content job-exec job-list job-info job-ingest job-manager kvs; do
        flux module reload $m || echo $m
    done
done
wait $s || echo submit: $?
timeout 30 flux queue drain || flux jobs
wc -l <ids; sort -u ids | wc -l
flux jobs -ano '{result}' -c0 | sort | uniq -c
for id in $(cat ids); do flux job attach $id; done | sort | uniq -c
SH
    run start_flux 1 bash s
    echo "$output"
    [ "$(echo $output)" = "60 60 60 COMPLETED 60 hi" ]
}

@test "submissions that job-ingest has taken and not answered are taken again after its reload" {
    cat >s <<'SH'
batched() { flux module stats --parse=batched job-ingest; }
for i in 1 2; do flux submit echo hi >id$i & done
until [ "$(batched)" = 2 ]; do :; done
flux module reload job-ingest
until [ "$(batched)" = 2 ]; do :; done
flux submit echo hi >id3
wait
flux queue drain
flux job attach $(cat id1); flux job attach $(cat id2); flux job attach $(cat id3)
flux submit true 2>refused & s=$!
until [ "$(batched)" = 1 ]; do :; done
flux module remove job-ingest
wait $s || cat refused
SH
    run start_flux 1 --conf=ingest.batch-count=3 bash s
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == "hi
hi
hi
flux-submit: ERROR: "* ]]
}

@test "a module that several reload at once: each is told what became of it, and it runs in the end" {
    run start_flux 1 bash -c '
        for i in 1 2 3 4 5 6; do
            for k in 1 2 3; do flux module reload job-list 2>>err & done; wait
        done
        grep -vx -e "flux-module: ERROR: job-list: module job-list is not loaded" \
            -e "flux-module: ERROR: job-list: module job-list is already loaded" \
            -e "flux-module: ERROR: job-list: module job-list was removed by another request before it was loaded: load it again" err
        flux module load job-list 2>/dev/null; flux run echo goes on; flux jobs -an | wc -l'
    echo "$output"
    [ "$output" = "goes on
1" ]
}
