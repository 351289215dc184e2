/* shape.c - resource shapes on the command line (RFC 46)
 *
 *   list   := '[' vertex { ';' vertex } ']' | vertex
 *   vertex := type [ '=' count ] [ '{' items '}' ] [ '/' list ]
 *   items  := item { ',' item }     (of a slot, the first is the label alone)
 *   item   := key ':' value | [ '+' | '-' ] key
 *
 * One function for each rule.  Functions that return json_t * give a new
 * reference, or NULL with the error text filled.
 */
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "spec/count.h"
#include "spec/shape.h"

#define MAX_DEPTH 64
#define SPECIAL "[]{}=/;,:\" \t\r\n"

struct parser {
    const char *text;
    const char *pos;
    const char *end;
    int slots;
    int unlabeled;      /* slots without a label */
    int depth;
    flux_error_t *err;
};

static json_t *parse_list (struct parser *p);
static int parse_dict (struct parser *p, json_t *o, bool vertex);

static int fail (struct parser *p, const char *what)
{
    errno = EINVAL;
    return errmsg (p->err, -EINVAL, "shape '%.80s': column %d: %s", p->text,
                   (int)(p->pos - p->text) + 1, what);
}

static int nomem (struct parser *p)
{
    errno = ENOMEM;
    return errmsg (p->err, -ENOMEM, "out of memory");
}

static void skip_space (struct parser *p)
{
    while (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n' || *p->pos == '\r')
        p->pos++;
}

static bool accept (struct parser *p, char c)
{
    skip_space (p);
    if (*p->pos != c)
        return false;
    p->pos++;
    return true;
}

static int expect (struct parser *p, char c, const char *what)
{
    return accept (p, c) ? 0 : fail (p, what);
}

/* Takes 'value', which may be NULL. */
static int set_key (struct parser *p, json_t *o, const char *key, json_t *value)
{
    if (value && json_object_get (o, key)) {
        json_decref (value);
        return fail (p, "a key is given twice");
    }
    return json_object_set_new (o, key, value) < 0 ? nomem (p) : 0;
}

/* A JSON value that begins here; its end is known to the decoder only. */
static json_t *parse_json (struct parser *p)
{
    json_error_t jerr;
    json_t *o = json_loadb (p->pos, (size_t)(p->end - p->pos),
                            JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &jerr);

    if (!o)
        fail (p, "bad JSON value");
    else
        p->pos += jerr.position;
    return o;
}

static json_t *parse_string (struct parser *p, const char *what)
{
    size_t len;
    json_t *o;

    skip_space (p);
    if (*p->pos == '"')
        return parse_json (p);
    if ((len = strcspn (p->pos, SPECIAL)) == 0) {
        fail (p, what);
        return NULL;
    }
    if (!(o = json_stringn (p->pos, len)))
        fail (p, "text is not valid UTF-8");
    else
        p->pos += len;
    return o;
}

/* What looks like a JSON number or literal is one; all else is a string. */
static json_t *parse_bare (struct parser *p)
{
    json_t *o = parse_string (p, "expected a value");
    json_t *scalar;

    if (!o)
        return NULL;
    scalar = json_loadb (json_string_value (o), json_string_length (o),
                         JSON_DECODE_ANY, NULL);
    if (!scalar)
        return o;
    json_decref (o);
    return scalar;
}

static json_t *parse_value (struct parser *p)
{
    json_t *o;

    skip_space (p);
    if (*p->pos == '"' || *p->pos == '[')
        return parse_json (p);
    if (*p->pos != '{')
        return parse_bare (p);
    if (!(o = json_object ())) {
        nomem (p);
        return NULL;
    }
    p->pos++;
    if (++p->depth > MAX_DEPTH || parse_dict (p, o, false) < 0) {
        if (p->depth > MAX_DEPTH)
            fail (p, "nested too deeply");
        json_decref (o);
        return NULL;
    }
    p->depth--;
    return o;
}

static int check_vertex_key (struct parser *p, const char *key)
{
    if (strcmp (key, "type") == 0 || strcmp (key, "count") == 0
        || strcmp (key, "with") == 0)
        return fail (p, "type, count and with are not written in braces");
    return 0;
}

/* In the braces of a vertex 'x' is short for exclusive. */
static int parse_item (struct parser *p, json_t *o, bool vertex)
{
    json_t *name, *value;
    const char *key;
    char sign = '\0';
    int rc = 0;

    skip_space (p);
    if (*p->pos == '+' || *p->pos == '-')
        sign = *p->pos++;
    if (!(name = parse_string (p, "expected a key")))
        return -errno;
    key = json_string_value (name);
    if (vertex && strcmp (key, "x") == 0)
        key = "exclusive";
    if (vertex)
        rc = check_vertex_key (p, key);
    if (rc == 0 && accept (p, ':')) {
        if (sign)
            rc = fail (p, "a key with a sign has no value");
        else if (!(value = parse_value (p)))
            rc = -errno;
        else
            rc = set_key (p, o, key, value);
    }
    else if (rc == 0)
        rc = set_key (p, o, key, json_boolean (sign != '-'));
    json_decref (name);
    return rc;
}

/* After the opening brace, up to and with the closing one. */
static int parse_items (struct parser *p, json_t *o, bool vertex)
{
    int rc;

    do {
        if ((rc = parse_item (p, o, vertex)) < 0)
            return rc;
    } while (accept (p, ','));
    return expect (p, '}', "expected ',' or '}'");
}

static int parse_dict (struct parser *p, json_t *o, bool vertex)
{
    return accept (p, '}') ? 0 : parse_items (p, o, vertex);
}

static int parse_slot_dict (struct parser *p, json_t *o)
{
    json_t *label = parse_string (p, "expected the label of the slot");

    if (!label)
        return -errno;
    if (set_key (p, o, "label", label) < 0)
        return -errno;
    skip_space (p);
    if (*p->pos == ':')
        return fail (p, "the first entry in the braces of a slot is its label alone");
    if (accept (p, ','))
        return parse_items (p, o, true);
    return expect (p, '}', "expected ',' or '}'");
}

static int parse_count (struct parser *p, json_t *o)
{
    struct count c = { .min = 1, .max = 1, .op = '+', .operand = 1 };
    flux_error_t err;
    size_t len;

    if (accept (p, '=')) {
        skip_space (p);
        len = *p->pos == '[' ? strcspn (p->pos, "]") : strspn (p->pos, "0123456789,-+:*^");
        if (*p->pos == '[' && p->pos[len] == ']')
            len++;
        if (len == 0)
            return fail (p, "expected a count");
        if (count_parse (p->pos, len, &c, &err) < 0)
            return fail (p, err.text);
        p->pos += len;
    }
    return set_key (p, o, "count", count_to_json (&c));
}

static int parse_braces (struct parser *p, json_t *o, bool slot)
{
    if (!accept (p, '{')) {
        if (slot) {
            p->unlabeled++;
            return set_key (p, o, "label", json_string ("default"));
        }
        return 0;
    }
    return slot ? parse_slot_dict (p, o) : parse_dict (p, o, true);
}

static int parse_into (struct parser *p, json_t *o)
{
    json_t *type, *with;
    bool slot;
    int rc;

    if (!(type = parse_string (p, "expected the type of a resource")))
        return -errno;
    slot = strcmp (json_string_value (type), "slot") == 0;
    p->slots += slot;
    if ((rc = set_key (p, o, "type", type)) < 0 || (rc = parse_count (p, o)) < 0
        || (rc = parse_braces (p, o, slot)) < 0)
        return rc;
    if (!accept (p, '/'))
        return slot ? fail (p, "a slot must be followed by '/' and what is in it") : 0;
    if (!(with = parse_list (p)))
        return -errno;
    return set_key (p, o, "with", with);
}

static json_t *parse_vertex (struct parser *p)
{
    json_t *o = json_object ();

    if (!o)
        nomem (p);
    else if (parse_into (p, o) < 0) {
        int saved = errno;

        json_decref (o);
        errno = saved;
        return NULL;
    }
    return o;
}

static int parse_vertices (struct parser *p, json_t *list, bool brackets)
{
    do {
        json_t *o = parse_vertex (p);

        if (!o)
            return -errno;
        if (json_array_append_new (list, o) < 0)
            return nomem (p);
    } while (brackets && accept (p, ';'));
    return brackets ? expect (p, ']', "expected ';' or ']'") : 0;
}

static json_t *parse_list (struct parser *p)
{
    json_t *list;
    int rc;

    if (++p->depth > MAX_DEPTH) {
        fail (p, "nested too deeply");
        return NULL;
    }
    if (!(list = json_array ())) {
        nomem (p);
        return NULL;
    }
    rc = parse_vertices (p, list, accept (p, '['));
    p->depth--;
    if (rc < 0) {
        json_decref (list);
        errno = -rc;
        return NULL;
    }
    return list;
}

json_t *shape_parse (const char *s, flux_error_t *err)
{
    struct parser p = { .text = s ? s : "", .err = err };
    json_t *list;
    int rc = 0;

    p.pos = p.text;
    p.end = p.text + strlen (p.text);
    if (!(list = parse_list (&p)))
        return NULL;
    skip_space (&p);
    if (*p.pos)
        rc = fail (&p, "unexpected text after the shape");
    else if (p.unlabeled > 0 && p.slots > 1)
        rc = fail (&p, "with more than one slot, each needs a label: slot{LABEL}");
    if (rc < 0) {
        json_decref (list);
        errno = -rc;
        return NULL;
    }
    return list;
}
