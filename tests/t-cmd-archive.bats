# flux archive, and the shell option stage-in

load common

# make_tree: files of each kind in src, with their sums in src.list
make_tree() {
    mkdir -p src/sub/deep src/empty
    echo text >src/small
    printf 'a\0b' >src/binary
    : >src/nothing
    head -c 3000000 /dev/urandom >src/sub/big
    seq 1000 >src/sub/deep/numbers
    ln -s ../small src/sub/link
    ln -s nowhere src/broken
    truncate -s 20M src/holes; printf x | dd of=src/holes bs=1 seek=5000000 conv=notrunc status=none
    truncate -s 1M src/allhole
    chmod 750 src/sub/big; chmod 555 src/sub/deep
    touch -d @1000000000 src/small
    sums src >src.list
}

# sums DIR: names, types, modes and sums of all in it
sums() {
    (cd "$1" && find . -printf '%P %y %m %l\n' | sort && find . -type f | sort | xargs sha1sum)
}

teardown() {
    find . -type d ! -perm -u=w -exec chmod u+w {} +
}

@test "an archive brings back files, modes, links and holes, on any rank" {
    make_tree
    run start_flux 2 bash -c '
        flux archive create -C src small binary nothing sub empty broken holes allhole
        mkdir out; flux exec -r1 flux archive extract -C $PWD/out
        flux archive list | wc -l; flux archive list --raw | wc -c
        flux archive list -l | grep -E " (sub/big|sub|sub/link)$"
        flux archive list "*b*ig"; flux archive extract -t "*/num*"
        flux archive create -v2 -C src --name=v small; flux archive create -v0 -C src --name=w small'
    echo "$output"
    [ "$status" -eq 0 ]
    sums out >out.list
    diff src.list out.list
    [ "$(stat -c %Y out/small)" = 1000000000 ]
    [ "$(stat -c %b out/holes)" -lt 1000 ]
    [ "${lines[0]}" = 12 ]
    [ "${lines[1]}" -lt 20000 ]
    [[ "$output" == *"
d 0755            0 sub
f 0750      3000000 sub/big
l 0777            8 sub/link
sub/big
sub/deep/numbers
small" ]]
}

@test "an archive of '.', with all content stored, small pieces, --preserve" {
    make_tree
    run start_flux 1 bash -c '
        flux archive create --small-file-threshold=0 --chunksize=100k -C src .
        flux archive create --name=safe --preserve -C src .
        for n in main safe; do mkdir $n; flux archive extract -n $n -C $n; done
        flux kvs get --treeobj archive.safe_blobs | jq -r .type
        flux archive create -n safe --preserve --append src.list
        flux dump -q d.tar; tar tf d.tar | grep ^archive'
    echo "$output"
    for n in main safe; do
        sums $n >$n.list
        diff src.list $n.list
    done
    [[ "$output" == "valref
archive/main
archive/safe
archive/safe_blobs" ]]
}

@test "--mmap leaves the content in the file; one that changed is not extracted" {
    make_tree
    run start_flux 2 bash -c '
        flux archive create --mmap -C src .
        flux module stats content | jq .mapped
        mkdir out; flux exec -r1 flux archive extract -C $PWD/out
        printf x | dd of=src/sub/big bs=1 seek=10 conv=notrunc status=none
        mkdir late; flux archive extract -C late sub/big
        flux archive remove; flux module stats content | jq .mapped
        flux exec -r1 flux archive create --mmap src/small'
    echo "$output"
    sums out >out.list
    diff src.list out.list
    [[ "$output" == "5
flux-archive: ERROR: sub/big: "*"no such content
0
"*"--mmap works on rank 0 only"* ]]
    [ ! -e late/sub/big ]
}

@test "names that exist: refused, --overwrite, --append; a name that does not" {
    echo one >a; echo two >b
    run start_flux 1 sh -c '
        flux archive create a; flux archive create b; flux archive create --append b
        flux archive list; flux archive create --overwrite b; flux archive list
        flux archive extract; flux archive extract --overwrite && cat b
        flux archive remove && flux archive remove; flux archive remove -f; echo $?
        flux archive list; flux archive extract --waitcreate=0.1s
        flux archive create --append --overwrite a; flux archive create /dev/null
        flux archive create nosuch; flux archive create ../x; flux archive create --mmap --preserve a
        flux archive create -n a.b a; flux archive create --chunksize=x a'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"archive.main: it exists: "*"
a
b
b
flux-archive: ERROR: b: File exists
two
flux-archive: ERROR: archive.main: no such archive"*"
0
flux-archive: ERROR: archive.main: no such archive"*"
flux-archive: ERROR: archive.main: it did not appear in time
flux-archive: ERROR: --append and --overwrite"*"
flux-archive: ERROR: /dev/null: neither"*"
flux-archive: ERROR: nosuch: No such file"*"
flux-archive: ERROR: ../x: '..'"*"
flux-archive: ERROR: --mmap works with"*"
flux-archive: ERROR: --name=a.b"*"
flux-archive: ERROR: --chunksize=x"* ]]
}

@test "extract --waitcreate waits for the archive" {
    echo one >a
    run start_flux 2 sh -c 'mkdir out; flux exec -r1 flux archive extract --waitcreate=30s -C $PWD/out & 
        flux archive create a; wait; cat out/a'
    echo "$output"
    [ "$output" = one ]
}

@test "a malformed archive is named, and nothing leaves the directory" {
    run start_flux 1 sh -c 'flux kvs put --raw archive.main=text; flux archive extract
        for o in "{\"path\":\"../x\",\"mode\":33188}" "{\"path\":\"/x\",\"mode\":33188}" "{\"path\":\"x\",\"mode\":1}" \
            "{\"path\":\"x\",\"mode\":33188,\"encoding\":\"rot13\",\"data\":\"a\"}" "{\"path\":\"x\",\"mode\":33188,\"size\":-1}" \
            "{\"path\":\"x\",\"mode\":33188,\"encoding\":\"blobvec\",\"data\":[[0,1,\"x\"]]}" "{\"mode\":33188}"; do
            flux kvs put --raw archive.main="$o"; flux archive extract
        done; ls x ../x'
    echo "$output"
    [[ "${lines[0]}" == *"line 1 is no file object"* ]]
    [[ "${lines[1]}" == *"../x: not a path below"* ]]
    [[ "${lines[2]}" == *"/x: not a path below"* ]]
    [[ "${lines[3]}" == *"x: not a file, directory"* ]]
    [[ "${lines[4]}" == *"unknown encoding 'rot13'"* ]]
    [[ "${lines[5]}" == *"malformed file object"* ]]
    [[ "${lines[6]}" == *"x: Invalid argument"* ]]
    [[ "${lines[7]}" == *"line 1 is no file object"* ]]
    [ ! -e x ] && [ ! -e ../x ]
}

@test "nothing is written through a symbolic link of the same archive" {
    mkdir out sub
    run start_flux 1 sh -c '
        printf "%s\n" "{\"path\":\"l\",\"mode\":41471,\"data\":\"../sub\"}" \
            "{\"path\":\"l/x\",\"mode\":33188,\"encoding\":\"utf-8\",\"data\":\"a\"}" >o
        flux kvs put --raw archive.main="$(cat o)"; flux archive extract -C out; ls sub'
    echo "$output"
    [ "$output" = "flux-archive: ERROR: l/x: leads through 'l', a symbolic link of the same archive" ]
}

@test "stage-in: a blob goes once over each connection of the tree, and no broker has them all in hand" {
    mkdir d; head -c 25165824 /dev/urandom >d/data
    run start_flux 8 -Stbon.topo=kary:2 bash -ec '
        flux archive create d
        flux run -N8 -o stage-in sh -c "cmp \$FLUX_JOB_TMPDIR/d/data $PWD/d/data && echo same" | grep -c same
        flux exec -r 1-7 flux module stats content >stats
        grep -o "\"loads\": *[0-9]*" stats | tr -dc "0-9\n" >loads
        # a broker may have forgotten what a slow one below it asks for later
        awk "{ if (\$1 > 32) bad = 1; n++ } END { print n, bad + 0 }" loads
        flux exec -r 5 flux module stats content | grep -o "\"size\": *[0-9]*" | tr -dc "0-9\n" >size
        test $(cat size) -le 16777216
        ! flux exec -r 7 flux content load sha1-0123456789012345678901234567890123456789 2>unknown
        ! flux exec -r 7 flux content load sha1-0123456789012345678901234567890123456789 2>unknown
        flux exec -r 0 grep VmHWM /proc/$(flux getattr broker.pid)/status | tr -dc 0-9 >hwm'
    echo "$output" "$(cat hwm)"
    [ "$output" = "$(printf '8\n7 0')" ]
    grep -q "no such content" unknown
    sanitized || [ "$(cat hwm)" -lt 100000 ]
}

@test "stage-in extracts archives on each node before the tasks start" {
    mkdir d; echo one >d/a; echo two >d/b; seq 3000 >c
    run start_flux 2 bash -c '
        flux archive create d; flux archive create -n c c
        flux run -N2 -o stage-in sh -c "cat \$FLUX_JOB_TMPDIR/d/*" | sort
        flux run -N2 -o stage-in.names=main,c sh -c "cmp \$FLUX_JOB_TMPDIR/c c && cat {{tmpdir}}/d/a" | sort
        flux run -N1 -o stage-in.pattern="*/b" sh -c "ls {{tmpdir}}/d"
        mkdir g; flux run -N2 -o stage-in.destination=global:$PWD/g sh -c "cat g/d/a" | sort
        flux run -o stage-in.names=nosuch true; echo $?; flux run -o stage-in.color=1 true; echo $?
        flux run -o stage-in.destination=/nosuch true; echo $?' 2>&1
    echo "$output"
    [[ "$output" == "one
one
two
two
one
one
b
one
one
"*"stage-in: nosuch: no such archive"*"
1
"*"stage-in: want names, pattern or destination"*"
1
"*"stage-in: /nosuch: No such file"*"
1" ]]
}
