/* questions.c - what may be asked of the scheduler: can this ever run, what is in use
 */
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "modules/sched-simple/sched_private.h"
#include "spec/rset.h"

static void respond_status (struct sched *s, const flux_msg_t *msg)
{
    struct rset *r[3] = { rpool_all (s->pool), rpool_down (s->pool),
                          rpool_allocated (s->pool) };
    json_t *o[3];

    for (int i = 0; i < 3; i++) {
        o[i] = r[i] ? rset_to_json (r[i]) : NULL;
        rset_free (r[i]);
    }
    if (flux_respond_pack (s->h, msg, "{s:o s:o s:o}", "all", o[0], "down", o[1],
                           "allocated", o[2]) < 0)
        flux_respond_error (s->h, msg, errno, NULL);
}

static void respond_feasible (struct sched *s, const flux_msg_t *msg)
{
    struct jobspec *js = NULL;
    flux_error_t err;
    json_t *o;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobspec", &o) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else if (!(js = jobspec_from_json (o, &err)))
        rc = -EINVAL;
    else if (!jobspec_request (js)->simple)
        rc = errmsg (&err, -EINVAL, "%s", ONLY_SIMPLE);
    else
        rc = rpool_check (s->pool, jobspec_request (js), &err);
    jobspec_unref (js);
    if (rc < 0)
        flux_respond_error (s->h, msg, -rc, err.text);
    else if (flux_respond (s->h, msg, NULL) < 0)
        flux_log_error (s->h, "feasibility.check");
}

static void answer (struct sched *s, const flux_msg_t *msg)
{
    const char *topic = "";

    (void)flux_msg_get_topic (msg, &topic);
    if (!strcmp (topic, "feasibility.check"))
        respond_feasible (s, msg);
    else
        respond_status (s, msg);
}

/* Answered when the resources are known. */
void question_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (s->pool)
        answer (s, msg);
    else if (flux_msglist_append (s->early, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

void questions_answer (struct sched *s)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (s->early))) {
        answer (s, msg);
        flux_msg_decref (msg);
    }
}
