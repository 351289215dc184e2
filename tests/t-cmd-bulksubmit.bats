# flux bulksubmit

load common

@test "inputs: standard input, words, files, combined and linked" {
    seq 0 2 >inputs; printf 'a b\nc' >words
    run sh -c '
        seq 1 2 | flux bulksubmit --dry-run echo {}
        flux bulksubmit --dry-run -n 2 echo {1} {0} ::: 1 2 ::: 3 4
        flux bulksubmit --dry-run echo {0}{1} ::: 1 2 3 :::+ x y
        flux bulksubmit --dry-run :::: inputs
        echo in | flux bulksubmit --dry-run echo {} {1} :::: - ::::+ inputs
        flux bulksubmit --dry-run --sep=none echo {} :::: words
        flux bulksubmit --dry-run --quiet --sep " " --wait -c2 echo {} :::: words'
    echo "$output"
    [ "$output" = "bulksubmit: submit echo 1
bulksubmit: submit echo 2
bulksubmit: submit -n2 echo 3 1
bulksubmit: submit -n2 echo 4 1
bulksubmit: submit -n2 echo 3 2
bulksubmit: submit -n2 echo 4 2
bulksubmit: submit echo 1x
bulksubmit: submit echo 2y
bulksubmit: submit echo 3x
bulksubmit: submit 0
bulksubmit: submit 1
bulksubmit: submit 2
bulksubmit: submit echo in 0
bulksubmit: submit echo a
bulksubmit: submit echo b
bulksubmit: submit echo c
bulksubmit: submit -c2 echo a
bulksubmit: submit -c2 echo b
c" ]
}

@test "templates: methods, numbers, braces, definitions" {
    run sh -c '
        flux bulksubmit --dry-run echo {.%} {./} {./%} {.//} {{}} {{{}}} ::: /a/b.c d .e/f
        flux bulksubmit --dry-run --output={{id}}.{} echo {{tmpdir}}/{} {{node.id}} a{cc}b ::: x
        flux bulksubmit --dry-run --cc=0-1 echo {seq} {seq1} {1.%} {cc} ::: a b ::: x.y
        flux bulksubmit --dry-run --define=p2="2**int(x)" --define q="(int(x) - 7) // 2 % 5 + 1.5" -n {.p2} h {.q} ::: 0 1 5
        for d in "x+1" "int(x" "import os" "1/0" "" "a" "=1" "int(x)"; do
            flux bulksubmit --dry-run --define=f="$d" echo {.f} ::: a
        done
        flux bulksubmit --dry-run echo {1} ::: a; flux bulksubmit --dry-run echo {x} ::: a
        flux bulksubmit --dry-run echo "{:>3}|{:.2}|{seq:03d}|{seq1:x}|{.%:_^5}|{0:<4}|" ::: abc d.e
        flux bulksubmit --dry-run --define=p="2**int(x)" --define=q=x echo {.p:03} {.q:3}. ::: 3 010
        flux bulksubmit --dry-run echo {} "{:d}" ::: a; flux bulksubmit --dry-run echo "{:q}" ::: a; flux bulksubmit --dry-run echo {.g} ::: a
        flux bulksubmit --dry-run echo { ::: a; flux bulksubmit --dry-run echo :::+ a
        flux bulksubmit --dry-run --sep= a :::: /dev/null; flux bulksubmit --dry-run {} :::: nosuch'
    echo "$output"
    [[ "$output" == "bulksubmit: submit echo /a/b b.c b /a {} {/a/b.c}
bulksubmit: submit echo d d d  {} {d}
bulksubmit: submit echo .e/f f f .e {} {.e/f}
bulksubmit: submit --output={{id}}.x echo {{tmpdir}}/x {{node.id}} ab
bulksubmit: submit --cc=0-1 echo 0 1 x {cc}
bulksubmit: submit --cc=0-1 echo 1 2 x {cc}
bulksubmit: submit -n1 h 2.5
bulksubmit: submit -n2 h 3.5
bulksubmit: submit -n32 h 5.5
"*"x+1: x is a text"*"
"*"int(x: a ')' is missing
"*"import os: only numbers"*"
"*"1/0: the result is no finite"*"
"*"only numbers"*"
"*"a: only numbers"*"
"*"=1: only numbers"*"
"*"the input is not a number
"*"{1}: there are only 1 lists"*"
"*"{x}: want {}"*"
bulksubmit: submit echo abc|ab|000|1|_abc_|abc |
bulksubmit: submit echo d.e|d.|001|2|__d__|d.e |
bulksubmit: submit echo 008 3  .
bulksubmit: submit echo 1024 010.
"*"'d' is for a number, and this is a text
"*"bad spec 'q'"*"
"*"no method '.g'"*"
"*"'{': a '}' is missing"*"
"*"':::+' links with a list before"*"
"*"--sep: want a separator"*"
"*"nosuch: No such file"* ]]
}

@test "jobs are submitted, watched, logged, each with its options" {
    run start_fake 1 4 sh -c '
        flux bulksubmit --quiet --watch -n{} echo {} ::: 1 2 3 | sort
        flux bulksubmit --wait --cc=1-2 --env=V={cc} --job-name=j{} sh -c "exit {}\$V" ::: 1 2 >ids; echo $? $(wc -l <ids)
        flux jobs -ano "{name} {nnodes} {returncode}" | grep ^j | sort
        flux bulksubmit --log=log.{} true ::: a b; cat log.a log.b | wc -l
        flux bulksubmit -n {} true ::: x; flux bulksubmit --shuffle --quiet true ::: $(seq 30); echo $?
        flux bulksubmit --quiet true ::: ; echo $?'
    echo "$output"
    [[ "$output" == "1
2
2
3
3
3
22 4
j1 1 11
j1 1 12
j2 1 21
j2 1 22
2
"*"ntasks"*"
0
0" ]]
}
