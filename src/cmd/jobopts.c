/* jobopts.c - options of the submission commands, and the jobspec they make
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <flux/idset.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/duration.h"
#include "base/optparse_more.h"
#include "base/when.h"
#include "cmd/cmd.h"
#include "cmd/jobenv.h"
#include "cmd/jobopts.h"
#include "cmd/jobres.h"
#include "cmd/mpir.h"
#include "spec/constraint.h"
#include "spec/dependency.h"

/* Options */

static int env_cb (optparse_t *p, struct optparse_option *o, const char *arg)
{
    jobenv_add_rule (strcmp (o->name, "env-remove") == 0 ? '-'
                     : strcmp (o->name, "env-file") == 0 ? '^' : ' ', arg);
    return 0;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }
#define OPT_CB(NAME, ARG, USAGE, CB) \
    { .name = NAME, .key = 0, .has_arg = 1, .arginfo = ARG, .usage = USAGE, .cb = CB }

static const struct optparse_option common[] = {
    OPT ("queue", 'q', "NAME", "Submit a job to a specific named queue"),
    OPT ("bank", 'B', "NAME", "Submit a job to a specific named bank"),
    OPT ("time-limit", 't', "MIN|FSD", "Time limit in minutes when no units provided, "
         "otherwise in Flux standard duration, e.g. 30s, 2d, 1.5h"),
    OPT ("job-name", 0, "NAME", "Set an optional name for job to NAME"),
    OPT ("flags", 0, "FLAGS", "Set comma separated list of job submission flags "
         "(debug, waitable, novalidate)"),
    OPT ("requires", 0, "CONSTRAINT", "Only execute on resources that match CONSTRAINT"),
    OPT ("dependency", 0, "URI", "Set an RFC 26 dependency URI for this job"),
    OPT_CB ("env", "RULE", "Control how environment variables are exported", env_cb),
    OPT_CB ("env-remove", "PATTERN", "Remove environment variables matching PATTERN", env_cb),
    OPT_CB ("env-file", "FILE", "Read a set of environment rules from FILE", env_cb),
    OPT ("rlimit", 0, "RULE", "Control how process resource limits are propagated"),
    OPT ("input", 0, "FILENAME|RANKS", "Redirect job stdin from FILENAME"),
    OPT ("output", 0, "TEMPLATE", "Redirect job stdout to FILENAME (mustache template)"),
    OPT ("error", 0, "TEMPLATE", "Redirect job stderr to FILENAME (mustache template)"),
    OPT ("unbuffered", 'u', NULL, "Disable buffering of input and output"),
    OPT ("label-io", 'l', NULL, "Add rank labels to stdout, stderr lines"),
    OPT ("cwd", 0, "DIR", "Set job working directory"),
    OPT ("urgency", 0, "N", "Set job urgency (0-31), hold=0, default=16, expedite=31"),
    OPT ("setopt", 'o', "KEY[=VAL]", "Set shell option KEY. An optional VALUE is supported "
         "and may be JSON (default 1)"),
    OPT ("setattr", 'S', "KEY[=VAL]", "Set job attribute KEY to VAL (multiple use OK)"),
    OPT ("add-file", 0, "[NAME[:PERMS]=]ARG", "Add a file to the job, found in its temporary "
         "directory as NAME"),
    OPT ("begin-time", 0, "+FSD|DATETIME", "Set a begin time for the job"),
    OPT ("signal", 0, "[SIG][@TIME]", "Schedule delivery of signal SIG at TIME before the "
         "job time limit"),
    OPT ("dry-run", 0, NULL, "Don't actually submit job, just emit jobspec"),
    OPT ("debug", 0, NULL, "Set job debug flag"),
    OPT ("quiet", 0, NULL, "Do not print jobid to stdout on submission"),
    OPT ("verbose", 'v', NULL, "Increase verbosity on stderr (multiple use OK)"),
    OPTPARSE_TABLE_END,
};

void jobopts_add (optparse_t *p, enum jobopts_kind kind)
{
    optparse_set_whole_names (p);
    if (optparse_add_option_table (p, jobres_options (kind)) != OPTPARSE_SUCCESS
        || optparse_add_option_table (p, common) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
}

/* Small pieces */

int jobopts_set_path (json_t *o, const char *path, json_t *val)
{
    char key[256];
    const char *dot;

    while (val && (dot = strchr (path, '.'))) {
        size_t n = dot - path;
        json_t *next;
        if (n == 0 || n >= sizeof (key))
            goto error;
        memcpy (key, path, n);
        key[n] = '\0';
        next = json_object_get (o, key);
        /* "-o sysmon -o sysmon.period=5s": a switch becomes an object */
        if (!next || json_is_integer (next) || json_is_boolean (next)) {
            next = json_object ();
            json_object_set_new (o, key, next);
        }
        if (!json_is_object (next))
            goto error;
        o = next;
        path = dot + 1;
    }
    if (val && *path)
        return json_object_set_new (o, path, val);
error:
    json_decref (val);
    return -1;
}

json_t *jobopts_value (const char *val)
{
    json_t *o;

    if (!val)
        return json_integer (1);
    if ((o = json_loads (val, JSON_DECODE_ANY, NULL)))
        return o;
    return json_string (val);
}

char *jobopts_read_file (const char *path, size_t *lenp)
{
    struct buf b = BUF_INIT;
    int fd = strcmp (path, "-") == 0 ? dup (STDIN_FILENO) : open (path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        cmd_die (1, "%s: %s", path, strerror (errno));
    do {
        if (buf_reserve (&b, 65536) < 0)
            cmd_die (1, "%s: too large", path);
        if ((n = read (fd, b.data + b.len, 65536)) > 0)
            b.len += n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        cmd_die (1, "%s: %s", path, strerror (errno));
    close (fd);
    if (lenp)
        *lenp = b.len;
    return buf_take (&b);
}

json_t *jobopts_file (const char *data, size_t len, int mode)
{
    json_t *text = memchr (data, '\0', len) ? NULL : json_stringn (data, len);
    char *b64;

    if (text)
        return json_pack ("{s:i s:s s:o s:I}", "mode", mode, "encoding", "utf-8", "data", text,
                          "size", (json_int_t)len);
    if (!(b64 = malloc (base64_encoded_size (len))))
        cmd_die (1, "out of memory");
    base64_encode (data, len, b64);
    json_t *o = json_pack ("{s:i s:s s:s s:I}", "mode", mode, "encoding", "base64", "data", b64,
                           "size", (json_int_t)len);
    free (b64);
    return o;
}

static char *split_key (const char *opt, const char *arg, const char **valp)
{
    const char *eq = strchr (arg, '=');
    char *key = eq ? strndup (arg, eq - arg) : strdup (arg);

    if (!key)
        cmd_die (1, "out of memory");
    if (!*key)
        cmd_die (1, "--%s=%s: no key", opt, arg);
    *valp = eq ? eq + 1 : NULL;
    return key;
}

/* Attributes */

static void set_or_die (json_t *o, const char *opt, const char *arg, const char *path, json_t *val)
{
    if (jobopts_set_path (o, path, val) < 0)
        cmd_die (1, "--%s=%s: bad key '%s'", opt, arg, path);
}

static void apply_setopts (optparse_t *p, json_t *options)
{
    const char *arg;

    optparse_getopt_iterator_reset (p, "setopt");
    while ((arg = optparse_getopt_next (p, "setopt"))) {
        const char *val;
        char *key = split_key ("setopt", arg, &val);
        set_or_die (options, "setopt", arg, key, jobopts_value (val));
        free (key);
    }
}

static json_t *json_of_file (const char *path)
{
    json_error_t error;
    size_t len;
    char *text = jobopts_read_file (path, &len);
    json_t *o = json_loadb (text, len, JSON_DECODE_ANY, &error);

    if (!o)
        cmd_die (1, "--setattr: %s:%d: %s", path, error.line, error.text);
    free (text);
    return o;
}

static void apply_setattrs (optparse_t *p, json_t *attributes)
{
    const char *arg;

    optparse_getopt_iterator_reset (p, "setattr");
    while ((arg = optparse_getopt_next (p, "setattr"))) {
        const char *val;
        char *key = split_key ("setattr", arg, &val);
        char *path = NULL;
        const char *k = key[0] == '^' ? key + 1 : key;
        json_t *o = key[0] == '^' ? json_of_file (val ? val : "") : jobopts_value (val);
        bool whole = strncmp (k, "system.", 7) == 0 || strncmp (k, "user.", 5) == 0 || k[0] == '.';
        if (asprintf (&path, "%s%s", whole ? "" : "system.", k + (k[0] == '.')) < 0)
            cmd_die (1, "out of memory");
        set_or_die (attributes, "setattr", arg, path, o);
        free (path);
        free (key);
    }
}

static double parse_time_limit (const char *s)
{
    char *end;
    double d;

    if (duration_parse (s, &d) < 0)
        cmd_die (1, "--time-limit=%s: want minutes, or a duration like 30s, 1.5h, 2d", s);
    (void)strtod (s, &end);
    if (*end == '\0')    /* no unit */
        d *= 60;
    return isinf (d) ? 0 : d;
}

static int parse_signal (const char *s, size_t n)
{
    char name[32];
    char *end;
    long num;

    if (n >= sizeof (name))
        return -1;
    memcpy (name, s, n);
    name[n] = '\0';
    num = strtol (name, &end, 10);
    if (*end == '\0' && n > 0)
        return num > 0 && num < NSIG ? num : -1;
    for (int i = 1; i < NSIG; i++) {
        const char *abbrev = sigabbrev_np (i);
        if (abbrev && (strcasecmp (abbrev, name) == 0
                       || (strncasecmp (name, "SIG", 3) == 0 && strcasecmp (abbrev, name + 3) == 0)))
            return i;
    }
    return -1;
}

static void apply_signal (json_t *options, const char *arg)
{
    size_t n = strcspn (arg, "@");
    int signum = n > 0 ? parse_signal (arg, n) : SIGUSR1;
    double left = 60;

    if (signum < 0)
        cmd_die (1, "--signal=%s: '%.*s' is not a signal", arg, (int)n, arg);
    if (arg[n] == '@' && (duration_parse (arg + n + 1, &left) < 0 || isinf (left)))
        cmd_die (1, "--signal=%s: '%s' is not a duration", arg, arg + n + 1);
    json_object_set_new (options, "signal", json_pack ("{s:i s:f}", "signum", signum,
                                                       "timeleft", left));
}

/* Epoch seconds of --begin-time. */
static double parse_begin_time (const char *arg)
{
    flux_error_t err;
    double t;

    if (when_parse (arg, time (NULL), &t, &err) < 0)
        cmd_die (1, "--begin-time=%s: %s", arg, err.text);
    return t;
}

static void apply_dependencies (optparse_t *p, json_t *sys)
{
    json_t *deps = json_array ();
    const char *arg;
    flux_error_t err;

    optparse_getopt_iterator_reset (p, "dependency");
    while ((arg = optparse_getopt_next (p, "dependency"))) {
        json_t *o = dependency_parse (arg, &err);
        if (!o)
            cmd_die (1, "--dependency=%s: %s", arg, err.text);
        json_array_append_new (deps, o);
    }
    if (optparse_getopt (p, "begin-time", &arg) > 0) {
        char value[64];
        snprintf (value, sizeof (value), "%.3f", parse_begin_time (arg));
        json_array_append_new (deps, json_pack ("{s:s s:s}", "scheme", "begin-time", "value", value));
    }
    if (json_array_size (deps) > 0)
        json_object_set (sys, "dependencies", deps);
    json_decref (deps);
}

/* Cut ":PERMS" off the name; what is not octal is part of it. */
static void cut_perms (char *name, int *modep)
{
    char *colon = strrchr (name, ':');
    char *end;
    long mode = colon ? strtol (colon + 1, &end, 8) : -1;

    if (!colon || *end || end == colon + 1 || mode < 0 || mode > 0777)
        return;
    *modep = (int)mode;
    *colon = '\0';
}

/* NAME[:PERMS]=ARG, or a path */
static void add_file (json_t *sys, enum jobopts_kind kind, const char *arg)
{
    const char *eq = strchr (arg, '=');
    char *name = eq ? strndup (arg, eq - arg) : strdup (basename (arg));
    const char *content = eq ? eq + 1 : arg;
    json_t *files = json_object_get (sys, "files");
    int mode = 0600;
    char *data;
    size_t len;

    if (!name)
        cmd_die (1, "out of memory");
    if (eq)
        cut_perms (name, &mode);
    if (!*name || strchr (name, '\n'))
        cmd_die (1, "--add-file: file name missing: want NAME=TEXT or a path");
    if (kind == JOBOPTS_SLOTS && (strcmp (name, "script") == 0 || strcmp (name, "conf.json") == 0))
        cmd_die (1, "--add-file=%s: the names script and conf.json are those of files that every"
                 " batch job may have: take another", arg);
    if (eq && strchr (content, '\n')) {
        data = strdup (content);
        len = strlen (content);
    }
    else {
        struct stat st;
        if (!eq && stat (content, &st) == 0)
            mode = st.st_mode & 0777;
        data = jobopts_read_file (content, &len);
    }
    if (!data)
        cmd_die (1, "out of memory");
    if (!files) {
        files = json_object ();
        json_object_set_new (sys, "files", files);
    }
    json_object_set_new (files, name, jobopts_file (data, len, S_IFREG | mode));
    free (data);
    free (name);
}

/* Standard I/O */

bool jobopts_is_ranks (const char *input)
{
    struct idset *ids;
    bool yes;

    if (strcmp (cmd_name (), "flux-run") != 0)
        return false;
    ids = idset_decode (input);
    yes = strcmp (input, "all") == 0 || (ids && idset_count (ids) > 0);
    idset_destroy (ids);
    return yes;
}

static json_t *output_object (const char *template)
{
    if (strcmp (template, "none") == 0 || strcmp (template, "kvs") == 0)
        return json_pack ("{s:s}", "type", "kvs");
    return json_pack ("{s:s s:s}", "type", "file", "path", template);
}

static void apply_stdio (optparse_t *p, enum jobopts_kind kind, json_t *options)
{
    const char *out = kind == JOBOPTS_SLOTS && strcmp (cmd_name (), "flux-batch") == 0
                          ? "flux-{{id}}.out" : NULL;
    const char *val;

    if (optparse_getopt (p, "output", &val) > 0)
        out = val;
    if (out)
        jobopts_set_path (options, "output.stdout", output_object (out));
    if (optparse_getopt (p, "error", &val) > 0)
        jobopts_set_path (options, "output.stderr", output_object (val));
    if (optparse_hasopt (p, "label-io")) {
        jobopts_set_path (options, "output.stdout.label", json_true ());
        jobopts_set_path (options, "output.stderr.label", json_true ());
    }
    if (optparse_hasopt (p, "unbuffered")) {
        jobopts_set_path (options, "output.stdout.buffer.type", json_string ("none"));
        jobopts_set_path (options, "output.stderr.buffer.type", json_string ("none"));
        jobopts_set_path (options, "output.batch-timeout", json_real (0.01));
    }
    if (optparse_getopt (p, "input", &val) > 0 && !jobopts_is_ranks (val))
        jobopts_set_path (options, "input.stdin", json_pack ("{s:s s:s}", "type", "file",
                                                             "path", val));
}

static void apply_taskmap (optparse_t *p, json_t *options)
{
    const char *arg;
    const char *colon;

    if (optparse_getopt (p, "taskmap", &arg) <= 0)
        return;
    if ((colon = strchr (arg, ':')))
        json_object_set_new (options, "taskmap",
                             json_pack ("{s:s% s:s}", "scheme", arg, (size_t)(colon - arg),
                                        "value", colon + 1));
    else
        json_object_set_new (options, "taskmap", json_pack ("{s:s}", "scheme", arg));
}

/* The whole */

static void set_strings (optparse_t *p, json_t *sys)
{
    const char *val;

    if (optparse_getopt (p, "queue", &val) > 0)
        json_object_set_new (sys, "queue", json_string (val));
    if (optparse_getopt (p, "bank", &val) > 0)
        json_object_set_new (sys, "bank", json_string (val));
    if (optparse_getopt (p, "job-name", &val) > 0)
        jobopts_set_path (sys, "job.name", json_string (val));
    if (optparse_getopt (p, "requires", &val) > 0) {
        flux_error_t err;
        json_t *o = constraint_parse_job (val, &err);
        if (!o)
            cmd_die (1, "--requires=%s: %s", val, err.text);
        json_object_set_new (sys, "constraints", o);
    }
}

static json_t *make_system (optparse_t *p, enum jobopts_kind kind, json_t *options)
{
    const char *tlimit = optparse_get_str (p, "time-limit", NULL);
    const char *cwd = optparse_get_str (p, "cwd", NULL);
    char *here = cwd ? strdup (cwd) : getcwd (NULL, 0);
    json_t *sys;
    const char *val;

    if (cwd && !*cwd)
        cmd_die (1, "--cwd: want a directory");
    if (!here)
        cmd_die (1, "cannot tell the working directory: %s", strerror (errno));
    sys = json_pack ("{s:f s:s s:o s:{s:o}}", "duration", tlimit ? parse_time_limit (tlimit) : 0.,
                        "cwd", here, "environment", jobenv_make (p), "shell", "options", options);
    free (here);
    if (!sys)
        cmd_die (1, "the environment or the working directory is not valid text");
    set_strings (p, sys);
    apply_dependencies (p, sys);
    optparse_getopt_iterator_reset (p, "add-file");
    while ((val = optparse_getopt_next (p, "add-file")))
        add_file (sys, kind, val);
    return sys;
}

static json_t *make_options (optparse_t *p, enum jobopts_kind kind)
{
    json_t *options = json_object ();
    json_t *limits = jobenv_rlimits (p);
    const char *val;

    if (!options)
        cmd_die (1, "out of memory");
    if (json_object_size (limits) > 0)
        json_object_set (options, "rlimit", limits);
    json_decref (limits);
    apply_stdio (p, kind, options);
    apply_taskmap (p, options);
    if (optparse_getopt (p, "signal", &val) > 0)
        apply_signal (options, val);
    return options;
}

json_t *jobopts_jobspec (optparse_t *p, enum jobopts_kind kind, int argc, char **argv)
{
    json_t *options = make_options (p, kind);
    json_t *command = json_array ();
    json_t *attributes;
    json_t *resources;
    json_t *count;

    for (int i = 0; i < argc; i++) {
        if (json_array_append_new (command, json_string (argv[i])) < 0)
            cmd_die (1, "argument %d of the command is not valid UTF-8", i);
    }
    resources = jobres_make (p, kind, &count, options);
    apply_setopts (p, options);
    if (mpir_wanted () && strcmp (cmd_name (), "flux-run") == 0)    /* it wants to see main() */
        json_object_set_new (options, "stop-tasks-in-exec", json_true ());
    attributes = json_pack ("{s:o}", "system", make_system (p, kind, options));
    apply_setattrs (p, attributes);
    return json_pack ("{s:i s:o s:[{s:o s:s s:o}] s:o}", "version", 1, "resources", resources,
                      "tasks", "command", command, "slot", "task", "count", count,
                      "attributes", attributes);
}

int jobopts_urgency (optparse_t *p)
{
    const char *s = optparse_get_str (p, "urgency", "default");
    char *end;
    long n;

    if (strcmp (s, "hold") == 0)
        return FLUX_JOB_URGENCY_HOLD;
    if (strcmp (s, "default") == 0)
        return FLUX_JOB_URGENCY_DEFAULT;
    if (strcmp (s, "expedite") == 0)
        return FLUX_JOB_URGENCY_EXPEDITE;
    n = strtol (s, &end, 10);
    if (*end || end == s || n < FLUX_JOB_URGENCY_MIN || n > FLUX_JOB_URGENCY_MAX)
        cmd_die (1, "--urgency=%s: want 0 to 31, hold, default or expedite", s);
    return n;
}

int jobopts_flags (optparse_t *p)
{
    int flags = optparse_hasopt (p, "debug") ? FLUX_JOB_DEBUG : 0;
    const char *list = optparse_get_str (p, "flags", NULL);
    char *copy = strdup (list ? list : "");
    char *save = NULL;

    for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s; s = strtok_r (NULL, ",", &save)) {
        if (strcmp (s, "debug") == 0)
            flags |= FLUX_JOB_DEBUG;
        else if (strcmp (s, "waitable") == 0)
            flags |= FLUX_JOB_WAITABLE;
        else if (strcmp (s, "novalidate") == 0)
            flags |= FLUX_JOB_NOVALIDATE;
        else
            cmd_die (1, "--flags=%s: there are debug, waitable and novalidate", s);
    }
    free (copy);
    return flags;
}
