/* message.h - messages (RFC 3; man3 flux_msg_create and following)
 *
 * A message is an envelope (type, flags, credential, routes, and two numbers
 * whose meaning depends on the type) over a topic and a payload.  Copies share
 * the payload, which is immutable: setting it replaces it.  A message may be used
 * by one thread at a time; its reference count is atomic.
 *
 * A const pointer is a shared reference: what it points to is not changed, but
 * for the JSON that flux_msg_unpack() keeps, the last error, and aux items.
 * Strings and buffers that a getter returns belong to the message and live as
 * long as it does and has them.
 *
 * Unless said otherwise functions return 0, or -1 with errno: EINVAL for an
 * argument that is wrong (also: setting a field that the type does not have),
 * EPROTO where the message lacks what is asked for, ENOMEM.  Getters leave their
 * outputs alone on failure.
 */
#ifndef _FLUX_CORE_MESSAGE_H
#define _FLUX_CORE_MESSAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_MATCHTAG_NONE = 0,
    FLUX_MSGFLAG_TOPIC = 1,
    FLUX_MSGFLAG_PAYLOAD = 2,
    FLUX_MSGFLAG_NORESPONSE = 4,
    FLUX_MSGFLAG_ROUTE = 8,
    FLUX_MSGFLAG_UPSTREAM = 16,
    FLUX_MSGFLAG_PRIVATE = 32,
    FLUX_MSGFLAG_STREAMING = 64,
    FLUX_MSGFLAG_USER1 = 128,
    FLUX_MSGTYPE_REQUEST = 1,
    FLUX_MSGTYPE_RESPONSE = 2,
    FLUX_MSGTYPE_EVENT = 4,
    FLUX_MSGTYPE_CONTROL = 8,
    FLUX_MSGTYPE_ANY = 15,
    FLUX_MSGTYPE_MASK = 15,
    FLUX_NODEID_UPSTREAM = 4294967294,
    FLUX_NODEID_ANY = 4294967295,
    FLUX_ROLE_NONE = 0,
    FLUX_ROLE_OWNER = 1,
    FLUX_ROLE_USER = 2,
    FLUX_ROLE_LOCAL = 4,
    FLUX_ROLE_ADMIN = 8,
    FLUX_ROLE_ALL = 4294967295,
    FLUX_USERID_UNKNOWN = 4294967295,
};

#define FLUX_MATCH_ANY flux_match_init( FLUX_MSGTYPE_ANY, FLUX_MATCHTAG_NONE, NULL )
#define FLUX_MATCH_EVENT flux_match_init( FLUX_MSGTYPE_EVENT, FLUX_MATCHTAG_NONE, NULL )
#define FLUX_MATCH_REQUEST flux_match_init( FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, NULL )
#define FLUX_MATCH_RESPONSE flux_match_init( FLUX_MSGTYPE_RESPONSE, FLUX_MATCHTAG_NONE, NULL )
#define FLUX_ROLE_PRIVILEGED (FLUX_ROLE_OWNER | FLUX_ROLE_ADMIN)

/* Criteria of flux_msg_cmp().  Zero, FLUX_MATCHTAG_NONE and NULL (or "") match
 * everything. */
struct flux_match {
    int typemask;           /* FLUX_MSGTYPE_*, or'ed */
    uint32_t matchtag;
    const char *topic_glob; /* shell wildcards */
};

/* Who sent a message (RFC 12). */
struct flux_msg_cred {
    uint32_t userid;        /* FLUX_USERID_UNKNOWN until it is assigned */
    uint32_t rolemask;      /* FLUX_ROLE_*, or'ed */
};

/*
 * Life cycle
 */

/* A message of one of the FLUX_MSGTYPE_*, with one reference: no topic, payload or
 * routes, credential unknown; a request's nodeid is FLUX_NODEID_ANY. */
flux_msg_t *flux_msg_create (int type);

/* A copy, with one reference, without aux items; without the payload if 'payload'
 * is false. */
flux_msg_t *flux_msg_copy (const flux_msg_t *msg, bool payload);

/* Take and drop references.  flux_msg_destroy() is flux_msg_decref().  Both accept
 * NULL and keep errno. */
const flux_msg_t *flux_msg_incref (const flux_msg_t *msg);
void flux_msg_decref (const flux_msg_t *msg);
void flux_msg_destroy (flux_msg_t *msg);

/*
 * Encoding (RFC 3)
 */

/* Bytes that flux_msg_encode() needs. */
ssize_t flux_msg_encode_size (const flux_msg_t *msg);

/* Encode into 'buf'.  EINVAL if 'size' is too small. */
int flux_msg_encode (const flux_msg_t *msg, void *buf, size_t size);

/* A new message from 'size' bytes, which are copied.  NULL with EPROTO if they are
 * not exactly one message. */
flux_msg_t *flux_msg_decode (const void *buf, size_t size);

/*
 * Type and flags
 */

/* Changing the type resets the fields that depend on it; a matchtag is kept from
 * request to response. */
int flux_msg_set_type (flux_msg_t *msg, int type);
int flux_msg_get_type (const flux_msg_t *msg, int *type);

/* "request", "response", "event", "control", or "unknown". */
const char *flux_msg_typestr (int type);

/* True if any of the flags is set. */
bool flux_msg_has_flag (const flux_msg_t *msg, int flag);

/* Set, or clear, all of the flags (FLUX_MSGFLAG_*, man3 flux_msg_has_flag).  TOPIC,
 * PAYLOAD and ROUTE follow by themselves what a message has. */
int flux_msg_set_flag (flux_msg_t *msg, int flag);
int flux_msg_clear_flag (flux_msg_t *msg, int flag);

/* An event that only its sender's user and the instance owner should get. */
int flux_msg_set_private (flux_msg_t *msg);
bool flux_msg_is_private (const flux_msg_t *msg);

/* A request, or response, of an RPC with several responses (RFC 6). */
int flux_msg_set_streaming (flux_msg_t *msg);
bool flux_msg_is_streaming (const flux_msg_t *msg);

/* A request that is not to be answered. */
int flux_msg_set_noresponse (flux_msg_t *msg);
bool flux_msg_is_noresponse (const flux_msg_t *msg);

/*
 * Credential (RFC 12)
 */

int flux_msg_set_cred (flux_msg_t *msg, struct flux_msg_cred cred);
int flux_msg_get_cred (const flux_msg_t *msg, struct flux_msg_cred *cred);
int flux_msg_set_userid (flux_msg_t *msg, uint32_t userid);
int flux_msg_get_userid (const flux_msg_t *msg, uint32_t *userid);
int flux_msg_set_rolemask (flux_msg_t *msg, uint32_t rolemask);
int flux_msg_get_rolemask (const flux_msg_t *msg, uint32_t *rolemask);

/* 0 if the sender is the instance owner, or a user whose id is 'userid'; else -1
 * with EPERM. */
int flux_msg_authorize (const flux_msg_t *msg, uint32_t userid);
int flux_msg_cred_authorize (struct flux_msg_cred cred, uint32_t userid);

/* True if the sender is on the receiver's broker (FLUX_ROLE_LOCAL). */
bool flux_msg_is_local (const flux_msg_t *msg);

/*
 * Fields by type
 */

/* Request: the broker rank it is for, or FLUX_NODEID_ANY.  FLUX_NODEID_UPSTREAM is
 * not a rank but an argument of flux_rpc(): EINVAL. */
int flux_msg_set_nodeid (flux_msg_t *msg, uint32_t nodeid);
int flux_msg_get_nodeid (const flux_msg_t *msg, uint32_t *nodeid);

/* Response: 0, or the error. */
int flux_msg_set_errnum (flux_msg_t *msg, int errnum);
int flux_msg_get_errnum (const flux_msg_t *msg, int *errnum);

/* Event: the sequence number. */
int flux_msg_set_seq (flux_msg_t *msg, uint32_t seq);
int flux_msg_get_seq (const flux_msg_t *msg, uint32_t *seq);

/* Request and response: the tag that relates them, or FLUX_MATCHTAG_NONE. */
int flux_msg_set_matchtag (flux_msg_t *msg, uint32_t matchtag);
int flux_msg_get_matchtag (const flux_msg_t *msg, uint32_t *matchtag);

/* Control: type and status.  Outputs may be NULL. */
int flux_msg_set_control (flux_msg_t *msg, int type, int status);
int flux_msg_get_control (const flux_msg_t *msg, int *type, int *status);

/*
 * Topic and payload
 */

/* The topic is copied; NULL removes it. */
int flux_msg_set_topic (flux_msg_t *msg, const char *topic);
int flux_msg_get_topic (const flux_msg_t *msg, const char **topic);

/* The bytes are copied; NULL and 0 remove the payload.  Getting one that is not
 * there is EPROTO; outputs may be NULL. */
int flux_msg_set_payload (flux_msg_t *msg, const void *buf, size_t size);
int flux_msg_get_payload (const flux_msg_t *msg,
                          const void **buf,
                          size_t *size);

bool flux_msg_has_payload (const flux_msg_t *msg);

/* A payload that is a string with its NUL.  Getting gives NULL if there is no
 * payload, and EPROTO if it does not end with NUL. */
int flux_msg_set_string (flux_msg_t *msg, const char *);
int flux_msg_get_string (const flux_msg_t *msg, const char **s);

/* Make the payload a JSON object, json_pack() style.  EINVAL if the format or an
 * argument does not fit; the message is then unchanged. */
int flux_msg_pack (flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap);

/* Read values from a JSON object, json_unpack() style.  It is decoded once; strings
 * and objects are borrowed until the payload changes.  EPROTO if the payload is not a
 * JSON object, or not of the form that 'fmt' says. */
int flux_msg_unpack (const flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vunpack (const flux_msg_t *msg, const char *fmt, va_list ap);

/* Why the last pack or unpack of this message failed, for people; "" if it did not. */
const char *flux_msg_last_error (const flux_msg_t *msg);

/*
 * Route stack (RFC 3)
 *
 * Where a request came from, hop by hop, and so where its response goes.
 */

/* Give the message an empty stack, or none.  Without one the functions below fail
 * with EPROTO. */
void flux_msg_route_enable (flux_msg_t *msg);
void flux_msg_route_disable (flux_msg_t *msg);

/* Remove all routes; the stack stays. */
void flux_msg_route_clear (flux_msg_t *msg);

/* Add a hop, of 1 to 255 bytes.  EMSGSIZE if the stack would be larger than 1 MiB. */
int flux_msg_route_push (flux_msg_t *msg, const char *id);

/* Remove the hop added last, if there is one. */
int flux_msg_route_delete_last (flux_msg_t *msg);

/* The hop added first (the sender), or last; NULL if there is none. */
const char *flux_msg_route_first (const flux_msg_t *msg);
const char *flux_msg_route_last (const flux_msg_t *msg);

/* Number of hops, or -1. */
int flux_msg_route_count (const flux_msg_t *msg);

/* True if both came from the same sender. */
bool flux_msg_route_match_first (const flux_msg_t *msg1,
                                 const flux_msg_t *msg2);

/* "first!...!last", with UUIDs cut to 5 digits.  The caller frees it. */
char *flux_msg_route_string (const flux_msg_t *msg);

/*
 * Matching
 */

struct flux_match flux_match_init (int typemask,
                                   uint32_t matchtag,
                                   const char *topic_glob);

/* Set m->topic_glob from a format; to be freed with flux_match_free(). */
int flux_match_asprintf (struct flux_match *m, const char *topic_glob_fmt, ...);
void flux_match_free (struct flux_match m);

/* Does the message meet the criteria?  A matchtag is only compared with messages
 * that have no routes: others have their tags from elsewhere. */
bool flux_msg_cmp (const flux_msg_t *msg, struct flux_match match);

bool flux_msg_cmp_matchtag (const flux_msg_t *msg, uint32_t matchtag);

/*
 * Other
 */

/* Attach data, as flux_aux_set() does to a handle.  Not copied, and dropped when
 * the message is sent within the process. */
int flux_msg_aux_set (const flux_msg_t *msg,
                      const char *name,
                      void *aux,
                      flux_free_f destroy);
void *flux_msg_aux_get (const flux_msg_t *msg, const char *name);

/* Print on one line, for people; a timestamp >= 0 comes first. */
void flux_msg_fprint (FILE *f, const flux_msg_t *msg);
void flux_msg_fprint_ts (FILE *f, const flux_msg_t *msg, double timestamp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MESSAGE_H */
