/* test_nomem.c - each allocation of a scenario fails once
 *
 * The linker sends the calls of malloc() and its kin here (--wrap).  A scenario
 * is run again and again, each time with another of its allocations failing,
 * until it gets by without a failure.  It must neither crash nor leak (the
 * sanitizer watches that), and what failed must have changed nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/optparse.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/spawn.h"
#include "base/test_nomem.h"
#include "base/toml.h"

static void each_fails (void (*scenario) (void))
{
    for (long n = 0; n < 10000; n++) {
        failed = false;
        countdown = n;
        scenario ();
        countdown = -1;
        if (!failed) {
            assert_true (n > 0); /* there was something to fail */
            return;
        }
    }
    fail_msg ("no end");
}

/* A copy that does not count */
static struct idset *copy_of (const struct idset *s)
{
    long saved = countdown;
    countdown = -1;
    struct idset *copy = idset_copy (s);
    countdown = saved;
    return copy;
}

static bool change (struct idset *s, const struct idset *other, int step)
{
    switch (step) {
        case 0:
            return idset_range_set (s, 1000, 5000000) == 0;
        case 1:
            return idset_range_clear (s, 2000, 4000001) == 0;
        case 2:
            return idset_set (s, 2000000000) == 0;
        case 3:
            return idset_clear (s, 4500000) == 0;
        case 4:
            return idset_add (s, other) == 0;
        case 5:
            return idset_decode_add (s, "5-7,9000000-9000009", -1, NULL) == 0;
        case 6:
            return idset_decode_subtract (s, "6,9000002", -1, NULL) == 0;
        default:
            return idset_subtract (s, other) == 0;
    }
}

static void idset_changes (void)
{
    struct idset *s = idset_decode ("1-3,77,5000-9000,70000000-70001000");
    struct idset *other = idset_decode ("2,64-127,1500-99999,2100000000");

    for (int step = 0; s && other && step < 8; step++) {
        struct idset *before = copy_of (s);
        if (!change (s, other, step)) {
            assert_true (failed);
            assert_true (idset_equal (s, before));
            assert_int_equal (idset_count (s), idset_count (before));
        }
        idset_destroy (before);
    }
    assert_true ((s && other) || failed);
    idset_destroy (s);
    idset_destroy (other);
}

static void idset_results (void)
{
    struct idset *a = idset_decode ("1-3,77,5000-9000,70000000-70001000");
    struct idset *b = idset_decode ("2,64-127,1500-99999,2100000000");
    struct idset *pool = idset_create (4, IDSET_FLAG_INITFULL
                                              | IDSET_FLAG_AUTOGROW);
    struct idset *r[3] = {NULL};
    unsigned int id;

    for (int i = 0; pool && i < 300; i++)
        assert_true (idset_alloc (pool, &id) == 0 || failed);
    if (a && b) {
        r[0] = idset_union (a, b);
        r[1] = idset_intersect (a, b);
        r[2] = idset_difference (a, b);
        char *text = idset_encode (a, IDSET_FLAG_RANGE);
        assert_true ((r[0] && r[1] && r[2] && text) || failed);
        free (text);
    }
    for (int i = 0; i < 3; i++)
        idset_destroy (r[i]);
    idset_destroy (a);
    idset_destroy (b);
    idset_destroy (pool);
}

static void test_idset (void **state)
{
    each_fails (idset_changes);
    each_fails (idset_results);
}

static void hostlist_scenario (void)
{
    struct hostlist *hl = hostlist_decode ("foo[1-5],bar,n[001-200].x,foo[3-9]");
    int n = hostlist_count (hl);

    if (!hl)
        return;
    if (hostlist_append (hl, "zz[1-4],q[0-3]-2,y") < 0)
        assert_int_equal (hostlist_count (hl), n);
    n = hostlist_count (hl);
    if (hostlist_append_list (hl, hl) < 0)
        assert_int_equal (hostlist_count (hl), n);
    n = hostlist_count (hl);
    if (hostlist_delete (hl, "foo[2-3],n050.x") < 0)
        assert_int_equal (hostlist_count (hl), n);
    n = hostlist_count (hl);
    hostlist_sort (hl);
    assert_int_equal (hostlist_count (hl), n);
    hostlist_find (hl, "foo4");
    if (hostlist_remove_current (hl) < 0)
        assert_int_equal (hostlist_count (hl), n);
    hostlist_uniq (hl);
    hostlist_destroy (hostlist_copy (hl));
    free (hostlist_encode (hl));
    hostlist_destroy (hl);
}

static void test_hostlist (void **state)
{
    each_fails (hostlist_scenario);
}

static void toml_scenario (void)
{
    static const char text[] =
        "a.b=1\n[x.y]\nz=[1,{q='a',w.e=1.5},\"\"\"x\\\ny\"\"\"]\n[[l]]\n"
        "d=1979-05-27\n[[l]]\n\"k\\u0041\"=true\n[l.m]\nv=0x1f\n";
    flux_error_t err;
    json_t *o = toml_parse (text, sizeof (text) - 1, &err);

    if (!o) {
        assert_int_equal (errno, ENOMEM);
        assert_non_null (strstr (err.text, "out of memory"));
    }
    json_decref (o);
}

static void test_toml (void **state)
{
    json_set_alloc_funcs (__wrap_malloc, free);
    each_fails (toml_scenario);
    json_set_alloc_funcs (malloc, free);
}

static int quiet (const char *fmt, ...)
{
    return 0;
}

static int no_exit (void *h, int code)
{
    return -1;
}

static int no_op (optparse_t *p, int argc, char **argv)
{
    return 0;
}

static void optparse_scenario (void)
{
    struct optparse_option opts[] = {
        {.name = "aa", .key = 'a', .has_arg = 1, .arginfo = "X", .usage = "u",
         .flags = OPTPARSE_OPT_AUTOSPLIT},
        {.name = "bb", .usage = "y"},
        OPTPARSE_TABLE_END,
    };
    char *argv[] = {(char *)"x",   (char *)"-a",  (char *)"1,2,3",
                    (char *)"--bb", (char *)"sub", (char *)"-aq", NULL};
    optparse_t *p = optparse_create ("x");

    if (!p)
        return;
    optparse_set (p, OPTPARSE_LOG_FN, quiet);
    optparse_set (p, OPTPARSE_FATALERR_FN, no_exit);
    optparse_set (p, OPTPARSE_USAGE, "usage");
    optparse_add_doc (p, "doc", 1);
    optparse_reg_subcommand (p, "sub", no_op, "u", "d", 0, opts);
    optparse_add_option_table (p, opts);
    optparse_set_data (p, "k", &p);
    optparse_parse_args (p, 6, argv);
    optparse_run_subcommand (p, 6, argv);
    optparse_print_usage (p);
    optparse_destroy (p);
}

static void test_optparse (void **state)
{
    each_fails (optparse_scenario);
}

static void hash_scenario (void)
{
    struct hash *h = hash_new (NULL);
    struct idhash *ih = idhash_new (NULL);
    static int val;

    for (int i = 0; h && ih && i < 40; i++) {
        char key[16];
        snprintf (key, sizeof (key), "%d", i);
        size_t n = hash_count (h);
        if (hash_set (h, key, &val) < 0) {
            assert_int_equal (hash_count (h), n);
            assert_null (hash_get (h, key));
        }
        n = idhash_count (ih);
        if (idhash_set (ih, (uint64_t)i, &val) < 0) {
            assert_int_equal (idhash_count (ih), n);
            assert_null (idhash_get (ih, (uint64_t)i));
        }
    }
    if (h)
        hash_free (h);
    if (ih)
        idhash_free (ih);
}

static void test_hash (void **state)
{
    each_fails (hash_scenario);
}

static void spawn_scenario (void)
{
    struct spawn_args args = {.path = "true", .ctty_fd = -1};
    pid_t pid = spawn_child (&args, NULL);

    if (pid < 0)
        assert_int_equal (pid, -ENOMEM);
    else
        waitpid (pid, NULL, 0);
}

static void test_spawn (void **state)
{
    each_fails (spawn_scenario);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_idset),
        cmocka_unit_test (test_hostlist),
        cmocka_unit_test (test_toml),
        cmocka_unit_test (test_optparse),
        cmocka_unit_test (test_hash),
        cmocka_unit_test (test_spawn),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
