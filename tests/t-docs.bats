# The manual pages tell the options that there are, and no other.

load common

PAGES=$BATS_TEST_DIRNAME/../docs

# page FILE: its text with what it includes
page() {
    awk -f "$PAGES/expand.awk" "$1"
}

# options_of_page FILE [SUBCOMMAND]: "-n, --ntasks=N", a line each.  The options of
# a subcommand stand below "## SUBCOMMAND", all others before "# COMMANDS".
options_of_page() {
    page "$1" | awk -v sub_name="${2-}" '
        /^# COMMANDS$/ { in_commands = 1 }
        /^# / && !/^# COMMANDS$/ { in_commands = 0 }
        /^#+ / { here = sub_name == "" ? !in_commands : in_commands && $0 == "## " sub_name }
        here && /^(\*-.\*, )?\*--[a-z0-9-]+\*([=[][^ ]*)?$/ { gsub (/[*\\_]/, ""); print }' | sort
}

# options_of_help COMMAND...: the same from COMMAND --help
options_of_help() {
    COLUMNS=200 "$@" --help 2>&1 </dev/null \
        | sed -nE 's/^ {2}(-., |    )(--[^ ]+).*/\1\2/p' | sed 's/^ *//' | sort
}

# subcommands COMMAND...: names under "Commands:" in its help
subcommands() {
    COLUMNS=200 "$@" --help 2>/dev/null </dev/null \
        | awk '/^Commands:$/ { on = 1; next } on && /^  [a-z]/ { print $1 } /^$/ { on = 0 }'
}

# same WHAT LEFT RIGHT: say what is only in the page or only in the help
same() {
    [ "$2" = "$3" ] && return
    echo "$1: page (-), --help (+)"
    diff <(echo "$2") <(echo "$3") | sed -n 's/^</-/p; s/^>/+/p'
    return 1
}

# check_subs FILE NAME WORDS...: compare each subcommand of WORDS, however deep
check_subs() {
    local file=$1 prefix=$2 rc=0 sub
    shift 2
    for sub in $(subcommands "$@"); do
        page "$file" | grep -qx "## $prefix$sub" || { echo "$file: no ## $prefix$sub"; rc=1; }
        same "$* $sub" "$(options_of_page "$file" "$prefix$sub")" \
            "$(options_of_help "$@" "$sub" | grep -vx -- '-h, --help')" || rc=1
        check_subs "$file" "$prefix$sub " "$@" "$sub" || rc=1
    done
    return $rc
}

# check_page FILE WORDS...: compare a page with the command of these words
check_page() {
    local file=$1 rc=0
    shift
    same "$*" "$(options_of_page "$file")" "$(options_of_help "$@")" || rc=1
    check_subs "$file" "" "$@" || rc=1
    return $rc
}

commands() {
    flux --help | awk '/^   [a-zA-Z]/ { print $1 }'
}

@test "each command of flux --help has a page, in the build folder too" {
    local n=0
    for c in $(commands); do
        [ -f "$PAGES/man1/flux-$c.1.scd" ] || { echo "no page flux-$c(1)"; return 1; }
        [ -s "$FLUX_BUILD/docs/man1/flux-$c.1" ] || { echo "not built: flux-$c.1"; return 1; }
        n=$((n + 1))
    done
    [ $n -gt 15 ]
}

@test "flux help NAME shows the page of the build folder" {
    mkdir bin
    printf '#!/bin/sh\necho "$1"\n' >bin/man
    chmod +x bin/man
    PATH=$PWD/bin:$PATH run flux help run
    echo "$output"
    [ "$output" = "$FLUX_BUILD/docs/man1/flux-run.1" ]
}

@test "pages and --help of commands list the same options" {
    local rc=0 n=0 name
    for file in "$PAGES"/man1/*.1.scd; do
        name=$(basename "$file" .1.scd)
        n=$((n + 1))
        case $name in
        flux) check_page "$file" flux || rc=1 ;;
        flux-shell | resource-query) check_page "$file" "$FLUX_BUILD/$name" || rc=1 ;;
        *) check_page "$file" flux "${name#flux-}" || rc=1 ;;
        esac
    done
    [ $n -gt 15 ]
    return $rc
}

@test "the comparison sees an option that is missing, or too much" {
    sed 's/^\*--jps\*$/*--jpm*/' "$PAGES/man1/flux-submit.1.scd" >x.scd
    ln -s "$PAGES/man1/common" common
    run check_page x.scd flux submit
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" == *"- --jpm"* ]]
    [[ "$output" == *"+ --jps"* ]]
}

@test "pages have the sections that each must have, and the name of their file" {
    for file in "$PAGES"/man[157]/*.scd; do
        name=$(basename "$file" .scd)
        [ "$(head -n1 "$file")" = "${name%.*}(${name##*.})" ] || { echo "$file: heading"; return 1; }
        for s in NAME DESCRIPTION "SEE ALSO"; do
            page "$file" | grep -qx "# $s" || { echo "$file: no $s"; return 1; }
        done
        case $name in *.1)
            for s in SYNOPSIS "EXIT STATUS"; do
                page "$file" | grep -qx "# $s" || { echo "$file: no $s"; return 1; }
            done
        esac
    done
}

@test "what pages refer to is there" {
    local rc=0
    for file in "$PAGES"/man[157]/*.scd; do
        for ref in $(page "$file" | grep -oE '\*flux[a-z-]*\*\([0-9]\)' | sort -u); do
            name=$(echo "$ref" | sed -E 's/\*([a-z-]*)\*\((.)\)/\1.\2/')
            [ -f "$PAGES/man${name##*.}/$name.scd" ] || { echo "$(basename "$file"): $name"; rc=1; }
        done
    done
    return $rc
}

@test "each attribute of a broker is in flux-broker-attributes(7)" {
    start_flux 2 flux lsattr >names
    [ "$(wc -l <names)" -gt 30 ]
    page "$PAGES/man7/flux-broker-attributes.7.scd" | tr -d '\\' >page.txt
    for name in $(cat names); do
        grep -qF "*$name*" page.txt || { echo "$name"; return 1; }
    done
}

@test "the broker takes each attribute that the page calls settable, and no other" {
    local rc=0 n=0
    page "$PAGES/man7/flux-broker-attributes.7.scd" | tr -d '\\' \
        | awk '/^(\*[a-z0-9._-]+\*(, )?)+( \[[a-z]+\])?$/ {
                   mark = $NF ~ /^\[/ ? $NF : ""
                   gsub (/[*,]/, "")
                   for (i = 1; i <= NF; i++)
                       if ($i !~ /^\[/)
                           print $i, mark }' >attrs
    while read -r name marks; do
        n=$((n + 1))
        timeout 20 flux broker -S"$name=nonsense" --help >out 2>&1 || true
        case $marks in
        "[informs]") grep -q "may not be set" out || { echo "$name: settable"; rc=1; } ;;
        *) grep -q "Usage:" out || { echo "$name: $(cat out)"; rc=1; } ;;
        esac
    done <attrs
    [ $n -gt 40 ]
    return $rc
}

@test "the scripts of flux-shell-initrc(5) run, and it has each function that scripts may call" {
    page "$PAGES/man5/flux-shell-initrc.5.scd" >page
    awk '/^# / { example = $0 == "# EXAMPLES" }
        example && /^```$/ { if (on = !on) n++; next } on { print >n ".lua" }' page
    cat >all.lua <<'END'
local function fields (name, t)
    for k, v in pairs (t) do
        if type (v) == "function" then shell.log (name .. "." .. k) end
    end
end
fields ("shell", shell); fields ("plugin", plugin); fields ("coprocess", coprocess)
plugin.register { name = "names", handlers = { { topic = "task.init", fn = function () fields ("task", task) end } } }
END
    run start_flux 1 sh -c 'flux run -o initrc=1.lua -o userrc=2.lua sh -c "echo rank \$MY_RANK on \$MY_CORES; kill -9 \$\$"
        flux run -o userrc=all.lua true 2>&1 | sed -n "s/.*: \([a-z]*\.[a-z_]*\)$/\1/p" >names'
    echo "$output"
    [[ "$output" == *"rank 0 on "[0-9]* && "$output" == *"task 0: signal 9"* ]]
    [ "$(wc -l <names)" -gt 15 ]
    for name in $(cat names); do grep -q "^\*$name\*" page || grep -q ", \*$name\* (" page || { echo "$name"; return 1; }; done
}

@test "the examples of configuration are TOML, and an instance takes them" {
    local n=0
    for file in "$PAGES"/man5/flux-config*.scd; do
        page "$file" | awk '/^# / { example = $0 == "# EXAMPLE" }
            example && /^```$/ { on = !on; next } on' >"$(basename "$file" .5.scd).toml"
    done
    for t in *.toml; do
        [ -s "$t" ] || { echo "$t: no example"; return 1; }
        n=$((n + 1))
        run flux config get -c "$t"
        [ "$status" -eq 0 ] || { echo "$t: $output"; return 1; }
        # its hosts are others than this one
        case $t in *-bootstrap.toml) method=single ;; *) method= ;; esac
        run start_flux 1 --config-path="$t" ${method:+-Sbroker.boot-method=$method} true
        [ "$status" -eq 0 ] || { echo "$t: $output"; return 1; }
    done
    [ $n -gt 8 ]
}

@test "examples print the errors that pages show" {
    cat >run.sh <<'RUN'
while IFS='	' read -r page cmd want; do
    got=$(timeout 20 bash -c "$cmd" 2>&1 </dev/null)
    [ -z "$want" ] && continue
    echo "$page: $cmd"
    case $got in
    *"$want"*) ;;
    *) printf 'WRONG %s: %s\nwant: %s\ngot: %s\n' "$page" "$cmd" "$want" "$got" ;;
    esac
done <examples
RUN
    for file in "$PAGES"/man1/*.1.scd; do
        page "$file" | awk -v page="$(basename "$file" .1.scd)" '
            /^# / { example = $0 == "# EXAMPLES" }
            !example { next }
            /^\$ flux / {
                if (cmd != "") print page "\t" cmd "\t"
                cmd = substr ($0, 3)
                if (/flux (start|broker|batch|alloc|proxy|uri|help)|--bcc/) cmd = ""
                next
            }
            /^flux[a-z-]*: (ERROR|setattr)/ && cmd != "" { print page "\t" cmd "\t" $0; cmd = "" }
            END { if (cmd != "") print page "\t" cmd "\t" }'
    done >examples
    run start_fake 2 2 bash run.sh
    echo "$output"
    [[ "$output" != *WRONG* ]]
    [ "$(grep -c '^flux' <<<"$output")" -gt 14 ]
}

@test "--requires: host, rank, properties, not" {
    run start_flux 2 sh -c '
        flux run --requires=rank:1 flux getattr rank
        flux run --requires="not rank:1" flux getattr rank
        flux run --requires="host:$(hostname) -rank:0" flux getattr rank
        flux run --requires=a,b true'
    echo "$output"
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = 0 ]
    [ "${lines[2]}" = 1 ]
    [[ "${lines[3]}" == *"unsatisfiable"* ]]
}

# named_in PAGE: those words of standard input that the page does not have in bold
# or underlined
missing_in() {
    page "$1" | tr -d '\\' >page.txt
    while read -r word; do
        grep -qE "[*_]$(sed 's/[.]/[.]/g' <<<"$word")[*_]" page.txt || echo "$word"
    done
}

sources() {
    find "$FLUX_TOP/src" -name '*.c' ! -name 'test_*' ! -path '*/graph/*' "$@"
}

@test "each environment variable that is read is in flux-environment(7)" {
    sources -exec grep -hoE '\bgetenv \("[A-Z0-9_]+"\)' {} + \
        | sed -E 's/.*"(.*)".*/\1/' | sort -u >names
    [ "$(wc -l <names)" -gt 30 ]
    run missing_in "$PAGES/man7/flux-environment.7.scd" <names
    echo "$output"
    [ -z "$output" ]
}

@test "each option that the shell reads is in flux-shell-options(7)" {
    grep -hoE 'shell_option \([a-z>-]+, "[a-z.-]+"\)' "$FLUX_TOP"/src/shell/*.c \
        | sed -E 's/.*"(.*)".*/\1/' | grep -vx per-resource | sort -u >names
    [ "$(wc -l <names)" -gt 15 ]
    run missing_in "$PAGES/man7/flux-shell-options.7.scd" <names
    echo "$output"
    [ -z "$output" ]
}

@test "each call of plugins is in flux-shell-plugins(7) and flux-jobtap-plugins(7)" {
    grep -hoE '"(shell|task)\.[a-z-]+"' "$FLUX_TOP"/src/shell/*.c | tr -d '"' | sort -u >shell
    grep -hoE '"job\.[a-z-]+(\.get)?"|"(conf\.update|plugin\.query)"' \
        $(ls "$FLUX_TOP"/src/modules/job/*.c | grep -v /test_) | tr -d '"' | grep -vx 'job.h' | sort -u >jobtap
    [ "$(wc -l <shell)" -gt 9 ]
    [ "$(wc -l <jobtap)" -gt 5 ]
    run missing_in "$PAGES/man7/flux-shell-plugins.7.scd" <shell
    echo "$output"
    [ -z "$output" ]
    run missing_in "$PAGES/man7/flux-jobtap-plugins.7.scd" <jobtap
    echo "$output"
    [ -z "$output" ]
}
