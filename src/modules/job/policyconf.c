/* policyconf.c - is a [policy] table well formed?
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/job/policyconf.h"

/* Tables, and the keys of each.  What is below scheduler is the scheduler's. */
static const struct {
    const char *path;
    const char *keys;
} tables[] = {
    { "", "jobspec limits access scheduler priority" },
    { "jobspec", "defaults" },
    { "jobspec.defaults", "system" },
    { "jobspec.defaults.system", "duration queue" },
    { "limits", "duration job-size" },
    { "limits.job-size", "max min" },
    { "limits.job-size.max", "nnodes ncores ngpus" },
    { "limits.job-size.min", "nnodes ncores ngpus" },
    { "access", "allow-user allow-group" },
};

enum { NTABLES = sizeof (tables) / sizeof (tables[0]) };

json_t *policyconf_get (json_t *o, const char *path)
{
    char part[64];

    while (o && *path) {
        size_t n = strcspn (path, ".");
        if (n >= sizeof (part))
            return NULL;
        memcpy (part, path, n);
        part[n] = '\0';
        o = json_object_get (o, part);
        path += n + (path[n] == '.');
    }
    return o;
}

static int check_duration (json_t *o, const char *what, flux_error_t *err)
{
    double d;

    if ((json_is_number (o) && json_number_value (o) >= 0)
        || (json_is_string (o) && duration_parse (json_string_value (o), &d) == 0))
        return 0;
    return errmsg (err, -EINVAL, "%s: not a duration in Flux standard form", what);
}

static int check_names (json_t *o, const char *what, flux_error_t *err)
{
    size_t i;
    json_t *val;

    if (!json_is_array (o))
        return errmsg (err, -EINVAL, "%s: not an array", what);
    json_array_foreach (o, i, val)
        if (!json_is_string (val))
            return errmsg (err, -EINVAL, "%s[%zu]: not a string", what, i);
    return 0;
}

/* A value of a table, by its key. */
static int check_value (json_t *o, const char *key, const char *what, flux_error_t *err)
{
    if (!strcmp (key, "duration"))
        return check_duration (o, what, err);
    if (!strncmp (key, "allow-", 6))
        return check_names (o, what, err);
    if (!strcmp (key, "queue") && !json_is_string (o))
        return errmsg (err, -EINVAL, "%s: not a string", what);
    if (*key == 'n' && (!json_is_integer (o) || json_integer_value (o) < -1))
        return errmsg (err, -EINVAL, "%s: not an integer of at least -1", what);
    return 0;
}

int policyconf_check (json_t *policy, const char *what, flux_error_t *err)
{
    char name[160], full[200];
    const char *key;
    json_t *val;

    for (int i = 0; policy && i < NTABLES; i++) {
        json_t *table = policyconf_get (policy, tables[i].path);
        snprintf (name, sizeof (name), "%s%s%s", what, *tables[i].path ? "." : "",
                  tables[i].path);
        if (table && tablekeys_check (table, name, tables[i].keys, err) < 0)
            return -EINVAL;
        json_object_foreach (table, key, val) {
            snprintf (full, sizeof (full), "%s.%s", name, key);
            if (check_value (val, key, full, err) < 0)
                return -EINVAL;
        }
    }
    return 0;
}
