# The batch walk-through, line by line (docs: Batch Jobs guide)

load common

@test "the walk-through runs as written and its output is as shown" {
    cp "$FLUX_TOP/examples/sleep_batch.sh" "$FLUX_TOP/scripts/demo-walk" .
    sed -i 's/sleep 2$/sleep 0.2/' sleep_batch.sh
    run start_fake 4 4 ./demo-walk
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"0: stdout redirected to flux-ƒ"*".out"* ]]
    [[ "$output" == *"0: stderr redirected to flux-ƒ"*".out"* ]]
    [[ "$output" == *"Starting my batch job"* ]]
    [[ "$output" == *"2 Nodes, 4 Cores, 0 GPUs"* ]]
    [ "$(ls flux-ƒ*.out | wc -l)" -eq 3 ]
}

@test "the exit code of the script is the batch job's" {
    printf '#!/bin/sh\nexit 3\n' >three.sh
    chmod +x three.sh
    run start_flux 1 sh -c 'id=$(flux batch -n1 ./three.sh); flux job status $id'
    echo "$output"
    [ "$status" -eq 3 ]
}

@test "a batch job's instance owns just its share, on its own brokers" {
    cat >share.sh <<'SH'
#!/bin/sh
flux getattr size
flux resource info
flux getattr instance-level
SH
    chmod +x share.sh
    run start_fake 4 4 sh -c \
        'id=$(flux batch -N2 --nslots=2 --cores-per-slot=2 --output=o.txt ./share.sh) &&
         flux job status $id; cat o.txt'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 2 ]
    [ "${lines[1]}" = "2 Nodes, 4 Cores, 0 GPUs" ]
    [ "${lines[2]}" = 1 ]
}
