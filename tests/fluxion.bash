# What the tests of the graph scheduler share
#
#   sched NODES CORES SCRIPT [ARGS...]     run it under what is in fluxion.toml

export PATH="$FLUX_BUILD/tests:$PATH"

# Jobs that hold what they have until they are cancelled; sourced by the scripts
cat_helpers() {
    cat >helpers.sh <<'SH'
job() { flux submit --setattr=system.exec.test.run_duration=1000s "$@" true; }
state() { flux jobs -no '{state}' "$1"; }
# the job is told why it waits
waits() {
    local i
    for i in $(seq 400); do
        flux jobs -no '{sched.reason_pending}' "$1" | grep -q . && return 0
        command sleep 0.02
    done
    echo "job $1 was not told why it waits"
    return 1
}
starts() { flux job wait-event -t 20 "$1" alloc >/dev/null || echo "job $1 does not start"; }
# that many requests are with the scheduler
pending() {
    until [ "$(flux module stats --parse=pending_jobs sched-fluxion-qmanager)" = "$1" ]; do
        command sleep 0.02
    done
}
# set_duration JOB SECONDS
set_duration() {
    rpc job-manager.update "{\"id\":$(flux job id --to=dec $1),\"updates\":{\"attributes.system.duration\":$2}}"
}
# submit_json FILE: a jobspec as it stands
submit_json() {
    local J
    J="$(printf 'version\0i1\0userid\0i%s\0mechanism\0snone\0' "$(id -u)" | base64 -w0).$(base64 -w0 "$1").none"
    rpc job-ingest.submit "{\"J\":\"$J\",\"urgency\":16,\"flags\":0}" | jq .id
}
ranks() { flux job info "$1" R | jq -r '.execution.R_lite | map(.rank) | join(",")'; }
R_lite() { flux job info "$1" R | jq -c .execution.R_lite; }
SH
}

# sched NODES CORES SCRIPT [ARGS...]: run SCRIPT under the configuration in fluxion.toml
sched() {
    local n=$1 c=$2 script=$3
    shift 3
    cat_helpers
    [ -e fluxion.toml ] || : >fluxion.toml
    cat >>fluxion.toml <<CONF
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-$((n - 1))]"
cores = "0-$((c - 1))"
CONF
    printf '. ./helpers.sh\n%s\n' "$script" >script.sh
    run --separate-stderr timeout $((120 * TEST_SLOW)) flux start --test-size="$n" \
        --test-hosts="node[0-$((n - 1))]" -c fluxion.toml "$@" bash script.sh
    echo "$output"
    echo "$stderr"
    rm fluxion.toml
}

policy() {
    printf '[sched-fluxion-qmanager]\nqueue-policy = "%s"\n' "$1" >fluxion.toml
}
