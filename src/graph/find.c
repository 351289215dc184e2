/* find.c - which vertices meet an expression
 *
 * The expression is compiled to a program for a stack of bits ("a b and"), which
 * is run for each vertex.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/find.h"
#include "graph/match.h"

enum op { AND, OR, NOT, UP, DOWN, ALLOC, FREE, RESERVED, UNRESERVED, JOB_ALLOC,
          JOB_RES, JOB_ANY, TYPE, NAME, PROPERTY, SUMS, NO_SUMS };

struct ins {
    enum op op;
    int64_t job;
    char *text;
};

struct find {
    struct ins prog[3 * FIND_MAX_TERMS];
    int n, terms;
};

struct parser {
    const char *start, *p;
    struct find *f;
    flux_error_t *err;
    int rc;
    int depth;
};

static int bad (struct parser *s, const char *what)
{
    if (s->rc == 0 && s->err)
        errmsg (s->err, 0, "column %td: %s",
                  s->p - s->start + 1, what);
    return s->rc = -EINVAL;
}

static void space (struct parser *s)
{
    s->p += strspn (s->p, " \t");
}

static size_t word_len (const char *p)
{
    return strcspn (p, " \t()");
}

static bool is_word (struct parser *s, const char *w)
{
    size_t n = strlen (w);

    space (s);
    if (word_len (s->p) != n || strncmp (s->p, w, n) != 0)
        return false;
    s->p += n;
    return true;
}

static int emit (struct parser *s, enum op op, int64_t job, const char *text,
                 size_t len)
{
    struct ins *i = &s->f->prog[s->f->n];

    if (s->f->n >= 3 * FIND_MAX_TERMS)
        return bad (s, "too long");
    *i = (struct ins){ .op = op, .job = job };
    if (text && !(i->text = strndup (text, len)))
        return s->rc = -ENOMEM;
    s->f->n++;
    return 0;
}

static const struct {
    const char *key, *value;
    enum op op;
} words[] = {
    { "status", "up", UP }, { "status", "down", DOWN },
    { "sched-now", "allocated", ALLOC }, { "sched-now", "free", FREE },
    { "sched-future", "reserved", RESERVED }, { "sched-future", "free", UNRESERVED },
    { "jobid-alloc", NULL, JOB_ALLOC }, { "jobid-reserved", NULL, JOB_RES },
    { "jobid-span", NULL, JOB_ANY }, { "jobid-tag", NULL, JOB_ANY },
    { "agfilter", "true", SUMS }, { "agfilter", "t", SUMS },
    { "agfilter", "false", NO_SUMS }, { "agfilter", "f", NO_SUMS },
    { "type", "", TYPE }, { "name", "", NAME }, { "property", "", PROPERTY },
};

static int term (struct parser *s)
{
    size_t len = word_len (s->p), klen = strcspn (s->p, "=");
    const char *val = s->p + klen + 1;
    size_t vlen = klen < len ? len - klen - 1 : 0;
    bool known = false;

    if (klen >= len || vlen == 0)
        return bad (s, "expected key=value");
    if (++s->f->terms > FIND_MAX_TERMS)
        return bad (s, "too many terms");
    for (size_t i = 0; i < sizeof (words) / sizeof (words[0]); i++) {
        const char *v = words[i].value;
        char *end;
        int64_t id;

        if (strlen (words[i].key) != klen || strncmp (s->p, words[i].key, klen) != 0)
            continue;
        known = true;
        if (v && *v && (strlen (v) != vlen || strncmp (val, v, vlen) != 0))
            continue;
        if (!v) {
            errno = 0;
            id = strtoll (val, &end, 10);
            if (errno || end != val + vlen || *val < '0' || *val > '9')
                return bad (s, "expected a job id");
        }
        else
            id = 0;
        s->p += len;
        return emit (s, words[i].op, id, v && !*v ? val : NULL, vlen);
    }
    return bad (s, known ? "unknown value: expected status=up|down, sched-now=allocated|free, "
                "sched-future=reserved|free or agfilter=true|false" : "unknown key: expected status, "
                "sched-now, sched-future, jobid-alloc, jobid-reserved, jobid-tag, "
                "jobid-span, agfilter, type, name or property");
}

static int or_expr (struct parser *s);

static int unary (struct parser *s)
{
    int rc;

    if (++s->depth > 64)
        return bad (s, "nested too deeply");
    if (is_word (s, "not"))
        rc = unary (s) < 0 ? s->rc : emit (s, NOT, 0, NULL, 0);
    else if (*s->p == '(') {
        s->p++;
        rc = or_expr (s);
        space (s);
        if (rc == 0 && *s->p != ')')
            rc = bad (s, "expected )");
        if (rc == 0)
            s->p++;
    }
    else
        rc = term (s);
    s->depth--;
    return rc;
}

static int and_expr (struct parser *s)
{
    if (unary (s) < 0)
        return s->rc;
    while (is_word (s, "and"))
        if (unary (s) < 0 || emit (s, AND, 0, NULL, 0) < 0)
            return s->rc;
    return 0;
}

static int or_expr (struct parser *s)
{
    if (and_expr (s) < 0)
        return s->rc;
    while (is_word (s, "or"))
        if (and_expr (s) < 0 || emit (s, OR, 0, NULL, 0) < 0)
            return s->rc;
    return 0;
}

struct find *find_parse (const char *text, flux_error_t *err)
{
    struct parser s = { .start = text, .p = text, .err = err };

    if (!(s.f = calloc (1, sizeof (*s.f)))) {
        errno = ENOMEM;
        return NULL;
    }
    if (or_expr (&s) == 0) {
        space (&s);
        if (*s.p)
            bad (&s, "expected and, or, or the end");
    }
    if (s.rc < 0) {
        find_free (s.f);
        errno = -s.rc;
        return NULL;
    }
    return s.f;
}

void find_free (struct find *f)
{
    if (f) {
        int saved = errno;
        for (int i = 0; i < f->n; i++)
            free (f->prog[i].text);
        free (f);
        errno = saved;
    }
}

/* Which vertices jobs have: bit 0 allocated, bit 1 reserved. */
static int mark_jobs (const struct graph *g, uint8_t *held)
{
    for (const struct job *j = NULL; (j = graph_job_next (g, j));) {
        size_t n;
        const struct job_part *p = job_parts (j, &n);
        if (!p)
            return -ENOMEM;
        for (size_t i = 0; i < n; i++)
            held[p[i].vtx] |= job_state (j) == JOB_ALLOCATED ? 1 : 2;
    }
    return 0;
}

static bool job_has (const struct graph *g, const struct ins *i, uint32_t v)
{
    const struct job *j = graph_job (g, i->job);
    const struct job_part *p;
    size_t lo = 0, hi;

    if (!j || (i->op == JOB_ALLOC && job_state (j) != JOB_ALLOCATED)
        || (i->op == JOB_RES && job_state (j) != JOB_RESERVED))
        return false;
    p = job_parts (j, &hi);
    while (lo < hi) {
        size_t m = (lo + hi) / 2;
        if (p[m].vtx == v)
            return true;
        if (p[m].vtx < v)
            lo = m + 1;
        else
            hi = m;
    }
    return false;
}

static bool has_property (const struct graph *g, uint32_t v, const char *text)
{
    const json_t *o = graph_properties (g, v);
    const char *eq = strchr (text, '='), *key;
    json_t *val;

    if (!eq)
        return json_object_get (o, text) != NULL;
    json_object_foreach ((json_t *)o, key, val)
        if (strlen (key) == (size_t)(eq - text) && memcmp (key, text, strlen (key)) == 0)
            return strcmp (json_string_value (val), eq + 1) == 0;
    return false;
}

static bool test (const struct graph *g, const struct ins *i, uint32_t v, uint8_t held)
{
    char name[1024];

    switch (i->op) {
        case UP:
            return graph_usable (g, v);
        case DOWN:
            return !graph_usable (g, v);
        case ALLOC:
            return held & 1;
        case FREE:
            return !(held & 1);
        case RESERVED:
            return held & 2;
        case UNRESERVED:
            return !(held & 2);
        case TYPE:
            return strcmp (graph_type (g, v), i->text) == 0;
        case NAME:
            graph_name (g, v, name, sizeof (name));
            return strcmp (name, i->text) == 0;
        case PROPERTY:
            return has_property (g, v, i->text);
        case SUMS:
        case NO_SUMS:
            return true;
        default:
            return job_has (g, i, v);
    }
}

static bool run (const struct find *f, const struct graph *g, uint32_t v, uint8_t held)
{
    bool stack[3 * FIND_MAX_TERMS];
    int top = 0;

    for (int i = 0; i < f->n; i++) {
        enum op op = f->prog[i].op;
        if (op == NOT)
            stack[top - 1] = !stack[top - 1];
        else if (op == AND || op == OR) {
            bool b = stack[--top];
            stack[top - 1] = op == AND ? stack[top - 1] && b : stack[top - 1] || b;
        }
        else
            stack[top++] = test (g, &f->prog[i], v, held);
    }
    return stack[0];
}

int find_run (const struct find *f, const struct graph *g, uint32_t **vp, size_t *np)
{
    uint32_t n = graph_end (g, graph_root (g));
    uint8_t *held = calloc (graph_count (g), 1);
    uint32_t *v = malloc ((n + 1) * sizeof (*v));
    size_t count = 0;

    if (!held || !v || mark_jobs (g, held) < 0) {
        free (held);
        free (v);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++)
        if (run (f, g, i, held[i]))
            v[count++] = i;
    free (held);
    *vp = v;
    *np = count;
    return 0;
}

bool find_sums (const struct find *f)
{
    for (int i = 0; i < f->n; i++)
        if (f->prog[i].op == SUMS)
            return true;
    return false;
}

static struct job_part *with_above (const struct graph *g, const uint32_t *v, size_t n,
                                    size_t *count)
{
    uint32_t max = graph_end (g, graph_root (g));
    uint8_t *in = calloc (max, 1);
    struct job_part *part;
    size_t k = 0;

    if (!in)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        in[v[i]] = 2;
        for (uint32_t u = graph_parent (g, v[i]); u != GRAPH_NONE && !in[u];
             u = graph_parent (g, u))
            in[u] = 1;
    }
    for (uint32_t u = 0; u < max; u++)
        k += in[u] > 0;
    if ((part = malloc ((k + 1) * sizeof (*part)))) {
        *count = k;
        k = 0;
        for (uint32_t u = 0; u < max; u++)
            if (in[u])
                part[k++] = (struct job_part){ u, false, graph_size (g, u) };
    }
    free (in);
    return part;
}

/* Mark what jobs have exclusively. */
static void mark_exclusive (const struct graph *g, struct job_part *part, size_t n)
{
    for (const struct job *j = NULL; (j = graph_job_next (g, j));) {
        size_t m, k = 0;
        const struct job_part *p = job_parts (j, &m);
        for (size_t i = 0; i < n && k < m;) {
            if (part[i].vtx < p[k].vtx)
                i++;
            else if (part[i].vtx > p[k].vtx)
                k++;
            else
                part[i++].x |= p[k++].x;
        }
    }
}

struct job_part *find_parts (const struct graph *g, const uint32_t *v, size_t n, size_t *count)
{
    struct job_part *part = with_above (g, v, n, count);

    if (part)
        mark_exclusive (g, part, *count);
    return part;
}

int find_show (const struct graph *g, const char *expr, const struct filters *filters,
               enum emit_format format, struct buf *b, flux_error_t *err)
{
    struct find *f = find_parse (expr, err);
    struct job_part *part = NULL;
    uint32_t *v = NULL;
    size_t n, count = 0;
    int rc;

    if (!f)
        return -errno;
    if ((rc = find_run (f, g, &v, &n)) == 0 && !(part = find_parts (g, v, n, &count)))
        rc = -ENOMEM;
    if (rc == 0 && count > 0)
        rc = emit_found (g, part, count, find_sums (f) ? filters : NULL, format, b);
    if (rc < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    free (part);
    free (v);
    find_free (f);
    return rc;
}
