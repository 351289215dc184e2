# The scripts of examples/, each run as its text says

load common

@test "a batch script batches itself to depth 3" {
    cp "$FLUX_TOP/examples/nested_batch.sh" .
    run start_fake 2 4 sh -c \
        'id=$(flux batch -n1 --output=out ./nested_batch.sh 3); flux job status $id; rc=$?; cat out; exit $rc'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"level 1: depth 3 left"* ]]
    [[ "$output" == *"level 2: depth 2 left"* ]]
    [[ "$output" == *"level 3: depth 1 left"* ]]
    [[ "$output" == *"innermost instance runs a job"* ]]
}

@test "a batch script loads a module of its own, built against the installed headers" {
    DESTDIR="$PWD/root" meson install -C "$FLUX_BUILD" --no-rebuild --quiet
    inst=$(dirname "$(find root -name flux-core.pc)")
    cp "$FLUX_TOP/examples/mymod.c" "$FLUX_TOP/examples/custom_module.sh" .
    cc -shared -fPIC -o mymod.so mymod.c \
        $(PKG_CONFIG_SYSROOT_DIR=$PWD/root PKG_CONFIG_PATH=$PWD/$inst pkg-config --cflags --libs flux-core)
    run start_fake 1 2 sh -c \
        'id=$(flux batch -n1 --output=out ./custom_module.sh); flux job status $id; rc=$?; cat out; exit $rc'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"mymod.ping pad=0 seq=0"* ]]
    [[ "$output" == *"trying it out"* ]]
    [[ "$output" == *"a job runs after undrain"* ]]
}

@test "work is submitted to a running batch job from outside, and to its parent from inside" {
    cp "$FLUX_TOP/examples/more_work.sh" .
    run start_fake 2 4 sh -c './more_work.sh && flux job wait --all -v'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"submitted from outside"* ]]
    [[ "$output" == *"job completed successfully"* ]]
}
