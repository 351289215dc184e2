/* request.h - start requests (RFC 32), decoded
 *
 * Thousands of jobs may have the same jobspec.  The job manager puts it last, so
 * that its text is known before it is decoded: when it is that of the request
 * before, what that was decoded to is used again.
 */
#ifndef EXEC_REQUEST_H
#define EXEC_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core.h>

/* The last jobspec.  A plain value: { 0 } is none. */
struct lastspec {
    char *text;
    size_t len;
    json_t *o;
};

struct start_request {
    uint64_t id;
    uint32_t userid;
    bool reattach;
    json_t *R;             /* references, until start_request_release() */
    json_t *jobspec;       /* perhaps without its environment */
};

/* 0, or -EPROTO with *rq as it was. */
int start_request_decode (struct lastspec *last, const flux_msg_t *msg,
                          struct start_request *rq);
void start_request_release (struct start_request *rq);
void lastspec_release (struct lastspec *last);

#endif /* !EXEC_REQUEST_H */
