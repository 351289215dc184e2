/* names.c - which queue schedules a job (RFC 33)
 */
#include <stdlib.h>
#include <string.h>

#include "modules/sched-fluxion/qmanager_private.h"

static int add (struct hash *names, const char *queue, const char *real)
{
    char *s = strdup (real);

    if (s && hash_set (names, queue, s) == 0)
        return 0;
    free (s);
    return -1;
}

struct hash *names_new (const json_t *queues)
{
    struct hash *names = hash_new (free);
    int rc = names ? 0 : -1;
    const char *key, *parent;
    json_t *o;

    if (rc == 0 && json_object_size (queues) == 0)
        rc = add (names, QMANAGER_DEFAULT, QMANAGER_DEFAULT);
    json_object_foreach ((json_t *)queues, key, o) {
        parent = json_string_value (json_object_get (o, "parent"));
        if (rc == 0)
            rc = add (names, key, parent ? parent : key);
    }
    if (rc < 0) {
        hash_free (names);
        return NULL;
    }
    return names;
}
