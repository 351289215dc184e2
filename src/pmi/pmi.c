/* pmi.c - find the method that works, and call it
 */
#include <errno.h>
#include <math.h>

#include "base/dso.h"
#include "base/duration.h"
#include "base/errmsg.h"
#include "pmi/method.h"
#include "pmi/method_plugin.h"

struct pmi {
    const struct pmi_method *method;    /* NULL: single */
    char *scheme;
    void *data;
    struct pmi_place place;
    struct launcher launcher;
    struct pmi_args args;
    double timeout;
    char *mapping;
    char *note;
};

static const struct pmi_method *const methods[] = {
    &method_simple, &method_libpmi2, &method_libpmi, &method_rendezvous,
};

static void trace (struct pmi *p, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));

/* The wire protocol traces its own lines. */
static void trace (struct pmi *p, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (!p->args.debug || p->method == &method_simple)
        return;
    va_start (ap, fmt);
    if (vasprintf (&text, fmt, ap) < 0)
        text = NULL;
    va_end (ap);
    fprintf (stderr, "%d: %s: %s\n", p->place.rank, pmi_method (p), text ? text : fmt);
    free (text);
}

/* --- the search --- */

static const struct pmi_method *method_find (const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof (methods) / sizeof (methods[0]); i++)
        if (strlen (methods[i]->scheme) == len && !strncmp (methods[i]->scheme, word, len))
            return methods[i];
    return NULL;
}

/* In an object of its own, so that nobody else loads libpmix. */
static const struct pmi_method *load_pmix (flux_error_t *err)
{
    flux_error_t why;
    const struct pmi_method *m;

    if (!getenv ("PMIX_RANK"))
        errmsg (err, -ENOENT, "PMIX_RANK is not set");
    else if ((m = dso_symbol_apart ("pmixclient", "method_pmixclient", &why)))
        return m;
    else
        errmsg (err, -ENOENT, "this build is without PMIx, or libpmix is missing: %s", why.text);
    return NULL;
}

/* A library that finds no server may say that all is well and the size is 1. */
static int check_place (struct pmi *p, const struct pmi_place *place, flux_error_t *err)
{
    const struct launcher *l = &p->launcher;

    if (launcher_is_parallel (l)
        && (place->size == 1 || (l->size > 0 && place->size != l->size)))
        return errmsg (err, -ENOENT, "says rank %d of %d, where %s says rank %d of %d",
                       place->rank, place->size, l->name, l->rank, l->size);
    if (place->rank < 0 || place->size < 1 || place->rank >= place->size)
        return errmsg (err, -ENOENT, "rank %d of size %d is out of range", place->rank,
                       place->size);
    return 0;
}

/* The method has joined; is it to be believed? */
static int take_method (struct pmi *p, const struct pmi_method *m, const char *scheme,
                        void *data, const struct pmi_place *place, flux_error_t *err)
{
    char *copy = strdup (scheme);
    int rc = copy ? 0 : errmsg (err, -ENOMEM, "out of memory");

    if (rc == 0 && m != &method_simple && strcmp (scheme, "pmix") != 0)
        rc = check_place (p, place, err);
    if (rc < 0) {
        free (copy);
        m->close (data);
        return rc;
    }
    p->method = m;
    p->scheme = copy;
    p->data = data;
    p->place = *place;
    return 0;
}

static int try_method (struct pmi *p, const struct pmi_method *m, const char *path,
                       flux_error_t *err)
{
    struct pmi_context ctx = { .args = &p->args, .launcher = &p->launcher,
                               .timeout = p->timeout };
    struct pmi_place place = { 0 };
    void *data = NULL;
    int rc;

    if ((rc = m->open (&ctx, path, &data, &place, err)) < 0)
        return rc;
    return take_method (p, m, m->scheme, data, &place, err);
}

static int try_plugin (struct pmi *p, const char *word, const char *path, flux_error_t *err)
{
    char name[64];
    struct pmi_place place = { 0 };
    void *data = NULL;
    int len = strcspn (word, ":");
    int rc;

    if (snprintf (name, sizeof (name), "%.*s", len, word) >= (int)sizeof (name))
        rc = -ENOENT;
    else
        rc = method_plugin_open (name, path, p->args.plugindirs, &data, &place, err);
    if (rc == -ENOENT && !err->text[0])
        return errmsg (err, -EINVAL, "there is no such method (there are: %s), and no plugin"
                       " of that name", PMI_DEFAULT_METHODS);
    return rc < 0 ? rc : take_method (p, &method_plugin, name, data, &place, err);
}

static void say_alone (struct pmi *p)
{
    struct launcher *l = &p->launcher;
    char nodes[64] = "";
    int rc;

    if (l->program || !l->name)
        return;
    if (l->nnodes > 0)
        snprintf (nodes, sizeof (nodes), ", which has %d node%s", l->nnodes,
                  l->nnodes > 1 ? "s" : "");
    if (!strcmp (l->name, "Slurm"))
        rc = asprintf (&p->note, "this is no step of Slurm job %s%s: the instance has this"
                       " node only (for all of them: srun -N%d -n%d flux start)", l->job,
                       nodes, l->nnodes, l->nnodes);
    else
        rc = asprintf (&p->note, "no launcher started this process of %s job %s%s: the"
                       " instance has this node only (for all of them, use the launcher of"
                       " %s)", l->name, l->job, nodes, l->name);
    if (rc < 0)
        p->note = NULL;
}

static int try_single (struct pmi *p, bool first, flux_error_t *err)
{
    struct launcher *l = &p->launcher;

    if (!first && launcher_is_parallel (l)) {
        if (l->size > 0)
            return errmsg (err, -ENOENT, "this is one of %d processes", l->size);
        return errmsg (err, -ENOENT, "this is one of several processes");
    }
    p->place.size = 1;
    snprintf (p->place.name, sizeof (p->place.name), "singleton");
    if (!first)
        say_alone (p);
    return 0;
}

/* One entry of the list.  1: found. */
static int try_word (struct pmi *p, const char *word, bool first, flux_error_t *err)
{
    size_t len = strcspn (word, ":");
    const struct pmi_method *m = method_find (word, len);
    const char *path = word[len] == ':' && word[len + 1] ? word + len + 1 : NULL;
    int rc;

    if (!strcmp (word, "single"))
        rc = try_single (p, first, err);
    else if (!strcmp (word, "pmix"))
        rc = (m = load_pmix (err)) ? try_method (p, m, NULL, err) : -ENOENT;
    else if (m)
        rc = try_method (p, m, path, err);
    else
        rc = try_plugin (p, word, path, err);
    if (p->args.debug)
        fprintf (stderr, "%d: open %s: %s\n", p->place.rank, word,
                 rc < 0 ? err->text : "success");
    return rc < 0 ? rc : 1;
}

static int search (struct pmi *p, char *list, struct buf *tried)
{
    char *save = NULL;
    int ntried = 0;

    for (char *word = strtok_r (list, " ", &save); word; word = strtok_r (NULL, " ", &save)) {
        flux_error_t err = { 0 };
        int rc = try_word (p, word, ntried == 0, &err);
        if (rc > 0)
            return 0;
        buf_addf (tried, "%s%s: %s", ntried++ ? "; " : "", word, err.text);
        if (rc != -ENOENT)
            return rc;
    }
    if (ntried == 0) {
        buf_adds (tried, "the list of methods is empty");
        return -EINVAL;
    }
    return -ENOENT;
}

static void explain (struct pmi *p, const char *tried, int rc, struct buf *why)
{
    const struct launcher *l = &p->launcher;

    if (rc != -ENOENT)
        buf_addf (why, "bootstrap: %s", tried);
    else if (!launcher_is_parallel (l))
        buf_addf (why, "bootstrap: no method works (%s)", tried);
    else {
        buf_adds (why, "bootstrap: this is ");
        if (l->rank >= 0)
            buf_addf (why, "rank %d", l->rank);
        else
            buf_adds (why, "a process");
        if (l->size > 0)
            buf_addf (why, " of %d", l->size);
        buf_addf (why, " that %s started, but no method to find the others works (%s): %s",
                  strcmp (l->name, "PMI") ? l->name : "a launcher", tried,
                  launcher_advice (l));
    }
}

/* On a machine without a launcher no library is looked for: it would say 0 of 1. */
static const char *default_methods (const struct launcher *l)
{
    const char *s = getenv ("FLUX_PMI_CLIENT_METHODS");

    if (s)
        return s;
    return l->program || l->offers_pmi ? PMI_DEFAULT_METHODS : "simple single";
}

/* Others end all processes when one dies; srun lets the rest wait for ever, and nobody
 * is there to end a rendezvous. */
static int set_timeout (struct pmi *p, struct buf *why)
{
    const char *s = getenv ("FLUX_BOOT_TIMEOUT");
    double seconds = !p->launcher.program || !p->launcher.id[0] ? 0. : 60.;

    if (s && duration_parse (s, &seconds) < 0) {
        buf_addf (why, "bootstrap: FLUX_BOOT_TIMEOUT=%.40s is not a duration such as 60s", s);
        return -EINVAL;
    }
    p->timeout = isfinite (seconds) ? seconds : 0.;
    return 0;
}

struct pmi *pmi_open (const struct pmi_args *args, struct buf *why)
{
    struct pmi *p = calloc (1, sizeof (*p));
    struct buf tried = BUF_INIT;
    char *list;
    int rc;

    if (!p)
        goto nomem;
    p->args = *args;
    launcher_find (&p->launcher);
    if (!(list = strdup (args->methods ? args->methods : default_methods (&p->launcher))))
        goto nomem;
    if ((rc = set_timeout (p, why)) == 0 && (rc = search (p, list, &tried)) < 0)
        explain (p, tried.data, rc, why);
    buf_release (&tried);
    free (list);
    if (rc < 0) {
        pmi_close (p);
        errno = -rc;
        return NULL;
    }
    return p;
nomem:
    buf_adds (why, "out of memory");
    pmi_close (p);
    errno = ENOMEM;
    return NULL;
}

void pmi_close (struct pmi *p)
{
    if (!p)
        return;
    if (p->method)
        p->method->close (p->data);
    free (p->scheme);
    free (p->mapping);
    free (p->note);
    free (p);
}

/* --- the place --- */

const char *pmi_method (const struct pmi *p)
{
    return p->method ? p->scheme : "single";
}

int pmi_rank (const struct pmi *p)
{
    return p->place.rank;
}

int pmi_size (const struct pmi *p)
{
    return p->place.size;
}

const char *pmi_name (const struct pmi *p)
{
    return p->place.name;
}

const char *pmi_note (const struct pmi *p)
{
    return p->note;
}

/* --- the exchange --- */

static const char *outcome (int rc, const flux_error_t *err)
{
    return rc == 0 ? "success" : err && err->text[0] ? err->text : strerror (-rc);
}

int pmi_put (struct pmi *p, const char *key, const char *value, flux_error_t *err)
{
    int rc = p->method ? p->method->put (p->data, key, value, err) : 0;

    trace (p, "put %s=%s: %s", key, value, outcome (rc, err));
    return rc;
}

/* Many a launcher keeps the map to itself; its environment may tell. */
static int get_mapping (struct pmi *p, const char **valuep)
{
    char buf[1024];

    if (p->place.size != p->launcher.size || launcher_mapping (&p->launcher, buf, sizeof (buf)) < 0)
        return -ENOENT;
    free (p->mapping);
    if (!(p->mapping = strdup (buf)))
        return -ENOMEM;
    *valuep = p->mapping;
    return 0;
}

int pmi_get (struct pmi *p, const char *key, const char **valuep, flux_error_t *err)
{
    int rc = p->method ? p->method->get (p->data, key, valuep, err) : -ENOENT;

    if (rc == -ENOENT && !strcmp (key, "PMI_process_mapping"))
        rc = get_mapping (p, valuep);
    if (rc < 0)
        trace (p, "get %s: %s", key, outcome (rc, rc == -ENOENT ? NULL : err));
    else
        trace (p, "get %s=%s", key, *valuep);
    return rc;
}

int pmi_barrier (struct pmi *p, flux_error_t *err)
{
    int rc = p->method ? p->method->barrier (p->data, err) : 0;

    if (rc == -ETIMEDOUT && p->method != &method_rendezvous)
        errmsg (err, rc, "not all of %d processes came within %g seconds: one may have died,"
                " or FLUX_BOOT_TIMEOUT must be longer", p->place.size, p->timeout);
    trace (p, "barrier: %s", outcome (rc, err));
    return rc;
}

int pmi_finalize (struct pmi *p, flux_error_t *err)
{
    int rc = p->method ? p->method->finalize (p->data, err) : 0;

    trace (p, "finalize: %s", outcome (rc, err));
    return rc;
}

void pmi_abort (struct pmi *p, int exit_code, const char *msg)
{
    trace (p, "abort %d: %s", exit_code, msg);
    if (p->method)
        p->method->abort (p->data, exit_code, msg);
}
