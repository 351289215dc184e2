# flux pstree, and the fields of instances in flux jobs

load common

@test "flux pstree shows jobs of jobs, as a tree, combined, with labels and details" {
    cat >inner.sh <<'SH'
#!/bin/sh
flux submit --cc=1-3 --quiet sleep inf
flux submit --quiet --job-name=other sleep inf
flux run true
flux alloc -n1 --bg --job-name=deep >/dev/null
for id in $(flux jobs -no {id}); do flux job wait-event $id start >/dev/null; done
touch ready
sleep inf
SH
    chmod +x inner.sh
    run start_fake 1 16 bash -c '
        flux pstree
        id=$(flux batch -n8 --job-name=inner ./inner.sh); flux submit --wait-event=start --quiet hostname
        while ! [ -e ready ]; do command sleep 0.1; done
        flux pstree; echo --; flux pstree --ascii -X; echo --; flux pstree -C -p $id | sed s/$id/ID/
        echo --; flux pstree -L0; echo --; flux pstree -a | grep -v hostname; echo --
        flux pstree --skip-root=yes --parent-label="{name} {instance.stats} {instance.utilization!P}" -o "{ntasks}"
        echo --; flux pstree -x | cut -c14-; echo --
        flux pstree -n --details=progress | cut -c13-; echo --; COLUMNS=8 flux pstree
        flux pstree --details=x; flux pstree --skip-root=x; flux pstree -o "{nosuch}"; flux pstree 1
        flux jobs -no "{name} {instance.stats} {instance.progress!P} {instance.resources.all.ncores}" $id'
    echo "$output"
    [[ "$output" == ".
.
└── inner
    ├── deep
    ├── other
    └── 3*[sleep]
--
.
\`-- inner
    |-- deep
    |-- other
    |-- sleep
    |-- sleep
    \`-- sleep
--
ID inner
├─"*" deep
├─other
└─3*[sleep]
--
.
└── inner
--
.
"*"── inner
"*"true:CD
"*"--
inner PD:0 R:5 CD:1 F:0 62.5%
├── deep PD:0 R:0 CD:0 F:0 0%
└── 4*[1]
--
"*"USER     ST NTASKS NNODES  RUNTIME
"*" R "*" inner
"*"├── deep
"*"--
"*"      6 16.7% 62.5% "*" inner
"*" 0 "*"├── deep
"*"--
.
└── inne
"*"--details=x: there are"*"--skip-root=x"*"--label: "*nosuch*"1: no such job
inner PD:0 R:5 CD:1 F:0 16.7% 8" ]]
}

@test "flux jobs --threads: many instances are asked, each once, by few threads or many" {
    run start_fake 1 8 bash -c '
        for i in 1 2 3 4 5; do flux alloc -n1 --bg --job-name=i$i >/dev/null; done
        flux submit --quiet --wait-event=start sleep inf
        for n in 1 2 99; do
            flux jobs --threads=$n -no "sort:name {name} {instance.stats.total} {instance.resources.all.ncores}"
        done
        flux jobs --threads=0 -no "{id}" >/dev/null; echo $?; flux jobs --threads=x >/dev/null; echo $?'
    echo "$output"
    [ "$(grep -c "^i[1-5] 0 1$" <<<"$output")" -eq 15 ]
    [ "$(grep -c "^sleep" <<<"$output")" -eq 3 ]
    [[ "$output" == *"--threads=0: want one or more"*"
1
"*"
1" ]]
}

@test "flux jobs --color: instances, failed and canceled jobs" {
    run start_flux 1 bash -c '
        flux run --job-name=bad false; flux run --job-name=good true
        id=$(flux submit --urgency=hold --job-name=can true); flux cancel $id; flux job wait-event $id clean >/dev/null
        flux alloc -n1 --bg --job-name=inst >/dev/null
        flux jobs -ano "{name}" --color=always | cat -v; flux jobs -ano "{name}" | cat -v | grep -c "\["
        flux jobs --color=x'
    echo "$output"
    [[ "$output" == *"^[[01;34minst^[[0m"* && "$output" == *"^[[01;31mbad^[[0m"* ]]
    [[ "$output" == *"^[[37mcan^[[0m"* && "$output" == *"
good
"* ]]
    [[ "$output" == *"
0
"*"--color"* ]]
}
