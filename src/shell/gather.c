/* gather.c - what each of some shells of a job gives, to those shells
 */
#define FLUX_SHELL_PLUGIN_NAME "pmi"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "shell/gather.h"

struct gather {
    flux_shell_t *shell;
    char *name;
    gather_f cb;
    void *arg;
    struct list_node rounds;          /* of which this shell is the root */
};

struct round {
    struct list_node node;
    char *key;
    size_t size;                 /* members */
    struct idset *in;            /* those that are */
    struct buf gathered;
    struct flux_msglist *waiting;
};

struct entry {
    struct gather *g;
    void *token;
};

/* The root */

static void round_free (struct round *r)
{
    if (!r)
        return;
    free (r->key);
    idset_destroy (r->in);
    buf_release (&r->gathered);
    flux_msglist_destroy (r->waiting);
    free (r);
}

static struct round *round_new (const char *key, size_t size)
{
    struct round *r = calloc (1, sizeof (*r));

    if (!r)
        return NULL;
    r->size = size;
    r->gathered = (struct buf)BUF_INIT;
    if (!(r->key = strdup (key)) || !(r->in = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(r->waiting = flux_msglist_create ())) {
        round_free (r);
        return NULL;
    }
    return r;
}

/* The first of this key that the shell is not in yet, or a new one. */
static struct round *find_round (struct gather *g, const char *key, size_t size, int from)
{
    struct round *r;

    list_foreach (&g->rounds, n) {
        r = list_entry (n, struct round, node);
        if (strcmp (r->key, key) == 0 && r->size == size && !idset_test (r->in, from))
            return r;
    }
    if ((r = round_new (key, size)))
        list_append (&g->rounds, &r->node);
    return r;
}

/* 'all' NULL: it will not be. */
static void end_round (struct gather *g, struct round *r, const char *all)
{
    const flux_msg_t *msg;

    list_del (&r->node);
    while ((msg = flux_msglist_pop (r->waiting))) {
        int rc = all ? flux_respond (g->shell->h, msg, all)
                     : flux_respond_error (g->shell->h, msg, ECONNABORTED, NULL);
        if (rc < 0)
            shell_log_errno ("%s: answer", g->name);
        flux_msg_decref (msg);
    }
    round_free (r);
}

static int add (struct gather *g, const flux_msg_t *msg)
{
    const char *key, *shells, *give;
    struct idset *ids;
    struct round *r;
    size_t size;
    int from;

    if (flux_request_unpack (msg, NULL, "{s:s s:s s:s s:i}", "key", &key, "shells", &shells,
                             "give", &give, "from", &from) < 0)
        return -1;
    if (!(ids = idset_decode (shells)))
        return -1;
    size = idset_count (ids);
    idset_destroy (ids);
    if (from < 0 || from >= g->shell->info.nshells || size < 1) {
        errno = EPROTO;
        return -1;
    }
    if (!(r = find_round (g, key, size, from)) || buf_adds (&r->gathered, give) < 0
        || flux_msglist_append (r->waiting, msg) < 0 || idset_set (r->in, from) < 0) {
        errno = ENOMEM;
        return -1;
    }
    if (idset_count (r->in) == r->size)
        end_round (g, r, r->gathered.data);
    return 0;
}

static void request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (add (arg, msg) < 0 && flux_respond_error (h, msg, errno, NULL) < 0)
        shell_log_errno ("flux_respond_error");
}

void gather_break (struct gather *g)
{
    while (!list_empty (&g->rounds))
        end_round (g, list_entry (list_first (&g->rounds), struct round, node), NULL);
}

/* Members */

static void answer_cb (flux_future_t *f, void *arg)
{
    struct entry *e = arg;
    const char *all = NULL;

    if (flux_rpc_get (f, &all) == 0 && !all)
        all = "";
    e->g->cb (e->g->arg, e->token, all);
    flux_future_destroy (f);
    free (e);
}

void gather_enter (struct gather *g, const struct idset *shells, const char *key,
                   const char *give, void *token)
{
    struct entry *e;
    char *text;
    flux_future_t *f;

    if (idset_count (shells) == 1) {
        g->cb (g->arg, token, give);
        return;
    }
    e = malloc (sizeof (*e));
    text = idset_encode (shells, IDSET_FLAG_RANGE);
    if (!e || !text)
        shell_die (1, "out of memory");
    *e = (struct entry){ g, token };
    f = flux_shell_rpc_pack (g->shell, g->name, idset_first (shells), 0, "{s:s s:s s:s s:i}",
                             "key", key, "shells", text, "give", give, "from",
                             g->shell->info.shell_rank);
    if (!f || shell_then (g->shell, f, answer_cb, e) < 0) {
        flux_future_destroy (f);
        free (e);
        g->cb (g->arg, token, NULL);
    }
    free (text);
}

/* Life */

struct gather *gather_new (flux_shell_t *shell, const char *name, gather_f cb, void *arg)
{
    struct gather *g = calloc (1, sizeof (*g));

    if (!g)
        return NULL;
    g->shell = shell;
    g->cb = cb;
    g->arg = arg;
    list_init (&g->rounds);
    if (!(g->name = strdup (name))
        || (shell->info.nshells > 1
            && flux_shell_service_register (shell, name, request_cb, g) < 0)) {
        gather_free (g);
        return NULL;
    }
    return g;
}

void gather_free (struct gather *g)
{
    if (!g)
        return;
    while (!list_empty (&g->rounds)) {
        struct round *r = list_entry (list_first (&g->rounds), struct round, node);
        list_del (&r->node);
        round_free (r);
    }
    free (g->name);
    free (g);
}
