# flux queue

load common

queues_config() {
    cat >q.toml <<'CONF'
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-2]"
cores = "0-3"
properties = ["batch"]
[[resource.config]]
hosts = "node3"
cores = "0-3"
properties = ["debug"]
[queues.batch]
requires = ["batch"]
policy.limits.duration = "8h"
policy.limits.job-size.max.nnodes = 2
policy.limits.job-size.min.ncores = 2
[queues.debug]
requires = ["debug"]
[queues.fast]
parent = "batch"
policy.limits.duration = "1h"
[policy.jobspec.defaults.system]
queue = "batch"
duration = "30m"
CONF
}

start_queues() {
    queues_config
    start_flux 4 --test-hosts="node[0-3]" --config-path=q.toml "$@"
}

@test "the anonymous queue: status, disable, enable, stop, start" {
    run start_flux 1 sh -c '
        flux queue status
        flux queue disable -m maintenance
        flux submit true; echo $?
        flux queue enable
        flux queue stop -m later; flux queue stop --quiet; flux queue status
        flux queue start -v'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "Job submission is enabled" ]
    [ "${lines[1]}" = "Scheduling is started" ]
    [ "${lines[2]}" = "Job submission is disabled: maintenance" ]
    [[ "${lines[3]}" == *"job submission is disabled: maintenance"* ]]
    [ "${lines[4]}" = 1 ]
    [ "${lines[5]}" = "Job submission is enabled" ]
    [ "${lines[6]}" = "Scheduling is stopped: later" ]
    [ "${lines[8]}" = "Scheduling is stopped" ]
    [ "${lines[9]}" = "Scheduling is started" ]
    [ "${lines[10]}" = "0 alloc requests queued" ]
    [ "${lines[13]}" = "0 running jobs" ]
}

@test "named queues: one, or all with --all, but not by omission" {
    run start_queues sh -c '
        flux queue start --quiet --all; flux queue status debug
        flux queue stop; echo $?
        flux queue stop --all
        flux queue start -q debug
        flux queue start fast
        flux queue stop nosuch; echo $?
        flux queue stop debug --all; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "debug: Job submission is enabled" ]
    [ "${lines[1]}" = "debug: Scheduling is started" ]
    [[ "${lines[2]}" == *"named queues are configured: name one, or use --all"* ]]
    [ "${lines[3]}" = 1 ]
    [ "${lines[4]}" = "batch: Scheduling is stopped" ]
    [ "${lines[5]}" = "debug: Scheduling is stopped" ]
    [ "${lines[7]}" = "debug: Scheduling is started" ]
    [[ "${lines[8]}" == "fast: Scheduling is stopped: parent queue 'batch' is stopped" ]]
    [[ "${lines[9]}" == *"there is no queue nosuch"* ]]
    [ "${lines[10]}" = 1 ]
    [[ "${lines[11]}" == *"exclude each other"* ]]
    [ "${lines[12]}" = 1 ]
}

@test "named queues are enabled and stopped until someone starts them" {
    run start_queues sh -c '
        flux queue status debug; id=$(flux submit -q debug true)
        flux queue list -no "{queue}|{scheduling}"
        flux queue start --quiet debug; flux job attach $id && echo ran'
    echo "$output"
    [ "${lines[*]}" = "debug: Job submission is enabled debug: Scheduling is stopped batch*|stopped debug|stopped fast|stopped ran" ] || [ "${lines[2]}" = "batch|stopped" ]
    [ "${lines[5]}" = ran ]
}

@test "list: defaults, limits, resources, a virtual queue's parent" {
    run start_queues sh -c '
        flux queue start --quiet --all; flux queue list
        flux queue stop --quiet batch
        flux queue list -q fast,debug -no "{queue}|{scheduling}|{started.ascii}|{enabled.ascii}"
        flux queue list -q batch -no "{limits.range.nnodes} {limits.range.ncores} {limits.max.ngpus}"
        flux queue list -no "{queuem} {resources.all.nnodes} {resources.free.ncores}"
        flux queue list -q nosuch'
    echo "$output"
    [ "${lines[0]}" = "QUEUE    PARENT   EN ST TDEFAULT   TLIMIT     NNODES     NCORES      NGPUS" ]
    [ "${lines[1]}" = "batch*             ✔  ✔      30m       8h        0-2       2-12        0-0" ]
    [ "${lines[2]}" = "debug              ✔  ✔      30m      inf        0-1        0-4        0-0" ]
    [ "${lines[3]}" = "fast     batch     ✔  ✔      30m       1h        0-2       2-12        0-0" ]
    [ "${lines[4]}" = "fast|stopped (parent)|p|y" ]
    [ "${lines[5]}" = "debug|started|y|y" ]
    [ "${lines[6]}" = "0-2 2-inf inf" ]
    [ "${lines[7]}" = "batch* 3 12" ]
    [ "${lines[8]}" = "debug 1 4" ]
    [ "$status" -eq 1 ]
    [[ "${lines[10]}" == *"--queue=nosuch: there is no such queue"* ]]
}

@test "jobs of a virtual queue are listed with its parent's; by its own name they alone" {
    run start_queues sh -c '
        flux queue start --quiet --all
        flux submit -n2 --quiet --urgency=hold --job-name=b true
        flux submit -n2 --quiet --urgency=hold --job-name=f -q fast true
        flux submit --quiet --urgency=hold --job-name=d -q debug true
        flux jobs -q batch -no "{name}" | sort | xargs
        flux jobs -q fast -no "{name}" | xargs
        flux jobs -q debug,fast -no "{name}" | sort | xargs
        flux pgrep -q batch -no "{name}" . | sort | xargs'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "b f" ]
    [ "${lines[1]}" = f ]
    [ "${lines[2]}" = "d f" ]
    [ "${lines[3]}" = "b f" ]
}

@test "drain waits until the last job has ended, idle until none runs" {
    run start_flux 1 sh -c '
        flux queue drain; echo $?
        flux submit --quiet --urgency=hold true
        flux queue idle; echo $?
        flux queue drain --timeout=0.1s; echo $?
        flux cancel --all --quiet 2>/dev/null || flux cancel $(flux jobs -no {id})
        flux queue drain; echo $?
        flux queue drain --timeout=x; echo $?'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0 ]
    [[ "${lines[2]}" == *"the queues are not empty after 0.1s"* ]]
    [ "${lines[3]}" = 1 ]
    [ "${lines[4]}" = 0 ]
    [[ "${lines[5]}" == *"--timeout=x: want a duration"* ]]
    [ "${lines[6]}" = 1 ]
}

@test "drain of jobs that run" {
    run start_flux 1 sh -c '
        flux submit --quiet --cc=1-3 sleep 0.2
        flux queue drain && flux jobs -ano "{result}"'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[0]}" = COMPLETED ]
}
