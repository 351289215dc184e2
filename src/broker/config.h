/* config.h - the instance's configuration (flux-config(1), config.*)
 *
 * The leader reads it (config.path, --conf); each follower gets it from its
 * parent when it joins, and again whenever it changes (config.sync).  A change
 * is shown to every module of the leader by NAME.config-reload; one that refuses makes
 * the request fail with its words, and all are shown again what was before.  Followers
 * are told what the leader's modules have taken.
 */
#ifndef BROKER_CONFIG_H
#define BROKER_CONFIG_H

#include <flux/core.h>

struct config;
struct modhost;

/* Read 'path' (NULL: nothing) and apply the --conf values.  NULL and errno with
 * err->text. */
flux_conf_t *config_read (const char *path, char *const *updates, flux_error_t *err);

/* Takes 'conf'.  'path' is what config.reload reads again, or NULL. */
struct config *config_new (flux_t *h, flux_conf_t *conf, const char *path,
                           uint32_t rank);
void config_free (struct config *c);
const flux_conf_t *config_get (struct config *c);
/* Modules to tell of changes. */
void config_set_modhost (struct config *c, struct modhost *mh);

/* The part of the broker that is shown changes before modules are: 0, or a negative
 * errno with err->text. */
typedef int (*config_hook_f) (void *arg, const flux_conf_t *conf, flux_error_t *err);
void config_set_hook (struct config *c, config_hook_f hook, void *arg);

/* On a follower: take the parent's configuration, now and in future.  'done' is
 * called once, with the first. */
typedef void (*config_done_f) (void *arg, int rc, const char *text);
int config_sync (struct config *c, config_done_f done, void *arg);
/* The parent has gone: forget the stream. */
void config_unsync (struct config *c);

#endif /* !BROKER_CONFIG_H */
