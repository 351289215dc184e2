/* cmd.c - what every flux subcommand shares
 */
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fluid.h"
#include "cmd/cmd.h"

static char name_buf[64] = "flux";
static bool broker_lost;

void cmd_set_name (const char *name)
{
    snprintf (name_buf, sizeof (name_buf), "%s", name);
}

const char *cmd_name (void)
{
    return name_buf;
}

static void vreport (const char *fmt, va_list ap)
{
    char text[1024];

    vsnprintf (text, sizeof (text), fmt, ap);
    fflush (stdout);
    fprintf (stderr, "%s: ERROR: %s%s\n", name_buf, text,
             broker_lost ? " (the broker at FLUX_URI has ended, or cut this client off)" : "");
}

void cmd_err (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vreport (fmt, ap);
    va_end (ap);
}

void cmd_die (int code, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vreport (fmt, ap);
    va_end (ap);
    exit (code);
}

/* What fails because of it is reported where it fails. */
static int on_lost (flux_t *h, void *arg)
{
    broker_lost = true;
    return -1;
}

flux_t *cmd_open (void)
{
    flux_error_t err;
    flux_t *h = flux_open_ex (NULL, 0, &err);
    const char *uri = getenv ("FLUX_URI");

    if (h) {
        flux_comms_error_set (h, on_lost, NULL);
        return h;
    }
    if (uri)
        cmd_die (1, "cannot reach the Flux instance at FLUX_URI=%s: %s", uri, err.text);
    cmd_die (1,
             "no Flux instance here: FLUX_URI is not set and there is no system"
             " instance (%s); start one with 'flux start'",
             err.text);
}

void cmd_check (flux_future_t *f, const char *what)
{
    if (!f)
        cmd_die (1, "%s: %s", what, flux_strerror (errno));
    if (flux_future_get (f, NULL) < 0)
        cmd_die (1, "%s: %s", what, future_strerror (f, errno));
}

optparse_t *cmd_parse (const char *usage, const char *doc,
                       const struct optparse_option *opts,
                       int argc, char **argv, int *indexp)
{
    optparse_t *p = optparse_create (name_buf);
    int n;

    if (!p
        || (usage && optparse_set (p, OPTPARSE_USAGE, usage) != OPTPARSE_SUCCESS)
        || (doc && optparse_add_doc (p, doc, 0) != OPTPARSE_SUCCESS)
        || (opts && optparse_add_option_table (p, opts) != OPTPARSE_SUCCESS))
        cmd_die (1, "out of memory");
    if ((n = optparse_parse_args (p, argc, argv)) < 0)
        exit (1);
    *indexp = n;
    return p;
}

int cmd_run_subcommands_of (const struct optparse_option *opts,
                            struct optparse_subcommand *table, int argc, char **argv)
{
    optparse_t *p = optparse_create (name_buf);
    int rc;

    if (!p || (opts && optparse_add_option_table (p, opts) != OPTPARSE_SUCCESS)
        || optparse_reg_subcommands (p, table) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    if ((rc = optparse_parse_args (p, argc, argv)) < 0)
        return 1;
    if (rc == argc) {
        cmd_err ("a subcommand is missing");
        optparse_print_usage (p);
        return 1;
    }
    rc = optparse_run_subcommand (p, argc, argv);
    optparse_destroy (p);
    return rc < 0 ? 1 : rc;
}

int cmd_run_subcommands (struct optparse_subcommand *table, int argc, char **argv)
{
    return cmd_run_subcommands_of (NULL, table, argc, argv);
}

static bool plain_f58 (void)
{
    const char *force = getenv ("FLUX_F58_FORCE_ASCII");

    if (force)
        return true;
    return strcmp (nl_langinfo (CODESET), "UTF-8") != 0;
}

const char *cmd_f58 (flux_jobid_t id, char *buf, size_t size)
{
    enum fluid_form form = plain_f58 () ? FLUID_F58_PLAIN : FLUID_F58;

    if (fluid_encode (id, form, buf, size) < 0 && size > 0)
        snprintf (buf, size, "%ju", (uintmax_t)id);
    return buf;
}

flux_jobid_t cmd_parse_id (const char *s)
{
    uint64_t id;
    int rc = fluid_parse (s, &id);

    if (rc == -ENOTSUP)
        cmd_die (1, "'%s': for ids as words, FLUX_FLUID_WORDS must name a file with the words of"
                 " RFC 19", s);
    if (rc < 0)
        cmd_die (1, "'%s' is not a job id: want a form like ƒWZEQa8X or 1234", s);
    return id;
}

int cmd_verbosity (optparse_t *p)
{
    const char *arg = NULL;
    int n = optparse_getopt (p, "verbose", &arg);
    char *end;
    long level;

    if (n <= 0 || !arg)
        return n > 0 ? n : 0;
    if (strspn (arg, "v") == strlen (arg))    /* -vv: an argument "v" */
        return n + (int)strlen (arg);
    level = strtol (arg, &end, 10);
    if (*end || end == arg || level < 0 || level > INT_MAX)
        cmd_die (1, "--verbose=%s: want a level, a number from 0", arg);
    return (int)level;
}

void cmd_each (const char *list, void (*fun) (char *part, void *arg), void *arg)
{
    char *copy = strdup (list);
    char *save = NULL;

    if (!copy)
        cmd_die (1, "out of memory");
    for (char *s = strtok_r (copy, ",", &save); s; s = strtok_r (NULL, ",", &save))
        fun (s, arg);
    free (copy);
}

char *cmd_join (int argc, char **argv)
{
    struct buf b = BUF_INIT;
    char *s;

    for (int i = 0; i < argc; i++)
        buf_addf (&b, "%s%s", i ? " " : "", argv[i]);
    if (!(s = buf_take (&b)))
        cmd_die (1, "out of memory");
    return s;
}

const char *cmd_builtin (const char *key)
{
    const char *val = flux_conf_builtin_get (key, FLUX_CONF_AUTO);

    return val ? val : "";
}

/* For libraries of others: we have none in Python or Lua. */
static void prepend_path (const char *name, const char *prepend_name, char sep)
{
    const char *prepend = getenv (prepend_name);
    const char *old = getenv (name);
    size_t n = prepend ? strlen (prepend) : 0;
    char *val;

    if (n == 0 || (old && !strncmp (old, prepend, n) && (!old[n] || old[n] == sep)))
        return;
    /* of Lua, an empty part is its own default path */
    if (asprintf (&val, "%s%c%s", prepend, old || sep == ';' ? sep : '\0',
                  old ? old : sep == ';' ? ";" : "") < 0)
        cmd_die (1, "out of memory");
    setenv (name, val, 1);
    free (val);
}

/* NAME = $NAME_PREPEND : install path : $NAME, without empty parts or a second
 * copy of the install path (flux runs flux runs flux). */
static void compose_path (const char *name, const char *builtin_key)
{
    char prepend_name[64];
    const char *builtin = cmd_builtin (builtin_key);
    const char *prepend;
    const char *old = getenv (name);
    char *val = NULL;

    snprintf (prepend_name, sizeof (prepend_name), "%s_PREPEND", name);
    prepend = getenv (prepend_name);
    if (old && *builtin && strstr (old, builtin) && !prepend)
        return;
    if (asprintf (&val, "%s%s%s%s%s",
                  prepend ? prepend : "",
                  prepend && *prepend && *builtin ? ":" : "",
                  builtin,
                  old && *old ? ":" : "",
                  old ? old : "") < 0)
        cmd_die (1, "out of memory");
    setenv (name, val, 1);
    free (val);
}

static bool path_starts_with (const char *path, const char *dir)
{
    size_t n = strlen (dir);

    return path && strncmp (path, dir, n) == 0 && (path[n] == ':' || path[n] == 0);
}

void cmd_setup_env (void)
{
    const char *bindir = cmd_builtin ("bindir");
    const char *path = getenv ("PATH");
    char *val = NULL;

    prepend_path ("PYTHONPATH", "FLUX_PYTHONPATH_PREPEND", ':');
    prepend_path ("LUA_PATH", "FLUX_LUA_PATH_PREPEND", ';');
    prepend_path ("LUA_CPATH", "FLUX_LUA_CPATH_PREPEND", ';');
    compose_path ("FLUX_EXEC_PATH", "exec_path");
    compose_path ("FLUX_MODULE_PATH", "module_path");
    compose_path ("FLUX_CONNECTOR_PATH", "connector_path");
    /* Scripts that flux runs call "flux": let it be this one. */
    if (*bindir && !path_starts_with (path, bindir)) {
        if (asprintf (&val, "%s%s%s", bindir, path ? ":" : "", path ? path : "") < 0)
            cmd_die (1, "out of memory");
        setenv ("PATH", val, 1);
        free (val);
    }
}
