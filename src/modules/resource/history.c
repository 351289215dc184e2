/* history.c - dropping old entries of the resource eventlog
 */
#include <errno.h>
#include <string.h>

#include <flux/idset.h>

#include "modules/resource/drain.h"
#include "modules/resource/history.h"
#include "modules/resource/hostmap.h"
#include "spec/eventlog.h"

/* One event for ranks drained together. */
static json_t *drain_event (const char *ids, const json_t *info,
                            const struct hostmap *m)
{
    double timestamp = json_number_value (json_object_get (info, "timestamp"));
    const char *reason = json_string_value (json_object_get (info, "reason"));
    struct idset *ranks = idset_decode (ids);
    char *hosts = ranks ? hostmap_hosts (m, ranks) : NULL;
    json_t *context = NULL, *entry = NULL;

    if (hosts)
        context = json_pack ("{s:s s:s s:i}", "idset", ids, "nodelist", hosts,
                             "overwrite", DRAIN_KEEP);
    if (context
        && (!reason || !reason[0]
            || json_object_set_new (context, "reason", json_string (reason)) == 0))
        entry = eventlog_entry_create (timestamp, "drain", context);
    json_decref (context);
    free (hosts);
    idset_destroy (ranks);
    return entry;
}

static int add_drained (json_t *log, const struct drain *d, const struct hostmap *m)
{
    json_t *drained = drain_to_json (d);
    const char *ids;
    json_t *info;
    int rc = drained ? 0 : -ENOMEM;

    json_object_foreach (drained, ids, info) {
        if (rc == 0 && json_array_append_new (log, drain_event (ids, info, m)) < 0)
            rc = -ENOMEM;
    }
    json_decref (drained);
    return rc;
}

/* The number of leading entries that are old enough. */
static size_t count_old (const json_t *entries, double cutoff)
{
    double timestamp;
    size_t n = 0;

    while (n < json_array_size (entries)
           && eventlog_entry_parse (json_array_get (entries, n), &timestamp, NULL,
                                    NULL) == 0
           && timestamp < cutoff)
        n++;
    return n;
}

int history_truncate (const json_t *entries, double cutoff,
                      const struct hostmap *m, json_t **out)
{
    size_t old = count_old (entries, cutoff);
    struct drain *d = drain_new ();
    json_t *log = json_array ();
    int rc = d && log ? 0 : -ENOMEM;

    for (size_t i = 0; i < old && rc == 0; i++) {
        if (drain_replay (d, json_array_get (entries, i), m) == -ENOMEM)
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = add_drained (log, d, m);
    drain_free (d);
    if (rc == 0 && json_array_size (log) >= old) {
        json_decref (log);
        *out = NULL;
        return 0;
    }
    for (size_t i = old; i < json_array_size (entries) && rc == 0; i++) {
        if (json_array_append (log, json_array_get (entries, i)) < 0)
            rc = -ENOMEM;
    }
    if (rc < 0) {
        json_decref (log);
        return rc;
    }
    *out = log;
    return 0;
}
