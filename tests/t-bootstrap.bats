# Certificates, and instances that are started from [bootstrap].

load common

@test "flux keygen writes a certificate that only its owner can read" {
    (umask 000 && flux keygen a.cert)
    [ "$(stat -c %a a.cert)" = 600 ]
    grep -qE '^    public-key = "[^"]{40}"$' a.cert
    grep -qE '^    secret-key = "[^"]{40}"$' a.cert
    grep -qx "    name = \"$(hostname)\"" a.cert
    [ "$(ls)" = a.cert ]
}

@test "flux keygen makes other keys each time, and replaces a file" {
    flux keygen a.cert
    chmod 400 a.cert
    cp a.cert b.cert
    flux keygen a.cert
    [ "$(stat -c %a a.cert)" = 600 ]
    [ "$(grep -h -- -key a.cert b.cert | sed 's/.*= //' | sort -u | wc -l)" -eq 4 ]
}

@test "flux keygen sets name and metadata" {
    flux keygen -n fluke --meta=a=1,b.c='x y' --meta=d= a.cert
    grep -qx '    name = "fluke"' a.cert
    grep -qx '    a = "1"' a.cert
    grep -qx '    b.c = "x y"' a.cert
    grep -qx '    d = ""' a.cert
}

@test "flux keygen says what is wrong with its arguments" {
    run flux keygen
    [ $status -eq 1 ]
    run flux keygen a b
    [ $status -eq 1 ]
    run flux keygen --meta=foo a.cert
    [ $status -eq 1 ]
    [[ $output == *"'foo' is not of the form KEY=VAL"* ]]
    run flux keygen --meta='a b=c' a.cert
    [ $status -eq 1 ]
    run flux keygen /nonexistent/a.cert
    [ $status -eq 1 ]
    [[ $output == *"/nonexistent/a.cert: No such file or directory"* ]]
    run ls
    [ "$output" = "" ]
}
