/* answer.c - answers to requests, held until what they say is recorded
 */
#include <errno.h>
#include <stdarg.h>

#include "modules/job/mgr.h"

void mgr_respond (struct mgr *m, const flux_msg_t *msg, json_t *payload)
{
    char *s = payload ? json_dumps (payload, JSON_COMPACT) : NULL;

    if (payload && !s)
        mgr_respond_error (m, msg, ENOMEM, "out of memory");
    else
        turn_respond (m->turn, m->h, msg, s, NULL);
    json_decref (payload);
}

void mgr_respond_text (struct mgr *m, const flux_msg_t *msg, const char *text)
{
    turn_respond (m->turn, m->h, msg, text ? strdup (text) : NULL, NULL);
}

void mgr_respond_error (struct mgr *m, const flux_msg_t *msg, int errnum, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (fmt) {
        va_start (ap, fmt);
        vsnprintf (text, sizeof (text), fmt, ap);
        va_end (ap);
    }
    if (flux_respond_error (m->h, msg, errnum, fmt ? text : NULL) < 0)
        flux_log_error (m->h, "cannot respond");
}

bool mgr_request_privileged (const flux_msg_t *msg)
{
    uint32_t rolemask;

    return flux_msg_get_rolemask (msg, &rolemask) == 0
           && (rolemask & FLUX_ROLE_PRIVILEGED);
}

struct job *mgr_request_job (struct mgr *m, const flux_msg_t *msg, bool active)
{
    struct job *job;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request: \"id\" is missing");
        return NULL;
    }
    if (!(job = jobtab_get (m->t, id))) {
        mgr_respond_error (m, msg, ENOENT, "unknown job id");
        return NULL;
    }
    if (!mgr_request_privileged (msg) && flux_msg_authorize (msg, job->st.userid) < 0) {
        mgr_respond_error (m, msg, EPERM, "the job belongs to another user");
        return NULL;
    }
    if (active && !job->a) {
        mgr_respond_error (m, msg, EINVAL, "job is inactive");
        return NULL;
    }
    return job;
}
