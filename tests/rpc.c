/* rpc.c - send one request and print what comes back, for tests
 *
 * rpc [-n] [-s] [-r RANK] TOPIC [JSON]
 *
 * Prints each response's payload on a line.  -s: a streaming request, until it
 * ends.  -n: one that is not answered.  Exit code 0; or the errno of an error response, printed with its text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>

static uint32_t parse_rank (const char *s)
{
    char *end;
    long n = strtol (s, &end, 10);

    if (strcmp (s, "upstream") == 0)
        return FLUX_NODEID_UPSTREAM;
    if (end == s || *end || n < 0) {
        fprintf (stderr, "rpc: '%s' is no rank\n", s);
        exit (1);
    }
    return n;
}

static int print (flux_future_t *f)
{
    const char *s;

    if (flux_rpc_get (f, &s) < 0) {
        int e = errno;
        if (e == ENODATA)
            return e;
        fprintf (stderr, "rpc: %s: %s\n", strerror (e), future_strerror (f, e));
        return e;
    }
    printf ("%s\n", s ? s : "");
    fflush (stdout);
    return 0;
}

int main (int argc, char **argv)
{
    uint32_t rank = FLUX_NODEID_ANY;
    bool stream = false, answered = true;
    flux_future_t *f;
    flux_t *h;
    int c, rc;

    while ((c = getopt (argc, argv, "nsr:")) >= 0) {
        if (c == 's')
            stream = true;
        else if (c == 'n')
            answered = false;
        else if (c == 'r')
            rank = parse_rank (optarg);
        else
            return 1;
    }
    if (optind == argc) {
        fprintf (stderr, "usage: rpc [-n] [-s] [-r RANK] TOPIC [JSON]\n");
        return 1;
    }
    if (!(h = flux_open (NULL, 0))
        || !(f = flux_rpc (h, argv[optind], argv[optind + 1], rank,
                           !answered ? FLUX_RPC_NORESPONSE
                           : stream ? FLUX_RPC_STREAMING : 0))) {
        perror ("rpc");
        return 1;
    }
    if (!answered) {
        /* the broker has it when it answers what was sent after it */
        flux_future_destroy (f);
        f = flux_rpc (h, "broker.ping", "{}", FLUX_NODEID_ANY, 0);
        rc = f && flux_rpc_get (f, NULL) == 0 ? 0 : errno;
        flux_future_destroy (f);
        flux_close (h);
        return rc;
    }
    while ((rc = print (f)) == 0 && stream)
        flux_future_reset (f);
    flux_future_destroy (f);
    flux_close (h);
    return rc == ENODATA ? 0 : rc;
}
