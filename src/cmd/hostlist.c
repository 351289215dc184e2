/* hostlist.c - flux hostlist (flux-hostlist(1))
 *
 *   sources ─► lists ─► one list (concatenated, or by a set operation)
 *           ─► without --exclude ─► sorted ─► --nth, --limit ─► printed
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/hash.h"
#include "cmd/cmd.h"
#include "cmd/hostlist.h"
#include "cmd/subs.h"

#define USAGE_ERROR 2
#define STDIN_TIMEOUT 15.0

struct lists {
    struct hostlist **v;
    size_t n;
};

static flux_t *instance (flux_t **hp)
{
    return *hp ? *hp : (*hp = cmd_open ());
}

static struct hostlist *need (struct hostlist *hl)
{
    if (!hl)
        cmd_die (1, "out of memory");
    return hl;
}

static const char *too_many (void)
{
    return errno == ERANGE ? ": too many hosts, or digits" : "";
}

static void append (struct hostlist *hl, const char *hosts)
{
    if (*hosts && hostlist_append (hl, hosts) < 0)
        cmd_die (1, "Invalid jobid or hostlist %s%s", hosts, too_many ());
}

/* Whole runs, not host by host */
static void append_all (struct hostlist *hl, struct hostlist *more)
{
    if (hostlist_append_list (hl, more) < 0)
        cmd_die (1, "cannot join the lists: %s", errno == ERANGE ? "too many hosts in all"
                                                                 : strerror (errno));
}

/* Sources */

static struct hostlist *of_instance (flux_t *h)
{
    const char *s = flux_attr_get (h, "hostlist");
    struct hostlist *hl = need (hostlist_create ());

    if (!s)
        cmd_die (1, "attribute hostlist: %s", flux_strerror (errno));
    append (hl, s);
    return hl;
}

/* Ranks of resource.status that no job can have. */
static struct idset *unavailable (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "resource.status", NULL, 0, 0);
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    const char *offline = "";
    json_t *drain = NULL;
    const char *key;
    json_t *o;

    cmd_check (f, "cannot tell which hosts are available");
    if (!ids || flux_rpc_get_unpack (f, "{s?s s?o}", "offline", &offline, "drain", &drain) < 0
        || idset_decode_add (ids, offline, -1, NULL) < 0)
        cmd_die (1, "resource.status: malformed answer");
    json_object_foreach (drain, key, o) {
        if (idset_decode_add (ids, key, -1, NULL) < 0)
            cmd_die (1, "resource.status: malformed answer");
    }
    flux_future_destroy (f);
    return ids;
}

static struct hostlist *of_available (flux_t *h)
{
    struct hostlist *all = of_instance (h);
    struct hostlist *hl = need (hostlist_create ());
    struct idset *without = unavailable (h);
    unsigned int rank = 0;

    for (const char *s = hostlist_first (all); s; s = hostlist_next (all)) {
        if (!idset_test (without, rank++))
            append (hl, s);
    }
    idset_destroy (without);
    hostlist_destroy (all);
    return hl;
}

/* NULL: there is no such job. */
static struct hostlist *of_job (flux_t *h, flux_jobid_t id, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}",
                                      "id", (json_int_t)id, "attrs", "nodelist");
    struct hostlist *hl = NULL;
    const char *s = "";

    if (f && flux_rpc_get_unpack (f, "{s:{s?s}}", "job", "nodelist", &s) == 0) {
        hl = need (hostlist_create ());
        append (hl, s);
    }
    else if (!f || errno != ENOENT)
        cmd_die (1, "job %s: %s", name, f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    return hl;
}

/* Somebody who forgot a source is not to wait for ever. */
static void wait_for_stdin (void)
{
    const char *s = getenv ("FLUX_HOSTLIST_STDIN_TIMEOUT");
    struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
    double timeout = STDIN_TIMEOUT;
    char *end;

    if (s && *s) {
        timeout = strtod (s, &end);
        if (*end || end == s || !(timeout >= 0 && timeout < 1e6))
            cmd_die (1, "FLUX_HOSTLIST_STDIN_TIMEOUT=%s: want seconds", s);
    }
    if (timeout > 0 && poll (&pfd, 1, (int)ceil (timeout * 1000)) == 0)
        cmd_die (1, "nothing on standard input for %gs: name a source, such as 'instance'",
                 timeout);
}

static struct hostlist *of_stdin (void)
{
    struct hostlist *hl = need (hostlist_create ());
    char *word = NULL;
    int rc;

    wait_for_stdin ();

    while ((rc = scanf ("%ms", &word)) == 1) {
        append (hl, word);
        free (word);
    }
    if (ferror (stdin))
        cmd_die (1, "cannot read standard input: %s", strerror (errno));
    return hl;
}

static struct hostlist *of_job_or_die (flux_t *h, flux_jobid_t id, const char *name)
{
    struct hostlist *hl = of_job (h, id, name);

    if (!hl)
        cmd_die (1, "job %s not found", name);
    return hl;
}

static struct hostlist *of_local (flux_t **hp)
{
    const char *s = getenv ("FLUX_JOB_ID");
    flux_jobid_t id;

    if (!s)
        return of_instance (instance (hp));
    if (flux_job_id_parse (s, &id) < 0)
        cmd_die (1, "FLUX_JOB_ID=%s is not a job id", s);
    return of_job_or_die (instance (hp), id, s);
}

static struct hostlist *of_source (flux_t **hp, const char *s, bool fallback)
{
    struct hostlist *hl;
    flux_jobid_t id;

    if (strcmp (s, "instance") == 0)
        return of_instance (instance (hp));
    if (strcmp (s, "local") == 0)
        return of_local (hp);
    if (strcmp (s, "avail") == 0 || strcmp (s, "available") == 0)
        return of_available (instance (hp));
    if (strcmp (s, "stdin") == 0 || strcmp (s, "-") == 0)
        return of_stdin ();
    if (flux_job_id_parse (s, &id) == 0) {
        if ((hl = of_job (instance (hp), id, s)))
            return hl;
        if (!fallback)
            cmd_die (1, "job %s not found", s);
    }
    hl = need (hostlist_create ());
    append (hl, s);
    return hl;
}

/* Set operations: in how many lists, and whether in the first */

struct member {
    size_t lists;       /* that have it */
    size_t last;        /* 1 + index of the last list that was counted */
    bool in_first;
    bool emitted;
};

static struct hash *count_members (const struct lists *ls)
{
    struct hash *h = hash_new (free);

    for (size_t i = 0; h && i < ls->n; i++) {
        for (const char *s = hostlist_first (ls->v[i]); s; s = hostlist_next (ls->v[i])) {
            struct member *m = hash_get (h, s);
            if (!m && (!(m = calloc (1, sizeof (*m))) || hash_set (h, s, m) < 0))
                cmd_die (1, "out of memory");
            if (m->last != i + 1)
                m->lists++;
            m->last = i + 1;
            m->in_first |= i == 0;
        }
    }
    if (!h)
        cmd_die (1, "out of memory");
    return h;
}

static bool is_wanted (char op, const struct member *m, size_t nlists)
{
    switch (op) {
        case 'i':
            return m->lists == nlists;
        case 'm':
            return m->in_first && m->lists == 1;
        case 'X':
            return m->lists % 2 == 1;
        default:
            return true;
    }
}

/* Each host that the operation keeps; once, but that minus keeps what the first
 * list repeats. */
static struct hostlist *combine (const struct lists *ls, char op)
{
    struct hostlist *hl = need (hostlist_create ());
    struct hash *members = op ? count_members (ls) : NULL;

    for (size_t i = 0; !op && i < ls->n; i++)
        append_all (hl, ls->v[i]);
    for (size_t i = 0; op && i < ls->n; i++) {
        for (const char *s = hostlist_first (ls->v[i]); s; s = hostlist_next (ls->v[i])) {
            struct member *m = hash_get (members, s);
            if (m && (!is_wanted (op, m, ls->n) || (m->emitted && op != 'm')))
                continue;
            append (hl, s);
            if (m)
                m->emitted = true;
        }
    }
    hash_free (members);
    return hl;
}

static char get_operation (optparse_t *p)
{
    static const struct {
        const char *name;
        char op;
    } ops[] = { { "union", 'u' }, { "intersect", 'i' }, { "minus", 'm' }, { "xor", 'X' } };
    char op = 0;

    for (int i = 0; i < 4; i++) {
        if (!optparse_hasopt (p, ops[i].name)
            && !(i == 0 && optparse_hasopt (p, "unique")))
            continue;
        if (op && op != 'u')
            cmd_die (USAGE_ERROR, "--intersect, --minus and --xor exclude one another");
        op = ops[i].op;
    }
    return op;
}

/* Selections */

static struct hostlist *exclude (struct hostlist *hl, const char *arg)
{
    struct idset *ids = idset_decode (arg);
    struct hostlist *rest;
    unsigned int i = 0;

    if (!ids) {
        if (hostlist_delete (hl, arg) < 0)
            cmd_die (1, "--exclude=%s: neither indices nor hosts", arg);
        return hl;
    }
    rest = need (hostlist_create ());
    for (const char *s = hostlist_first (hl); s; s = hostlist_next (hl)) {
        if (!idset_test (ids, i++))
            append (rest, s);
    }
    hostlist_destroy (hl);
    idset_destroy (ids);
    return rest;
}

static struct hostlist *select_nth (struct hostlist *hl, const char *arg)
{
    bool from_end = *arg == '-';
    struct idset *ids = idset_decode (arg + from_end);
    struct hostlist *sel = need (hostlist_create ());
    int n = hostlist_count (hl);

    if (!ids)
        cmd_die (1, "--nth=%s: not an idset like 0-3,7 (or -IDSET, from the end)", arg);
    for (unsigned int id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        long i = from_end ? (long)n - (long)id : (long)id;
        if (i < 0 || i >= n)
            cmd_die (1, "--nth=%s: no host has the index %s%u: there are %d", arg,
                     from_end ? "-" : "", id, n);
        append (sel, hostlist_nth (hl, i));
    }
    idset_destroy (ids);
    hostlist_destroy (hl);
    return sel;
}

static struct hostlist *limit (struct hostlist *hl, int n)
{
    struct hostlist *sel = need (hostlist_create ());
    int count = hostlist_count (hl);
    int first = n < 0 && -(long)n < count ? count + n : 0;
    int end = n < 0 || n > count ? count : n;

    for (int i = first; i < end; i++)
        append (sel, hostlist_nth (hl, i));
    hostlist_destroy (hl);
    return sel;
}

/* Output */

static void print_found (struct hostlist *hl, const char *arg)
{
    struct hostlist *want = hostlist_decode (arg);
    struct buf b = BUF_INIT;

    if (!want)
        cmd_die (1, "--find=%s: not a hostlist", arg);
    for (const char *s = hostlist_first (want); s; s = hostlist_next (want)) {
        int i = hostlist_find (hl, s);
        if (i < 0)
            cmd_die (1, "host '%s' not found in hostlist", s);
        buf_addf (&b, "%s%d", b.len ? " " : "", i);
    }
    printf ("%s\n", b.data);
    buf_release (&b);
    hostlist_destroy (want);
}

/* "\n" and "\t" as people write them in a shell. */
static char *unescape (const char *s)
{
    struct buf b = BUF_INIT;

    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            buf_addc (&b, *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
        }
        else
            buf_addc (&b, *s);
    }
    return buf_take (&b);
}

static void print_expanded (struct hostlist *hl, const char *delimiter)
{
    char *sep = unescape (delimiter);
    bool first = true;

    if (!sep)
        cmd_die (1, "out of memory");
    for (const char *s = hostlist_first (hl); s; s = hostlist_next (hl)) {
        printf ("%s%s", first ? "" : sep, s);
        first = false;
    }
    putchar ('\n');
    free (sep);
}

static void print_result (optparse_t *p, struct hostlist *hl)
{
    char *s;

    if (optparse_hasopt (p, "quiet"))
        return;
    if (optparse_hasopt (p, "find"))
        print_found (hl, optparse_get_str (p, "find", ""));
    else if (optparse_hasopt (p, "count"))
        printf ("%d\n", hostlist_count (hl));
    else if (optparse_hasopt (p, "expand"))
        print_expanded (hl, optparse_get_str (p, "delimiter", " "));
    else {
        if (!(s = hostlist_encode (hl)))
            cmd_die (1, "out of memory");
        printf ("%s\n", s);
        free (s);
    }
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option opts[] = {
    OPT ("expand", 'e', NULL, "Expand the result, space-delimited"),
    OPT ("delimiter", 'd', "S", "Set the delimiter for --expand"),
    OPT ("count", 'c', NULL, "Print the number of hosts"),
    OPT ("nth", 'n', "IDS", "Output only hosts at indices IDS (-IDS: from the end)"),
    OPT ("find", 'F', "HOSTS", "Output the indices of HOSTS in the result"),
    OPT ("limit", 'L', "N", "Output at most N hosts (-N: the last N)"),
    OPT ("sort", 'S', NULL, "Display sorted result"),
    OPT ("union", 'u', NULL, "Return only unique hosts, sorted"),
    OPT ("unique", 0, NULL, "The same as --union"),
    OPT ("exclude", 'x', "HOSTS|IDS", "Exclude hosts or indices from the result"),
    OPT ("intersect", 'i', NULL, "Return the intersection of all hostlists"),
    OPT ("minus", 'm', NULL, "Subtract all hostlists from the first"),
    OPT ("xor", 'X', NULL, "Return the symmetric difference of all hostlists"),
    OPT ("fallback", 'f', NULL, "Treat what looks like a job id but is none as a host"),
    OPT ("local", 'l', NULL, "Change the default source to 'local'"),
    OPT ("quiet", 'q', NULL, "No output; exit 1 if the hostlist is empty"),
    OPTPARSE_TABLE_END,
};

static struct hostlist *gather (optparse_t *p, int argc, char **argv)
{
    static char local[] = "local";
    static char in[] = "stdin";
    char *def[] = { optparse_hasopt (p, "local") ? local : in };
    struct lists ls = { .n = argc > 0 ? argc : 1 };
    char **names = argc > 0 ? argv : def;
    char op = get_operation (p);
    struct hostlist *hl;
    flux_t *h = NULL;

    if (!(ls.v = calloc (ls.n, sizeof (*ls.v))))
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < ls.n; i++)
        ls.v[i] = of_source (&h, names[i], optparse_hasopt (p, "fallback"));
    hl = combine (&ls, op);
    for (size_t i = 0; i < ls.n; i++)
        hostlist_destroy (ls.v[i]);
    free (ls.v);
    flux_close (h);
    return hl;
}

static int get_limit (optparse_t *p)
{
    const char *s = optparse_get_str (p, "limit", "");
    char *end;
    long n = strtol (s, &end, 10);

    if (*end || end == s || n == 0 || n > INT_MAX || n < -INT_MAX)
        cmd_die (USAGE_ERROR, "--limit=%s: want a number, N or -N", s);
    return n;
}

int cmd_hostlist (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse_mixed ("[OPTIONS] [SOURCES]", "Fetch, combine, and manipulate hostlists",
                                     opts, argc, argv, &n);
    struct hostlist *hl = gather (p, argc - n, argv + n);
    bool empty;

    if (optparse_hasopt (p, "exclude"))
        hl = exclude (hl, optparse_get_str (p, "exclude", ""));
    if (optparse_hasopt (p, "union") || optparse_hasopt (p, "unique"))
        hostlist_uniq (hl);
    else if (optparse_hasopt (p, "sort"))
        hostlist_sort (hl);
    if (optparse_hasopt (p, "nth"))
        hl = select_nth (hl, optparse_get_str (p, "nth", ""));
    if (optparse_hasopt (p, "limit"))
        hl = limit (hl, get_limit (p));
    print_result (p, hl);
    empty = hostlist_is_empty (hl);
    hostlist_destroy (hl);
    n = optparse_hasopt (p, "quiet") && empty;
    optparse_destroy (p);
    return n;
}
