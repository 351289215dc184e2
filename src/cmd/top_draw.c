/* top_draw.c - see top_draw.h
 *
 *   row 0   ƒA/ƒB                                          12m      path, time left
 *       1   nodes [||||||          ||| 2/4]     7 pending
 *       2   cores [...]                         2 running
 *       3   gpus  [...]                         1 complete, 0 failed
 *       4   ♡  size: 4  depth: 1  uptime: 2.5m  0.88.0
 *       5   queue: all                                     (or what does not answer)
 *       6   heading of the jobs, reversed
 *       7.. the jobs
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/dso_screen.h"
#include "cmd/format.h"
#include "cmd/jobfields.h"
#include "cmd/jobinstance.h"
#include "cmd/top_draw.h"
#include "cmd/top_instance.h"

#define HEADING_ROW 6
#define LABEL_WIDTH 6
#define COUNT_GAP 4

struct top_draw {
    const struct screen_ops *ops;
    struct format *plain;        /* of a line, without queues and with them */
    struct format *queued;
    int rows, cols;
    size_t first;                /* the job in the first line */
};

#define LEFT "{id.f58:>12} "
#define RIGHT "{username:<8.8} {status_abbrev:>2.2} {ntasks:>6h} {nnodes:>6h} {runtime!F:>8h} {name}"

struct top_draw *top_draw_new (const struct screen_ops *ops)
{
    struct top_draw *d = calloc (1, sizeof (*d));

    if (d) {
        d->ops = ops;
        d->plain = format_parse (LEFT RIGHT, jobfields_heading, NULL, NULL);
        d->queued = format_parse (LEFT "{queue:<8.8} " RIGHT, jobfields_heading, NULL, NULL);
    }
    if (d && d->plain && d->queued)
        return d;
    top_draw_free (d);
    return NULL;
}

void top_draw_free (struct top_draw *d)
{
    if (d) {
        format_free (d->plain);
        format_free (d->queued);
        free (d);
    }
}

/* Text */

/* A code point is a column. */
static int columns (const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* "1.5h": at most three digits, so that it does not flicker. */
static void short_duration (double seconds, char *buf, size_t size)
{
    double scale;

    seconds = seconds < 0 ? 0 : seconds < 60 ? floor (seconds) : seconds;
    scale = seconds < 60 ? 1 : seconds < 3600 ? 6 : seconds < 86400 ? 360 : 8640;
    if (duration_format (floor (seconds / scale) * scale, buf, size) < 0)
        snprintf (buf, size, "?");
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The ids as this terminal can show them. */
static void path_text (const char *path, struct buf *b)
{
    char *copy = strdup (path);
    char *rest = copy;
    char *part;
    char name[32];
    flux_jobid_t id;

    while ((part = strsep (&rest, "/"))) {
        if (*part && flux_job_id_parse (part, &id) == 0)
            part = (char *)cmd_f58 (id, name, sizeof (name));
        buf_addf (b, "%s%s", part, rest ? "/" : "");
    }
    free (copy);
}

/* Summary */

static void draw_title (struct top_draw *d, const struct top_data *data)
{
    struct buf b = BUF_INIT;
    char left[32] = "∞";

    path_text (data->path, &b);
    if (b.len > 0)
        d->ops->put (0, 0, SCREEN_BOLD, b.data);
    if (data->expiration > 0)
        short_duration (data->expiration - now (), left, sizeof (left));
    d->ops->put (0, d->cols - columns (left), SCREEN_PLAIN, left);
    buf_release (&b);
}

static void draw_run (struct top_draw *d, int row, int col, int n, int style)
{
    for (int i = 0; i < n; i++)
        d->ops->put (row, col + i, style, "|");
}

/* What is there at all gets a bar, however small its part. */
static int share (size_t part, size_t total, int width)
{
    int n = total > 0 ? (int)((double)part / total * width + .5) : 0;

    return n == 0 && part > 0 ? 1 : n > width ? width : n;
}

static void draw_bar (struct top_draw *d, int row, int kind, const struct top_data *data)
{
    static const char *const labels[TOP_KINDS] = { "nodes", "cores", "gpus" };
    size_t total = data->res[kind].total;
    char text[64];
    int width = d->cols / 2 - LABEL_WIDTH - 2;
    int room, used, down;

    snprintf (text, sizeof (text), "%zu/%zu", data->res[kind].used, total);
    d->ops->put (row, 0, SCREEN_PLAIN, labels[kind]);
    if ((room = width - (int)strlen (text) - 1) < 1) {
        d->ops->put (row, LABEL_WIDTH, SCREEN_PLAIN, text);
        return;
    }
    used = share (data->res[kind].used, total, room);
    down = share (data->res[kind].down, total, room);
    d->ops->put (row, LABEL_WIDTH, SCREEN_PLAIN, "[");
    draw_run (d, row, LABEL_WIDTH + 1 + room - down, down, SCREEN_RED);
    draw_run (d, row, LABEL_WIDTH + 1, used, SCREEN_YELLOW);
    d->ops->put (row, LABEL_WIDTH + 1 + width - (int)strlen (text), SCREEN_PLAIN, text);
    d->ops->put (row, LABEL_WIDTH + 1 + width, SCREEN_PLAIN, "]");
}

static void draw_counts (struct top_draw *d, const struct top_data *data, bool details)
{
    int col = d->cols / 2 + COUNT_GAP;
    char text[80];

    snprintf (text, sizeof (text), "%6d pending", data->pending);
    d->ops->put (1, col, SCREEN_PLAIN, text);
    snprintf (text, sizeof (text), "%6d running", data->running);
    d->ops->put (2, col, SCREEN_PLAIN, text);
    if (details)
        snprintf (text, sizeof (text), "%6d complete, %d failed", data->successful, data->failed);
    else
        snprintf (text, sizeof (text), "%6d inactive", data->inactive);
    d->ops->put (3, col, SCREEN_PLAIN, text);
}

static void draw_instance (struct top_draw *d, const struct top_data *data, bool beat)
{
    struct buf b = BUF_INIT;
    char uptime[32];

    if (beat)
        d->ops->put (4, 0, SCREEN_RED, "♡");
    short_duration (now () - data->starttime, uptime, sizeof (uptime));
    buf_addf (&b, "size: %d", data->size);
    if (data->depth > 0)
        buf_addf (&b, "  depth: %d", data->depth);
    buf_addf (&b, "  uptime: %s  %s", uptime, data->version);
    d->ops->put (4, 3, SCREEN_PLAIN, b.data);
    buf_release (&b);
}

static void draw_queue (struct top_draw *d, struct top_instance *t)
{
    const struct top_data *data = top_instance_data (t);
    const char *queue = top_instance_queue (t);
    char text[128];

    if (*data->error)
        d->ops->put (5, 0, SCREEN_RED | SCREEN_BOLD, data->error);
    else if (top_instance_has_queues (t)) {
        snprintf (text, sizeof (text), "queue: %s", queue ? queue : "all");
        d->ops->put (5, 0, SCREEN_PLAIN, text);
    }
}

/* Jobs */

/* The jobs as lines, a heading first.  The caller frees. */
static char *job_lines (struct top_draw *d, const struct format *f, const json_t *jobs,
                        json_t *shown)
{
    struct format_table *t = format_table_new (f, jobfields_value, NULL);
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream (&text, &size);
    flux_error_t err;
    json_t *job;

    if (t && out) {
        json_array_foreach ((json_t *)jobs, i, job) {
            if (format_table_add (t, job, &err) == 0)    /* if it is malformed: without it */
                json_array_append (shown, job);
        }
        format_table_print (t, out, true, 0);
    }
    if (out)
        fclose (out);
    format_table_free (t);
    return text;
}

static size_t find_job (const json_t *jobs, flux_jobid_t id)
{
    json_t *job;
    size_t i;

    json_array_foreach ((json_t *)jobs, i, job) {
        if ((flux_jobid_t)json_integer_value (json_object_get (job, "id")) == id)
            return i;
    }
    return 0;
}

/* Move the window so that job 'at' of 'n' is in it. */
static void scroll_to (struct top_draw *d, size_t at, size_t n)
{
    size_t room = d->rows > HEADING_ROW + 1 ? d->rows - HEADING_ROW - 1 : 1;

    if (d->first > at || n <= room)
        d->first = n <= room ? 0 : at;
    else if (at >= d->first + room)
        d->first = at - room + 1;
}

static void draw_jobs (struct top_draw *d, char *text, const json_t *shown, size_t at)
{
    char *line = strsep (&text, "\n");
    char heading[512];

    if (!line)
        return;
    snprintf (heading, sizeof (heading), "%-*s", d->cols < 500 ? d->cols : 500, line);
    d->ops->put (HEADING_ROW, 0, SCREEN_REVERSE, heading);
    for (size_t i = 0; i < json_array_size (shown) && (line = strsep (&text, "\n")); i++) {
        int style = jobinstance_uri (json_array_get (shown, i)) ? SCREEN_BLUE | SCREEN_BOLD : 0;
        if (i >= d->first)
            d->ops->put (HEADING_ROW + 1 + (int)(i - d->first), 0,
                         style | (i == at ? SCREEN_REVERSE : 0), line);
    }
}

static void draw_list (struct top_draw *d, struct top_instance *t, flux_jobid_t *selected)
{
    json_t *shown = json_array ();
    char *text = job_lines (d, top_instance_has_queues (t) ? d->queued : d->plain,
                            top_instance_data (t)->jobs, shown);
    size_t at = find_job (shown, *selected);

    *selected = json_integer_value (json_object_get (json_array_get (shown, at), "id"));
    scroll_to (d, at, json_array_size (shown));
    draw_jobs (d, text, shown, at);
    free (text);
    json_decref (shown);
}

void top_draw (struct top_draw *d, struct top_instance *t, flux_jobid_t *selected, bool details,
               bool beat)
{
    const struct top_data *data = top_instance_data (t);

    d->ops->size (&d->rows, &d->cols);
    d->ops->erase ();
    draw_title (d, data);
    for (int i = 0; i < TOP_KINDS; i++)
        draw_bar (d, 1 + i, i, data);
    draw_counts (d, data, details && data->owner);
    draw_instance (d, data, beat);
    draw_queue (d, t);
    draw_list (d, t, selected);
    d->ops->show ();
}
