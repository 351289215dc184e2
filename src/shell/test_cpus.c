/* test_cpus.c - tests of cpus.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <flux/idset.h>

#include "shell/cpus.h"

static void expect (const char *s, const char *want)
{
    cpu_set_t set;
    char buf[256];

    assert_int_equal (cpus_parse (s, &set), 0);
    assert_string_equal (cpus_format (&set, buf, sizeof (buf)), want);
}

static void test_parse (void **state)
{
    cpu_set_t set;

    expect ("0", "0");
    expect ("0-3,8", "0-3,8");
    expect ("0x1", "0");
    expect ("0xff", "0-7");
    expect ("0XA5", "0,2,5,7");
    expect ("0x1,0x00000000", "32");
    expect ("0xffff0000", "16-31");
    expect ("0x1,0x0", "32");
    expect ("0x1,,0x3", "0-1,64");
    expect ("0xf...f", "0-1023");
    expect ("0xf...f0", "4-1023");
    expect ("0xf...f00000001", "0,32-1023");
    expect ("0xf...f,0x00000003", "0-1,32-1023");
    expect ("0xf...f,0x00000001,0x0", "32,64-1023");
    expect ("1020-", "1020-1023");
    expect ("0,1022-", "0,1022-1023");
    assert_int_equal (cpus_parse ("-", &set), -EINVAL);
    assert_int_equal (cpus_parse ("0x1,0x100000000", &set), -EINVAL);
    assert_int_equal (cpus_parse ("", &set), -EINVAL);
    assert_int_equal (cpus_parse ("0x", &set), -EINVAL);
    assert_int_equal (cpus_parse ("0x0", &set), -EINVAL);
    assert_int_equal (cpus_parse ("0xg", &set), -EINVAL);
    assert_int_equal (cpus_parse ("a", &set), -EINVAL);
    assert_int_equal (cpus_parse ("3-1", &set), -EINVAL);
    /* more processors than a set has room for */
    char big[1024] = "0x";
    memset (big + 2, 'f', 600);
    assert_int_equal (cpus_parse (big, &set), -EINVAL);
    assert_int_equal (cpus_parse ("999999", &set), -EINVAL);
}

static void test_cores (void **state)
{
    struct idset *one = idset_decode ("0");
    struct idset *many = idset_decode ("0-9999");
    cpu_set_t mine;
    cpu_set_t set;

    sched_getaffinity (0, sizeof (mine), &mine);
    assert_int_equal (cpus_of_cores (one, &set), 0);
    assert_in_range (CPU_COUNT (&set), 1, CPU_COUNT (&mine));
    CPU_AND (&set, &set, &mine);
    assert_true (CPU_COUNT (&set) > 0);
    assert_int_equal (cpus_of_cores (many, &set), -ENOENT);
    /* more tasks than cores: they share */
    cpu_set_t a, b;
    assert_int_equal (cpus_of_share (one, 0, 3, &a), 0);
    assert_int_equal (cpus_of_share (one, 2, 3, &b), 0);
    assert_true (CPU_EQUAL (&a, &b));
    idset_destroy (one);
    idset_destroy (many);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_cores),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
