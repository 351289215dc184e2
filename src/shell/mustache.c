/* mustache.c - {{tag}} templates (flux-submit(1), MUSTACHE TEMPLATES)
 *
 * Tags of the job and the node are known here; others are asked of plugins by the
 * topic "mustache.render.TAG".  An unknown tag stays as it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fluid.h"
#include "shell/internal.h"
#include "spec/jobspec.h"

struct ctx {
    flux_shell_t *shell;
    int shell_rank;
    struct shell_task *task;    /* or NULL */
};

static int add_id (struct buf *b, const struct shell_info *info, const char *form)
{
    static const struct {
        const char *name;
        enum fluid_form form;
    } forms[] = {
        { "f58plain", FLUID_F58_PLAIN }, { "dec", FLUID_DEC },
        { "hex", FLUID_HEX }, { "dothex", FLUID_DOTHEX }, { "words", FLUID_WORDS },
        { "emoji", FLUID_EMOJI },
    };
    char s[256];

    if (strcmp (form, "f58") == 0)
        return buf_adds (b, info->idf58);
    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        if (strcmp (forms[i].name, form) == 0
            && fluid_encode (info->jobid, forms[i].form, s, sizeof (s)) == 0)
            return buf_adds (b, s);
    }
    return -ENOENT;
}

/* Value of a dotted key in an object, as text. */
static int add_from_object (struct buf *b, json_t *o, const char *key)
{
    json_t *v = json_object_get (o, key);

    if (strncmp (key, "resources.", 10) == 0)
        key += 10;
    if (!v)
        v = json_object_get (json_object_get (o, "resources"), key);
    if (json_is_string (v))
        return buf_adds (b, json_string_value (v));
    if (json_is_integer (v))
        return buf_addf (b, "%" JSON_INTEGER_FORMAT, json_integer_value (v));
    return -ENOENT;
}

static int add_node (struct buf *b, struct ctx *ctx, const char *key)
{
    char *s = NULL;
    json_t *o;
    int rc;

    if (flux_shell_get_rank_info (ctx->shell, ctx->shell_rank, &s) < 0)
        return -ENOENT;
    o = json_loads (s, 0, NULL);
    free (s);
    rc = add_from_object (b, o, key);
    json_decref (o);
    if (rc < 0 && strcmp (key, "gpus") == 0)    /* there are none: an empty set */
        return 0;
    return rc;
}

static int add_task (struct buf *b, struct ctx *ctx, const char *key)
{
    if (!ctx->task)
        return -ENOENT;
    if (strcmp (key, "id") == 0 || strcmp (key, "rank") == 0)
        return buf_addf (b, "%d", ctx->task->rank);
    if (strcmp (key, "index") == 0 || strcmp (key, "localid") == 0)
        return buf_addf (b, "%d", ctx->task->localid);
    return -ENOENT;
}

static int add_from_plugin (struct buf *b, struct ctx *ctx, const char *tag)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    char topic[192];
    const char *result;
    int rc = -ENOENT;

    snprintf (topic, sizeof (topic), "mustache.render.%s", tag);
    ctx->shell->current_task = ctx->task;
    if (args && plugstack_call (ctx->shell->plugstack, topic, args) == 0
        && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "result", &result) == 0)
        rc = buf_adds (b, result);
    flux_plugin_arg_destroy (args);
    return rc;
}

static int add_tag (struct buf *b, struct ctx *ctx, const char *tag)
{
    const struct shell_info *info = &ctx->shell->info;

    if (strcmp (tag, "id") == 0 || strcmp (tag, "jobid") == 0)
        return buf_adds (b, info->idf58);
    if (strncmp (tag, "id.", 3) == 0)
        return add_id (b, info, tag + 3);
    if (strncmp (tag, "jobid.", 6) == 0)
        return add_id (b, info, tag + 6);
    if (strcmp (tag, "name") == 0)
        return buf_adds (b, jobspec_name (info->jobspec));
    if (strcmp (tag, "nnodes") == 0)
        return buf_addf (b, "%d", info->nshells);
    if (strcmp (tag, "size") == 0 || strcmp (tag, "ntasks") == 0)
        return buf_addf (b, "%d", info->total_ntasks);
    if (strncmp (tag, "node.", 5) == 0)
        return add_node (b, ctx, tag + 5);
    if (strcmp (tag, "taskid") == 0)
        return add_task (b, ctx, "id");
    if (strncmp (tag, "task.", 5) == 0)
        return add_task (b, ctx, tag + 5);
    return add_from_plugin (b, ctx, tag);
}

/* Once a tag: a path is rendered many times, also when the output has been closed. */
static void report_unknown (const char *tag)
{
    static json_t *reported;

    if (!reported && !(reported = json_object ()))
        return;
    if (json_object_get (reported, tag) || json_object_set_new (reported, tag, json_true ()) < 0)
        return;
    shell_log_error ("unknown mustache tag '%s'", tag);
}

static char *render (struct ctx *ctx, const char *fmt)
{
    struct buf b = BUF_INIT;
    const char *open;

    while ((open = strstr (fmt, "{{"))) {
        const char *close = strstr (open, "}}");
        char tag[128];
        size_t n;
        if (!close)
            break;
        buf_add (&b, fmt, open - fmt);
        n = close - open - 2;
        fmt = close + 2;
        if (n < sizeof (tag)) {
            memcpy (tag, open + 2, n);
            tag[n] = '\0';
            if (add_tag (&b, ctx, tag) >= 0)
                continue;
            report_unknown (tag);
        }
        buf_add (&b, open, close + 2 - open);
    }
    buf_adds (&b, fmt);
    return buf_take (&b);
}

char *flux_shell_rank_mustache_render (flux_shell_t *shell, int shell_rank, const char *fmt)
{
    struct ctx ctx = { shell, shell_rank, NULL };

    if (!shell || !fmt || shell_rank < -1 || shell_rank >= shell->info.nshells) {
        errno = EINVAL;
        return NULL;
    }
    return render (&ctx, fmt);
}

char *flux_shell_mustache_render (flux_shell_t *shell, const char *fmt)
{
    return flux_shell_rank_mustache_render (shell, -1, fmt);
}

char *flux_shell_task_mustache_render (flux_shell_t *shell, flux_shell_task_t *task, const char *fmt)
{
    struct ctx ctx = { shell, -1, task };

    if (!shell || !task || !fmt) {
        errno = EINVAL;
        return NULL;
    }
    return render (&ctx, fmt);
}

bool flux_shell_mustache_is_per_rank (flux_shell_t *shell, const char *fmt)
{
    static const char *const tags[] = { "{{node.", "{{task.", "{{taskid}}", "{{tmpdir}}" };

    if (!shell || !fmt) {
        errno = EINVAL;
        return false;
    }
    for (size_t i = 0; i < sizeof (tags) / sizeof (tags[0]); i++) {
        if (strstr (fmt, tags[i]))
            return true;
    }
    return false;
}
