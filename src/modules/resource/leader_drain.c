/* leader_drain.c - drain and undrain requests
 *
 * {"targets": TARGETS, "reason": text?, "mode": mode?}
 *
 *   mode             of drain, if a target is drained already (of undrain: is not)
 *   (none)           the request fails, and nothing is changed
 *   "update"         it stays as it is
 *   "overwrite"      its reason is replaced
 *   "force-overwrite"  its reason and time are replaced
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/leader_private.h"

enum mode {
    MODE_NONE,
    MODE_UPDATE,
    MODE_OVERWRITE,
    MODE_FORCE,
};

struct request {
    struct idset *ranks;
    const char *reason;
    enum mode mode;
};

static int parse_mode (const char *s, enum mode *mp, flux_error_t *err)
{
    static const char *const names[] = { "", "update", "overwrite", "force-overwrite" };

    for (int i = 0; i < 4; i++) {
        if (strcmp (s, names[i]) == 0) {
            *mp = (enum mode)i;
            return 0;
        }
    }
    return errmsg (err, -EINVAL, "mode '%s' is not one of update, overwrite, "
                   "force-overwrite", s);
}

static int parse (struct leader *l, const flux_msg_t *msg, struct request *req,
                  flux_error_t *err)
{
    const char *targets, *mode = "";
    int rc;

    req->reason = NULL;
    if (flux_request_unpack (msg, NULL, "{s:s s?s s?s}", "targets", &targets,
                             "reason", &req->reason, "mode", &mode) < 0)
        return errmsg (err, -EPROTO, "malformed request");
    if ((rc = parse_mode (mode, &req->mode, err)) < 0)
        return rc;
    return hostmap_targets (l->map, targets, &req->ranks, err);
}

static int overwrite_of (enum mode mode)
{
    switch (mode) {
        case MODE_OVERWRITE:
            return DRAIN_REASON;
        case MODE_FORCE:
            return DRAIN_ALL;
        default:
            return DRAIN_KEEP;
    }
}

/* An error that names the ranks and their hosts. */
static int complain (struct leader *l, const struct idset *ranks, int rc,
                     const char *what, flux_error_t *err)
{
    char *ids = idset_encode (ranks, IDSET_FLAG_RANGE);
    char *hosts = hostmap_hosts (l->map, ranks);

    errmsg (err, rc, "rank %s (%s) %s", ids ? ids : "?", hosts ? hosts : "?", what);
    free (ids);
    free (hosts);
    return rc;
}

/* Fail if 'ranks' has members in common with 'others'. */
static int refuse_common (struct leader *l, const struct idset *ranks,
                          const struct idset *others, int rc, const char *what,
                          flux_error_t *err)
{
    struct idset *common = idset_intersect (ranks, others);

    if (!common)
        return errmsg (err, -ENOMEM, "out of memory");
    rc = idset_empty (common) ? 0 : complain (l, common, rc, what, err);
    idset_destroy (common);
    return rc;
}

/* -- events -- */

static double now_in_us (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec + (double)(ts.tv_nsec / 1000) * 1E-6;
}

static int post (struct leader *l, const char *name, double now,
                 const struct idset *ranks, const char *reason, int overwrite)
{
    char *ids = idset_encode (ranks, IDSET_FLAG_RANGE);
    char *hosts = hostmap_hosts (l->map, ranks);
    json_t *context = NULL;
    int rc = -ENOMEM;

    if (ids && hosts
        && (context = json_pack ("{s:s s:s s:i}", "idset", ids, "nodelist", hosts,
                                 "overwrite", overwrite))
        && (!reason || json_object_set_new (context, "reason", json_string (reason)) == 0)) {
        flux_log (l->h, LOG_INFO, "%s: rank %s (%s)%s%s", name, ids, hosts,
                  reason ? ": " : "", reason ? reason : "");
        rc = reslog_post (l->log, now, name, json_incref (context), true);
    }
    json_decref (context);
    free (ids);
    free (hosts);
    return rc;
}

int leader_drain (struct leader *l, const struct idset *ranks, const char *reason,
                  int overwrite)
{
    double now = now_in_us ();
    int rc;

    if (idset_empty (ranks))
        return 0;
    if ((rc = post (l, "drain", now, ranks, reason, overwrite)) == 0)
        rc = drain_set (l->drain, ranks, now, reason, overwrite);
    leader_update (l);
    return rc;
}

int leader_undrain (struct leader *l, const struct idset *ranks, const char *reason,
                    int overwrite)
{
    int rc;

    if (idset_empty (ranks))
        return 0;
    if ((rc = post (l, "undrain", now_in_us (), ranks, reason, overwrite)) == 0)
        rc = drain_clear (l->drain, ranks);
    leader_update (l);
    return rc;
}

/* -- requests -- */

static int do_drain (struct leader *l, struct request *req, flux_error_t *err)
{
    const struct idset *drained = drain_ranks (l->drain);
    int rc;

    if ((rc = refuse_common (l, req->ranks, l->exclude, -EINVAL,
                             "is excluded by configuration", err)) < 0)
        return rc;
    if (req->mode == MODE_NONE
        && (rc = refuse_common (l, req->ranks, drained, -EEXIST,
                                "already drained; use --force to overwrite the reason",
                                err)) < 0)
        return rc;
    if (req->mode == MODE_UPDATE && idset_subtract (req->ranks, drained) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = leader_drain (l, req->ranks, req->reason, overwrite_of (req->mode))) < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    return rc;
}

static int do_undrain (struct leader *l, struct request *req, flux_error_t *err)
{
    const struct idset *drained = drain_ranks (l->drain);
    struct idset *others = idset_difference (req->ranks, drained);
    int rc = 0;

    if (!others)
        return errmsg (err, -ENOMEM, "out of memory");
    if (req->mode == MODE_NONE && !idset_empty (others))
        rc = complain (l, others, -EINVAL, "not drained", err);
    else if (req->mode == MODE_UPDATE && idset_subtract (req->ranks, others) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    idset_destroy (others);
    if (rc == 0
        && (rc = leader_undrain (l, req->ranks, req->reason,
                                 overwrite_of (req->mode))) < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    return rc;
}

static void serve (struct leader *l, const flux_msg_t *msg,
                   int (*fun) (struct leader *l, struct request *req, flux_error_t *err))
{
    struct request req = {0};
    flux_error_t err = {0};
    int rc;

    if ((rc = parse (l, msg, &req, &err)) == 0)
        rc = fun (l, &req, &err);
    if (rc < 0)
        flux_respond_error (l->h, msg, -rc, err.text);
    else
        reslog_respond (l->log, msg);
    idset_destroy (req.ranks);
}

void leader_drain_request (struct leader *l, const flux_msg_t *msg)
{
    serve (l, msg, do_drain);
}

void leader_undrain_request (struct leader *l, const flux_msg_t *msg)
{
    serve (l, msg, do_undrain);
}
