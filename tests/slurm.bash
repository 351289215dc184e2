# slurm.bash - a Slurm of two nodes, both of them this machine
#
# slurm_start DIR: munged, slurmctld and two slurmd ("n1", "n2") that keep all they
# write in DIR and listen on this machine's loopback address.  Exports SLURM_CONF.
# SLURM_MPIBIND is set to "--mpibind=off" if srun has that option, of a plugin that is
# built where libslurm-dev is installed.
# slurm_stop DIR: cancel what runs, and end them.

# slurm_conf DIR PORT
slurm_conf() {
    local dir=$1 port=$2 me
    me=$(id -un)
    cat <<CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MailProg=/bin/true
ReturnToService=2
SlurmctldPort=$port
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd-%n
SlurmdSpoolDir=$dir/spool/%n
StateSaveLocation=$dir/state
PlugStackConfig=$dir/plugstack.conf
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
KillWait=2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 State=UNKNOWN
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP
CONF
}

# slurm_plugin DIR: srun --mpibind
slurm_plugin() {
    export SLURM_MPIBIND=
    : >"$1/plugstack.conf"
    command -v cc >/dev/null && [ -f /usr/include/slurm/spank.h ] || return 0
    cc -shared -fPIC -Wall -Werror -o "$1/mpibind.so" "$FLUX_TOP/tests/spankmpibind.c"
    echo "required $1/mpibind.so" >"$1/plugstack.conf"
    SLURM_MPIBIND=--mpibind=off
}

# slurm_daemon DIR COMMAND...: run it in a session of its own, and remember its pid
slurm_daemon() {
    local dir=$1
    shift
    setsid "$@" >>"$dir/log/out" 2>&1 3>&- </dev/null &
    echo $! >>"$dir/pids"
}

slurm_is_idle() {
    [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -eq 2 ]
}

slurm_start() {
    local dir=$1 port=$((20000 + RANDOM % 10000)) n
    mkdir -p "$dir"/{munge,state,log,spool/n1,spool/n2}
    chmod 711 "$dir" "$dir/munge"
    head -c 1024 /dev/urandom >"$dir/munge/key"
    chmod 400 "$dir/munge/key"
    slurm_conf "$dir" $port >"$dir/slurm.conf"
    export SLURM_CONF=$dir/slurm.conf
    slurm_plugin "$dir"
    slurm_daemon "$dir" munged -F --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
        --log-file="$dir/munge/log" --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed"
    wait_until 20 test -S "$dir/munge/socket"
    slurm_daemon "$dir" slurmctld -D -f "$SLURM_CONF"
    for n in n1 n2; do
        slurm_daemon "$dir" slurmd -D -N $n -f "$SLURM_CONF"
    done
    wait_until 30 slurm_is_idle || { tail -n 40 "$dir/log/out"; return 1; }
}

slurm_stop() {
    local dir=$1 pid
    [ -f "$dir/pids" ] || return 0
    scancel -Q --user="$(id -un)" || true
    wait_until 20 slurm_is_idle || true
    # the last that was started is the first to end
    for pid in $(tac "$dir/pids"); do
        kill "$pid" 2>/dev/null || true
        wait_until 10 eval "! kill -0 $pid 2>/dev/null" || kill -KILL "$pid" || true
    done
}
