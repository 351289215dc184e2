/* kvs.h - flux kvs (flux-kvs(1))
 */
#ifndef CMD_KVS_H
#define CMD_KVS_H

#include <flux/core.h>
#include <flux/optparse.h>

int cmd_kvs (int argc, char **argv);

/* Subcommands in files of their own. */
int kvs_get (optparse_t *p, int argc, char **argv);
int kvs_dir (optparse_t *p, int argc, char **argv);
int kvs_ls (optparse_t *p, int argc, char **argv);
int kvs_namespace (optparse_t *p, int argc, char **argv);
int kvs_eventlog (optparse_t *p, int argc, char **argv);

/* The namespace of --namespace, or NULL: FLUX_KVS_NAMESPACE, or the primary one. */
const char *kvs_ns (optparse_t *p);
/* Wait for f; exit 1 with "KEY: why" if it fails (as errno and f say). */
void kvs_check (flux_future_t *f, const char *key);
void kvs_die (flux_future_t *f, const char *key) __attribute__ ((noreturn));
const char *kvs_strerror (flux_future_t *f, const char *key, char *buf, size_t size);
/* Standard input, all of it; NUL terminated, the caller frees. */
char *kvs_read_stdin (size_t *lenp);
/* Columns of the terminal or of --width (0: no limit); 0 if neither is there. */
int kvs_width (optparse_t *p);

#define KVS_OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }
#define KVS_OPT_NS KVS_OPT ("namespace", 'N', "NAME", "Specify KVS namespace to use")

#endif /* !CMD_KVS_H */
