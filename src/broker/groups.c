/* groups.c - named sets of broker ranks
 *
 * 'members' of a group are the ranks in it at or below this broker.  What
 * changed since the last turn of the loop is in 'joined' and 'left', and goes to
 * the parent in one groups.update for all groups, however many children
 * reported.
 */
#include <errno.h>

#include "base/hash.h"
#include "broker/groups.h"

struct group {
    struct idset *members;
    struct idset *joined;          /* to tell the parent, or the watchers */
    struct idset *left;
    struct flux_msglist *clients;  /* groups.join requests in force */
    struct flux_msglist *getters;  /* groups.get streams, on rank 0 */
    int self;                      /* the broker's own joins */
    groups_watch_f watch;
    void *watch_arg;
};

struct groups {
    flux_t *h;
    uint32_t rank;
    struct hash *groups;
    flux_msg_handler_t **handlers;
    flux_watcher_t *timer;
    bool pending;
};

static void group_free (void *arg)
{
    struct group *gr = arg;

    if (!gr)
        return;
    idset_destroy (gr->members);
    idset_destroy (gr->joined);
    idset_destroy (gr->left);
    flux_msglist_destroy (gr->clients);
    flux_msglist_destroy (gr->getters);
    free (gr);
}

static struct group *group_get (struct groups *g, const char *name)
{
    struct group *gr = hash_get (g->groups, name);

    if (gr)
        return gr;
    if (!(gr = calloc (1, sizeof (*gr))))
        return NULL;
    if (!(gr->members = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(gr->joined = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(gr->left = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(gr->clients = flux_msglist_create ())
        || !(gr->getters = flux_msglist_create ())
        || hash_set (g->groups, name, gr) < 0) {
        group_free (gr);
        errno = ENOMEM;
        return NULL;
    }
    return gr;
}

/* --- changes --- */

static char *encode (const struct idset *ids)
{
    return idset_encode (ids, IDSET_FLAG_RANGE);
}

static int answer_getter (struct groups *g, struct group *gr, const flux_msg_t *msg)
{
    char *s = encode (gr->members);
    int rc = s ? flux_respond_pack (g->h, msg, "{s:s}", "members", s) : -1;

    free (s);
    return rc;
}

static void show (struct groups *g, struct group *gr)
{
    const flux_msg_t *msg = flux_msglist_first (gr->getters);

    for (; msg; msg = flux_msglist_next (gr->getters))
        (void)answer_getter (g, gr, msg);
    if (gr->watch)
        gr->watch (gr->watch_arg, gr->members);
}

static int add_change (json_t *update, const char *name, struct group *gr)
{
    char *joined = encode (gr->joined);
    char *left = encode (gr->left);
    json_t *o = NULL;

    if (joined && left)
        o = json_pack ("{s:s s:s}", "join", joined, "leave", left);
    free (joined);
    free (left);
    return json_object_set_new (update, name, o);
}

static void flush (struct groups *g)
{
    json_t *update = json_object ();
    size_t pos = 0;
    const char *name;
    struct group *gr;
    flux_future_t *f;

    g->pending = false;
    while ((gr = hash_next (g->groups, &pos, &name))) {
        if (idset_empty (gr->joined) && idset_empty (gr->left))
            continue;
        if (g->rank == 0)
            show (g, gr);
        else
            (void)add_change (update, name, gr);
        idset_clear_all (gr->joined);
        idset_clear_all (gr->left);
    }
    if (json_object_size (update) > 0) {
        f = flux_rpc_pack (g->h, "groups.update", FLUX_NODEID_UPSTREAM,
                           FLUX_RPC_NORESPONSE, "{s:O}", "update", update);
        flux_future_destroy (f);
    }
    json_decref (update);
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flush (arg);
}

static void schedule (struct groups *g)
{
    if (g->pending)
        return;
    g->pending = true;
    flux_timer_watcher_reset (g->timer, 0, 0);
    flux_watcher_start (g->timer);
}

static int change (struct groups *g, struct group *gr, unsigned int rank, bool member)
{
    struct idset *now = member ? gr->joined : gr->left;
    struct idset *not = member ? gr->left : gr->joined;

    if (idset_test (gr->members, rank) == member)
        return 0;
    if ((member ? idset_set (gr->members, rank) : idset_clear (gr->members, rank)) < 0)
        return -errno;
    if (idset_test (not, rank))
        idset_clear (not, rank);
    else if (idset_set (now, rank) < 0)
        return -errno;
    schedule (g);
    return 0;
}

/* This broker's rank is in the group while anyone here has joined. */
static int update_self (struct groups *g, struct group *gr)
{
    bool member = gr->self > 0 || flux_msglist_count (gr->clients) > 0;
    return change (g, gr, g->rank, member);
}

int groups_join (struct groups *g, const char *name)
{
    struct group *gr = group_get (g, name);

    if (!gr)
        return -ENOMEM;
    gr->self++;
    return update_self (g, gr);
}

int groups_leave (struct groups *g, const char *name)
{
    struct group *gr = hash_get (g->groups, name);

    if (!gr || gr->self == 0)
        return -ENOENT;
    gr->self--;
    return update_self (g, gr);
}

int groups_set (struct groups *g, const char *name, uint32_t rank, bool member)
{
    struct group *gr = group_get (g, name);

    return gr ? change (g, gr, rank, member) : -ENOMEM;
}

void groups_lost (struct groups *g, const struct idset *ranks)
{
    size_t pos = 0;
    struct group *gr;

    while ((gr = hash_next (g->groups, &pos, NULL))) {
        struct idset *gone = idset_intersect (gr->members, ranks);
        unsigned int id = gone ? idset_first (gone) : IDSET_INVALID_ID;
        for (; id != IDSET_INVALID_ID; id = idset_next (gone, id))
            (void)change (g, gr, id, false);
        idset_destroy (gone);
    }
}

int groups_watch (struct groups *g, const char *name, groups_watch_f fun, void *arg)
{
    struct group *gr = group_get (g, name);

    if (!gr)
        return -ENOMEM;
    gr->watch = fun;
    gr->watch_arg = arg;
    if (fun)
        fun (arg, gr->members);
    return 0;
}

/* --- requests --- */

static const flux_msg_t *find_client (struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *m = flux_msglist_first (l);

    while (m && !flux_msg_route_match_first (m, msg))
        m = flux_msglist_next (l);
    return m;
}

static void join_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct groups *g = arg;
    struct group *gr;
    const char *name;
    const char *errstr = NULL;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        goto error;
    if (!flux_msg_is_local (msg)) {
        errno = EPROTO;
        errstr = "join at the local broker";
        goto error;
    }
    if (!(gr = group_get (g, name)))
        goto error;
    if (find_client (gr->clients, msg)) {
        errno = EEXIST;
        errstr = "already a member";
        goto error;
    }
    if (flux_msglist_append (gr->clients, msg) < 0)
        goto error;
    if ((rc = update_self (g, gr)) < 0) {
        errno = -rc;
        goto error;
    }
    flux_respond (h, msg, NULL);
    return;
error:
    flux_respond_error (h, msg, errno, errstr);
}

static void leave_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct groups *g = arg;
    struct group *gr;
    const char *name;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!(gr = hash_get (g->groups, name)) || !find_client (gr->clients, msg))
        flux_respond_error (h, msg, ENOENT, "not a member");
    else {
        flux_msglist_delete (gr->clients);   /* where find_client() stopped */
        (void)update_self (g, gr);
        flux_respond (h, msg, NULL);
    }
}

static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                    void *arg)
{
    struct groups *g = arg;
    struct group *gr;
    const char *name;
    const char *errstr = NULL;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        goto error;
    if (g->rank > 0) {
        errno = EPROTO;
        errstr = "groups.get is answered by rank 0 only";
        goto error;
    }
    if (!(gr = group_get (g, name)))
        goto error;
    if (flux_msg_is_streaming (msg) && flux_msglist_append (gr->getters, msg) < 0)
        goto error;
    if (answer_getter (g, gr, msg) < 0)
        goto error;
    return;
error:
    flux_respond_error (h, msg, errno, errstr);
}

static void apply_update (struct groups *g, struct group *gr, const char *s, bool member)
{
    struct idset *ids = s ? idset_decode (s) : NULL;
    unsigned int id = ids ? idset_first (ids) : IDSET_INVALID_ID;

    for (; id != IDSET_INVALID_ID; id = idset_next (ids, id))
        (void)change (g, gr, id, member);
    idset_destroy (ids);
}

static void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct groups *g = arg;
    json_t *update, *o;
    const char *name;

    if (flux_request_unpack (msg, NULL, "{s:o}", "update", &update) < 0)
        return;
    json_object_foreach (update, name, o) {
        struct group *gr = group_get (g, name);
        const char *join = NULL, *leave = NULL;
        if (gr && json_unpack (o, "{s?s s?s}", "join", &join, "leave", &leave) == 0) {
            apply_update (g, gr, join, true);
            apply_update (g, gr, leave, false);
        }
    }
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct groups *g = arg;
    size_t pos = 0;
    struct group *gr;

    while ((gr = hash_next (g->groups, &pos, NULL))) {
        (void)flux_msglist_disconnect (gr->getters, msg);
        if (flux_msglist_disconnect (gr->clients, msg) > 0)
            (void)update_self (g, gr);
    }
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct groups *g = arg;
    size_t pos = 0;
    struct group *gr;

    while ((gr = hash_next (g->groups, &pos, NULL)))
        (void)flux_msglist_cancel (h, gr->getters, msg);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "groups.join", join_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.leave", leave_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "groups.update", update_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "groups.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct groups *groups_new (flux_t *h, uint32_t rank)
{
    struct groups *g = calloc (1, sizeof (*g));

    if (!g)
        return NULL;
    g->h = h;
    g->rank = rank;
    if (!(g->groups = hash_new (group_free))
        || !(g->timer = flux_timer_watcher_create (flux_get_reactor (h), 0, 0,
                                                   on_timer, g))
        || flux_msg_handler_addvec (h, htab, g, &g->handlers) < 0) {
        groups_free (g);
        return NULL;
    }
    return g;
}

void groups_free (struct groups *g)
{
    if (!g)
        return;
    flux_msg_handler_delvec (g->handlers);
    flux_watcher_destroy (g->timer);
    hash_free (g->groups);
    free (g);
}
