/* msg_decode.h - what requests, responses and events have in common
 */
#ifndef CORE_MSG_DECODE_H
#define CORE_MSG_DECODE_H

#include <stdarg.h>
#include <flux/core/message.h>

/* The message is of this type and has a topic.  topicp may be NULL.
 * 0, -EINVAL (no message), -EPROTO. */
int msg_check_topic (const flux_msg_t *msg, int type, const char **topicp);

/* The payload as a string, NULL if there is none.  0 or -EPROTO. */
int msg_opt_string (const flux_msg_t *msg, const char **sp);

/* The payload; NULL and 0 if there is none. */
void msg_opt_payload (const flux_msg_t *msg, const void **datap, size_t *lenp);

/* What flux_request_decode(3), flux_event_decode(3), flux_response_decode(3) and their
 * kin do: the topic and the body of a message of this type; a response that is an error
 * gives that.  0, or -1 with errno. */
int msg_get_string (const flux_msg_t *msg, int type, const char **topicp, const char **sp);
int msg_get_raw (const flux_msg_t *msg, int type, const char **topicp, const void **datap,
                 size_t *lenp);
int msg_get_vunpack (const flux_msg_t *msg, int type, const char **topicp, const char *fmt,
                     va_list ap);

/* A new message with topic and an optional payload.  NULL with errno. */
flux_msg_t *msg_encode_raw (int type, const char *topic, const void *data, size_t len);
flux_msg_t *msg_encode_string (int type, const char *topic, const char *s);

#endif /* !CORE_MSG_DECODE_H */
