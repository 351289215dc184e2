#!/usr/bin/env bats
# MPI programs as they are installed, under flux run

load common
load mpi

setup() {
    cd "$BATS_TEST_TMPDIR"
    export PATH="$FLUX_BUILD/tests:$PATH"
}

# on_nodes N: run the script on standard input in an instance of N nodes of 8 cores
on_nodes() {
    cat >script
    run start_fake "$1" 8 bash -ex script
    [ "$status" -eq 0 ] || echo "$output"
}

@test "MPICH, one node" {
    build_mpi mpich "mpich libmpich-dev"
    NODES=1 MPI=MPICH on_nodes 1 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "MPICH, two nodes" {
    build_mpi mpich "mpich libmpich-dev"
    NODES=2 MPI=MPICH on_nodes 2 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "Open MPI by its Flux component, one node" {
    ! sanitized || skip "Open MPI cannot load instrumented libraries"
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    NODES=1 MPI="Open MPI" on_nodes 1 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "Open MPI by its Flux component, two nodes" {
    ! sanitized || skip "Open MPI cannot load instrumented libraries"
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    NODES=2 MPI="Open MPI" on_nodes 2 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "Open MPI by PMIx, one node" {
    need_pmix
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    NODES=1 MPI="Open MPI" OPT="-o pmi=pmix" on_nodes 1 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "Open MPI by PMIx, two nodes" {
    need_pmix
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    NODES=2 MPI="Open MPI" OPT="-o pmi=pmix" on_nodes 2 <<<"$COMMON"
    [ "$status" -eq 0 ]
}

@test "PMIx: fences with and without data, keys of other nodes, what it says of the job" {
    need_pmix
    on_nodes 3 <<'END'
px="flux run -o pmi=pmix"
for n in 1 2 3; do
    test "$($px -N$n -n5 pmixtest get)" = "5 ok"
    test "$($px -N$n -n5 pmixtest collect)" = "5 ok"
    test "$($px -N$n -n5 pmixtest early)" = "5 ok"
done
# asked for while it is put: the other tasks come at the same moment, not 0.2 s later
for i in 1 2 3 4 5 6; do
    test "$($px -N1 -n5 sh -c 'sleep 0.$((FLUX_TASK_RANK % 2)); exec pmixtest early')" = "5 ok"
done
$px -N2 -n4 pmixtest local | sort >out
printf '%s: fence of 2\n' 0 1 2 3 | cmp - out
$px -N3 -n4 pmixtest info | sort >out
cat >want <<'WANT'
0: size 4 nodes 3 local 0/2 peers 0,1 node 0 host node0
1: size 4 nodes 3 local 1/2 peers 0,1 node 0 host node0
2: size 4 nodes 3 local 0/1 peers 2 node 1 host node1
3: size 4 nodes 3 local 0/1 peers 3 node 2 host node2
WANT
cmp want out
test "$($px -N2 -n4 --taskmap=cyclic pmixtest info | grep -c 'peers 0,2')" = 2
$px,simple -N2 -n4 pmitest exchange | grep -qx '4 ok'
! $px env | grep '^PMI_FD\|^FLUX_PMI'
END
    [ "$status" -eq 0 ]
}

@test "PMIx: fences of some tasks, connections, groups" {
    need_pmix
    on_nodes 3 <<'END'
px="flux run -o pmi=pmix"
for n in 1 2 3; do
    test "$($px -N$n -n5 pmixtest pair | sort | xargs)" = "0: pair 4: pair"
    test "$($px -N$n -n5 pmixtest halves | sort | xargs)" = "0: halves 1: halves 2: halves 3: halves 4: halves"
    test "$($px -N$n -n5 pmixtest connect | grep -c connected)" = 5
    # a group has one number, which all its members are told and no other group has
    $px -N$n -n5 pmixtest group | sort | uniq -c | tr -s ' ' >out
    test "$(cut -d' ' -f2,3 out | xargs)" = "5 again 3 even 5 everyone 2 odd"
    test $(cut -d' ' -f4 out | sort -u | wc -l) = 4
done
END
    [ "$status" -eq 0 ]
}

@test "PMIx: what is not there is refused at once" {
    need_pmix
    on_nodes 2 <<'END'
px="flux run -o pmi=pmix"
for w in spawn publish lookup unpublish alloc control; do
    test "$($px -N2 -n2 pmixtest ask $w | sort -u)" = "$w: NOT-SUPPORTED"
done
$px -N2 -n2 pmixtest ask query | grep -v SUCCESS
test "$($px -N2 -n2 pmixtest foreign | sort -u)" = NOT-SUPPORTED
END
    [ "$status" -eq 0 ]
}

@test "PMIx: a task that aborts, or ends before PMIx_Finalize" {
    need_pmix
    on_nodes 2 <<'END'
px="flux run -o pmi=pmix -o exit-timeout=none"
for n in 1 2; do
    rc=0; $px -N$n -n4 pmixtest abort 42 2>err || rc=$?; test $rc = 42
    grep -q 'type=exec severity=0 task 3 called MPI_Abort: enough' err
    ! grep 'barrier has failed' err
    # the library may do without it, or wait for it until the job's timeout: no task hangs
    rc=0; $px -N$n -n4 -o exit-timeout=1s pmixtest quit 9 2>err || rc=$?; test $rc = 9
    rc=0; $px -N$n -n4 -o exit-timeout=0.5s pmixtest desert 9 2>err || rc=$?; test $rc = 9
done
END
    [ "$status" -eq 0 ]
}

@test "-o mpi=spectrum makes an Open MPI take the Flux components" {
    ! sanitized || skip "Open MPI cannot load instrumented libraries"
    build_mpi openmpi "openmpi-bin libopenmpi-dev"
    NODES=2 on_nodes 2 <<'END'
export JSM_JSRUN_X=1 PMIX_NAMESPACE=left
flux run -n1 -o mpi=spectrum env >out
! grep -q '^JSM_\|^PMIX_NAMESPACE' out
grep -qx OMPI_MCA_pmix=flux out
test "$(flux run -N2 -n4 -o mpi=spectrum $MPITEST ring)" = "ring ok"
END
    [ "$status" -eq 0 ]
}

@test "the environment that MPI libraries look at" {
    on_nodes 1 <<'END'
lib=$(flux config builtin pmi_library_path)
test -e $lib; test -e $(dirname $lib)/libpmi.so.0; test -e $(dirname $lib)/libpmi2.so.0
flux run env >out
grep -qx "FLUX_PMI_LIBRARY_PATH=$lib" out
grep -qx "I_MPI_PMI_LIBRARY=$lib" out
grep -qx "LD_LIBRARY_PATH=$(dirname $lib)" out
dir=$(sed -n 's/^FLUX_JOB_TMPDIR=//p' out)
grep -qx "OMPI_MCA_btl_vader_backing_directory=$dir" out
LD_LIBRARY_PATH=/one:/two flux run printenv LD_LIBRARY_PATH | grep -qx "$(dirname $lib):/one:/two"
# not without PMI, and not from the job that submits
flux run sh -c 'flux submit -o pmi=off env >id; flux submit env >id2'
flux job attach $(cat id) >out
! grep -q '^PMI_\|^FLUX_PMI_LIBRARY_PATH' out
flux job attach $(cat id2) >out
grep -qx "PMI_SIZE=1" out
dir=$(sed -n 's/^FLUX_JOB_TMPDIR=//p' out)
grep -qx "OMPI_MCA_orte_tmpdir_base=$dir" out
test $(grep -c "^LD_LIBRARY_PATH=$(dirname $lib)$" out) = 1
# what the user has set stays; a job that is no MPI program gets none of it
OMPI_MCA_orte_tmpdir_base=/mine flux run printenv OMPI_MCA_orte_tmpdir_base | grep -qx /mine
! flux run -o mpi=none env | grep '^OMPI_\|^I_MPI'
! flux batch -n1 --wrap --output=batch.out env | grep '^OMPI_'
END
    [ "$status" -eq 0 ]
}

@test "scripts for an MPI, by name and version" {
    on_nodes 1 <<'END'
mkdir -p rc/mpi
echo 'shell.setenv ("WHICH", "some")' >rc/mpi/some.lua
echo 'shell.setenv ("WHICH", "some5")' >rc/mpi/some@5.lua
export FLUX_SHELL_RC_PATH=$PWD/rc
flux run -o mpi=some printenv WHICH | grep -qx some
flux run -o mpi=some@5 printenv WHICH | grep -qx some5
! flux run -o mpi=other printenv WHICH
END
    [ "$status" -eq 0 ]
}

@test "several nodes of one host name" {
    need_pmix
    run start_flux 2 bash -ex -c 'flux run -N2 -n2 -o pmi=pmix pmixtest collect; flux run -N2 -n2 pmitest exchange'
    [ "$status" -eq 0 ]
    [ "$(grep -c "^2 ok$" <<<"$output")" -eq 2 ]
}

@test "-o pmi: a list of names, and what is refused" {
    on_nodes 1 <<'END'
for l in simple pmi1 pmi2 off,simple pmi1,off; do flux run -n2 -o pmi=$l pmitest exchange | grep -qx '2 ok'; done
for l in off none; do ! flux run -o pmi=$l sh -c 'test -n "$PMI_FD"'; done
! flux run -o pmi=simpel true 2>err
grep -q "there is no PMI 'simpel': want simple" err
! flux run -o pmi=simple,psm true 2>err; grep -q "'psm'" err
! flux run -o pmi true 2>err; grep -q 'option pmi: want a list' err
echo 'plugin.register { name = "site-pmi", handlers = { { topic = "shell.init", fn = function () end } } }' >rc.lua
flux run -o userrc=$PWD/rc.lua -o pmi=site-pmi sh -c 'test -z "$PMI_FD"'
END
    [ "$status" -eq 0 ]
}

@test "a task that ends in the midst of the exchange fails it for all others, with one message" {
    on_nodes 4 <<'END'
for n in 1 4; do
    rc=0; flux run -N$n -n$((n + 3)) -o exit-timeout=none pmitest quit 9 2>err || rc=$?
    test $rc = 9
    test $(grep -c 'flux-shell.*ERROR: pmi: the barrier has failed' err) = 1
    grep -q "the barrier has failed: task $((n + 2)) (host node.*) has ended before PMI_Finalize" err
    test $(grep -c 'pmitest: barrier: ' err) = $((n + 2))
done
# one that waits in it itself: it may have been the last to come
rc=0; flux run -N2 -n5 -o exit-timeout=none pmitest quit 9 in 2>err || rc=$?
test $rc = 9
END
    [ "$status" -eq 0 ]
}

@test "tasks that have nothing to do with PMI, or have finished with it, break nothing" {
    on_nodes 2 <<'END'
flux run -N2 -n4 sh -c 'test $FLUX_TASK_RANK = 0 || exit 0; exit 0' 2>err; test ! -s err
flux run -N2 -n4 pmitest exchange 2>err | grep -qx '4 ok'; test ! -s err
# one that never comes is an end too, if it is on this node
rc=0; flux run -N1 -n2 -o exit-timeout=none sh -c 'test $FLUX_TASK_RANK = 1 || exec pmitest exchange' 2>err || rc=$?
test $rc = 1; grep -q 'the barrier has failed: task 1 (host node.) has ended$' err
# otherwise the job's exit-timeout says which task was the first to end
rc=0; flux run -N2 -o exit-timeout=0.2s sh -c 'test $FLUX_TASK_RANK = 1 || exec pmitest exchange' 2>err || rc=$?
test $rc != 0; grep -q 'task 1 exited and exit-timeout=0.2s has expired' err
END
    [ "$status" -eq 0 ]
}

@test "garbage, over-long lines, other versions, keys that are put twice" {
    on_nodes 2 <<'END'
for bad in 'what is this' 'cmd=nonsense' 'cmd' 'cmd=put kvsname=x key=a' "$(printf 'cmd=get_maxes\001')"; do
    rc=0; flux run -N2 -n2 -o exit-timeout=none pmitest say "$bad" 2>err || rc=$?
    test $rc = 1; test $(grep -c 'task . breaks the PMI protocol' err) -ge 1
done
rc=0; flux run pmitest long 100000 2>err || rc=$?
test $rc = 1; grep -q 'task 0 breaks the PMI protocol' err
flux run pmitest say 'cmd=init pmi_version=2 pmi_subversion=0' >out 2>err
grep -qx 'cmd=response_to_init rc=-1 pmi_version=1 pmi_subversion=1' out
grep -q 'task 0 speaks PMI version 2' err
flux run -N1 -n2 pmitest same 2>err; test ! -s err
flux run -N2 -n2 pmitest same 2>err
test $(grep -c "key 'same' has been put by tasks of two nodes" err) = 1
END
    [ "$status" -eq 0 ]
}

@test "PMI-1 by the wire, libpmi.so and libpmi2.so" {
    on_nodes 2 <<'END'
lib=$(flux config builtin pmi_library_path)
for m in simple libpmi libpmi2 libpmi:$lib libpmi2:$(dirname $lib)/libpmi2.so; do
    flux run -N2 -n4 flux pmi --method=$m barrier | grep -q 'completed pmi barrier on 4 tasks'
    flux run -N2 -n4 flux pmi --method=$m exchange | grep -q 'completed pmi exchange on 4 tasks'
    test "$(flux run -N2 -n4 flux pmi --method=$m get flux.taskmap)" = '[[0,2,2,1]]'
done
! flux run flux pmi --method=libpmi --libpmi-noflux barrier 2>err
grep -q "Flux's own" err
rc=0; flux run -N2 -n2 flux pmi --method=libpmi barrier --test-abort=1 2>err || rc=$?
test $rc = 1; grep -q 'task 1 called MPI_Abort' err
END
    [ "$status" -eq 0 ]
}

@test "the fanout of the exchange" {
    on_nodes 3 <<'END'
for k in 1 3 100; do flux run -N3 -n3 -o pmi-simple.exchange.k=$k pmitest exchange 2 | grep -qx '3 ok'; done
for k in 0 -1 x 1.5 99999999999; do ! flux run -N3 -o pmi-simple.exchange.k=$k true 2>err; grep -q 'exchange.k: want a positive' err; done
END
    [ "$status" -eq 0 ]
}
