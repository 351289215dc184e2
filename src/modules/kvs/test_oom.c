/* test_oom.c - changing a tree while memory runs out: the linker puts our malloc and
 * slab_alloc in place of the real ones (meson.build)
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/ttxn.h"

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
void *__real_slab_alloc (struct slab *slab, size_t size);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
char *__wrap_strdup (const char *s);
void *__wrap_slab_alloc (struct slab *slab, size_t size);

static int fail_in = -1;   /* allocations until one fails; negative: none */
static int failed;

static bool fails (void)
{
    if (fail_in < 0 || fail_in-- > 0)
        return false;
    failed++;
    return true;
}

void *__wrap_malloc (size_t size)
{
    return fails () ? NULL : __real_malloc (size);
}

void *__wrap_calloc (size_t n, size_t size)
{
    return fails () ? NULL : __real_calloc (n, size);
}

void *__wrap_realloc (void *p, size_t size)
{
    return fails () ? NULL : __real_realloc (p, size);
}

void *__wrap_slab_alloc (struct slab *slab, size_t size)
{
    return fails () ? NULL : __real_slab_alloc (slab, size);
}

char *__wrap_strdup (const char *s)
{
    size_t n = strlen (s) + 1;
    char *p = __wrap_malloc (n);
    return p ? memcpy (p, s, n) : NULL;
}

static unsigned int seed = 7;
static unsigned int rnd (unsigned int n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

static struct tnode *no_load (void *arg, const struct tnode *n, int *rc)
{
    (void)arg;
    (void)n;
    *rc = -EIO;
    return NULL;
}

static const struct twalk_env env = { .load = no_load };

static void changed (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    (void)arg;
    (void)what;
    (void)path;
    (void)len;
    (void)old;
    (void)node;
    (void)from;
}

static void random_key (char *key)
{
    int o = 0;
    for (int i = 1 + rnd (4); i > 0; i--) {
        if (o > 0)
            key[o++] = '.';
        key[o++] = 'a' + rnd (4);
        if (rnd (3) == 0)
            key[o++] = '0' + rnd (9);
    }
    key[o] = '\0';
}

static int random_op (struct ttxn *t)
{
    char key[16];
    struct tnode *n;
    random_key (key);
    switch (rnd (6)) {
    case 0:
        return ttxn_append (t, key, "append", 6, 1);
    case 1:
        return ttxn_unlink (t, key);
    case 2:
        n = tlink_new (NULL, "a.b");
        break;
    case 3:
        n = tdir_new ();
        break;
    default:
        n = tval_new ("val", 3, 1);
    }
    int rc = n ? ttxn_set (t, key, n) : -ENOMEM;
    tnode_unref (n);
    return rc;
}

static struct buf packed (const struct tnode *root)
{
    struct buf b = BUF_INIT;
    assert_int_equal (pack_dir (&env, root, &b), 0);
    return b;
}

static void test_transactions (void **state)
{
    (void)state;
    struct tnode *root = tdir_new (), *snap = NULL;
    int aborted = 0;
    for (int i = 0; i < 20000; i++) {
        struct buf before = packed (root);
        fail_in = rnd (40);
        struct ttxn *t = ttxn_new (&root, "p", &env, changed, NULL);
        int rc = t ? 0 : -ENOMEM;
        for (int n = 1 + rnd (4); rc != -ENOMEM && n > 0; n--)
            rc = random_op (t);
        fail_in = -1;
        if (rc == -ENOMEM) {
            assert_int_equal (ttxn_abort (t), 0);
            struct buf after = packed (root);
            assert_int_equal (after.len, before.len);
            assert_memory_equal (after.data, before.data, before.len);
            buf_release (&after);
            aborted++;
        }
        else
            ttxn_commit (t);
        buf_release (&before);
        if (rnd (20) == 0) {
            tnode_unref (snap);
            snap = tnode_ref (root);
        }
    }
    assert_true (aborted > 1000 && failed > 1000);
    tnode_unref (snap);
    tnode_unref (root);
}

static void test_pack (void **state)
{
    (void)state;
    struct tnode *root = tdir_new ();
    struct ttxn *t = ttxn_new (&root, "p", &env, changed, NULL);
    for (int i = 0; i < 100; i++)
        (void)random_op (t);
    ttxn_commit (t);
    struct buf whole = packed (root);
    for (int i = 0, done = 0; !done; i++) {
        struct buf b = BUF_INIT;
        struct tnode *back = NULL;
        int rc;
        fail_in = i;
        if (pack_dir (&env, root, &b) == 0)
            back = unpack_dir (b.data, b.len, &rc);
        done = fail_in >= 0;
        fail_in = -1;
        assert_int_equal (back != NULL, done);
        tnode_unref (back);
        buf_release (&b);
    }
    buf_release (&whole);
    tnode_unref (root);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_transactions),
        cmocka_unit_test (test_pack),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
