# flux jobs: what is printed of jobs, in which form

bats_require_minimum_version 1.5.0
load common

@test "flux jobs --json: fields by their names, those that are there; instances with their jobs" {
    run --separate-stderr start_flux 1 bash -c '
        done=$(flux submit --job-name=ok true); flux job wait-event -q $done clean
        bad=$(flux submit false); runs=$(flux submit -t 1h sleep inf); flux job wait-event -q $runs start
        held=$(flux submit --urgency=hold true); flux job wait-event -q $bad clean
        flux jobs --json $done | jq -c "[.name, .state, .status, .result, .returncode, .success, .exception.occurred, .runtime > 0, .duration]"
        flux jobs --json $bad | jq -c "[.result, .waitstatus, .returncode, .success]"
        flux jobs --json $runs | jq -c "[.state, .result, .duration, .t_remaining > 3500, .nodelist != null, .t_cleanup, .returncode]"
        flux jobs --json $held | jq -c "[.state, .urgency, .runtime, .t_run, .result, .waitstatus, .exception]"
        flux jobs --json | jq -c "[.jobs[].status]"; flux jobs --json -f failed | jq -c "[.jobs[].id] == [$(flux job id $bad)]"
        flux jobs --json $held $bad | jq ".jobs | length"; flux jobs --json f1111; echo $?
        flux jobs --json --stats; flux jobs --json --stats-only
        flux cancel $runs; flux job wait-event -q $runs clean; b=$(flux batch -n1 --wrap "flux submit --urgency=hold true; touch there; sleep inf")
        until [ -e there ]; do :; done
        flux jobs -R --json | jq -c "[.jobs[] | .jobs // [] | .[].urgency]"
        flux jobs --recursive -L0 --json | jq -c "[.jobs[].jobs]"; flux cancel --all -q' 3>&-
    echo "$output$stderr"
    [ "$output" = '["ok","INACTIVE","COMPLETED","COMPLETED",0,true,false,true,null]
["FAILED",256,1,false]
["RUN",null,3600,true,true,null,null]
["SCHED",0,null,null,null,null,null]
["SCHED","RUN"]
true
2
1
[0]
[null,null]' ]
    [[ "$stderr" == *"f1111: no such job"*"--json does not go with --stats"*"--json does not go"* ]]
}

@test "flux jobs: widths and colors as the next word, sort keys that are none, levels" {
    run start_flux 1 sh -c '
        flux submit --cc=1-2 --urgency=hold --quiet true
        flux jobs -n -w 16 -c 1; flux jobs -n -w16 -c1; flux jobs -n --width=16 --color never -c1
        flux jobs -n -w -1 -c1 | wc -c; flux jobs -n --color always -c1 | grep -c held
        flux jobs --sort=-id -no "{id.f58}" | head -1; flux jobs --sort=id,nosuch; flux jobs -o "sort:nosuch {id}"
        flux jobs --level=-1; flux jobs -w x; flux cancel --all -q'
    echo "$output"
    [ "${lines[0]}" = "${lines[1]}" ] && [ "${lines[0]}" = "${lines[2]}" ] && [ "${#lines[0]}" -le 16 ]
    [ "${lines[3]}" -gt 40 ] && [ "${lines[4]}" = 1 ]
    [[ "$output" == *"--sort: Unknown sort key: nosuch"*"Unknown sort key: nosuch"*"--level=-1"*"'x' is not a job id"* ]]
}

@test "flux jobs: conversions and prefixes of the format" {
    run --separate-stderr start_flux 1 bash -c '
        p() { flux jobs -ano "$1" | paste -sd"|"; }
        a=$(flux submit --job-name=alpha -t 90s true); flux job wait-event -q $a clean
        flux submit --job-name=b --urgency=hold --quiet true
        p "{t_run!D:h}" | sed "s/[0-9]/9/g"; p "{t_run!d:%H:%M::>8h}" | sed "s/[0-9]/9/g"
        p "{t_submit!d}" | sed "s/[0-9]/9/g"; p "{t_submit!d:%f}" | sed "s/[0-9]/9/g"
        p "{duration!F:h} {duration!H:h}"; p "{nodelist:h.3}<" 2>&1; p "{name:>4.3h+}"
        p "?:{queue:>9}?:{annotations.user.none}{name}"; p "+:{name:>2.2}|?+:{bank}"
        flux jobs -ao "?:{queue} +:{name:<1}!" | paste -sd"|"; p "{waitstatus:>3} {success}"
        p "sort:-name {{{name}}}"; flux cancel --all -q' 3>&-
    echo "$output$stderr"
    [ "${lines[0]}" = "-|9999-99-99T99:99:99" ]
    [ "${lines[1]}" = "       -|   99:99" ]
    [ "${lines[2]}" = "9999-99-99 99:99:99.999999|9999-99-99 99:99:99.999999" ]
    [ "${lines[3]}" = "999999|999999" ]
    [ "${lines[4]}" = "- -|1.5m 0:01:30" ]
    [[ "${lines[5]}" == *"bad spec 'h.3'"* ]]
    [ "${lines[6]}" = "   b| al+" ]
    [ "${lines[7]}" = "b|alpha" ]
    [ "${lines[8]}" = "    b|alpha" ]
    [ "${lines[9]}" = " NAME !| b    !| alpha!" ]
    [ "${lines[10]}" = "    |  0 True" ]
    [ "${lines[11]}" = "{b}|{alpha}" ]
}

@test "named formats are read from json, toml and yaml files, later ones over earlier ones" {
    mkdir -p a/flux b/flux h/flux
    echo '{"formats":{"one":{"format":"json {name}"},"two":{"format":"json {name}"}}}' >a/flux/flux-jobs.json
    printf '[formats.two]\nformat = "toml {name}"\n' >a/flux/flux-jobs.toml
    printf 'formats:\n  three:\n    description: in yaml\n    format: "yaml {name}"\n' >a/flux/flux-jobs.yaml
    printf 'formats:\n  three:\n    format: "b {name}"\n  four: {format: "b {name}"}\n' >b/flux/flux-jobs.yaml
    printf '[formats.four]\nformat = "home {name}"\n' >h/flux/flux-jobs.toml
    XDG_CONFIG_DIRS=$PWD/a:$PWD/b XDG_CONFIG_HOME=$PWD/h run start_flux 1 sh -c '
        flux submit --quiet true; for f in one two three four; do flux jobs -ano $f; done
        FLUX_JOBS_FORMAT_DEFAULT=four flux jobs -an; flux jobs -o help | grep three; flux jobs -o get-config=three
        printf "x: [" >h/flux/flux-jobs.yaml; flux jobs
        printf "formats: {cute: {format: x}}" >h/flux/flux-jobs.yaml; flux jobs; flux jobs -o five; true'
    echo "$output"
    [[ "$output" == "json true
toml true
yaml true
home true
home true
  three        in yaml
[formats.three]
format = \"yaml {name}\"
"*"flux-jobs.yaml: line "*"the format 'cute'"*"built in"* ]]
}

@test "flux job: options that exclude one another, and what is not looked at, are refused" {
    run start_flux 1 sh -c '
        flux job taskmap --to=hosts "[[0,1,1,1]]"; flux job taskmap --to=raw --ntasks=0 "[[0,1,1,1]]"
        id=$(flux submit true); flux job wait-event -q $id clean
        flux job taskmap --to=hosts $id; flux job purge --num-limit=0 $id; flux jobs -an | wc -l
        flux job killall $id'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == *"--to=hosts needs a job id" ]]
    [[ "${lines[1]}" == *"--ntasks and --to exclude one another" ]]
    [[ "${lines[2]}" == *": 0" && "${lines[3]}" == *"give ids, or limits" && "${lines[4]}" = 1 ]]
    [[ "${lines[5]}" == "Usage: flux-job killall"* ]]
}
