/* test_exact.c - siblings that share what they take from, against a reference that tries all
 *
 * The reference knows of each node's sockets only how many cores and gpus are left, and puts
 * one thing after another into every place where it fits, with no order and no shortcut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/match.h"
#include "graph/test_make.h"

#define MAXN 4                  /* nodes */

static unsigned int seed;

static int rnd (int n)
{
    seed = seed * 1103515245 + 12345;
    return (int)((seed >> 16) % (unsigned int)n);
}

/* What is free of each socket of each node */
struct room {
    int nodes, sockets[MAXN];
    int core[MAXN][2], gpu[MAXN][2];
    bool whole[MAXN];           /* nothing of the node is taken */
};

/* One sibling: 'count' different nodes, each with cores and gpus anywhere in it, or in one
 * socket; or cores without a node, anywhere; or slots, each in one socket, or all of them
 * anywhere in nodes. */
struct item {
    int count, core, gpu;
    bool socket, bare, slot, x;
};

static struct graph *make_graph (struct room *room)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);

    *room = (struct room){ .nodes = 2 + rnd (2) };
    for (int n = 0; n < room->nodes; n++) {
        uint32_t node = make_vertex (g, top, "node", n);
        room->whole[n] = true;
        room->sockets[n] = 1 + rnd (2);
        for (int s = 0; s < room->sockets[n]; s++) {
            uint32_t socket = make_vertex (g, node, "socket", s);
            room->core[n][s] = 1 + rnd (4);
            room->gpu[n][s] = rnd (2);
            for (int i = 0; i < room->core[n][s]; i++)
                make_vertex (g, socket, "core", s * 8 + i);
            for (int i = 0; i < room->gpu[n][s]; i++)
                make_vertex (g, socket, "gpu", s * 8 + i);
        }
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    return g;
}

static bool fits (struct room room, const struct item *item, int n, int k, int from);

/* 'core' and 'gpu' more from socket s of a node on, in every way; then the rest of the items. */
static bool spread (struct room room, int node, int s, int core, int gpu,
                    const struct item *item, int n, int k)
{
    if (core == 0 && gpu == 0)
        return fits (room, item, n, k - 1, node + 1);
    if (s == room.sockets[node])
        return false;
    for (int c = 0; c <= core && c <= room.core[node][s]; c++)
        for (int u = 0; u <= gpu && u <= room.gpu[node][s]; u++) {
            struct room less = room;
            less.core[node][s] -= c;
            less.gpu[node][s] -= u;
            less.whole[node] &= c + u == 0;
            if (spread (less, node, s + 1, core - c, gpu - u, item, n, k))
                return true;
        }
    return false;
}

/* Take from any socket of any node, one unit at a time. */
static bool anywhere (struct room room, int at, int core, const struct item *item, int n)
{
    if (core == 0)
        return fits (room, item + 1, n - 1, n > 1 ? item[1].count : 0, 0);
    for (; at < 2 * MAXN; at++) {
        struct room less = room;
        if (at / 2 >= room.nodes || room.core[at / 2][at % 2] == 0)
            continue;
        less.core[at / 2][at % 2]--;
        less.whole[at / 2] = false;
        if (anywhere (less, at, core - 1, item, n))
            return true;
    }
    return false;
}

/* k more slots in sockets, from the at'th on. */
static bool in_sockets (struct room room, int at, const struct item *item, int n, int k)
{
    if (k == 0)
        return fits (room, item + 1, n - 1, n > 1 ? item[1].count : 0, 0);
    for (; at < 2 * room.nodes; at++) {
        struct room less = room;
        less.core[at / 2][at % 2] -= item->core;
        less.gpu[at / 2][at % 2] -= item->gpu;
        less.whole[at / 2] = false;
        if (less.core[at / 2][at % 2] >= 0 && less.gpu[at / 2][at % 2] >= 0
            && in_sockets (less, at, item, n, k - 1))
            return true;
    }
    return false;
}

/* k more in nodes, from 'node' on; c and u are taken from the first socket of it. */
static bool in_nodes (struct room room, int node, const struct item *item, int n, int k)
{
    if (k == 0)
        return fits (room, item + 1, n - 1, n > 1 ? item[1].count : 0, 0);
    for (; node < room.nodes; node++)
        for (int c = 0; c <= item->core; c++)
            for (int u = 0; u <= item->gpu; u++) {
                struct room less = room;
                less.core[node][0] -= c;
                less.core[node][1] -= item->core - c;
                less.gpu[node][0] -= u;
                less.gpu[node][1] -= item->gpu - u;
                less.whole[node] = false;
                if (less.core[node][0] >= 0 && less.core[node][1] >= 0
                    && less.gpu[node][0] >= 0 && less.gpu[node][1] >= 0
                    && in_nodes (less, node, item, n, k - 1))
                    return true;
            }
    return false;
}

/* Is there room for the k that are left of item[0], on nodes from 'from' on, and the other
 * items? */
static bool fits (struct room room, const struct item *item, int n, int k, int from)
{
    if (n == 0)
        return true;
    if (item->slot)
        return in_sockets (room, 0, item, n, k) || in_nodes (room, 0, item, n, k);
    if (item->bare)
        return anywhere (room, 0, item->core, item, n);
    if (k == 0)
        return fits (room, item + 1, n - 1, n > 1 ? item[1].count : 0, 0);
    for (int node = from; node < room.nodes; node++) {
        struct room less = room;
        if (item->x && !room.whole[node])
            continue;
        less.whole[node] = false;
        if (!item->socket && !item->x && spread (less, node, 0, item->core, item->gpu, item, n, k))
            return true;
        if (item->x) {
            int core = less.core[node][0] + less.core[node][1];
            int gpu = less.gpu[node][0] + less.gpu[node][1];
            memset (less.core[node], 0, sizeof (less.core[node]));
            memset (less.gpu[node], 0, sizeof (less.gpu[node]));
            if (core >= item->core && gpu >= item->gpu
                && fits (less, item, n, k - 1, node + 1))
                return true;
        }
        for (int s = 0; item->socket && s < room.sockets[node]; s++) {
            less = room;
            less.whole[node] = false;
            less.core[node][s] -= item->core;
            less.gpu[node][s] -= item->gpu;
            if (less.core[node][s] >= 0 && less.gpu[node][s] >= 0
                && fits (less, item, n, k - 1, node + 1))
                return true;
        }
    }
    return false;
}

static void random_items (struct item *item, int n)
{
    for (int i = 0; i < n; i++) {
        item[i] = (struct item){ 1 + rnd (2), 1 + rnd (4), rnd (2), rnd (2), rnd (6) == 0,
                                 false, rnd (5) == 0 };
        item[i].slot = !item[i].bare && rnd (4) == 0;
        if (item[i].bare)
            item[i].gpu = 0;
        if (item[i].slot)
            item[i].x = false;
        if (item[i].x)
            item[i].socket = false;
    }
}

static void write_items (char *buf, size_t size, const struct item *item, int n)
{
    size_t at = (size_t)snprintf (buf, size, "{\"resources\":[");

    for (int i = 0; i < n; i++) {
        char in[128];
        snprintf (in, sizeof (in), "{\"type\":\"core\",\"count\":%d}%s", item[i].core,
                  item[i].gpu ? ",{\"type\":\"gpu\",\"count\":1}" : "");
        if (item[i].bare)
            at += (size_t)snprintf (buf + at, size - at, "%s%s", i ? "," : "", in);
        else if (item[i].slot)
            at += (size_t)snprintf (buf + at, size - at, "%s{\"type\":\"slot\",\"count\":%d,"
                                    "\"label\":\"a\",\"with\":[%s]}", i ? "," : "",
                                    item[i].count, in);
        else
            at += (size_t)snprintf (buf + at, size - at, "%s{\"type\":\"node\",\"count\":%d,"
                                    "\"exclusive\":%s,\"with\":[%s%s%s]}", i ? "," : "",
                                    item[i].count, item[i].x ? "true" : "false", item[i].socket
                                    ? "{\"type\":\"socket\",\"count\":1,\"with\":[" : "", in,
                                    item[i].socket ? "]}" : "");
    }
    snprintf (buf + at, size - at, "]}");
}

/* What the job has of cores and gpus is what was asked for (more with whole nodes). */
static void check_job (const struct graph *g, const struct job *j, const struct item *item, int n)
{
    size_t count;
    const struct job_part *p = job_parts (j, &count);
    int core = 0, gpu = 0;
    bool x = false;

    for (int i = 0; i < n; i++) {
        int times = item[i].bare ? 1 : item[i].count;
        core -= times * item[i].core;
        gpu -= times * item[i].gpu;
        x |= item[i].x;
    }
    for (size_t i = 0; i < count; i++) {
        core += strcmp (graph_type (g, p[i].vtx), "core") == 0;
        gpu += strcmp (graph_type (g, p[i].vtx), "gpu") == 0;
    }
    assert_true (x ? core >= 0 && gpu >= 0 : core == 0 && gpu == 0);
}

static void test_shared (void **state)
{
    static const char *const policy[] = { "first", "high", "low", "lonode", "locality" };
    int found = 0, never = 0;

    for (int i = 0; i < 12000; i++) {
        struct item item[4];
        struct room room;
        struct match_why why;
        struct job *j = NULL;
        struct policy p;
        char text[1024];
        bool want;

        seed = (unsigned int)i * 7919 + 3;
        struct graph *g = make_graph (&room);
        int n = 2 + rnd (3);
        random_items (item, n);
        write_items (text, sizeof (text), item, n);
        want = fits (room, item, n, item[0].count, 0);
        struct request *r = decode_request (text);
        struct match_args a = { &p, r, MATCH_ALLOCATE, 1, 0, 10 };
        assert_int_equal (policy_parse (policy[i % 5], &p, NULL), 0);
        int rc = graph_match (g, &a, &j, &why);
        if (want != (rc == 0))
            fail_msg ("%d %s %s: %s", i, policy[i % 5], text, want ? "missed" : "given");
        if (want)
            check_job (g, j, item, n);
        found += want;
        never += !want;
        graph_cancel (g, 1);
        assert_int_equal (graph_free_now (g, 0, "core"), graph_total (g, 0, "core"));
        request_free (r);
        graph_free (g);
    }
    assert_true (found > 2000 && never > 2000);
}

/* What a job has is not in the room. */
static void take_job (const struct graph *g, const struct job *j, struct room *room)
{
    size_t n;
    const struct job_part *p = job_parts (j, &n);

    for (size_t i = 1; i < n; i++) {    /* 0: the cluster */
        uint32_t up = graph_parent (g, p[i].vtx);
        const char *type = graph_type (g, p[i].vtx);
        if (strcmp (type, "node") == 0) {
            int64_t node = graph_id (g, p[i].vtx);
            room->whole[node] = false;
            for (int s = 0; p[i].x && s < 2; s++)
                room->core[node][s] = room->gpu[node][s] = 0;
        }
        else if (strcmp (graph_type (g, up), "socket") == 0) {
            int64_t node = graph_id (g, graph_parent (g, up)), s = graph_id (g, up);
            int *left = strcmp (type, "core") == 0 ? &room->core[node][s] : &room->gpu[node][s];
            *left -= *left > 0;
        }
    }
}

/* If not now, then when the first job ends, if ever. */
static void test_later (void **state)
{
    int now = 0, later = 0, never = 0;

    for (int i = 0; i < 6000; i++) {
        struct item item[4];
        struct room room, left;
        struct match_why why;
        struct job *j = NULL;
        struct policy p;
        char text[1024];

        seed = (unsigned int)i * 104729 + 7;
        struct graph *g = make_graph (&room);
        assert_int_equal (policy_parse (i % 2 ? "low" : "first", &p, NULL), 0);
        left = room;
        for (int id = 1; id <= 2; id++) {
            int n = 2 + rnd (2);
            random_items (item, n);
            write_items (text, sizeof (text), item, n);
            struct request *r = decode_request (text);
            struct match_args a = { &p, r, MATCH_ALLOCATE_ORELSE_RESERVE, id, 0, 10 };
            int rc = graph_match (g, &a, &j, &why);
            int64_t want = fits (left, item, n, item[0].count, 0) ? 0
                : fits (room, item, n, item[0].count, 0) ? 10 : -1;
            if (want < 0 ? rc != -ENODEV : rc != 0 || job_start (j) != want)
                fail_msg ("%d %s: %d at %d, not %d", i, text, rc,
                          rc == 0 ? (int)job_start (j) : -1, (int)want);
            if (rc == 0)
                check_job (g, j, item, n);
            if (rc == 0 && want == 0)
                take_job (g, j, &left);
            *(want < 0 ? &never : want > 0 ? &later : &now) += 1;
            request_free (r);
        }
        graph_free (g);
    }
    assert_true (now > 1000 && later > 200 && never > 1000);
}

/* Many at once: the choosy choose first, though they are written last. */
static void test_many (void **state)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
    struct policy p;
    struct match_why why;
    struct job *j;

    for (int n = 0; n < 1900; n++) {
        uint32_t node = make_vertex (g, top, "node", n);
        for (int c = 0; c < 8; c++)
            make_vertex (g, node, "core", c);
        if (n < 100)
            make_vertex (g, node, "gpu", 0);
    }
    assert_int_equal (graph_finish (g, NULL), 0);
    struct request *r = decode_request ("{\"resources\":[{\"type\":\"node\",\"count\":1700,\"with\":"
        "[{\"type\":\"core\",\"count\":3}]},{\"type\":\"node\",\"count\":100,\"with\":[{\"type\":"
        "\"core\",\"count\":6},{\"type\":\"gpu\",\"count\":1}]}]}");
    struct match_args a = { &p, r, MATCH_ALLOCATE, 1, 0, 10 };
    assert_int_equal (policy_parse ("low", &p, NULL), 0);
    assert_int_equal (graph_match (g, &a, &j, &why), 0);
    assert_int_equal (graph_free_now (g, 0, "core"), 8 * 1900 - 3 * 1700 - 6 * 100);
    request_free (r);
    graph_free (g);
}

/* What cannot be packed is given up soon, not after all its ways. */
static void test_hopeless (void **state)
{
    char text[4096] = "{\"resources\":[";
    struct graph *g = make_cluster (64, 8);
    struct policy p;
    struct match_why why;
    struct job *j;

    /* 65 x 5 cores, of which no node has two */
    for (int i = 0; i < 5; i++)
        snprintf (text + strlen (text), sizeof (text) - strlen (text), "%s{\"type\":\"node\","
                  "\"count\":13,\"with\":[{\"type\":\"core\",\"count\":5}]}%s",
                  i ? "," : "", i == 4 ? "]}" : "");
    struct request *r = decode_request (text);
    struct match_args a = { &p, r, MATCH_ALLOCATE, 1, 0, 10 };
    assert_int_equal (policy_parse ("low", &p, NULL), 0);
    assert_int_equal (graph_match (g, &a, &j, &why), -EBUSY);
    request_free (r);
    graph_free (g);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shared),
        cmocka_unit_test (test_later),
        cmocka_unit_test (test_many),
        cmocka_unit_test (test_hopeless),
    };

    return cmocka_run_group_tests_name ("exact", tests, NULL, NULL);
}
