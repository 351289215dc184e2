/* update.c - what has happened to the shells of a job
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "modules/exec/update.h"

void update_clear (struct update *u)
{
    idset_destroy (u->started);
    idset_destroy (u->lost);
    for (size_t i = 0; i < u->nexits; i++)
        idset_destroy (u->exits[i].ranks);
    free (u->exits);
    json_decref (u->failed);
    json_decref (u->log);
    json_decref (u->barrier);
    memset (u, 0, sizeof (*u));
}

bool update_empty (const struct update *u)
{
    return !u->started && !u->lost && u->nexits == 0
           && !u->failed && !u->log && !u->barrier;
}

static int add_ranks (struct idset **idsp, const struct idset *ranks)
{
    if (!*idsp)
        return (*idsp = idset_copy (ranks)) ? 0 : -ENOMEM;
    return idset_add (*idsp, ranks) < 0 ? -ENOMEM : 0;
}

struct idset *update_rank (uint32_t rank)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    if (ids && idset_set (ids, rank) < 0) {
        idset_destroy (ids);
        return NULL;
    }
    return ids;
}

int update_started (struct update *u, const struct idset *ranks)
{
    return add_ranks (&u->started, ranks);
}

int update_lost (struct update *u, const struct idset *ranks)
{
    return add_ranks (&u->lost, ranks);
}

int update_exited (struct update *u, int status, const struct idset *ranks)
{
    struct exit_bucket *new;

    for (size_t i = 0; i < u->nexits; i++) {
        if (u->exits[i].status == status)
            return add_ranks (&u->exits[i].ranks, ranks);
    }
    if (!(new = realloc (u->exits, (u->nexits + 1) * sizeof (*new))))
        return -ENOMEM;
    u->exits = new;
    new[u->nexits] = (struct exit_bucket){ .status = status };
    if (add_ranks (&new[u->nexits].ranks, ranks) < 0)
        return -ENOMEM;
    u->nexits++;
    return 0;
}

/* Takes 'o'. */
static int append (json_t **arrayp, json_t *o)
{
    if (!*arrayp && !(*arrayp = json_array ())) {
        json_decref (o);
        return -ENOMEM;
    }
    return json_array_append_new (*arrayp, o) < 0 ? -ENOMEM : 0;
}

int update_failed (struct update *u, uint32_t rank, int errnum, const char *text)
{
    return append (&u->failed, json_pack ("{s:I s:i s:s}",
                                          "rank", (json_int_t)rank,
                                          "errnum", errnum,
                                          "text", text));
}

/* Bytes that are not UTF-8 become '?': this is a message to people. */
static json_t *readable (const char *data, size_t len)
{
    json_t *o = json_stringn (data, len);
    char *cpy;

    if (o || !(cpy = strndup (data, len)))
        return o;
    for (char *p = cpy; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    o = json_string (cpy);
    free (cpy);
    return o;
}

int update_log (struct update *u, uint32_t rank, const char *stream,
                const char *data, size_t len)
{
    return append (&u->log, json_pack ("{s:I s:s s:o}",
                                       "rank", (json_int_t)rank,
                                       "stream", stream,
                                       "data", readable (data, len)));
}

int update_barrier (struct update *u, const char *name, const struct idset *ranks)
{
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    int rc = -ENOMEM;

    if (s && (u->barrier || (u->barrier = json_object ()))
        && json_object_set_new (u->barrier, name, json_string (s)) == 0)
        rc = 0;
    free (s);
    return rc;
}

static int extend (json_t **arrayp, json_t *from)
{
    if (!from)
        return 0;
    if (!*arrayp && !(*arrayp = json_array ()))
        return -ENOMEM;
    return json_array_extend (*arrayp, from) < 0 ? -ENOMEM : 0;
}

int update_add (struct update *u, const struct update *from)
{
    int rc = 0;

    if (from->started)
        rc = add_ranks (&u->started, from->started);
    if (rc == 0 && from->lost)
        rc = add_ranks (&u->lost, from->lost);
    for (size_t i = 0; rc == 0 && i < from->nexits; i++)
        rc = update_exited (u, from->exits[i].status, from->exits[i].ranks);
    if (rc == 0)
        rc = extend (&u->failed, from->failed);
    return rc == 0 ? extend (&u->log, from->log) : rc;
}

/* Encode */

static int set_ranks (json_t *o, const char *key, const struct idset *ranks)
{
    char *s;
    int rc;

    if (!ranks)
        return 0;
    s = idset_encode (ranks, IDSET_FLAG_RANGE);
    rc = s ? json_object_set_new (o, key, json_string (s)) : -1;
    free (s);
    return rc;
}

static json_t *encode_exits (const struct update *u)
{
    json_t *a = json_array ();

    for (size_t i = 0; a && i < u->nexits; i++) {
        char *s = idset_encode (u->exits[i].ranks, IDSET_FLAG_RANGE);
        json_t *o = s ? json_pack ("[is]", u->exits[i].status, s) : NULL;
        free (s);
        if (json_array_append_new (a, o) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}

static int set_copy (json_t *o, const char *key, json_t *val)
{
    return val ? json_object_set (o, key, val) : 0;
}

char *update_encode (const struct update *u)
{
    json_t *o = json_object ();
    char *s = NULL;

    if (o && set_ranks (o, "started", u->started) == 0
        && set_ranks (o, "lost", u->lost) == 0
        && (u->nexits == 0
            || json_object_set_new (o, "exited", encode_exits (u)) == 0)
        && set_copy (o, "failed", u->failed) == 0
        && set_copy (o, "log", u->log) == 0
        && set_copy (o, "barrier", u->barrier) == 0)
        s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    return s;
}

/* Decode */

static struct idset *get_ranks (const json_t *o)
{
    const char *s = json_string_value (o);

    return s ? idset_decode (s) : NULL;
}

static int merge_ranks (const json_t *o, const char *key, struct idset **idsp)
{
    const json_t *val = json_object_get (o, key);
    struct idset *ranks;
    int rc;

    if (!val)
        return 0;
    if (!(ranks = get_ranks (val)))
        return -EPROTO;
    rc = add_ranks (idsp, ranks);
    idset_destroy (ranks);
    return rc;
}

static int merge_exits (struct update *u, const json_t *a)
{
    size_t i;
    json_t *o;

    json_array_foreach (a, i, o) {
        json_t *status = json_array_get (o, 0);
        struct idset *ranks = get_ranks (json_array_get (o, 1));
        int rc = -EPROTO;
        if (ranks && json_is_integer (status)
            && json_integer_value (status) >= 0
            && json_integer_value (status) <= 0xffff)
            rc = update_exited (u, (int)json_integer_value (status), ranks);
        idset_destroy (ranks);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int merge_array (json_t **arrayp, const json_t *o, const char *key,
                        const char *string_key)
{
    json_t *a = json_object_get (o, key), *item;
    size_t i;

    json_array_foreach (a, i, item) {
        if (!json_is_integer (json_object_get (item, "rank"))
            || !json_is_string (json_object_get (item, string_key)))
            return -EPROTO;
        if (append (arrayp, json_incref (item)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int merge_barrier (struct update *u, json_t *o)
{
    const char *name;
    json_t *val;

    json_object_foreach (o, name, val) {
        struct idset *ranks = get_ranks (val);
        const char *had = json_string_value (json_object_get (u->barrier, name));
        int rc = -EPROTO;
        if (ranks && (!had || idset_decode_add (ranks, had, -1, NULL) == 0))
            rc = update_barrier (u, name, ranks);
        idset_destroy (ranks);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int update_merge (struct update *u, const json_t *o)
{
    int rc;

    if (!json_is_object (o))
        return -EPROTO;
    if ((rc = merge_ranks (o, "started", &u->started)) < 0
        || (rc = merge_ranks (o, "lost", &u->lost)) < 0
        || (rc = merge_exits (u, json_object_get (o, "exited"))) < 0
        || (rc = merge_array (&u->failed, o, "failed", "text")) < 0
        || (rc = merge_array (&u->log, o, "log", "data")) < 0
        || (rc = merge_barrier (u, json_object_get (o, "barrier"))) < 0)
        return rc;
    return 0;
}
