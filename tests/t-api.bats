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
