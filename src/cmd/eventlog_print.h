/* eventlog_print.h - eventlog entries as people and scripts read them
 * (flux-job(1), eventlog; flux-kvs(1))
 */
#ifndef CMD_EVENTLOG_PRINT_H
#define CMD_EVENTLOG_PRINT_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

enum eventlog_time { EVENTLOG_TIME_RAW, EVENTLOG_TIME_ISO, EVENTLOG_TIME_OFFSET,
                     EVENTLOG_TIME_HUMAN };

struct eventlog_printer {
    enum eventlog_time time;
    bool json;
    bool color;
    double t0;          /* set by the first entry printed */
    double last;        /* of the last entry, for human times */
};

/* Names: raw, iso, offset, human.  0 or -1. */
int eventlog_time_parse (const char *s, enum eventlog_time *timep);
/* "2021-06-21T08:30:05.250000-07:00" in the time zone of the process, Z for UTC.  Writes to
 * buf (at least 48 bytes), returns buf. */
const char *eventlog_time_iso (double t, char *buf, size_t size);

/* Print one entry, a line.  'prefix' may be NULL. */
void eventlog_print (struct eventlog_printer *p, FILE *f, const char *prefix,
                     const json_t *entry);

#endif /* !CMD_EVENTLOG_PRINT_H */
