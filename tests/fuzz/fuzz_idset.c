/* fuzz_idset.c - text up to a newline is one set, the rest another */
#include <flux/idset.h>
#include <stdint.h>

#include "tests/fuzz/fuzz.h"

/* The text form must lead back to the same set. */
static void check_text (const struct idset *s)
{
    char *text = idset_encode (s, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);
    FUZZ_CHECK (text != NULL);
    struct idset *back = idset_decode (text);
    FUZZ_CHECK (back != NULL && idset_equal (s, back));
    FUZZ_CHECK (idset_count (s) == idset_count (back));
    FUZZ_CHECK (idset_last (s) == idset_last (back));
    FUZZ_CHECK (idset_empty (s) == idset_decode_empty (text, -1));
    idset_destroy (back);
    free (text);
}

static void check_pair (const struct idset *a, const struct idset *b)
{
    struct idset *u = idset_union (a, b);
    struct idset *x = idset_intersect (a, b);
    struct idset *d = idset_difference (a, b);

    FUZZ_CHECK (u && x && d);
    FUZZ_CHECK (idset_count (u) + idset_count (x)
                == idset_count (a) + idset_count (b));
    FUZZ_CHECK (idset_count (d) + idset_count (x) == idset_count (a));
    FUZZ_CHECK (idset_has_intersection (a, b) == !idset_empty (x));
    FUZZ_CHECK (!idset_has_intersection (d, b));
    FUZZ_CHECK (idset_add (d, b) == 0 && idset_equal (d, u));
    FUZZ_CHECK (idset_subtract (d, u) == 0 && idset_empty (d));
    check_text (u);
    check_text (x);
    idset_destroy (u);
    idset_destroy (x);
    idset_destroy (d);
}

static struct idset *decode (const uint8_t *data, size_t size)
{
    idset_error_t err = {.text = ""};
    size_t count = 0;
    unsigned int maxid = 0;
    const char *s = (const char *)data;
    struct idset *set = idset_decode_ex (s, (ssize_t)size, 0,
                                         IDSET_FLAG_AUTOGROW, &err);
    int rc = idset_decode_info (s, (ssize_t)size, &count, &maxid, NULL);

    FUZZ_CHECK ((set != NULL) == (rc == 0));
    FUZZ_CHECK (set || err.text[0] != '\0');
    if (set) {
        FUZZ_CHECK (count == idset_count (set));
        FUZZ_CHECK (maxid == idset_last (set));
        check_text (set);
    }
    return set;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *nl = size > 0 ? memchr (data, '\n', size) : NULL;
    size_t first = nl ? (size_t)(nl - data) : size;
    struct idset *a = decode (data, first);
    struct idset *b = nl ? decode (nl + 1, size - first - 1) : NULL;

    if (a && b)
        check_pair (a, b);
    idset_destroy (a);
    idset_destroy (b);
    return 0;
}
