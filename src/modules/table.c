/* table.c - the built-in services, in the order the default start-up has them
 */
#include "core/builtin.h"
#include "modules/barrier/barrier.h"
#include "modules/cron/cron.h"
#include "modules/exec/exec.h"
#include "modules/heartbeat/heartbeat.h"
#include "modules/job/job.h"
#include "modules/kvs/kvs.h"
#include "modules/resource/resource.h"
#include "modules/sched-fluxion/fluxion.h"
#include "modules/sched-simple/sched_simple.h"

/* The broker copies nothing: each entry is where its service defines it. */
const struct builtin *const builtin_table[] = {
    &rexec_builtin,
    &content_builtin,
    &content_sqlite_builtin,
    &kvs_builtin,
    &kvs_watch_builtin,
    &resource_builtin,
    &heartbeat_builtin,
    &barrier_builtin,
    &cron_builtin,
    &job_manager_builtin,
    &job_ingest_builtin,
    &job_list_builtin,
    &job_info_builtin,
    &job_exec_builtin,
    &sched_simple_builtin,
    &fluxion_resource_builtin,
    &fluxion_qmanager_builtin,
    &fluxion_feasibility_builtin,
    NULL,
};

const struct builtin_data *const builtin_data_table[] = {
    &kvs_builtin_data,
    &job_builtin_data,
    &job_exec_data,
    &resource_builtin_data,
    &fluxion_builtin_data,
    NULL,
};
