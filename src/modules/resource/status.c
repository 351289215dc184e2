/* status.c - resource.status and resource.sched-status
 *
 * What does not depend on jobs is kept until something changes.  What is
 * allocated is asked of the job manager, or where there is none that knows, of
 * the scheduler: once for all requests that came before the question, so that
 * everyone hears of what they did before.
 */
#include <errno.h>
#include <string.h>

#include <flux/idset.h>

#include "modules/resource/drain.h"
#include "modules/resource/status.h"
#include "spec/rset.h"

static const char *const sources[] = { "job-manager.resource-status",
                                       "sched.resource-status", NULL };

struct status {
    flux_t *h;
    char *text;                     /* of resource.status, or NULL */
    json_t *all;                    /* of resource.sched-status, or NULL */
    json_t *down;
    struct flux_msglist *waiters;   /* sched-status requests in 'f' */
    struct flux_msglist *next;      /* that came later */
    flux_future_t *f;
    int source;                     /* the first that may answer */
    const struct resource_view *v;
};

struct status *status_new (flux_t *h, const struct resource_view *v)
{
    struct status *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->h = h;
    s->v = v;
    if (!(s->waiters = flux_msglist_create ())
        || !(s->next = flux_msglist_create ())) {
        status_free (s);
        return NULL;
    }
    return s;
}

static void fail_all (struct status *s, struct flux_msglist *l, int errnum,
                      const char *text)
{
    const flux_msg_t *msg;

    while (l && (msg = flux_msglist_pop (l))) {
        flux_respond_error (s->h, msg, errnum, text);
        flux_msg_decref (msg);
    }
}

void status_free (struct status *s)
{
    if (!s)
        return;
    fail_all (s, s->waiters, ENOSYS, NULL);
    fail_all (s, s->next, ENOSYS, NULL);
    flux_msglist_destroy (s->waiters);
    flux_msglist_destroy (s->next);
    flux_future_destroy (s->f);
    status_changed (s);
    free (s);
}

void status_changed (struct status *s)
{
    free (s->text);
    s->text = NULL;
    json_decref (s->all);
    json_decref (s->down);
    s->all = s->down = NULL;
}

/* -- resource.status -- */

static json_t *ids_json (const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);
    json_t *o = s ? json_string (s) : NULL;

    free (s);
    return o;
}

static json_t *difference_json (const struct idset *a, const struct idset *b)
{
    struct idset *ids = idset_difference (a, b);
    json_t *o = ids ? ids_json (ids) : NULL;

    idset_destroy (ids);
    return o;
}

/* R without the key that only a scheduler can read, and may be large. */
static json_t *plain_R (const struct rset *R)
{
    json_t *o = rset_to_json (R);

    if (o)
        json_object_del (o, "scheduling");
    return o;
}

static char *status_text (const struct resource_view *v)
{
    json_t *o = json_pack ("{s:o s:o s:o s:o s:o s:o}",
                           "R", plain_R (v->R),
                           "online", ids_json (v->online),
                           "offline", difference_json (rset_ranks (v->R), v->online),
                           "exclude", ids_json (v->exclude),
                           "torpid", ids_json (v->torpid),
                           "drain", drain_to_json (v->drain));
    char *text = o ? json_dumps (o, JSON_COMPACT) : NULL;

    json_decref (o);
    if (!text)
        errno = ENOMEM;
    return text;
}

void status_request (struct status *s, const flux_msg_t *msg)
{
    int rc;

    if (!s->text && !(s->text = status_text (s->v)))
        rc = flux_respond_error (s->h, msg, errno, NULL);
    else
        rc = flux_respond (s->h, msg, s->text);
    if (rc < 0)
        flux_log_error (s->h, "resource.status: error responding");
}

/* -- resource.sched-status -- */

static json_t *subset_R (const struct rset *R, const struct idset *ranks)
{
    struct rset *sub = ranks ? rset_copy_ranks (R, ranks) : NULL;
    json_t *o = sub ? plain_R (sub) : NULL;

    rset_free (sub);
    return o;
}

/* "all" and "down" of the scheduler's view, in which nothing is excluded or lost. */
static int fill_sets (struct status *s)
{
    struct idset *mine = idset_difference (rset_ranks (s->v->R), s->v->exclude);
    struct idset *down = mine && idset_subtract (mine, s->v->lost) == 0
        ? idset_difference (mine, s->v->up) : NULL;

    if (!s->all)
        s->all = subset_R (s->v->R, mine);
    if (!s->down)
        s->down = subset_R (s->v->R, down);
    idset_destroy (mine);
    idset_destroy (down);
    return s->all && s->down ? 0 : -1;
}

static json_t *empty_R (void)
{
    struct rset *r = rset_new ();
    json_t *o = r ? rset_to_json (r) : NULL;

    rset_free (r);
    return o;
}

static void respond_waiters (struct status *s, json_t *allocated)
{
    json_t *o = NULL;
    const flux_msg_t *msg;
    char *text = NULL;

    if (fill_sets (s) == 0
        && (o = json_pack ("{s:O s:O s:O}", "all", s->all, "down", s->down,
                           "allocated", allocated)))
        text = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    while ((msg = flux_msglist_pop (s->waiters))) {
        int rc = text ? flux_respond (s->h, msg, text)
                      : flux_respond_error (s->h, msg, ENOMEM, NULL);

        if (rc < 0)
            flux_log_error (s->h, "resource.sched-status: error responding");
        flux_msg_decref (msg);
    }
    free (text);
}

static void ask_allocated (struct status *s);

static void allocated_known (flux_future_t *f, void *arg)
{
    struct status *s = arg;
    json_t *allocated = NULL, *none = NULL;

    if (flux_rpc_get_unpack (f, "{s?o}", "allocated", &allocated) < 0) {
        if (errno == ENOSYS && sources[s->source + 1]) {
            s->source++;
            flux_future_destroy (f);
            s->f = NULL;
            ask_allocated (s);
            return;
        }
        if (errno != ENOSYS)    /* without either, nothing is allocated */
            fail_all (s, s->waiters, errno, flux_future_error_string (f));
    }
    if (!allocated || json_is_null (allocated))
        allocated = none = empty_R ();
    respond_waiters (s, allocated);
    json_decref (none);
    flux_future_destroy (f);
    s->f = NULL;
    s->source = 0;
    if (flux_msglist_count (s->next) > 0) {
        struct flux_msglist *tmp = s->waiters;

        s->waiters = s->next;
        s->next = tmp;
        ask_allocated (s);
    }
}

static void ask_allocated (struct status *s)
{
    if (!(s->f = flux_rpc_pack (s->h, sources[s->source], FLUX_NODEID_ANY, 0, "{}"))
        || flux_future_then (s->f, -1., allocated_known, s) < 0) {
        fail_all (s, s->waiters, errno, NULL);
        flux_future_destroy (s->f);
        s->f = NULL;
    }
}

void status_sched_request (struct status *s, const flux_msg_t *msg)
{
    if (flux_msglist_append (s->f ? s->next : s->waiters, msg) < 0)
        flux_respond_error (s->h, msg, errno, NULL);
    else if (!s->f)
        ask_allocated (s);
}

void status_disconnect (struct status *s, const flux_msg_t *msg)
{
    flux_msglist_disconnect (s->waiters, msg);
    flux_msglist_disconnect (s->next, msg);
}
