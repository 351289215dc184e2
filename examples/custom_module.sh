#!/bin/bash
# A batch script that makes its own instance its own: it loads a broker module,
# changes a parameter of a loaded one, and drains and undrains a resource.
#
#   cc -shared -fPIC -o mymod.so mymod.c $(pkg-config --cflags --libs flux-core)
#   flux batch -n1 ./custom_module.sh
set -e
flux module load ./mymod.so greeting=hello
flux module list | grep mymod
flux ping --count=1 mymod
flux module reload sched-fluxion-qmanager queue-policy=easy
flux resource list
flux resource drain 0 "trying it out"
flux resource status
flux resource drain
flux resource undrain 0
flux run -n1 echo "a job runs after undrain"
flux module remove mymod
