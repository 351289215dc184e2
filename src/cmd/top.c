/* top.c - flux top (flux-top(1))
 *
 *   keys ─► stack of instances ─► top_instance (what it says) ─► top_draw ─► screen.so
 *
 * All instances of the stack live in one reactor; those below the top one stay up to
 * date, so that going back shows the present.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dso.h"
#include "cmd/cmd.h"
#include "cmd/dso_screen.h"
#include "cmd/jobinstance.h"
#include "cmd/resolve.h"
#include "cmd/subs.h"
#include "cmd/top.h"
#include "cmd/top_draw.h"
#include "cmd/top_instance.h"

#define MAX_DEPTH 64
#define TICK 0.5            /* seconds: how long a heart is shown; clocks go on at each */
#define MAX_SILENCE 3       /* wakeups by the terminal without a key: it is gone */
#define CONTROL_L 12

struct level {
    struct top_instance *instance;
    flux_jobid_t selected;
};

struct top {
    flux_reactor_t *r;
    const struct screen_ops *ops;
    struct top_draw *draw;
    struct level stack[MAX_DEPTH];
    int depth;              /* the last one is shown */
    bool details;
    bool heart;
    bool test_exit;         /* end after the first whole picture */
    const char *test_dump;  /* and write it there */
    int silence;
};

static const struct screen_ops *taken;

static void give_back (void)
{
    if (taken)
        taken->stop ();
    taken = NULL;
}

/* Pictures */

static void write_dump (struct top *top)
{
    FILE *f = top->test_dump ? fopen (top->test_dump, "w") : NULL;
    bool failed = top->test_dump && !f;

    if (f) {
        top->ops->dump (f);
        failed = fclose (f) != 0;
    }
    if (failed) {
        int errnum = errno;
        give_back ();
        cmd_die (1, "%s: %s", top->test_dump, strerror (errnum));
    }
}

static void paint (struct top *top)
{
    struct level *l = &top->stack[top->depth - 1];

    top_draw (top->draw, l->instance, &l->selected, top->details, top->heart);
}

static void changed_cb (struct top_instance *t, void *arg)
{
    struct top *top = arg;
    struct top_data *data = top_instance_data (t);

    if (top->depth == 0 || t != top->stack[top->depth - 1].instance)
        return;
    top->heart = top->heart || data->beat;
    data->beat = false;
    paint (top);
    if (top->test_exit && top_instance_ready (t)) {
        write_dump (top);
        flux_reactor_stop (top->r);
    }
}

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct top *top = arg;

    paint (top);
    top->heart = false;
}

/* The stack */

static int push (struct top *top, flux_t *h, const char *queue, flux_error_t *err)
{
    struct top_instance *t;

    if (flux_set_reactor (h, top->r) < 0) {
        snprintf (err->text, sizeof (err->text), "%s", strerror (errno));
        flux_close (h);
        return -1;
    }
    if (!(t = top_instance_new (h, queue, changed_cb, top, err)))
        return -1;
    top->stack[top->depth++] = (struct level){ .instance = t };
    return 0;
}

static void pop (struct top *top)
{
    top_instance_free (top->stack[--top->depth].instance);
}

static const json_t *selected_job (const struct level *l)
{
    json_t *job;
    size_t i;

    json_array_foreach (top_instance_data (l->instance)->jobs, i, job) {
        if ((flux_jobid_t)json_integer_value (json_object_get (job, "id")) == l->selected)
            return job;
    }
    return NULL;
}

/* Nothing happens if it is no instance of ours. */
static void enter (struct top *top)
{
    struct top_instance *t = top->stack[top->depth - 1].instance;
    const json_t *job = selected_job (&top->stack[top->depth - 1]);
    flux_error_t err;
    flux_t *h;

    if (!job || !jobinstance_uri (job) || top->depth == MAX_DEPTH
        || json_integer_value (json_object_get (job, "userid")) != (json_int_t)getuid ())
        return;
    if (!(h = jobinstance_open (job, &err)) || push (top, h, NULL, &err) < 0)
        snprintf (top_instance_data (t)->error, sizeof (err.text), "%s", err.text);
}

static void leave (struct top *top)
{
    if (top->depth > 1)
        pop (top);
    else
        flux_reactor_stop (top->r);
}

/* Keys */

static void move_cursor (struct top *top, int step)
{
    struct level *l = &top->stack[top->depth - 1];
    json_t *jobs = top_instance_data (l->instance)->jobs;
    json_t *job;
    size_t i;

    json_array_foreach (jobs, i, job) {
        if ((flux_jobid_t)json_integer_value (json_object_get (job, "id")) == l->selected)
            break;
    }
    job = json_array_get (jobs, i + step);      /* NULL beyond the ends */
    if (job)
        l->selected = json_integer_value (json_object_get (job, "id"));
}

static void handle_key (struct top *top, int key)
{
    struct top_instance *t = top->stack[top->depth - 1].instance;

    switch (key) {
    case 'j': case SCREEN_DOWN:   move_cursor (top, 1); break;
    case 'k': case SCREEN_UP:     move_cursor (top, -1); break;
    case 'h': case SCREEN_LEFT:   top_instance_rotate (t, -1); break;
    case 'l': case SCREEN_RIGHT:  top_instance_rotate (t, 1); break;
    case 'd':                     top->details = !top->details; break;
    case '\r': case '\n':         enter (top); break;
    case 'q':                     leave (top); break;
    case CONTROL_L:               top->ops->repaint (); break;
    default: break;
    }
}

static void keys_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct top *top = arg;
    int key = top->ops->key ();

    top->silence = key == SCREEN_NO_KEY ? top->silence + 1 : 0;
    if (revents & FLUX_POLLERR || top->silence > MAX_SILENCE) {
        flux_reactor_stop (r);
        return;
    }
    for (; key != SCREEN_NO_KEY; key = top->ops->key ())
        handle_key (top, key);
    paint (top);
}

static void resize_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct top *top = arg;

    top->ops->resized ();
    paint (top);
}

static void end_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_reactor_stop (r);
}

/* Life */

static void watch (flux_watcher_t *w)
{
    if (!w)
        cmd_die (1, "out of memory");
    flux_watcher_start (w);
}

/* Until q, or the first instance is lost; a lost nested one is left. */
static void run (struct top *top)
{
    flux_watcher_t *w[] = {
        flux_fd_watcher_create (top->r, STDIN_FILENO, FLUX_POLLIN | FLUX_POLLERR, keys_cb, top),
        flux_timer_watcher_create (top->r, TICK, TICK, tick_cb, top),
        flux_signal_watcher_create (top->r, SIGWINCH, resize_cb, top),
        flux_signal_watcher_create (top->r, SIGTERM, end_cb, top),
        flux_signal_watcher_create (top->r, SIGINT, end_cb, top),
        flux_signal_watcher_create (top->r, SIGHUP, end_cb, top),
    };
    int n = sizeof (w) / sizeof (w[0]);
    bool lost;

    for (int i = 0; i < n; i++)
        watch (w[i]);
    paint (top);
    while ((lost = flux_reactor_run (top->r, 0) < 0) && top->depth > 1)
        pop (top);
    for (int i = 0; i < n; i++)
        flux_watcher_destroy (w[i]);
    give_back ();
    if (lost)
        cmd_die (1, "lost the connection to the Flux instance");
}

static void take_screen (struct top *top, bool color)
{
    flux_error_t err;

    if (!(top->ops = dso_symbol ("screen", "screen_ops", &err)) || top->ops->start (color, &err) < 0)
        cmd_die (1, "%s", err.text);
    taken = top->ops;
    if (!(top->draw = top_draw_new (top->ops))) {
        give_back ();
        cmd_die (1, "out of memory");
    }
}

static const struct optparse_option opts[] = {
    { .name = "color", .has_arg = 2, .arginfo = "WHEN",
      .usage = "Colorize output: always, never, or auto" },
    { .name = "queue", .key = 'q', .has_arg = 1, .arginfo = "NAME",
      .usage = "Limit status and jobs to specific queue" },
    { .name = "test-exit", .flags = OPTPARSE_OPT_HIDDEN,
      .usage = "Exit after the first whole picture" },
    { .name = "test-exit-dump", .has_arg = 1, .arginfo = "FILE", .flags = OPTPARSE_OPT_HIDDEN,
      .usage = "The same, and write it to FILE as text" },
    OPTPARSE_TABLE_END,
};

int cmd_top (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] [TARGET]", "Display running Flux jobs", opts, argc, argv,
                               &n);
    struct top top = { .details = true };
    bool color = optparse_get_color (p, "color");
    flux_error_t err;

    if (n < argc - 1)
        return cmd_usage (p);
    if (!isatty (STDIN_FILENO) || !isatty (STDOUT_FILENO))
        cmd_die (1, "standard input and output must be a terminal (flux jobs and flux uptime"
                 " write to files)");
    top.test_dump = optparse_get_str (p, "test-exit-dump", NULL);
    top.test_exit = optparse_hasopt (p, "test-exit") || top.test_dump;
    if (!(top.r = flux_reactor_create (0)))
        cmd_die (1, "%s", strerror (errno));
    if (push (&top, resolve_open (n < argc ? argv[n] : NULL), optparse_get_str (p, "queue", NULL),
              &err) < 0)
        cmd_die (1, "%s", err.text);
    take_screen (&top, color);
    run (&top);
    while (top.depth > 0)
        pop (&top);
    top_draw_free (top.draw);
    flux_reactor_destroy (top.r);
    optparse_destroy (p);
    return 0;
}
