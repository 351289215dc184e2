# flux R

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    flux R encode -r 0-3 -c 0-3 -g 0 -H 'n[0-3]' -p foo:0-1 -p bar >R
}

short() {
    flux R decode --short
}

@test "encode: ranks, cores, GPUs, hosts, properties" {
    [ "$(cat R)" = '{"version":1,"execution":{"R_lite":[{"rank":"0-3","children":{"core":"0-3","gpu":"0"}}],"starttime":0.0,"expiration":0.0,"nodelist":["n[0-3]"],"properties":{"foo":"0-1","bar":"0-3"}}}' ]
    [ "$(flux R encode -H a,b -c 0 | short)" = "rank[0-1]/core0" ]
    [ "$(flux R encode -c 0-1 | short)" = "rank0/core[0-1]" ]
}

@test "encode: what is malformed, is told" {
    run flux R encode
    [ "$status" -eq 1 ]
    [[ "$output" == "flux-R: ERROR: a rank has no resources: give --cores"* ]]
    run flux R encode -r 0-1 -H a -c 0
    [ "$status" -eq 1 ]
    [[ "$output" == *"there are 2 ranks, but 1 hosts"* ]]
    run flux R encode -c x
    [ "$status" -eq 1 ]
    [[ "$output" == *"cores 'x'"* ]]
    run flux R encode -r x -c 0
    [ "$status" -eq 1 ]
    run flux R encode -c 0 -p 'a|b'
    [ "$status" -eq 1 ]
    [[ "$output" == *"property a|b: "* ]]
}

@test "encode --local is what an instance of this machine finds" {
    flux R encode --local >L
    flux R verify --local <L
    flux start flux resource R | flux R decode --short >found
    [ "$(short <L)" = "$(cat found)" ]
}

@test "encode --xml: the topology of another machine" {
    flux start sh -c 'flux run -o hwloc.xmlfile sh -c "cat \$HWLOC_XMLFILE"' >topo.xml
    [ "$(flux R encode --xml=topo.xml -r 5 | flux R decode -r)" = 5 ]
    [ "$(flux R encode --xml=topo.xml -c 0-63 | flux R decode -c core)" = 64 ]
    run flux R encode --xml=none.xml
    [ "$status" -eq 1 ]
}

@test "decode: forms and filters" {
    [ "$(short <R)" = "rank[0-3]/core[0-3],gpu0" ]
    [ "$(flux R decode --nodelist <R)" = "n[0-3]" ]
    [ "$(flux R decode --ranks <R)" = "0-3" ]
    [ "$(flux R decode --count=core <R)" = 16 ]
    [ "$(flux R decode -c gpu <R)" = 4 ]
    [ "$(flux R decode -c node -i 1-2 <R)" = 2 ]
    [ "$(flux R decode -r -x 1-2 <R)" = "0,3" ]
    [ "$(flux R decode -r -p foo,bar <R)" = "0-1" ]
    [ "$(flux R decode -r -p ^foo <R)" = "2-3" ]
    [ "$(flux R decode <R)" = "$(cat R)" ]
    run flux R decode --count=socket <R
    [ "$status" -eq 1 ]
    [[ "$output" == *"--count=socket: there are node, core and gpu"* ]]
}

@test "what is no R, or not one, is refused" {
    run flux R decode </dev/null
    [ "$status" -eq 1 ]
    [[ "$output" == *"no R on standard input"* ]]
    run flux R decode <<<foo
    [ "$status" -eq 1 ]
    [[ "$output" == *"is not JSON"* ]]
    run flux R decode <<<'{}'
    [ "$status" -eq 1 ]
    [[ "$output" == *"version"* ]]
    run sh -c 'cat R R | flux R decode'
    [ "$status" -eq 1 ]
    [[ "$output" == *"more than one R"* ]]
}

@test "append, diff, intersect, remap" {
    flux R decode -i 1 <R >two
    flux R decode -i 3 <R >>two
    [ "$(flux R append <two | short)" = "rank[1,3]/core[0-3],gpu0" ]
    [ "$(cat R two | flux R diff | flux R decode -r)" = "0,2" ]
    [ "$(cat R R | flux R diff | flux R decode -c node)" = 0 ]
    [ "$(flux R append <two | cat R - | flux R intersect | flux R decode -N)" = "n[1,3]" ]
    [ "$(flux R append <two | flux R remap | flux R decode -rN)" = $'n[1,3]\n0-1' ]
    run sh -c 'cat R R | flux R append'
    [ "$status" -eq 1 ]
    [[ "$output" == *"R 2 of standard input has resources of a rank"* ]]
}

@test "rerank, set-property" {
    [ "$(flux R rerank 'n[3,2,1,0]' <R | flux R decode -p foo -rN)" = $'n[1,0]\n2-3' ]
    run flux R rerank n1 <R
    [ "$status" -eq 1 ]
    [ "$(flux R set-property x:2 y <R | flux R decode -p x,y -r)" = 2 ]
    run flux R set-property x:9 <R
    [ "$status" -eq 1 ]
}

@test "verify: what is missing fails, what is more does not" {
    flux R decode -i 0-1 <R >half
    cat R R | flux R verify
    run sh -c 'cat R half | flux R verify'
    [ "$status" -eq 1 ]
    [ "$output" = "flux-R: ERROR: missing resources: rank[2-3]/core[0-3],gpu0" ]
    run sh -c 'cat half R | flux R verify'
    [ "$status" -eq 0 ]
    [ "$output" = "flux-R: extra resources: rank[2-3]/core[0-3],gpu0" ]
    run sh -c '(flux R encode -c 0 -H a; flux R encode -c 0 -H b) | flux R verify'
    [ "$status" -eq 1 ]
    [ "$output" = "flux-R: ERROR: rank 0 is on b, but a was expected" ]
    run sh -c 'flux R encode -c 0 -H a,b | flux R verify --local'
    [ "$status" -eq 1 ]
    [[ "$output" == *"is not in R" ]]
    run flux R verify <R
    [ "$status" -eq 1 ]
    [[ "$output" == *"want two R"* ]]
}

@test "parse-config, and what an instance with that configuration has" {
    cat >c.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "test[0-1]"
cores = "0-3"
[[resource.config]]
hosts = "test1"
properties = ["debug"]
CONF
    flux R parse-config c.toml >P
    [ "$(short <P)" = "rank[0-1]/core[0-3]" ]
    [ "$(flux R decode -p debug -N <P)" = test1 ]
    timeout 60 flux start -s2 --test-hosts='test[0-1]' --config-path=c.toml \
        flux resource R >Q
    [ "$(short <Q)" = "$(short <P)" ]
    printf '[resource]\npath = "%s/P"\n' "$PWD" >p.toml
    [ "$(flux R parse-config p.toml)" = "$(cat P)" ]
    echo 'tbon.fanout = 2' >e.toml
    run flux R parse-config e.toml
    [ "$status" -eq 1 ]
    [[ "$output" == *"neither resource.config nor resource.path"* ]]
    run flux R parse-config none.toml
    [ "$status" -eq 1 ]
}
