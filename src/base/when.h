/* when.h - points in time, as people write them
 *
 *   +FSD, -FSD                             from now (RFC 23)
 *   now, today, tomorrow, yesterday
 *   2021-06-21, 2021/6/21, 6/21[/2021], June 21 [2021], 21 June [2021]
 *   8:30[:05], 8am, 8:30 pm, noon, midnight, morning, afternoon, evening, tonight
 *   Monday (the next), this, next or last Monday
 *   next or last hour, day, week, month, year: their beginning
 *   in 3 days, an hour ago, 1 hour 30 minutes, 2 weeks from tomorrow
 *
 * A date and a time may stand together, in either order: "tomorrow at 8am".  A date
 * alone is its midnight, a time alone is of today.  Upper and lower case are alike, and
 * the time zone is that of the process.
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include <time.h>
#include <flux/core/types.h>

/* Seconds since the epoch of 's', said at 'now'.  0, or -EINVAL with a message that names
 * the word that was not understood. */
int when_parse (const char *s, time_t now, double *tp, flux_error_t *err);

#endif /* !BASE_WHEN_H */
