# each key of the pages of section 5 is taken; a table with another key is refused

load common

bats_require_minimum_version 1.5.0

@test "an instance takes a configuration with each documented key" {
    echo '{"version":1}' >scheduling.json
    cat >all.toml <<CONF
[access]
allow-guest-user = true
allow-root-owner = true
message-max = 2000000000
private-mode = true
roles.admin.users = []
roles.admin.groups = []
[exec]
service = "rexec"
method = "bulk-exec"
shell-exit-timeout = "30s"
kill-timeout = "5s"
max-kill-count = 8
max-kill-timeout = "30m"
term-signal = "SIGTERM"
kill-signal = "SIGKILL"
barrier-timeout = "30m"
reconnect-timeout = "30s"
max-start-delay-percent = 25
testexec.allow-guests = false
sdexec-stop-timer-sec = 30
[heartbeat]
period = "2s"
timeout = "5m"
warn_thresh = 3
[ingest]
batch-count = 0
buffer-size = "10M"
frobnicator = { disable = false, plugins = ["defaults", "constraints"], args = [] }
validator = { disable = false, plugins = ["jobspec", "feasibility"], args = ["--require-version=any"] }
[job-manager]
journal-size-limit = 10000
inactive-age-limit = "7d"
inactive-num-limit = 10000
stop-queues-on-restart = false
plugins = [ { load = "perilog.so" } ]
housekeeping = { command = ["true"], release-after = "30s", exit-on-first-error = false }
prolog = { command = ["true"], per-rank = true, timeout = "1m", kill-timeout = 60.0, cancel-on-exception = true, exit-on-first-error = false }
epilog = { command = ["true"], per-rank = true, timeout = "0", kill-timeout = 60.0, cancel-on-exception = false, exit-on-first-error = false }
perilog.log-ignore = ["x"]
[kvs]
checkpoint-period = "30m"
gc-threshold = 100000
[policy]
jobspec.defaults.system.duration = "1h"
jobspec.defaults.system.queue = "q"
limits.duration = "4h"
limits.job-size.max = { nnodes = 8, ncores = 8, ngpus = -1 }
limits.job-size.min = { nnodes = -1, ncores = -1, ngpus = -1 }
[queues.q]
requires = ["p"]
policy.limits.duration = "2h"
[queues.v]
parent = "q"
[resource]
exclude = ""
norestrict = false
noverify = false
rediscover = false
journal-max = 1000
history = "30d"
verify = { default = "ignore", hostname = "ignore", core = "ignore", gpu = "ignore" }
[[resource.config]]
hosts = "node[0-1]"
cores = "0-1"
properties = ["p"]
[systemd]
enable = false
sdbus-debug = false
sdexec-debug = false
[tbon]
topo = "kary:2"
torpid_min = "5s"
torpid_max = "30s"
tcp_user_timeout = "20s"
connect_timeout = "30s"
zmqdebug = 0
zmq_io_threads = 1
child_rcvhwm = 0
interface-hint = "default-route"
CONF
    # housekeeping may be too late for the end of the instance, which is told on stderr
    run --separate-stderr timeout 60 flux start --test-size=2 --test-hosts="node[0-1]" --config-path=all.toml \
        bash -c 'flux queue start --all --quiet; flux run -q v -N2 true; echo $?; flux config get | flux config load; echo $?'
    echo "$output"
    [ "$output" = "0
0" ]
}

@test "a key that is not of the table is refused by its name" {
    run start_flux 1 bash -c '
        for t in access exec heartbeat ingest ingest.validator ingest.frobnicator kvs policy queues.q resource \
                 systemd tbon job-manager.housekeeping; do
            printf "[%s]\nnosuch = 1\n" $t | flux config load >out 2>&1 && echo "$t: accepted"
            grep -q nosuch out || { echo "$t:"; cat out; }
        done'
    echo "$output"
    [ -z "$output" ]
}

@test "a value of the wrong type is refused with its key, and what is wanted" {
    run start_flux 1 bash -c '
        while read -r line; do
            flux config load <<<"$line" 2>&1 | sed "s/.*: \([a-z-]*[.][a-z._-]*: \)/\1/"
        done <<END
access.allow-guest-user = 1
access.message-max = "1M"
access.roles.admin = []
heartbeat.period = 2
heartbeat.warn_thresh = "3"
ingest.batch-count = "3"
ingest.validator.disable = 1
ingest.validator.require-instance.minnodes = "x"
kvs.checkpoint-period = 30
systemd.enable = "no"
exec.testexec.allow-guests = 1
job-manager.housekeeping.release-after = 5
END'
    echo "$output"
    [ "$output" = "access.allow-guest-user: want true or false
access.message-max: want an integer
access.roles.admin: want a table
heartbeat.period: want a string
heartbeat.warn_thresh: want an integer
ingest.batch-count: want an integer
ingest.validator.disable: want true or false
ingest.validator.require-instance.minnodes: want an integer
kvs.checkpoint-period: want a string
systemd.enable: want true or false
exec.testexec.allow-guests: want true or false
job-manager.housekeeping.release-after: want a string" ]
}

@test "a key of the table job-manager that is not known is named in the log" {
    run start_flux 1 --conf=job-manager.inactive-age-limt='"1d"' --conf=job-manager.mine=1 \
        --conf=job-manager.journal-size-limit=10 --conf=job-manager.perilog='{}' flux dmesg
    echo "$output"
    [ "$(grep -c 'job-manager.warning' <<<"$output")" -eq 3 ]
    [[ "$output" == *"job-manager.inactive-age-limt has no effect, unless a jobtap plugin reads it: is 'inactive-age-limit' meant?"* ]]
    [[ "$output" == *"job-manager.mine has no effect, unless a jobtap plugin reads it"* ]]
    [[ "$output" == *"journal-size-limit has no effect"* ]]
}

@test "a table that is misspelt is named in the log" {
    run start_flux 1 --conf=resuorce.noverify=true --conf=mine.a=1 sh -c '
        flux dmesg | grep warning; echo "job-manger.x = 1" | flux config load; flux dmesg | grep job-manger'
    echo "$output"
    [[ "${lines[0]}" == *"configuration: the table resuorce is of no service of Flux: is 'resource' meant?" ]]
    [[ "${lines[1]}" == *"configuration: the table job-manger is of no service of Flux: is 'job-manager' meant?" ]]
    [ "${#lines[@]}" -eq 2 ]
}
