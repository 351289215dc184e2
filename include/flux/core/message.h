/* message.h - messages (RFC 3; man3 flux_msg_create and following)
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

struct flux_match {
    int typemask;
    uint32_t matchtag;
    const char *topic_glob;
};

struct flux_msg_cred {
    uint32_t userid;
    uint32_t rolemask;
};

int flux_match_asprintf (struct flux_match *m, const char *topic_glob_fmt, ...);

void flux_match_free (struct flux_match m);

struct flux_match flux_match_init (int typemask,
                                   uint32_t matchtag,
                                   const char *topic_glob);

int flux_msg_authorize (const flux_msg_t *msg, uint32_t userid);

void *flux_msg_aux_get (const flux_msg_t *msg, const char *name);

int flux_msg_aux_set (const flux_msg_t *msg,
                      const char *name,
                      void *aux,
                      flux_free_f destroy);

int flux_msg_clear_flag (flux_msg_t *msg, int flag);

bool flux_msg_cmp (const flux_msg_t *msg, struct flux_match match);

bool flux_msg_cmp_matchtag (const flux_msg_t *msg, uint32_t matchtag);

flux_msg_t *flux_msg_copy (const flux_msg_t *msg, bool payload);

flux_msg_t *flux_msg_create (int type);

int flux_msg_cred_authorize (struct flux_msg_cred cred, uint32_t userid);

flux_msg_t *flux_msg_decode (const void *buf, size_t size);

void flux_msg_decref (const flux_msg_t *msg);

void flux_msg_destroy (flux_msg_t *msg);

int flux_msg_encode (const flux_msg_t *msg, void *buf, size_t size);

ssize_t flux_msg_encode_size (const flux_msg_t *msg);

void flux_msg_fprint (FILE *f, const flux_msg_t *msg);

void flux_msg_fprint_ts (FILE *f, const flux_msg_t *msg, double timestamp);

int flux_msg_get_control (const flux_msg_t *msg, int *type, int *status);

int flux_msg_get_cred (const flux_msg_t *msg, struct flux_msg_cred *cred);

int flux_msg_get_errnum (const flux_msg_t *msg, int *errnum);

int flux_msg_get_matchtag (const flux_msg_t *msg, uint32_t *matchtag);

int flux_msg_get_nodeid (const flux_msg_t *msg, uint32_t *nodeid);

int flux_msg_get_payload (const flux_msg_t *msg,
                          const void **buf,
                          size_t *size);

int flux_msg_get_rolemask (const flux_msg_t *msg, uint32_t *rolemask);

int flux_msg_get_seq (const flux_msg_t *msg, uint32_t *seq);

int flux_msg_get_string (const flux_msg_t *msg, const char **s);

int flux_msg_get_topic (const flux_msg_t *msg, const char **topic);

int flux_msg_get_type (const flux_msg_t *msg, int *type);

int flux_msg_get_userid (const flux_msg_t *msg, uint32_t *userid);

bool flux_msg_has_flag (const flux_msg_t *msg, int flag);

bool flux_msg_has_payload (const flux_msg_t *msg);

const flux_msg_t *flux_msg_incref (const flux_msg_t *msg);

bool flux_msg_is_local (const flux_msg_t *msg);

bool flux_msg_is_noresponse (const flux_msg_t *msg);

bool flux_msg_is_private (const flux_msg_t *msg);

bool flux_msg_is_streaming (const flux_msg_t *msg);

const char *flux_msg_last_error (const flux_msg_t *msg);

int flux_msg_pack (flux_msg_t *msg, const char *fmt, ...);

void flux_msg_route_clear (flux_msg_t *msg);

int flux_msg_route_count (const flux_msg_t *msg);

int flux_msg_route_delete_last (flux_msg_t *msg);

void flux_msg_route_disable (flux_msg_t *msg);

void flux_msg_route_enable (flux_msg_t *msg);

const char *flux_msg_route_first (const flux_msg_t *msg);

const char *flux_msg_route_last (const flux_msg_t *msg);

bool flux_msg_route_match_first (const flux_msg_t *msg1,
                                 const flux_msg_t *msg2);

int flux_msg_route_push (flux_msg_t *msg, const char *id);

char *flux_msg_route_string (const flux_msg_t *msg);

int flux_msg_set_control (flux_msg_t *msg, int type, int status);

int flux_msg_set_cred (flux_msg_t *msg, struct flux_msg_cred cred);

int flux_msg_set_errnum (flux_msg_t *msg, int errnum);

int flux_msg_set_flag (flux_msg_t *msg, int flag);

int flux_msg_set_matchtag (flux_msg_t *msg, uint32_t matchtag);

int flux_msg_set_nodeid (flux_msg_t *msg, uint32_t nodeid);

int flux_msg_set_noresponse (flux_msg_t *msg);

int flux_msg_set_payload (flux_msg_t *msg, const void *buf, size_t size);

int flux_msg_set_private (flux_msg_t *msg);

int flux_msg_set_rolemask (flux_msg_t *msg, uint32_t rolemask);

int flux_msg_set_seq (flux_msg_t *msg, uint32_t seq);

int flux_msg_set_streaming (flux_msg_t *msg);

int flux_msg_set_string (flux_msg_t *msg, const char *);

int flux_msg_set_topic (flux_msg_t *msg, const char *topic);

int flux_msg_set_type (flux_msg_t *msg, int type);

int flux_msg_set_userid (flux_msg_t *msg, uint32_t userid);

const char *flux_msg_typestr (int type);

int flux_msg_unpack (const flux_msg_t *msg, const char *fmt, ...);

int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap);

int flux_msg_vunpack (const flux_msg_t *msg, const char *fmt, va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MESSAGE_H */
