/* fuzz_eventlog.c - eventlogs, and the job state machine fed with their events
 */
#include <stddef.h>
#include <stdint.h>

#include "spec/eventlog.h"
#include "spec/jobstate.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err;
    json_t *log = eventlog_decode ((const char *)data, size, &err);
    struct jobstate js;
    size_t index;
    json_t *entry;

    if (!log)
        return 0;
    free (eventlog_encode (log));
    jobstate_init (&js);
    json_array_foreach (log, index, entry) {
        double timestamp;
        const char *name;
        const json_t *context;

        if (eventlog_entry_parse (entry, &timestamp, &name, &context) < 0)
            abort ();
        jobstate_apply (&js, timestamp, name, context, &err);
        if (!jobstate_name (js.state) || js.prolog_count < 0 || js.epilog_count < 0
            || js.dependency_count < 0)
            abort ();
    }
    json_decref (log);
    return 0;
}
