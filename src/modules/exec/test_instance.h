/* test_instance.h - job-exec on several brokers in one process, for unit tests
 *
 * The job manager, KVS and connector are the test's, and shell scripts are the job shells.
 * What comes back is text, to be compared.
 */
#ifndef EXEC_TEST_INSTANCE_H
#define EXEC_TEST_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "base/buf.h"
#include "core/test_hub.h"

#define MAXRANKS 8
#define ID 1234605616436508552ULL

struct test_broker {
    flux_t *h;
    void *ctx;
    void *data;
    flux_t *shell;         /* a client on that broker, as a shell would be */
};

extern struct test_broker broker[MAXRANKS];
extern struct hub *hub;
extern flux_t *mgr;
extern struct buf responses;   /* of start requests: "type data\n" */
extern struct buf kvs_log;     /* what the KVS was asked, in order */
extern struct buf drained;
extern const char *exec_log;   /* of the job, as it was before */
extern bool have_guest;        /* ... and its namespace is still there */
extern const char *statedir;
extern int launches;           /* start requests answered by a final release */
extern int hello_count;
extern char dir[64];
extern char shell_path[128];

/* For cmocka_run_group_tests(). */
int instance_setup (void **state);
int instance_teardown (void **state);

/* 'exec_conf': more of the table exec, as JSON, beginning with a comma. */
void instance_new (int size, const char *exec_conf);
void instance_free (void);
void broker_start (int rank, const char *conf_json);
void broker_stop (int rank);

/* Wait for something to happen; or do what there is to do. */
void spin (void);
void settle (void);

void set_shell (const char *script);
/* Start a job on ranks; extra goes into "attributes":{"system":{...}}. */
void job_request (uint64_t id, const char *ranks, const char *extra, const char *times,
                  bool reattach);
void run_job (const char *ranks, const char *extra);
void cancel (const char *type);
/* That many shells have set their traps. */
void wait_ready (int n);

bool has (const struct buf *b, const char *s);
void wait_for (const struct buf *b, const char *s);
/* 0 or an errno; takes f. */
int result (flux_future_t *f);
int call (const char *topic, const char *payload);

#define assert_has(b, s) \
    do { if (!has (b, s)) fail_msg ("no \"%s\" in:\n%s", s, (b)->data); } while (0)
#define assert_has_not(b, s) \
    do { if (has (b, s)) fail_msg ("\"%s\" in:\n%s", s, (b)->data); } while (0)

#endif /* !EXEC_TEST_INSTANCE_H */
