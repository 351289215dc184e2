# flux cron and its service

load common

# until_count KEY ID N: wait until a counter of an entry is there; for use in instances
cat_until() {
    cat <<'SH'
until_count() { until [ "$(flux cron dump --key=stats.$1 $2)" -ge $3 ]; do command sleep 0.02; done; }
SH
}

@test "interval entries run their command, as often as they are to" {
    cat_until >lib.sh
    run start_flux 2 -Slog-stderr-level=2 bash -c '. ./lib.sh
        flux cron interval --count=3 --name=tick 0.05s echo x \>\>ticks
        flux cron interval --after=0.02s -o rank=1 1h "flux getattr rank >rank"
        until_count success 1 3; until_count success 2 1; flux cron dump -k stopped 1; flux cron dump --key=name cron-1
        flux cron dump -k stopped 2; flux cron dump -k tasks.1.code 2; cat rank
        flux cron stop 2; flux cron stop 2; flux cron start 2; flux cron delete 1 2; flux cron list | wc -l' 2>&1
    echo "$output"
    [ "$output" = "interval: cron-1 created
interval: cron-2 created
true
tick
false
0
1
Stopped cron-2
flux-cron: ERROR: cron-2: the entry is stopped already
Started cron-2
Removed cron-1
Removed cron-2
1" ]
    [ "$(wc -l <ticks)" = 3 ]
}

@test "event entries: each, every n-th, after some, at most so often; environment and directory" {
    cat_until >lib.sh
    mkdir dir
    run start_flux 1 -Slog-stderr-level=2 bash -c '. ./lib.sh
        flux cron event t.x "echo x >>$PWD/each"; flux cron event --nth=2 "t.*" true
        flux cron event --after=3 t.x true; flux cron event --min-interval=1h t.x true
        VAR=val flux cron event -E -d $PWD/dir t.last "echo \$VAR >out; exit 3"; flux cron event other false
        for i in 1 2 3 4; do flux event pub t.x; until_count count 1 $i; until_count success 1 $i; done
        flux event pub t.last; until_count failcount 5 1
        until_count success 2 2; until_count success 3 2
        for i in 2 3 4 5 6; do echo $(flux cron dump -k stats.count $i); done
        flux dmesg | grep -c "cron-5: command .*Exited: code=3"' 2>/dev/null
    echo "$output"
    [[ "$output" == *"event: cron-6 created
2
2
1
1
0
1" ]]
    [ "$(cat dir/out)" = val ]
}

@test "a failing command stops its entry, a long one is ended, deleted with --kill" {
    cat_until >lib.sh
    run start_flux 1 -Slog-stderr-level=2 bash -c '. ./lib.sh
        flux cron interval -o stop-on-failure=1,task-history-count=5 0.03 exit 7
        flux cron event -o timeout=0.1 go sleep 100; flux cron event go "sleep 100"
        flux event pub go; until_count failcount 1 2; until_count failcount 2 1
        flux cron dump -k stopped 1; flux cron dump 1 | grep -c "tasks.*code = 7"
        flux cron dump -k tasks.1.code 2; pid=$(flux cron dump -k tasks.1.pid 3)
        kill -0 $pid && flux cron delete --kill 3; while kill -0 $pid 2>/dev/null; do command sleep 0.05; done' 2>/dev/null
    echo "$output"
    [[ "$output" == *"
true
2
143
Removed cron-3" ]]
}

@test "crontabs, at a time, a sync event" {
    cat_until >lib.sh
    mkdir tabs; printf '# comment\n\n*/5 1-3 * * 1,2 echo from directory\n61 * * * * x\n' >tabs/a
    run start_flux 1 -Slog-stderr-level=2 -Scron.directory=$PWD/tabs bash -c '. ./lib.sh
        flux dmesg | grep -c "tabs/a: line 4: minute:"; flux cron dump -k command 1; flux cron dump -k typedata.crontab 1
        printf "0 0 1 0 * echo new year\n" | flux cron tab; flux cron dump -k command 2
        flux cron at "1 second" "touch at"; until_count success 3 1; flux cron dump -k stopped 3
        flux cron sync --epsilon=0.1s s.ync; flux cron sync
        flux cron event go true; flux event pub go; flux event pub -s go; until_count deferred 4 1
        flux cron dump -k stats.count 4; flux event pub s.ync; until_count success 4 1
        flux cron sync --disable; flux cron at yesterday true; flux cron at nonsense true
        echo "* * * * 9 x" | flux cron tab; echo "* *" | flux cron tab; flux cron interval x y
        flux cron event -o color=1 x y; flux cron dump 99; flux cron dump x; flux cron dump -k nokey 1' 2>&1
    echo "$output"
    [ "$(head -n 12 <<<"$output" | tr '\n' '|')" = "1|echo from directory|*/5 1-3 * * 1,2|tab: cron-2 created|echo new year|at: cron-3 created|true|sync-event = s.ync, epsilon = 0.1s|sync-event = s.ync, epsilon = 0.1s|event: cron-4 created|0|sync-event is disabled|" ]
    for t in "at: that time will not come" "'nonsense': date(1) does not know" "day of week: '9'" \
        "standard input: line 1: want five fields" "interval: 'x' is not a duration" \
        "--options=color=1: there are timeout" "cron-99: there is no such entry" \
        "'x' is not the id" "cron-1: there is no key 'nokey'"; do
        [[ "$output" == *"$t"* ]] || { echo "MISSING $t"; false; }
    done
    [ -e at ]
}
