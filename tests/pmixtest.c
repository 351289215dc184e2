/* pmixtest.c - a PMIx program for tests
 *
 *   pmixtest get          put, fence without data, get the keys of all
 *   pmixtest collect      put, fence with all data, get; three times
 *   pmixtest early        get the keys of all without a fence: of some before they are put
 *   pmixtest local        a fence of the tasks of this node
 *   pmixtest pair         a fence of the first and the last task, with their keys; three times
 *   pmixtest halves       fences of the even and of the odd tasks, of neighbours, of all but one
 *   pmixtest foreign      a fence with a task that there is not
 *   pmixtest connect      tasks that are connected
 *   pmixtest group        groups of all, of the even and of the odd tasks, with their numbers
 *   pmixtest ask WHAT     spawn, publish, lookup, unpublish, query, alloc,
 *                         control: what the library says
 *   pmixtest info         what the server says of the job
 *   pmixtest abort CODE   the highest rank aborts, the others wait
 *   pmixtest quit CODE    the highest rank exits after init, the others wait
 *   pmixtest desert CODE  the highest rank exits, the first waits in a fence with it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pmix.h>

static pmix_proc_t me;
static uint32_t size;

static void check (pmix_status_t rc, const char *what)
{
    if (rc == PMIX_SUCCESS)
        return;
    fprintf (stderr, "pmixtest: %u: %s: %s\n", me.rank, what, PMIx_Error_string (rc));
    exit (1);
}

static pmix_value_t *get (pmix_rank_t rank, const char *key)
{
    pmix_proc_t proc;
    pmix_value_t *val;

    PMIX_LOAD_PROCID (&proc, me.nspace, rank);
    check (PMIx_Get (&proc, key, NULL, 0, &val), key);
    return val;
}

static void put (int round)
{
    char key[64];
    char text[64];
    pmix_value_t val;

    snprintf (key, sizeof (key), "card-%d", round);
    snprintf (text, sizeof (text), "of %u", me.rank);
    PMIX_VALUE_LOAD (&val, text, PMIX_STRING);
    check (PMIx_Put (PMIX_GLOBAL, key, &val), "put");
    check (PMIx_Commit (), "commit");
    PMIX_VALUE_DESTRUCT (&val);
}

static void fence (bool collect)
{
    pmix_info_t info;

    PMIX_INFO_LOAD (&info, PMIX_COLLECT_DATA, &collect, PMIX_BOOL);
    check (PMIx_Fence (NULL, 0, &info, 1), "fence");
}

static void read_one (uint32_t r, int round)
{
    char key[64];
    char want[64];
    pmix_value_t *val;

    snprintf (key, sizeof (key), "card-%d", round);
    snprintf (want, sizeof (want), "of %u", r);
    val = get (r, key);
    if (val->type != PMIX_STRING || strcmp (val->data.string, want) != 0) {
        fprintf (stderr, "pmixtest: %u: the card of %u is wrong\n", me.rank, r);
        exit (1);
    }
    PMIX_VALUE_RELEASE (val);
}

static void read_all (int round)
{
    for (uint32_t r = 0; r < size; r++)
        read_one (r, round);
}

static void exchange (int rounds, bool collect)
{
    for (int i = 0; i < rounds; i++) {
        put (i);
        fence (collect);
        read_all (i);
    }
    fence (false);      /* what a task has put goes with it */
    if (me.rank == 0)
        printf ("%u ok\n", size);
}

/* Each waits until the others have put: it does not matter when they do. */
static void early (void)
{
    if (me.rank % 2 == 0)
        usleep (200000);
    put (0);
    read_all (0);
    fence (false);               /* none leaves while another may ask for its keys */
    if (me.rank == 0)
        printf ("%u ok\n", size);
}

static void local (void)
{
    pmix_value_t *val = get (PMIX_RANK_WILDCARD, PMIX_LOCAL_PEERS);
    pmix_proc_t procs[64];
    size_t n = 0;

    for (char *p = val->data.string; *p && n < 64; p += strspn (p, ","), n++)
        PMIX_LOAD_PROCID (&procs[n], me.nspace, strtol (p, &p, 10));
    check (PMIx_Fence (procs, n, NULL, 0), "local fence");
    printf ("%u: fence of %zu\n", me.rank, n);
}

/* A fence of the ranks first, first + step, ... below 'end'; 'backwards' tells them in that
 * order. */
static void fence_of (uint32_t first, uint32_t end, uint32_t step, bool backwards, bool collect)
{
    pmix_proc_t procs[64];
    pmix_info_t info;
    size_t n = 0;

    for (uint32_t r = first; r < end && n < 64; r += step, n++)
        PMIX_LOAD_PROCID (&procs[n], me.nspace, r);
    for (size_t i = 0; backwards && i < n / 2; i++) {
        pmix_proc_t tmp = procs[i];
        procs[i] = procs[n - 1 - i];
        procs[n - 1 - i] = tmp;
    }
    PMIX_INFO_LOAD (&info, PMIX_COLLECT_DATA, &collect, PMIX_BOOL);
    check (PMIx_Fence (procs, n, &info, 1), "fence of some");
}

static void pair (void)
{
    if (me.rank == 0 || me.rank == size - 1) {
        for (int i = 0; i < 3; i++) {
            put (i);
            fence_of (0, size, size - 1, me.rank == 0, true);
            read_one (size - 1 - me.rank, i);
        }
        printf ("%u: pair\n", me.rank);
    }
    fence (false);
}

static void halves (void)
{
    for (int i = 0; i < 3; i++) {
        put (i);
        fence_of (me.rank % 2, size, 2, false, i % 2);
        for (uint32_t r = me.rank % 2; r < size; r += 2)
            read_one (r, i);
        if (me.rank > 0)
            fence_of (me.rank - 1, me.rank + 1, 1, true, false);
        if (me.rank + 1 < size)
            fence_of (me.rank, me.rank + 2, 1, false, false);
        if (me.rank > 0)
            fence_of (1, size, 1, false, true);
    }
    printf ("%u: halves\n", me.rank);
    fence (false);
}

static void foreign (void)
{
    pmix_proc_t procs[2];

    PMIX_LOAD_PROCID (&procs[0], me.nspace, me.rank);
    PMIX_LOAD_PROCID (&procs[1], "other", 0);
    printf ("%s\n", PMIx_Error_string (PMIx_Fence (procs, 2, NULL, 0)));
    PMIX_LOAD_PROCID (&procs[1], me.nspace, size + 1);
    printf ("%s\n", PMIx_Error_string (PMIx_Fence (procs, 2, NULL, 0)));
}

/* All, and then those of the same parity, are connected, and no more. */
static void connected (void)
{
    pmix_proc_t procs[64];
    size_t n = 0;

    PMIX_LOAD_PROCID (&procs[0], me.nspace, PMIX_RANK_WILDCARD);
    check (PMIx_Connect (procs, 1, NULL, 0), "connect");
    check (PMIx_Disconnect (procs, 1, NULL, 0), "disconnect");
    for (uint32_t r = me.rank % 2; r < size && n < 64; r += 2, n++)
        PMIX_LOAD_PROCID (&procs[n], me.nspace, r);
    check (PMIx_Connect (procs, n, NULL, 0), "connect some");
    check (PMIx_Disconnect (procs, n, NULL, 0), "disconnect some");
    printf ("%u: connected\n", me.rank);
}

/* A group of the ranks first, first + step, ...: its number, which is printed. */
static void group_of (const char *name, uint32_t first, uint32_t step)
{
    pmix_proc_t procs[64];
    pmix_info_t info;
    pmix_info_t *results = NULL;
    size_t nresults = 0;
    size_t id = SIZE_MAX;
    size_t n = 0;
    bool yes = true;

    for (uint32_t r = first; r < size && n < 64; r += step, n++)
        PMIX_LOAD_PROCID (&procs[n], me.nspace, r);
    PMIX_INFO_LOAD (&info, PMIX_GROUP_ASSIGN_CONTEXT_ID, &yes, PMIX_BOOL);
    check (PMIx_Group_construct (name, procs, n, &info, 1, &results, &nresults), name);
    for (size_t i = 0; i < nresults; i++) {
        if (PMIX_CHECK_KEY (&results[i], PMIX_GROUP_CONTEXT_ID))
            id = results[i].value.data.size;
    }
    printf ("%s %zu\n", name, id);
    check (PMIx_Group_destruct (name, NULL, 0), "end of group");
}

static void groups (void)
{
    group_of ("everyone", 0, 1);
    group_of (me.rank % 2 ? "odd" : "even", me.rank % 2, 2);
    group_of ("again", 0, 1);
}

static pmix_status_t ask_spawn (pmix_proc_t *all)
{
    char *argv[] = { "true", NULL };
    pmix_app_t app = { .cmd = "true", .argv = argv, .maxprocs = 1 };
    char nspace[PMIX_MAX_NSLEN + 1];

    return PMIx_Spawn (NULL, 0, &app, 1, nspace);
}

static pmix_status_t ask_publish (pmix_proc_t *all)
{
    pmix_info_t info;

    PMIX_INFO_LOAD (&info, "port", "here", PMIX_STRING);
    return PMIx_Publish (&info, 1);
}

static pmix_status_t ask_lookup (pmix_proc_t *all)
{
    pmix_pdata_t data;

    PMIX_PDATA_CONSTRUCT (&data);
    PMIX_LOAD_KEY (data.key, "port");
    return PMIx_Lookup (&data, 1, NULL, 0);
}

static pmix_status_t ask_unpublish (pmix_proc_t *all)
{
    char *keys[] = { "port", NULL };

    return PMIx_Unpublish (keys, NULL, 0);
}

static pmix_status_t ask_query (pmix_proc_t *all)
{
    pmix_query_t q;
    pmix_status_t rc;
    pmix_info_t *results = NULL;
    size_t n = 0;

    PMIX_QUERY_CONSTRUCT (&q);
    PMIX_ARGV_APPEND (rc, q.keys, PMIX_QUERY_QUEUE_LIST);
    check (rc, "argv");
    return PMIx_Query_info (&q, 1, &results, &n);
}

static pmix_status_t ask_alloc (pmix_proc_t *all)
{
    pmix_info_t info;
    pmix_info_t *results = NULL;
    uint64_t nodes = 1;
    size_t n = 0;

    PMIX_INFO_LOAD (&info, PMIX_ALLOC_NUM_NODES, &nodes, PMIX_UINT64);
    return PMIx_Allocation_request (PMIX_ALLOC_NEW, &info, 1, &results, &n);
}

static pmix_status_t ask_control (pmix_proc_t *all)
{
    pmix_info_t info;
    pmix_info_t *results = NULL;
    size_t n = 0;
    bool yes = true;

    PMIX_INFO_LOAD (&info, PMIX_JOB_CTRL_PAUSE, &yes, PMIX_BOOL);
    return PMIx_Job_control (all, 1, &info, 1, &results, &n);
}

static const struct {
    const char *name;
    pmix_status_t (*fn) (pmix_proc_t *all);
} asks[] = {
    { "spawn", ask_spawn }, { "publish", ask_publish }, { "lookup", ask_lookup }, { "unpublish", ask_unpublish },
    { "query", ask_query }, { "alloc", ask_alloc },
    { "control", ask_control },
};

static void ask (const char *what)
{
    pmix_proc_t all;

    PMIX_LOAD_PROCID (&all, me.nspace, PMIX_RANK_WILDCARD);
    for (size_t i = 0; i < sizeof (asks) / sizeof (asks[0]); i++) {
        if (strcmp (asks[i].name, what) == 0)
            printf ("%s: %s\n", what, PMIx_Error_string (asks[i].fn (&all)));
    }
}

static void info (void)
{
    printf ("%u: size %u nodes %u local %u/%u peers %s node %u host %s\n", me.rank, size,
            get (PMIX_RANK_WILDCARD, PMIX_NUM_NODES)->data.uint32,
            get (me.rank, PMIX_LOCAL_RANK)->data.uint16,
            get (PMIX_RANK_WILDCARD, PMIX_LOCAL_SIZE)->data.uint32,
            get (PMIX_RANK_WILDCARD, PMIX_LOCAL_PEERS)->data.string,
            get (me.rank, PMIX_NODEID)->data.uint32,
            get (me.rank, PMIX_HOSTNAME)->data.string);
}

static void leave (const char *how, int code)
{
    fence (false);
    if (me.rank == size - 1 && strcmp (how, "abort") == 0)
        PMIx_Abort (code, "enough", NULL, 0);
    if (me.rank == size - 1)
        _exit (code);
    if (me.rank == 0 && strcmp (how, "desert") == 0)
        fence_of (0, size, size - 1, false, false);
    fence (false);
}

int main (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "get";

    check (PMIx_Init (&me, NULL, 0), "init");
    size = get (PMIX_RANK_WILDCARD, PMIX_JOB_SIZE)->data.uint32;
    if (strcmp (what, "get") == 0)
        exchange (1, false);
    else if (strcmp (what, "collect") == 0)
        exchange (3, true);
    else if (strcmp (what, "early") == 0)
        early ();
    else if (strcmp (what, "local") == 0)
        local ();
    else if (strcmp (what, "pair") == 0)
        pair ();
    else if (strcmp (what, "halves") == 0)
        halves ();
    else if (strcmp (what, "foreign") == 0)
        foreign ();
    else if (strcmp (what, "connect") == 0)
        connected ();
    else if (strcmp (what, "group") == 0)
        groups ();
    else if (strcmp (what, "ask") == 0 && argc > 2)
        ask (argv[2]);
    else if (strcmp (what, "info") == 0)
        info ();
    else if (argc > 2)
        leave (what, strtol (argv[2], NULL, 10));
    check (PMIx_Finalize (NULL, 0), "finalize");
    return 0;
}
