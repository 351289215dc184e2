/* checkpoint.c - see checkpoint.h
 */
#include <errno.h>
#include <time.h>

#include "cmd/checkpoint.h"
#include "cmd/cmd.h"

json_t *checkpoints_get (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "content.checkpoint-get", NULL, 0, 0);
    json_t *list;

    cmd_check (f, "checkpoint");
    if (flux_rpc_get_unpack (f, "{s:o}", "value", &list) < 0 || !json_is_array (list))
        cmd_die (1, "checkpoint: malformed answer of the content service");
    json_incref (list);
    flux_future_destroy (f);
    return list;
}

static json_int_t latest_sequence (flux_t *h)
{
    json_t *list = checkpoints_get (h);
    json_int_t seq = json_integer_value (json_object_get (json_array_get (list, 0), "sequence"));

    json_decref (list);
    return seq;
}

void checkpoint_put (flux_t *h, const char *rootref)
{
    json_int_t seq = latest_sequence (h) + 1;
    struct timespec ts;
    flux_future_t *f;

    clock_gettime (CLOCK_REALTIME, &ts);
    f = flux_rpc_pack (h, "content.checkpoint-put", 0, 0, "{s:{s:i s:s s:I s:f}}", "value",
                       "version", 1, "rootref", rootref, "sequence", seq, "timestamp",
                       ts.tv_sec + 1e-9 * ts.tv_nsec);
    cmd_check (f, "checkpoint");
    flux_future_destroy (f);
}
