# flux kvs

load common

@test "put and get: values, labels, raw, tree objects, several keys" {
    run start_flux 1 sh -c '
        flux kvs put a.b=1 a.c=hello
        flux kvs get a.b a.c
        flux kvs get --label a.b a.c
        flux kvs get --raw a.b a.c; echo
        flux kvs put empty=; flux kvs get empty
        flux kvs put eq=x=y; flux kvs get eq
        flux kvs get --treeobj a.b
        flux kvs put --treeobj copy="$(flux kvs get -t a.c)"; flux kvs get copy'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = '1
hello
a.b=1
a.c=hello
1hello
x=y
{"data":"MQ==","type":"val","ver":1}
hello' ]
}

@test "put --raw - keeps every byte; --append adds" {
    head -c 100000 /dev/urandom >in
    run start_flux 1 sh -c '
        flux kvs put --raw bin=- <in
        flux kvs get --raw bin >out; cmp in out && echo same
        flux kvs get --stream --raw bin >out; cmp in out && echo same
        flux kvs put log=one; flux kvs put --append log=two; flux kvs get log'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "same
same
onetwo" ]
}

@test "what cannot be had or put: the key and why" {
    run start_flux 1 sh -c '
        flux kvs put d.x=1
        flux kvs get nosuch; echo $?
        flux kvs get d; echo $?
        flux kvs dir d.x; echo $?
        flux kvs put noequals; echo $?
        flux kvs put --treeobj x=foo; echo $?
        flux kvs get --count=1 d.x; echo $?
        flux kvs get -N nosuch x; echo $?
        flux kvs get --at=foo x; echo $?
        flux kvs get; echo $?' 2>&1
    echo "$output"
    [ "${lines[0]}" = "flux-kvs: ERROR: nosuch: no such key" ]
    [ "${lines[2]}" = "flux-kvs: ERROR: d: is a directory" ]
    [ "${lines[4]}" = "flux-kvs: ERROR: d.x: not a directory" ]
    [[ "${lines[6]}" == *"'noequals' has no '='"* ]]
    [[ "${lines[8]}" == *"x: the value is not a tree object"* ]]
    [[ "${lines[10]}" == *"--count is for use with --watch"* ]]
    [[ "${lines[12]}" == *"namespace nosuch does not exist"* ]]
    [[ "${lines[14]}" == *"--at=foo: not a tree object"* ]]
    for i in 1 3 5 7 9 11 13 15; do [ "${lines[$i]}" = 1 ]; done
    [ "${lines[-1]}" = 1 ]
}

@test "commits tell their root, blobref, sequence; version and wait go by that" {
    run start_flux 1 sh -c '
        v=$(flux kvs put --sequence x=1)
        [ "$v" = "$(flux kvs version)" ] && [ "$v" = "$(flux kvs getroot -s)" ] && echo same
        b=$(flux kvs put --blobref x=2); [ "$b" = "$(flux kvs getroot --blobref)" ] && echo same
        t=$(flux kvs put --treeobj-root x=3); [ "$t" = "$(flux kvs getroot)" ] && echo same
        flux kvs put x=4; flux kvs get --at "$t" x; flux kvs get x
        flux kvs getroot --owner
        flux kvs wait $v && echo waited
        flux kvs wait $((v + 4)) & flux kvs put x=5; wait $! && echo waited
        flux kvs wait x; flux kvs sync && echo synced' 2>&1
    echo "$output"
    [ "$(echo "$output" | grep -c '^same$')" = 3 ]
    [ "${lines[3]}" = 3 ]
    [ "${lines[4]}" = 4 ]
    [ "${lines[5]}" = "$(id -u)" ]
    [ "$(echo "$output" | grep -c '^waited$')" = 2 ]
    [[ "$output" == *"'x' is not a version number"* ]]
    [[ "$output" == *synced ]]
}

@test "dir: keys and values, recursively, cut at a width" {
    run start_flux 1 sh -c '
        flux kvs put t.a=1 t.d.e=two t.d.f=three
        flux kvs link t.a t.l
        flux kvs link -T other x t.m
        flux kvs dir t
        echo --; flux kvs dir -R t
        echo --; flux kvs dir -R -d t
        echo --; flux kvs dir -w 11 t.d
        root=$(flux kvs getroot); flux kvs unlink -R t
        echo --; flux kvs dir --at "$root" t.d'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = 't.a = 1
t.d.
t.l -> t.a
t.m -> other::x
--
t.a = 1
t.d.e = two
t.d.f = three
t.l -> t.a
t.m -> other::x
--
t.a
t.d.e
t.d.f
t.l
t.m
--
t.d.e = two
t.d.f = ...
--
t.d.e = two
t.d.f = three' ]
}

@test "ls: in columns, one per line, classified, recursive, keys and directories" {
    run start_flux 1 sh -c '
        flux kvs put t.a=1 t.bb=2 t.c=3 t.d.e=4
        flux kvs link t.a t.l
        flux kvs ls -1F t
        echo --; flux kvs ls -w 12 t
        echo --; flux kvs ls -w 0 t
        echo --; flux kvs ls -R t
        echo --; flux kvs ls -d t
        echo --; flux kvs ls t.d t.a
        echo --; flux kvs ls nosuch; echo $?' 2>&1
    echo "$output"
    [ "$output" = 'a
bb
c
d.
l@
--
a   c   l
bb  d
--
a   bb  c   d   l
--
t:
a
bb
c
d
l

t.d:
e
--
t
--
t.a

t.d:
e
--
flux-kvs: ERROR: cannot access nosuch: no such key
1' ]
}

@test "link, readlink, mkdir, copy, move, unlink" {
    run start_flux 1 sh -c '
        flux kvs put d.x=1
        flux kvs link d.x l; flux kvs readlink l; flux kvs get l
        flux kvs link -T ns y m; flux kvs readlink m; flux kvs readlink -o m; flux kvs readlink -k m
        flux kvs readlink d.x; echo $?
        flux kvs mkdir new; flux kvs ls new
        flux kvs copy d e; flux kvs get e.x
        flux kvs move e f; flux kvs get f.x; flux kvs get e.x; echo $?
        flux kvs unlink f; echo $?
        flux kvs unlink -R f; flux kvs unlink new l m
        flux kvs unlink f; echo $?
        flux kvs unlink --force f; echo $?
        flux kvs ls' 2>&1
    echo "$output"
    [ "$output" = 'd.x
1
ns::y
ns
y
flux-kvs: ERROR: d.x: not a symbolic link
1
1
1
flux-kvs: ERROR: e.x: no such key
1
flux-kvs: ERROR: f: the directory is not empty (-R removes it with what is in it)
1
flux-kvs: ERROR: f: no such key
1
0
admin
d
resource' ]
}

@test "namespaces: create, list, use, remove" {
    run start_flux 1 sh -c '
        flux kvs namespace create one two
        flux kvs namespace create --owner=1234 three
        flux kvs namespace list | tail -n +2 | cut -c1-50 | sort
        flux kvs put -N one k=v; flux kvs get -N one k; FLUX_KVS_NAMESPACE=one flux kvs get k
        flux kvs copy -S one -D two k k; flux kvs get -N two k
        flux kvs namespace create --rootref="$(flux kvs getroot -N one)" four; flux kvs get -N four k
        flux kvs namespace remove one
        flux kvs namespace create two; echo $?
        flux kvs namespace create --owner=me five; echo $?' 2>&1
    echo "$output"
    [[ "${lines[0]}" =~ ^one\ +$(id -u)\  ]]
    [[ "${lines[2]}" =~ ^three\ +1234\  ]]
    [ "${lines[4]}" = v ]
    [ "${lines[5]}" = v ]
    [ "${lines[6]}" = v ]
    [ "${lines[7]}" = v ]
    [[ "${lines[8]}" == *two* ]]
    [ "${lines[9]}" = 1 ]
    [[ "${lines[10]}" == *"--owner=me: want a numerical user id"* ]]
    [ "${lines[11]}" = 1 ]
}

@test "get --watch shows changes; --uniq and --append; --waitcreate waits" {
    run start_flux 1 bash -c '
        next() { until [ "$(grep -c . $1)" -ge $2 ]; do command sleep 0.01; done; }
        touch w u a
        flux kvs put x=0 y=a
        flux kvs get -w -c 3 x >w & p1=$!
        flux kvs get -w -u -c 2 x >u & p2=$!
        flux kvs get -w -A -c 2 y >a & p3=$!
        flux kvs get -W later & p4=$!
        next w 1; next u 1; next a 1
        flux kvs put x=0; next w 2
        flux kvs put x=1; next w 3
        flux kvs put --append y=b
        flux kvs put later=now
        wait $p1 $p2 $p3 $p4
        cat w u a'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo $output)" = "now 0 0 1 0 1 a b" ]
}

@test "eventlog append, get, wait-event" {
    run start_flux 1 bash -c '
        flux kvs eventlog append -t 12.5 log one
        flux kvs eventlog append -t 13 log two "{\"a\":1}"
        flux kvs eventlog get log
        flux kvs eventlog get --unformatted log
        flux kvs eventlog get --watch --count=1 log
        flux kvs eventlog wait-event log two
        flux kvs eventlog wait-event -v log two
        flux kvs eventlog wait-event -q log two; echo $?
        flux kvs eventlog wait-event -W later three & p=$!
        flux kvs eventlog append -t 14 later three; wait $p
        flux kvs eventlog wait-event --timeout=0.1 log nosuch; echo $?
        flux kvs eventlog append log bad context; echo $?
        flux kvs eventlog get nosuch; echo $?' 2>&1
    echo "$output"
    [ "${lines[0]}" = "12.500000 one" ]
    [ "${lines[1]}" = "13.000000 two a=1" ]
    [ "${lines[2]}" = '{"timestamp":12.5,"name":"one"}' ]
    [ "${lines[4]}" = "12.500000 one" ]
    [ "${lines[5]}" = "13.000000 two a=1" ]
    [ "${lines[6]}" = "12.500000 one" ]
    [ "${lines[7]}" = "13.000000 two a=1" ]
    [ "${lines[8]}" = 0 ]
    [ "${lines[9]}" = "14.000000 three" ]
    [[ "${lines[10]}" == *"did not come within 0.1 seconds"* ]]
    [ "${lines[11]}" = 1 ]
    [[ "${lines[12]}" == *"is not a JSON object"* ]]
    [ "${lines[13]}" = 1 ]
    [[ "${lines[14]}" == *"nosuch: no such key"* ]]
    [ "${lines[15]}" = 1 ]
}

@test "a follower reads what it wrote" {
    run start_flux 2 sh -c '
        export FLUX_URI=local://$(flux getattr rundir)/local-1
        flux kvs put f.x=1 && flux kvs get f.x && flux kvs dir -R f && flux kvs ls f'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "1
f.x = 1
x" ]
}

@test "dir -R and ls -R go far down by short look-ups, as a guest by whole keys" {
    cat >script <<'END'
flux kvs namespace create --owner=12345 guest
top=$(printf 'x.%.0s' {1..1500})
for ns in primary guest; do
    flux kvs put --namespace=$ns ${top}d.v=one ${top}d.w.u=two ${top}e=three x.near=four
    flux kvs link --namespace=$ns x.near ${top}d.l
done
kvs() { FLUX_HANDLE_TRACE=1 flux kvs "$@" 2>trace; }
longest() { grep '^> request kvs.lookup' trace | awk '{ if (length ($0) > n) n = length ($0) } END { print n }'; }

printf '%s\n' "${top}d.l -> x.near" "${top}d.v = one" "${top}d.w.u = two" "${top}e = three" "x.near = four" >want
kvs dir -R -w0 >out; grep '^x' out | LC_ALL=C sort | cmp - <(LC_ALL=C sort want)
test $(longest) -lt 1200
kvs dir -R -w0 --at=$(flux kvs get --treeobj .) >out2; cmp out out2
test $(longest) -lt 1200

kvs ls -R -1 x >out
test $(longest) -lt 1200
test $(grep -c ':$' out) = 1502
tail -n10 out | cmp - <(printf '%s\n' d e '' ${top}d: l v w '' ${top}d.w: u)
kvs ls -1 ${top}d >out; printf '%s\n' l v w | cmp - out    # begun far down
flux kvs link ${top}d far
kvs dir -R -w0 far >out; printf '%s\n' 'far.l -> x.near' 'far.v = one' 'far.w.u = two' | cmp - out

export FLUX_HANDLE_USERID=12345 FLUX_HANDLE_ROLEMASK=0x2
kvs dir --namespace=guest -R -w0 >out; LC_ALL=C sort out | cmp - <(LC_ALL=C sort want)
test $(longest) -gt 3000
kvs ls --namespace=guest -R -1 x >out
test $(grep -c ':$' out) = 1502
END
    run start_flux 1 bash -ex script
    echo "$output" | cut -c1-300
    [ "$status" -eq 0 ]
}
