/* service.c - the job services as the broker's module host sees them
 */
#include "modules/job/job.h"

#include "modules/job/housekeeping.h"
#include "modules/job/info.h"
#include "modules/job/list.h"
#include "modules/job/mgr.h"
#include "modules/job/turn.h"

static void destroy (void *data)
{
    if (data) {
        turn_drop_left (data);
        housekeeping_drop (data);
    }
    jobtab_destroy (data);
}

const struct builtin_data job_builtin_data = {
    .name = "job",
    .create = jobtab_create,
    .destroy = destroy,
};

const struct builtin job_manager_builtin = {
    .name = "job-manager",
    .thread = "job",
    .data = "job",
    .flags = BUILTIN_RANK0 | BUILTIN_ASYNC_READY,
    .start = mgr_start,
    .stop = mgr_stop,
};

const struct builtin job_ingest_builtin = {
    .name = "job-ingest",
    .thread = "job",
    .data = "job",
    .flags = BUILTIN_RANK0,
    .start = ingest_start,
    .stop = ingest_stop,
};

const struct builtin job_list_builtin = {
    .name = "job-list",
    .thread = "job",
    .data = "job",
    .flags = BUILTIN_RANK0,
    .start = list_start,
    .stop = list_stop,
};

const struct builtin job_info_builtin = {
    .name = "job-info",
    .thread = "job",
    .data = "job",
    .flags = BUILTIN_RANK0,
    .start = info_start,
    .stop = info_stop,
};
