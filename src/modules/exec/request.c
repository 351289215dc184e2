/* request.c - see request.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "modules/exec/request.h"
#include "spec/jobenv.h"

/* What comes before the member "jobspec", closed, is an object of its own; NULL:
 * another form.  The rest may still be more than one value. */
static json_t *decode_head (const char *text, const char *rest)
{
    struct buf b = BUF_INIT;
    json_t *o;

    buf_reserve (&b, rest - text + 1);
    buf_add (&b, text, rest - text);
    buf_addc (&b, '}');
    o = b.failed ? NULL : json_loadb (b.data, b.len, 0, NULL);
    buf_release (&b);
    return o;
}

static void remember (struct lastspec *last, const char *text, size_t len, json_t *o)
{
    char *copy = malloc (len);

    if (!copy)
        return;
    lastspec_release (last);
    last->text = memcpy (copy, text, len);
    last->len = len;
    last->o = json_incref (o);
}

/* Without its environment, which differs from job to job and is for the shell. */
static json_t *decode_jobspec (struct lastspec *last, const char *text, size_t len)
{
    struct env_span e = env_find (text);
    struct buf b = BUF_INIT;
    json_t *o;

    if (e.end > len)
        e = (struct env_span){ 0 };
    if (last->o && last->len == len - (e.end - e.start)
        && !memcmp (last->text, text, e.start)
        && !memcmp (last->text + e.start, text + e.end, len - e.end))
        return json_incref (last->o);
    buf_add (&b, text, e.start);
    buf_add (&b, text + e.end, len - e.end);
    o = b.failed ? NULL : json_loadb (b.data, b.len, JSON_ALLOW_NUL, NULL);
    if (o)
        remember (last, b.data, b.len, o);
    buf_release (&b);
    return o;
}

static int take (struct start_request *rq, json_t *head, json_t *jobspec)
{
    json_int_t id, userid;
    json_t *R;
    int reattach;

    if (json_unpack (head, "{s:I s:I s:o s:b}", "id", &id, "userid", &userid, "R", &R,
                     "reattach", &reattach) < 0
        || id < 0 || userid < 0 || userid > UINT32_MAX || !json_is_object (jobspec))
        return -EPROTO;
    *rq = (struct start_request){ .id = id, .userid = userid, .reattach = reattach,
                                  .R = json_incref (R),
                                  .jobspec = json_incref (jobspec) };
    return 0;
}

/* -ENOENT: the jobspec is not last. */
static int decode_fast (struct lastspec *last, const char *text,
                        struct start_request *rq)
{
    static const char key[] = ",\"jobspec\":";
    const char *rest = text ? strstr (text, key) : NULL;
    size_t len = rest ? strlen (rest) : 0;
    json_t *head, *jobspec = NULL;
    int rc = -ENOENT;

    if (len < sizeof (key) || rest[len - 1] != '}')
        return -ENOENT;
    if ((head = decode_head (text, rest))
        && (jobspec = decode_jobspec (last, rest + sizeof (key) - 1,
                                      len - sizeof (key))))
        rc = take (rq, head, jobspec);
    json_decref (head);
    json_decref (jobspec);
    return rc;
}

int start_request_decode (struct lastspec *last, const flux_msg_t *msg,
                          struct start_request *rq)
{
    const char *text;
    json_t *o;
    int rc;

    if (flux_request_decode (msg, NULL, &text) < 0)
        return -EPROTO;
    if ((rc = decode_fast (last, text, rq)) != -ENOENT)
        return rc;
    if (flux_request_unpack (msg, NULL, "o", &o) < 0)
        return -EPROTO;
    return take (rq, o, json_object_get (o, "jobspec"));
}

void start_request_release (struct start_request *rq)
{
    json_decref (rq->R);
    json_decref (rq->jobspec);
    rq->R = rq->jobspec = NULL;
}

void lastspec_release (struct lastspec *last)
{
    free (last->text);
    json_decref (last->o);
    *last = (struct lastspec){ 0 };
}
