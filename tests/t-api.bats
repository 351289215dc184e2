# The C API, against the list of the one that programs are written for
#
# shared/data/api lists functions, constants and macros of the headers, with types.
# API=FOLDER if it is elsewhere.

load common

: "${API:=$FLUX_TOP/../shared/data/api}"

setup() {
    cd "$BATS_TEST_TMPDIR"
    [ -d "$API" ] || skip "there is no list of the API in $API (set API=)"
    command -v cc >/dev/null || skip "no compiler"
}

# compile WARNINGS...: standard input, with our headers
compile() {
    cc -std=gnu11 -fsyntax-only -Wall -Werror "$@" -I"$FLUX_TOP/include" -x c -
}

# rows FILE: without its heading
rows() {
    tail -n +2 "$API/$1"
}

headers() {
    rows functions.tsv | cut -f1 | sort -u
}

@test "each header can be included alone" {
    for h in $(headers); do
        echo "#include <$h>" | compile || { echo "$h"; false; }
    done
}

@test "each function has the type that it is listed with" {
    # declared once more with that type: an error if it is another, or not there before
    {
        headers | sed 's/.*/#include <&>/'
        rows functions.tsv | awk -F'\t' '{ gsub (/(struct|enum|union):/, "& ", $2); gsub (/: /, " ", $2)
              print "__typeof__ (" $3 ") " $3 ";"; print $2, $3, $4 ";" }'
    } >api.c
    [ "$(grep -c __typeof__ api.c)" -gt 600 ]
    compile <api.c
    # the comparison sees a type that differs
    sed 's/^int flux_get_rank/double flux_get_rank/' api.c >wrong.c
    run compile <wrong.c
    [ "$status" -ne 0 ]
    [[ "$output" == *"conflicting types for "?"flux_get_rank"* ]]
}

@test "each type is there" {
    {
        headers | sed 's/.*/#include <&>/'
        rows types.tsv | awk -F'\t' '
            $2 == "typedef" { print "extern " $3 " *type_" NR ";" }
            ($2 == "struct" || $2 == "union") && $3 !~ /^__anon/ { print "extern int size_" NR "[sizeof (" $2 " " $3 ")];" }
            $2 ~ /^member of/ && $2 !~ /__anon/ { sub (/member of /, "", $2)
                print "extern int size_" NR "[1 + sizeof (((struct " $2 " *)0)->" $3 ")];" }'
    } >types.c
    [ "$(grep -c extern types.c)" -gt 61 ]
    compile <types.c
}

@test "each constant has the value that it is listed with" {
    {
        headers | sed 's/.*/#include <&>/'
        echo '#include <limits.h>'
        rows constants.tsv | awk -F'\t' '
            $4 ~ /^"/ { print "_Static_assert (__builtin_strcmp (" $3 ", " $4 ") == 0, \"" $3 "\");"; next }
            $4 ~ /^(-?[0-9]|\()/ { print "_Static_assert ((" $3 ") == (" $4 "), \"" $3 "\");" }'
    } >const.c
    [ "$(grep -c _Static const.c)" -gt 150 ]
    compile -Wno-sign-compare <const.c
    rows constants.tsv | awk -F'\t' '$2 ~ /^macro/ { sub (/\(.*/, "", $3); print "#ifndef " $3; print "#error " $3; print "#endif" }' |
        { headers | sed 's/.*/#include <&>/'; cat; } | compile
}

# the file that a program finds a header's functions in
home_of() {
    local lib=${1#flux/}
    lib=${lib%%/*}
    lib=${lib%.h}
    case $lib in
    core | taskmap | schedutil) echo "$FLUX_BUILD/src/core/libflux-$lib.so" ;;
    idset | hostlist | optparse) echo "$FLUX_BUILD/src/base/libflux-$lib.so" ;;
    pmi | pmi2) echo "$FLUX_BUILD/src/pmi/lib$lib.so" ;;
    jobtap) echo "$FLUX_BUILD/flux-broker" ;;
    shell) echo "$FLUX_BUILD/flux-shell" ;;
    esac
}

@test "each function is exported where a program or plugin looks for it" {
    local rc=0
    for h in $(headers); do
        f=$(home_of "$h")
        [ -e "$f" ] || { echo "$h: no $f"; rc=1; continue; }
        nm -D --defined-only "$f" | awk '{ sub (/@.*/, "", $3); print $3 }' | sort >exported
        rows functions.tsv | awk -F'\t' -v h="$h" '$1 == h { print $3 }' | sort >listed
        [ -s listed ]
        comm -13 exported listed | sed "s|^|$h: not exported by $f: |" | grep . && rc=1
    done
    return $rc
}

# table PATTERN AWK-OPTIONS...: C of the calls of these headers with NULL
table() {
    local pattern=$1
    shift
    printf '#define _GNU_SOURCE\n#include <errno.h>\n#include <flux/core.h>\n#include "nullargs.h"\n'
    rows functions.tsv | grep -E "^$pattern" >listed
    cut -f1 listed | sort -u | sed 's/.*/#include <&>/'
    awk "$@" -f "$FLUX_TOP/tests/nullargs.awk" listed
}

# cc_null ARGS...: -w as what is called so is what warnings are for
cc_null() {
    cc -std=gnu11 -w -I"$FLUX_TOP/include" -I"$FLUX_TOP/tests" "$@" \
        -L"$FLUX_BUILD/src/core" -L"$FLUX_BUILD/src/base" -L"$FLUX_BUILD/src/pmi" \
        -Wl,-rpath,"$FLUX_BUILD/src/core:$FLUX_BUILD/src/base:$FLUX_BUILD/src/pmi"
}

# null_program PATTERN AWK-OPTION LEAST LIBRARIES...: no call dies, and there are so many
null_program() {
    {
        table "$1" -v "$2"
        echo 'int main (void) { run_calls (calls, NCALLS); return 0; }'
    } >null.c
    cc_null null.c -o null $(sanitize_flags) "${@:4}"
    NULLARGS=null.out ./null
    cat null.out
    [ "$(wc -l <null.out)" -eq 1 ]
    [ "$(cut -d' ' -f1 null.out)" -ge "$3" ]
}

# null_plugin HEADER INIT AWK-OPTIONS...: the same as a plugin, to null.so; INIT is the end of
# flux_plugin_init (p)
null_plugin() {
    {
        table "$1" "${@:3}"
        echo 'static int run (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)'
        echo '{ plugin = p; run_calls (calls, NCALLS); return 0; }'
        echo "int flux_plugin_init (flux_plugin_t *p) { return $2; }"
    } >null.c
    cc_null null.c -shared -fPIC -o null.so
}

libraries='flux/(core|hostlist|idset|optparse|schedutil|taskmap)'
links=(-lflux-core -lflux-idset -lflux-hostlist -lflux-optparse -lflux-schedutil -lflux-taskmap)

@test "no function of the libraries dies of NULL" {
    unset FLUX_URI
    null_program "$libraries" objects=0 550 "${links[@]}"
    null_program flux/pmi.h objects=0 25 -lpmi
    null_program flux/pmi2.h objects=0 15 -lpmi2
}

@test "no function of the libraries dies of an object and else NULL" {
    unset FLUX_URI
    null_program "$libraries" objects=1 470 "${links[@]}"
}

@test "no function of the shell dies of NULL" {
    # the two that end a job would, by the connection that the shell has
    local skip="flux_shell_raise flux_shell_fatal"
    echo "plugin.load { file = \"$PWD/null.so\" }" >rc.lua
    null_plugin flux/shell.h "run (p, NULL, NULL, NULL)" -v skip="$skip"
    NULLARGS=$PWD/null.out start_flux 1 flux run -o userrc=rc.lua true
    cat null.out
    [ "$(wc -l <null.out)" -eq 1 ]
    [ "$(cut -d' ' -f1 null.out)" -ge 40 ]
    # of its shell and task, and else NULL
    null_plugin flux/shell.h 'flux_plugin_add_handler (p, "shell.start", run, NULL)' \
        -v skip="$skip" -v objects=1
    NULLARGS=$PWD/null2.out start_flux 1 flux run -o userrc=rc.lua true
    cat null2.out
    [ "$(wc -l <null2.out)" -eq 1 ]
    [ "$(cut -d' ' -f1 null2.out)" -ge 35 ]
}

@test "no function of jobtap plugins dies of NULL" {
    null_plugin flux/jobtap.h "run (p, NULL, NULL, NULL)"
    NULLARGS=$PWD/null.out start_flux 1 flux jobtap load "$PWD/null.so"
    cat null.out
    [ "$(wc -l <null.out)" -eq 1 ]
    [ "$(cut -d' ' -f1 null.out)" -ge 25 ]
}
