/* fuzz_record.c - the line of a finished job: what is accepted is written again alike */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "modules/job/record.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct jobtab *t = jobtab_create ();
    struct buf first = BUF_INIT, second = BUF_INIT;
    flux_error_t err;
    struct job *job;

    FUZZ_CHECK (t);
    if (record_decode (t, (const char *)data, size, &job, &err) == 0) {
        FUZZ_CHECK (t->ninactive == 1 && jobtab_get (t, job->id) == job);
        FUZZ_CHECK (record_encode (job, &first) == 0);
        FUZZ_CHECK (record_decode (t, first.data, first.len, &job, &err) == -EEXIST);
        jobtab_remove (t, job);
        FUZZ_CHECK (record_decode (t, first.data, first.len, &job, &err) == 0);
        FUZZ_CHECK (record_encode (job, &second) == 0);
        FUZZ_CHECK (!strcmp (first.data, second.data));
    }
    else
        FUZZ_CHECK (!list_first (&t->order) && t->ninactive == 0);
    buf_release (&first);
    buf_release (&second);
    jobtab_destroy (t);
    return 0;
}
