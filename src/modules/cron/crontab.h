/* crontab.h - when a line of a crontab is due (crontab(5), flux-cron(1))
 *
 *   MINUTE HOUR DAY MONTH WEEKDAY
 *
 * Each is "*", or a list of numbers and ranges ("1,5-10"), with an optional step ("*" or a
 * range, then "/N").  Minutes 0-59, hours 0-23, days 1-31, months 0-11, weekdays 0-7 (0 and
 * 7: Sunday).  If both day and weekday are restricted, either is enough.
 */
#ifndef CRON_CRONTAB_H
#define CRON_CRONTAB_H

#include <stdint.h>
#include <time.h>
#include <flux/core/types.h>

enum { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

struct crontab {
    uint64_t set[CRON_FIELDS];   /* a bit a value */
};

/* The first five fields of a line.  *rest is what follows them.  0, or -EINVAL with
 * err->text, which names the field. */
int crontab_parse (const char *line, struct crontab *c, const char **rest, flux_error_t *err);

/* The first minute after 't', local time, or -1: never. */
time_t crontab_next (const struct crontab *c, time_t t);

#endif /* !CRON_CRONTAB_H */
