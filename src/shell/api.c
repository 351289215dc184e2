/* api.c - options, environment, information and references (flux_shell_*(3))
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/duration.h"
#include "base/hash.h"
#include "core/aux.h"
#include "shell/internal.h"
#include "spec/jobspec.h"

static int einval (void)
{
    errno = EINVAL;
    return -1;
}

/* Encode 'o' (a reference that is consumed) for a caller that frees it. */
static int give_json (json_t *o, char **json_str)
{
    char *s = o ? json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    json_decref (o);
    if (!s) {
        errno = ENOMEM;
        return -1;
    }
    *json_str = s;
    return 0;
}

static int unpack_json (json_t *o, const char *fmt, va_list ap)
{
    json_error_t error;
    int rc = o ? json_vunpack_ex (o, &error, 0, fmt, ap) : -1;

    json_decref (o);
    if (rc < 0)
        errno = o ? EINVAL : ENOMEM;
    return rc;
}

/* Completion references */

static char *vformat (const char *fmt, va_list ap)
{
    char *s = NULL;

    return vasprintf (&s, fmt, ap) < 0 ? NULL : s;
}

int flux_shell_add_completion_ref (flux_shell_t *shell, const char *fmt, ...)
{
    va_list ap;
    char *name;
    intptr_t n;

    if (!shell || !fmt)
        return einval ();
    va_start (ap, fmt);
    name = vformat (fmt, ap);
    va_end (ap);
    if (!name)
        return -1;
    n = (intptr_t)hash_get (shell->refs, name) + 1;
    if (hash_set (shell->refs, name, (void *)n) < 0)
        n = -1;
    else
        shell->refcount++;
    free (name);
    return n;
}

int flux_shell_remove_completion_ref (flux_shell_t *shell, const char *fmt, ...)
{
    va_list ap;
    char *name;
    intptr_t n;

    if (!shell || !fmt)
        return einval ();
    va_start (ap, fmt);
    name = vformat (fmt, ap);
    va_end (ap);
    if (!name)
        return -1;
    n = (intptr_t)hash_get (shell->refs, name);
    if (n > 1)
        hash_set (shell->refs, name, (void *)(n - 1));
    else
        hash_del (shell->refs, name);
    free (name);
    if (n == 0) {
        errno = ENOENT;
        return -1;
    }
    if (--shell->refcount == 0)
        flux_reactor_stop (shell->r);
    return 0;
}

/* Options */

const json_t *shell_option (flux_shell_t *shell, const char *path)
{
    const json_t *o = shell->options;
    char key[128];

    /* "a.b" may be one key or a walk */
    if (json_object_get (o, path))
        return json_object_get (o, path);
    while (o && *path) {
        size_t n = strcspn (path, ".");
        if (n >= sizeof (key))
            return NULL;
        memcpy (key, path, n);
        key[n] = '\0';
        o = json_object_get (o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

bool shell_option_true (flux_shell_t *shell, const char *path)
{
    const json_t *o = shell_option (shell, path);

    return o && !json_is_false (o) && !(json_is_integer (o) && json_integer_value (o) == 0);
}

int shell_option_duration (flux_shell_t *shell, const char *path, double *valp)
{
    const json_t *o = shell_option (shell, path);

    if (!o)
        return 0;
    if (json_is_number (o) && json_number_value (o) >= 0) {
        *valp = json_number_value (o);
        return 0;
    }
    return json_is_string (o) ? duration_parse (json_string_value (o), valp) : -EINVAL;
}

int flux_shell_getopt (flux_shell_t *shell, const char *name, char **json_str)
{
    const json_t *o;

    if (!shell || !name)
        return einval ();
    shell_option_claim (shell, name);
    if (!(o = shell_option (shell, name)))
        return 0;
    if (json_str && give_json (json_incref ((json_t *)o), json_str) < 0)
        return -1;
    return 1;
}

int flux_shell_getopt_unpack (flux_shell_t *shell, const char *name, const char *fmt, ...)
{
    const json_t *o;
    va_list ap;
    int rc;

    if (!shell || !name || !fmt)
        return einval ();
    shell_option_claim (shell, name);
    if (!(o = shell_option (shell, name)))
        return 0;
    va_start (ap, fmt);
    rc = unpack_json (json_incref ((json_t *)o), fmt, ap);
    va_end (ap);
    return rc < 0 ? -1 : 1;
}

/* The object that 'name' is a key of, whole or by what follows its last period: as
 * shell_option() finds it.  Those on the way are made if 'make'; NULL with errno. */
static json_t *option_parent (flux_shell_t *shell, const char *name, bool make,
                              const char **keyp)
{
    json_t *o = shell->options, *next;
    const char *dot;

    if (json_object_get (o, name)) {
        *keyp = name;
        return o;
    }
    for (; (dot = strchr (name, '.')); name = dot + 1, o = next) {
        size_t n = dot - name;

        if ((next = json_object_getn (o, name, n)))
            continue;
        errno = make ? ENOMEM : ENOENT;
        if (!make || json_object_setn_new (o, name, n, json_object ()) < 0)
            return NULL;
        next = json_object_getn (o, name, n);
    }
    if (!json_is_object (o)) {
        errno = EINVAL;
        return NULL;
    }
    *keyp = name;
    return o;
}

static int set_option (flux_shell_t *shell, const char *name, json_t *val)
{
    const char *key;
    json_t *o = option_parent (shell, name, true, &key);

    if (!o) {
        json_decref (val);
        return -1;
    }
    if (json_object_set_new (o, key, val) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

int flux_shell_setopt (flux_shell_t *shell, const char *name, const char *json_str)
{
    json_t *val;

    if (!shell || !name)
        return einval ();
    shell_option_claim (shell, name);
    if (!json_str) {
        const char *key;
        json_t *o = option_parent (shell, name, false, &key);

        (void)json_object_del (o, key);
        return 0;
    }
    if (!(val = json_loads (json_str, JSON_DECODE_ANY, NULL)))
        return einval ();
    return set_option (shell, name, val);
}

int flux_shell_setopt_pack (flux_shell_t *shell, const char *name, const char *fmt, ...)
{
    va_list ap;
    json_t *val;

    if (!shell || !name || !fmt)
        return einval ();
    va_start (ap, fmt);
    val = json_vpack_ex (NULL, 0, fmt, ap);
    va_end (ap);
    return val ? set_option (shell, name, val) : einval ();
}

int shell_parse_size (const json_t *o, size_t max, size_t *valp)
{
    static const char suffix[] = "kKMG";
    static const double mult[] = { 1024, 1024, 1024. * 1024, 1024. * 1024 * 1024 };
    char *end;
    double v;

    if (json_is_integer (o))
        v = json_integer_value (o);
    else if (json_is_string (o)) {
        const char *s;
        v = strtod (json_string_value (o), &end);
        if (*end && (s = strchr (suffix, *end)) && end[1] == '\0')
            v *= mult[s - suffix];
        else if (*end || end == json_string_value (o))
            return -EINVAL;
    }
    else
        return -EINVAL;
    if (!(v >= 0) || v > max)
        return -ERANGE;
    *valp = v;
    return 0;
}

/* Environment */

const char *flux_shell_getenv (flux_shell_t *shell, const char *name)
{
    if (!shell || !name)
        return NULL;
    return json_string_value (json_object_get (shell->env, name));
}

int flux_shell_get_environ (flux_shell_t *shell, char **json_str)
{
    if (!shell || !json_str)
        return einval ();
    return give_json (json_incref (shell->env), json_str);
}

int flux_shell_setenvf (flux_shell_t *shell, int overwrite, const char *name,
                        const char *fmt, ...)
{
    va_list ap;
    char *val;
    int rc;

    if (!shell || !name || !fmt)
        return einval ();
    if (!overwrite && json_object_get (shell->env, name)) {
        errno = EEXIST;
        return -1;
    }
    va_start (ap, fmt);
    val = vformat (fmt, ap);
    va_end (ap);
    if (!val)
        return -1;
    rc = json_object_set_new (shell->env, name, json_string (val));
    free (val);
    return rc;
}

int flux_shell_unsetenv (flux_shell_t *shell, const char *name)
{
    if (!shell || !name)
        return einval ();
    if (json_object_del (shell->env, name) < 0) {
        errno = ENOENT;
        return -1;
    }
    return 0;
}

/* Information */

static json_t *info_object (flux_shell_t *shell)
{
    const struct shell_info *i = &shell->info;

    return json_pack ("{s:I s:i s:i s:i s:i s:s s:{s:b s:b} s:O s:O}",
                      "jobid", i->jobid, "instance_owner", (int)i->userid,
                      "rank", i->shell_rank, "size", i->nshells, "ntasks", i->total_ntasks,
                      "service", shell->service,
                      "options", "verbose", shell->verbose > 0, "standalone", 0,
                      "jobspec", jobspec_json (i->jobspec), "R", i->R_json);
}

int flux_shell_get_info (flux_shell_t *shell, char **json_str)
{
    if (!shell || !json_str)
        return einval ();
    return give_json (info_object (shell), json_str);
}

/* What a caller unpacks is borrowed from the object: all that were given out stay, which
 * are few, as only one that differs from the last is another.  Takes 'o'; the object to
 * unpack, or NULL. */
static json_t *keep_object (flux_shell_t *shell, const char *name, json_t *o)
{
    json_t *last = flux_shell_aux_get (shell, name);

    if (json_equal (o, last)) {
        json_decref (o);
        return last;
    }
    if ((last && flux_shell_aux_set (shell, NULL, json_incref (last),
                                     (flux_free_f)json_decref) < 0)
        || flux_shell_aux_set (shell, name, o, (flux_free_f)json_decref) < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

int flux_shell_info_unpack (flux_shell_t *shell, const char *fmt, ...)
{
    va_list ap;
    int rc;
    json_t *o;

    if (!shell || !fmt || !(o = info_object (shell)))
        return einval ();
    if (!(o = keep_object (shell, "flux::shell_info", o)))
        return -1;
    va_start (ap, fmt);
    rc = unpack_json (json_incref (o), fmt, ap);
    va_end (ap);
    return rc;
}

static json_t *rank_object (flux_shell_t *shell, int rank)
{
    const struct shell_info *info = &shell->info;
    const struct shell_node *n = &info->nodes[rank];
    const struct idset *ids = NULL;
    char *taskids = NULL;
    char *cores = NULL;
    char *gpus = NULL;
    json_t *o;

    if (info->taskmap && rank < taskmap_nnodes (info->taskmap))
        ids = taskmap_taskids (info->taskmap, rank);
    if (ids)
        taskids = idset_encode (ids, IDSET_FLAG_RANGE);
    if (n->cores)
        cores = idset_encode (n->cores, IDSET_FLAG_RANGE);
    if (n->gpus && n->ngpus > 0)
        gpus = idset_encode (n->gpus, IDSET_FLAG_RANGE);
    o = json_pack ("{s:i s:s s:i s:i s:s s:{s:i s:s s:s*}}",
                   "id", rank, "name", n->host, "broker_rank", (int)n->broker_rank,
                   "ntasks", ids ? (int)idset_count (ids) : 0, "taskids", taskids ? taskids : "",
                   "resources", "ncores", n->ncores, "cores", cores ? cores : "", "gpus", gpus);
    free (taskids);
    free (cores);
    free (gpus);
    return o;
}

static int valid_rank (flux_shell_t *shell, int *rank)
{
    if (*rank == -1)
        *rank = shell->info.shell_rank;
    return *rank >= 0 && *rank < shell->info.nshells;
}

int flux_shell_get_rank_info (flux_shell_t *shell, int shell_rank, char **json_str)
{
    if (!shell || !json_str || !valid_rank (shell, &shell_rank))
        return einval ();
    return give_json (rank_object (shell, shell_rank), json_str);
}

int flux_shell_rank_info_unpack (flux_shell_t *shell, int shell_rank, const char *fmt, ...)
{
    char name[48];
    va_list ap;
    json_t *o;
    int rc;

    if (!shell || !fmt || !valid_rank (shell, &shell_rank)
        || !(o = rank_object (shell, shell_rank)))
        return einval ();
    snprintf (name, sizeof (name), "flux::rank_info.%d", shell_rank);
    if (!(o = keep_object (shell, name, o)))
        return -1;
    va_start (ap, fmt);
    rc = unpack_json (json_incref (o), fmt, ap);
    va_end (ap);
    return rc;
}

static json_t *jobspec_object (flux_shell_t *shell)
{
    const struct jobspec_request *r = jobspec_request (shell->info.jobspec);
    int version = jobspec_version (shell->info.jobspec);

    if (!r->simple)
        return json_pack ("{s:i}", "version", version);
    return json_pack ("{s:i s:i s:i s:i s:i s:i s:i s:b}", "version", version,
                      "ntasks", shell->info.total_ntasks, "nslots", r->slots_total,
                      "cores_per_slot", r->cores_per_slot, "gpus_per_slot", r->gpus_per_slot,
                      "nnodes", r->nnodes > 0 ? r->nnodes : -1,
                      "slots_per_node", r->nnodes > 0 ? r->nslots : -1,
                      "node_exclusive", r->node_exclusive);
}

int flux_shell_get_jobspec_info (flux_shell_t *shell, char **json_str)
{
    if (!shell || !json_str)
        return einval ();
    return give_json (jobspec_object (shell), json_str);
}

int flux_shell_jobspec_info_unpack (flux_shell_t *shell, const char *fmt, ...)
{
    va_list ap;
    int rc;

    if (!shell || !fmt)
        return einval ();
    va_start (ap, fmt);
    rc = unpack_json (jobspec_object (shell), fmt, ap);
    va_end (ap);
    return rc;
}

const struct taskmap *flux_shell_get_taskmap (flux_shell_t *shell)
{
    if (!shell || !shell->info.taskmap) {
        errno = EINVAL;
        return NULL;
    }
    return shell->info.taskmap;
}

const struct hostlist *flux_shell_get_hostlist (flux_shell_t *shell)
{
    if (!shell) {
        errno = EINVAL;
        return NULL;
    }
    return shell->info.hostlist;
}

flux_t *flux_shell_get_flux (flux_shell_t *shell)
{
    if (!shell) {
        errno = EINVAL;
        return NULL;
    }
    return shell->h;
}

int flux_shell_aux_set (flux_shell_t *shell, const char *name, void *aux, flux_free_f free_fn)
{
    int rc;

    if (!shell)
        return einval ();
    if ((rc = aux_set (&shell->aux, name, aux, free_fn)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

void *flux_shell_aux_get (flux_shell_t *shell, const char *name)
{
    void *val = shell ? aux_get (shell->aux, name) : NULL;

    if (!val)
        errno = shell ? ENOENT : EINVAL;
    return val;
}

/* Events */

int flux_shell_add_event_context (flux_shell_t *shell, const char *name, int flags,
                                  const char *fmt, ...)
{
    va_list ap;
    json_t *o;
    json_t *have;
    int rc;

    if (!shell || !name || !fmt)
        return einval ();
    va_start (ap, fmt);
    o = json_vpack_ex (NULL, 0, fmt, ap);
    va_end (ap);
    if (!o)
        return einval ();
    if ((have = json_object_get (shell->event_context, name))) {
        rc = json_object_update (have, o);
        json_decref (o);
    }
    else
        rc = json_object_set_new (shell->event_context, name, o);
    return rc;
}
