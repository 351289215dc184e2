/* read_yaml.c - YAML documents as JSON
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/errmsg.h"
#include "graph/read_yaml.h"

#define MAX_DEPTH 64

struct reader {
    yaml_parser_t p;
    flux_error_t *err;
    int errnum;
};

static json_t *bad (struct reader *r, const yaml_mark_t *m, const char *what)
{
    if (r->errnum == 0) {
        r->errnum = EINVAL;
        if (r->err)
            errmsg (r->err, 0,
                      "line %zu, column %zu: %.100s", m->line + 1, m->column + 1, what);
    }
    return NULL;
}

static bool next (struct reader *r, yaml_event_t *ev)
{
    if (yaml_parser_parse (&r->p, ev))
        return true;
    if (r->p.error == YAML_MEMORY_ERROR)
        r->errnum = ENOMEM;
    else
        bad (r, &r->p.problem_mark, r->p.problem ? r->p.problem : "not YAML");
    return false;
}

static json_t *plain (const char *s, size_t len)
{
    static const char *const yes[] = { "true", "True", "TRUE" };
    static const char *const no[] = { "false", "False", "FALSE" };
    static const char *const null[] = { "", "~", "null", "Null", "NULL" };
    char *end;
    long long n;
    double d;

    for (size_t i = 0; i < 3; i++) {
        if (strcmp (s, yes[i]) == 0)
            return json_true ();
        if (strcmp (s, no[i]) == 0)
            return json_false ();
    }
    for (size_t i = 0; i < 5; i++)
        if (strcmp (s, null[i]) == 0)
            return json_null ();
    if (strlen (s) == len && strspn (s, "0123456789+-.eE") == len) {
        errno = 0;
        n = strtoll (s, &end, 10);
        if (!*end && errno == 0)
            return json_integer (n);
        d = strtod (s, &end);
        if (!*end && isfinite (d))
            return json_real (d);
    }
    return json_stringn (s, len);
}

static json_t *value (struct reader *r, yaml_event_t *ev, int depth);

static json_t *sequence (struct reader *r, int depth)
{
    json_t *a = json_array (), *o;
    yaml_event_t ev;

    while (a && next (r, &ev)) {
        if (ev.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete (&ev);
            return a;
        }
        o = value (r, &ev, depth + 1);
        yaml_event_delete (&ev);
        if (!o || json_array_append_new (a, o) < 0)
            break;
    }
    json_decref (a);
    return NULL;
}

static int member (struct reader *r, json_t *o, const yaml_event_t *kev, int depth)
{
    const char *key = (const char *)kev->data.scalar.value;
    yaml_event_t ev;
    json_t *val;

    if (kev->type != YAML_SCALAR_EVENT
        || strlen (key) != kev->data.scalar.length) {
        bad (r, &kev->start_mark, "keys must be strings");
        return -1;
    }
    if (json_object_get (o, key)) {
        bad (r, &kev->start_mark, "the same key twice");
        return -1;
    }
    if (!next (r, &ev))
        return -1;
    val = value (r, &ev, depth + 1);
    yaml_event_delete (&ev);
    if (val && json_object_set_new (o, key, val) < 0) {
        bad (r, &kev->start_mark, "not UTF-8");
        return -1;
    }
    return val ? 0 : -1;
}

static json_t *mapping (struct reader *r, int depth)
{
    json_t *o = json_object ();
    yaml_event_t ev;

    while (o && next (r, &ev)) {
        bool end = ev.type == YAML_MAPPING_END_EVENT;
        int rc = end ? 0 : member (r, o, &ev, depth);
        yaml_event_delete (&ev);
        if (end)
            return o;
        if (rc < 0)
            break;
    }
    json_decref (o);
    return NULL;
}

static json_t *value (struct reader *r, yaml_event_t *ev, int depth)
{
    const char *s = (const char *)ev->data.scalar.value;
    json_t *o;

    if (depth > MAX_DEPTH)
        return bad (r, &ev->start_mark, "nested too deeply");
    switch (ev->type) {
        case YAML_SCALAR_EVENT:
            o = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
                    && !ev->data.scalar.tag
                ? plain (s, ev->data.scalar.length)
                : json_stringn (s, ev->data.scalar.length);
            return o ? o : bad (r, &ev->start_mark, "not UTF-8");
        case YAML_SEQUENCE_START_EVENT:
            return sequence (r, depth);
        case YAML_MAPPING_START_EVENT:
            return mapping (r, depth);
        case YAML_ALIAS_EVENT:
            return bad (r, &ev->start_mark, "aliases are not supported");
        default:
            return bad (r, &ev->start_mark, "a value was expected");
    }
}

static json_t *document (struct reader *r)
{
    yaml_event_t ev;
    json_t *o = NULL;

    for (int i = 0; i < 3; i++) {       /* stream, document, first value */
        if (!next (r, &ev))
            return NULL;
        if (i == 2)
            o = value (r, &ev, 0);
        else if (ev.type == YAML_STREAM_END_EVENT)
            bad (r, &ev.start_mark, "empty");
        yaml_event_delete (&ev);
        if (r->errnum)
            break;
    }
    for (int i = 0; o && i < 2; i++) {  /* ends of document and stream */
        if (!next (r, &ev)) {
            json_decref (o);
            return NULL;
        }
        if (i == 1 && ev.type != YAML_STREAM_END_EVENT) {
            json_decref (o);
            o = bad (r, &ev.start_mark, "more than one document");
        }
        yaml_event_delete (&ev);
    }
    return o;
}

json_t *yaml_to_json (const char *s, size_t len, flux_error_t *err)
{
    struct reader r = { .err = err };
    json_t *o;

    if (!yaml_parser_initialize (&r.p)) {
        errno = ENOMEM;
        return NULL;
    }
    yaml_parser_set_input_string (&r.p, (const unsigned char *)s, len);
    o = document (&r);
    yaml_parser_delete (&r.p);
    if (!o)
        errno = r.errnum ? r.errnum : ENOMEM;
    return o;
}
