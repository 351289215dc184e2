/* toml_date.c - TOML dates and times (RFC 3339)
 *
 * The value is the text, with 'T' between date and time and 'Z' for UTC.
 */
#include <errno.h>
#include <string.h>

#include "base/toml_private.h"

/* n digits at p, or -1 */
static int number (const struct toml *t, const char *p, int n)
{
    int v = 0;

    if (t->end - p < n)
        return -1;
    for (int i = 0; i < n; i++) {
        if (!toml_is_digit (p[i]))
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

static bool looks_like_time (const struct toml *t, const char *p)
{
    return number (t, p, 2) >= 0 && t->end - p > 2 && p[2] == ':';
}

bool toml_at_date (const struct toml *t)
{
    return looks_like_time (t, t->p)
           || (number (t, t->p, 4) >= 0 && t->end - t->p > 4 && t->p[4] == '-');
}

static int days_in (int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30,
                               31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool parse_date (struct toml *t)
{
    const char *p = t->p;
    int year = number (t, p, 4);
    int month = year < 0 || t->end - p < 10 ? -1 : number (t, p + 5, 2);
    int day = month < 0 ? -1 : number (t, p + 8, 2);

    if (day < 1 || p[4] != '-' || p[7] != '-' || month < 1 || month > 12
        || day > days_in (year, month))
        return false;
    t->p += 10;
    return true;
}

static bool parse_time (struct toml *t)
{
    const char *p = t->p;
    int hour = number (t, p, 2);
    int minute = hour < 0 || t->end - p < 8 ? -1 : number (t, p + 3, 2);
    int second = minute < 0 ? -1 : number (t, p + 6, 2);

    if (second < 0 || p[2] != ':' || p[5] != ':' || hour > 23 || minute > 59
        || second > 60)
        return false;
    t->p += 8;
    if (toml_accept (t, ".")) {
        if (!toml_is_digit (toml_peek (t)))
            return false;
        while (toml_is_digit (toml_peek (t)))
            t->p++;
    }
    return true;
}

/* "Z", "+01:00", or nothing */
static bool parse_offset (struct toml *t)
{
    const char *p = t->p;
    int c = toml_peek (t);

    if (c == 'Z' || c == 'z') {
        t->p++;
        return true;
    }
    if (c != '+' && c != '-')
        return true;
    int hour = number (t, p + 1, 2);
    int minute = hour < 0 || t->end - p < 6 ? -1 : number (t, p + 4, 2);
    if (minute < 0 || p[3] != ':' || hour > 23 || minute > 59)
        return false;
    t->p += 6;
    return true;
}

static json_t *date_value (struct toml *t, const char *at)
{
    char text[64];
    size_t len = (size_t)(t->p - at);
    json_t *o;

    if (len >= sizeof (text)) {
        toml_fail (t, at, "time with too many digits");
        return NULL;
    }
    memcpy (text, at, len);
    text[len] = '\0';
    if (len > 10 && (text[10] == ' ' || text[10] == 't'))
        text[10] = 'T';
    if (text[len - 1] == 'z')
        text[len - 1] = 'Z';
    if (!(o = json_pack ("{s:s}", "iso-8601-ts", text)))
        toml_nomem (t);
    else if (toml_freeze (t, o) < 0) {
        json_decref (o);
        o = NULL;
    }
    return o;
}

json_t *toml_date (struct toml *t)
{
    const char *at = t->p;
    bool ok;

    if (looks_like_time (t, t->p))
        ok = parse_time (t);
    else if ((ok = parse_date (t))) {
        int c = toml_peek (t);
        if (c == 'T' || c == 't'
            || (c == ' ' && looks_like_time (t, t->p + 1))) {
            t->p++;
            ok = parse_time (t) && parse_offset (t);
        }
    }
    if (!ok) {
        toml_fail (t, at, "invalid date or time");
        return NULL;
    }
    return date_value (t, at);
}
