/* test_nomem.h - for tests in which each allocation fails once
 *
 * The linker sends the calls of malloc() and its kin here (--wrap, 'nomem_wrap' in
 * base/meson.build).  The allocation that 'countdown' others come before fails, and
 * 'failed' tells that it did; none fails while 'countdown' is negative.
 */
#ifndef BASE_TEST_NOMEM_H
#define BASE_TEST_NOMEM_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* volatile: the compiler knows malloc() too well to expect it to look */
static volatile long countdown = -1; /* allocations until one fails */
static volatile bool failed;

static bool fails (void)
{
    if (countdown < 0)
        return false;
    if (countdown-- > 0)
        return false;
    failed = true;
    return true;
}

void *__real_malloc (size_t n);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t n);
void *__real_reallocarray (void *p, size_t n, size_t size);
char *__real_strdup (const char *s);
char *__real_strndup (const char *s, size_t n);
void *__wrap_malloc (size_t n);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t n);
void *__wrap_reallocarray (void *p, size_t n, size_t size);
char *__wrap_strdup (const char *s);
char *__wrap_strndup (const char *s, size_t n);

void *__wrap_malloc (size_t n)
{
    return fails () ? NULL : __real_malloc (n);
}

void *__wrap_calloc (size_t n, size_t size)
{
    return fails () ? NULL : __real_calloc (n, size);
}

void *__wrap_realloc (void *p, size_t n)
{
    return fails () ? NULL : __real_realloc (p, n);
}

void *__wrap_reallocarray (void *p, size_t n, size_t size)
{
    return fails () ? NULL : __real_reallocarray (p, n, size);
}

char *__wrap_strdup (const char *s)
{
    return fails () ? NULL : __real_strdup (s);
}

char *__wrap_strndup (const char *s, size_t n)
{
    return fails () ? NULL : __real_strndup (s, n);
}

#endif /* !BASE_TEST_NOMEM_H */
