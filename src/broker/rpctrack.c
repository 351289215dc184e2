/* rpctrack.c - requests that went one way and have not been answered
 *
 * A matchtag is unique to its client, and the client is the first hop.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "broker/rpctrack.h"

#define KEY_SIZE 96

struct rpctrack {
    struct hash *pending;    /* key -> flux_msg_t */
};

static void msg_free (void *arg)
{
    flux_msg_destroy (arg);
}

struct rpctrack *rpctrack_new (void)
{
    struct rpctrack *rt = calloc (1, sizeof (*rt));

    if (rt && !(rt->pending = hash_new (msg_free))) {
        free (rt);
        return NULL;
    }
    return rt;
}

void rpctrack_free (struct rpctrack *rt)
{
    if (rt) {
        hash_free (rt->pending);
        free (rt);
    }
}

static int make_key (const flux_msg_t *msg, char key[KEY_SIZE])
{
    const char *client = flux_msg_route_first (msg);
    uint32_t tag;
    int n;

    if (!client || flux_msg_get_matchtag (msg, &tag) < 0 || tag == FLUX_MATCHTAG_NONE)
        return -1;
    n = snprintf (key, KEY_SIZE, "%s %" PRIu32, client, tag);
    return n < 0 || n >= KEY_SIZE ? -1 : 0;
}

int rpctrack_request (struct rpctrack *rt, const flux_msg_t *msg)
{
    char key[KEY_SIZE];
    flux_msg_t *head;

    if (flux_msg_is_noresponse (msg) || make_key (msg, key) < 0)
        return 0;
    if (!(head = flux_msg_copy (msg, false)))
        return -ENOMEM;
    if (hash_set (rt->pending, key, head) < 0) {
        flux_msg_destroy (head);
        return -ENOMEM;
    }
    return 0;
}

void rpctrack_response (struct rpctrack *rt, const flux_msg_t *msg)
{
    char key[KEY_SIZE];
    int errnum;

    if (flux_msg_get_errnum (msg, &errnum) < 0
        || (errnum == 0 && flux_msg_is_streaming (msg)) || make_key (msg, key) < 0)
        return;
    hash_del (rt->pending, key);
}

size_t rpctrack_count (const struct rpctrack *rt)
{
    return hash_count (rt->pending);
}

/* What 'fun' does may send and so track new requests: not these. */
void rpctrack_purge (struct rpctrack *rt, rpctrack_f fun, void *arg)
{
    struct hash *pending = rt->pending;
    size_t pos = 0;
    const flux_msg_t *head;

    if (!(rt->pending = hash_new (msg_free))) {
        rt->pending = pending;
        return;
    }
    while ((head = hash_next (pending, &pos, NULL)))
        fun (head, arg);
    hash_free (pending);
}
