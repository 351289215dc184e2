/* pmitest.c - a PMI-1 program for tests
 *
 *   pmitest exchange [N]    N times: put a key, barrier, get the keys of all
 *   pmitest get KEY...      print values
 *   pmitest abort CODE      the highest rank aborts, the others wait
 *   pmitest garbage         break the protocol
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int garbage (void)
{
    const char *fd = getenv ("PMI_FD");
    char buf[64];

    if (!fd || dprintf (strtol (fd, NULL, 10), "what is this\n") < 0)
        return 1;
    return read (strtol (fd, NULL, 10), buf, sizeof (buf)) == 0 ? 0 : 1;
}

int main (int argc, char **argv)
{
    flux_error_t err;
    struct pmi_client *c;
    int n = argc > 2 ? strtol (argv[2], NULL, 10) : 1;

    if (argc > 1 && strcmp (argv[1], "garbage") == 0)
        return garbage ();
    if (!(c = pmi_client_open_env (getenv ("PMI_DEBUG") != NULL, NULL, &err)))
        die ("init", &err);
    if (argc > 1 && strcmp (argv[1], "get") == 0) {
        int rc = get (c, argv + 2);
        pmi_client_close (c);
        return rc;
    }
    if (argc > 2 && strcmp (argv[1], "abort") == 0)
        return do_abort (c, argv[2]);
    for (int i = 0; i < n; i++)
        exchange_once (c, i);
    if (pmi_client_finalize (c, &err) < 0)
        die ("finalize", &err);
    if (pmi_client_rank (c) == 0)
        printf ("%d ok\n", pmi_client_size (c));
    pmi_client_close (c);
    return 0;
}
