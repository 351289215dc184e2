/* test_pmi.c - which method is taken, and what is said if none is
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "pmi/launcher.h"
#include "pmi/pmi.h"

static const char *const names[] = {
    "PMI_FD", "PMI_RANK", "PMI_SIZE", "PMI_PORT", "PALS_RANKID", "PALS_APID", "PMIX_RANK",
    "PMIX_NAMESPACE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_SIZE", "JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE", "SLURM_JOB_ID",
    "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_RESTART_COUNT",
    "SLURM_STEP_TASKS_PER_NODE", "SLURM_DISTRIBUTION", "SLURM_JOB_NUM_NODES", "PBS_JOBID",
    "PBS_TASKNUM", "PBS_NODENUM", "PBS_NUM_NODES", "LSB_JOBID", "LSB_MCPU_HOSTS",
    "FLUX_PMI_CLIENT_METHODS", "PMI_JOBID",
};

/* "NAME=VALUE ..." and nothing else of the above */
static void environment (const char *vars)
{
    char *s = strdup (vars);
    char *save = NULL;

    for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++)
        unsetenv (names[i]);
    for (char *word = strtok_r (s, " ", &save); word; word = strtok_r (NULL, " ", &save)) {
        char *eq = strchr (word, '=');
        *eq = '\0';
        setenv (word, eq + 1, 1);
    }
    free (s);
}

struct seen {
    const char *vars;
    const char *name;
    bool program;
    int rank, size;
    const char *id;
    const char *job;
    int nnodes;
};

static void test_launcher (void **state)
{
    const struct seen cases[] = {
        { "", NULL, false, -1, 0, "", "", 0 },
        { "PMI_FD=3 PMI_RANK=1 PMI_SIZE=4", "PMI", true, 1, 4, "", "", 0 },
        { "SLURM_JOB_ID=7 SLURM_STEP_ID=2 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2"
          " SLURM_JOB_NUM_NODES=2", "Slurm", true, 1, 2, "slurm-7.2-0", "7", 2 },
        { "SLURM_JOB_ID=7 SLURM_STEP_ID=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1"
          " SLURM_RESTART_COUNT=3", "Slurm", true, 0, 1, "slurm-7.2-3", "7", 0 },
        { "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_JOB_NUM_NODES=2", "Slurm", false, -1, 0, "",
          "7", 2 },
        /* hydra's proxies are a step; its processes are not */
        { "SLURM_JOB_ID=7 SLURM_STEP_ID=2 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 PMI_FD=3"
          " PMI_RANK=5 PMI_SIZE=8", "PMI", true, 5, 8, "", "7", 0 },
        { "SLURM_JOB_ID=7 SLURM_STEP_ID=2 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 PMI_FD=3"
          " PMI_RANK=1 PMI_SIZE=2 PMI_JOBID=7.2", "Slurm", true, 1, 2, "slurm-7.2-0", "7", 0 },
        { "PMIX_RANK=1 PMIX_NAMESPACE=1/2 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4",
          "Open MPI", true, 1, 4, "pmix-1_2", "", 0 },
        /* left over in what an instance started */
        { "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", NULL, false, -1, 0, "", "", 0 },
        { "PMIX_RANK=1 PMIX_NAMESPACE=x JSM_NAMESPACE_RANK=1 JSM_NAMESPACE_SIZE=2"
          " LSB_JOBID=5", "LSF", true, 1, 2, "pmix-x", "5", 0 },
        { "PMIX_RANK=2 PMIX_NAMESPACE=prte-1@1", "PMIx", true, 2, 0, "pmix-prte-1_1", "", 0 },
        { "PMIX_RANK=1 PMIX_NAMESPACE=slurm.pmix.7.2 SLURM_JOB_ID=7 SLURM_STEP_ID=2"
          " SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2", "Slurm", true, 1, 2, "slurm-7.2-0", "7",
          0 },
        { "PALS_RANKID=3 PALS_APID=ab-cd PMI_SIZE=4", "PALS", true, 3, 4, "pals-ab-cd", "",
          0 },
        { "PBS_JOBID=9.srv PBS_TASKNUM=1 PBS_NUM_NODES=3", "PBS", false, -1, 0, "", "9.srv",
          3 },
        { "PBS_JOBID=9.srv PBS_TASKNUM=4 PBS_NODENUM=1", "PBS", true, 1, 0, "", "9.srv", 0 },
        { "LSB_JOBID=5 LSB_MCPU_HOSTS=a", "LSF", false, -1, 0, "", "5", 0 },
        { "PMI_RANK=x PMI_SIZE=-1", "PMI", true, -1, 0, "", "", 0 },
    };
    struct launcher l;

    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
        const struct seen *c = &cases[i];
        environment (c->vars);
        launcher_find (&l);
        if (c->name)
            assert_string_equal (l.name, c->name);
        else
            assert_null (l.name);
        assert_int_equal (l.program, c->program);
        assert_int_equal (l.rank, c->rank);
        assert_int_equal (l.size, c->size);
        assert_string_equal (l.id, c->id);
        assert_string_equal (l.job, c->job);
        assert_int_equal (l.nnodes, c->nnodes);
    }
}

static void map (const char *vars, int rc, const char *want)
{
    char buf[64];
    struct launcher l;

    environment (vars);
    launcher_find (&l);
    assert_int_equal (launcher_mapping (&l, buf, sizeof (buf)), rc);
    if (rc == 0)
        assert_string_equal (buf, want);
}

#define STEP "SLURM_JOB_ID=7 SLURM_STEP_ID=2 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4 "

static void test_mapping (void **state)
{
    map (STEP "SLURM_STEP_TASKS_PER_NODE=1(x4)", 0, "(vector,(0,4,1))");
    map (STEP "SLURM_STEP_TASKS_PER_NODE=1(x4) SLURM_DISTRIBUTION=cyclic", 0,
         "(vector,(0,4,1))");
    map (STEP "SLURM_STEP_TASKS_PER_NODE=2(x1),1(x2)", 0, "(vector,(0,1,2),(1,2,1))");
    map (STEP "SLURM_STEP_TASKS_PER_NODE=4", 0, "(vector,(0,1,4))");
    map (STEP "SLURM_STEP_TASKS_PER_NODE=4 SLURM_DISTRIBUTION=cyclic", -ENOENT, NULL);
    map (STEP "SLURM_STEP_TASKS_PER_NODE=4 SLURM_DISTRIBUTION=block:cyclic", 0,
         "(vector,(0,1,4))");
    map (STEP "SLURM_STEP_TASKS_PER_NODE=0", -ENOENT, NULL);
    map (STEP "SLURM_STEP_TASKS_PER_NODE=4,x", -ENOENT, NULL);
    map (STEP "SLURM_STEP_TASKS_PER_NODE=1,2,3,4,5,6,7,8,9", -EOVERFLOW, NULL);
    map ("SLURM_STEP_TASKS_PER_NODE=4", -ENOENT, NULL);
    map ("PMIX_RANK=0 PMIX_NAMESPACE=1 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4"
         " OMPI_COMM_WORLD_LOCAL_SIZE=4", 0, "(vector,(0,1,4))");
    map ("PMIX_RANK=0 PMIX_NAMESPACE=1 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4"
         " OMPI_COMM_WORLD_LOCAL_SIZE=2", -ENOENT, NULL);
}

static void alone (const char *vars, const char *methods, const char *note)
{
    struct pmi_args args = { .methods = methods };
    struct buf why = BUF_INIT;
    struct pmi *p;
    const char *val;

    environment (vars);
    p = pmi_open (&args, &why);
    assert_non_null (p);
    assert_string_equal (why.data, "");
    assert_string_equal (pmi_method (p), "single");
    assert_int_equal (pmi_rank (p), 0);
    assert_int_equal (pmi_size (p), 1);
    if (note)
        assert_non_null (strstr (pmi_note (p), note));
    else
        assert_null (pmi_note (p));
    assert_int_equal (pmi_barrier (p, NULL), 0);
    assert_int_equal (pmi_get (p, "key", &val, NULL), -ENOENT);
    assert_int_equal (pmi_finalize (p, NULL), 0);
    pmi_close (p);
    buf_release (&why);
}

static void test_single (void **state)
{
    alone ("", NULL, NULL);
    alone ("", "simple single", NULL);
    alone ("SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_JOB_NUM_NODES=2", NULL, "Slurm job 7");
    alone ("SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_JOB_NUM_NODES=2", "single", NULL);
    alone ("PBS_JOBID=7.x", NULL, "PBS job 7.x");
    /* it was said that it is meant */
    alone (STEP, "single", NULL);
    alone (STEP "FLUX_PMI_CLIENT_METHODS=single", NULL, NULL);
    alone ("PMI_RANK=0 PMI_SIZE=1", "simple single", NULL);
}

static void refused (const char *vars, const char *methods, const char *text)
{
    struct pmi_args args = { .methods = methods };
    struct buf why = BUF_INIT;

    environment (vars);
    assert_null (pmi_open (&args, &why));
    if (!strstr (why.data, text))
        fail_msg ("'%s' is not in '%s'", text, why.data);
    assert_null (strchr (why.data, '\n'));
    buf_release (&why);
}

static void test_refused (void **state)
{
    refused (STEP, "simple single", "simple: PMI_FD is not set");
    refused (STEP, "simple single", "this is rank 1 of 4 that Slurm started");
    refused (STEP, "simple single", "libpmi0");
    refused (STEP, "rendezvous:/nonexistent single", "rendezvous");
    refused ("PMI_RANK=0 PMI_SIZE=2", "simple single", "rank 0 of 2");
    refused ("PMI_RANK=0 PMI_SIZE=2 PMI_FD=999", "simple single",
             "PMI_FD=999 is not an open descriptor");
    refused ("PBS_JOBID=9 PBS_TASKNUM=2 PBS_NODENUM=1", "simple rendezvous single",
             "one of several");
    refused ("PMIX_RANK=0 PMIX_NAMESPACE=a", "rendezvous", "no launcher is seen");
    refused ("", "nonsense single", "there is no such method");
    refused ("", "", "the list of methods is empty");
    refused ("", "libpmi:/nonexistent", "/nonexistent");
    refused ("", "libpmi:libc.so.6", "the library has no PMI_Init");
    refused ("", "libpmi2:libc.so.6", "the library has no PMI2_Init");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_launcher),
        cmocka_unit_test (test_mapping),
        cmocka_unit_test (test_single),
        cmocka_unit_test (test_refused),
    };

    setenv ("FLUX_BOOT_TIMEOUT", "100ms", 1);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
