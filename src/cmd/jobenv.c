/* jobenv.c - which environment and limits a job is submitted with
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/jobenv.h"

extern char **environ;

/* What a job must not inherit: it gets its own. */
static const char *const filtered[] = {
    "FLUX_PROXY_REMOTE", "FLUX_SHELL_FD", "FLUX_SHELL_INFO_FD", "PMI_FD", "PMI_RANK",
    "PMI_SIZE", "SLURM_*", NULL,
};

/* Rules in the order of the command line. */
static struct {
    char kind;
    const char *rule;
} *rules;
static size_t nrules;

void jobenv_add_rule (char kind, const char *rule)
{
    void *p = realloc (rules, (nrules + 1) * sizeof (*rules));

    if (!p)
        cmd_die (1, "out of memory");
    rules = p;
    rules[nrules].kind = kind;
    rules[nrules++].rule = rule;
}

void jobenv_reset (void)
{
    free (rules);
    rules = NULL;
    nrules = 0;
}

/* A pattern is a glob, or /regex/. */
struct pattern {
    const char *glob;
    regex_t re;
};

static void pattern_compile (struct pattern *pt, const char *s)
{
    char *body;
    size_t n = strlen (s);

    pt->glob = s;
    if (s[0] != '/')
        return;
    pt->glob = NULL;
    body = strndup (s + 1, n > 1 && s[n - 1] == '/' ? n - 2 : n - 1);
    if (!body)
        cmd_die (1, "out of memory");
    if (regcomp (&pt->re, body, REG_EXTENDED | REG_NOSUB) != 0)
        cmd_die (1, "--env: '%s' is not a regular expression", s);
    free (body);
}

static bool pattern_match (struct pattern *pt, const char *name)
{
    if (pt->glob)
        return fnmatch (pt->glob, name, 0) == 0;
    return regexec (&pt->re, name, 0, NULL, 0) == 0;
}

static void pattern_free (struct pattern *pt)
{
    if (!pt->glob)
        regfree (&pt->re);
}

static void copy_matching (json_t *env, const char *s, bool only_new)
{
    struct pattern pt;

    pattern_compile (&pt, s);
    for (char **e = environ; *e; e++) {
        char *eq = strchr (*e, '=');
        char *name = eq ? strndup (*e, eq - *e) : NULL;
        json_t *val;
        if (name && pattern_match (&pt, name) && !(only_new && json_object_get (env, name))
            && (val = json_string (eq + 1)))
            json_object_set_new (env, name, val);
        free (name);
    }
    pattern_free (&pt);
}

static void remove_matching (json_t *env, const char *s)
{
    struct pattern pt;
    const char *name;
    json_t *val;
    void *tmp;

    pattern_compile (&pt, s);
    json_object_foreach_safe (env, tmp, name, val) {
        if (pattern_match (&pt, name))
            json_object_del (env, name);
    }
    pattern_free (&pt);
}

/* $var, ${var}, $$ */
static char *substitute (json_t *env, const char *val, const char *rule)
{
    struct buf b = BUF_INIT;

    for (const char *s = val; *s;) {
        const char *start;
        char name[256];
        const char *repl;
        size_t n;
        bool brace;
        if (*s != '$') {
            buf_addc (&b, *s++);
            continue;
        }
        if (s[1] == '$') {
            buf_addc (&b, '$');
            s += 2;
            continue;
        }
        brace = s[1] == '{';
        start = s + 1 + brace;
        for (n = 0; isalnum ((unsigned char)start[n]) || start[n] == '_'; n++)
            ;
        if (n == 0 || n >= sizeof (name) || (brace && start[n] != '}'))
            cmd_die (1, "--env=%s: bad substitution at '%s'", rule, s);
        memcpy (name, start, n);
        name[n] = '\0';
        repl = json_string_value (json_object_get (env, name));
        if (!repl && !(repl = getenv (name)))
            cmd_die (1, "--env=%s: variable %s is not set", rule, name);
        buf_adds (&b, repl);
        s = start + n + brace;
    }
    return buf_take (&b);
}

static void set_variable (json_t *env, const char *rule, const char *eq)
{
    char *name = strndup (rule, eq - rule);
    char *val = substitute (env, eq + 1, rule);

    if (eq == rule)
        cmd_die (1, "--env=%s: a variable name is missing before '='", rule);
    if (!name || !val || json_object_set_new (env, name, json_string (val)) < 0)
        cmd_die (1, "--env=%s: not valid text", rule);
    free (name);
    free (val);
}

static void apply_rule (json_t *env, const char *rule, int depth);

static void apply_file (json_t *env, const char *path, int depth)
{
    char *full = NULL;
    char *line = NULL;
    size_t size = 0;
    FILE *f;

    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && getenv ("HOME")) {
        if (asprintf (&full, "%s%s", getenv ("HOME"), path + 1) < 0)
            cmd_die (1, "out of memory");
        path = full;
    }
    if (depth > 16)
        cmd_die (1, "--env-file: %s: files include one another", path);
    if (!(f = fopen (path, "re")))
        cmd_die (1, "--env-file: %s: %s", path, strerror (errno));
    while (getline (&line, &size, f) >= 0) {
        line[strcspn (line, "\r\n")] = '\0';
        char *rule = line + strspn (line, " \t");
        if (*rule && *rule != '#')
            apply_rule (env, rule, depth + 1);
    }
    free (line);
    fclose (f);
    free (full);
}

static void apply_rule (json_t *env, const char *rule, int depth)
{
    const char *eq;

    if (rule[0] == '-')
        remove_matching (env, rule + 1);
    else if (rule[0] == '^')
        apply_file (env, rule + 1, depth);
    else if (rule[0] != '/' && (eq = strchr (rule, '=')))
        set_variable (env, rule, eq);
    else
        copy_matching (env, rule, true);
}

json_t *jobenv_make (optparse_t *p)
{
    json_t *env = json_object ();

    if (!env)
        cmd_die (1, "out of memory");
    copy_matching (env, "*", false);
    for (size_t i = 0; i < nrules; i++) {
        if (rules[i].kind == '-')
            remove_matching (env, rules[i].rule);
        else if (rules[i].kind == '^')
            apply_file (env, rules[i].rule, 0);
        else
            apply_rule (env, rules[i].rule, 0);
    }
    for (int i = 0; filtered[i]; i++)
        remove_matching (env, filtered[i]);
    return env;
}

/* Limits */

static const struct {
    const char *name;
    int resource;
    bool def;
} limits[] = {
    { "cpu", RLIMIT_CPU, true }, { "fsize", RLIMIT_FSIZE, true },
    { "data", RLIMIT_DATA, true }, { "stack", RLIMIT_STACK, true },
    { "core", RLIMIT_CORE, true }, { "rss", RLIMIT_RSS, true },
    { "nproc", RLIMIT_NPROC, true }, { "nofile", RLIMIT_NOFILE, true },
    { "as", RLIMIT_AS, true }, { "locks", RLIMIT_LOCKS, true },
    { "memlock", RLIMIT_MEMLOCK, false }, { "msgqueue", RLIMIT_MSGQUEUE, false },
    { "nice", RLIMIT_NICE, false }, { "rtprio", RLIMIT_RTPRIO, false },
    { "rttime", RLIMIT_RTTIME, false }, { "sigpending", RLIMIT_SIGPENDING, false },
};
#define NLIMITS (sizeof (limits) / sizeof (limits[0]))

static void propagate (json_t *o, size_t i)
{
    struct rlimit rl;

    if (getrlimit (limits[i].resource, &rl) == 0)
        json_object_set_new (o, limits[i].name,
                             json_integer (rl.rlim_cur == RLIM_INFINITY ? -1
                                           : (json_int_t)rl.rlim_cur));
}

static json_t *limit_value (const char *name, const char *s)
{
    json_int_t val;
    char *end;

    if (strcmp (s, "unlimited") == 0 || strcmp (s, "infinity") == 0 || strcmp (s, "inf") == 0)
        return json_integer (-1);
    errno = 0;
    val = strtoll (s, &end, 10);
    if (*end || end == s || errno || val < 0)
        cmd_die (1, "--rlimit=%s=%s: want a number or 'unlimited'", name, s);
    return json_integer (val);
}

/* NAME=VALUE, -PATTERN, or PATTERN */
static void apply_limit_rule (char *rule, void *arg)
{
    json_t *o = arg;
    bool remove = rule[0] == '-';
    char *eq = remove ? NULL : strchr (rule, '=');
    const char *pattern = rule + remove;
    bool found = false;

    if (eq)
        *eq = '\0';
    if (strcasecmp (pattern, "ofile") == 0)    /* its old name */
        pattern = "nofile";
    for (size_t i = 0; i < NLIMITS; i++) {
        if (fnmatch (pattern, limits[i].name, FNM_CASEFOLD) != 0)
            continue;
        found = true;
        if (eq)
            json_object_set_new (o, limits[i].name, limit_value (rule, eq + 1));
        else if (remove)
            json_object_del (o, limits[i].name);
        else
            propagate (o, i);
    }
    if (!found)
        cmd_die (1, "--rlimit=%s: no such limit", rule);
}

json_t *jobenv_rlimits (optparse_t *p)
{
    json_t *o = json_object ();
    const char *rule;

    if (!o)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < NLIMITS; i++) {
        if (limits[i].def)
            propagate (o, i);
    }
    optparse_getopt_iterator_reset (p, "rlimit");
    while ((rule = optparse_getopt_next (p, "rlimit")))
        cmd_each (rule, apply_limit_rule, o);
    return o;
}
