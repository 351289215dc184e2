/* bar.h - the progress bar of flux submit, bulksubmit and watch
 *
 *   PD:2    R:10   CD:8    F:0    │████████              │ 40.0% 0:00:04
 *
 * It is one line on standard error, as wide as the terminal, and drawn over when it
 * changes.
 */
#ifndef CMD_BAR_H
#define CMD_BAR_H

#include <stdbool.h>
#include <stddef.h>

struct bar {
    size_t total;            /* jobs */
    size_t done;             /* of them: what the bar shows */
    size_t running;
    size_t complete;         /* ended well */
    size_t failed;
    double elapsed;          /* seconds */
    bool jps;                /* show jobs done per second, not the time */
};

/* The text for a terminal of so many columns, without newline; what does not fit is left
 * out.  NULL if out of memory; the caller frees. */
char *bar_format (const struct bar *bar, int columns);

/* Columns of the terminal on standard error, or 80. */
int bar_columns (void);

#endif /* !CMD_BAR_H */
