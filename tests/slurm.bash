# slurm.bash - a Slurm of two nodes, both of them this machine
#
# slurm_start DIR: munged, one slurmctld and two slurmd ("n1", "n2") that listen on
# loopback only and keep all they write in DIR.  Sets SLURM_CONF.
# slurm_stop: end what was started.
