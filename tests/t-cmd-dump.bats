# flux content, dump, restore, fsck: the KVS outside of the KVS

load common

@test "flux content stores and loads on any rank, whole and in pieces" {
    run start_flux 2 bash -c '
        echo hello | flux content store
        flux exec -r1 flux content load sha1-f572d396fae9206628714fb2ce00f72e94f2258f
        flux content store </dev/null
        seq 2000 >in; flux content store --chunksize=1000 <in >refs; wc -l <refs
        flux content load <refs | cmp - in && echo same
        flux content load -b $(cat refs) | cmp - in && echo same
        flux content flush && flux content dropcache && flux content load <refs | cmp - in && echo same'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "sha1-f572d396fae9206628714fb2ce00f72e94f2258f
hello
sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709
9
same
same
same" ]
}

@test "flux content says what is no reference, and what is not there" {
    run start_flux 1 sh -c 'flux content load sha1-12
        flux content load sha1-1234567890123456789012345678901234567890
        flux content store --chunksize=-1 </dev/null
        flux content checkpoint update sha1-x; flux content checkpoint'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" == *"'sha1-12' is not a blobref"* ]]
    [[ "${lines[1]}" == *"no such content"* ]]
    [[ "${lines[2]}" == *"--chunksize=-1"* ]]
    [[ "${lines[3]}" == *"'sha1-x' is not a blobref"* ]]
    [[ "${lines[4]}" == *"a subcommand is missing"* ]]
}

FILL='flux kvs put a.b=1 a.c.d=two; flux kvs link a.b lnk; flux kvs link -T other x.y far
    head -c 1200000 /dev/urandom >big; flux kvs put --raw data.big=- <big
    flux kvs put --raw zero=- </dev/null'

@test "a dump has all values and links, in each format, and comes back" {
    run start_flux 1 bash -c "$FILL"'
        for f in x.tar x.tgz x.tar.bz2 x.tar.xz x.zip x.cpio; do
            flux dump -q $f && flux restore -q --key=back $f
            cmp big <(flux kvs get --raw back.data.big) || echo $f: another big
            flux kvs get back.a.b back.a.c.d back.lnk | tr "\n" " "
            flux kvs readlink back.far
            flux kvs get --raw back.zero | wc -c
            flux kvs unlink -R back
        done
        flux dump -q - >y.tar; tar tf y.tar | sort | grep -v -e ^resource/ -e ^admin/
        cat y.tar | flux restore -v --key=again - 2>&1 | grep ^data'
    echo "$output"
    [ "$status" -eq 0 ]
    for i in 0 2 4 6 8 10; do
        [ "${lines[$i]}" = "1 two 1 other::x.y" ]
        [ "${lines[$((i + 1))]}" = 0 ]
    done
    [[ "$output" == *"
a/b
a/c/d
data/big
far
lnk
zero
data.big" ]]
}

@test "a dump is of one moment, and its size limit and count are kept" {
    run start_flux 1 bash -c '
        for i in $(seq 300); do echo k.$i=$i; done | xargs flux kvs put
        flux dump d.tar 2>count; cat count
        flux kvs put long=$(head -c 2000 /dev/zero | tr "\0" x)
        flux dump -q e.tar
        flux restore --size-limit=1k --key=r e.tar
        flux kvs get r.k.300; flux kvs get r.long'
    echo "$output"
    [[ "${lines[0]}" =~ ^flux-dump:\ archived\ 30[0-9]\ keys$ ]]
    [[ "$output" == *"long exceeds the size limit of 1024 bytes by 976: skipped"* ]]
    [[ "$output" == *"
300
flux-kvs: ERROR: r.long: no such key" ]]
}

@test "wrong arguments of dump and restore are named" {
    echo text >text.tar
    run start_flux 1 sh -c 'flux dump x.foo; flux dump --maxreqs=0 x.tar; flux dump no/such/dir.tar
        flux restore text.tar; flux restore --key=a --checkpoint text.tar; flux restore --key=a none.tar
        flux restore --key=a text.tar; flux restore --key=a --size-limit=many text.tar
        flux restore --checkpoint text.tar; true'
    echo "$output"
    [[ "${lines[0]}" == *"x.foo: no archive format"* ]]
    [[ "${lines[1]}" == *"--maxreqs=0"* ]]
    [[ "${lines[2]}" == *"no/such/dir.tar"* ]]
    [[ "${lines[3]}" == *"--checkpoint and --key"* ]]
    [[ "${lines[4]}" == *"--checkpoint and --key"* ]]
    [[ "${lines[5]}" == *"none.tar"*"No such file"* ]]
    [[ "${lines[6]}" == *"text.tar: Unrecognized archive format"* ]]
    [[ "${lines[7]}" == *"--size-limit=many"* ]]
    [[ "${lines[8]}" == *"the kvs module is loaded"* ]]
}

UNLOAD='for m in sched-fluxion-qmanager sched-fluxion-feasibility sched-fluxion-resource job-exec job-info job-list job-ingest job-manager resource kvs-watch kvs; do
    flux module remove $m; done'
BAD='"data":["sha1-1234567890123456789012345678901234567890"]'

@test "a checkpoint is restored while the KVS is not loaded" {
    run start_flux 1 bash -c 'flux kvs put a=1; flux dump -q d.tar; flux kvs put a=2
        '"$UNLOAD"'
        flux restore -q --checkpoint d.tar; flux dump --checkpoint -v e.tar 2>&1 | grep -x a
        flux content checkpoint list -n | wc -l
        flux content checkpoint list --json | jq .version | sort -u
        flux module load kvs; flux kvs get a'
    echo "$output"
    [ "$output" = "a
2
1
1" ]
}

@test "flux fsck finds what is missing; --repair keeps what is left" {
    run start_flux 1 bash -c 'flux kvs put a=1 job.1.2.3.4.x=5 ; flux fsck; echo $?
        ref=$(echo -n left | flux content store)
        flux kvs put --treeobj half="{\"ver\":1,\"type\":\"valref\",\"data\":[\"$ref\",\"sha1-1234567890123456789012345678901234567890\"]}"
        flux kvs put --treeobj d.dir='"'{\"ver\":1,\"type\":\"dirref\",$BAD}'"'
        flux kvs put --treeobj job.1.2.3.4.v='"'{\"ver\":1,\"type\":\"valref\",$BAD}'"'
        flux dump -q f.tar; echo $?; flux dump -q --ignore-failed-read g.tar; echo $?
        flux fsck -q >q 2>&1; echo $? $(wc -l <q); flux fsck --repair; echo $?
        '"$UNLOAD"'
        flux fsck --repair --job-aware; echo $?
        flux fsck -q; echo $?
        flux module load kvs; flux kvs get lost+found.half a lost+found.job.1.2.3.4.x
        flux kvs get d.dir.x; flux kvs get half' 2>&1
    echo "$output"
    [[ "$output" == *"Total errors: 0
0
flux-dump: ERROR: d.dir: sha1-1234567890123456789012345678901234567890: no such content"*"
1
"*"d.dir: sha1-"*"skipped
"*"half: sha1-"*"skipped
"*"0
1 4
"*"--repair: the kvs module is loaded"*"
1
"*"Total errors: 3
"*"d.dir unlinked
"*"half moved to lost+found
"*"job.1.2.3.4 moved to lost+found
"*"
1
0
left
1
5
"*"no such key"*"no such key"* ]]
}

@test "an instance dumps its KVS at the end, and another begins with it" {
    run start_flux 1 -Scontent.dump=d.tgz sh -c 'flux kvs put a.b=1; flux run hostname'
    [ "$status" -eq 0 ]
    tar tf d.tgz | grep -qx a/b
    run start_flux 2 -Scontent.restore=d.tgz sh -c 'flux kvs get a.b; flux jobs -ano "{name} {status}"'
    echo "$output"
    [ "$output" = "1
hostname COMPLETED" ]
    run start_flux 1 --recovery=d.tgz flux kvs get a.b
    [ "$output" = 1 ]
    echo text >bad.tar
    run start_flux 1 -Scontent.restore=bad.tar true
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"bad.tar: Unrecognized"* ]]
    [ -e d.tgz ]
}

@test "flux shutdown --gc leaves a dump in the state directory, which is restored once" {
    mkdir -m 700 state
    run start_flux 1 -Sstatedir=$PWD/state sh -c 'flux kvs put a=1; flux shutdown --gc; command sleep 20'
    [ -L state/dump/RESTORE ]
    run start_flux 1 -Sstatedir=$PWD/state -Scontent.restore=auto flux kvs get a
    echo "$output"
    [ "$output" = 1 ]
    [ ! -e state/dump/RESTORE ]
    ls state/dump/*.tgz
    run start_flux 1 -Scontent.dump=auto sh -c 'flux shutdown --skip-gc; command sleep 20'
    run ls *.tgz
    [ "$status" -ne 0 ]
    run start_flux 1 sh -c 'flux shutdown --dump=here.tar; command sleep 20'
    [ -s here.tar ]
}

@test "flux batch --dump archives the KVS of the batch job" {
    run start_flux 1 sh -c 'id=$(flux batch -n1 --dump --wrap flux kvs put x=1)
        flux batch -n1 --dump=d-{{id}}.tar --wrap flux kvs put y=1; flux queue drain; tar tf flux-$id-dump.tgz; tar tf d-*.tar'
    echo "$output"
    [[ "$output" == *"
x
"*"
y" ]]
}

@test "flux alloc --bg prints the id of an instance that is ready, and goes" {
    run start_flux 2 bash -c 'id=$(flux alloc -n2 --bg) && flux proxy $id flux getattr instance-level
        flux proxy $id flux run hostname >/dev/null && echo ran; flux shutdown --quiet $id 
        flux job status $id; echo $?
        flux alloc -n1 --bg false; flux alloc --bg -v -n1 sleep inf 2>&1 | sed "s/:.*//;s/^[^j].*/id/"
        flux cancel --all; flux alloc -n1 --bg -t 1x' </dev/null
    echo "$output"
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = ran ]
    [ "${lines[2]}" = 0 ]
    [[ "$output" == *"jobid
id"* ]]
}

@test "flux gc deletes what nothing refers to, and nothing else" {
    mkdir state
    run start_flux 2 --setattr=statedir=$PWD/state bash -c "$FILL"'
        flux dump -q d.tar; flux restore -q --key=back d.tar; flux kvs copy back copy
        flux kvs unlink -R back.data; flux kvs put back.new=5
        flux job wait-event -q $(flux submit sleep inf) start
        flux kvs namespace create other
        head -c 300000 big | flux content store >kept
        flux kvs put -N other --treeobj v="{\"ver\":1,\"type\":\"valref\",\"data\":[\"$(cat kept)\"]}"
        echo garbage | flux content store >junk
        flux kvs sync; echo recent | flux content store >recent
        flux gc --maxreqs=16 >out; sed "s/^[0-9]*/N/" out
        flux content load <junk
        flux content load <recent
        flux exec -r1 flux gc --no-cache >out; flux content load <recent
        cmp big <(flux kvs get --raw copy.data.big) && flux kvs get copy.a.c.d back.new back.lnk
        flux kvs get -N other --raw v | wc -c
        flux fsck -q && flux cancel --all && flux queue drain && echo sound
        flux kvs unlink -R copy back; flux kvs namespace remove other; flux kvs sync
        flux gc >out; test $(cut -d" " -f4 out) -gt 5 && echo collected
        flux fsck -q && flux content load <kept'
    echo "$output"
    [ "${lines[0]}" = "N blobs marked, 2 blobs reclaimed" ]
    [[ "$output" == *"no such content
recent
flux-content: ERROR: load: "*"no such content
two
5
1
300000
"*"sound
collected
"*"$(cat kept): no such content"* ]]
    run start_flux 1 --setattr=statedir=$PWD/state sh -c 'flux fsck -q && flux kvs get a.c.d'
    echo "$output"
    [ "$output" = two ]
}

@test "flux gc deletes nothing of a KVS that is damaged, or without a store" {
    run start_flux 1 bash -c 'echo garbage | flux content store >junk
        flux kvs put --treeobj d.dir='"'{\"ver\":1,\"type\":\"dirref\",$BAD}'"'
        flux kvs sync; flux gc; echo $?; flux content load <junk
        flux kvs unlink -R d; flux gc -vv 2>&1 | grep -c -e horizon -e looked; flux content load <junk
        flux gc more; flux gc --maxreqs=0
        flux module remove content-sqlite; flux gc' 2>&1
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"sha1-1234567890123456789012345678901234567890: no such content: the KVS is damaged, nothing was deleted"*"
1
garbage
2
"*"no such content"*"Usage: flux-gc [OPTIONS]"*"--maxreqs=0: want a positive number"*"there is no content backing store"* ]]
}

@test "an epoch of garbage ends with each checkpoint, and with the period in which one is due" {
    run start_flux 1 --conf=kvs.checkpoint-period='"50ms"' bash -c '
        echo garbage | flux content store >junk; flux kvs put a=1
        until flux gc | grep -q "1 blobs reclaimed"; do flux kvs put a=2; done
        flux content load <junk' 2>&1
    echo "$output"
    [[ "$output" == *"no such content" ]]
    run start_flux 1 bash -c '
        epoch () { flux gc -v 2>&1 >out | sed -n "s/.*epoch //p"; }
        a=$(epoch); b=$(epoch); echo $((b - a))
        flux kvs put --sync x=1; c=$(epoch); echo $((c - b))
        flux content checkpoint update $(flux kvs getroot -b); d=$(epoch); echo $((d - c))
        flux kvs put x=2; e=$(epoch); echo $((e - d))'
    echo "$output"
    [ "$output" = "1
2
2
1" ]
}
