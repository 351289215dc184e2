/* progress.h - "NAME: archived 1234 keys" on standard error, as a command works through
 * keys
 *
 * On a terminal the line is rewritten; otherwise there is one each hundred thousand
 * keys, and one at the end.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <flux/core.h>
#include <flux/optparse.h>

struct progress {
    const char *verb;     /* "archived" */
    bool quiet;
    bool verbose;         /* each key in place of the count */
    flux_t *notify;       /* --sd-notify: the broker hears of it */
    unsigned long count;
};

/* Of --quiet, --verbose, --sd-notify. */
void progress_init (struct progress *pr, optparse_t *p, flux_t *h, const char *verb);
void progress_key (struct progress *pr, const char *key);
void progress_end (struct progress *pr);

#define PROGRESS_OPTIONS                                                            \
    { .name = "verbose", .key = 'v', .usage = "List keys on stderr as they are done" }, \
    { .name = "quiet", .key = 'q', .usage = "Don't show a count of keys on stderr" }

#endif /* !CMD_PROGRESS_H */
