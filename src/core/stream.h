/* stream.h - messages over a stream socket (RFC 3, framing)
 *
 * A message is framed by a magic number and its length:
 *
 *     FF EE 00 12 | total length, big endian, these 8 bytes included | message
 *
 * A struct stream serves a non-blocking descriptor, in both directions; clients
 * (local://, fd://) and the broker's server side use the same.  Nothing here
 * blocks or allocates for a message longer than what has been received of it,
 * so a peer cannot make us reserve memory by announcing a large message.
 *
 * Sending writes at once what the socket takes; the rest is queued and written
 * by stream_flush() when the descriptor is writable.  Payloads are queued by
 * reference: a message queued to many streams costs its payload once.
 * Receiving reads large chunks and takes several messages out of one.
 *
 * After an error (anything but -EAGAIN, and -EMSGSIZE or -ENOMEM from sending)
 * the stream is dead: every call returns the same error.  Not thread safe.
 */
#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include <stdint.h>
#include <flux/core/types.h>

/* The largest message that a stream passes, unless set otherwise: lengths of payloads are
 * integers in the public calls. */
#define STREAM_MSG_MAX ((size_t)INT32_MAX)

enum {
    STREAM_DEFER = 1,    /* stream_send: only queue; the caller will flush */
};

struct stream;

/* Serve 'fd', which is made non-blocking and close-on-exec, and is closed by
 * stream_free() (also when this fails).  0 or a negative errno. */
int stream_new (int fd, struct stream **sp);

/* What is queued is lost: see stream_drain(). */
void stream_free (struct stream *s);

int stream_fd (const struct stream *s);

/* Limit of a message's framed length, in either direction. */
void stream_set_max (struct stream *s, size_t max);

/* A message that is too long to receive does not kill the stream: what it carries is read
 * and forgotten, and stream_recv() returns 1 with the message without its payload.  The
 * limit is to be 64 KiB or more. */
void stream_set_skip (struct stream *s, bool skip);

/* Framed length of the last message that was skipped. */
size_t stream_skipped (const struct stream *s);

/* Promise to wait for the descriptor level-triggered, as a reactor does.  Then a
 * read that is sure to find nothing is spared: stream_recv() may return -EAGAIN
 * although more has arrived (or the end of the stream) since its last read. */
void stream_set_level (struct stream *s, bool level);

/* Send or queue.  0: it will go out, in order; or -EMSGSIZE (larger than the
 * limit), -ENOMEM, or the error that killed the stream (e.g. -EPIPE).  The
 * length of the queue is the caller's to limit, by stream_queued(). */
int stream_send (struct stream *s, const flux_msg_t *msg, int flags);

/* Write what is queued.  0 when nothing is left, -EAGAIN when the socket is
 * full, or the stream's error. */
int stream_flush (struct stream *s);

/* Flush, waiting for room, for at most 'ms' milliseconds (-1: for ever).
 * 0, -EAGAIN when the time is over, or the stream's error. */
int stream_drain (struct stream *s, int ms);

size_t stream_queued (const struct stream *s);       /* bytes */
size_t stream_queued_msgs (const struct stream *s);

/* Receive the next message, which the caller owns.  0, 1 (stream_set_skip()), -EAGAIN, -ECONNRESET at
 * the end of the stream (also in the middle of a message), -EPROTO for bad
 * framing or encoding, -EMSGSIZE, or another error of read(2). */
int stream_recv (struct stream *s, flux_msg_t **msgp);

/* What can be done without a system call: FLUX_POLLIN if stream_recv() has a
 * message (or the stream's error to report), FLUX_POLLOUT if nothing is
 * queued, FLUX_POLLERR if the stream is dead. */
int stream_ready (const struct stream *s);

/* What to wait for on the descriptor: FLUX_POLLIN, and FLUX_POLLOUT while
 * something is queued. */
int stream_want (const struct stream *s);

/* stream_ready(), plus FLUX_POLLIN if the descriptor is readable: one poll(2);
 * flushes first. */
int stream_pollevents (struct stream *s);

#endif /* !CORE_STREAM_H */
