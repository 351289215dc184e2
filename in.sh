ID=$(flux submit --flags=waitable sleep 200); flux kvs put x=1; touch id; flux job status $ID >o 2>e; echo $? >r; mv r r2
