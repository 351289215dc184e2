/* verify.c - are the resources of a node what the inventory says?
 */
#include <errno.h>
#include <string.h>

#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "modules/resource/verify.h"
#include "spec/rset.h"

static void add_ids (struct buf *b, const char *what, const char *type,
                     const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);

    buf_addf (b, "%s%s %s%s", b->len > 0 ? ", " : "", what, type, s ? s : "");
    free (s);
}

/* Mention a - b, unless there is nothing in it. */
static int add_difference (struct buf *b, const char *what, const char *type,
                           const struct idset *x, const struct idset *y)
{
    struct idset *none = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct idset *left = NULL;

    if (none && (left = idset_difference (x ? x : none, y ? y : none))
        && !idset_empty (left))
        add_ids (b, what, type, left);
    idset_destroy (none);
    if (!left)
        return -ENOMEM;
    idset_destroy (left);
    return 0;
}

static int verify_ids (struct buf *b, enum verify_mode mode, const char *type,
                       const struct idset *expected, const struct idset *found)
{
    int rc = 0;

    if (mode == VERIFY_STRICT || mode == VERIFY_ALLOW_EXTRA)
        rc = add_difference (b, "missing", type, expected, found);
    if (rc == 0 && (mode == VERIFY_STRICT || mode == VERIFY_ALLOW_MISSING))
        rc = add_difference (b, "unexpected", type, found, expected);
    return rc;
}

int verify_rank (const struct rconfig *c, const struct rset *expected,
                 const struct rset *found, uint32_t rank, flux_error_t *err)
{
    const char *want = rset_host (expected, rank);
    const char *have = rset_host (found, rank);
    struct buf b = BUF_INIT;
    int rc = 0;

    if (!idset_test (rset_ranks (expected), rank)
        || !idset_test (rset_ranks (found), rank))
        return 0;
    if (c->verify[VERIFY_HOSTNAME] != VERIFY_IGNORE && want && have
        && strcmp (want, have) != 0)
        buf_addf (&b, "host name is %s, expected %s", have, want);
    if (verify_ids (&b, c->verify[VERIFY_CORE], "core", rset_ids (expected, rank, "core"),
                    rset_ids (found, rank, "core")) < 0
        || verify_ids (&b, c->verify[VERIFY_GPU], "gpu",
                       rset_ids (expected, rank, "gpu"),
                       rset_ids (found, rank, "gpu")) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    else if (b.len > 0)
        rc = errmsg (err, -EINVAL, "%s", b.data);
    buf_release (&b);
    return rc;
}
