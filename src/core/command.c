/* command.c - the description of a subprocess to run (RFC 42)
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core/command.h>

#include "base/errmsg.h"
#include "core/command_private.h"

/* A NULL-terminated array of strings that it owns. */
struct strv {
    char **v;
    size_t count;
    size_t size;   /* allocated slots; count + 1 <= size once v is set */
};

struct flux_command {
    char *cwd;
    char *label;
    struct strv argv;
    struct strv env;       /* "NAME=VALUE" */
    struct strv opts;      /* "NAME=VALUE" */
    struct strv channels;
    struct strv chan_names; /* message channels: name n has uri n */
    struct strv chan_uris;
};

static char *strv_none[1];

static int strv_reserve (struct strv *s, size_t extra)
{
    size_t need = s->count + extra + 1;
    size_t size = s->size ? s->size : 8;
    char **v;

    if (need <= s->size)
        return 0;
    while (size < need)
        size *= 2;
    if (!(v = realloc (s->v, size * sizeof (*v))))
        return -ENOMEM;
    s->v = v;
    s->size = size;
    s->v[s->count] = NULL;
    return 0;
}

/* Takes 'str' (malloced or NULL after a failed allocation), also on error. */
static int strv_insert_take (struct strv *s, size_t pos, char *str)
{
    if (!str || strv_reserve (s, 1) < 0) {
        free (str);
        return -ENOMEM;
    }
    memmove (&s->v[pos + 1], &s->v[pos], (s->count - pos + 1) * sizeof (*s->v));
    s->v[pos] = str;
    s->count++;
    return 0;
}

static int strv_append (struct strv *s, const char *str)
{
    return strv_insert_take (s, s->count, strdup (str));
}

static void strv_delete (struct strv *s, size_t pos)
{
    free (s->v[pos]);
    memmove (&s->v[pos], &s->v[pos + 1], (s->count - pos) * sizeof (*s->v));
    s->count--;
}

static void strv_release (struct strv *s)
{
    for (size_t i = 0; i < s->count; i++)
        free (s->v[i]);
    free (s->v);
    memset (s, 0, sizeof (*s));
}

static int strv_copy (struct strv *dst, const struct strv *src)
{
    if (strv_reserve (dst, src->count) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < src->count; i++) {
        if (strv_append (dst, src->v[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

static char **strv_get (const struct strv *s)
{
    return s->v ? s->v : strv_none;
}

static bool strv_has (const struct strv *s, const char *str)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!strcmp (s->v[i], str))
            return true;
    }
    return false;
}

/* Place of "NAME=..." or count if there is none. */
static size_t strv_find (const struct strv *s, const char *name)
{
    size_t len = strlen (name);
    size_t i;

    for (i = 0; i < s->count; i++) {
        if (!strncmp (s->v[i], name, len) && s->v[i][len] == '=')
            break;
    }
    return i;
}

static const char *strv_value (const struct strv *s, const char *name)
{
    size_t i = strv_find (s, name);

    return i < s->count ? s->v[i] + strlen (name) + 1 : NULL;
}

/* Takes 'str'. */
static int strv_set_take (struct strv *s, const char *name, char *str)
{
    size_t i = strv_find (s, name);

    if (!str)
        return -ENOMEM;
    if (i == s->count)
        return strv_insert_take (s, i, str);
    free (s->v[i]);
    s->v[i] = str;
    return 0;
}

static char *pair_text (const char *name, const char *value)
{
    char *s;

    return asprintf (&s, "%s=%s", name, value) < 0 ? NULL : s;
}

static int set_errno (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return rc;
}

flux_cmd_t *flux_cmd_create (int argc, char *argv[], char **env)
{
    flux_cmd_t *cmd;

    if (argc < 0 || (argc > 0 && !argv)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cmd = calloc (1, sizeof (*cmd))))
        return NULL;
    for (int i = 0; i < argc; i++) {
        if (!argv[i]) {
            errno = EINVAL;
            goto error;
        }
        if (strv_append (&cmd->argv, argv[i]) < 0)
            goto nomem;
    }
    if (env && flux_cmd_env_replace (cmd, env) < 0)
        goto error;
    return cmd;
nomem:
    errno = ENOMEM;
error:
    flux_cmd_destroy (cmd);
    return NULL;
}

void flux_cmd_destroy (flux_cmd_t *cmd)
{
    if (!cmd)
        return;
    int saved_errno = errno;
    free (cmd->cwd);
    free (cmd->label);
    strv_release (&cmd->argv);
    strv_release (&cmd->env);
    strv_release (&cmd->opts);
    strv_release (&cmd->channels);
    strv_release (&cmd->chan_names);
    strv_release (&cmd->chan_uris);
    free (cmd);
    errno = saved_errno;
}

flux_cmd_t *flux_cmd_copy (const flux_cmd_t *src)
{
    flux_cmd_t *cmd;

    if (!src) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cmd = calloc (1, sizeof (*cmd))))
        return NULL;
    if ((src->cwd && !(cmd->cwd = strdup (src->cwd)))
        || (src->label && !(cmd->label = strdup (src->label)))
        || strv_copy (&cmd->argv, &src->argv) < 0
        || strv_copy (&cmd->env, &src->env) < 0
        || strv_copy (&cmd->opts, &src->opts) < 0
        || strv_copy (&cmd->channels, &src->channels) < 0
        || strv_copy (&cmd->chan_names, &src->chan_names) < 0
        || strv_copy (&cmd->chan_uris, &src->chan_uris) < 0) {
        flux_cmd_destroy (cmd);
        errno = ENOMEM;
        return NULL;
    }
    return cmd;
}

int flux_cmd_argv_append (flux_cmd_t *cmd, const char *arg)
{
    if (!cmd || !arg)
        return set_errno (-EINVAL);
    return set_errno (strv_append (&cmd->argv, arg));
}

int flux_cmd_argv_appendf (flux_cmd_t *cmd, const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    if (!cmd || !fmt)
        return set_errno (-EINVAL);
    va_start (ap, fmt);
    n = vasprintf (&s, fmt, ap);
    va_end (ap);
    return set_errno (strv_insert_take (&cmd->argv, cmd->argv.count,
                                        n < 0 ? NULL : s));
}

int flux_cmd_argv_insert (flux_cmd_t *cmd, int n, const char *arg)
{
    if (!cmd || !arg || n < 0 || (size_t)n > cmd->argv.count)
        return set_errno (-EINVAL);
    return set_errno (strv_insert_take (&cmd->argv, n, strdup (arg)));
}

int flux_cmd_argv_delete (flux_cmd_t *cmd, int n)
{
    if (!cmd || n < 0 || (size_t)n >= cmd->argv.count)
        return set_errno (-EINVAL);
    strv_delete (&cmd->argv, n);
    return 0;
}

int flux_cmd_argc (const flux_cmd_t *cmd)
{
    return cmd ? (int)cmd->argv.count : 0;
}

const char *flux_cmd_arg (const flux_cmd_t *cmd, int n)
{
    if (!cmd || n < 0 || (size_t)n >= cmd->argv.count) {
        errno = EINVAL;
        return NULL;
    }
    return cmd->argv.v[n];
}

char *flux_cmd_stringify (const flux_cmd_t *cmd)
{
    size_t len = 1;
    char *s, *p;

    if (!cmd) {
        errno = EINVAL;
        return NULL;
    }
    for (size_t i = 0; i < cmd->argv.count; i++)
        len += strlen (cmd->argv.v[i]) + 1;
    if (!(p = s = malloc (len)))
        return NULL;
    for (size_t i = 0; i < cmd->argv.count; i++) {
        if (i > 0)
            *p++ = ' ';
        p = stpcpy (p, cmd->argv.v[i]);
    }
    *p = '\0';
    return s;
}

static bool env_name_ok (const char *name)
{
    return name && *name && !strchr (name, '=');
}

int flux_cmd_env_replace (flux_cmd_t *cmd, char **env)
{
    struct strv new = { 0 };

    if (!cmd)
        return set_errno (-EINVAL);
    for (size_t i = 0; env && env[i]; i++) {
        if (!strchr (env[i], '='))
            continue; /* execve would pass it, getenve would not find it */
        if (strv_append (&new, env[i]) < 0) {
            strv_release (&new);
            return set_errno (-ENOMEM);
        }
    }
    strv_release (&cmd->env);
    cmd->env = new;
    return 0;
}

int flux_cmd_setenvf (flux_cmd_t *cmd,
                      int overwrite,
                      const char *name,
                      const char *fmt,
                      ...)
{
    va_list ap;
    char *value, *pair;
    int n;

    if (!cmd || !env_name_ok (name) || !fmt)
        return set_errno (-EINVAL);
    if (!overwrite && strv_value (&cmd->env, name))
        return set_errno (-EEXIST);
    va_start (ap, fmt);
    n = vasprintf (&value, fmt, ap);
    va_end (ap);
    if (n < 0)
        return set_errno (-ENOMEM);
    pair = pair_text (name, value);
    free (value);
    return set_errno (strv_set_take (&cmd->env, name, pair));
}

void flux_cmd_unsetenv (flux_cmd_t *cmd, const char *name)
{
    size_t i;

    if (!cmd || !name)
        return;
    if ((i = strv_find (&cmd->env, name)) < cmd->env.count)
        strv_delete (&cmd->env, i);
}

const char *flux_cmd_getenv (const flux_cmd_t *cmd, const char *name)
{
    return cmd && name ? strv_value (&cmd->env, name) : NULL;
}

static int replace_string (char **sp, const char *value)
{
    char *cpy = NULL;

    if (value && !(cpy = strdup (value)))
        return -ENOMEM;
    free (*sp);
    *sp = cpy;
    return 0;
}

int flux_cmd_setcwd (flux_cmd_t *cmd, const char *cwd)
{
    if (!cmd || !cwd)
        return set_errno (-EINVAL);
    return set_errno (replace_string (&cmd->cwd, cwd));
}

const char *flux_cmd_getcwd (const flux_cmd_t *cmd)
{
    return cmd ? cmd->cwd : NULL;
}

int flux_cmd_set_label (flux_cmd_t *cmd, const char *label)
{
    if (!cmd || (label && !*label))
        return set_errno (-EINVAL);
    return set_errno (replace_string (&cmd->label, label));
}

const char *flux_cmd_get_label (flux_cmd_t *cmd)
{
    return cmd ? cmd->label : NULL;
}

int flux_cmd_setopt (flux_cmd_t *cmd, const char *var, const char *val)
{
    if (!cmd || !env_name_ok (var) || !val)
        return set_errno (-EINVAL);
    return set_errno (strv_set_take (&cmd->opts, var, pair_text (var, val)));
}

const char *flux_cmd_getopt (flux_cmd_t *cmd, const char *var)
{
    return cmd && var ? strv_value (&cmd->opts, var) : NULL;
}

static bool channel_name_ok (const flux_cmd_t *cmd, const char *name)
{
    return env_name_ok (name)
           && strcmp (name, "stdin") != 0
           && strcmp (name, "stdout") != 0
           && strcmp (name, "stderr") != 0;
}

int flux_cmd_add_channel (flux_cmd_t *cmd, const char *name)
{
    if (!cmd || !channel_name_ok (cmd, name))
        return set_errno (-EINVAL);
    if (strv_has (&cmd->channels, name) || strv_has (&cmd->chan_names, name))
        return set_errno (-EEXIST);
    return set_errno (strv_append (&cmd->channels, name));
}

int flux_cmd_add_message_channel (flux_cmd_t *cmd,
                                  const char *name,
                                  const char *uri)
{
    if (!cmd || !channel_name_ok (cmd, name) || !uri || !*uri)
        return set_errno (-EINVAL);
    if (strv_has (&cmd->channels, name) || strv_has (&cmd->chan_names, name))
        return set_errno (-EEXIST);
    if (strv_append (&cmd->chan_names, name) < 0)
        return set_errno (-ENOMEM);
    if (strv_append (&cmd->chan_uris, uri) < 0) {
        strv_delete (&cmd->chan_names, cmd->chan_names.count - 1);
        return set_errno (-ENOMEM);
    }
    return 0;
}

/* command_private.h */

char **cmd_argv (const flux_cmd_t *cmd)
{
    return strv_get (&cmd->argv);
}

char **cmd_env (const flux_cmd_t *cmd)
{
    return strv_get (&cmd->env);
}

const char *cmd_channel (const flux_cmd_t *cmd, size_t n)
{
    return n < cmd->channels.count ? cmd->channels.v[n] : NULL;
}

const char *cmd_msgchan (const flux_cmd_t *cmd, size_t n, const char **uri)
{
    if (n >= cmd->chan_names.count)
        return NULL;
    if (uri)
        *uri = cmd->chan_uris.v[n];
    return cmd->chan_names.v[n];
}

const char *cmd_stream_opt (const flux_cmd_t *cmd, const char *stream,
                            const char *name)
{
    size_t slen = strlen (stream), nlen = strlen (name);

    for (size_t i = 0; i < cmd->opts.count; i++) {
        const char *s = cmd->opts.v[i];
        if (!strncmp (s, stream, slen) && s[slen] == '_'
            && !strncmp (s + slen + 1, name, nlen) && s[slen + 1 + nlen] == '=')
            return s + slen + nlen + 2;
    }
    return NULL;
}

/* Encode */

static json_t *strv_to_array (const struct strv *s)
{
    json_t *a = json_array ();

    for (size_t i = 0; a && i < s->count; i++) {
        if (json_array_append_new (a, json_string (s->v[i])) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}

/* Values that are not UTF-8 cannot be sent in JSON; such a variable is left
 * out rather than keeping the command from running. */
static json_t *pairs_to_object (const struct strv *s)
{
    json_t *o = json_object ();

    for (size_t i = 0; o && i < s->count; i++) {
        const char *eq = strchr (s->v[i], '=');
        json_t *val = json_string (eq + 1);
        char *name = strndup (s->v[i], eq - s->v[i]);

        if (!name) {
            json_decref (val);
            json_decref (o);
            return NULL;
        }
        if (val)
            (void)json_object_set_new (o, name, val);
        free (name);
    }
    return o;
}

static json_t *msgchans_to_array (const flux_cmd_t *cmd)
{
    json_t *a = json_array ();

    for (size_t i = 0; a && i < cmd->chan_names.count; i++) {
        json_t *o = json_pack ("{s:s s:s}", "name", cmd->chan_names.v[i],
                               "uri", cmd->chan_uris.v[i]);
        if (json_array_append_new (a, o) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}

static int set_optional (json_t *o, const char *key, const char *value)
{
    return value ? json_object_set_new (o, key, json_string (value)) : 0;
}

json_t *cmd_to_json (const flux_cmd_t *cmd)
{
    json_t *o;

    o = json_pack ("{s:o s:o s:o s:o}",
                   "cmdline", strv_to_array (&cmd->argv),
                   "env", pairs_to_object (&cmd->env),
                   "opts", pairs_to_object (&cmd->opts),
                   "channels", strv_to_array (&cmd->channels));
    if (!o)
        goto error;
    if (set_optional (o, "cwd", cmd->cwd) < 0
        || set_optional (o, "label", cmd->label) < 0)
        goto error;
    if (cmd->chan_names.count > 0
        && json_object_set_new (o, "msgchans", msgchans_to_array (cmd)) < 0)
        goto error;
    return o;
error:
    json_decref (o);
    errno = EINVAL; /* not UTF-8, or no memory: jansson does not say */
    return NULL;
}

/* Decode */

/* C strings end at a NUL, JSON strings do not: refuse what would be cut. */
static const char *plain_string (const json_t *o)
{
    const char *s = json_string_value (o);

    return s && strlen (s) == json_string_length (o) ? s : NULL;
}

static int decode_array (const json_t *a, struct strv *s, const char *key,
                         flux_error_t *err)
{
    size_t i;
    json_t *o;

    if (!json_is_array (a))
        return errmsg (err, -EPROTO, "cmd.%s must be an array of strings", key);
    json_array_foreach (a, i, o) {
        const char *str = plain_string (o);
        if (!str)
            return errmsg (err, -EPROTO, "cmd.%s[%zu] must be a string", key, i);
        if (strv_append (s, str) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int decode_pairs (json_t *o, struct strv *s, const char *key,
                         flux_error_t *err)
{
    const char *name;
    json_t *val;

    if (!json_is_object (o))
        return errmsg (err, -EPROTO, "cmd.%s must be an object", key);
    if (strv_reserve (s, json_object_size (o)) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    json_object_foreach (o, name, val) {
        const char *str = plain_string (val);
        if (!str || !env_name_ok (name))
            return errmsg (err, -EPROTO,
                           "cmd.%s.%s must be a name with a string value",
                           key, name);
        if (strv_insert_take (s, s->count, pair_text (name, str)) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int decode_channels (flux_cmd_t *cmd, const json_t *a, flux_error_t *err)
{
    size_t i;
    json_t *o;

    if (!json_is_array (a))
        return errmsg (err, -EPROTO, "cmd.channels must be an array of strings");
    json_array_foreach (a, i, o) {
        const char *name = plain_string (o);
        if (!name || flux_cmd_add_channel (cmd, name) < 0)
            return errmsg (err, -EPROTO,
                           "cmd.channels[%zu] is not a usable channel name", i);
    }
    return 0;
}

static int decode_msgchans (flux_cmd_t *cmd, const json_t *a, flux_error_t *err)
{
    size_t i;
    json_t *o;

    if (!a)
        return 0;
    if (!json_is_array (a))
        return errmsg (err, -EPROTO, "cmd.msgchans must be an array of objects");
    json_array_foreach (a, i, o) {
        const char *name = plain_string (json_object_get (o, "name"));
        const char *uri = plain_string (json_object_get (o, "uri"));
        if (!name || !uri || flux_cmd_add_message_channel (cmd, name, uri) < 0)
            return errmsg (err, -EPROTO,
                           "cmd.msgchans[%zu] needs a name and a uri", i);
    }
    return 0;
}

static int decode_optional (const json_t *o, const char *key, bool nonempty,
                            char **sp, flux_error_t *err)
{
    const json_t *val = json_object_get (o, key);
    const char *s;

    if (!val || json_is_null (val))
        return 0;
    if (!(s = plain_string (val)) || (nonempty && !*s))
        return errmsg (err, -EPROTO, "cmd.%s must be a%s string", key,
                       nonempty ? " non-empty" : "");
    if (replace_string (sp, s) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

flux_cmd_t *cmd_from_json (const json_t *o, flux_error_t *err)
{
    flux_cmd_t *cmd;
    int rc;

    if (!json_is_object (o)) {
        errno = -errmsg (err, -EPROTO, "cmd must be an object");
        return NULL;
    }
    if (!(cmd = calloc (1, sizeof (*cmd)))) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    if ((rc = decode_optional (o, "cwd", false, &cmd->cwd, err)) < 0
        || (rc = decode_optional (o, "label", true, &cmd->label, err)) < 0
        || (rc = decode_array (json_object_get (o, "cmdline"), &cmd->argv,
                               "cmdline", err)) < 0
        || (rc = decode_pairs (json_object_get (o, "env"), &cmd->env,
                               "env", err)) < 0
        || (rc = decode_pairs (json_object_get (o, "opts"), &cmd->opts,
                               "opts", err)) < 0
        || (rc = decode_channels (cmd, json_object_get (o, "channels"),
                                  err)) < 0
        || (rc = decode_msgchans (cmd, json_object_get (o, "msgchans"),
                                  err)) < 0)
        goto error;
    if (cmd->argv.count == 0) {
        rc = errmsg (err, -EPROTO, "cmd.cmdline is empty");
        goto error;
    }
    return cmd;
error:
    flux_cmd_destroy (cmd);
    errno = -rc;
    return NULL;
}

