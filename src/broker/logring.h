/* logring.h - the last N log messages, and what decides where one goes
 *
 * Pure: RFC 5424 text in, text out.  Sequence numbers count from 1 and never
 * repeat, so a follower can tell what it has seen.
 */
#ifndef BROKER_LOGRING_H
#define BROKER_LOGRING_H

#include <stddef.h>
#include <stdint.h>

struct logring;

struct logring *logring_new (size_t size);
void logring_free (struct logring *r);
int logring_resize (struct logring *r, size_t size);     /* 0 or -ENOMEM */
/* 0 or -ENOMEM.  A ring of size 0 keeps nothing. */
int logring_append (struct logring *r, const char *text, size_t len);
/* Drop all with sequence number up to and including 'seq'. */
void logring_clear (struct logring *r, uint64_t seq);
uint64_t logring_last (const struct logring *r);         /* 0: nothing yet */
/* The oldest message newer than 'after': its text (NUL terminated), with its
 * number in *seqp, or NULL. */
const char *logring_next (const struct logring *r, uint64_t after, uint64_t *seqp,
                          size_t *lenp);

/* The parts of an RFC 5424 message; pointers go into 'text'. */
struct logmsg {
    int severity;             /* 0-7 */
    const char *timestamp;
    size_t timestamp_len;
    const char *hostname;
    size_t hostname_len;
    const char *appname;
    size_t appname_len;
    const char *msg;
    size_t msg_len;
};

/* 0 or -EPROTO. */
int logmsg_parse (const char *text, size_t len, struct logmsg *m);
const char *logmsg_severity_name (int severity);   /* "err", "info", ... */
/* One line for people, with a newline:
 * "Nov 28 22:30:11.123456 UTC 2025 broker.err[0]: text".  The number of bytes
 * in buf, at most size - 1 (a longer line is cut). */
size_t logmsg_format (const struct logmsg *m, char *buf, size_t size);

#endif /* !BROKER_LOGRING_H */
