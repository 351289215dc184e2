# common.bash - what the end-to-end tests share
#
# Each test runs in its own temporary folder, with the built flux first in PATH
# and no trace of an enclosing instance in the environment.

: "${FLUX_BUILD:=$BATS_TEST_DIRNAME/../build}"
FLUX_BUILD=$(cd "$FLUX_BUILD" && pwd)
FLUX_TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
export PATH="$FLUX_BUILD:$PATH"
export TMPDIR="${BATS_TEST_TMPDIR:-/tmp}"
export LC_ALL=C.UTF-8
unset FLUX_URI FLUX_KVS_NAMESPACE FLUX_JOB_ID FLUX_CONF_DIR FLUX_F58_FORCE_ASCII
unset PMI_FD PMI_RANK PMI_SIZE
: "${TEST_SLOW:=1}"     # times as long as usual may things take: an instrumented build

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# start_flux N ARGS...: run an instance of N brokers, bounded in time
start_flux() {
    local n=$1
    shift
    if [ "$n" -eq 1 ]; then
        timeout $((60 * TEST_SLOW)) flux start "$@"
    else
        timeout $((60 * TEST_SLOW)) flux start --test-size="$n" "$@"
    fi
}

# fake_config NODES CORES: write a configuration of that many nodes to fake.toml;
# use with --config-path=fake.toml --test-hosts="node[0-N]"
fake_config() {
    cat >fake.toml <<CONF
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-$(($1 - 1))]"
cores = "0-$(($2 - 1))"
CONF
}

# start_fake NODES CORES ARGS...: an instance of that shape
start_fake() {
    local n=$1 c=$2
    shift 2
    fake_config "$n" "$c"
    timeout $((120 * TEST_SLOW)) flux start --test-size="$n" --test-hosts="node[0-$((n - 1))]" \
        --config-path=fake.toml "$@"
}

# wait_until SECONDS COMMAND...: poll a condition that has no event to wait for
wait_until() {
    local end=$((SECONDS + $1 * TEST_SLOW))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        command sleep 0.05
    done
}

# left_over: processes that this test has started and that are not part of bats, and sockets
# in its folder; false if there is none
left_over() {
    local env pid found=1
    for env in $(grep -laz "^TMPDIR=$BATS_TEST_TMPDIR\$" /proc/[0-9]*/environ 2>/dev/null); do
        pid=${env#/proc/}
        pid=${pid%/environ}
        case $(readlink "/proc/$pid/exe") in
            "" | */bash | */grep | */tee | */sed | */awk | */env | */find) continue ;;
        esac
        echo "left: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        found=0
    done
    find "$BATS_TEST_TMPDIR" -type s | grep . && found=0
    return $found
}

# nothing_left: of what this test has started, within some seconds
nothing_left() {
    local end=$((SECONDS + 8 * TEST_SLOW))
    while left_over >"$BATS_TEST_TMPDIR/left.over"; do
        [ $SECONDS -lt $end ] || { cat "$BATS_TEST_TMPDIR/left.over"; return 1; }
        command sleep 0.05
    done
}

# need PROGRAM PACKAGE: skip the test where the program is not installed, but not in
# "make check-all", which is to miss nothing
need() {
    command -v "$1" >/dev/null && return
    [ -z "${FLUX_TEST_ALL:-}" ] || { echo "$1 is missing: install $2"; return 1; }
    skip "$1 is missing: install $2 (scripts/install-deps --all)"
}

# sanitized: the build is instrumented, so a program that is not cannot load its libraries
sanitized() {
    grep -q -e __asan_init -e __tsan_init "$FLUX_BUILD/flux-broker"
}

# sanitize_flags: what a program is to be compiled and linked with, that it can
sanitize_flags() {
    if grep -q __asan_init "$FLUX_BUILD/flux-broker"; then
        echo "-fsanitize=address,undefined"
    elif sanitized; then
        echo "-fsanitize=thread"
    fi
}
