/* plug_singleton.c - built-in plugin .dependency-singleton: at most one job of a
 * name and user past DEPEND
 *
 * The first singleton of a name makes an entry, which counts the active jobs of
 * that name from then on.  Without entries the plugin has no handlers that are
 * called for every job.
 */
#include <flux/jobtap.h>

#include <errno.h>
#include <inttypes.h>

#include "modules/job/tap.h"

#define DESCRIPTION "singleton"

struct name {
    char *key;                 /* "userid name" */
    int others;                /* active jobs that are not held by us */
    struct list_node held;     /* in order of submission */
};

struct held {
    struct list_node node;
    struct name *name;
    flux_jobid_t id;
};

struct plugin {
    flux_plugin_t *p;
    struct hash *names;
};

static void name_free (void *arg)
{
    struct name *n = arg;

    list_foreach (&n->held, pos)
        list_del (pos);
    free (n->key);
    free (n);
}

static void plugin_free (void *arg)
{
    struct plugin *pl = arg;

    hash_free (pl->names);
    free (pl);
}

static void held_free (void *arg)
{
    struct held *h = arg;

    list_del (&h->node);
    free (h);
}

static char *make_key (const struct job *job)
{
    char *key;

    if (asprintf (&key, "%" PRIu32 " %s", job->st.userid, job->attrs->name) < 0)
        return NULL;
    return key;
}

static bool same_name (const struct job *a, const struct job *b)
{
    return a->st.userid == b->st.userid && !strcmp (a->attrs->name, b->attrs->name);
}

static int new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg);
static int inactive_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg);

static int listen_jobs (struct plugin *pl)
{
    if (flux_plugin_get_handler (pl->p, "job.new"))
        return 0;
    if (flux_plugin_add_handler (pl->p, "job.new", new_cb, pl) < 0
        || flux_plugin_add_handler (pl->p, "job.state.inactive", inactive_cb, pl) < 0)
        return -1;
    tap_handlers_changed (pl->p);
    return 0;
}

static void unlisten_jobs (struct plugin *pl)
{
    if (hash_count (pl->names) == 0 && flux_plugin_get_handler (pl->p, "job.new")) {
        (void)flux_plugin_remove_handler (pl->p, "job.new");
        (void)flux_plugin_remove_handler (pl->p, "job.state.inactive");
        tap_handlers_changed (pl->p);
    }
}

/* Release the first held one if no other job of the name is left. */
static void release (struct plugin *pl, struct name *n)
{
    struct list_node *first = list_first (&n->held);
    struct held *h;
    flux_jobid_t id;

    if (n->others > 0)
        return;
    if (!first) {
        hash_del (pl->names, n->key);
        return;
    }
    h = list_entry (first, struct held, node);
    id = h->id;
    n->others++;
    flux_jobtap_job_aux_delete_value (pl->p, id, h);
    if (flux_jobtap_dependency_remove (pl->p, id, DESCRIPTION) < 0)
        flux_log_error (flux_jobtap_get_flux (pl->p), "singleton: job %ju", (uintmax_t)id);
}

static int count_others (struct mgr *m, const struct job *job)
{
    int count = 0;

    list_foreach (&m->t->order, pos) {
        struct job *other = list_entry (pos, struct job, order);
        if (other != job && other->a && other->st.state != FLUX_JOB_STATE_INACTIVE
            && same_name (other, job))
            count++;
    }
    return count;
}

static struct name *name_get (struct plugin *pl, struct mgr *m, const struct job *job)
{
    char *key = make_key (job);
    struct name *n = key ? hash_get (pl->names, key) : NULL;

    if (n || !key) {
        free (key);
        return n;
    }
    if (!(n = calloc (1, sizeof (*n)))) {
        free (key);
        return NULL;
    }
    n->key = key;
    list_init (&n->held);
    n->others = count_others (m, job);
    if (listen_jobs (pl) < 0 || hash_set (pl->names, key, n) < 0) {
        name_free (n);
        return NULL;
    }
    return n;
}

static int hold (struct plugin *pl, struct name *n, struct job *job)
{
    struct held *h = calloc (1, sizeof (*h));

    if (!h)
        return -1;
    h->name = n;
    h->id = job->id;
    list_init (&h->node);
    if (flux_jobtap_dependency_add (pl->p, job->id, DESCRIPTION) < 0
        || flux_jobtap_job_aux_set (pl->p, job->id, "singleton", h, held_free) < 0) {
        free (h);
        return -1;
    }
    list_append (&n->held, &h->node);
    return 0;
}

static int dependency_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                          void *arg)
{
    struct plugin *pl = arg;
    struct mgr *m = tap_mgr (p);
    const char *explicit = NULL;
    struct name *n;
    struct job *job;
    json_int_t id;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN,
                                "{s:I s:{s:{s:{s?{s?s}}}}}", "id", &id, "jobspec",
                                "attributes", "system", "job", "name", &explicit) < 0
        || !(job = jobtab_get (m->t, id)))
        return flux_jobtap_reject_job (p, args, "singleton: malformed jobspec");
    if (!explicit)
        return flux_jobtap_reject_job (p, args, "singleton jobs require a job name: use "
                                       "--job-name=NAME");
    if (!(n = name_get (pl, m, job)))
        return flux_jobtap_reject_job (p, args, "singleton: out of memory");
    if (n->others == 0 && list_empty (&n->held)) {
        n->others = 1;         /* this one */
        (void)flux_jobtap_dependency_remove (p, id, DESCRIPTION);
        return flux_jobtap_job_aux_set (p, id, "counted", n, NULL);
    }
    if (hold (pl, n, job) < 0)
        return errno == EEXIST ? 0
               : flux_jobtap_reject_job (p, args, "singleton: %s", strerror (errno));
    return 0;
}

/* A job of a name that has an entry, submitted without the dependency. */
static int new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct plugin *pl = arg;
    struct mgr *m = tap_mgr (p);
    struct name *n;
    struct job *job;
    json_int_t id;
    char *key;

    if (hash_count (pl->names) == 0)
        return 0;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id) < 0
        || !(job = jobtab_get (m->t, id)) || !(key = make_key (job)))
        return -1;
    if ((n = hash_get (pl->names, key))
        && !flux_jobtap_job_aux_get (p, id, "singleton")
        && !flux_jobtap_job_aux_get (p, id, "counted"))
        n->others++;
    free (key);
    return 0;
}

static int inactive_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg)
{
    struct plugin *pl = arg;
    struct mgr *m = tap_mgr (p);
    struct name *n;
    struct held *h;
    struct job *job;
    json_int_t id;
    char *key;

    if (hash_count (pl->names) == 0)
        return 0;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id) < 0
        || !(job = jobtab_get (m->t, id)) || !(key = make_key (job)))
        return -1;
    if ((n = hash_get (pl->names, key))) {
        if ((h = flux_jobtap_job_aux_get (p, id, "singleton")))
            flux_jobtap_job_aux_delete_value (p, id, h);
        else if (n->others > 0)
            n->others--;
        release (pl, n);
    }
    free (key);
    unlisten_jobs (pl);
    return 0;
}

int plug_singleton (flux_plugin_t *p)
{
    struct plugin *pl = calloc (1, sizeof (*pl));

    if (!pl)
        return -1;
    pl->p = p;
    if (!(pl->names = hash_new (name_free))
        || flux_plugin_aux_set (p, NULL, pl, plugin_free) < 0) {
        plugin_free (pl);
        return -1;
    }
    if (flux_plugin_set_name (p, "dependency-singleton") < 0
        || flux_plugin_add_handler (p, "job.dependency.singleton", dependency_cb, pl) < 0)
        return -1;
    return 0;
}
