/* tracer.h - streams of message summaries (module.trace, overlay.trace)
 *
 * A stream is a streaming request with {"typemask":i "topic_glob":s} and what
 * its service adds.  Each message that a stream's filter lets through is one
 * response:
 *   {"timestamp":f "prefix":s "name":s "rank":i "type":i "topic":s
 *    "payload_size":i "errnum":i "payload":o}
 * prefix is "rx" or "tx"; topic, errnum, payload are there if the message has
 * them, and payload only if it is JSON.
 */
#ifndef BROKER_TRACER_H
#define BROKER_TRACER_H

#include <stdbool.h>
#include <flux/core.h>

struct tracer;

struct tracer *tracer_new (flux_t *h);
void tracer_free (struct tracer *t);     /* ends all streams with ENOSYS */
/* Begin a stream: 'names' (an array of strings, empty for all, or NULL) and
 * 'rank' (FLUX_NODEID_ANY for all) select what it sees.  0 or -1 and errno. */
int tracer_add (struct tracer *t, const flux_msg_t *msg, json_t *names,
                uint32_t rank, int typemask, const char *topic_glob);
bool tracer_active (const struct tracer *t);
void tracer_message (struct tracer *t, const char *name, uint32_t rank, bool rx,
                     const flux_msg_t *msg);
/* SERVICE.disconnect and SERVICE.trace-cancel (RFC 6). */
void tracer_disconnect (struct tracer *t, const flux_msg_t *msg);
void tracer_cancel (struct tracer *t, const flux_msg_t *msg);

#endif /* !BROKER_TRACER_H */
