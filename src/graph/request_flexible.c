/* request_flexible.c - requests with alternatives: or-slots and xor_slot
 *
 *   [A, xor B, xor C]   is tried as   [A, slot B], then as [A, slot C]
 *
 * Each xor_slot is a slot in one branch; what is beside them is in all.  Slots that
 * stand beside each other are alternatives too, but those are chosen where they are
 * formed (match.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/request.h"

static bool is_xor (const json_t *o)
{
    const char *type = json_string_value (json_object_get (o, "type"));

    return type && strcmp (type, "xor_slot") == 0;
}

static json_t *expand_list (const json_t *list, int depth);

/* The forms that a vertex can have. */
static json_t *expand_vertex (json_t *o, int depth)
{
    json_t *with = json_object_get (o, "with"), *forms = json_array (), *lists, *list;
    size_t i;

    if (!is_xor (o) && !json_is_array (with)) {
        json_array_append (forms, o);
        return forms;
    }
    lists = json_is_array (with) ? expand_list (with, depth + 1) : json_pack ("[n]");
    json_array_foreach (lists, i, list) {
        json_t *form = json_copy (o);
        if (is_xor (o))
            json_object_set_new (form, "type", json_string ("slot"));
        if (!json_is_null (list))
            json_object_set (form, "with", list);
        json_array_append_new (forms, form);
    }
    json_decref (lists);
    return forms;
}

static void append_all (json_t *to, json_t *from)
{
    json_array_extend (to, from);
    json_decref (from);
}

/* Each of 'lists' with each of 'forms' at its end. */
static json_t *product (json_t *lists, json_t *forms)
{
    json_t *out = json_array (), *list, *form;
    size_t i, k;

    json_array_foreach (lists, i, list) {
        json_array_foreach (forms, k, form) {
            json_t *longer = json_copy (list);
            if (json_array_size (out) <= REQUEST_MAX_BRANCHES) {
                json_array_append (longer, form);
                json_array_append (out, longer);
            }
            json_decref (longer);
        }
    }
    json_decref (lists);
    json_decref (forms);
    return out;
}

/* The lists that a list can be. */
static json_t *expand_list (const json_t *list, int depth)
{
    json_t *lists = json_pack ("[[]]"), *o, *other;
    bool had_xor = false;
    size_t i, k;

    if (depth > REQUEST_MAX_DEPTH)
        return lists;           /* will be refused */
    json_array_foreach ((json_t *)list, i, o) {
        json_t *forms = json_array ();

        if (!is_xor (o))
            append_all (forms, expand_vertex (o, depth));
        else if (!had_xor) {
            json_array_foreach ((json_t *)list, k, other)
                if (is_xor (other))
                    append_all (forms, expand_vertex (other, depth));
            had_xor = true;
        }
        else {
            json_decref (forms);
            continue;
        }
        lists = product (lists, forms);
    }
    return lists;
}

struct request *request_from_json_flexible (json_t *o, flux_error_t *err)
{
    const json_t *resources = json_object_get (o, "resources");
    json_t *lists = json_is_array (resources) ? expand_list (resources, 0) : NULL;
    struct request *first = NULL, **next = &first;
    json_t *list;
    size_t i;

    if (json_array_size (lists) > REQUEST_MAX_BRANCHES) {
        json_decref (lists);
        errmsg (err, 0, "resources: more than %d alternatives", REQUEST_MAX_BRANCHES);
        errno = EINVAL;
        return NULL;
    }
    if (lists && json_array_size (lists) == 0)
        errno = ENOMEM;
    if (!lists && (first = request_from_json (o, err)))
        first->flexible = true;
    json_array_foreach (lists, i, list) {
        json_t *branch = json_copy (o);
        int rc = json_object_set (branch, "resources", list);
        if (rc == 0 && (*next = request_from_json (branch, err))) {
            (*next)->flexible = true;
            next = &(*next)->alt;
            json_decref (branch);
            continue;
        }
        if (rc < 0)
            errno = ENOMEM;
        json_decref (branch);
        request_free (first);
        first = NULL;
        break;
    }
    json_decref (lists);
    return first;
}
