#!/bin/bash
# Submitting work across levels.
#
# Run inside an instance:  ./more_work.sh
#
# It starts a batch job that stays, has work submitted from inside to the parent
# (flux --parent), submits work to it from outside (flux proxy), and ends it.
set -e
job=$(flux batch -n1 --output=more_work.out --wrap \
    'flux --parent submit --flags=waitable -n1 echo from inside; sleep inf')
flux job wait-event -t 30 "$job" memo >/dev/null
flux proxy "$job" flux run -n1 echo "submitted from outside"
flux proxy "$job" flux getattr jobid-path
while ! flux jobs -a --no-header -o '{name}' | grep -q echo; do :; done
flux cancel "$job"
flux job wait-event -t 30 "$job" clean >/dev/null
