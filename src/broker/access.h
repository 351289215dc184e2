/* access.h - who may connect, and as what (RFC 12; flux-config-access(5))
 */
#ifndef BROKER_ACCESS_H
#define BROKER_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include <flux/core.h>

/* access.client-queue-max, access.message-max, if they are not set; the least of the latter */
#define ACCESS_QUEUE_MAX (512 << 20)
#define ACCESS_MESSAGE_MAX ((1 << 30) + (1 << 20))   /* the largest blob passes (RFC 10) */
#define ACCESS_MESSAGE_MIN (1 << 20)

struct access_policy {
    uid_t owner;
    bool allow_guest_user;
    bool allow_root_owner;
    const flux_conf_t *conf;     /* for access.roles; borrowed */
};

/* Is the [access] table well formed?  0 or a negative errno with err->text. */
int access_check_conf (const flux_conf_t *conf, flux_error_t *err);
/* Read the [access] table.  0 or a negative errno with err->text. */
int access_read (struct access_policy *p, const flux_conf_t *conf, flux_error_t *err);
/* The credential of a peer, 0; or -EPERM.  FLUX_ROLE_LOCAL is included. */
int access_check (const struct access_policy *p, uid_t peer,
                  struct flux_msg_cred *cred);

#endif /* !BROKER_ACCESS_H */
