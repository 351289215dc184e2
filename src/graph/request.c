/* request.c - the resources a jobspec asks for
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/request.h"
#include "graph/units.h"
#include "spec/constraint.h"

struct decoder {
    flux_error_t *err;
    unsigned int count;
    bool units;
    int rc;
};

__attribute__ ((format (printf, 3, 4)))
static int bad (struct decoder *d, const char *path, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    if (d->err)
        errmsg (d->err, 0, "%s: %s", path, text);
    d->rc = -EINVAL;
    return -EINVAL;
}

static int decode_list (struct decoder *d, const char *path, const json_t *o,
                        int depth, bool in_slot, struct req **list, size_t *n);

static int decode_children (struct decoder *d, const char *path, const json_t *o,
                            bool in_slot, struct req *r)
{
    char sub[300];
    const json_t *with = json_object_get (o, "with");

    if (!with)
        return r->slot ? bad (d, path, "a slot needs 'with': what is in it") : 0;
    snprintf (sub, sizeof (sub), "%.290s.with", path);
    return decode_list (d, sub, with, r->depth + 1, in_slot || r->slot, &r->child,
                        &r->nchild);
}

static int decode_flags (struct decoder *d, const char *path, const json_t *o,
                         bool in_slot, struct req *r)
{
    const json_t *x = json_object_get (o, "exclusive");
    const json_t *unit = json_object_get (o, "unit");
    const json_t *label = json_object_get (o, "label");

    if (x && !json_is_boolean (x))
        return bad (d, path, "exclusive must be true or false");
    if ((unit && !json_is_string (unit)) || (label && !json_is_string (label)))
        return bad (d, path, "%s must be a string",
                    unit && !json_is_string (unit) ? "unit" : "label");
    if (r->slot && !label)
        return bad (d, path, "a slot needs a label");
    r->unit = json_string_value (unit);
    d->units |= r->unit && *r->unit;
    r->label = json_string_value (label);
    r->x = x ? json_is_true (x) : in_slot;
    r->full = x && json_is_true (x) && !r->slot;
    return 0;
}

static int decode_vertex (struct decoder *d, const char *path, const json_t *o,
                          int depth, bool in_slot, struct req *r)
{
    flux_error_t e;
    const json_t *count = json_object_get (o, "count");

    r->depth = depth;
    r->type = json_string_value (json_object_get (o, "type"));
    if (!json_is_object (o))
        return bad (d, path, "must be an object with type and count");
    if (!r->type || !*r->type)
        return bad (d, path, "needs 'type', a string");
    if (++d->count > REQUEST_MAX_VTX)
        return bad (d, path, "more than %d resources", REQUEST_MAX_VTX);
    if (!count)
        return bad (d, path, "needs 'count'");
    if (count_decode (count, &r->count, &e) < 0)
        return bad (d, path, "count %s", e.text);
    r->slot = strcmp (r->type, "slot") == 0;
    if (decode_flags (d, path, o, in_slot, r) < 0)
        return d->rc;
    return decode_children (d, path, o, in_slot, r);
}

static int decode_list (struct decoder *d, const char *path, const json_t *o,
                        int depth, bool in_slot, struct req **list, size_t *n)
{
    size_t size = json_array_size (o);

    if (size == 0)
        return bad (d, path, "must be a list of at least one resource");
    if (depth > REQUEST_MAX_DEPTH)
        return bad (d, path, "more than %d levels", REQUEST_MAX_DEPTH);
    if (size > REQUEST_MAX_VTX)
        return bad (d, path, "more than %d resources", REQUEST_MAX_VTX);
    if (!(*list = calloc (size, sizeof (**list))))
        return d->rc = -ENOMEM;
    *n = size;
    for (size_t i = 0; i < size; i++) {
        char sub[300];
        snprintf (sub, sizeof (sub), "%.280s[%zu]", path, i);
        if (decode_vertex (d, sub, json_array_get (o, i), depth, in_slot,
                           &(*list)[i]) < 0)
            return d->rc;
    }
    return 0;
}

static int decode_system (struct decoder *d, const json_t *o, struct request *rq)
{
    const json_t *attr = json_object_get (o, "attributes");
    const json_t *sys = json_object_get (attr, "system");
    const json_t *dur = json_object_get (sys, "duration");
    flux_error_t e;

    if (attr && !json_is_null (attr) && !json_is_object (attr))
        return bad (d, "attributes", "must be an object");
    if (dur) {
        rq->duration = json_number_value (dur);
        if (!json_is_number (dur) || !(rq->duration >= 0)
            || !isfinite (rq->duration))
            return bad (d, "attributes.system.duration",
                        "must be a number of seconds, 0 or more");
    }
    rq->constraints = json_object_get (sys, "constraints");
    if (rq->constraints && constraint_validate (rq->constraints, &e) < 0)
        return bad (d, "attributes.system.constraints", "%s", e.text);
    return 0;
}

struct request *request_from_json (json_t *o, flux_error_t *err)
{
    struct decoder d = { .err = err };
    struct request *rq = calloc (1, sizeof (*rq));

    if (!rq) {
        errno = ENOMEM;
        return NULL;
    }
    rq->refs = 1;
    rq->json = json_incref (o);
    if (!json_is_object (o))
        bad (&d, "jobspec", "must be an object");
    else if (decode_list (&d, "resources", json_object_get (o, "resources"), 0,
                          false, &rq->top, &rq->ntop) == 0)
        decode_system (&d, o, rq);
    rq->units = d.units;
    if (d.rc < 0) {
        request_free (rq);
        errno = -d.rc;
        return NULL;
    }
    return rq;
}

struct request *request_decode (const char *s, size_t len, flux_error_t *err)
{
    json_error_t e;
    json_t *o = json_loadb (s, len, JSON_REJECT_DUPLICATES, &e);
    struct request *rq;

    if (!o) {
        if (err)
            errmsg (err, 0, "line %d, column %d: %.100s",
                      e.line, e.column, e.text);
        errno = EINVAL;
        return NULL;
    }
    rq = request_from_json (o, err);
    json_decref (o);
    return rq;
}

static void free_list (struct req *list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        free_list (list[i].child, list[i].nchild);
    free (list);
}

/* In what unit is it wanted? */
struct units {
    unit_f unit_of;
    void *arg;
    const struct req **bad;
};

static int copy_list (const struct units *u, const struct req *from, size_t n, struct req **to)
{
    int64_t num, den;

    if (n == 0)
        return 0;
    if (!(*to = calloc (n, sizeof (**to))))
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct req *r = &(*to)[i];
        const char *unit = from[i].slot ? NULL : u->unit_of (u->arg, from[i].type);
        int rc;

        *r = from[i];
        r->child = NULL;
        if (r->unit && *r->unit && unit && *unit
            && (!units_ratio (r->unit, unit, &num, &den)
                || !units_convert (&r->count, num, den))) {
            *u->bad = &from[i];
            return -EDOM;
        }
        if ((rc = copy_list (u, from[i].child, from[i].nchild, &r->child)) < 0)
            return rc;
    }
    return 0;
}

struct request *request_in_units (const struct request *r, unit_f unit_of, void *arg,
                                  const struct req **bad)
{
    struct units u = { unit_of, arg, bad };
    struct request *out = malloc (sizeof (*out));
    int rc = out ? 0 : -ENOMEM;

    if (out) {
        *out = *r;
        out->refs = 1;
        out->alt = NULL;
        out->top = NULL;
        json_incref (out->json);
        rc = copy_list (&u, r->top, r->ntop, &out->top);
    }
    if (rc < 0) {
        request_free (out);
        errno = -rc;
        return NULL;
    }
    return out;
}

struct request *request_ref (struct request *r)
{
    r->refs++;
    return r;
}

void request_free (struct request *r)
{
    if (r && --r->refs == 0) {
        int saved = errno;
        request_free (r->alt);
        free_list (r->top, r->ntop);
        json_decref (r->json);
        free (r);
        errno = saved;
    }
}

static const struct req *find_type (const struct req *r, size_t n, const char *type)
{
    const struct req *found = NULL;

    for (size_t i = 0; i < n && !found; i++)
        found = !strcmp (r[i].type, type) ? &r[i]
                                          : find_type (r[i].child, r[i].nchild, type);
    return found;
}

const struct req *request_find (const struct request *r, const char *type)
{
    return find_type (r->top, r->ntop, type);
}

/* The count'th acceptable number is reached by steps: fine for "*" and "^", which
 * pass 2^31 after 31 of them, and for idsets. */
static int64_t step_to (const struct count *c, int64_t n)
{
    int64_t best = 0;

    for (unsigned int v = count_next (c, 0); v > 0 && v <= n; v = count_next (c, v))
        best = v;
    return best;
}

int64_t request_best (const struct req *r, int64_t n)
{
    const struct count *c = &r->count;

    if (c->max != COUNT_INFINITE && n > c->max)
        n = c->max;
    if (n < c->min)
        return 0;
    if (!c->ids && c->op == '+')
        return c->min + (n - c->min) / c->operand * c->operand;
    return step_to (c, n);
}

int64_t request_most (const struct req *r)
{
    if (r->count.max == COUNT_INFINITE)
        return REQUEST_MANY;
    return request_best (r, r->count.max);
}
