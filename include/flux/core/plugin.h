/* plugin.h - loadable plugins
 *
 * A plugin is a set of handlers found by topic, usually from a shared object which
 * exports flux_plugin_init().  Functions that fail return -1 or NULL, set errno, and
 * leave a text for flux_plugin_strerror().
 */
#ifndef _FLUX_CORE_PLUGIN_H
#define _FLUX_CORE_PLUGIN_H

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
    FLUX_PLUGIN_ARG_IN = 0,
    FLUX_PLUGIN_ARG_OUT = 1,
    FLUX_PLUGIN_ARG_REPLACE = 2,
    FLUX_PLUGIN_RTLD_LAZY = 1,
    FLUX_PLUGIN_RTLD_NOW = 2,
    FLUX_PLUGIN_RTLD_GLOBAL = 4,
    FLUX_PLUGIN_RTLD_DEEPBIND = 8,
};

typedef struct flux_plugin_arg flux_plugin_arg_t;
typedef struct flux_plugin flux_plugin_t;
typedef int (*flux_plugin_f) (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data);
typedef int (*flux_plugin_init_f) (flux_plugin_t *p);

struct flux_plugin_handler {
    const char *topic;
    flux_plugin_f cb;
    void *data;
};

/* topic may be a glob(7).  The same topic again replaces the handler; a NULL cb
 * removes it. */
int flux_plugin_add_handler (flux_plugin_t *p,
                             const char *topic,
                             flux_plugin_f cb,
                             void *arg);

/* Arguments: a JSON object for the callee (FLUX_PLUGIN_ARG_IN) and one for what
 * it returns (FLUX_PLUGIN_ARG_OUT). */
flux_plugin_arg_t *flux_plugin_arg_create (void);

void flux_plugin_arg_destroy (flux_plugin_arg_t *args);

/* The object as text, which the caller frees.  ENOENT if there is none. */
int flux_plugin_arg_get (flux_plugin_arg_t *args, int flags, char **json_str);

/* As flux_plugin_arg_set(), json_pack() style. */
int flux_plugin_arg_pack (flux_plugin_arg_t *args,
                          int flags,
                          const char *fmt,
                          ...);

/* Merge a JSON object, or with FLUX_PLUGIN_ARG_REPLACE replace all.  NULL
 * clears. */
int flux_plugin_arg_set (flux_plugin_arg_t *args,
                         int flags,
                         const char *json_str);

const char *flux_plugin_arg_strerror (flux_plugin_arg_t *args);

/* Decode, json_unpack() style. */
int flux_plugin_arg_unpack (flux_plugin_arg_t *args,
                            int flags,
                            const char *fmt,
                            ...);

int flux_plugin_arg_vpack (flux_plugin_arg_t *args,
                           int flags,
                           const char *fmt,
                           va_list ap);

int flux_plugin_arg_vunpack (flux_plugin_arg_t *args,
                             int flags,
                             const char *fmt,
                             va_list ap);

void flux_plugin_aux_delete_value (flux_plugin_t *p, const void *val);

void *flux_plugin_aux_get (flux_plugin_t *p, const char *key);

/* Attach an item, see flux_aux_set(). */
int flux_plugin_aux_set (flux_plugin_t *p,
                         const char *key,
                         void *val,
                         flux_free_f free_fn);

/* Call the first handler that matches.  1: called; 0: there is none; -1: it
 * failed. */
int flux_plugin_call (flux_plugin_t *p,
                      const char *name,
                      flux_plugin_arg_t *args);

/* Decode it, json_unpack() style. */
int flux_plugin_conf_unpack (flux_plugin_t *p, const char *fmt, ...);

/* A plugin without handlers, with a random UUID. */
flux_plugin_t *flux_plugin_create (void);

/* Aux items are destroyed before the shared object is closed. */
void flux_plugin_destroy (flux_plugin_t *p);

/* The configuration as JSON text.  NULL with ENOENT if there is none. */
const char *flux_plugin_get_conf (flux_plugin_t *p);

int flux_plugin_get_flags (flux_plugin_t *p);

/* The handler registered for exactly this topic, or NULL. */
flux_plugin_f flux_plugin_get_handler (flux_plugin_t *p, const char *topic);

const char *flux_plugin_get_name (flux_plugin_t *p);

const char *flux_plugin_get_path (flux_plugin_t *p);

const char *flux_plugin_get_uuid (flux_plugin_t *p);

/* Load a shared object and call its flux_plugin_init(), if it has one.  The name
 * is set from the path if there is none. */
int flux_plugin_load_dso (flux_plugin_t *p, const char *path);

/* The first handler, in order of registration, whose glob matches topic. */
flux_plugin_f flux_plugin_match_handler (flux_plugin_t *p, const char *topic);

/* Set the name, and add handlers up to the first without a topic. */
int flux_plugin_register (flux_plugin_t *p,
                          const char *name,
                          const struct flux_plugin_handler t[]);

int flux_plugin_remove_handler (flux_plugin_t *p, const char *topic);

/* JSON text, or NULL for none. */
int flux_plugin_set_conf (flux_plugin_t *p, const char *json_str);

/* FLUX_PLUGIN_RTLD_*, for flux_plugin_load_dso(). */
int flux_plugin_set_flags (flux_plugin_t *p, int flags);

int flux_plugin_set_name (flux_plugin_t *p, const char *name);

const char *flux_plugin_strerror (flux_plugin_t *p);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_PLUGIN_H */
