/* info.c - what the shell knows of its job
 *
 * The execution service hands it over in a memfd (FLUX_SHELL_INFO_FD); a shell
 * that was started some other way looks it up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/errmsg.h"
#include "base/fluid.h"
#include "shell/internal.h"
#include "spec/jobspec.h"
#include "spec/rset.h"

static json_t *read_info_fd (int fd, flux_error_t *err)
{
    struct stat st;
    json_error_t error;
    json_t *o = NULL;
    char *buf = NULL;
    ssize_t n = -1;

    if (fstat (fd, &st) == 0 && st.st_size > 0 && (buf = malloc (st.st_size)))
        n = pread (fd, buf, st.st_size, 0);
    if (n <= 0 || n != st.st_size)
        errmsg (err, -EINVAL, "FLUX_SHELL_INFO_FD=%d cannot be read", fd);
    else if (!(o = json_loadb (buf, n, 0, &error)))
        errmsg (err, -EINVAL, "FLUX_SHELL_INFO_FD: %s", error.text);
    free (buf);
    close (fd);
    return o;
}

/* Fetch jobspec and R: one RPC. */
static json_t *lookup_info (flux_t *h, flux_jobid_t id, flux_error_t *err)
{
    flux_future_t *f;
    json_t *o = NULL;
    const char *jobspec;
    const char *R;
    uint32_t rank;

    f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0, "{s:I s:[ss] s:i}",
                       "id", id, "keys", "jobspec", "R", "flags", FLUX_JOB_LOOKUP_CURRENT);
    if (!f || flux_rpc_get_unpack (f, "{s:s s:s}", "jobspec", &jobspec, "R", &R) < 0
        || flux_get_rank (h, &rank) < 0)
        errmsg (err, -errno, "cannot look up the job: %s",
                f ? future_strerror (f, errno) : strerror (errno));
    else {
        json_t *js = json_loads (jobspec, 0, NULL);
        json_t *Ro = json_loads (R, 0, NULL);
        o = json_pack ("{s:I s:i s:i s:o s:o}", "id", id, "userid", (int)getuid (),
                       "rank", (int)rank, "jobspec", js, "R", Ro);
        if (!o)
            errmsg (err, -EINVAL, "the job's jobspec or R is not JSON");
    }
    flux_future_destroy (f);
    return o;
}

static int fill_node (struct shell_info *info, int i, uint32_t rank)
{
    struct shell_node *n = &info->nodes[i];
    const char *host = rset_host (info->R, rank);

    n->broker_rank = rank;
    n->cores = rset_ids (info->R, rank, "core");
    n->gpus = rset_ids (info->R, rank, "gpu");
    n->ncores = n->cores ? idset_count (n->cores) : 0;
    n->ngpus = n->gpus ? idset_count (n->gpus) : 0;
    if (!(n->host = strdup (host ? host : "localhost")))
        return -ENOMEM;
    if (hostlist_append (info->hostlist, n->host) < 0)
        return -ENOMEM;
    if (rank == info->broker_rank)
        info->shell_rank = i;
    return 0;
}

static int fill_nodes (struct shell_info *info, flux_error_t *err)
{
    const struct idset *ranks = rset_ranks (info->R);
    int i = 0;

    info->nshells = idset_count (ranks);
    info->shell_rank = -1;
    if (info->nshells == 0)
        return errmsg (err, -EINVAL, "R of the job has no ranks");
    if (!(info->nodes = calloc (info->nshells, sizeof (info->nodes[0])))
        || !(info->hostlist = hostlist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    for (unsigned int r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        if (fill_node (info, i++, r) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    if (info->shell_rank < 0)
        return errmsg (err, -EINVAL, "broker rank %u is not in R of the job", info->broker_rank);
    return 0;
}

static const char *env_member (const void *arg, const char *name)
{
    return json_string_value (json_object_get (arg, name));
}

/* The job's id in the form that its user sees: by the job's environment, or the shell's
 * if the job has none.  What plugins get from flux_job_id_encode() is of the same form. */
static int name_job (struct shell_info *info)
{
    const json_t *env = jobspec_environment (info->jobspec);
    bool plain = fluid_plain (json_object_size (env) > 0 ? env_member : NULL, env);

    if (plain ? setenv ("FLUX_F58_FORCE_ASCII", "1", 1) : unsetenv ("FLUX_F58_FORCE_ASCII"))
        return -ENOMEM;
    return fluid_encode (info->jobid, plain ? FLUID_F58_PLAIN : FLUID_F58, info->idf58,
                         sizeof (info->idf58));
}

static int decode (struct shell_info *info, json_t *o, flux_error_t *err)
{
    json_t *jobspec;
    json_t *R;
    json_int_t id;
    int userid;
    int rank;

    if (json_unpack (o, "{s:I s:i s:i s:o s:o}", "id", &id, "userid", &userid, "rank", &rank,
                     "jobspec", &jobspec, "R", &R) < 0)
        return errmsg (err, -EINVAL, "the job's description lacks a key");
    info->jobid = id;
    info->userid = userid;
    info->broker_rank = rank;
    if (!(info->jobspec = jobspec_from_json (jobspec, err))
        || !(info->R = rset_from_json (R, err)))
        return -EINVAL;
    if (name_job (info) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    info->R_json = json_incref (R);
    return fill_nodes (info, err);
}

int shell_info_init (struct shell_info *info, flux_t *h, flux_jobid_t id, flux_error_t *err)
{
    const char *fdstr = getenv ("FLUX_SHELL_INFO_FD");
    json_t *o;
    int rc;

    if (fdstr)
        o = read_info_fd (strtol (fdstr, NULL, 10), err);
    else
        o = lookup_info (h, id, err);
    unsetenv ("FLUX_SHELL_INFO_FD");
    if (!o)
        return -EINVAL;
    rc = decode (info, o, err);
    json_decref (o);
    return rc;
}

/* Slots that the cores and gpus of a node make. */
static int slots_of_node (const struct shell_node *n, const struct jobspec_request *req)
{
    int slots = req->cores_per_slot > 0 ? n->ncores / req->cores_per_slot : n->ncores;

    if (req->gpus_per_slot > 0 && n->ngpus / req->gpus_per_slot < slots)
        slots = n->ngpus / req->gpus_per_slot;
    if (req->nnodes > 0 && slots > req->nslots)
        slots = req->nslots;
    return slots > 0 ? slots : 1;
}

static void count_slots (struct shell_info *info)
{
    const struct jobspec_request *req = jobspec_request (info->jobspec);
    int left = req->slots_total;

    for (int i = 0; i < info->nshells; i++) {
        struct shell_node *n = &info->nodes[i];
        n->nslots = slots_of_node (n, req);
        if (req->nnodes == 0 && n->nslots > left - (info->nshells - 1 - i))
            n->nslots = left - (info->nshells - 1 - i);
        if (n->nslots < 1)
            n->nslots = 1;
        left -= n->nslots;
    }
}

/* Deal 'total' tasks in blocks: as many a node as it has slots times tasks per
 * slot, rounded so that none is left over. */
static int deal_block (struct shell_info *info, struct taskmap *map, int total)
{
    int slots = 0;
    int left = total;

    for (int i = 0; i < info->nshells; i++)
        slots += info->nodes[i].nslots;
    for (int i = 0; i < info->nshells && left > 0; i++) {
        int share = ((int64_t)left * info->nodes[i].nslots + slots - 1) / slots;
        if (share > 0 && taskmap_append (map, i, 1, share) < 0)
            return -errno;
        left -= share;
        slots -= info->nodes[i].nslots;
    }
    return 0;
}

/* The per-resource option: COUNT tasks on each node, or on each core. */
static int deal_per_resource (struct shell_info *info, struct taskmap *map,
                              const json_t *o, flux_error_t *err)
{
    const char *type;
    int count = 1;

    if (json_unpack ((json_t *)o, "{s:s s?i}", "type", &type, "count", &count) < 0
        || count < 1)
        return errmsg (err, -EINVAL, "per-resource option: want {\"type\":, \"count\":}");
    if (strcmp (type, "node") != 0 && strcmp (type, "core") != 0)
        return errmsg (err, -EINVAL, "per-resource.type '%s' is neither node nor core", type);
    for (int i = 0; i < info->nshells; i++) {
        int n = strcmp (type, "core") == 0 ? info->nodes[i].ncores * count : count;
        if (taskmap_append (map, i, 1, n) < 0)
            return errmsg (err, -errno, "per-resource: too many tasks");
    }
    return 0;
}

int shell_info_set_taskmap (struct shell_info *info, struct taskmap *map)
{
    taskmap_destroy (info->taskmap);
    info->taskmap = map;
    info->total_ntasks = taskmap_total_ntasks (map);
    info->ntasks = info->shell_rank < taskmap_nnodes (map)
                       ? taskmap_ntasks (map, info->shell_rank) : 0;
    return info->ntasks < 0 ? -EINVAL : 0;
}

int shell_info_map_tasks (struct shell_info *info, const json_t *per_resource,
                          flux_error_t *err)
{
    struct taskmap *map = taskmap_create ();
    int total = jobspec_ntasks (info->jobspec);
    int rc;

    if (!map)
        return errmsg (err, -ENOMEM, "out of memory");
    count_slots (info);
    if (per_resource)
        rc = deal_per_resource (info, map, per_resource, err);
    else if ((rc = deal_block (info, map, total > 0 ? total : 1)) < 0)
        errmsg (err, rc, "cannot map %d tasks to %d nodes", total, info->nshells);
    if (rc < 0) {
        taskmap_destroy (map);
        return rc;
    }
    return shell_info_set_taskmap (info, map);
}

void shell_info_release (struct shell_info *info)
{
    for (int i = 0; info->nodes && i < info->nshells; i++)
        free (info->nodes[i].host);
    free (info->nodes);
    hostlist_destroy (info->hostlist);
    taskmap_destroy (info->taskmap);
    jobspec_unref (info->jobspec);
    rset_free (info->R);
    json_decref (info->R_json);
}
