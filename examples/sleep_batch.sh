#!/bin/bash
echo "Starting my batch job"
echo "Print the resources allocated to this batch job"
flux resource info
echo "Use sleep to emulate a parallel program"
echo "Run the program at a total of 4 processes each requiring"
echo "1 core. These processes are equally spread across 2 nodes."
flux run -N 2 -n 4 sleep 2
flux run -N 2 -n 4 sleep 2
