/* idset.c - sets of non-negative integers (RFC 22)
 *
 * The members are kept in an idtree; this file adds the universe, the running
 * count, the allocator and the text form.
 */
#include <flux/idset.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/idtree.h"

#define DEFAULT_SIZE 1024

#define CREATE_FLAGS                                                          \
    (IDSET_FLAG_AUTOGROW | IDSET_FLAG_INITFULL | IDSET_FLAG_COUNT_LAZY        \
     | IDSET_FLAG_ALLOC_RR)
#define ENCODE_FLAGS (IDSET_FLAG_BRACKETS | IDSET_FLAG_RANGE)

struct idset {
    struct idtree tree;
    size_t size;        /* universe */
    size_t count;
    int flags;
    uint64_t alloc_next; /* ALLOC_RR: where the next search begins */
};

static int fail (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

static unsigned int to_id (uint64_t id)
{
    return id == IDTREE_NONE ? IDSET_INVALID_ID : (unsigned int)id;
}

static bool valid_id (unsigned int id)
{
    return id < IDSET_INVALID_ID;
}

/* ---- life ---- */

struct idset *idset_create (size_t size, int flags)
{
    struct idset *s;
    uint64_t count = 0;

    if (size == 0 && (flags & IDSET_FLAG_AUTOGROW))
        size = DEFAULT_SIZE;
    if (size == 0 || (flags & ~CREATE_FLAGS)) {
        errno = EINVAL;
        return NULL;
    }
    if (size > IDSET_MAX_UNIVERSE) {
        errno = ERANGE;
        return NULL;
    }
    if (!(s = calloc (1, sizeof (*s))))
        return NULL;
    s->size = size;
    s->flags = flags;
    if ((flags & IDSET_FLAG_INITFULL)
        && idtree_set_range (&s->tree, 0, size - 1, &count) < 0) {
        idset_destroy (s);
        errno = ENOMEM;
        return NULL;
    }
    s->count = count;
    return s;
}

void idset_destroy (struct idset *s)
{
    if (s) {
        int saved_errno = errno;
        idtree_release (&s->tree);
        free (s);
        errno = saved_errno;
    }
}

struct idset *idset_copy (const struct idset *s)
{
    struct idset *cpy;

    if (!s) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = malloc (sizeof (*cpy))))
        return NULL;
    *cpy = *s;
    cpy->tree = (struct idtree)IDTREE_INIT;
    if (idtree_copy (&cpy->tree, &s->tree) < 0) {
        free (cpy);
        errno = ENOMEM;
        return NULL;
    }
    return cpy;
}

/* Make the universe hold 'size' ids, if it may grow. */
static int grow (struct idset *s, size_t size)
{
    size_t bigger = s->size;
    uint64_t added;

    if (size <= s->size)
        return 0;
    if (!(s->flags & IDSET_FLAG_AUTOGROW))
        return -EINVAL;
    if (size > IDSET_MAX_UNIVERSE)
        return -ERANGE;
    while (bigger < size)
        bigger *= 2;
    if (bigger > IDSET_MAX_UNIVERSE)
        bigger = IDSET_MAX_UNIVERSE;
    if (s->flags & IDSET_FLAG_INITFULL) {
        if (idtree_set_range (&s->tree, s->size, bigger - 1, &added) < 0)
            return -ENOMEM;
        s->count += added;
    }
    s->size = bigger;
    return 0;
}

/* ---- members ---- */

int idset_set (struct idset *s, unsigned int id)
{
    if (!s || !valid_id (id))
        return fail (-EINVAL);
    int rc = grow (s, (size_t)id + 1);
    if (rc == 0)
        rc = idtree_set (&s->tree, id);
    if (rc > 0)
        s->count++;
    return fail (rc);
}

/* Clearing an id that a growing INITFULL set has not reached yet must reach
 * it first; otherwise an id beyond the universe is not there to be cleared. */
static int grow_to_clear (struct idset *s, unsigned int id)
{
    const int both = IDSET_FLAG_AUTOGROW | IDSET_FLAG_INITFULL;

    if ((s->flags & both) != both || id >= IDSET_MAX_UNIVERSE)
        return 0;
    return grow (s, (size_t)id + 1);
}

int idset_clear (struct idset *s, unsigned int id)
{
    if (!s || !valid_id (id))
        return fail (-EINVAL);
    int rc = grow_to_clear (s, id);
    if (rc == 0)
        rc = idtree_clear (&s->tree, id);
    if (rc > 0)
        s->count--;
    return fail (rc);
}

static void order (unsigned int *lo, unsigned int *hi)
{
    if (*lo > *hi) {
        unsigned int tmp = *lo;
        *lo = *hi;
        *hi = tmp;
    }
}

int idset_range_set (struct idset *s, unsigned int lo, unsigned int hi)
{
    uint64_t added = 0;

    if (!s || !valid_id (lo) || !valid_id (hi))
        return fail (-EINVAL);
    order (&lo, &hi);
    int rc = grow (s, (size_t)hi + 1);
    if (rc == 0)
        rc = idtree_set_range (&s->tree, lo, hi, &added);
    s->count += added;
    return fail (rc);
}

int idset_range_clear (struct idset *s, unsigned int lo, unsigned int hi)
{
    uint64_t removed = 0;

    /* idset_clear_all() passes IDSET_INVALID_ID as hi */
    if (!s || lo == UINT_MAX || hi == UINT_MAX)
        return fail (-EINVAL);
    order (&lo, &hi);
    int rc = grow_to_clear (s, hi);
    if (rc == 0)
        rc = idtree_clear_range (&s->tree, lo, hi, &removed);
    s->count -= removed;
    return fail (rc);
}

bool idset_test (const struct idset *s, unsigned int id)
{
    return s && valid_id (id) && idtree_test (&s->tree, id);
}

unsigned int idset_first (const struct idset *s)
{
    return s ? to_id (idtree_next (&s->tree, 0)) : IDSET_INVALID_ID;
}

unsigned int idset_next (const struct idset *s, unsigned int id)
{
    if (!s || !valid_id (id))
        return IDSET_INVALID_ID;
    return to_id (idtree_next (&s->tree, (uint64_t)id + 1));
}

unsigned int idset_last (const struct idset *s)
{
    return s ? to_id (idtree_prev (&s->tree, UINT64_MAX)) : IDSET_INVALID_ID;
}

unsigned int idset_prev (const struct idset *s, unsigned int id)
{
    if (!s || !valid_id (id) || id == 0)
        return IDSET_INVALID_ID;
    return to_id (idtree_prev (&s->tree, (uint64_t)id - 1));
}

size_t idset_count (const struct idset *s)
{
    return s ? s->count : 0;
}

bool idset_empty (const struct idset *s)
{
    return !s || s->count == 0;
}

size_t idset_universe_size (const struct idset *s)
{
    return s ? s->size : 0;
}

/* ---- two sets ---- */

bool idset_equal (const struct idset *a, const struct idset *b)
{
    return a && b && a->count == b->count && idtree_equal (&a->tree, &b->tree);
}

bool idset_has_intersection (const struct idset *a, const struct idset *b)
{
    return a && b && idtree_meets (&a->tree, &b->tree);
}

static int add_tree (struct idset *a, const struct idtree *b)
{
    uint64_t last = idtree_prev (b, UINT64_MAX);
    uint64_t added = 0;

    if (last == IDTREE_NONE)
        return 0;
    int rc = grow (a, last + 1);
    if (rc == 0)
        rc = idtree_add (&a->tree, b, &added);
    a->count += added;
    return rc;
}

static int subtract_tree (struct idset *a, const struct idtree *b)
{
    uint64_t last = idtree_prev (b, UINT64_MAX);
    uint64_t removed = 0;

    if (last == IDTREE_NONE)
        return 0;
    int rc = grow_to_clear (a, (unsigned int)last);
    if (rc == 0)
        rc = idtree_subtract (&a->tree, b, &removed);
    a->count -= removed;
    return rc;
}

int idset_add (struct idset *a, const struct idset *b)
{
    return fail (a && b ? add_tree (a, &b->tree) : -EINVAL);
}

int idset_subtract (struct idset *a, const struct idset *b)
{
    return fail (a && b ? subtract_tree (a, &b->tree) : -EINVAL);
}

/* A new empty set that any result of a and b fits in. */
static struct idset *create_result (const struct idset *a,
                                    const struct idset *b)
{
    if (!a || !b) {
        errno = EINVAL;
        return NULL;
    }
    return idset_create (a->size > b->size ? a->size : b->size,
                         IDSET_FLAG_AUTOGROW);
}

static struct idset *result (struct idset *r, int rc)
{
    if (rc < 0) {
        idset_destroy (r);
        errno = -rc;
        return NULL;
    }
    return r;
}

struct idset *idset_union (const struct idset *a, const struct idset *b)
{
    struct idset *r = create_result (a, b);

    if (!r)
        return NULL;
    int rc = idtree_copy (&r->tree, &a->tree);
    r->count = rc == 0 ? a->count : 0;
    return result (r, rc == 0 ? add_tree (r, &b->tree) : rc);
}

struct idset *idset_difference (const struct idset *a, const struct idset *b)
{
    struct idset *r = create_result (a, b);

    if (!r)
        return NULL;
    int rc = idtree_copy (&r->tree, &a->tree);
    r->count = rc == 0 ? a->count : 0;
    return result (r, rc == 0 ? subtract_tree (r, &b->tree) : rc);
}

struct idset *idset_intersect (const struct idset *a, const struct idset *b)
{
    struct idset *r = create_result (a, b);

    if (!r)
        return NULL;
    int rc = idtree_intersect (&r->tree, &a->tree, &b->tree);
    r->count = idtree_count (&r->tree);
    return result (r, rc);
}

/* ---- allocator ---- */

int idset_alloc (struct idset *s, unsigned int *val)
{
    uint64_t from, id;

    if (!s || !val || !(s->flags & IDSET_FLAG_INITFULL))
        return fail (-EINVAL);
    from = s->flags & IDSET_FLAG_ALLOC_RR ? s->alloc_next : 0;
    id = idtree_next (&s->tree, from);
    if (id == IDTREE_NONE && from > 0)
        id = idtree_next (&s->tree, 0);
    if (id == IDTREE_NONE) {
        if (!(s->flags & IDSET_FLAG_AUTOGROW))
            return fail (-ENOSPC);
        id = s->size;
        int rc = grow (s, s->size + 1);
        if (rc < 0)
            return fail (rc);
    }
    int rc = idtree_clear (&s->tree, id);
    if (rc < 0)
        return fail (rc);
    s->count--;
    s->alloc_next = id + 1;
    *val = (unsigned int)id;
    return 0;
}

void idset_free (struct idset *s, unsigned int val)
{
    int saved_errno = errno;

    (void)idset_set (s, val);
    errno = saved_errno;
}

int idset_free_check (struct idset *s, unsigned int val)
{
    if (idset_test (s, val))
        return fail (-EEXIST);
    return idset_set (s, val);
}

/* ---- text ---- */

/* Append ",N", without the comma at the start of the list. */
static int encode_id (struct buf *b, char sep, uint64_t id)
{
    char text[24];
    char *p = text + sizeof (text);

    do {
        *--p = (char)('0' + id % 10);
        id /= 10;
    } while (id > 0);
    if (b->len > 0 && b->data[b->len - 1] != '[')
        *--p = sep;
    return buf_add (b, p, (size_t)(text + sizeof (text) - p));
}

static int encode_run (struct buf *b, uint64_t lo, uint64_t hi, int flags)
{
    int rc = encode_id (b, ',', lo);

    if (lo == hi || rc < 0)
        return rc;
    if (flags & IDSET_FLAG_RANGE)
        return encode_id (b, '-', hi);
    for (uint64_t id = lo + 1; id <= hi && rc == 0; id++)
        rc = encode_id (b, ',', id);
    return rc;
}

char *idset_encode (const struct idset *s, int flags)
{
    struct buf b = BUF_INIT;
    uint64_t lo, end = 0;
    bool brackets;
    char *str;

    if (!s || (flags & ~ENCODE_FLAGS)) {
        errno = EINVAL;
        return NULL;
    }
    brackets = (flags & IDSET_FLAG_BRACKETS) && s->count != 1;
    if (brackets)
        buf_addc (&b, '[');
    while ((lo = idtree_next (&s->tree, end)) != IDTREE_NONE) {
        end = idtree_next_clear (&s->tree, lo);
        if (encode_run (&b, lo, end - 1, flags) < 0)
            break;
    }
    if (brackets)
        buf_addc (&b, ']');
    if (!(str = buf_take (&b)))
        errno = ENOMEM;
    return str;
}

/* What is being parsed, for messages that point to the fault. */
struct input {
    const char *start;
    const char *pos;
    const char *end;
    flux_error_t *err;
};

/* How much of s a message shows */
static int excerpt (const char *s, ssize_t len)
{
    return (int)strnlen (s, len >= 0 && len < 64 ? (size_t)len : 64);
}

static int bad (struct input *in, int rc, const char *what)
{
    return errmsg (in->err, rc, "idset '%.*s': %s at offset %td",
                   excerpt (in->start, in->end - in->start), in->start, what,
                   in->pos - in->start);
}

static int parse_id (struct input *in, uint64_t *idp)
{
    const char *p = in->pos;
    uint64_t id = 0;

    if (p == in->end || *p < '0' || *p > '9')
        return bad (in, -EINVAL, "expected a number");
    if (*p == '0' && p + 1 < in->end && p[1] >= '0' && p[1] <= '9')
        return bad (in, -EINVAL, "number with a leading zero");
    for (; p < in->end && *p >= '0' && *p <= '9'; p++) {
        id = id * 10 + (uint64_t)(*p - '0');
        if (id >= IDSET_MAX_UNIVERSE)
            return bad (in, -ERANGE, "number above 2147483647");
    }
    in->pos = p;
    *idp = id;
    return 0;
}

/* Parse one id or range and put it in the tree. */
static int parse_run (struct input *in, struct idtree *t, uint64_t *count)
{
    struct input from = *in;
    uint64_t lo, hi, added;
    int rc;

    if ((rc = parse_id (in, &lo)) < 0)
        return rc;
    hi = lo;
    if (in->pos < in->end && *in->pos == '-') {
        in->pos++;
        if ((rc = parse_id (in, &hi)) < 0)
            return rc;
        if (hi < lo)
            return bad (&from, -EINVAL, "range that goes down");
    }
    if ((rc = idtree_set_range (t, lo, hi, &added)) < 0)
        return bad (in, rc, "out of memory");
    if (added != hi - lo + 1)
        return bad (&from, -EINVAL, "id that was listed before");
    *count += added;
    return 0;
}

static int parse_list (struct input *in, struct idtree *t, uint64_t *count)
{
    int rc;

    if (in->pos == in->end)
        return 0;
    for (;;) {
        if ((rc = parse_run (in, t, count)) < 0)
            return rc;
        if (in->pos == in->end)
            return 0;
        if (*in->pos != ',')
            return bad (in, -EINVAL, "expected a comma");
        in->pos++;
    }
}

/* Parse at most len bytes of s (-1: all) into the empty tree t. */
static int parse (const char *s,
                  ssize_t len,
                  struct idtree *t,
                  uint64_t *count,
                  idset_error_t *error)
{
    flux_error_t *err = (flux_error_t *)error;
    struct input in = {.start = s, .pos = s, .err = err};
    int rc;

    _Static_assert (sizeof (flux_error_t) == sizeof (idset_error_t),
                    "both are a text of 160 bytes");
    *count = 0;
    if (!s || len < -1)
        return errmsg (err, -EINVAL, "idset: invalid argument");
    in.end = s + (len < 0 ? strlen (s) : strnlen (s, (size_t)len));
    if (in.pos < in.end && *in.pos == '[') {
        if (in.end - in.pos < 2 || in.end[-1] != ']')
            return bad (&in, -EINVAL, "'[' without a ']' at the end");
        in.pos++;
        in.end--;
    }
    if ((rc = parse_list (&in, t, count)) < 0)
        idtree_release (t);
    return rc;
}

/* The universe for a decoded set: -1 asks for a close fit, 0 for the default. */
static size_t decoded_size (const struct idtree *t, ssize_t size)
{
    if (size > 0)
        return (size_t)size;
    if (size < 0)
        return idtree_prev (t, UINT64_MAX) + 1; /* 0 if empty */
    return DEFAULT_SIZE;
}

struct idset *idset_decode_ex (const char *str,
                               ssize_t len,
                               ssize_t size,
                               int flags,
                               idset_error_t *error)
{
    flux_error_t *err = (flux_error_t *)error;
    struct idtree tree = IDTREE_INIT;
    struct idset *s = NULL;
    uint64_t count;
    int rc = -EINVAL;

    if (size < -1)
        errmsg (err, rc, "idset: invalid size");
    else
        rc = parse (str, len, &tree, &count, error);
    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    if (!(s = idset_create (decoded_size (&tree, size), flags))) {
        rc = errmsg (err, -errno, "idset: cannot create a set%s: %s",
                     count == 0 ? " without ids" : "", strerror (errno));
    }
    else if ((rc = add_tree (s, &tree)) < 0)
        errmsg (err, rc, "idset '%.*s': does not fit in a set of %zu ids",
                excerpt (str, len), str, s->size);
    idtree_release (&tree);
    return result (s, rc);
}

struct idset *idset_decode (const char *s)
{
    return idset_decode_ex (s, -1, 0, IDSET_FLAG_AUTOGROW, NULL);
}

bool idset_decode_empty (const char *s, ssize_t len)
{
    if (!s || len < -1)
        return false;
    size_t n = len < 0 ? strnlen (s, 3) : strnlen (s, (size_t)len);
    return n == 0 || (n == 2 && s[0] == '[' && s[1] == ']');
}

int idset_decode_info (const char *s,
                       ssize_t len,
                       size_t *count,
                       unsigned int *maxid,
                       idset_error_t *error)
{
    struct idtree tree = IDTREE_INIT;
    uint64_t n;
    int rc = parse (s, len, &tree, &n, error);

    if (rc == 0) {
        if (count)
            *count = n;
        if (maxid)
            *maxid = to_id (idtree_prev (&tree, UINT64_MAX));
        idtree_release (&tree);
    }
    return fail (rc);
}

static int decode_and (struct idset *s,
                       const char *str,
                       ssize_t len,
                       idset_error_t *error,
                       int (*apply) (struct idset *, const struct idtree *))
{
    flux_error_t *err = (flux_error_t *)error;
    struct idtree tree = IDTREE_INIT;
    uint64_t count;
    int rc;

    if (!s)
        return fail (errmsg (err, -EINVAL, "idset: invalid argument"));
    if ((rc = parse (str, len, &tree, &count, error)) < 0)
        return fail (rc);
    if ((rc = apply (s, &tree)) < 0)
        errmsg (err, rc, "idset '%.*s': does not fit in a set of %zu ids",
                excerpt (str, len), str, s->size);
    idtree_release (&tree);
    return fail (rc);
}

int idset_decode_add (struct idset *s,
                      const char *str,
                      ssize_t len,
                      idset_error_t *error)
{
    return decode_and (s, str, len, error, add_tree);
}

int idset_decode_subtract (struct idset *s,
                           const char *str,
                           ssize_t len,
                           idset_error_t *error)
{
    return decode_and (s, str, len, error, subtract_tree);
}
