# job-ingest: what its configuration switches (flux-config-ingest(5))

load common

bats_require_minimum_version 1.5.0

@test "require-instance lets only instances of Flux through, from a size on" {
    run --separate-stderr start_flux 1 bash -c '
        conf() { printf "[ingest.validator]\nplugins = [\"jobspec\", \"require-instance\"]\n%s\n" "$1" | flux config load; }
        try() { "$@" >/dev/null; echo $?; }
        conf; try flux run true; try flux submit -n2 flux getattr size; try flux batch -n1 --wrap true
        try flux submit flux start true; try flux run --flags=novalidate true
        conf "args = [\"--require-instance-mincores=2\"]"; try flux run -n1 true; try flux run -n2 true
        conf "[ingest.validator.require-instance]
minnodes = 1"; try flux run -n2 true; try flux run -N1 true
        conf "disable = true"; try flux run -N1 true'
    echo "$output"; echo "$stderr"
    [ "$(tr '\n' ' ' <<<"$output")" = "1 1 0 0 0 0 1 0 1 0 " ]
    [[ "$stderr" == *"flux-run: ERROR: "*"Direct job submission is disabled for this instance. Please use the flux-batch(1) or flux-alloc(1) commands."* ]]
    [[ "$stderr" == *"Direct submission of jobs of this size is disabled"* ]]
}

@test "without the frobnicator plugins, defaults and what a queue requires are not added" {
    fake_config 2 2
    cat >>fake.toml <<'CONF'
[[resource.config]]
hosts = "node1"
properties = ["p"]
[queues.q]
requires = ["p"]
[policy.jobspec.defaults.system]
queue = "q"
duration = "1h"
CONF
    run timeout 60 flux start --test-size=2 --test-hosts="node[0-1]" --config-path=fake.toml bash -c '
        show() { flux job info $(flux job last) jobspec | jq -c ".attributes.system|[.queue,.duration,.constraints]"; }
        with() { (flux config get | jq -c ".ingest = {\"frobnicator\":$1}") >c.json; flux config load c.json; }
        flux submit true >/dev/null; show
        with "{\"plugins\":[\"defaults\"]}"; flux submit true >/dev/null; show
        with "{\"plugins\":[\"constraints\"]}"; flux submit -qq true >/dev/null; show
        with "{\"disable\":true}"; flux submit -qq true >/dev/null; show; flux submit true 2>/dev/null; echo $?'
    echo "$output"
    [ "$output" = '["q",3600,{"properties":["p"]}]
["q",3600,null]
["q",0,{"properties":["p"]}]
["q",0,null]
1' ]
}

@test "batch-count holds submissions until there are so many; buffer-size limits one" {
    run --separate-stderr start_flux 1 bash -c '
        printf "[ingest]\nbatch-count = 3\nbuffer-size = \"0.5M\"\n" | flux config load
        for i in 1 2; do flux submit true >id.$i & done
        until [ "$(flux module stats job-ingest | jq .batched)" = 2 ]; do sleep 0.05; done
        flux jobs -an | wc -l; flux submit true >/dev/null; wait; flux jobs -an | wc -l
        flux submit true >/dev/null & until [ "$(flux module stats job-ingest | jq .batched)" = 1 ]; do sleep 0.05; done
        printf "[ingest]\nbuffer-size = \"10k\"\n" | flux config load; wait; flux jobs -an | wc -l
        flux submit --env=A=$(head -c 20000 /dev/zero | tr "\0" x) true'
    echo "$output"; echo "$stderr"
    [ "$output" = "0
3
4" ]
    [[ "$stderr" == *"more than ingest.buffer-size"* ]]
}

@test "what the table cannot have is refused with its key and what there is" {
    run start_flux 1 bash -c '
        while read -r key conf; do
            printf "[ingest]\n%b\n" "$conf" | flux config load >out 2>&1 && echo "$conf: accepted"
            grep -q "ingest.$key" out || { echo "$conf:"; cat out; }
        done <<CONF
batch-count batch-count = -1
buffer-size buffer-size = "10X"
buffer-size buffer-size = "-1"
frobnicator frobnicator.nosuch = 1
frobnicator.plugins frobnicator.plugins = ["mine"]
frobnicator.args frobnicator.args = ["--x"]
validator.plugins validator.plugins = ["mine"]
validator.plugins validator.plugins = "jobspec"
validator.args validator.args = ["--nosuch=1"]
validator.args validator.args = ["--require-instance-minnodes"]
validator.args validator.args = ["--require-version=0"]
validator.require-instance validator.require-instance.minnodes = -1
validator.require-instance validator.require-instance.nosuch = 1
CONF
        printf "[ingest]\nvalidator.args = [\"--require-version\", \"1\"]\nvalidator.plugins = [\"schema\"]\n" | flux config load
        flux run true; echo $?; echo "nosuch = 1" | sed "1i[ingest]" | flux config load 2>&1'
    echo "$output"
    [[ "$output" == "0
"*"ingest.nosuch: unknown key"* ]]
}
