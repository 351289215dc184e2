# mpi.bash - MPI programs for tests

# build_mpi MPI PACKAGE: compile the test program with that MPI's mpicc, once
build_mpi() {
    need "mpicc.$1" "$2"
    local dir=$BATS_FILE_TMPDIR
    [ -x "$dir/$1" ] || "mpicc.$1" -o "$dir/$1" "$FLUX_TOP/tests/mpitest.c"
    export MPITEST=$dir/$1
}

# need_pmix: the build has PMIx
need_pmix() {
    ! sanitized || skip "libpmix and libev have functions of the same name, which only dlopen's DEEPBIND keeps apart"
    need pmixtest libpmix-dev
}

# what both MPIs do alike; NODES is how many there are, MPI the name of the
# library, OPT options of the job
COMMON=$(cat <<'END'
flux run $OPT -N$NODES -n4 $MPITEST hello | sort >out
printf '%s\n' 'hello from '{0..3}' of 4' "$MPI" | sort | cmp - out
test "$(flux run $OPT -N$NODES -n4 $MPITEST ring)" = "ring ok"
test "$(flux run $OPT -N$NODES -n6 $MPITEST collectives)" = "collectives ok"
test "$(flux run $OPT -N$NODES -n4 $MPITEST split)" = "nodes $NODES"
test "$(flux run $OPT -N$NODES -n4 --taskmap=cyclic $MPITEST split)" = "nodes $NODES"
test "$(flux run $OPT -n1 $MPITEST ring)" = "ring ok"
rc=0; flux run $OPT -N$NODES -n4 $MPITEST abort 42 2>err || rc=$?; test $rc = 42
grep -q 'type=exec severity=0 task 3 called MPI_Abort' err
rc=0; flux run $OPT -N$NODES -n4 -o exit-timeout=0.1s $MPITEST die 9 2>err || rc=$?; test $rc = 9
grep -q 'task 3 exited and exit-timeout=0.1s has expired' err
rc=0; flux run $OPT -N$NODES -n4 -o exit-on-error $MPITEST die 7 2>err || rc=$?; test $rc = 7
END
)
