/* server.c - the process manager's side of PMI-1
 *
 * Each client is in lock-step: one line in, one line out; only the answer to
 * barrier_in waits.
 */
#include <errno.h>
#include <limits.h>

#include "base/buf.h"
#include "base/hash.h"
#include "pmi/server.h"
#include "pmi/wire.h"

struct client {
    struct buf in;
    int rank;
    bool initialized;
    bool in_barrier;
    bool finalized;
    bool gone;
    bool in_spawn;        /* between mcmd=spawn and endcmd */
};

struct pmi_server {
    struct pmi_server_ops ops;
    void *arg;
    int size;
    int universe_size;
    int appnum;
    char *kvsname;
    struct hash *kvs;
    struct buf new_keys;
    char twin[PMI_WIRE_KEYLEN_MAX];
    int in_barrier;
    int ngone;
    int nclients;
    struct client clients[];
};

typedef int (*command_f) (struct pmi_server *s, int client, const char *line);

static int answer (struct pmi_server *s, int client, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

static int answer (struct pmi_server *s, int client, const char *fmt, ...)
{
    struct buf out = BUF_INIT;
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = buf_vaddf (&out, fmt, ap);
    va_end (ap);
    if (rc == 0) {
        if (s->ops.trace)
            s->ops.trace (s->arg, client, 'S', out.data);
        rc = buf_addc (&out, '\n');
    }
    if (rc == 0)
        rc = s->ops.send (s->arg, client, out.data, out.len);
    buf_release (&out);
    return rc;
}

static int cmd_init (struct pmi_server *s, int client, const char *line)
{
    int version, subversion;

    if (pmi_wire_get_int (line, "pmi_version", 0, INT_MAX, &version) < 0
        || pmi_wire_get_int (line, "pmi_subversion", 0, INT_MAX, &subversion) < 0)
        return -EPROTO;
    if (version != 1) {
        if (s->ops.refused)
            s->ops.refused (s->arg, client, version);
        return answer (s, client, "cmd=response_to_init rc=-1 pmi_version=1 pmi_subversion=1");
    }
    s->clients[client].initialized = true;
    return answer (s, client,
                   "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1");
}

static int cmd_get_maxes (struct pmi_server *s, int client, const char *line)
{
    return answer (s, client,
                   "cmd=maxes rc=0 kvsname_max=%d keylen_max=%d vallen_max=%d",
                   PMI_WIRE_KVSNAME_MAX, PMI_WIRE_KEYLEN_MAX, PMI_WIRE_VALLEN_MAX);
}

static int cmd_abort (struct pmi_server *s, int client, const char *line)
{
    char msg[PMI_WIRE_VALLEN_MAX] = "";
    int code = 1;

    if (pmi_wire_get_int (line, "exitcode", INT_MIN, INT_MAX, &code) < 0)
        code = 1;
    if (pmi_wire_get (line, "error_msg", msg, sizeof (msg)) < 0
        && pmi_wire_get (line, "msg", msg, sizeof (msg)) < 0)
        msg[0] = '\0';
    if (s->ops.abort)
        s->ops.abort (s->arg, client, code, msg);
    return 0;
}

static int cmd_finalize (struct pmi_server *s, int client, const char *line)
{
    s->clients[client].finalized = true;
    return answer (s, client, "cmd=finalize_ack rc=0");
}

static int cmd_get_universe_size (struct pmi_server *s, int client,
                                  const char *line)
{
    return answer (s, client, "cmd=universe_size rc=0 size=%d", s->universe_size);
}

static int cmd_get_appnum (struct pmi_server *s, int client, const char *line)
{
    return answer (s, client, "cmd=appnum rc=0 appnum=%d", s->appnum);
}

static int cmd_get_my_kvsname (struct pmi_server *s, int client,
                               const char *line)
{
    return answer (s, client, "cmd=my_kvsname rc=0 kvsname=%s", s->kvsname);
}

/* 0, 1 if the name is that of another space, or -EPROTO. */
static int check_kvsname (struct pmi_server *s, const char *line)
{
    char name[PMI_WIRE_KVSNAME_MAX];
    int rc = pmi_wire_get (line, "kvsname", name, sizeof (name));

    if (rc == -ENOENT || rc == -EPROTO)
        return -EPROTO;
    return rc == -EOVERFLOW || strcmp (name, s->kvsname) ? 1 : 0;
}

static int store (struct pmi_server *s, const char *key, const char *value)
{
    char *copy = strdup (value);
    int rc;

    if (!copy)
        return -ENOMEM;
    if ((rc = hash_set (s->kvs, key, copy)) < 0)
        free (copy);
    return rc;
}

static int put (struct pmi_server *s, const char *key, const char *value)
{
    if (!pmi_wire_is_word (key))
        return -EINVAL;
    if (hash_get (s->kvs, key))
        return -EEXIST;
    if (buf_addf (&s->new_keys, "%s=%s\n", key, value) < 0)
        return -ENOMEM;
    return store (s, key, value);
}

static int cmd_put (struct pmi_server *s, int client, const char *line)
{
    char key[PMI_WIRE_KEYLEN_MAX];
    char value[PMI_WIRE_VALLEN_MAX];
    int k = pmi_wire_get (line, "key", key, sizeof (key));
    int v = pmi_wire_get (line, "value", value, sizeof (value));
    int n = check_kvsname (s, line);

    if (n < 0 || k == -ENOENT || k == -EPROTO || v == -ENOENT || v == -EPROTO)
        return -EPROTO;
    if (n > 0)
        return answer (s, client, "cmd=put_result rc=-1 msg=invalid kvsname");
    if (k < 0 || v < 0)
        return answer (s, client, "cmd=put_result rc=-1 msg=too long");
    if (put (s, key, value) < 0)
        return answer (s, client,
                       "cmd=put_result rc=-1 msg=invalid or duplicate key");
    return answer (s, client, "cmd=put_result rc=0");
}

static int cmd_get (struct pmi_server *s, int client, const char *line)
{
    char key[PMI_WIRE_KEYLEN_MAX];
    const char *value;
    int k = pmi_wire_get (line, "key", key, sizeof (key));
    int n = check_kvsname (s, line);

    if (n < 0 || k == -ENOENT || k == -EPROTO)
        return -EPROTO;
    if (n > 0)
        return answer (s, client, "cmd=get_result rc=-1 msg=invalid kvsname");
    value = k < 0 ? NULL : hash_get (s->kvs, key);
    if (!value && k == 0 && s->ops.get)
        value = s->ops.get (s->arg, client, key);
    if (!value)
        return answer (s, client, "cmd=get_result rc=-1 msg=no such key");
    return answer (s, client, "cmd=get_result rc=0 value=%s", value);
}

static int cmd_barrier_in (struct pmi_server *s, int client, const char *line)
{
    if (s->clients[client].in_barrier)
        return -EPROTO;
    if (s->ngone > 0) {
        if (s->ops.failed)
            s->ops.failed (s->arg, 1);
        return answer (s, client, "cmd=barrier_out rc=-1");
    }
    s->clients[client].in_barrier = true;
    if (++s->in_barrier < s->nclients)
        return 0;
    if (!s->ops.barrier)
        return pmi_server_barrier_done (s, 0);
    s->ops.barrier (s->arg);
    return 0;
}

int pmi_server_barrier_done (struct pmi_server *s, int rc)
{
    int result = 0;

    s->in_barrier = 0;
    for (int i = 0; i < s->nclients; i++) {
        int e;
        if (!s->clients[i].in_barrier)
            continue;
        s->clients[i].in_barrier = false;
        e = answer (s, i, "cmd=barrier_out rc=%d", rc ? -1 : 0);
        if (e < 0 && result == 0)
            result = e;
    }
    return result;
}

static int cmd_publish (struct pmi_server *s, int client, const char *line)
{
    return answer (s, client, "cmd=publish_result rc=-1 msg=not supported");
}

static int cmd_unpublish (struct pmi_server *s, int client, const char *line)
{
    return answer (s, client, "cmd=unpublish_result rc=-1 msg=not supported");
}

static int cmd_lookup (struct pmi_server *s, int client, const char *line)
{
    return answer (s, client, "cmd=lookup_result rc=-1 msg=not supported");
}

static const struct {
    const char *name;
    command_f fun;
} commands[] = {
    { "init", cmd_init },
    { "get_maxes", cmd_get_maxes },
    { "abort", cmd_abort },
    { "finalize", cmd_finalize },
    { "get_universe_size", cmd_get_universe_size },
    { "get_appnum", cmd_get_appnum },
    { "get_my_kvsname", cmd_get_my_kvsname },
    { "put", cmd_put },
    { "get", cmd_get },
    { "barrier_in", cmd_barrier_in },
    { "publish_name", cmd_publish },
    { "unpublish_name", cmd_unpublish },
    { "lookup_name", cmd_lookup },
};

/* A spawn request is many lines; it is refused as one. */
static int spawn_line (struct pmi_server *s, int client, const char *line)
{
    if (strcmp (line, "endcmd") != 0)
        return 0;
    s->clients[client].in_spawn = false;
    return answer (s, client, "cmd=spawn_result rc=-1");
}

static int handle_line (struct pmi_server *s, int client, const char *line)
{
    struct client *c = &s->clients[client];
    char name[32];

    if (s->ops.trace)
        s->ops.trace (s->arg, client, 'C', line);
    if (c->in_spawn)
        return spawn_line (s, client, line);
    if (!c->in_barrier && !pmi_wire_get (line, "mcmd", name, sizeof (name))
        && !strcmp (name, "spawn")) {
        c->in_spawn = true;
        return 0;
    }
    if (pmi_wire_get (line, "cmd", name, sizeof (name)) < 0)
        return -EPROTO;
    if (c->in_barrier && strcmp (name, "abort") != 0)
        return -EPROTO;
    for (size_t i = 0; i < sizeof (commands) / sizeof (commands[0]); i++)
        if (!strcmp (name, commands[i].name))
            return commands[i].fun (s, client, line);
    return -EPROTO;
}

int pmi_server_input (struct pmi_server *s, int client, const char *data,
                      size_t len)
{
    struct client *c;
    char *nl;

    if (!s || client < 0 || client >= s->nclients)
        return -EINVAL;
    c = &s->clients[client];
    if (memchr (data, '\0', len))
        return -EPROTO;
    if (buf_add (&c->in, data, len) < 0)
        return -ENOMEM;
    while ((nl = memchr (c->in.data, '\n', c->in.len))) {
        size_t used = nl - c->in.data + 1;
        int rc;
        *nl = '\0';
        rc = handle_line (s, client, c->in.data);
        buf_consume (&c->in, used);
        if (rc < 0)
            return rc;
    }
    return c->in.len > PMI_WIRE_LINE_MAX ? -EPROTO : 0;
}

void pmi_server_hangup (struct pmi_server *s, int client)
{
    struct client *c;
    int waiting;

    if (client < 0 || client >= s->nclients || s->clients[client].gone)
        return;
    c = &s->clients[client];
    c->gone = true;
    s->ngone++;
    s->in_barrier -= c->in_barrier;
    c->in_barrier = false;
    if ((waiting = s->in_barrier) > 0) {
        (void)pmi_server_barrier_done (s, -1);
        if (s->ops.failed)
            s->ops.failed (s->arg, waiting);
    }
}

bool pmi_server_active (const struct pmi_server *s, int client)
{
    return client >= 0 && client < s->nclients && s->clients[client].initialized
           && !s->clients[client].finalized;
}

bool pmi_server_finalized (const struct pmi_server *s, int client)
{
    return client >= 0 && client < s->nclients && s->clients[client].finalized;
}

int pmi_server_set (struct pmi_server *s, const char *key, const char *value)
{
    if (!pmi_wire_is_word (key) || !pmi_wire_is_string (value)
        || strlen (key) >= PMI_WIRE_KEYLEN_MAX
        || strlen (value) >= PMI_WIRE_VALLEN_MAX)
        return -EINVAL;
    return store (s, key, value);
}

const char *pmi_server_lookup (const struct pmi_server *s, const char *key)
{
    return hash_get (s->kvs, key);
}

char *pmi_server_take_new (struct pmi_server *s)
{
    return buf_take (&s->new_keys);
}

/* "KEY=VALUE" in place, both cut to strings. */
static int add_line (struct pmi_server *s, char *line, const char **twinp)
{
    char *value = strchr (line, '=');
    const char *old;

    if (!value)
        return -EINVAL;
    *value++ = '\0';
    if (strlen (line) >= PMI_WIRE_KEYLEN_MAX || strlen (value) >= PMI_WIRE_VALLEN_MAX
        || !pmi_wire_is_word (line) || !pmi_wire_is_string (value))
        return -EINVAL;
    if ((old = hash_get (s->kvs, line))) {
        if (strcmp (old, value) == 0)
            return 0;
        memcpy (s->twin, line, strlen (line) + 1);
        *twinp = s->twin;
    }
    return store (s, line, value);
}

int pmi_server_add (struct pmi_server *s, const char *lines, const char **twinp)
{
    char *copy = strdup (lines);
    int rc = 0;

    *twinp = NULL;
    if (!copy)
        return -ENOMEM;
    for (char *p = copy, *end; rc == 0 && *p; p = end) {
        if (!(end = strchr (p, '\n')))
            rc = -EINVAL;
        else {
            *end++ = '\0';
            rc = add_line (s, p, twinp);
        }
    }
    free (copy);
    return rc;
}

struct pmi_server *pmi_server_new (const struct pmi_server_args *args,
                                   const struct pmi_server_ops *ops, void *arg)
{
    struct pmi_server *s;

    if (!args || !ops || !ops->send || args->size < 1 || args->nclients < 1
        || args->nclients > args->size || !args->kvsname
        || !pmi_wire_is_word (args->kvsname)
        || strlen (args->kvsname) >= PMI_WIRE_KVSNAME_MAX) {
        errno = EINVAL;
        return NULL;
    }
    if (!(s = calloc (1, sizeof (*s) + args->nclients * sizeof (struct client))))
        return NULL;
    s->ops = *ops;
    s->arg = arg;
    s->size = args->size;
    s->universe_size = args->universe_size > 0 ? args->universe_size : args->size;
    s->appnum = args->appnum;
    s->nclients = args->nclients;
    for (int i = 0; i < args->nclients; i++) {
        s->clients[i].in = (struct buf)BUF_INIT;
        s->clients[i].rank = args->ranks ? args->ranks[i] : i;
    }
    s->new_keys = (struct buf)BUF_INIT;
    if (!(s->kvsname = strdup (args->kvsname)) || !(s->kvs = hash_new (free))) {
        pmi_server_free (s);
        errno = ENOMEM;
        return NULL;
    }
    return s;
}

void pmi_server_free (struct pmi_server *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->nclients; i++)
        buf_release (&s->clients[i].in);
    hash_free (s->kvs);
    buf_release (&s->new_keys);
    free (s->kvsname);
    free (s);
}
