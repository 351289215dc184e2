#!/bin/bash
# A batch script that batches itself, to the depth given as its argument.
#
#   flux batch -n1 ./nested_batch.sh 3
#
# Each level is a whole Flux instance.  Level 1 prints the path of job ids that
# leads to it and stops.
depth=${1:-3}
echo "level $(flux getattr instance-level): depth $depth left"
if [ "$depth" -gt 1 ]; then
    flux batch -n1 --wait --output="nested-$((depth - 1)).out" \
        "$(readlink -f "$0")" $((depth - 1)) || exit
    flux queue drain
    cat "nested-$((depth - 1)).out"
else
    flux run -n1 echo "innermost instance runs a job"
fi
