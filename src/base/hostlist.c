/* hostlist.c - ordered lists of host names (RFC 29)
 *
 * A list is an array of runs (hostrun.h) in which every run knows the index of
 * its first host, so that the n'th host is found by bisection.  The cursor is
 * an index; it may equal the count, when there is no current host.
 */
#include <flux/hostlist.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostrun.h"

/* Runs that sorting may make of runs that overlap, which have to be taken
 * apart.  A list with more repeated names than this is left as it is. */
#define MAX_SORT_RUNS (1 << 20)

struct hostlist {
    struct hostruns r;
    size_t cursor;
    struct buf name;    /* last name returned */
};

struct hostlist_hostname {
    struct hostrun run;
};

static int fail (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return rc;
}

/* ---- life ---- */

struct hostlist *hostlist_create (void)
{
    struct hostlist *hl = calloc (1, sizeof (*hl));

    if (hl)
        hl->name = (struct buf)BUF_INIT;
    return hl;
}

void hostlist_destroy (struct hostlist *hl)
{
    if (hl) {
        int saved_errno = errno;
        hostruns_release (&hl->r);
        buf_release (&hl->name);
        free (hl);
        errno = saved_errno;
    }
}

struct hostlist *hostlist_decode (const char *s)
{
    struct hostlist *hl;

    if (!s) {
        errno = EINVAL;
        return NULL;
    }
    if ((hl = hostlist_create ()) && hostlist_append (hl, s) < 0) {
        hostlist_destroy (hl);
        return NULL;
    }
    return hl;
}

/* Append runs with stems of their own: lists may belong to different threads,
 * and stems are counted without atomics. */
static int append_copies (struct hostruns *dst, const struct hostruns *src)
{
    const struct stem *last = NULL;
    struct hostrun run = {.stem = NULL};
    int rc = 0;

    for (size_t i = 0; i < src->count && rc == 0; i++) {
        const struct stem *st = src->run[i].stem;
        struct stem *own = run.stem;
        run = src->run[i];
        run.stem = own;
        if (st != last) {
            size_t size = sizeof (*st) + st->prefix_len + st->suffix_len + 2;
            stem_unref (own);
            if (!(run.stem = malloc (size)))
                return -ENOMEM;
            memcpy (run.stem, st, size);
            run.stem->refs = 1;
            last = st;
        }
        rc = hostruns_add (dst, &run);
    }
    stem_unref (run.stem);
    return rc;
}

struct hostlist *hostlist_copy (const struct hostlist *hl)
{
    struct hostlist *cpy;
    int rc;

    if (!hl) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = hostlist_create ()))
        return NULL;
    if ((rc = append_copies (&cpy->r, &hl->r)) < 0) {
        hostlist_destroy (cpy);
        errno = -rc;
        return NULL;
    }
    cpy->cursor = hl->cursor;
    return cpy;
}

int hostlist_count (struct hostlist *hl)
{
    return hl ? (int)hl->r.hosts : 0;
}

/* ---- append ---- */

/* Append all of src, or nothing. */
static int append_runs (struct hostruns *dst, const struct hostruns *src)
{
    size_t count = dst->count;
    size_t hosts = dst->hosts;
    uint64_t hi = count > 0 ? dst->run[count - 1].hi : 0;

    for (size_t i = 0; i < src->count; i++) {
        int rc = hostruns_add (dst, &src->run[i]);
        if (rc < 0) {
            while (dst->count > count)
                stem_unref (dst->run[--dst->count].stem);
            if (count > 0)
                dst->run[count - 1].hi = hi;
            dst->hosts = hosts;
            return rc;
        }
    }
    return (int)src->hosts;
}

int hostlist_append (struct hostlist *hl, const char *hosts)
{
    struct hostruns r = HOSTRUNS_INIT;
    int rc;

    if (!hl || !hosts)
        return fail (-EINVAL);
    if ((rc = hostruns_parse (&r, hosts)) == 0)
        rc = append_runs (&hl->r, &r);
    hostruns_release (&r);
    return fail (rc);
}

int hostlist_append_list (struct hostlist *hl1, struct hostlist *hl2)
{
    struct hostruns r = HOSTRUNS_INIT;
    int rc;

    if (!hl1 || !hl2)
        return fail (-EINVAL);
    if ((rc = append_copies (&r, &hl2->r)) == 0)
        rc = append_runs (&hl1->r, &r);
    hostruns_release (&r);
    return fail (rc);
}

/* ---- access ---- */

/* The run that holds host number n < hosts. */
static const struct hostrun *run_at (const struct hostruns *r, size_t n)
{
    size_t lo = 0, hi = r->count;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->run[mid].start <= n)
            lo = mid;
        else
            hi = mid;
    }
    return &r->run[lo];
}

static const char *move_to (struct hostlist *hl, size_t n)
{
    if (!hl) {
        errno = EINVAL;
        return NULL;
    }
    hl->cursor = n < hl->r.hosts ? n : hl->r.hosts;
    return hostlist_current (hl);
}

const char *hostlist_current (struct hostlist *hl)
{
    const struct hostrun *run;

    if (!hl) {
        errno = EINVAL;
        return NULL;
    }
    if (hl->cursor >= hl->r.hosts) {
        errno = ENOENT;
        return NULL;
    }
    run = run_at (&hl->r, hl->cursor);
    buf_clear (&hl->name);
    if (hostrun_name (run, hl->cursor - run->start, &hl->name) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return hl->name.data;
}

const char *hostlist_first (struct hostlist *hl)
{
    return move_to (hl, 0);
}

const char *hostlist_last (struct hostlist *hl)
{
    return move_to (hl, hl && hl->r.hosts > 0 ? hl->r.hosts - 1 : 0);
}

const char *hostlist_next (struct hostlist *hl)
{
    return move_to (hl, hl ? hl->cursor + 1 : 0);
}

const char *hostlist_nth (struct hostlist *hl, int n)
{
    if (hl && (n < 0 || (size_t)n >= hl->r.hosts)) {
        errno = ENOENT;
        return NULL;
    }
    return move_to (hl, (size_t)n);
}

/* ---- find ---- */

static int find_run (struct hostlist *hl, const struct hostrun *name)
{
    for (size_t i = 0; i < hl->r.count; i++) {
        const struct hostrun *run = &hl->r.run[i];
        if (name->lo >= run->lo && name->lo <= run->hi
            && hostrun_cmp_class (name, run) == 0) {
            hl->cursor = run->start + (name->lo - run->lo);
            return (int)hl->cursor;
        }
    }
    return -ENOENT;
}

int hostlist_find (struct hostlist *hl, const char *hostname)
{
    struct hostrun name;
    int rc;

    if (!hl || !hostname)
        return fail (-EINVAL);
    if ((rc = hostrun_split (&name, hostname, strlen (hostname))) < 0)
        return fail (rc);
    rc = find_run (hl, &name);
    stem_unref (name.stem);
    return fail (rc);
}

struct hostlist_hostname *hostlist_hostname_create (const char *hostname)
{
    struct hostlist_hostname *hn;

    if (!hostname) {
        errno = EINVAL;
        return NULL;
    }
    if (!(hn = calloc (1, sizeof (*hn))))
        return NULL;
    if (hostrun_split (&hn->run, hostname, strlen (hostname)) < 0) {
        free (hn);
        errno = ENOMEM;
        return NULL;
    }
    return hn;
}

void hostlist_hostname_destroy (struct hostlist_hostname *hn)
{
    if (hn) {
        int saved_errno = errno;
        stem_unref (hn->run.stem);
        free (hn);
        errno = saved_errno;
    }
}

int hostlist_find_hostname (struct hostlist *hl, struct hostlist_hostname *hn)
{
    if (!hl || !hn)
        return fail (-EINVAL);
    return fail (find_run (hl, &hn->run));
}

/* ---- sort and uniq ---- */

static int cmp_num (uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int cmp_by_class (const void *x, const void *y)
{
    const struct hostrun *a = x, *b = y;
    int rc = hostrun_cmp_class (a, b);

    return rc != 0 ? rc : cmp_num (a->lo, b->lo);
}

/* The order that people see: the width is looked at last, so that foo[000-099]
 * comes before foo[100-999]. */
static int cmp_by_name (const void *x, const void *y)
{
    const struct hostrun *a = x, *b = y;
    struct hostrun c = *b;

    c.width = a->width;
    int rc = hostrun_cmp_class (a, &c);
    if (rc == 0)
        rc = cmp_num (a->lo, b->lo);
    return rc != 0 ? rc : a->width - b->width;
}

/* Replace dst by src, and put dst in the order of names. */
static void replace (struct hostruns *dst, struct hostruns *src)
{
    size_t n = 0;

    hostruns_release (dst);
    *dst = *src;
    if (dst->count > 0)
        qsort (dst->run, dst->count, sizeof (*dst->run), cmp_by_name);
    for (size_t i = 0; i < dst->count; i++) {
        dst->run[i].start = n;
        n += dst->run[i].hi - dst->run[i].lo + 1;
    }
}

/* The runs of r with the order of cmp_by_class(), sharing its stems. */
static struct hostrun *sorted_runs (const struct hostruns *r)
{
    struct hostrun *run = calloc (r->count, sizeof (*run));

    if (run) {
        memcpy (run, r->run, r->count * sizeof (*run));
        qsort (run, r->count, sizeof (*run), cmp_by_class);
    }
    return run;
}

/* Add run[0..n-1], of one class and sorted by lo, each host once. */
static int add_merged (struct hostruns *r, const struct hostrun *run, size_t n)
{
    struct hostrun cur = run[0];
    int rc = 0;

    for (size_t i = 1; i < n && rc == 0; i++) {
        if (run[i].lo <= cur.hi) {
            if (run[i].hi > cur.hi)
                cur.hi = run[i].hi;
        }
        else {
            rc = hostruns_add (r, &cur);
            cur = run[i];
        }
    }
    return rc < 0 ? rc : hostruns_add (r, &cur);
}

/* Add run[0..n-1] likewise, but keep what is there more than once.  Between
 * two points where a run begins or ends, the same 'depth' runs overlap. */
static int add_repeated (struct hostruns *r,
                         const struct hostrun *run,
                         size_t n)
{
    uint64_t pos = run[0].lo;
    int rc;

    for (size_t first = 0; first < n;) {
        uint64_t end = UINT64_MAX;
        uint64_t depth = 0;
        for (size_t i = first; i < n && run[i].lo <= end; i++) {
            if (run[i].hi < pos)
                continue;
            if (run[i].lo > pos) {
                end = run[i].lo - 1 < end ? run[i].lo - 1 : end;
                break;
            }
            depth++;
            end = run[i].hi < end ? run[i].hi : end;
        }
        struct hostrun piece = run[first];
        uint64_t step = depth > 1 ? 1 : end - pos + 1;
        for (; depth > 0 && pos <= end; pos += step) {
            piece.lo = pos;
            piece.hi = pos + step - 1;
            for (uint64_t k = 0; k < depth; k++)
                if ((rc = hostruns_add (r, &piece)) < 0)
                    return rc;
            if (r->count > MAX_SORT_RUNS)
                return -ERANGE;
        }
        while (first < n && run[first].hi < pos)
            first++;
        if (first < n && run[first].lo > pos)
            pos = run[first].lo;
    }
    return 0;
}

typedef int (*add_class_f) (struct hostruns *r,
                            const struct hostrun *run,
                            size_t n);

static int rebuild (struct hostruns *r, add_class_f add)
{
    struct hostruns out = HOSTRUNS_INIT;
    struct hostrun *run;
    int rc = 0;

    if (r->count == 0)
        return 0;
    if (!(run = sorted_runs (r)))
        return -ENOMEM;
    for (size_t i = 0, n; i < r->count && rc == 0; i += n) {
        n = 1;
        while (i + n < r->count && hostrun_cmp_class (&run[i], &run[i + n]) == 0)
            n++;
        rc = add (&out, &run[i], n);
    }
    free (run);
    if (rc < 0)
        hostruns_release (&out);
    else
        replace (r, &out);
    return rc;
}

void hostlist_sort (struct hostlist *hl)
{
    if (hl) {
        int saved_errno = errno;
        (void)rebuild (&hl->r, add_repeated);
        errno = saved_errno;
    }
}

void hostlist_uniq (struct hostlist *hl)
{
    if (hl) {
        int saved_errno = errno;
        (void)rebuild (&hl->r, add_merged);
        if (hl->cursor > hl->r.hosts)
            hl->cursor = hl->r.hosts;
        errno = saved_errno;
    }
}

/* ---- delete ---- */

/* The first of del's runs (disjoint, sorted by class and lo) that ends at or
 * after 'run' begins, in order of class. */
static size_t first_overlap (const struct hostruns *del,
                             const struct hostrun *run)
{
    size_t lo = 0, hi = del->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int rc = hostrun_cmp_class (&del->run[mid], run);
        if (rc < 0 || (rc == 0 && del->run[mid].hi < run->lo))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Add to out what del leaves of one run.  Subtracts from *cursor what goes
 * before it. */
static int add_rest (struct hostruns *out,
                     const struct hostrun *run,
                     const struct hostruns *del,
                     size_t cursor,
                     size_t *before)
{
    struct hostrun left = *run;
    int rc = 0;

    for (size_t i = first_overlap (del, run); i < del->count; i++) {
        const struct hostrun *d = &del->run[i];
        if (d->lo > run->hi || hostrun_cmp_class (d, run) != 0)
            break;
        uint64_t from = d->lo > left.lo ? d->lo : left.lo;
        uint64_t to = d->hi < run->hi ? d->hi : run->hi;
        size_t index = run->start + (from - run->lo);
        if (index < cursor) {
            size_t gone = to - from + 1;
            *before += gone < cursor - index ? gone : cursor - index;
        }
        struct hostrun keep = left;
        keep.hi = from - 1;
        if (from > left.lo && (rc = hostruns_add (out, &keep)) < 0)
            return rc;
        left.lo = to + 1;
    }
    return left.lo <= run->hi ? hostruns_add (out, &left) : 0;
}

static int delete_runs (struct hostlist *hl, const struct hostruns *del)
{
    struct hostruns out = HOSTRUNS_INIT;
    size_t before = 0;
    int rc = 0;

    for (size_t i = 0; i < hl->r.count && rc == 0; i++)
        rc = add_rest (&out, &hl->r.run[i], del, hl->cursor, &before);
    if (rc < 0) {
        hostruns_release (&out);
        return rc;
    }
    size_t gone = hl->r.hosts - out.hosts;
    hostruns_release (&hl->r);
    hl->r = out;
    hl->cursor -= before;
    return (int)gone;
}

int hostlist_delete (struct hostlist *hl, const char *hosts)
{
    struct hostruns del = HOSTRUNS_INIT;
    int rc;

    if (!hl || !hosts)
        return fail (-EINVAL);
    rc = hostruns_parse (&del, hosts);
    if (rc == 0)
        rc = rebuild (&del, add_merged);
    if (rc == 0 && del.count > 0) {
        qsort (del.run, del.count, sizeof (*del.run), cmp_by_class);
        rc = delete_runs (hl, &del);
    }
    hostruns_release (&del);
    return fail (rc);
}

int hostlist_remove_current (struct hostlist *hl)
{
    struct hostruns out = HOSTRUNS_INIT;
    int rc = 0;

    if (!hl)
        return fail (-EINVAL);
    if (hl->cursor >= hl->r.hosts)
        return 0;
    const struct hostrun *at = run_at (&hl->r, hl->cursor);
    for (size_t i = 0; i < hl->r.count && rc == 0; i++) {
        struct hostrun run = hl->r.run[i];
        if (&hl->r.run[i] == at) {
            uint64_t n = run.lo + (hl->cursor - run.start);
            struct hostrun head = run;
            head.hi = n - 1;
            if (n > run.lo)
                rc = hostruns_add (&out, &head);
            if (n == run.hi)
                continue;
            run.lo = n + 1;
        }
        if (rc == 0)
            rc = hostruns_add (&out, &run);
    }
    if (rc < 0) {
        hostruns_release (&out);
        return fail (rc);
    }
    hostruns_release (&hl->r);
    hl->r = out;
    return 1;
}

/* ---- encode ---- */

static bool same_stem (const struct hostrun *a, const struct hostrun *b)
{
    struct hostrun c = *b;

    c.width = a->width;
    return a->stem->numbered && hostrun_cmp_class (a, &c) == 0;
}

/* May b's ids stand in a bracket that pads all to 'width' digits? */
static bool fits_width (const struct hostrun *b, int width)
{
    char text[24];

    if (b->width > 0)
        return b->width == width;
    return snprintf (text, sizeof (text), "%" PRIu64, b->lo) >= width;
}

/* Encode as many runs as one bracket can hold; returns how many. */
static size_t encode_group (struct buf *b, const struct hostrun *run, size_t n)
{
    const struct stem *st = run->stem;
    int width = run->width;
    size_t used = 1;

    while (used < n && same_stem (run, &run[used])
           && fits_width (&run[used], width))
        used++;
    if (used == 1 && run->lo == run->hi) {
        hostrun_name (run, 0, b);
        return 1;
    }
    buf_addf (b, "%s[", st->text);
    for (size_t i = 0; i < used; i++) {
        uint64_t lo = run[i].lo, hi = run[i].hi;
        while (i + 1 < used && run[i + 1].lo == hi + 1)
            hi = run[++i].hi;
        buf_addf (b, "%0*" PRIu64, width, lo);
        if (hi > lo)
            buf_addf (b, "-%0*" PRIu64, width, hi);
        buf_addc (b, i + 1 < used ? ',' : ']');
    }
    buf_adds (b, st->text + st->prefix_len + 1);
    return used;
}

char *hostlist_encode (struct hostlist *hl)
{
    struct buf b = BUF_INIT;
    char *s;

    if (!hl) {
        errno = EINVAL;
        return NULL;
    }
    for (size_t i = 0; i < hl->r.count;) {
        if (i > 0)
            buf_addc (&b, ',');
        i += encode_group (&b, &hl->r.run[i], hl->r.count - i);
    }
    if (!(s = buf_take (&b)))
        errno = ENOMEM;
    return s;
}
