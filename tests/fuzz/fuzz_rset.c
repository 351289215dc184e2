/* fuzz_rset.c - the decoder of R: what it accepts must survive a round trip
 */
#include <stddef.h>
#include <stdint.h>

#include "spec/rset.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err;
    struct rset *r = rset_decode ((const char *)data, size, &err);
    struct rset *again;
    char *s;

    if (!r)
        return 0;
    if (!(s = rset_encode (r)) || !(again = rset_decode (s, strlen (s), &err)))
        abort ();
    if (rset_nnodes (r) != rset_nnodes (again)
        || rset_count (r, "core") != rset_count (again, "core"))
        abort ();
    free (s);
    free (rset_dumps (r));
    rset_free (again);
    again = rset_diff (r, r);
    if (!again || rset_nnodes (again) != 0)
        abort ();
    rset_free (again);
    rset_free (r);
    return 0;
}
