/* message_route.c - the route stack of a message
 */
#include "core/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *data_of (struct routes *r)
{
    return r->heap ? r->heap : r->buf;
}

void routes_release (struct routes *r)
{
    free (r->heap);
    r->heap = NULL;
    r->len = r->cap = r->count = 0;
}

static int reserve (struct routes *r, size_t extra)
{
    size_t need = r->len + extra;
    size_t cap = r->heap ? r->cap : ROUTE_INLINE;
    char *p;

    if (need > ROUTE_BYTES_MAX)
        return -EMSGSIZE;
    if (need <= cap)
        return 0;
    while (cap < need)
        cap *= 2;
    if (!(p = realloc (r->heap, cap)))
        return -ENOMEM;
    if (!r->heap)
        memcpy (p, r->buf, r->len);
    r->heap = p;
    r->cap = cap;
    return 0;
}

int routes_push (struct routes *r, const char *id, size_t len)
{
    char *p;
    int rc;

    if (len == 0 || len > ROUTE_ID_MAX)
        return -EINVAL;
    if ((rc = reserve (r, len + 2)) < 0)
        return rc;
    p = data_of (r) + r->len;
    memcpy (p, id, len);
    p[len] = '\0';
    p[len + 1] = (char)(unsigned char)len;
    r->len += len + 2;
    r->count++;
    return 0;
}

int routes_alloc (struct routes *r, size_t count, size_t bytes, char **datap)
{
    int rc;

    if (bytes > ROUTE_BYTES_MAX)
        return -EMSGSIZE;
    if ((rc = reserve (r, bytes)) < 0)
        return rc;
    r->len = bytes;
    r->count = count;
    *datap = data_of (r);
    return 0;
}

int routes_copy (struct routes *to, const struct routes *from)
{
    char *p;
    int rc;

    if ((rc = routes_alloc (to, from->count, from->len, &p)) < 0)
        return rc;
    memcpy (p, routes_data (from), from->len);
    return 0;
}

const char *routes_below (const struct routes *r, const char *id)
{
    const char *data = routes_data (r);
    size_t end = id ? (size_t)(id - data) : r->len;

    if (end == 0)
        return NULL;
    return data + end - 2 - (unsigned char)data[end - 1];
}

void flux_msg_route_enable (flux_msg_t *msg)
{
    if (msg)
        msg->flags |= FLUX_MSGFLAG_ROUTE;
}

void flux_msg_route_disable (flux_msg_t *msg)
{
    if (msg) {
        msg->flags &= ~FLUX_MSGFLAG_ROUTE;
        routes_release (&msg->routes);
    }
}

void flux_msg_route_clear (flux_msg_t *msg)
{
    if (msg)
        routes_release (&msg->routes);
}

static int check_enabled (const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (!(msg->flags & FLUX_MSGFLAG_ROUTE)) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

int flux_msg_route_push (flux_msg_t *msg, const char *id)
{
    int rc;

    if (!id) {
        errno = EINVAL;
        return -1;
    }
    if (check_enabled (msg) < 0)
        return -1;
    if ((rc = routes_push (&msg->routes, id, strlen (id))) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

int flux_msg_route_delete_last (flux_msg_t *msg)
{
    struct routes *r;
    const char *id;

    if (check_enabled (msg) < 0)
        return -1;
    r = &msg->routes;
    if ((id = routes_below (r, NULL))) {
        r->len = id - routes_data (r);
        r->count--;
    }
    return 0;
}

int flux_msg_route_count (const flux_msg_t *msg)
{
    if (check_enabled (msg) < 0)
        return -1;
    return (int)msg->routes.count;
}

const char *flux_msg_route_first (const flux_msg_t *msg)
{
    if (!msg || msg->routes.count == 0)
        return NULL;
    return routes_data (&msg->routes);
}

const char *flux_msg_route_last (const flux_msg_t *msg)
{
    return msg ? routes_below (&msg->routes, NULL) : NULL;
}

/* Two messages without routes have the same (unknown) origin. */
bool flux_msg_route_match_first (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    const char *id1 = flux_msg_route_first (msg1);
    const char *id2 = flux_msg_route_first (msg2);

    if (!id1 || !id2)
        return id1 == id2;
    return strcmp (id1, id2) == 0;
}

/* UUIDs are long and random: the first digits tell them apart for a reader. */
static size_t display_len (const char *id, size_t len)
{
    return (len == 36 && id[8] == '-') ? 5 : len;
}

char *flux_msg_route_string (const flux_msg_t *msg)
{
    const struct routes *r;
    const char *id;
    const char *end;
    char *s;
    char *p;

    if (check_enabled (msg) < 0)
        return NULL;
    r = &msg->routes;
    if (!(p = s = malloc (r->len + 1))) {
        errno = ENOMEM;
        return NULL;
    }
    end = routes_data (r) + r->len;
    for (id = routes_data (r); id < end;) {
        size_t len = strlen (id);
        size_t n = display_len (id, len);
        if (p > s)
            *p++ = '!';
        memcpy (p, id, n);
        p += n;
        id += len + 2;
    }
    *p = '\0';
    return s;
}
