/* pmixtest.c - a PMIx program for tests
 *
 *   pmixtest get          put, fence without data, get the keys of all
 *   pmixtest collect      put, fence with all data, get; three times
 *   pmixtest early        get the keys of all without a fence: of some before they are put
 *   pmixtest local        a fence of the tasks of this node
 *   pmixtest pair         a fence of the first and the last task
 *   pmixtest info         what the server says of the job
 *   pmixtest abort CODE   the highest rank aborts, the others wait
 *   pmixtest quit CODE    the highest rank exits after init, the others wait
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

static void read_all (int round)
{
    char key[64];
    char want[64];

    snprintf (key, sizeof (key), "card-%d", round);
    for (uint32_t r = 0; r < size; r++) {
        pmix_value_t *val = get (r, key);
        snprintf (want, sizeof (want), "of %u", r);
        if (val->type != PMIX_STRING || strcmp (val->data.string, want) != 0) {
            fprintf (stderr, "pmixtest: %u: the card of %u is wrong\n", me.rank, r);
            exit (1);
        }
        PMIX_VALUE_RELEASE (val);
    }
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

static void pair (void)
{
    pmix_proc_t procs[2];

    PMIX_LOAD_PROCID (&procs[0], me.nspace, 0);
    PMIX_LOAD_PROCID (&procs[1], me.nspace, size - 1);
    if (me.rank == 0 || me.rank == size - 1)
        printf ("%s\n", PMIx_Error_string (PMIx_Fence (procs, 2, NULL, 0)));
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
    else if (strcmp (what, "info") == 0)
        info ();
    else if (argc > 2)
        leave (what, strtol (argv[2], NULL, 10));
    check (PMIx_Finalize (NULL, 0), "finalize");
    return 0;
}
