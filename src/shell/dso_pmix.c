/* dso_pmix.c - the PMIx server library under shell_pmix_lib
 *
 * The library has one server a process, and its callbacks no argument: so the one
 * struct shell_pmix is a global.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <pmix.h>
#include <pmix_server.h>

#include "shell/pmixlib.h"

#define FINALIZE_SECONDS 2

enum kind { FENCE, GATHER, MODEX, MODEX_ANSWER, ABORT, CONNECTED, FINALIZED };

struct event;

/* NULL: it has failed. */
typedef void (*answer_f) (struct event *e, const void *data, size_t len);

/* Something that the library wants, until it is dispatched (what asks others: until it is
 * answered). */
struct event {
    struct event *next;
    enum kind kind;
    int rank;
    int code;
    void *request;
    char *what;                  /* of GATHER */
    int *ranks;                  /* of GATHER */
    size_t nranks;
    answer_f answer;             /* of FENCE, GATHER, MODEX */
    void *data;                  /* copied; of ABORT: the message */
    size_t len;
    pmix_modex_cbfunc_t done;
    pmix_op_cbfunc_t op_done;
    pmix_info_cbfunc_t info_done;
    bool wants_id;               /* GATHER of a new group */
    void *done_arg;
};

struct shell_pmix {
    const struct shell_pmix_host *host;
    void *arg;
    char nspace[PMIX_MAX_NSLEN + 1];
    int ntasks;
    int *node;
    int shell_rank;
    int fd;
    pthread_mutex_t lock;        /* of the queue */
    struct event *first;
    struct event **last;
    struct event *fences;        /* the one under way, and those that come after it */
    bool fencing;
    uint64_t nshells;
    uint64_t groups;             /* that tasks here have begun; the library's thread */
};

static struct shell_pmix *server;

/* The queue */

static void event_free (struct event *e)
{
    if (e) {
        free (e->data);
        free (e->ranks);
        free (e->what);
    }
    free (e);
}

static struct event *event_new (enum kind kind, int rank, const void *data, size_t len)
{
    struct event *e = calloc (1, sizeof (*e));

    if (!e || (len > 0 && !(e->data = malloc (len)))) {
        free (e);
        return NULL;
    }
    if (len > 0)
        memcpy (e->data, data, len);
    e->kind = kind;
    e->rank = rank;
    e->len = len;
    return e;
}

/* In the library's thread. */
static void enqueue (struct event *e)
{
    uint64_t one = 1;

    pthread_mutex_lock (&server->lock);
    *server->last = e;
    server->last = &e->next;
    pthread_mutex_unlock (&server->lock);
    if (write (server->fd, &one, sizeof (one)) < 0)
        abort ();                /* a counter does not overflow by ones */
}

static struct event *take_all (struct shell_pmix *p)
{
    struct event *e;
    uint64_t count;

    (void)!read (p->fd, &count, sizeof (count));
    pthread_mutex_lock (&p->lock);
    e = p->first;
    p->first = NULL;
    p->last = &p->first;
    pthread_mutex_unlock (&p->lock);
    return e;
}

/* Callbacks of the library, in its thread */

static bool is_ours (const pmix_proc_t *proc)
{
    return strncmp (proc->nspace, server->nspace, PMIX_MAX_NSLEN) == 0;
}

static pmix_status_t on_client (const pmix_proc_t *proc, enum kind kind)
{
    struct event *e;

    if (!is_ours (proc))
        return PMIX_OPERATION_SUCCEEDED;
    if (!(e = event_new (kind, proc->rank, NULL, 0)))
        return PMIX_ERR_NOMEM;
    enqueue (e);
    return PMIX_OPERATION_SUCCEEDED;
}

static pmix_status_t connected_cb (const pmix_proc_t *proc, void *object, pmix_op_cbfunc_t cb,
                                   void *arg)
{
    return on_client (proc, CONNECTED);
}

static pmix_status_t finalized_cb (const pmix_proc_t *proc, void *object, pmix_op_cbfunc_t cb,
                                   void *arg)
{
    return on_client (proc, FINALIZED);
}

static pmix_status_t abort_cb (const pmix_proc_t *proc, void *object, int status,
                               const char msg[], pmix_proc_t procs[], size_t nprocs,
                               pmix_op_cbfunc_t cb, void *arg)
{
    struct event *e = event_new (ABORT, proc->rank, msg ? msg : "", msg ? strlen (msg) + 1 : 1);

    if (!e)
        return PMIX_ERR_NOMEM;
    e->code = status;
    e->op_done = cb;
    e->done_arg = arg;
    enqueue (e);
    return PMIX_SUCCESS;
}

static bool all_local (const pmix_proc_t procs[], size_t nprocs)
{
    for (size_t i = 0; i < nprocs; i++) {
        if (!is_ours (&procs[i]) || procs[i].rank >= (pmix_rank_t)server->ntasks
            || server->node[procs[i].rank] != server->shell_rank)
            return false;
    }
    return true;
}

/* Ascending, each once.  NULL: they are not all tasks of this job, or out of memory; then *np
 * is as it was. */
static int *ranks_of (const pmix_proc_t procs[], size_t nprocs, size_t *np)
{
    bool *in = calloc (server->ntasks, sizeof (*in));
    int *ranks = calloc (server->ntasks, sizeof (*ranks));
    bool ok = in && ranks;
    size_t n = 0;

    for (size_t i = 0; ok && i < nprocs; i++) {
        bool all = procs[i].rank == PMIX_RANK_WILDCARD;
        ok = is_ours (&procs[i]) && (all || procs[i].rank < (pmix_rank_t)server->ntasks);
        if (ok)
            memset (in + (all ? 0 : procs[i].rank), true, all ? server->ntasks : 1);
    }
    for (int t = 0; ok && t < server->ntasks; t++) {
        if (in[t])
            ranks[n++] = t;
    }
    free (in);
    if (!ok) {
        free (ranks);
        return NULL;
    }
    *np = n;
    return ranks;
}

static bool whole_program (const pmix_proc_t procs[], size_t nprocs)
{
    size_t n = 0;
    int *ranks = nprocs == 1 || nprocs >= (size_t)server->ntasks ? ranks_of (procs, nprocs, &n)
                                                                 : NULL;

    free (ranks);
    return n == (size_t)server->ntasks;
}

static void release_event (void *arg)
{
    event_free (arg);
}

/* The library has the copy until it says release. */
static void answer_data (struct event *e, const void *data, size_t len)
{
    struct event *copy = data ? event_new (e->kind, e->rank, data, len) : NULL;

    if (copy)
        e->done (PMIX_SUCCESS, copy->data, copy->len, e->done_arg, release_event, copy);
    else
        e->done (PMIX_ERROR, NULL, 0, e->done_arg, NULL, NULL);
}

static void answer_op (struct event *e, const void *data, size_t len)
{
    e->op_done (data ? PMIX_SUCCESS : PMIX_ERROR, e->done_arg);
}

/* Each shell gave a number: that of the first shell names the group, as no other group that
 * it is the first of has it. */
static size_t group_id (const void *data, size_t len)
{
    uint64_t best = UINT64_MAX;

    for (size_t i = 0; i + sizeof (best) <= len; i += sizeof (best)) {
        uint64_t n;
        memcpy (&n, (const char *)data + i, sizeof (n));
        if (best == UINT64_MAX || n % server->nshells < best % server->nshells)
            best = n;
    }
    return best;
}

static void release_info (void *arg)
{
    pmix_info_t *info = arg;

    PMIX_INFO_FREE (info, 1);
}

static void answer_group (struct event *e, const void *data, size_t len)
{
    pmix_info_t *info = NULL;
    size_t id;

    if (data && e->wants_id) {
        id = group_id (data, len);
        PMIX_INFO_CREATE (info, 1);
        PMIX_INFO_LOAD (info, PMIX_GROUP_CONTEXT_ID, &id, PMIX_SIZE);
    }
    e->info_done (data ? PMIX_SUCCESS : PMIX_ERROR, info, info ? 1 : 0, e->done_arg,
                  info ? release_info : NULL, info);
}

static void answer (struct event *e, const void *data, size_t len)
{
    e->answer (e, data, len);
    event_free (e);
}

/* Processes of other programs cannot be reached. */
static pmix_status_t make_gather (struct event *e, const char *what, const char *name,
                                  const pmix_proc_t procs[], size_t nprocs)
{
    if (asprintf (&e->what, "%s %s", what, name) < 0) {
        e->what = NULL;
        return PMIX_ERR_NOMEM;
    }
    if (!(e->ranks = ranks_of (procs, nprocs, &e->nranks)))
        return PMIX_ERR_NOT_SUPPORTED;
    return PMIX_SUCCESS;
}

static pmix_status_t fence_cb (const pmix_proc_t procs[], size_t nprocs, const pmix_info_t info[],
                               size_t ninfo, char *data, size_t ndata, pmix_modex_cbfunc_t cb,
                               void *arg)
{
    struct event *e;
    bool local = all_local (procs, nprocs);
    bool some = !local && !whole_program (procs, nprocs);
    pmix_status_t rc;

    if (!(e = event_new (some ? GATHER : FENCE, 0, data, ndata)))
        return PMIX_ERR_NOMEM;
    if (some && (rc = make_gather (e, "fence", "", procs, nprocs)) != PMIX_SUCCESS) {
        event_free (e);
        return rc;
    }
    e->answer = answer_data;
    e->done = cb;
    e->done_arg = arg;
    if (local)
        cb (PMIX_SUCCESS, e->data, e->len, arg, release_event, e);
    else
        enqueue (e);
    return PMIX_SUCCESS;
}

/* As the end of any task can end the job, to be connected takes no more than to meet. */
static pmix_status_t meet (const char *what, const pmix_proc_t procs[], size_t nprocs,
                           pmix_op_cbfunc_t cb, void *arg)
{
    struct event *e = event_new (GATHER, 0, NULL, 0);
    pmix_status_t rc = e ? make_gather (e, what, "", procs, nprocs) : PMIX_ERR_NOMEM;

    if (rc != PMIX_SUCCESS) {
        event_free (e);
        return rc;
    }
    e->answer = answer_op;
    e->op_done = cb;
    e->done_arg = arg;
    enqueue (e);
    return PMIX_SUCCESS;
}

static pmix_status_t connect_cb (const pmix_proc_t procs[], size_t nprocs,
                                 const pmix_info_t info[], size_t ninfo, pmix_op_cbfunc_t cb,
                                 void *arg)
{
    return meet ("connect", procs, nprocs, cb, arg);
}

static pmix_status_t disconnect_cb (const pmix_proc_t procs[], size_t nprocs,
                                    const pmix_info_t info[], size_t ninfo, pmix_op_cbfunc_t cb,
                                    void *arg)
{
    return meet ("disconnect", procs, nprocs, cb, arg);
}

static bool has_true (const pmix_info_t info[], size_t ninfo, const char *key)
{
    for (size_t i = 0; i < ninfo; i++) {
        if (strncmp (info[i].key, key, PMIX_MAX_KEYLEN) == 0)
            return PMIX_INFO_TRUE (&info[i]);
    }
    return false;
}

static pmix_status_t group_cb (pmix_group_operation_t op, char name[], const pmix_proc_t procs[],
                               size_t nprocs, const pmix_info_t info[], size_t ninfo,
                               pmix_info_cbfunc_t cb, void *arg)
{
    bool begin = op == PMIX_GROUP_CONSTRUCT;
    uint64_t number = server->groups * server->nshells + server->shell_rank;
    struct event *e = event_new (GATHER, 0, &number, sizeof (number));
    pmix_status_t rc = e ? make_gather (e, begin ? "group" : "group-end", name, procs, nprocs)
                         : PMIX_ERR_NOMEM;

    if (rc != PMIX_SUCCESS) {
        event_free (e);
        return rc;
    }
    server->groups += begin;
    e->answer = answer_group;
    e->wants_id = begin && has_true (info, ninfo, PMIX_GROUP_ASSIGN_CONTEXT_ID);
    e->info_done = cb;
    e->done_arg = arg;
    enqueue (e);
    return PMIX_SUCCESS;
}

static pmix_status_t modex_cb (const pmix_proc_t *proc, const pmix_info_t info[], size_t ninfo,
                               pmix_modex_cbfunc_t cb, void *arg)
{
    struct event *e;

    if (!is_ours (proc) || proc->rank >= (pmix_rank_t)server->ntasks)
        return PMIX_ERR_NOT_FOUND;
    if (!(e = event_new (MODEX, proc->rank, NULL, 0)))
        return PMIX_ERR_NOMEM;
    e->answer = answer_data;
    e->done = cb;
    e->done_arg = arg;
    enqueue (e);
    return PMIX_SUCCESS;
}

static void modex_answer_cb (pmix_status_t status, char *data, size_t len, void *arg)
{
    struct event *e = event_new (MODEX_ANSWER, 0, data, status == PMIX_SUCCESS ? len : 0);

    if (!e)
        return;
    e->code = status;
    e->request = arg;
    enqueue (e);
}

static pmix_server_module_t callbacks = {
    .client_connected = connected_cb,
    .client_finalized = finalized_cb,
    .abort = abort_cb,
    .fence_nb = fence_cb,
    .direct_modex = modex_cb,
    .connect = connect_cb,
    .disconnect = disconnect_cb,
    .group = group_cb,
};

/* Dispatch, in the shell's thread */

static void next_fence (struct shell_pmix *p)
{
    if (!p->fences || p->fencing)
        return;
    p->fencing = true;
    p->host->fence (p->arg, p->fences->data, p->fences->len);
}

static void add_fence (struct shell_pmix *p, struct event *e)
{
    struct event **tail = &p->fences;

    while (*tail)
        tail = &(*tail)->next;
    *tail = e;
    next_fence (p);
}

static void do_abort (struct shell_pmix *p, struct event *e)
{
    p->host->abort (p->arg, e->rank, e->code, e->data);
    if (e->op_done)
        e->op_done (PMIX_SUCCESS, e->done_arg);
}

static void dispatch_one (struct shell_pmix *p, struct event *e)
{
    e->next = NULL;
    switch (e->kind) {
        case FENCE:
            add_fence (p, e);
            return;
        case GATHER:
            p->host->gather (p->arg, e->what, e->ranks, e->nranks, e->data, e->len, e);
            return;
        case MODEX:
            p->host->modex (p->arg, e->rank, e);
            return;
        case MODEX_ANSWER:
            p->host->modex_answer (p->arg, e->request, e->code == PMIX_SUCCESS ? e->data : NULL,
                                   e->len);
            break;
        case ABORT:
            do_abort (p, e);
            break;
        case CONNECTED:
            p->host->connected (p->arg, e->rank);
            break;
        case FINALIZED:
            p->host->finalized (p->arg, e->rank);
            break;
    }
    event_free (e);
}

static void pmix_dispatch (struct shell_pmix *p)
{
    struct event *e = take_all (p);

    while (e) {
        struct event *next = e->next;
        dispatch_one (p, e);
        e = next;
    }
}

static void pmix_fence_done (struct shell_pmix *p, const void *data, size_t len)
{
    struct event *e = p->fences;

    if (!e || !p->fencing)
        return;
    p->fences = e->next;
    p->fencing = false;
    answer (e, data, len);
    next_fence (p);
}

static void pmix_gather_done (struct shell_pmix *p, void *token, const void *data, size_t len)
{
    answer (token, data, len);
}

static void pmix_modex_done (struct shell_pmix *p, void *token, const void *data, size_t len)
{
    answer (token, data, len);
}

static int pmix_modex_request (struct shell_pmix *p, int rank, void *request)
{
    pmix_proc_t proc;

    PMIX_LOAD_PROCID (&proc, p->nspace, rank);
    return PMIx_server_dmodex_request (&proc, modex_answer_cb, request) == PMIX_SUCCESS ? 0 : -1;
}

static int pmix_environment (struct shell_pmix *p, int rank, int (*set) (void *arg, const char *pair),
                             void *arg)
{
    pmix_proc_t proc;
    char **env = NULL;
    int rc;

    PMIX_LOAD_PROCID (&proc, p->nspace, rank);
    rc = PMIx_server_setup_fork (&proc, &env) == PMIX_SUCCESS ? 0 : -1;
    for (int i = 0; env && env[i]; i++) {
        if (rc == 0)
            rc = set (arg, env[i]);
        free (env[i]);
    }
    free (env);
    return rc;
}

/* What tasks can ask for about the job */

struct infos {
    pmix_info_t *v;
    size_t n;
    size_t max;
};

static void add (struct infos *in, const char *key, const void *val, pmix_data_type_t type)
{
    if (in->n < in->max)
        PMIX_INFO_LOAD (&in->v[in->n++], key, val, type);
}

static void add_u32 (struct infos *in, const char *key, uint32_t val)
{
    add (in, key, &val, PMIX_UINT32);
}

static void add_u16 (struct infos *in, const char *key, uint16_t val)
{
    add (in, key, &val, PMIX_UINT16);
}

static void add_rank (struct infos *in, const char *key, pmix_rank_t val)
{
    add (in, key, &val, PMIX_PROC_RANK);
}

/* Ranks of one node with commas between, or of all with semicolons between nodes. */
static char *ranks_text (const struct shell_pmix_job *job, int first, int last)
{
    char *s = NULL;
    size_t size;
    FILE *f = open_memstream (&s, &size);

    for (int node = first; f && node <= last; node++) {
        const char *sep = node > first ? ";" : "";
        for (int t = 0; t < job->ntasks; t++) {
            if (job->node[t] != node)
                continue;
            fprintf (f, "%s%d", sep, t);
            sep = ",";
        }
    }
    if (f)
        fclose (f);
    return s;
}

static char *hosts_text (const struct shell_pmix_job *job)
{
    char *s = NULL;
    size_t size;
    FILE *f = open_memstream (&s, &size);

    for (int i = 0; f && i < job->nshells; i++)
        fprintf (f, "%s%s", i > 0 ? "," : "", job->hosts[i]);
    if (f)
        fclose (f);
    return s;
}

static void add_maps (struct infos *in, const struct shell_pmix_job *job)
{
    char *hosts = hosts_text (job);
    char *ranks = ranks_text (job, 0, job->nshells - 1);
    char *regex = NULL;
    char *ppn = NULL;

    if (hosts && ranks && PMIx_generate_regex (hosts, &regex) == PMIX_SUCCESS
        && PMIx_generate_ppn (ranks, &ppn) == PMIX_SUCCESS) {
        add (in, PMIX_NODE_MAP, regex, PMIX_REGEX);
        add (in, PMIX_PROC_MAP, ppn, PMIX_REGEX);
    }
    free (hosts);
    free (ranks);
    free (regex);
    free (ppn);
}

static void add_local (struct infos *in, const struct shell_pmix_job *job)
{
    char *peers = ranks_text (job, job->shell_rank, job->shell_rank);
    uint32_t count = 0;
    int leader = -1;

    for (int t = 0; t < job->ntasks; t++) {
        if (job->node[t] != job->shell_rank)
            continue;
        if (count++ == 0)
            leader = t;
    }
    add_u32 (in, PMIX_LOCAL_SIZE, count);
    add_u32 (in, PMIX_NODE_SIZE, count);
    add_u32 (in, PMIX_NODEID, job->shell_rank);
    add_rank (in, PMIX_LOCALLDR, leader);
    if (peers)
        add (in, PMIX_LOCAL_PEERS, peers, PMIX_STRING);
    free (peers);
}

static void add_task (struct infos *in, const struct shell_pmix_job *job, int rank, int localid)
{
    pmix_data_array_t array;
    struct infos proc = { .max = 8 };
    bool spawned = false;

    PMIX_DATA_ARRAY_CONSTRUCT (&array, proc.max, PMIX_INFO);
    proc.v = array.array;
    add_rank (&proc, PMIX_RANK, rank);
    add_rank (&proc, PMIX_GLOBAL_RANK, rank);
    add_rank (&proc, PMIX_APP_RANK, rank);
    add_u16 (&proc, PMIX_LOCAL_RANK, localid);
    add_u16 (&proc, PMIX_NODE_RANK, localid);
    add_u32 (&proc, PMIX_NODEID, job->node[rank]);
    add (&proc, PMIX_HOSTNAME, job->hosts[job->node[rank]], PMIX_STRING);
    add (&proc, PMIX_SPAWNED, &spawned, PMIX_BOOL);
    add (in, PMIX_PROC_DATA, &array, PMIX_DATA_ARRAY);
    PMIX_DATA_ARRAY_DESTRUCT (&array);
}

static pmix_status_t register_job (struct shell_pmix *p, const struct shell_pmix_job *job)
{
    struct infos in = { .max = job->ntasks + 16 };
    int *next = calloc (job->nshells, sizeof (*next));
    int nlocal = 0;
    pmix_status_t rc;

    if (!next)
        return PMIX_ERR_NOMEM;
    PMIX_INFO_CREATE (in.v, in.max);
    add (&in, PMIX_JOBID, job->nspace, PMIX_STRING);
    add (&in, PMIX_TMPDIR, job->tmpdir, PMIX_STRING);
    add (&in, PMIX_NSDIR, job->tmpdir, PMIX_STRING);
    add_u32 (&in, PMIX_UNIV_SIZE, job->ntasks);
    add_u32 (&in, PMIX_JOB_SIZE, job->ntasks);
    add_u32 (&in, PMIX_MAX_PROCS, job->ntasks);
    add_u32 (&in, PMIX_JOB_NUM_APPS, 1);
    add_u32 (&in, PMIX_NUM_NODES, job->nshells);
    add_local (&in, job);
    add_maps (&in, job);
    for (int t = 0; t < job->ntasks; t++) {
        add_task (&in, job, t, next[job->node[t]]++);
        nlocal += job->node[t] == job->shell_rank;
    }
    rc = PMIx_server_register_nspace (p->nspace, nlocal, in.v, in.n, NULL, NULL);
    PMIX_INFO_FREE (in.v, in.max);
    free (next);
    return rc == PMIX_OPERATION_SUCCEEDED ? PMIX_SUCCESS : rc;
}

static pmix_status_t register_tasks (struct shell_pmix *p, const struct shell_pmix_job *job)
{
    for (int t = 0; t < job->ntasks; t++) {
        pmix_proc_t proc;
        pmix_status_t rc;
        if (job->node[t] != job->shell_rank)
            continue;
        PMIX_LOAD_PROCID (&proc, p->nspace, t);
        rc = PMIx_server_register_client (&proc, job->uid, job->gid, NULL, NULL, NULL);
        if (rc != PMIX_SUCCESS && rc != PMIX_OPERATION_SUCCEEDED)
            return rc;
    }
    return PMIX_SUCCESS;
}

/* Life */

/* PMIX_MCA_gds: the library's default store is memory that tasks read while the server writes it.
 * A key that was asked for while its owner committed it was not found in one of twenty runs
 * (PMIx 4.2.2). The library asks its environment only, not its arguments; tasks do not get it. */
static pmix_status_t init_library (const struct shell_pmix_job *job)
{
    struct infos in = { .max = 5 };
    char name[PMIX_MAX_NSLEN + 1];
    pmix_status_t rc;

    snprintf (name, sizeof (name), "%s.server", job->nspace);
    PMIX_INFO_CREATE (in.v, in.max);
    add (&in, PMIX_SERVER_TMPDIR, job->tmpdir, PMIX_STRING);
    add (&in, PMIX_SYSTEM_TMPDIR, job->tmpdir, PMIX_STRING);
    add (&in, PMIX_HOSTNAME, job->hosts[job->shell_rank], PMIX_STRING);
    add (&in, PMIX_SERVER_NSPACE, name, PMIX_STRING);
    add_rank (&in, PMIX_SERVER_RANK, job->shell_rank);
    setenv ("PMIX_MCA_gds", "hash", 0);
    rc = PMIx_server_init (&callbacks, in.v, in.n);
    PMIX_INFO_FREE (in.v, in.max);
    return rc;
}

static void shell_pmix_free (struct shell_pmix *p)
{
    if (!p)
        return;
    for (struct event *e = take_all (p), *next; e; e = next) {
        next = e->next;
        event_free (e);
    }
    for (struct event *e = p->fences, *next; e; e = next) {
        next = e->next;
        event_free (e);
    }
    if (p->fd >= 0)
        close (p->fd);
    pthread_mutex_destroy (&p->lock);
    free (p->node);
    free (p);
}

static struct shell_pmix *shell_pmix_new (const struct shell_pmix_job *job,
                                          const struct shell_pmix_host *host, void *arg)
{
    struct shell_pmix *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    p->host = host;
    p->arg = arg;
    p->ntasks = job->ntasks;
    p->shell_rank = job->shell_rank;
    p->nshells = job->nshells;
    p->last = &p->first;
    pthread_mutex_init (&p->lock, NULL);
    snprintf (p->nspace, sizeof (p->nspace), "%s", job->nspace);
    p->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->node = calloc (job->ntasks, sizeof (*p->node));
    if (p->fd < 0 || !p->node) {
        shell_pmix_free (p);
        return NULL;
    }
    memcpy (p->node, job->node, job->ntasks * sizeof (*p->node));
    return p;
}

static struct shell_pmix *pmix_start (const struct shell_pmix_job *job,
                                      const struct shell_pmix_host *host, void *arg,
                                      flux_error_t *err)
{
    pmix_status_t rc;

    if (!(server = shell_pmix_new (job, host, arg))) {
        snprintf (err->text, sizeof (err->text), "out of memory");
        return NULL;
    }
    if ((rc = init_library (job)) != PMIX_SUCCESS
        || (rc = register_job (server, job)) != PMIX_SUCCESS
        || (rc = register_tasks (server, job)) != PMIX_SUCCESS) {
        snprintf (err->text, sizeof (err->text), "PMIx server: %s", PMIx_Error_string (rc));
        shell_pmix_free (server);
        server = NULL;
    }
    return server;
}

static void *finalize (void *arg)
{
    (void)PMIx_server_finalize ();       /* the library's thread ends */
    return NULL;
}

/* It is known to wait for ever where a request of a task has gone wrong.  The shell is about
 * to exit: then it is left behind, with all that it may still look at. */
static void pmix_stop (struct shell_pmix *p)
{
    struct timespec end;
    pthread_t t;

    if (!p)
        return;
    clock_gettime (CLOCK_REALTIME, &end);
    end.tv_sec += FINALIZE_SECONDS;
    if (pthread_create (&t, NULL, finalize, NULL) != 0 || pthread_timedjoin_np (t, NULL, &end) != 0)
        return;
    shell_pmix_free (p);
    server = NULL;
}

static int pmix_fd (struct shell_pmix *p)
{
    return p->fd;
}

const struct shell_pmix_lib shell_pmix_lib = {
    .start = pmix_start,
    .stop = pmix_stop,
    .fd = pmix_fd,
    .dispatch = pmix_dispatch,
    .environment = pmix_environment,
    .fence_done = pmix_fence_done,
    .gather_done = pmix_gather_done,
    .modex_done = pmix_modex_done,
    .modex_request = pmix_modex_request,
};
