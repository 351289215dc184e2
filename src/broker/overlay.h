/* overlay.h - the tree of brokers (overlay.*, tbon.* attributes)
 *
 * Owns the connections to parent and children, and what is known of them:
 * who is there, since when, and which requests wait for an answer through whom.
 * A peer that dies has all those answered with EHOSTUNREACH.  In an instance of
 * size 1 it answers overlay.* requests and never loads ZeroMQ.
 */
#ifndef BROKER_OVERLAY_H
#define BROKER_OVERLAY_H

#include <flux/core.h>
#include "broker/attr.h"
#include "broker/boot.h"
#include "broker/boot_config.h"
#include "broker/groups.h"
#include "broker/log.h"
#include "broker/pubsub.h"
#include "broker/router.h"

struct overlay;

struct overlay_args {
    flux_t *h;
    struct router *router;
    struct pubsub *pubsub;
    struct groups *groups;
    struct attrs *attrs;
    struct broker_log *log;
    const flux_conf_t *conf;
    uint32_t rank;
    uint32_t size;
    const char *hostname;
    const char *interface_hint;   /* of the enclosing instance, or NULL */
    struct boot_config *place;    /* of a configured instance, or NULL; borrowed until
                                   * overlay_bootstrap() has returned */
    /* The parent answered (rc 0), refused, or is gone later (rc < 0). */
    void (*parent) (void *arg, int rc, const char *text);
    /* A child came or went. */
    void (*children) (void *arg);
    void *arg;
};

/* NULL and errno, with err->text. */
struct overlay *overlay_new (const struct overlay_args *args, flux_error_t *err);
void overlay_free (struct overlay *ov);

/* Bind, exchange cards through 'boot', learn the peers' addresses and keys; or have
 * them from args.place, and 'boot' is NULL.  Blocks in the exchange, or while the
 * parent's name is looked up.  0 or a negative errno. */
int overlay_bootstrap (struct overlay *ov, struct boot *boot, flux_error_t *err);
/* Connect to the parent and introduce ourselves; args.parent() tells. */
int overlay_join (struct overlay *ov, flux_error_t *err);
/* The times of [tbon] that may change at run time are read again.  0 or a negative
 * errno with err->text. */
int overlay_config_changed (struct overlay *ov, const flux_conf_t *conf, flux_error_t *err);
/* Children may join (from when their parent has reached quorum state). */
void overlay_set_accepting (struct overlay *ov, bool accepting);
/* Children that are connected. */
int overlay_child_count (const struct overlay *ov);
/* Their ranks, for messages about slow ones: for free(). */
char *overlay_child_ranks (const struct overlay *ov);
/* Tell the parent that we leave in good order. */
void overlay_leave (struct overlay *ov);

#endif /* !BROKER_OVERLAY_H */
