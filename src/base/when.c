/* when.c - points in time, as people write them: see when.h
 *
 *   text ─► words ─► a date, a time of day, an offset (each at most once; offsets add up)
 *        ─► struct tm ─► mktime()
 */
#include "base/when.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/errmsg.h"

#define MAX_OFFSET 1e9      /* of any unit: beyond is a mistake */

struct when {
    const char *s;          /* what is left */
    struct tm now;
    bool has_date;
    bool has_time;
    bool has_offset;
    bool has_now;
    bool ago;
    int year, mon, day;     /* mon 0-11 */
    int hour, min;
    double sec;
    double off_sec;
    double off_day;
    double off_mon;
};

struct name {
    const char *name;
    int value;
};

static const struct name months[] = {
    {"january", 0}, {"february", 1}, {"march", 2}, {"april", 3}, {"may", 4}, {"june", 5},
    {"july", 6}, {"august", 7}, {"september", 8}, {"october", 9}, {"november", 10},
    {"december", 11}, {"jan", 0}, {"feb", 1}, {"mar", 2}, {"apr", 3}, {"jun", 5}, {"jul", 6},
    {"aug", 7}, {"sep", 8}, {"sept", 8}, {"oct", 9}, {"nov", 10}, {"dec", 11}, {NULL, 0},
};
static const struct name weekdays[] = {
    {"sunday", 0}, {"monday", 1}, {"tuesday", 2}, {"wednesday", 3}, {"thursday", 4},
    {"friday", 5}, {"saturday", 6}, {"sun", 0}, {"mon", 1}, {"tue", 2}, {"tues", 2}, {"wed", 3},
    {"thu", 4}, {"thur", 4}, {"thurs", 4}, {"fri", 5}, {"sat", 6}, {NULL, 0},
};
static const struct name times[] = {
    {"midnight", 0}, {"morning", 6}, {"breakfast", 8}, {"lunch", 12}, {"noon", 12},
    {"afternoon", 13}, {"eod", 17}, {"evening", 18}, {"dinner", 19}, {"night", 21},
    {"tonight", 21}, {NULL, 0},
};
static const struct name days[] = {
    {"today", 0}, {"tomorrow", 1}, {"yesterday", -1}, {NULL, 0},
};
static const struct name numbers[] = {
    {"a", 1}, {"an", 1}, {"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5},
    {"six", 6}, {"seven", 7}, {"eight", 8}, {"nine", 9}, {"ten", 10}, {"eleven", 11},
    {"twelve", 12}, {NULL, 0},
};
static const struct name fillers[] = {
    {"in", 0}, {"at", 0}, {"on", 0}, {"the", 0}, {"and", 0}, {"of", 0}, {"from", 0}, {NULL, 0},
};

enum { SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR };
static const struct name units[] = {
    {"second", SECOND}, {"seconds", SECOND}, {"sec", SECOND}, {"secs", SECOND}, {"s", SECOND},
    {"minute", MINUTE}, {"minutes", MINUTE}, {"min", MINUTE}, {"mins", MINUTE}, {"m", MINUTE},
    {"hour", HOUR}, {"hours", HOUR}, {"hr", HOUR}, {"hrs", HOUR}, {"h", HOUR},
    {"day", DAY}, {"days", DAY}, {"d", DAY}, {"week", WEEK}, {"weeks", WEEK}, {"wk", WEEK},
    {"wks", WEEK}, {"w", WEEK}, {"month", MONTH}, {"months", MONTH}, {"mth", MONTH},
    {"mths", MONTH}, {"year", YEAR}, {"years", YEAR}, {"yr", YEAR}, {"yrs", YEAR}, {"y", YEAR},
    {NULL, 0},
};

/* Words */

static void skip_blanks (struct when *w)
{
    w->s += strspn (w->s, " \t,");
}

/* Take the next word if it is one of these. */
static bool take (struct when *w, const struct name *names, int *valuep)
{
    const char *start = w->s + strspn (w->s, " \t,");
    size_t n = 0;

    while (isalpha ((unsigned char)start[n]))
        n++;
    for (; names->name; names++) {
        if (strlen (names->name) == n && strncasecmp (names->name, start, n) == 0) {
            w->s = start + n;
            if (valuep)
                *valuep = names->value;
            return true;
        }
    }
    return false;
}

static bool take_word (struct when *w, const char *word)
{
    const struct name one[] = { {word, 0}, {NULL, 0} };

    return take (w, one, NULL);
}

/* A number of at most 'max' digits, right here. */
static bool take_digits (struct when *w, size_t max, int *valuep)
{
    int value = 0;
    size_t n = 0;

    for (; n <= max && isdigit ((unsigned char)w->s[n]); n++)
        value = value * 10 + (w->s[n] - '0');
    if (n == 0 || n > max)
        return false;
    w->s += n;
    *valuep = value;
    return true;
}

static bool take_char (struct when *w, const char *set)
{
    if (!*w->s || !strchr (set, *w->s))
        return false;
    w->s++;
    return true;
}

/* Dates */

static bool set_date (struct when *w, int year, int mon, int day)
{
    static const int length[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (w->has_date || year < 1970 || year > 9999 || mon < 0 || mon > 11 || day < 1
        || day > length[mon] - (mon == 1 && !leap))
        return false;
    w->has_date = true;
    w->year = year;
    w->mon = mon;
    w->day = day;
    return true;
}

/* So many days from today; mktime() has the calendar. */
static bool set_day (struct when *w, int days_off)
{
    struct tm tm = w->now;

    tm.tm_mday += days_off;
    tm.tm_hour = 12;
    tm.tm_isdst = -1;
    if (mktime (&tm) == (time_t)-1)
        return false;
    return set_date (w, tm.tm_year + 1900, tm.tm_mon, tm.tm_mday);
}

static bool take_year (struct when *w, int *yearp)
{
    const char *start = w->s;

    skip_blanks (w);
    if (take_digits (w, 4, yearp) && *yearp >= 1970 && *w->s != ':')
        return true;
    w->s = start;
    *yearp = w->now.tm_year + 1900;
    return false;
}

static void skip_ordinal (struct when *w)
{
    static const struct name suffixes[] = { {"st", 0}, {"nd", 0}, {"rd", 0}, {"th", 0}, {NULL, 0} };

    if (isalpha ((unsigned char)*w->s))
        (void)take (w, suffixes, NULL);
}

/* "June 21 2021", after the month */
static bool month_day (struct when *w, int mon)
{
    int day;
    int year;

    skip_blanks (w);
    if (!take_digits (w, 2, &day))
        return false;
    skip_ordinal (w);
    (void)take_year (w, &year);
    return set_date (w, year, mon, day);
}

/* "-6-21T", after the year */
static bool year_first (struct when *w, int year)
{
    int mon;
    int day;
    char sep[2] = { *w->s++, '\0' };

    if (!take_digits (w, 2, &mon) || !take_char (w, sep) || !take_digits (w, 2, &day))
        return false;
    if ((*w->s == 'T' || *w->s == 't') && isdigit ((unsigned char)w->s[1]))
        w->s++;
    return set_date (w, year, mon - 1, day);
}

/* "/21/2021", after the month */
static bool month_first (struct when *w, int mon)
{
    int day;
    int year = w->now.tm_year + 1900;

    w->s++;
    if (!take_digits (w, 2, &day) || (take_char (w, "/") && !take_digits (w, 4, &year)))
        return false;
    return set_date (w, year, mon - 1, day);
}

/* Monday is the next one; "last" and "next" are those of the last 7 days and of the
 * next week. */
static bool weekday (struct when *w, int wday, const char *which)
{
    int diff = wday - w->now.tm_wday;
    int week = (wday + 6) % 7 - (w->now.tm_wday + 6) % 7;    /* weeks begin on Mondays */

    if (!which)
        return set_day (w, diff <= 0 ? diff + 7 : diff);
    if (*which == 'l')
        return set_day (w, diff < 0 ? diff : diff - 7);
    return set_day (w, *which == 'n' ? week + 7 : week);
}

/* Times of day */

static bool set_time (struct when *w, int hour, int min, double sec)
{
    if (w->has_time || hour > 23 || min > 59 || sec >= 60)
        return false;
    w->has_time = true;
    w->hour = hour;
    w->min = min;
    w->sec = sec;
    return true;
}

/* 'hour' of a 12-hour clock, if am or pm follows. */
static bool half_day (struct when *w, int *hourp, bool *badp)
{
    static const struct name halves[] = { {"am", 0}, {"pm", 12}, {"a", 0}, {"p", 12}, {NULL, 0} };
    int add;

    if (!take (w, halves, &add))
        return false;
    *badp = *hourp < 1 || *hourp > 12;
    *hourp = *hourp % 12 + add;
    return true;
}

/* ":30:05 pm", after the hour */
static bool clock_time (struct when *w, int hour)
{
    bool bad = false;
    int min;
    int sec = 0;
    double fraction = 0;

    w->s++;
    if (!take_digits (w, 2, &min) || (take_char (w, ":") && !take_digits (w, 2, &sec)))
        return false;
    if (*w->s == '.' && isdigit ((unsigned char)w->s[1])) {
        char *end;
        fraction = strtod (w->s, &end);
        w->s = end;
    }
    (void)half_day (w, &hour, &bad);
    return !bad && set_time (w, hour, min, sec + fraction);
}

/* Offsets */

static bool add_offset (struct when *w, double n, int unit)
{
    static const double seconds[] = { 1, 60, 3600 };

    if (n > MAX_OFFSET || (unit >= MONTH && n != trunc (n)))
        return false;
    if (unit <= HOUR)
        w->off_sec += n * seconds[unit];
    else if (unit <= WEEK)
        w->off_day += n * (unit == WEEK ? 7 : 1);
    else
        w->off_mon += n * (unit == YEAR ? 12 : 1);
    w->has_offset = true;
    return true;
}

/* "next month": its beginning */
static bool whole_unit (struct when *w, int unit, int sign)
{
    int mon = w->now.tm_mon + (unit == MONTH ? sign : 0);
    int year = w->now.tm_year + 1900 + (unit == YEAR ? sign : 0);

    switch (unit) {
        case HOUR:
            w->off_sec += sign * 3600;
            return set_day (w, 0) && set_time (w, w->now.tm_hour, 0, 0);
        case DAY:
        case WEEK:
            return set_day (w, sign * (unit == WEEK ? 7 : 1));
        case MONTH:
            return set_date (w, year + (mon > 11) - (mon < 0), (mon + 12) % 12, 1);
        case YEAR:
            return set_date (w, year, 0, 1);
        default:
            return false;
    }
}

/* After "last", "next" or "this" */
static bool relative (struct when *w, const char *which)
{
    int value;

    if (take (w, weekdays, &value))
        return weekday (w, value, which);
    if (*which == 't' && take (w, times, &value))
        return set_day (w, 0) && set_time (w, value, 0, 0);
    if (take (w, units, &value))
        return whole_unit (w, value, *which == 'n' ? 1 : *which == 'l' ? -1 : 0);
    return false;
}

/* What begins with a digit */
static bool number (struct when *w)
{
    const char *start = w->s;
    bool bad = false;
    int n;
    int value;
    char *end;
    double d;

    if (take_digits (w, 4, &n)) {
        size_t digits = w->s - start;
        const char *after = w->s;
        if (*w->s == ':' && digits <= 2)
            return clock_time (w, n);
        if (strchr ("-/", *w->s) && *w->s && digits == 4)
            return year_first (w, n);
        if (*w->s == '/')
            return month_first (w, n);
        if (digits <= 2 && half_day (w, &n, &bad))
            return !bad && set_time (w, n, 0, 0);
        skip_ordinal (w);
        (void)take_word (w, "of");
        if (digits <= 2 && take (w, months, &value)) {
            int year;
            (void)take_year (w, &year);
            return set_date (w, year, value, n);
        }
        w->s = after;
    }
    d = strtod (start, &end);
    w->s = end;
    return take (w, units, &value) && isfinite (d) && add_offset (w, d, value);
}

/* One step: false at a word that makes no sense here. */
static bool step (struct when *w)
{
    int value;

    if (isdigit ((unsigned char)*w->s))
        return number (w);
    if (take (w, fillers, NULL))
        return true;
    if (take_word (w, "now"))
        return w->has_now = true;
    if (take_word (w, "ago")) {
        bool first = !w->ago;
        w->ago = true;
        return first && w->has_offset;
    }
    if (take_word (w, "next"))
        return relative (w, "next");
    if (take_word (w, "last"))
        return relative (w, "last");
    if (take_word (w, "this"))
        return relative (w, "this");
    if (take (w, days, &value))
        return set_day (w, value);
    if (take (w, times, &value))
        return set_time (w, value, 0, 0);
    if (take (w, weekdays, &value))
        return weekday (w, value, NULL);
    if (take (w, months, &value))
        return month_day (w, value);
    if (take (w, numbers, &value)) {
        int unit;
        return take (w, units, &unit) && add_offset (w, value, unit);
    }
    return false;
}

/* Points of time */

static int compose (const struct when *w, double *tp)
{
    struct tm tm = w->now;
    int sign = w->ago ? -1 : 1;
    double days_off = sign * w->off_day;
    double mon_off = sign * w->off_mon;
    double fraction = 0;
    time_t t;

    if (fabs (mon_off) > 12 * 10000 || fabs (days_off) > 366 * 10000)
        return -EINVAL;
    if (w->has_date) {
        tm.tm_year = w->year - 1900;
        tm.tm_mon = w->mon;
        tm.tm_mday = w->day;
    }
    if (w->has_date || w->has_time) {
        tm.tm_hour = w->hour;
        tm.tm_min = w->min;
        tm.tm_sec = (int)w->sec;
        fraction = w->sec - (int)w->sec;
    }
    tm.tm_mon += (int)mon_off;
    tm.tm_mday += (int)days_off;
    tm.tm_isdst = -1;
    if ((t = mktime (&tm)) == (time_t)-1)
        return -EINVAL;
    *tp = t + fraction + sign * w->off_sec + (days_off - (int)days_off) * 86400;
    return 0;
}

static int from_now (const char *s, time_t now, double *tp, flux_error_t *err)
{
    double d;

    if (duration_parse (s + 1, &d) < 0 || isinf (d))
        return errmsg (err, -EINVAL, "'%s' is not a duration, like 30s or 1.5h", s + 1);
    *tp = *s == '-' ? now - d : now + d;
    return 0;
}

int when_parse (const char *s, time_t now, double *tp, flux_error_t *err)
{
    struct when w = { .s = s };

    if (*s == '+' || *s == '-')
        return from_now (s, now, tp, err);
    if (!localtime_r (&now, &w.now))
        return errmsg (err, -EINVAL, "the clock is wrong");
    skip_blanks (&w);
    if (!*w.s)
        return errmsg (err, -EINVAL, "a time is missing");
    while (*w.s) {
        const char *start = w.s;
        if (!step (&w))
            return errmsg (err, -EINVAL, "'%.30s' is not understood: want a time like +2h, 8:30am,"
                           " 2021-06-21 8:30, tomorrow, last Monday, in 2 hours", start);
        skip_blanks (&w);
    }
    if (!w.has_date && !w.has_time && !w.has_offset && !w.has_now)
        return errmsg (err, -EINVAL, "'%.40s' tells no time", s);
    if (compose (&w, tp) < 0)
        return errmsg (err, -EINVAL, "'%.40s' is beyond the calendar", s);
    return 0;
}
