/* test_message.c - the message object
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/message_private.h"

#define assert_errno(expr, err)              \
    do {                                     \
        errno = 0;                           \
        assert_true (expr);                  \
        assert_int_equal (errno, (err));     \
    } while (0)

static flux_msg_t *create (int type)
{
    flux_msg_t *msg = flux_msg_create (type);
    assert_non_null (msg);
    return msg;
}

static void types (void **state)
{
    const int ok[] = { FLUX_MSGTYPE_REQUEST, FLUX_MSGTYPE_RESPONSE,
                       FLUX_MSGTYPE_EVENT, FLUX_MSGTYPE_CONTROL };
    const int bad[] = { 0, 3, 15, 16, -1, FLUX_MSGTYPE_ANY };
    int type;

    for (int i = 0; i < 4; i++) {
        flux_msg_t *msg = create (ok[i]);
        assert_int_equal (flux_msg_get_type (msg, &type), 0);
        assert_int_equal (type, ok[i]);
        flux_msg_destroy (msg);
    }
    for (int i = 0; i < 6; i++)
        assert_errno (flux_msg_create (bad[i]) == NULL, EINVAL);
    assert_string_equal (flux_msg_typestr (FLUX_MSGTYPE_EVENT), "event");
    assert_string_equal (flux_msg_typestr (77), "unknown");
}

static void defaults (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred;
    const char *s;
    uint32_t val;

    assert_int_equal (flux_msg_get_cred (msg, &cred), 0);
    assert_int_equal (cred.userid, FLUX_USERID_UNKNOWN);
    assert_int_equal (cred.rolemask, FLUX_ROLE_NONE);
    assert_int_equal (flux_msg_get_nodeid (msg, &val), 0);
    assert_int_equal (val, FLUX_NODEID_ANY);
    assert_int_equal (flux_msg_get_matchtag (msg, &val), 0);
    assert_int_equal (val, FLUX_MATCHTAG_NONE);
    assert_errno (flux_msg_get_topic (msg, &s) == -1, EPROTO);
    assert_false (flux_msg_has_payload (msg));
    assert_int_equal (flux_msg_get_string (msg, &s), 0);
    assert_null (s);
    flux_msg_destroy (msg);
}

static void fields_by_type (void **state)
{
    flux_msg_t *req = create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *rep = create (FLUX_MSGTYPE_RESPONSE);
    flux_msg_t *ev = create (FLUX_MSGTYPE_EVENT);
    flux_msg_t *ctl = create (FLUX_MSGTYPE_CONTROL);
    uint32_t u;
    int i, j;

    assert_int_equal (flux_msg_set_nodeid (req, 42), 0);
    assert_int_equal (flux_msg_get_nodeid (req, &u), 0);
    assert_int_equal (u, 42);
    assert_errno (flux_msg_set_nodeid (req, FLUX_NODEID_UPSTREAM) == -1,
                  EINVAL);
    assert_errno (flux_msg_set_nodeid (rep, 1) == -1, EINVAL);
    assert_errno (flux_msg_get_nodeid (rep, &u) == -1, EPROTO);
    assert_errno (flux_msg_get_nodeid (NULL, &u) == -1, EINVAL);

    assert_int_equal (flux_msg_set_errnum (rep, EPERM), 0);
    assert_int_equal (flux_msg_get_errnum (rep, &i), 0);
    assert_int_equal (i, EPERM);
    assert_errno (flux_msg_set_errnum (rep, -1) == -1, EINVAL);
    assert_errno (flux_msg_set_errnum (req, 1) == -1, EINVAL);
    assert_errno (flux_msg_get_errnum (req, &i) == -1, EPROTO);

    assert_int_equal (flux_msg_set_seq (ev, 7), 0);
    assert_int_equal (flux_msg_get_seq (ev, &u), 0);
    assert_int_equal (u, 7);
    assert_errno (flux_msg_get_seq (req, &u) == -1, EPROTO);

    assert_int_equal (flux_msg_set_matchtag (req, 9), 0);
    assert_int_equal (flux_msg_set_matchtag (rep, UINT32_MAX), 0);
    assert_int_equal (flux_msg_get_matchtag (rep, &u), 0);
    assert_int_equal (u, UINT32_MAX);
    assert_errno (flux_msg_set_matchtag (ev, 1) == -1, EINVAL);
    assert_errno (flux_msg_get_matchtag (ctl, &u) == -1, EPROTO);

    assert_int_equal (flux_msg_set_control (ctl, 3, -4), 0);
    assert_int_equal (flux_msg_get_control (ctl, &i, &j), 0);
    assert_int_equal (i, 3);
    assert_int_equal (j, -4);
    assert_errno (flux_msg_get_control (ev, &i, &j) == -1, EPROTO);
    assert_errno (flux_msg_set_control (ev, 1, 1) == -1, EINVAL);

    /* a request that becomes a response keeps its matchtag */
    assert_int_equal (flux_msg_set_type (req, FLUX_MSGTYPE_RESPONSE), 0);
    assert_int_equal (flux_msg_get_matchtag (req, &u), 0);
    assert_int_equal (u, 9);
    assert_int_equal (flux_msg_get_errnum (req, &i), 0);
    assert_int_equal (i, 0);
    assert_errno (flux_msg_set_type (req, 0) == -1, EINVAL);
    flux_msg_destroy (req);
    flux_msg_destroy (rep);
    flux_msg_destroy (ev);
    flux_msg_destroy (ctl);
}

static void flags (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);

    assert_false (flux_msg_is_streaming (msg));
    assert_int_equal (flux_msg_set_streaming (msg), 0);
    assert_true (flux_msg_is_streaming (msg));
    assert_int_equal (flux_msg_set_noresponse (msg), 0);
    assert_true (flux_msg_is_noresponse (msg));
    assert_int_equal (flux_msg_set_private (msg), 0);
    assert_true (flux_msg_is_private (msg));
    assert_true (flux_msg_has_flag (msg, FLUX_MSGFLAG_PRIVATE
                                             | FLUX_MSGFLAG_USER1));
    assert_int_equal (flux_msg_clear_flag (msg, FLUX_MSGFLAG_PRIVATE), 0);
    assert_false (flux_msg_is_private (msg));
    assert_errno (flux_msg_set_flag (msg, 0x100) == -1, EINVAL);
    assert_errno (flux_msg_clear_flag (NULL, 1) == -1, EINVAL);
    assert_false (flux_msg_has_flag (NULL, 0xff));
    flux_msg_destroy (msg);
}

static void topics (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *copy;
    char big[4000];
    const char *s;

    memset (big, 'x', sizeof (big));
    big[sizeof (big) - 1] = '\0';
    for (size_t len = 0; len < 100; len++) {
        assert_int_equal (flux_msg_set_topic (msg, big + 3999 - len), 0);
        assert_int_equal (flux_msg_get_topic (msg, &s), 0);
        assert_int_equal (strlen (s), len);
    }
    assert_int_equal (flux_msg_set_topic (msg, big), 0);
    assert_int_equal (flux_msg_get_topic (msg, &s), 0);
    assert_string_equal (s, big);
    /* setting from itself, also from long to inline */
    assert_int_equal (flux_msg_set_topic (msg, s + 3990), 0);
    assert_int_equal (flux_msg_get_topic (msg, &s), 0);
    assert_string_equal (s, "xxxxxxxxx");
    assert_int_equal (flux_msg_set_topic (msg, s + 2), 0);
    assert_int_equal (flux_msg_get_topic (msg, &s), 0);
    assert_string_equal (s, "xxxxxxx");

    assert_int_equal (flux_msg_set_topic (msg, big), 0);
    assert_non_null (copy = flux_msg_copy (msg, false));
    assert_int_equal (flux_msg_set_topic (msg, NULL), 0);
    assert_errno (flux_msg_get_topic (msg, &s) == -1, EPROTO);
    assert_int_equal (flux_msg_get_topic (copy, &s), 0);
    assert_string_equal (s, big);
    flux_msg_destroy (copy);
    flux_msg_destroy (msg);
}

static void payloads (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_EVENT);
    flux_msg_t *copy;
    const void *buf, *buf2;
    size_t size;
    const char *s;

    assert_errno (flux_msg_get_payload (msg, &buf, &size) == -1, EPROTO);
    assert_int_equal (flux_msg_set_payload (msg, "abc", 3), 0);
    assert_int_equal (flux_msg_get_payload (msg, &buf, &size), 0);
    assert_int_equal (size, 3);
    assert_memory_equal (buf, "abc", 3);
    assert_errno (flux_msg_get_string (msg, &s) == -1, EPROTO);

    /* a copy shares the bytes, and does not see a later change */
    assert_non_null (copy = flux_msg_copy (msg, true));
    assert_int_equal (flux_msg_get_payload (copy, &buf2, &size), 0);
    assert_ptr_equal (buf, buf2);
    assert_int_equal (flux_msg_set_string (msg, "new"), 0);
    assert_int_equal (flux_msg_get_string (msg, &s), 0);
    assert_string_equal (s, "new");
    assert_memory_equal (buf2, "abc", 3);
    flux_msg_destroy (msg);
    assert_int_equal (flux_msg_get_payload (copy, &buf2, NULL), 0);
    assert_memory_equal (buf2, "abc", 3);

    /* set from a part of itself */
    assert_int_equal (flux_msg_set_payload (copy, (char *)buf2 + 1, 2), 0);
    assert_int_equal (flux_msg_get_payload (copy, &buf2, &size), 0);
    assert_memory_equal (buf2, "bc", 2);

    assert_non_null (msg = flux_msg_copy (copy, false));
    assert_false (flux_msg_has_payload (msg));
    flux_msg_destroy (msg);

    assert_errno (flux_msg_set_payload (copy, NULL, 1) == -1, EINVAL);
    assert_true (flux_msg_has_payload (copy));
    assert_int_equal (flux_msg_set_payload (copy, "", 0), 0);
    assert_true (flux_msg_has_payload (copy));
    assert_int_equal (flux_msg_get_payload (copy, &buf, &size), 0);
    assert_int_equal (size, 0);
    assert_errno (flux_msg_get_string (copy, &s) == -1, EPROTO);
    assert_int_equal (flux_msg_set_payload (copy, NULL, 0), 0);
    assert_false (flux_msg_has_payload (copy));
    flux_msg_destroy (copy);
}

static void json (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    char big[5000];
    const char *s;
    json_int_t n;
    int i;

    assert_errno (flux_msg_unpack (msg, "{s:i}", "a", &i) == -1, EPROTO);
    assert_int_equal (flux_msg_pack (msg, "{s:I s:s}", "id",
                                     (json_int_t)9007199254740993LL, "s", "x"),
                      0);
    assert_int_equal (flux_msg_get_string (msg, &s), 0);
    assert_string_equal (s, "{\"id\":9007199254740993,\"s\":\"x\"}");
    assert_int_equal (flux_msg_unpack (msg, "{s:I s:s}", "id", &n, "s", &s), 0);
    assert_true (n == 9007199254740993LL);
    assert_string_equal (s, "x");
    assert_string_equal (flux_msg_last_error (msg), "");

    assert_errno (flux_msg_unpack (msg, "{s:i}", "nope", &i) == -1, EPROTO);
    assert_non_null (strstr (flux_msg_last_error (msg), "nope"));
    assert_errno (flux_msg_pack (msg, "[i]", 1) == -1, EINVAL);
    assert_errno (flux_msg_pack (msg, "{s:s}", "a", NULL) == -1, EINVAL);
    assert_true (strlen (flux_msg_last_error (msg)) > 0);
    assert_errno (flux_msg_pack (msg, "") == -1, EINVAL);
    /* a failed pack changes nothing */
    assert_int_equal (flux_msg_unpack (msg, "{s:s}", "s", &s), 0);
    assert_string_equal (s, "x");

    /* larger than the buffer on the stack */
    memset (big, 'y', sizeof (big));
    big[sizeof (big) - 1] = '\0';
    assert_int_equal (flux_msg_pack (msg, "{s:s}", "big", big), 0);
    assert_int_equal (flux_msg_unpack (msg, "{s:s}", "big", &s), 0);
    assert_string_equal (s, big);
    for (i = 2030; i < 2055; i++) { /* around the size of that buffer */
        assert_int_equal (flux_msg_pack (msg, "{s:s}", "b", big + 4999 - i), 0);
        assert_int_equal (flux_msg_unpack (msg, "{s:s}", "b", &s), 0);
        assert_int_equal (strlen (s), i);
    }

    const char *bad[] = { "", "x", "[]", "1", "{\"a\":1", "{} {}" };
    for (i = 0; i < 6; i++) {
        assert_int_equal (flux_msg_set_string (msg, bad[i]), 0);
        assert_errno (flux_msg_unpack (msg, "{}") == -1, EPROTO);
    }
    assert_int_equal (flux_msg_set_payload (msg, "{}", 2), 0);
    assert_errno (flux_msg_unpack (msg, "{}") == -1, EPROTO);
    flux_msg_destroy (msg);
}

static void routes (void **state)
{
    const char *uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *copy;
    char id[16];
    char *s;

    assert_errno (flux_msg_route_count (msg) == -1, EPROTO);
    assert_errno (flux_msg_route_push (msg, "a") == -1, EPROTO);
    assert_errno (flux_msg_route_delete_last (msg) == -1, EPROTO);
    flux_msg_route_enable (msg);
    assert_int_equal (flux_msg_route_count (msg), 0);
    assert_null (flux_msg_route_first (msg));
    assert_null (flux_msg_route_last (msg));
    assert_int_equal (flux_msg_route_delete_last (msg), 0);
    assert_int_equal (flux_msg_route_push (msg, uuid), 0);
    assert_int_equal (flux_msg_route_push (msg, "0"), 0);
    assert_int_equal (flux_msg_route_count (msg), 2);
    assert_string_equal (flux_msg_route_first (msg), uuid);
    assert_string_equal (flux_msg_route_last (msg), "0");
    assert_non_null (s = flux_msg_route_string (msg));
    assert_string_equal (s, "6ba7b!0");
    free (s);
    assert_int_equal (flux_msg_route_delete_last (msg), 0);
    assert_string_equal (flux_msg_route_last (msg), uuid);

    /* far past the inline room, and back */
    for (int i = 0; i < 1000; i++) {
        snprintf (id, sizeof (id), "%d", i);
        assert_int_equal (flux_msg_route_push (msg, id), 0);
    }
    assert_non_null (copy = flux_msg_copy (msg, true));
    for (int i = 999; i >= 0; i--) {
        snprintf (id, sizeof (id), "%d", i);
        assert_string_equal (flux_msg_route_last (msg), id);
        assert_int_equal (flux_msg_route_delete_last (msg), 0);
    }
    assert_int_equal (flux_msg_route_count (copy), 1001);
    assert_string_equal (flux_msg_route_last (copy), "999");
    assert_true (flux_msg_route_match_first (msg, copy));
    flux_msg_route_clear (copy);
    assert_int_equal (flux_msg_route_count (copy), 0);
    assert_false (flux_msg_route_match_first (msg, copy));
    flux_msg_route_clear (msg);
    assert_true (flux_msg_route_match_first (msg, copy));
    flux_msg_route_disable (msg);
    assert_errno (flux_msg_route_count (msg) == -1, EPROTO);
    flux_msg_destroy (copy);
    flux_msg_destroy (msg);
}

static void route_abuse (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    char id[300];
    int n = 0;

    flux_msg_route_enable (msg);
    memset (id, 'a', sizeof (id));
    id[256] = '\0';
    assert_errno (flux_msg_route_push (msg, id) == -1, EINVAL);
    assert_errno (flux_msg_route_push (msg, "") == -1, EINVAL);
    assert_errno (flux_msg_route_push (msg, NULL) == -1, EINVAL);
    id[255] = '\0';
    while (flux_msg_route_push (msg, id) == 0)
        n++;
    assert_int_equal (errno, EMSGSIZE);
    assert_int_equal (n, ROUTE_BYTES_MAX / 257);
    assert_int_equal (strlen (flux_msg_route_last (msg)), 255);
    flux_msg_destroy (msg);
}

static void credentials (void **state)
{
    struct flux_msg_cred cred = { 100, FLUX_ROLE_USER };
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);

    assert_errno (flux_msg_authorize (msg, FLUX_USERID_UNKNOWN) == -1, EPERM);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_msg_authorize (msg, 100), 0);
    assert_errno (flux_msg_authorize (msg, 101) == -1, EPERM);
    assert_int_equal (flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER), 0);
    assert_int_equal (flux_msg_authorize (msg, 101), 0);
    assert_int_equal (flux_msg_set_rolemask (msg, FLUX_ROLE_LOCAL), 0);
    assert_errno (flux_msg_authorize (msg, 100) == -1, EPERM);
    assert_true (flux_msg_is_local (msg));
    cred.userid = FLUX_USERID_UNKNOWN;
    assert_errno (flux_msg_cred_authorize (cred, FLUX_USERID_UNKNOWN) == -1,
                  EPERM);
    flux_msg_destroy (msg);
}

static void matching (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_RESPONSE);
    struct flux_match m = FLUX_MATCH_ANY;

    assert_true (flux_msg_cmp (msg, m));
    m.topic_glob = "*";
    assert_false (flux_msg_cmp (msg, m));
    assert_int_equal (flux_msg_set_topic (msg, "kvs.get"), 0);
    assert_true (flux_msg_cmp (msg, m));
    m.topic_glob = "";
    assert_true (flux_msg_cmp (msg, m));
    m.topic_glob = "kvs.*";
    assert_true (flux_msg_cmp (msg, m));
    m.topic_glob = "kvs";
    assert_false (flux_msg_cmp (msg, m));
    m.topic_glob = "kvs.ge[st]";
    assert_true (flux_msg_cmp (msg, m));
    m = FLUX_MATCH_RESPONSE;
    m.matchtag = 3;
    assert_false (flux_msg_cmp (msg, m));
    assert_int_equal (flux_msg_set_matchtag (msg, 3), 0);
    assert_true (flux_msg_cmp (msg, m));
    flux_msg_route_enable (msg);
    assert_true (flux_msg_cmp (msg, m));
    assert_int_equal (flux_msg_route_push (msg, "elsewhere"), 0);
    assert_false (flux_msg_cmp (msg, m));
    assert_false (flux_msg_cmp (msg, FLUX_MATCH_REQUEST));
    assert_false (flux_msg_cmp (NULL, FLUX_MATCH_ANY));
    assert_int_equal (flux_match_asprintf (&m, "a.%d", 3), 0);
    assert_string_equal (m.topic_glob, "a.3");
    flux_match_free (m);
    flux_msg_destroy (msg);
}

static int naux;

static void aux_destroy (void *arg)
{
    naux++;
}

static void references (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *copy;
    int x;

    naux = 0;
    assert_int_equal (flux_msg_aux_set (msg, "a", &x, aux_destroy), 0);
    assert_ptr_equal (flux_msg_aux_get (msg, "a"), &x);
    assert_errno (flux_msg_aux_get (msg, "b") == NULL, ENOENT);
    assert_errno (flux_msg_aux_set (NULL, "a", &x, NULL) == -1, EINVAL);
    assert_non_null (copy = flux_msg_copy (msg, true));
    assert_null (flux_msg_aux_get (copy, "a"));
    flux_msg_destroy (copy);
    assert_ptr_equal (flux_msg_incref (msg), msg);
    flux_msg_destroy (msg);
    assert_int_equal (naux, 0);
    errno = 77;
    flux_msg_decref (msg);
    assert_int_equal (errno, 77);
    assert_int_equal (naux, 1);
    flux_msg_decref (NULL);
    assert_errno (flux_msg_incref (NULL) == NULL, EINVAL);
    assert_errno (flux_msg_copy (NULL, true) == NULL, EINVAL);
}

static void derive (void **state)
{
    flux_msg_t *req = create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = { 1, FLUX_ROLE_OWNER };
    flux_msg_t *rep;
    const char *s;
    uint32_t tag;

    assert_int_equal (flux_msg_set_topic (req, "a.b"), 0);
    assert_int_equal (flux_msg_set_matchtag (req, 5), 0);
    assert_int_equal (flux_msg_set_string (req, "x"), 0);
    assert_int_equal (flux_msg_set_streaming (req), 0);
    assert_int_equal (flux_msg_set_cred (req, cred), 0);
    flux_msg_route_enable (req);
    assert_int_equal (flux_msg_route_push (req, "me"), 0);
    assert_non_null (rep = msg_derive_response (req, 0));
    assert_int_equal (flux_msg_get_topic (rep, &s), 0);
    assert_string_equal (s, "a.b");
    assert_int_equal (flux_msg_get_matchtag (rep, &tag), 0);
    assert_int_equal (tag, 5);
    assert_string_equal (flux_msg_route_last (rep), "me");
    assert_true (flux_msg_is_streaming (rep));
    assert_false (flux_msg_has_payload (rep));
    assert_int_equal (flux_msg_get_cred (rep, &cred), 0);
    assert_int_equal (cred.rolemask, FLUX_ROLE_NONE);
    flux_msg_destroy (req);
    flux_msg_destroy (rep);
}

static void printing (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = { 100, FLUX_ROLE_USER | FLUX_ROLE_LOCAL };
    char *s = NULL;
    size_t len;
    FILE *f = open_memstream (&s, &len);

    assert_non_null (f);
    assert_int_equal (flux_msg_set_topic (msg, "kvs.get"), 0);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    assert_int_equal (flux_msg_pack (msg, "{s:i}", "a", 1), 0);
    flux_msg_fprint (f, msg);
    assert_int_equal (flux_msg_set_payload (msg, "\n", 1), 0);
    flux_msg_fprint_ts (f, msg, 1.5);
    flux_msg_fprint (f, NULL);
    flux_msg_fprint (NULL, msg);
    fclose (f);
    assert_string_equal (
        s, "request kvs.get nodeid=any user=100 roles=user,local {\"a\":1}\n"
           "[1.500000] request kvs.get nodeid=any user=100 roles=user,local "
           "payload=1 bytes\n"
           "NULL\n");
    free (s);
    flux_msg_destroy (msg);
}

/* One message, its body shared by copies that live and die in two threads:
 * for the thread sanitizer. */
static void *copier (void *arg)
{
    flux_msg_t *mine = arg;

    for (int i = 0; i < 2000; i++) {
        flux_msg_t *copy = flux_msg_copy (mine, true);
        int n = 0;
        assert_non_null (copy);
        assert_int_equal (flux_msg_unpack (copy, "{s:i}", "n", &n), 0);
        assert_int_equal (n, 42);
        flux_msg_destroy (copy);
    }
    flux_msg_destroy (mine);
    return NULL;
}

static void shared_body (void **state)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_EVENT);
    flux_msg_t *mine;
    pthread_t t;

    assert_int_equal (flux_msg_pack (msg, "{s:i}", "n", 42), 0);
    assert_non_null (mine = flux_msg_copy (msg, true));
    assert_int_equal (pthread_create (&t, NULL, copier, mine), 0);
    copier (msg);
    pthread_join (t, NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (types),       cmocka_unit_test (defaults),
        cmocka_unit_test (fields_by_type), cmocka_unit_test (flags),
        cmocka_unit_test (topics),      cmocka_unit_test (payloads),
        cmocka_unit_test (json),        cmocka_unit_test (routes),
        cmocka_unit_test (route_abuse), cmocka_unit_test (credentials),
        cmocka_unit_test (matching),    cmocka_unit_test (references),
        cmocka_unit_test (derive),      cmocka_unit_test (printing),
        cmocka_unit_test (shared_body),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
