/* optparse.c - option parsers: tables, subcommands, settings */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/optparse_private.h"

/* ---- helpers ---- */

void *optparse_grow (void *array, size_t count, size_t elem_size)
{
    /* powers of two: the size need not be kept */
    if (count == 0 || (count & (count - 1)) == 0)
        return reallocarray (array, count > 0 ? count * 2 : 1, elem_size);
    return array;
}

/* strdup() that takes NULL for no string.  false if out of memory */
static bool copy (char **dst, const char *s)
{
    *dst = s ? strdup (s) : NULL;
    return *dst || !s;
}

bool optparse_is_short (const struct optparse_option *o)
{
    return o->key > ' ' && o->key < 0x7f && o->key != '?' && o->key != ':'
           && o->key != '-' && o->key != ';';
}

struct opt *optparse_find (optparse_t *p, const char *name)
{
    for (size_t i = 0; name && i < p->nopts; i++)
        if (strcmp (p->opts[i]->o.name, name) == 0)
            return p->opts[i];
    return NULL;
}

struct opt *optparse_find_key (optparse_t *p, int key)
{
    for (size_t i = 0; i < p->nopts; i++)
        if (p->opts[i]->o.key == key && optparse_is_short (&p->opts[i]->o))
            return p->opts[i];
    return NULL;
}

/* ---- options ---- */

void optparse_forget (struct opt *opt)
{
    for (size_t i = 0; i < opt->nargs; i++)
        free (opt->args[i]);
    for (size_t i = 0; i < opt->nwhole; i++)
        free (opt->whole[i]);
    free (opt->args);
    free (opt->whole);
    opt->args = NULL;
    opt->whole = NULL;
    opt->nargs = opt->nwhole = opt->next = 0;
    opt->uses = 0;
    opt->last = NULL;
}

static void opt_free (struct opt *opt)
{
    if (opt) {
        optparse_forget (opt);
        free ((char *)opt->o.name);
        free ((char *)opt->o.arginfo);
        free ((char *)opt->o.usage);
        free (opt);
    }
}

static struct opt *opt_new (const struct optparse_option *o)
{
    struct opt *opt = calloc (1, sizeof (*opt));
    char *name = NULL, *arginfo = NULL, *usage = NULL;

    if (!opt)
        return NULL;
    opt->o = *o;
    bool ok = copy (&name, o->name) && copy (&arginfo, o->arginfo)
              && copy (&usage, o->usage);
    opt->o.name = name;
    opt->o.arginfo = arginfo;
    opt->o.usage = usage;
    if (!ok) {
        opt_free (opt);
        return NULL;
    }
    return opt;
}

optparse_err_t optparse_add_option (optparse_t *p,
                                    const struct optparse_option *o)
{
    struct opt **opts;
    struct opt *opt;

    if (!p || !o || !o->name || o->name[0] == '\0' || strchr (o->name, '=')
        || o->has_arg < 0 || o->has_arg > 2)
        return OPTPARSE_BAD_ARG;
    if (optparse_find (p, o->name)
        || (optparse_is_short (o) && optparse_find_key (p, o->key)))
        return OPTPARSE_EEXIST;
    if (!(opt = opt_new (o)))
        return OPTPARSE_NOMEM;
    if (!(opts = optparse_grow (p->opts, p->nopts, sizeof (*opts)))) {
        opt_free (opt);
        return OPTPARSE_NOMEM;
    }
    opt->serial = p->serial++;
    p->opts = opts;
    p->opts[p->nopts++] = opt;
    return OPTPARSE_SUCCESS;
}

optparse_err_t optparse_remove_option (optparse_t *p, const char *name)
{
    struct opt *opt;

    if (!p || !name)
        return OPTPARSE_BAD_ARG;
    if (!(opt = optparse_find (p, name)))
        return OPTPARSE_FAILURE;
    size_t i = 0;
    while (p->opts[i] != opt)
        i++;
    /* the last one fills the gap; the help goes by serial number */
    p->opts[i] = p->opts[--p->nopts];
    opt_free (opt);
    return OPTPARSE_SUCCESS;
}

optparse_err_t optparse_add_option_table (optparse_t *p,
                                          struct optparse_option const opts[])
{
    optparse_err_t e = OPTPARSE_SUCCESS;
    size_t n;

    if (!p || !opts)
        return OPTPARSE_BAD_ARG;
    for (n = 0; opts[n].name && e == OPTPARSE_SUCCESS; n++)
        e = optparse_add_option (p, &opts[n]);
    if (e != OPTPARSE_SUCCESS) {
        for (size_t i = 0; i + 1 < n; i++)
            (void)optparse_remove_option (p, opts[i].name);
    }
    return e;
}

optparse_err_t optparse_add_doc (optparse_t *p, const char *doc, int group)
{
    struct doc *docs;
    char *text;

    if (!p || !doc)
        return OPTPARSE_BAD_ARG;
    if (!(docs = optparse_grow (p->docs, p->ndocs, sizeof (*docs))))
        return OPTPARSE_NOMEM;
    p->docs = docs;
    if (!(text = strdup (doc)))
        return OPTPARSE_NOMEM;
    p->docs[p->ndocs++] = (struct doc){.text = text, .group = group};
    return OPTPARSE_SUCCESS;
}

/* ---- life ---- */

static int help_cb (optparse_t *p, struct optparse_option *o, const char *arg)
{
    (void)o;
    (void)arg;
    optparse_print_usage (p);
    optparse_fatal (p, 0);
    return -1;
}

optparse_t *optparse_create (const char *program_name)
{
    static const struct optparse_option help = {
        .name = "help",
        .key = 'h',
        .group = HELP_GROUP,
        .usage = "Display this message.",
        .cb = help_cb,
    };
    optparse_t *p;

    if (!program_name || !(p = calloc (1, sizeof (*p)))) {
        errno = program_name ? ENOMEM : EINVAL;
        return NULL;
    }
    p->index = -1;
    p->option_width = 22;
    p->left_margin = 2;
    p->posix = -1;
    p->print_subcmds = true;
    if (!copy (&p->name, program_name)
        || optparse_add_option (p, &help) != OPTPARSE_SUCCESS) {
        optparse_destroy (p);
        errno = ENOMEM;
        return NULL;
    }
    return p;
}

void optparse_destroy (optparse_t *p)
{
    if (!p)
        return;
    int saved_errno = errno;
    for (size_t i = 0; i < p->nopts; i++)
        opt_free (p->opts[i]);
    for (size_t i = 0; i < p->ndocs; i++)
        free (p->docs[i].text);
    for (size_t i = 0; i < p->ndata; i++)
        free (p->data[i].name);
    for (size_t i = 0; i < p->nsubs; i++)
        optparse_destroy (p->subs[i]);
    free (p->opts);
    free (p->docs);
    free (p->data);
    free (p->subs);
    free (p->name);
    free (p->subname);
    free (p->usage);
    free (p->summary);
    free (p);
    errno = saved_errno;
}

void optparse_reset (optparse_t *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->nopts; i++)
        optparse_forget (p->opts[i]);
    for (size_t i = 0; i < p->nsubs; i++)
        optparse_reset (p->subs[i]);
    p->index = -1;
}

/* ---- subcommands ---- */

optparse_t *optparse_get_parent (optparse_t *p)
{
    return p ? p->parent : NULL;
}

optparse_t *optparse_get_subcommand (optparse_t *p, const char *name)
{
    for (size_t i = 0; p && name && i < p->nsubs; i++)
        if (strcmp (p->subs[i]->subname, name) == 0)
            return p->subs[i];
    return NULL;
}

optparse_t *optparse_add_subcommand (optparse_t *p,
                                     const char *name,
                                     optparse_subcmd_f cb)
{
    struct buf b = BUF_INIT;
    optparse_t **subs;
    optparse_t *sub;

    if (!p || !name || !cb || optparse_get_subcommand (p, name)) {
        errno = p && name && cb ? EEXIST : EINVAL;
        return NULL;
    }
    if (!(subs = optparse_grow (p->subs, p->nsubs, sizeof (*subs))))
        return NULL;
    p->subs = subs;
    buf_addf (&b, "%s %s", p->name, name);
    sub = b.failed ? NULL : optparse_create (b.data);
    buf_release (&b);
    if (!sub || !copy (&sub->subname, name)) {
        optparse_destroy (sub);
        errno = ENOMEM;
        return NULL;
    }
    sub->parent = p;
    sub->fn = cb;
    sub->option_width = p->option_width;
    sub->left_margin = p->left_margin;
    sub->sorted = p->sorted;
    p->subs[p->nsubs++] = sub;
    return sub;
}

optparse_err_t optparse_reg_subcommand (optparse_t *p,
                                        const char *name,
                                        optparse_subcmd_f cb,
                                        const char *usage,
                                        const char *doc,
                                        int flags,
                                        struct optparse_option const opts[])
{
    optparse_err_t e = OPTPARSE_SUCCESS;
    optparse_t *sub;

    if (!p || !name || !cb)
        return OPTPARSE_BAD_ARG;
    if (!(sub = optparse_add_subcommand (p, name, cb)))
        return errno == EEXIST ? OPTPARSE_EEXIST : OPTPARSE_NOMEM;
    if (!copy (&sub->usage, usage) || !copy (&sub->summary, doc))
        e = OPTPARSE_NOMEM;
    sub->no_options = flags & OPTPARSE_SUBCMD_SKIP_OPTS;
    sub->hidden = flags & OPTPARSE_SUBCMD_HIDDEN;
    if (e == OPTPARSE_SUCCESS && opts)
        e = optparse_add_option_table (sub, opts);
    if (e != OPTPARSE_SUCCESS) {
        p->nsubs--; /* it is the last */
        optparse_destroy (sub);
    }
    return e;
}

optparse_err_t optparse_reg_subcommands (optparse_t *p,
                                         struct optparse_subcommand cmds[])
{
    if (!p || !cmds)
        return OPTPARSE_BAD_ARG;
    for (struct optparse_subcommand *c = cmds; c->name; c++) {
        optparse_err_t e = optparse_reg_subcommand (p, c->name, c->fn, c->usage,
                                                    c->doc, c->flags, c->opts);
        if (e != OPTPARSE_SUCCESS)
            return e;
    }
    return OPTPARSE_SUCCESS;
}

/* ---- settings ---- */

static optparse_err_t set_usage (optparse_t *p, const char *usage)
{
    char *s;

    if (!copy (&s, usage))
        return OPTPARSE_NOMEM;
    free (p->usage);
    p->usage = s;
    return OPTPARSE_SUCCESS;
}

static optparse_err_t set_callback (optparse_t *p,
                                    const char *name,
                                    optparse_cb_f cb)
{
    struct opt *opt = optparse_find (p, name);

    if (!opt)
        return OPTPARSE_BAD_ARG;
    opt->o.cb = cb;
    return OPTPARSE_SUCCESS;
}

static optparse_err_t set_number (optparse_t *p, int item, int n)
{
    bool is_column = item == OPTPARSE_OPTION_WIDTH
                     || item == OPTPARSE_LEFT_MARGIN;

    if (is_column && (n < 0 || n > 100))
        return OPTPARSE_BAD_ARG;
    switch (item) {
        case OPTPARSE_OPTION_WIDTH:
            p->option_width = n;
            break;
        case OPTPARSE_LEFT_MARGIN:
            p->left_margin = n;
            break;
        case OPTPARSE_PRINT_SUBCMDS:
            p->print_subcmds = n;
            break;
        case OPTPARSE_SUBCMD_NOOPTS:
            p->no_options = n;
            break;
        case OPTPARSE_SUBCMD_HIDE:
            p->hidden = n;
            break;
        case OPTPARSE_POSIXLY_CORRECT:
            p->posix = n != 0;
            break;
        case OPTPARSE_SORTED:
            p->sorted = n;
            break;
        default:
            return OPTPARSE_BAD_ARG;
    }
    return OPTPARSE_SUCCESS;
}

optparse_err_t optparse_set (optparse_t *p, int item, ...)
{
    optparse_err_t e = OPTPARSE_SUCCESS;
    const char *name;
    va_list ap;

    if (!p)
        return OPTPARSE_BAD_ARG;
    va_start (ap, item);
    switch (item) {
        case OPTPARSE_USAGE:
            e = set_usage (p, va_arg (ap, const char *));
            break;
        case OPTPARSE_LOG_FN:
            p->log_fn = va_arg (ap, opt_log_f);
            break;
        case OPTPARSE_FATALERR_FN:
            p->fatalerr_fn = va_arg (ap, opt_fatalerr_f);
            break;
        case OPTPARSE_FATALERR_HANDLE:
            p->fatalerr_handle = va_arg (ap, void *);
            break;
        case OPTPARSE_OPTION_CB:
            name = va_arg (ap, const char *);
            e = set_callback (p, name, va_arg (ap, optparse_cb_f));
            break;
        default:
            e = item < 0 || item >= OPTPARSE_ITEM_END
                    ? OPTPARSE_BAD_ARG
                    : set_number (p, item, va_arg (ap, int));
    }
    va_end (ap);
    return e;
}

static int get_number (const optparse_t *p, int item)
{
    switch (item) {
        case OPTPARSE_OPTION_WIDTH:
            return p->option_width;
        case OPTPARSE_LEFT_MARGIN:
            return p->left_margin;
        case OPTPARSE_PRINT_SUBCMDS:
            return p->print_subcmds;
        case OPTPARSE_SUBCMD_NOOPTS:
            return p->no_options;
        case OPTPARSE_SUBCMD_HIDE:
            return p->hidden;
        case OPTPARSE_POSIXLY_CORRECT:
            return p->posix != 0;
        default: /* OPTPARSE_SORTED */
            return p->sorted;
    }
}

optparse_err_t optparse_get (optparse_t *p, int item, ...)
{
    va_list ap;
    void *out;

    if (!p || item < 0 || item >= OPTPARSE_ITEM_END)
        return OPTPARSE_BAD_ARG;
    if (item == OPTPARSE_OPTION_CB)
        return OPTPARSE_NOT_IMPL;
    va_start (ap, item);
    out = va_arg (ap, void *);
    va_end (ap);
    if (!out)
        return OPTPARSE_BAD_ARG;
    if (item == OPTPARSE_USAGE)
        *(const char **)out = p->usage;
    else if (item == OPTPARSE_LOG_FN)
        *(opt_log_f *)out = p->log_fn;
    else if (item == OPTPARSE_FATALERR_FN)
        *(opt_fatalerr_f *)out = p->fatalerr_fn;
    else if (item == OPTPARSE_FATALERR_HANDLE)
        *(void **)out = p->fatalerr_handle;
    else
        *(int *)out = get_number (p, item);
    return OPTPARSE_SUCCESS;
}

void optparse_set_data (optparse_t *p, const char *name, void *value)
{
    struct data *data;
    char *copied;

    if (!p || !name)
        return;
    for (size_t i = 0; i < p->ndata; i++) {
        if (strcmp (p->data[i].name, name) == 0) {
            p->data[i].value = value;
            return;
        }
    }
    if (!(data = optparse_grow (p->data, p->ndata, sizeof (*data))))
        return;
    p->data = data;
    if ((copied = strdup (name)))
        p->data[p->ndata++] = (struct data){.name = copied, .value = value};
}

void *optparse_get_data (optparse_t *p, const char *name)
{
    for (; p && name; p = p->parent)
        for (size_t i = 0; i < p->ndata; i++)
            if (strcmp (p->data[i].name, name) == 0)
                return p->data[i].value;
    return NULL;
}
