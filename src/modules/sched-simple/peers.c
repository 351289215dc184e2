/* peers.c - what the job manager and the resource service tell, applied to the pool
 */
#include <errno.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/sched-simple/sched_private.h"
#include "spec/rset.h"

/* ---- the job manager ---- */

static void begin (void *arg)
{
    struct sched *s = arg;
    struct rset *r = rpool_allocated (s->pool);
    uint64_t id;
    size_t pos = 0;

    if (r)
        rpool_give (s->pool, r);
    rset_free (r);
    queue_clear (s);
    while (idhash_next (s->allocated, &pos, &id))
        idhash_del (s->allocated, id);
}

static int take_job (void *arg, uint64_t id, const struct rset *R, const struct idset *freed,
                     flux_error_t *err)
{
    struct sched *s = arg;
    struct rset *r = rset_copy (R);
    int rc = r ? rset_remove_ranks (r, freed) : -ENOMEM;

    if (rc == 0 && (rc = rpool_take (s->pool, r)) < 0)
        errmsg (err, rc, "some of its resources are in use by another job");
    rset_free (r);
    if (rc == 0)
        (void)idhash_set (s->allocated, id, s);
    return rc;
}

static void give (void *arg, uint64_t id, const struct rset *R, bool final)
{
    struct sched *s = arg;

    if (s->pool)
        rpool_give (s->pool, R);
    if (final)
        idhash_del (s->allocated, id);
    queue_kick (s);
}

static const struct hello_ops hello_ops = { begin, take_job, give };

/* ---- the resource service ---- */

static int resources (void *arg, json_t *R, flux_error_t *err)
{
    struct sched *s = arg;
    struct rset *all = rset_from_json (R, err);

    if (!all)
        return -errno;
    s->pool = rpool_new (all, s->mode);
    rset_free (all);
    if (!s->pool)
        return errmsg (err, -ENOMEM, "out of memory");
    questions_answer (s);
    hello_begin (s->hello);
    return 0;
}

static void set_up (void *arg, const struct idset *ranks, bool up)
{
    rpool_set_up (((struct sched *)arg)->pool, ranks, up);
}

static void shrink (void *arg, const struct idset *ranks)
{
    struct sched *s = arg;

    rpool_shrink (s->pool, ranks);
    queue_recheck (s);
}

static int properties (void *arg, const json_t *o, bool add)
{
    return rpool_properties (((struct sched *)arg)->pool, o, add);
}

static void expiration (void *arg, double t)
{
    rpool_set_expiration (((struct sched *)arg)->pool, t);
}

static void changed (void *arg)
{
    queue_kick (arg);
}

static void gone (void *arg)
{
    struct sched *s = arg;

    rpool_free (s->pool);
    s->pool = NULL;
    flux_watcher_stop (s->prep);
    hello_stop (s->hello);
}

static const struct supply_ops supply_ops = {
    resources, set_up, shrink, properties, expiration, changed, gone
};

/* ---- life ---- */

int peers_init (struct sched *s)
{
    if (!(s->allocated = idhash_new (NULL))
        || !(s->hello = hello_new (s->h, s->limit, &hello_ops, s))
        || !(s->supply = supply_new (s->h, &supply_ops, s)))
        return -ENOMEM;
    return 0;
}

void peers_release (struct sched *s)
{
    supply_destroy (s->supply);
    hello_destroy (s->hello);
    idhash_free (s->allocated);
}
