/* bar.c - see bar.h
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/bar.h"

#define FULL "\xe2\x96\x88"     /* █ */
#define EDGE "\xe2\x94\x82"     /* │ */
#define LEAST 5                 /* a shorter bar shows nothing */

int bar_columns (void)
{
    struct winsize ws;

    return ioctl (STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
}

static void format_after (const struct bar *bar, double part, char *buf, size_t size)
{
    unsigned long s = bar->elapsed > 0 ? (unsigned long)bar->elapsed : 0;
    double rate = bar->elapsed > 0 ? bar->done / bar->elapsed : 0;

    if (bar->jps)
        snprintf (buf, size, "%5.1f%% %.1f job/s", part * 100, rate);
    else
        snprintf (buf, size, "%5.1f%% %lu:%02lu:%02lu", part * 100, s / 3600, s / 60 % 60, s % 60);
}

char *bar_format (const struct bar *bar, int columns)
{
    double part = bar->total ? (double)bar->done / bar->total : 1;
    size_t ended = bar->running + bar->complete + bar->failed;
    char before[128];
    char after[64];
    struct buf b = BUF_INIT;
    int width;

    snprintf (before, sizeof (before), "PD:%-4zu R:%-4zu CD:%-4zu F:%-4zu ",
              bar->total > ended ? bar->total - ended : 0, bar->running, bar->complete, bar->failed);
    format_after (bar, part, after, sizeof (after));
    /* the last column stays free: some terminals go to the next line there */
    width = columns - (int)strlen (before) - (int)strlen (after) - 3;
    buf_adds (&b, before);
    if (width >= LEAST) {
        buf_adds (&b, EDGE);
        for (int i = 0; i < width; i++)
            buf_adds (&b, i < (int)(part * width + 1e-9) ? FULL : " ");
        buf_adds (&b, EDGE);
    }
    buf_adds (&b, after);
    return buf_take (&b);
}
