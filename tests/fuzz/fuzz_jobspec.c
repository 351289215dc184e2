/* fuzz_jobspec.c - jobspec and shape decoders against any bytes
 */
#include <stddef.h>
#include <stdint.h>

#include "spec/jobenv.h"
#include "spec/jobspec.h"
#include "spec/shape.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void find_env (const char *text)
{
    struct env_span e = env_find (text);
    size_t len = strlen (text);

    if (e.start > e.end || e.end > len || e.val > e.val_end || e.val_end > len)
        abort ();
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err;
    struct jobspec *js = jobspec_decode ((const char *)data, size, &err);
    char *s = strndup ((const char *)data, size);

    if (js) {
        (void)jobspec_ntasks (js);
        if (!jobspec_command (js) || !jobspec_name (js) || !jobspec_slot_label (js))
            abort ();
    }
    jobspec_unref (js);
    if (s) {
        find_env (s);
        json_decref (shape_parse (s, &err));
    }
    free (s);
    return 0;
}
