# flux dmesg, flux logger

load common

export TZ=UTC

@test "lines have time, application, level and rank; -c and -C empty the ring" {
    run start_flux 2 bash -c '
        flux dmesg -C; flux logger -n app -s warning one two; flux exec -r1 flux logger -s debug three
        flux dmesg | sed "s/^[-0-9]*T[0-9:.]*Z /TIME /"; flux exec -r1 flux dmesg -c | tail -n1 | cut -d" " -f2-
        flux exec -r1 flux dmesg | wc -l; flux dmesg -c | wc -l; flux dmesg | wc -l'
    echo "$output"
    [ "$output" = "TIME app.warning[0]: one two
logger.debug[1]: three
0
1
0" ]
}

@test "--human: the minute once, then offsets from it, or with --delta from the line before" {
    run start_flux 1 bash -c '
        flux dmesg -C; for i in 1 2 3; do flux logger $i; done
        flux dmesg -H; flux dmesg --human --delta'
    echo "$output"
    re='^\[[A-Z][a-z][a-z][0-9][0-9] [0-9][0-9]:[0-9][0-9]\] logger.info\[0\]: 1$'
    [[ "${lines[0]}" =~ $re ]]
    [[ "${lines[1]}" =~ ^\[\ +\+[0-9.]+\]\ logger ]] || [[ "${lines[1]}" =~ ^\[[A-Z] ]]
    [ "$(echo "$output" | grep -c ': [123]$')" -eq 6 ]
    [[ "${lines[3]}" =~ $re ]]
}

@test "times are local, with their offset" {
    run start_flux 1 bash -c '
        flux dmesg -C; flux logger x; utc=$(flux dmesg | cut -d" " -f1)
        export TZ=XXX-05:30; flux dmesg | cut -d" " -f1 | grep -c "^[-0-9]*T[0-9:]*[.][0-9]\{6\}+05:30$"
        [ $(date -d "$utc" +%s.%N) = $(date -d "$(flux dmesg | cut -d" " -f1)" +%s.%N) ] && echo same
        case $utc in *Z) echo Z;; esac
        flux job eventlog --time-format=iso $(flux submit true) | grep -c "+05:30 submit"'
    echo "$output"
    [ "$output" = "1
same
Z
1" ]
}

@test "--color: also -LWHEN; -L alone is always; NO_COLOR is the default only" {
    run start_flux 1 bash -c '
        flux dmesg -C; flux logger -s warning bad
        for o in -L -Lalways --color --color=always; do flux dmesg $o | grep -c "$(printf "\033\\[33m")bad"; done
        for o in -Lnever -Lauto --color=auto ""; do flux dmesg $o | grep -c "$(printf "\033")"; done
        NO_COLOR=1 flux dmesg -L | grep -c "$(printf "\033\\[33m")"
        flux dmesg -Lpink; echo $?'
    echo "$output"
    [[ "$output" == "1
1
1
1
0
0
0
0
1
flux-dmesg: "*pink*"
1" ]]
}

@test "--follow goes on with new lines, --new shows only those" {
    run start_flux 1 bash -c '
        flux dmesg -C; flux logger old
        flux dmesg -f >f.out & f=$!
        flux dmesg -n >n.out & n=$!
        i=0; until grep -qs new f.out && grep -qs new n.out; do
            flux logger new; i=$((i + 1)); [ $i -lt 1000 ] || break; done
        kill $f $n; grep -c old f.out; grep -c old n.out; exit 0'
    echo "$output"
    [ "$output" = "1
0" ]
}
