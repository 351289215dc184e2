/* keygen.c - flux keygen (flux-keygen(1))
 *
 * The file appears at its path complete and with its mode, or not at all: it is
 * written beside it and renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dso.h"
#include "base/dso_crypto.h"
#include "cmd/cmd.h"
#include "cmd/keygen.h"
#include "cmd/subs.h"
#include "spec/cert.h"

static const struct optparse_option opts[] = {
    { .name = "name", .key = 'n', .has_arg = 1, .arginfo = "NAME",
      .usage = "Set certificate name (default: hostname)" },
    { .name = "meta", .has_arg = 1, .arginfo = "KEY=VAL", .flags = OPTPARSE_OPT_AUTOSPLIT,
      .usage = "Add/update comma-separated KEY=VAL metadata" },
    OPTPARSE_TABLE_END,
};

static struct cert *new_cert (void)
{
    int (*keypair) (unsigned char *, unsigned char *);
    unsigned char pub[32], sec[32];
    struct cert *c;
    flux_error_t err;

    if (!(keypair = dso_symbol ("crypto", "crypto_keypair", &err)))
        cmd_die (1, "%s", err.text);
    if (keypair (pub, sec) < 0)
        cmd_die (1, "libcrypto cannot make X25519 keys");
    if (!(c = cert_new (pub, sec)))
        cmd_die (1, "out of memory");
    explicit_bzero (sec, sizeof (sec));
    return c;
}

static void set (struct cert *c, const char *key, const char *value)
{
    int rc = cert_set_meta (c, key, value);

    if (rc == -EINVAL)
        cmd_die (1, "'%s=%s' cannot be metadata: a key has letters, digits and $-_.@&+/,"
                 " a value no control characters and one kind of quotes", key, value);
    if (rc < 0)
        cmd_die (1, "out of memory");
}

static void set_origin (struct cert *c, const char *now)
{
    char host[256];
    char uid[24];

    if (gethostname (host, sizeof (host)) < 0)
        cmd_die (1, "gethostname: %s", strerror (errno));
    host[sizeof (host) - 1] = '\0';
    snprintf (uid, sizeof (uid), "%u", (unsigned int)getuid ());
    set (c, "name", host);
    set (c, "keygen.flux-core-version", FLUX_CORE_VERSION_STRING);
    set (c, "keygen.hostname", host);
    set (c, "keygen.time", now);
    set (c, "keygen.userid", uid);
}

static void set_options (struct cert *c, optparse_t *p)
{
    const char *arg;

    if ((arg = optparse_get_str (p, "name", NULL)))
        set (c, "name", arg);
    while ((arg = optparse_getopt_next (p, "meta"))) {
        char *key = strdup (arg);
        char *value = key ? strchr (key, '=') : NULL;

        if (!key)
            cmd_die (1, "out of memory");
        if (!value)
            cmd_die (1, "--meta: '%s' is not of the form KEY=VAL", arg);
        *value++ = '\0';
        set (c, key, value);
        free (key);
    }
}

static void save (const char *path, const char *text)
{
    size_t len = strlen (text);
    char *tmp;
    int fd;

    if (asprintf (&tmp, "%s.XXXXXX", path) < 0)
        cmd_die (1, "out of memory");
    if ((fd = mkostemp (tmp, O_CLOEXEC)) < 0)      /* mode 0600 */
        cmd_die (1, "%s: %s", path, strerror (errno));
    if (write (fd, text, len) != (ssize_t)len || fsync (fd) < 0 || close (fd) < 0
        || rename (tmp, path) < 0) {
        int e = errno;
        (void)unlink (tmp);
        cmd_die (1, "%s: %s", path, strerror (e));
    }
    free (tmp);
}

int cmd_keygen (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] PATH", "Generate a certificate for the brokers"
                               " of a system instance", opts, argc, argv, &n);
    struct cert *c = new_cert ();
    time_t t = time (NULL);
    struct tm tm;
    char now[32], comment[80];
    char *text;

    if (n != argc - 1)
        return cmd_usage (p);
    if (!localtime_r (&t, &tm) || strftime (now, sizeof (now), "%FT%T%z", &tm) == 0)
        cmd_die (1, "the time of day cannot be told");
    snprintf (comment, sizeof (comment), "Generated on %s by flux keygen", now);
    set_origin (c, now);
    set_options (c, p);
    if (!(text = cert_encode (c, comment)))
        cmd_die (1, "out of memory");
    save (argv[n], text);
    explicit_bzero (text, strlen (text));
    free (text);
    cert_free (c);
    optparse_destroy (p);
    return 0;
}
