/* test_shared.c - the shared libraries, used as a program outside would */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/optparse.h>

static void test_use (void **state)
{
    struct idset *ids = idset_decode ("1-3,7");
    struct hostlist *hl = hostlist_decode ("n[1-3,7]");
    optparse_t *p = optparse_create ("test");
    char *argv[] = {(char *)"test", (char *)"x", NULL};

    assert_int_equal (idset_count (ids), hostlist_count (hl));
    assert_int_equal (optparse_parse_args (p, 2, argv), 1);
    optparse_destroy (p);
    hostlist_destroy (hl);
    idset_destroy (ids);
}

/* Nothing but the documented functions is visible. */
static void test_symbols (void **state)
{
    static const char *hidden[] = {"buf_add", "errmsg", "idtree_set",
                                   "hostruns_parse", "optparse_find",
                                   "optparse_format_help", "duration_parse"};

    assert_non_null (dlsym (RTLD_DEFAULT, "idset_decode"));
    assert_non_null (dlsym (RTLD_DEFAULT, "hostlist_decode"));
    assert_non_null (dlsym (RTLD_DEFAULT, "optparse_create"));
    for (size_t i = 0; i < sizeof (hidden) / sizeof (hidden[0]); i++)
        if (dlsym (RTLD_DEFAULT, hidden[i]))
            fail_msg ("%s is visible", hidden[i]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_use),
        cmocka_unit_test (test_symbols),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
