/* acquire.c - the resource.acquire stream towards the scheduler
 */
#include <errno.h>
#include <string.h>

#include <flux/idset.h>

#include "modules/resource/acquire.h"
#include "spec/rset.h"

struct acquire {
    flux_t *h;
    const flux_msg_t *msg;      /* of the scheduler, or NULL */
    struct idset *ranks;        /* what it has */
    struct idset *up;           /* what it knows to be up */
    bool muted;
};

struct acquire *acquire_new (flux_t *h)
{
    struct acquire *a = calloc (1, sizeof (*a));

    if (a)
        a->h = h;
    return a;
}

static void end (struct acquire *a)
{
    flux_msg_decref (a->msg);
    idset_destroy (a->ranks);
    idset_destroy (a->up);
    a->msg = NULL;
    a->ranks = a->up = NULL;
}

void acquire_free (struct acquire *a)
{
    if (a) {
        if (a->msg)
            flux_respond_error (a->h, a->msg, ENOSYS, NULL);
        end (a);
        free (a);
    }
}

int acquire_diff (const struct idset *before, const struct idset *now,
                  const struct idset *ranks, struct idset **upp, struct idset **downp)
{
    struct idset *mine = idset_intersect (now, ranks);
    struct idset *up = mine ? idset_difference (mine, before) : NULL;
    struct idset *down = mine ? idset_difference (before, mine) : NULL;

    idset_destroy (mine);
    if (!up || !down) {
        idset_destroy (up);
        idset_destroy (down);
        return -ENOMEM;
    }
    *upp = up;
    *downp = down;
    return 0;
}

static int respond_initial (struct acquire *a, const struct rset *resources)
{
    json_t *R = rset_to_json (resources);
    char *up = idset_encode (a->up, IDSET_FLAG_RANGE);
    int rc = -1;

    if (R && up)
        rc = flux_respond_pack (a->h, a->msg, "{s:O s:s}", "resources", R, "up", up);
    json_decref (R);
    free (up);
    return rc;
}

void acquire_request (struct acquire *a, const flux_msg_t *msg,
                      const struct rset *resources, const struct idset *up)
{
    if (!flux_msg_is_streaming (msg)) {
        flux_respond_error (a->h, msg, EPROTO, "resource.acquire is a streaming request");
        return;
    }
    if (a->msg) {
        flux_respond_error (a->h, msg, EBUSY, "resources are acquired by another "
                                              "scheduler: remove it first");
        return;
    }
    a->msg = flux_msg_incref (msg);
    a->muted = false;
    if (!(a->ranks = idset_copy (rset_ranks (resources)))
        || !(a->up = idset_intersect (up, a->ranks))
        || respond_initial (a, resources) < 0) {
        flux_respond_error (a->h, msg, errno, NULL);
        end (a);
    }
}

static int set_ids (json_t *o, const char *key, const struct idset *ids)
{
    char *s;
    int rc;

    if (idset_empty (ids))
        return 0;
    s = idset_encode (ids, IDSET_FLAG_RANGE);
    rc = json_object_set_new (o, key, json_string (s ? s : ""));
    free (s);
    return rc;
}

static int respond_change (struct acquire *a, const struct idset *up,
                           const struct idset *down, const struct idset *shrink)
{
    json_t *o = json_object ();
    int rc = 0;

    if (!o || set_ids (o, "up", up) < 0 || set_ids (o, "down", down) < 0
        || set_ids (o, "shrink", shrink) < 0)
        rc = -1;
    else if (json_object_size (o) > 0)
        rc = flux_respond_pack (a->h, a->msg, "O", o);
    json_decref (o);
    return rc;
}

void acquire_update (struct acquire *a, const struct idset *now, const struct idset *lost)
{
    struct idset *up = NULL, *down = NULL, *shrink;

    if (!a->msg || a->muted)
        return;
    /* what shrinks is named as down, too, for schedulers that do not know the key */
    if (!(shrink = idset_intersect (lost, a->ranks))
        || acquire_diff (a->up, now, a->ranks, &up, &down) < 0
        || idset_add (down, shrink) < 0)
        flux_log_error (a->h, "resource.acquire");
    else if (respond_change (a, up, down, shrink) < 0 || idset_add (a->up, up) < 0
             || idset_subtract (a->up, down) < 0 || idset_subtract (a->ranks, shrink) < 0)
        flux_log_error (a->h, "resource.acquire: error responding");
    idset_destroy (up);
    idset_destroy (down);
    idset_destroy (shrink);
}

void acquire_expiration (struct acquire *a, double expiration)
{
    if (a->msg && !a->muted
        && flux_respond_pack (a->h, a->msg, "{s:f}", "expiration", expiration) < 0)
        flux_log_error (a->h, "resource.acquire: error responding");
}

void acquire_mute (struct acquire *a)
{
    a->muted = true;
}

bool acquire_muted (const struct acquire *a)
{
    return a->muted;
}

void acquire_cancel (struct acquire *a, const flux_msg_t *msg)
{
    if (a->msg && flux_cancel_match (msg, a->msg)) {
        flux_respond_error (a->h, a->msg, ENODATA, NULL);
        end (a);
    }
}

void acquire_disconnect (struct acquire *a, const flux_msg_t *msg)
{
    if (a->msg && flux_disconnect_match (msg, a->msg))
        end (a);
}
