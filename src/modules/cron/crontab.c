/* crontab.c - see crontab.h
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "modules/cron/crontab.h"

static const struct {
    const char *name;
    int min;
    int max;
} limits[CRON_FIELDS] = {
    { "minute", 0, 59 }, { "hour", 0, 23 }, { "day of month", 1, 31 }, { "month", 0, 11 },
    { "day of week", 0, 7 },
};

static bool number (const char **sp, int *n)
{
    const char *s = *sp;

    if (!isdigit ((unsigned char)*s))
        return false;
    for (*n = 0; isdigit ((unsigned char)*s) && *n < 1000; s++)
        *n = *n * 10 + (*s - '0');
    *sp = s;
    return true;
}

/* "*", "5", "1-4", each with "/N". */
static bool range (const char **sp, int field, uint64_t *set)
{
    int from = limits[field].min, to = limits[field].max, step = 1;
    bool open = **sp == '*';

    if (open)
        (*sp)++;
    else {
        if (!number (sp, &from))
            return false;
        to = from;
        if (**sp == '-') {
            (*sp)++;
            open = true;
            if (!number (sp, &to))
                return false;
        }
    }
    if (**sp == '/') {
        (*sp)++;
        if (!open || !number (sp, &step) || step == 0)
            return false;
    }
    if (from < limits[field].min || to > limits[field].max || from > to)
        return false;
    for (int i = from; i <= to; i += step)
        *set |= 1ULL << i;
    return true;
}

static int parse_field (const char **sp, int field, uint64_t *set, flux_error_t *err)
{
    const char *start = *sp;

    *set = 0;
    do {
        *sp += *sp > start;       /* the comma */
        if (!range (sp, field, set))
            return errmsg (err, -EINVAL, "%s: '%.*s': want *, or numbers from %d to %d like 1,5-9"
                           " or */2", limits[field].name, (int)strcspn (start, " \t\n"), start,
                           limits[field].min, limits[field].max);
    } while (**sp == ',');
    if (**sp && !isspace ((unsigned char)**sp))
        return errmsg (err, -EINVAL, "%s: '%.*s': unexpected '%c'", limits[field].name,
                       (int)strcspn (start, " \t\n"), start, **sp);
    return 0;
}

int crontab_parse (const char *line, struct crontab *c, const char **rest, flux_error_t *err)
{
    struct crontab new;
    int rc;

    for (int i = 0; i < CRON_FIELDS; i++) {
        line += strspn (line, " \t");
        if ((rc = parse_field (&line, i, &new.set[i], err)) < 0)
            return rc;
    }
    if (new.set[CRON_WEEKDAY] & (1 << 7))
        new.set[CRON_WEEKDAY] |= 1;
    *c = new;
    if (rest)
        *rest = line + strspn (line, " \t");
    return 0;
}

static bool has (const struct crontab *c, int field, int value)
{
    return c->set[field] >> value & 1;
}

static bool day_matches (const struct crontab *c, const struct tm *tm)
{
    bool any_day = (c->set[CRON_DAY] >> 1 & 0x7fffffff) == 0x7fffffff;
    bool any_weekday = (c->set[CRON_WEEKDAY] & 0x7f) == 0x7f;
    bool day = has (c, CRON_DAY, tm->tm_mday);
    bool weekday = has (c, CRON_WEEKDAY, tm->tm_wday);

    return any_day || any_weekday ? day && weekday : day || weekday;
}

/* From tm on, the next that may match: the greatest unit that does not goes on by one. */
static bool step (const struct crontab *c, struct tm *tm)
{
    if (!has (c, CRON_MONTH, tm->tm_mon)) {
        tm->tm_mon++;
        tm->tm_mday = 1;
        tm->tm_hour = tm->tm_min = 0;
    }
    else if (!day_matches (c, tm)) {
        tm->tm_mday++;
        tm->tm_hour = tm->tm_min = 0;
    }
    else if (!has (c, CRON_HOUR, tm->tm_hour)) {
        tm->tm_hour++;
        tm->tm_min = 0;
    }
    else if (!has (c, CRON_MINUTE, tm->tm_min))
        tm->tm_min++;
    else
        return false;
    return true;
}

time_t crontab_next (const struct crontab *c, time_t t)
{
    struct tm tm;
    int year;

    if (!localtime_r (&t, &tm))
        return -1;
    year = tm.tm_year;
    tm.tm_sec = 0;
    tm.tm_min++;
    do {
        tm.tm_isdst = -1;
        if (mktime (&tm) < 0 || tm.tm_year > year + 8)
            return -1;
    } while (step (c, &tm));
    return mktime (&tm);
}
