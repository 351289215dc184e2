/* drain.c - which ranks are drained, since when and why
 *
 * Ranks drained together share one record.
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/hash.h"
#include "modules/resource/drain.h"
#include "modules/resource/hostmap.h"
#include "spec/eventlog.h"

struct record {
    int refs;
    double timestamp;
    char *reason;           /* or NULL */
};

struct drain {
    struct idset *ranks;
    struct idhash *records; /* by rank */
};

static struct record *record_new (double timestamp, const char *reason)
{
    struct record *rec = calloc (1, sizeof (*rec));

    if (!rec || (reason && !(rec->reason = strdup (reason)))) {
        free (rec);
        return NULL;
    }
    rec->refs = 1;
    rec->timestamp = timestamp;
    return rec;
}

static void record_unref (void *arg)
{
    struct record *rec = arg;

    if (rec && --rec->refs == 0) {
        free (rec->reason);
        free (rec);
    }
}

struct drain *drain_new (void)
{
    struct drain *d = calloc (1, sizeof (*d));

    if (!d || !(d->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(d->records = idhash_new (record_unref))) {
        drain_free (d);
        errno = ENOMEM;
        return NULL;
    }
    return d;
}

void drain_free (struct drain *d)
{
    if (d) {
        idset_destroy (d->ranks);
        idhash_free (d->records);
        free (d);
    }
}

static int set_record (struct drain *d, uint32_t rank, struct record *rec)
{
    if (idset_set (d->ranks, rank) < 0)
        return -ENOMEM;
    rec->refs++;
    if (idhash_set (d->records, rank, rec) < 0) {
        rec->refs--;
        return -ENOMEM;
    }
    return 0;
}

/* A rank that is drained already gets a record of its own if only its reason
 * changes, because it keeps its time. */
static int set_rank (struct drain *d, uint32_t rank, struct record *rec, int overwrite)
{
    const struct record *old = idhash_get (d->records, rank);
    struct record *mixed;
    int rc;

    if (!old || overwrite == DRAIN_ALL)
        return set_record (d, rank, rec);
    if (overwrite == DRAIN_KEEP)
        return 0;
    if (!(mixed = record_new (old->timestamp, rec->reason)))
        return -ENOMEM;
    rc = set_record (d, rank, mixed);
    record_unref (mixed);
    return rc;
}

int drain_set (struct drain *d, const struct idset *ranks, double timestamp,
               const char *reason, int overwrite)
{
    struct record *rec = record_new (timestamp, reason);
    int rc = rec ? 0 : -ENOMEM;

    for (uint32_t rank = idset_first (ranks); rank != IDSET_INVALID_ID && rc == 0;
         rank = idset_next (ranks, rank))
        rc = set_rank (d, rank, rec, overwrite);
    record_unref (rec);
    return rc;
}

int drain_clear (struct drain *d, const struct idset *ranks)
{
    for (uint32_t rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank))
        idhash_del (d->records, rank);
    return idset_subtract (d->ranks, ranks) < 0 ? -ENOMEM : 0;
}

const struct idset *drain_ranks (const struct drain *d)
{
    return d->ranks;
}

/* -- replay -- */

/* Ranks and hosts go in step; without hosts the ranks are taken as they are. */
static struct idset *resolve (const struct hostmap *m, const struct idset *ids,
                              struct hostlist *hosts)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);
    const char *host = hostlist_first (hosts);
    uint32_t id;

    for (id = idset_first (ids); ranks && host && id != IDSET_INVALID_ID;
         id = idset_next (ids, id), host = hostlist_next (hosts)) {
        int64_t rank = hostmap_resolve (m, id, host);

        if (rank >= 0 && idset_set (ranks, (unsigned int)rank) < 0) {
            idset_destroy (ranks);
            ranks = NULL;
        }
    }
    return ranks;
}

static int get_ranks (const json_t *context, const struct hostmap *m,
                      struct idset **ranksp)
{
    const char *ids = json_string_value (json_object_get (context, "idset"));
    const char *nodes = json_string_value (json_object_get (context, "nodelist"));
    struct idset *set = ids ? idset_decode (ids) : NULL;
    struct hostlist *hosts = nodes ? hostlist_decode (nodes) : NULL;
    int rc = -EINVAL;

    if (set && hosts)
        rc = (*ranksp = resolve (m, set, hosts)) ? 0 : -ENOMEM;
    idset_destroy (set);
    hostlist_destroy (hosts);
    return rc;
}

int drain_replay (struct drain *d, const json_t *entry, const struct hostmap *m)
{
    const json_t *context, *o;
    struct idset *ranks;
    const char *name;
    double timestamp;
    int rc;

    if (eventlog_entry_parse (entry, &timestamp, &name, &context) < 0)
        return -EINVAL;
    if (strcmp (name, "drain") != 0 && strcmp (name, "undrain") != 0)
        return 0;
    if ((rc = get_ranks (context, m, &ranks)) < 0)
        return rc;
    if (name[0] == 'u')
        rc = drain_clear (d, ranks);
    else {
        o = json_object_get (context, "overwrite");
        rc = drain_set (d, ranks, timestamp,
                        json_string_value (json_object_get (context, "reason")),
                        (int)json_integer_value (o));
    }
    idset_destroy (ranks);
    return rc;
}

/* -- listing -- */

struct lot {                /* ranks with equal time and reason */
    const struct record *rec;
    struct idset *ranks;
};

static void lot_free (void *arg)
{
    struct lot *lot = arg;

    if (lot) {
        idset_destroy (lot->ranks);
        free (lot);
    }
}

static struct lot *lot_get (struct hash *lots, const struct record *rec,
                            struct buf *key)
{
    struct lot *lot;

    buf_clear (key);
    buf_addf (key, "%a ", rec->timestamp);
    buf_adds (key, rec->reason ? rec->reason : "");
    if ((lot = hash_get (lots, key->data)))
        return lot;
    if (!(lot = calloc (1, sizeof (*lot)))
        || !(lot->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))
        || hash_set (lots, key->data, lot) < 0) {
        lot_free (lot);
        return NULL;
    }
    lot->rec = rec;
    return lot;
}

static int add_lot (json_t *o, const struct lot *lot)
{
    char *ids = idset_encode (lot->ranks, IDSET_FLAG_RANGE);
    const char *reason = lot->rec->reason;
    int rc = -1;

    if (ids)
        rc = json_object_set_new (o, ids,
                                  json_pack ("{s:f s:s}",
                                             "timestamp", lot->rec->timestamp,
                                             "reason", reason ? reason : ""));
    free (ids);
    return rc;
}

/* Each lot is written when its first rank is reached, so that the order is that
 * of ranks. */
static int list_lots (const struct drain *d, struct hash *lots, json_t *o,
                      struct buf *key)
{
    uint32_t rank;

    for (rank = idset_first (d->ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (d->ranks, rank)) {
        struct lot *lot = lot_get (lots, idhash_get (d->records, rank), key);

        if (!lot || idset_set (lot->ranks, rank) < 0)
            return -1;
    }
    for (rank = idset_first (d->ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (d->ranks, rank)) {
        struct lot *lot = lot_get (lots, idhash_get (d->records, rank), key);

        if (!lot || (idset_first (lot->ranks) == rank && add_lot (o, lot) < 0))
            return -1;
    }
    return 0;
}

json_t *drain_to_json (const struct drain *d)
{
    struct hash *lots = hash_new (lot_free);
    struct buf key = BUF_INIT;
    json_t *o = json_object ();

    if (!lots || !o || list_lots (d, lots, o, &key) < 0) {
        json_decref (o);
        o = NULL;
        errno = ENOMEM;
    }
    buf_release (&key);
    hash_free (lots);
    return o;
}
