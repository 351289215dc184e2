/* method_rendezvous.c - where the launcher offers no PMI but says who is who
 *
 * Rank and size come from its environment; what PMI would carry goes over a connection
 * to rank 0 (pmi/rendezvous.h).
 */
#include <errno.h>
#include <math.h>
#include <flux/hostlist.h>

#include "base/errmsg.h"
#include "pmi/method.h"
#include "pmi/rendezvous.h"

struct rendezvous {
    struct rendezvous_args args;
    struct rendezvous_leader *leader;
    struct rendezvous_follower *follower;
    char *path;
    char *first_host;
    json_t *put;        /* by this process, since the last barrier */
    json_t *all;        /* by all, before it */
};

static int set_path (struct rendezvous *r, const char *dir, const char *id,
                     flux_error_t *err)
{
    if (!dir && (!(dir = getenv ("HOME")) || !*dir))
        return errmsg (err, -ENOENT, "HOME is not set (use rendezvous:DIR)");
    if (asprintf (&r->path, "%s/.flux-%s", dir, id) < 0) {
        r->path = NULL;
        return errmsg (err, -ENOMEM, "out of memory");
    }
    return 0;
}

/* Slurm puts rank 0 on the first of the step's nodes. */
static char *first_host (void)
{
    const char *nodes = getenv ("SLURM_STEP_NODELIST");
    struct hostlist *hl = nodes ? hostlist_decode (nodes) : NULL;
    const char *host = hl ? hostlist_first (hl) : NULL;
    char *s = host ? strdup (host) : NULL;

    hostlist_destroy (hl);
    return s;
}

static int join (struct rendezvous *r, flux_error_t *err)
{
    r->args.path = r->path;
    r->args.first_host = r->first_host = first_host ();
    if (r->args.rank == 0)
        r->leader = rendezvous_leader_new (&r->args, err);
    else
        r->follower = rendezvous_follower_new (&r->args, err);
    return r->leader || r->follower ? 0 : -errno;
}

static void rendezvous_close (void *data)
{
    struct rendezvous *r = data;

    rendezvous_leader_free (r->leader);
    rendezvous_follower_free (r->follower);
    json_decref (r->put);
    json_decref (r->all);
    free (r->path);
    free (r->first_host);
    free (r);
}

static int rendezvous_open (const struct pmi_context *ctx, const char *path,
                            void **datap, struct pmi_place *place, flux_error_t *err)
{
    const struct launcher *l = ctx->launcher;
    struct rendezvous *r;
    int rc;

    if (!l->program || l->rank < 0 || l->size < 1 || l->rank >= l->size || !l->id[0])
        return errmsg (err, -ENOENT, "no launcher is seen that tells rank, size and a name");
    if (!(r = calloc (1, sizeof (*r))) || !(r->put = json_object ())
        || !(r->all = json_object ()))
        rc = errmsg (err, -ENOMEM, "out of memory");
    else {
        r->args.rank = place->rank = l->rank;
        r->args.size = place->size = l->size;
        r->args.interrupt = ctx->args->interrupt;
        snprintf (place->name, sizeof (place->name), "%s", l->id);
        r->args.timeout = ctx->timeout > 0. ? ctx->timeout : INFINITY;
        if ((rc = set_path (r, path, l->id, err)) == 0)
            rc = join (r, err);
    }
    if (rc < 0 && r)
        rendezvous_close (r);
    else
        *datap = r;
    return rc;
}

static int rendezvous_put (void *data, const char *key, const char *value,
                           flux_error_t *err)
{
    struct rendezvous *r = data;

    if (strlen (value) > 4096)
        return errmsg (err, -EOVERFLOW, "PMI: the value of %s is too long", key);
    if (json_object_set_new (r->put, key, json_string (value)) < 0)
        return errmsg (err, -EINVAL, "PMI: key or value is not UTF-8");
    return 0;
}

static int rendezvous_get (void *data, const char *key, const char **valuep,
                           flux_error_t *err)
{
    struct rendezvous *r = data;
    const char *s = json_string_value (json_object_get (r->all, key));

    if (!s)
        return -ENOENT;
    *valuep = s;
    return 0;
}

static int rendezvous_barrier (void *data, flux_error_t *err)
{
    struct rendezvous *r = data;
    flux_error_t why;
    json_t *all = NULL;
    int rc = r->leader ? rendezvous_leader_barrier (r->leader, r->put, &all, &why)
                       : rendezvous_follower_barrier (r->follower, r->put, &all, &why);

    if (rc < 0)
        return errmsg (err, rc, "rendezvous: %s", why.text);
    rc = json_object_update (r->all, all);
    json_decref (all);
    json_object_clear (r->put);
    return rc < 0 ? errmsg (err, -ENOMEM, "out of memory") : 0;
}

static int rendezvous_finalize (void *data, flux_error_t *err)
{
    return 0;
}

static void rendezvous_abort (void *data, int exit_code, const char *msg)
{
    struct rendezvous *r = data;

    if (r->leader)
        rendezvous_leader_fail (r->leader, msg);
    else
        rendezvous_follower_fail (r->follower, msg);
}

const struct pmi_method method_rendezvous = {
    .scheme = "rendezvous",
    .open = rendezvous_open,
    .put = rendezvous_put,
    .get = rendezvous_get,
    .barrier = rendezvous_barrier,
    .finalize = rendezvous_finalize,
    .abort = rendezvous_abort,
    .close = rendezvous_close,
};
