/* jobenv.c - see jobenv.h
 */
#include "spec/jobenv.h"

#include <stdbool.h>
#include <string.h>

const char *jobenv_skip_space (const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

static bool is_escaped (const char *p, const char *start)
{
    const char *s = p;

    while (s > start && s[-1] == '\\')
        s--;
    return (p - s) % 2 != 0;
}

/* Strings are most of it: the library's search is faster than looking at each byte. */
const char *jobenv_skip_string (const char *p)
{
    const char *start = p + 1, *quote = start;

    while ((quote = strchr (quote, '"')) && is_escaped (quote, start))
        quote++;
    return quote ? quote + 1 : start + strlen (start);
}

/* The text is valid JSON (it was decoded), so brackets need not be matched by
 * kind. */
static const char *skip_value (const char *p)
{
    int depth = 0;

    do {
        p = jobenv_skip_space (p);
        if (*p == '"')
            p = jobenv_skip_string (p);
        else if (*p == '{' || *p == '[')
            depth++, p++;
        else if (*p == '}' || *p == ']')
            depth--, p++;
        else if (*p == ',' || *p == ':')
            p++;
        else {
            while (*p && !strchr (",:]} \t\n\r", *p))
                p++;
        }
    } while (depth > 0 && *p);
    return p;
}

struct span {
    const char *key, *val, *end;   /* "key" : val end */
    const char *prev;              /* the comma or brace before */
};

/* Find a member of the object that starts at p. */
static bool find_member (const char *p, const char *name, struct span *s)
{
    size_t n = strlen (name);

    p = jobenv_skip_space (p);
    if (*p != '{')
        return false;
    while (*p == '{' || *p == ',') {
        s->prev = p;
        s->key = jobenv_skip_space (p + 1);
        if (*s->key != '"')
            return false;
        p = jobenv_skip_space (jobenv_skip_string (s->key));
        if (*p != ':')
            return false;
        s->val = jobenv_skip_space (p + 1);
        s->end = skip_value (s->val);
        if (!strncmp (s->key + 1, name, n) && s->key[n + 1] == '"')
            return true;
        p = jobenv_skip_space (s->end);
    }
    return false;
}

struct env_span env_find (const char *text)
{
    struct env_span e = { 0 };
    struct span s;
    const char *end;

    if (!find_member (text, "attributes", &s) || !find_member (s.val, "system", &s)
        || !find_member (s.val, "environment", &s))
        return e;
    e.val = s.val - text;
    e.val_end = s.end - text;
    if (*s.prev == ',') {           /* ,"environment":{...} */
        e.start = s.prev - text;
        e.end = s.end - text;
    }
    else {                          /* "environment":{...}, */
        end = jobenv_skip_space (s.end);
        e.start = s.key - text;
        e.end = (*end == ',' ? end + 1 : s.end) - text;
    }
    return e;
}
