/* attr.h - broker attributes (flux-broker-attributes(7))
 *
 * A table of names and values with the rules of who may set what when.  Pure:
 * no messages here (see attr_service.h).
 *
 * Rules come from a table of the documented names.  On the command line any
 * documented name that is not readonly may be set, and any name in one of the
 * open name spaces (test., conf., content., cron., kvs., ...); other names are
 * taken for spelling errors.  At run time, what is tagged runtime may be
 * updated, and names the broker does not know may be created and updated.
 */
#ifndef BROKER_ATTR_H
#define BROKER_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

enum attr_flags {
    ATTR_IMMUTABLE = 1,   /* will not change: handles may cache it */
    ATTR_READONLY = 2,    /* not to be set by users */
    ATTR_RUNTIME = 4,     /* users may update it at run time */
    ATTR_CONFIG = 8,      /* overrides a configuration key of the same name */
};

struct attrs;

struct attrs *attrs_new (void);
void attrs_free (struct attrs *a);

/* The command line: -S NAME=VALUE.  0, -EINVAL or -EPERM with err->text. */
int attrs_set_cmdline (struct attrs *a, const char *name, const char *value,
                       flux_error_t *err);
/* The broker itself.  'flags' are added to those of the table.  A NULL value
 * unsets.  0, -ENOMEM, or what a hook said. */
int attrs_set (struct attrs *a, const char *name, const char *value, int flags);
int attrs_setf (struct attrs *a, const char *name, int flags, const char *fmt, ...)
    __attribute__ ((format (printf, 4, 5)));
/* Only if it has no value yet (the command line had the first word). */
int attrs_default (struct attrs *a, const char *name, const char *value, int flags);
/* A user at run time.  'force' passes over everything but immutable.  NULL
 * unsets.  0, -EPERM, -ENOENT (nothing to unset), -EINVAL or -ENOMEM. */
int attrs_update (struct attrs *a, const char *name, const char *value,
                  bool force, flux_error_t *err);

/* The value or NULL; flags in *flagsp if not NULL. */
const char *attrs_get (const struct attrs *a, const char *name, int *flagsp);
/* The value as an integer in [min,max]: 0, -ENOENT, -EINVAL with err->text. */
int attrs_get_int (const struct attrs *a, const char *name, int min, int max,
                   int *valp, flux_error_t *err);
/* As a duration (RFC 23); "none" and "inf" are INFINITY.  As above. */
int attrs_get_fsd (const struct attrs *a, const char *name, double *valp,
                   flux_error_t *err);
/* Start with *pos = 0: each name that has a value, in no order. */
const char *attrs_next (const struct attrs *a, size_t *pos, const char **valuep,
                        int *flagsp);

/* Call 'fun' after each change of 'name'.  One function per name.  If it returns a
 * negative errno, with err->text, the change is taken back. */
typedef int (*attr_hook_f) (const char *name, const char *value, flux_error_t *err,
                            void *arg);
int attrs_hook (struct attrs *a, const char *name, attr_hook_f fun, void *arg);

#endif /* !BROKER_ATTR_H */
