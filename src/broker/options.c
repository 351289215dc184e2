/* options.c - the command line of flux-broker(1)
 */
#include <errno.h>
#include <getopt.h>

#include "base/errmsg.h"
#include "broker/options.h"

static const struct option longopts[] = {
    { "help", no_argument, NULL, 'h' },
    { "verbose", optional_argument, NULL, 'v' },
    { "setattr", required_argument, NULL, 'S' },
    { "config-path", required_argument, NULL, 'c' },
    { "conf", required_argument, NULL, 'C' },
    { NULL, 0, NULL, 0 },
};

static void usage (void)
{
    printf ("Usage: flux-broker [OPTIONS] [initial-program [args...]]\n"
            "  -h, --help               Summarize available options.\n"
            "  -v, --verbose            Be annoyingly chatty.\n"
            "  -S, --setattr=ATTR=VAL   Set broker attribute ATTR to VAL.\n"
            "  -c, --config-path=PATH   Set path to broker configuration.\n"
            "      --conf=VALUE         Update the broker configuration from VALUE.\n");
}

static int set_attr (struct attrs *attrs, const char *arg, flux_error_t *err)
{
    const char *eq = strchr (arg, '=');
    char *name;
    int rc;

    if (eq == arg)
        return errmsg (err, -EINVAL, "setattr: '%s' has no attribute name", arg);
    name = eq ? strndup (arg, eq - arg) : strdup (arg);
    if (!name)
        return errmsg (err, -ENOMEM, "out of memory");
    rc = attrs_set_cmdline (attrs, name, eq ? eq + 1 : "", err);
    free (name);
    return rc;
}

static int add_conf (struct options *o, const char *value)
{
    size_t n = 0;
    char **conf;

    while (o->conf && o->conf[n])
        n++;
    if (!(conf = reallocarray (o->conf, n + 2, sizeof (char *))))
        return -ENOMEM;
    o->conf = conf;
    o->conf[n] = (char *)value;
    o->conf[n + 1] = NULL;
    return 0;
}

int options_parse (struct options *o, int argc, char **argv, struct attrs *attrs,
                   flux_error_t *err)
{
    int c, rc = 0;

    memset (o, 0, sizeof (*o));
    opterr = 0;
    while (rc == 0 && (c = getopt_long (argc, argv, "+:hvS:c:", longopts, NULL)) >= 0) {
        switch (c) {
        case 'h':
            usage ();
            return 1;
        case 'v':
            o->verbose++;
            break;
        case 'S':
            rc = set_attr (attrs, optarg, err);
            break;
        case 'c':
            o->config_path = optarg;
            break;
        case 'C':
            if ((rc = add_conf (o, optarg)) < 0)
                errmsg (err, rc, "out of memory");
            break;
        case ':':
            rc = errmsg (err, -EINVAL, "option '%s' needs an argument", argv[optind - 1]);
            break;
        default:
            rc = errmsg (err, -EINVAL, "unknown option '%s': see flux-broker --help",
                         argv[optind - 1]);
        }
    }
    o->argc = argc - optind;
    o->argv = argv + optind;
    return rc;
}

void options_release (struct options *o)
{
    free (o->conf);
    o->conf = NULL;
}
