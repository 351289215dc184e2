/* eventlog_print.c - eventlog entries as people and scripts read them
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/eventlog_print.h"
#include "spec/eventlog.h"

int eventlog_time_parse (const char *s, enum eventlog_time *timep)
{
    static const char *const names[] = { "raw", "iso", "offset", "human" };

    for (int i = 0; i < 4; i++) {
        if (strcmp (names[i], s) == 0) {
            *timep = i;
            return 0;
        }
    }
    return -1;
}

const char *eventlog_time_iso (double t, char *buf, size_t size)
{
    time_t sec = t;
    int usec = (int)((t - sec) * 1e6 + 0.5);
    struct tm tm;
    char text[32];
    char zone[16];

    if (usec >= 1000000) {
        sec++;
        usec -= 1000000;
    }
    localtime_r (&sec, &tm);
    strftime (text, sizeof (text), "%Y-%m-%dT%H:%M:%S", &tm);
    strftime (zone, sizeof (zone), "%z", &tm);    /* +hhmm */
    if (tm.tm_gmtoff == 0)
        snprintf (buf, size, "%s.%06dZ", text, usec);
    else
        snprintf (buf, size, "%s.%06d%.3s:%s", text, usec, zone, zone + 3);
    return buf;
}

/* The date and minute when they change, else the offset from the last line. */
static void print_human (struct eventlog_printer *p, FILE *f, double t)
{
    time_t sec = t;
    struct tm tm;
    char text[32];

    if ((time_t)(p->last / 60) != (time_t)(t / 60)) {
        localtime_r (&sec, &tm);
        strftime (text, sizeof (text), "[%b%d %H:%M]", &tm);
        fprintf (f, "%s", text);
    }
    else
        fprintf (f, "[%+11.6f]", t - p->last);
    p->last = t;
}

static void print_time (struct eventlog_printer *p, FILE *f, double t)
{
    char iso[64];

    if (p->t0 == 0)
        p->t0 = t;
    switch (p->time) {
        case EVENTLOG_TIME_RAW:
            fprintf (f, "%.6f", t);
            break;
        case EVENTLOG_TIME_ISO:
            fprintf (f, "%s", eventlog_time_iso (t, iso, sizeof (iso)));
            break;
        case EVENTLOG_TIME_OFFSET:
            fprintf (f, "%.6f", t - p->t0);
            break;
        case EVENTLOG_TIME_HUMAN:
            print_human (p, f, t);
            break;
    }
}

static void print_context (struct eventlog_printer *p, FILE *f, const json_t *context)
{
    const char *key;
    json_t *val;

    json_object_foreach ((json_t *)context, key, val) {
        char *s = json_dumps (val, JSON_COMPACT | JSON_ENCODE_ANY);
        if (p->color)
            fprintf (f, " \033[34m%s\033[0m=\033[35m%s\033[0m", key, s ? s : "");
        else
            fprintf (f, " %s=%s", key, s ? s : "");
        free (s);
    }
}

void eventlog_print (struct eventlog_printer *p, FILE *f, const char *prefix,
                     const json_t *entry)
{
    const json_t *context;
    const char *name;
    double t;

    if (eventlog_entry_parse (entry, &t, &name, &context) < 0)
        return;
    if (p->json) {
        char *s = json_dumps (entry, JSON_COMPACT);
        fprintf (f, "%s\n", s ? s : "");
        free (s);
        return;
    }
    print_time (p, f, t);
    fprintf (f, p->color ? " \033[33m%s%s\033[0m" : " %s%s", prefix ? prefix : "", name);
    print_context (p, f, context);
    fputc ('\n', f);
    fflush (f);
}
