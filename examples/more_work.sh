#!/bin/bash
# Submitting work across levels.
#
# Run inside an instance:  ./more_work.sh
#
# It starts a batch job that stays, submits work to it from outside (flux
# proxy), and has work submitted from inside to the parent (flux --parent).
set -e
job=$(flux batch -n1 --output=more_work.out --wrap \
    flux --parent submit --flags=waitable -n1 echo "submitted from inside to the parent" \; sleep inf)
flux job wait-event -t 30 "$job" memo >/dev/null
inner=$(flux proxy "$job" flux submit -n1 echo "submitted from outside")
flux proxy "$job" flux job attach "$inner"
flux cancel "$job"
