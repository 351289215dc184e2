/* eventlog.c - the one codec of eventlogs (RFC 18)
 */
#include <errno.h>
#include <math.h>
#include <time.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "spec/eventlog.h"

/* A whole number of microseconds, as all time stamps of ours are: digits instead
 * of a search for those that read back equal.  Returns 0 if it is not one. */
static int format_microseconds (double t, char *s, size_t size)
{
    int64_t us = t < 1E10 ? (int64_t)(t * 1E6 + 0.5) : 0;
    char digits[24];
    int n = 0, len = 0;

    if (us <= 0 || (double)us / 1E6 != t || size < sizeof (digits) + 2)
        return 0;
    for (int64_t v = us; v > 0 || n < 7; v /= 10)
        digits[n++] = '0' + v % 10;
    while (n > 6)
        s[len++] = digits[--n];
    s[len++] = '.';
    while (n > 0)
        s[len++] = digits[--n];
    while (s[len - 1] == '0')
        len--;
    if (s[len - 1] == '.')
        len--;
    s[len] = '\0';
    return len;
}

/* Fifteen to seventeen significant digits: the first that reads back equal. */
static int format_timestamp (double t, char *s, size_t size)
{
    int n = format_microseconds (t, s, size);

    if (n > 0)
        return n;
    for (int prec = 15; prec <= 17; prec++) {
        n = snprintf (s, size, "%.*g", prec, t);
        if (n < 0 || (size_t)n >= size)
            return -EOVERFLOW;
        if (strtod (s, NULL) == t)
            break;
    }
    return n;
}

static bool timestamp_valid (double t)
{
    return isfinite (t) && t > 0.;
}

/* Now, rounded to what the text will carry. */
static double timestamp_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return (double)((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000) / 1E6;
}

static int check_entry (const json_t *entry, flux_error_t *err)
{
    const json_t *timestamp = json_object_get (entry, "timestamp");
    const json_t *context = json_object_get (entry, "context");

    if (!json_is_object (entry))
        return errmsg (err, -EINVAL, "event is not a JSON object");
    if (!json_is_number (timestamp)
        || !timestamp_valid (json_number_value (timestamp)))
        return errmsg (err, -EINVAL, "timestamp: expected a number above zero");
    if (!json_is_string (json_object_get (entry, "name"))
        || json_string_length (json_object_get (entry, "name")) == 0)
        return errmsg (err, -EINVAL, "name: expected a non-empty string");
    if (context && !json_is_object (context))
        return errmsg (err, -EINVAL, "context: expected an object");
    return 0;
}

json_t *eventlog_entry_decode (const char *line, size_t len, flux_error_t *err)
{
    json_error_t jerr;
    json_t *entry;

    if (!line) {
        errmsg (err, -EINVAL, "event is missing");
        errno = EINVAL;
        return NULL;
    }
    if (len > 0 && line[len - 1] == '\n')
        len--;
    if (memchr (line, '\n', len)) {
        errmsg (err, -EINVAL, "event contains a newline");
        errno = EINVAL;
        return NULL;
    }
    if (!(entry = json_loadb (line, len, 0, &jerr))) {
        bool nomem = json_error_code (&jerr) == json_error_out_of_memory;
        errmsg (err, -EINVAL, "event is not JSON: %s", jerr.text);
        errno = nomem ? ENOMEM : EINVAL;
        return NULL;
    }
    if (check_entry (entry, err) < 0) {
        json_decref (entry);
        errno = EINVAL;
        return NULL;
    }
    return entry;
}

int eventlog_entry_parse (const json_t *entry, double *timestamp,
                          const char **name, const json_t **context)
{
    if (check_entry (entry, NULL) < 0)
        return -EINVAL;
    if (timestamp)
        *timestamp = json_number_value (json_object_get (entry, "timestamp"));
    if (name)
        *name = json_string_value (json_object_get (entry, "name"));
    if (context)
        *context = json_object_get (entry, "context");
    return 0;
}

json_t *eventlog_entry_create (double timestamp, const char *name, json_t *context)
{
    json_t *entry;

    if (timestamp == 0.)
        timestamp = timestamp_now ();
    if (!timestamp_valid (timestamp) || !name || !name[0]
        || (context && !json_is_object (context))) {
        errno = EINVAL;
        return NULL;
    }
    entry = context ? json_pack ("{s:f s:s s:O}", "timestamp", timestamp,
                                 "name", name, "context", context)
                    : json_pack ("{s:f s:s}", "timestamp", timestamp, "name", name);
    if (!entry)
        errno = ENOMEM;
    return entry;
}

static int add_json (struct buf *b, const json_t *o)
{
    char *s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
    int rc = s ? buf_adds (b, s) : -ENOMEM;

    free (s);
    return rc;
}

/* Keys that RFC 18 does not name are carried along as they are. */
static int add_entry (struct buf *b, const json_t *entry)
{
    const char *key;
    json_t *value;
    char stamp[32];
    int count = 0;

    if (check_entry (entry, NULL) < 0)
        return -EINVAL;
    json_object_foreach ((json_t *)entry, key, value) {
        json_t *k = json_string (key);

        buf_addc (b, count++ == 0 ? '{' : ',');
        if (!k || add_json (b, k) < 0)
            b->failed = true;
        json_decref (k);
        buf_addc (b, ':');
        if (json_is_real (value) && strcmp (key, "timestamp") == 0) {
            format_timestamp (json_real_value (value), stamp, sizeof (stamp));
            buf_adds (b, stamp);
        }
        else if (add_json (b, value) < 0)
            b->failed = true;
    }
    buf_adds (b, "}\n");
    return b->failed ? -ENOMEM : 0;
}

char *eventlog_entry_encode (const json_t *entry)
{
    struct buf b = BUF_INIT;
    int rc;
    char *s;

    if ((rc = add_entry (&b, entry)) < 0) {
        buf_release (&b);
        errno = -rc;
        return NULL;
    }
    if (!(s = buf_take (&b)))
        errno = ENOMEM;
    return s;
}

static bool plain_text (const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\')
            return false;
    }
    return true;
}

char *eventlog_line (double timestamp, const char *name, const char *context_json)
{
    char stamp[32];
    size_t size;
    char *s;

    if (timestamp == 0.)
        timestamp = timestamp_now ();
    if (!timestamp_valid (timestamp) || !name || !name[0] || !plain_text (name)
        || (context_json
            && (context_json[0] != '{' || strchr (context_json, '\n')))) {
        errno = EINVAL;
        return NULL;
    }
    format_timestamp (timestamp, stamp, sizeof (stamp));
    size = strlen (stamp) + strlen (name)
           + (context_json ? strlen (context_json) : 0) + 48;
    if (!(s = malloc (size))) {
        errno = ENOMEM;
        return NULL;
    }
    if (context_json)
        snprintf (s, size, "{\"timestamp\":%s,\"name\":\"%s\",\"context\":%s}\n",
                  stamp, name, context_json);
    else
        snprintf (s, size, "{\"timestamp\":%s,\"name\":\"%s\"}\n", stamp, name);
    return s;
}

int eventlog_next_line (const char *s, size_t slen, size_t *pos,
                        const char **line, size_t *len)
{
    const char *nl;

    if (*pos >= slen)
        return 0;
    if (!(nl = memchr (s + *pos, '\n', slen - *pos)))
        return -EINVAL;
    *line = s + *pos;
    *len = (size_t)(nl - *line) + 1;
    *pos += *len;
    return 1;
}

json_t *eventlog_decode (const char *s, size_t len, flux_error_t *err)
{
    json_t *entries = json_array ();
    const char *line;
    size_t linelen, pos = 0, lineno = 1;
    flux_error_t lerr;
    int rc, errnum = ENOMEM;

    if (!entries)
        goto fail;
    while ((rc = eventlog_next_line (s, len, &pos, &line, &linelen)) == 1) {
        json_t *entry = eventlog_entry_decode (line, linelen, &lerr);

        if (!entry) {
            errnum = errno;
            errmsg (err, -errnum, "eventlog line %zu: %s", lineno, lerr.text);
            goto fail;
        }
        if (json_array_append_new (entries, entry) < 0)
            goto fail;
        lineno++;
    }
    if (rc < 0) {
        errnum = EINVAL;
        errmsg (err, rc, "eventlog line %zu: does not end with a newline", lineno);
        goto fail;
    }
    return entries;
fail:
    if (errnum == ENOMEM)
        errmsg (err, -ENOMEM, "out of memory");
    json_decref (entries);
    errno = errnum;
    return NULL;
}

char *eventlog_encode (const json_t *entries)
{
    struct buf b = BUF_INIT;
    size_t index;
    json_t *entry;
    char *s;

    if (!json_is_array (entries)) {
        errno = EINVAL;
        return NULL;
    }
    json_array_foreach (entries, index, entry) {
        int rc = add_entry (&b, entry);

        if (rc < 0) {
            buf_release (&b);
            errno = -rc;
            return NULL;
        }
    }
    if (!(s = buf_take (&b)))
        errno = ENOMEM;
    return s;
}

