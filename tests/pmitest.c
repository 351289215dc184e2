/* pmitest.c - a PMI-1 program for tests
 *
 *   pmitest exchange [N]    N times: put a key, barrier, get the keys of all
 *   pmitest get KEY...      print values
 *   pmitest abort CODE      the highest rank aborts, the others wait
 *   pmitest quit CODE [in]  the highest rank exits after init (or in the barrier), the
 *                           others wait
 *   pmitest bench N         N rounds of put, barrier, get; the time of each, in ms
 *   pmitest same            each puts the same key, after a key of its own twice
 *   pmitest say LINE        send a line in place of all that (\\n is added), show the answer
 *   pmitest long N          send N bytes without a newline
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pmi/client.h"

static void die (const char *what, const flux_error_t *err)
{
    fprintf (stderr, "pmitest: %s: %s\n", what, err->text);
    exit (1);
}

static void exchange_once (struct pmi_client *c, int round)
{
    char key[64];
    char val[128];
    const char *have;
    flux_error_t err;

    snprintf (key, sizeof (key), "key.%d.%d", round, pmi_client_rank (c));
    snprintf (val, sizeof (val), "value=%d;of %d", pmi_client_rank (c), round);
    if (pmi_client_put (c, key, val, &err) < 0)
        die ("put", &err);
    if (pmi_client_barrier (c, &err) < 0)
        die ("barrier", &err);
    for (int i = 0; i < pmi_client_size (c); i++) {
        snprintf (key, sizeof (key), "key.%d.%d", round, i);
        snprintf (val, sizeof (val), "value=%d;of %d", i, round);
        if (pmi_client_get (c, key, &have, &err) < 0)
            die (key, &err);
        if (strcmp (have, val) != 0) {
            fprintf (stderr, "pmitest: %s is '%s'\n", key, have);
            exit (1);
        }
    }
}

static int get (struct pmi_client *c, char **keys)
{
    flux_error_t err;
    const char *val;

    for (; *keys; keys++) {
        if (pmi_client_get (c, *keys, &val, &err) < 0)
            printf ("%s: none\n", *keys);
        else
            printf ("%s=%s\n", *keys, val);
    }
    return 0;
}

static int do_abort (struct pmi_client *c, const char *code)
{
    flux_error_t err;

    if (pmi_client_rank (c) == pmi_client_size (c) - 1)
        pmi_client_abort (c, strtol (code, NULL, 10), "enough");
    else
        pmi_client_barrier (c, &err);
    pause ();
    return 0;
}

static int quit (struct pmi_client *c, const char *code, bool in)
{
    flux_error_t err;

    if (pmi_client_rank (c) == pmi_client_size (c) - 1) {
        if (in && dprintf (strtol (getenv ("PMI_FD"), NULL, 10), "cmd=barrier_in\n") < 0)
            return 1;
        _exit (strtol (code, NULL, 10));
    }
    if (pmi_client_barrier (c, &err) < 0)
        die ("barrier", &err);
    return 0;
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Keys as MPI libraries have them: a business card each, of which few are read. */
static void bench_round (struct pmi_client *c, int round)
{
    int rank = pmi_client_rank (c);
    int size = pmi_client_size (c);
    char key[64];
    char val[128];
    const char *have;
    flux_error_t err;

    snprintf (key, sizeof (key), "card-%d-%d", round, rank);
    snprintf (val, sizeof (val), "%0100d", rank);
    if (pmi_client_put (c, key, val, &err) < 0)
        die ("put", &err);
    if (pmi_client_barrier (c, &err) < 0)
        die ("barrier", &err);
    snprintf (key, sizeof (key), "card-%d-%d", round, (rank + 1) % size);
    if (pmi_client_get (c, key, &have, &err) < 0 || strtol (have, NULL, 10) != (rank + 1) % size)
        die (key, &err);
}

static int bench (struct pmi_client *c, int n)
{
    flux_error_t err;

    if (pmi_client_barrier (c, &err) < 0)      /* all have started */
        die ("barrier", &err);
    for (int i = 0; i < n; i++) {
        double t = now ();
        bench_round (c, i);
        if (pmi_client_rank (c) == 0)
            printf ("%.3f\n", (now () - t) * 1e3);
    }
    return pmi_client_finalize (c, &err) < 0 ? 1 : 0;
}

static int same (struct pmi_client *c)
{
    flux_error_t err;
    char key[64];

    snprintf (key, sizeof (key), "own.%d", pmi_client_rank (c));
    if (pmi_client_put (c, key, "a", &err) < 0)
        die ("put", &err);
    if (pmi_client_put (c, key, "b", &err) == 0) {
        fprintf (stderr, "pmitest: a key was put twice\n");
        return 1;
    }
    (void)pmi_client_put (c, "same", key, &err);
    if (pmi_client_barrier (c, &err) < 0)
        die ("barrier", &err);
    return pmi_client_finalize (c, &err) < 0 ? 1 : 0;
}

static int say (const char *line, size_t len)
{
    const char *fd = getenv ("PMI_FD");
    char buf[256];
    ssize_t n;

    if (!fd || write (strtol (fd, NULL, 10), line, len) < 0)
        return 1;
    if ((n = read (strtol (fd, NULL, 10), buf, sizeof (buf))) > 0)
        printf ("%.*s", (int)n, buf);
    return 0;
}

static int send_line (const char *text)
{
    char line[256];
    int n = snprintf (line, sizeof (line), "%s\n", text);

    return say (line, n);
}

static int send_long (size_t len)
{
    char *s = malloc (len);

    memset (s, 'x', len);
    int rc = say (s, len);
    free (s);
    return rc;
}

static int exchange (struct pmi_client *c, int n)
{
    flux_error_t err;

    for (int i = 0; i < n; i++)
        exchange_once (c, i);
    if (pmi_client_finalize (c, &err) < 0)
        die ("finalize", &err);
    if (pmi_client_rank (c) == 0)
        printf ("%d ok\n", pmi_client_size (c));
    return 0;
}

static int act (struct pmi_client *c, int argc, char **argv)
{
    int n = argc > 2 ? strtol (argv[2], NULL, 10) : 1;

    if (argc > 1 && strcmp (argv[1], "get") == 0)
        return get (c, argv + 2);
    if (argc > 2 && strcmp (argv[1], "abort") == 0)
        return do_abort (c, argv[2]);
    if (argc > 2 && strcmp (argv[1], "quit") == 0)
        return quit (c, argv[2], argc > 3);
    if (argc > 2 && strcmp (argv[1], "bench") == 0)
        return bench (c, n);
    if (argc > 1 && strcmp (argv[1], "same") == 0)
        return same (c);
    return exchange (c, n);
}

int main (int argc, char **argv)
{
    flux_error_t err;
    struct pmi_client *c;
    int rc;

    if (argc > 2 && strcmp (argv[1], "say") == 0)
        return send_line (argv[2]);
    if (argc > 2 && strcmp (argv[1], "long") == 0)
        return send_long (strtol (argv[2], NULL, 10));
    if (!(c = pmi_client_open_env (getenv ("PMI_DEBUG") != NULL, NULL, &err)))
        die ("init", &err);
    rc = act (c, argc, argv);
    pmi_client_close (c);
    return rc;
}
