/* dependency.c - dependencies (RFC 26), text to object
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/errmsg.h"
#include "spec/dependency.h"

static int hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A new JSON string of the percent decoded text, NULL if that is not valid
 * (bad escape, NUL, not UTF-8). */
static json_t *decode_text (const char *s, size_t len)
{
    char *out = malloc (len + 1);
    size_t n = 0;
    json_t *o = NULL;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '%') {
            int hi = i + 2 < len ? hex_digit (s[i + 1]) : -1;
            int lo = i + 2 < len ? hex_digit (s[i + 2]) : -1;

            if (hi < 0 || lo < 0 || (hi << 4 | lo) == 0)
                goto done;
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        out[n++] = c;
    }
    o = json_stringn (out, n);
done:
    free (out);
    return o;
}

static bool scheme_char (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == '_';
}

static int set_text (json_t *o, const char *key, const char *s, size_t len,
                     flux_error_t *err)
{
    json_t *value = decode_text (s, len);

    if (!value)
        return errmsg (err, -EINVAL, "dependency: '%.*s' is not valid text",
                       len > 60 ? 60 : (int)len, s);
    if (json_object_set_new (o, key, value) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* "key=val[&key=val...]" */
static int parse_query (json_t *o, const char *s, flux_error_t *err)
{
    char key[64];

    while (*s) {
        size_t len = strcspn (s, "&;");
        const char *eq = memchr (s, '=', len);
        int rc;

        if (!eq || eq == s || (size_t)(eq - s) >= sizeof (key))
            return errmsg (err, -EINVAL, "dependency: '%.*s' is not key=value",
                           len > 60 ? 60 : (int)len, s);
        snprintf (key, sizeof (key), "%.*s", (int)(eq - s), s);
        if (strcmp (key, "scheme") == 0 || strcmp (key, "value") == 0
            || json_object_get (o, key))
            return errmsg (err, -EINVAL, "dependency: key %s is given twice", key);
        if ((rc = set_text (o, key, eq + 1, len - (size_t)(eq + 1 - s), err)) < 0)
            return rc;
        s += len;
        if (*s && !*++s)
            return errmsg (err, -EINVAL, "dependency: nothing follows the last "
                           "'&'");
    }
    return 0;
}

static int parse_uri (json_t *o, const char *uri, flux_error_t *err)
{
    size_t len = 0;
    int rc;

    while (scheme_char (uri[len]))
        len++;
    if (len == 0 || (uri[len] && uri[len] != ':' && uri[len] != '?'))
        return errmsg (err, -EINVAL, "dependency '%s' does not have the form "
                       "SCHEME:VALUE[?key=val[&key=val...]]", uri);
    if ((rc = set_text (o, "scheme", uri, len, err)) < 0)
        return rc;
    uri += len;
    if (*uri == ':')
        uri++;
    len = strcspn (uri, "?");
    if ((rc = set_text (o, "value", uri, len, err)) < 0)
        return rc;
    uri += len;
    return *uri == '?' ? parse_query (o, uri + 1, err) : 0;
}

json_t *dependency_parse (const char *uri, flux_error_t *err)
{
    json_t *o = json_object ();
    int rc = -ENOMEM;

    if (!o)
        errmsg (err, -ENOMEM, "out of memory");
    if (!o || (rc = parse_uri (o, uri ? uri : "", err)) < 0) {
        json_decref (o);
        errno = -rc;
        return NULL;
    }
    return o;
}

static bool is_one_of (const json_t *o, const char *const *words)
{
    const char *s = json_string_value (o);

    for (int i = 0; s && words[i]; i++) {
        if (strcmp (words[i], s) == 0)
            return true;
    }
    return false;
}

/* The schemes in the manner of OpenMP want type and scope. */
static int validate_symbolic (const json_t *o, flux_error_t *err)
{
    static const char *const types[] = { "in", "out", "inout", NULL };
    static const char *const scopes[] = { "user", "global", NULL };

    if (!is_one_of (json_object_get (o, "type"), types))
        return errmsg (err, -EINVAL, "type: must be one of in, out, inout");
    if (!is_one_of (json_object_get (o, "scope"), scopes))
        return errmsg (err, -EINVAL, "scope: must be user or global");
    return 0;
}

int dependency_validate (const json_t *o, flux_error_t *err)
{
    const char *scheme = json_string_value (json_object_get (o, "scheme"));

    if (!json_is_object (o))
        return errmsg (err, -EINVAL, "dependency must be an object");
    if (!scheme || !scheme[0])
        return errmsg (err, -EINVAL, "scheme: must be a string");
    if (!json_is_string (json_object_get (o, "value")))
        return errmsg (err, -EINVAL, "value: must be a string");
    if (strcmp (scheme, "string") == 0 || strcmp (scheme, "fluid") == 0)
        return validate_symbolic (o, err);
    return 0;
}
