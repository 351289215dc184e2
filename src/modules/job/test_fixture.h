/* test_fixture.h - the job services with their peers, for unit tests
 *
 * In a thread: the services, sched-simple, the KVS, and fakes of the resource
 * service (two ranks of four cores), of the execution service and of what the
 * broker itself answers.  The test is a client that may block.
 *
 * What the fake execution service does with a job is the name of its command:
 *   true, false   starts and finishes with that status
 *   later         starts, and finishes in the turn of the loop after that
 *   hang          starts, and ends when it gets a fatal exception
 *   broken        raises an exception and releases
 *   never         does not answer at all
 */
#ifndef JOB_TEST_FIXTURE_H
#define JOB_TEST_FIXTURE_H

#include <flux/core.h>

struct fixture;

/* conf_json: the configuration, or NULL; beside it "fake-kvs" and "keep-nothing" (the
 * instance's state directory goes with it) may be true. */
struct fixture *fixture_new (const char *conf_json);
void fixture_free (struct fixture *x);
flux_t *fixture_client (struct fixture *x);

/* Stop the job services, forget the table, and start them again on the same
 * KVS ("restart"); or stop and start only one service ("job-manager", ...). */
void fixture_restart (struct fixture *x);
void fixture_reload (struct fixture *x, const char *service);
/* Commits to the KVS fail with errnum from now on; 0: they do not.  Only if the
 * fixture was made with "fake-kvs" in its configuration. */
void fixture_fail_commits (struct fixture *x, int errnum);
/* Commits answered so far by the fake KVS, start requests seen. */
int fixture_commits (struct fixture *x);
int fixture_starts (struct fixture *x);
/* The client is this user from now on; 0: the instance owner again. */
void fixture_guest (struct fixture *x, uint32_t userid);
/* The client disconnects from a service. */
void fixture_disconnect (struct fixture *x, const char *service);

#endif /* !JOB_TEST_FIXTURE_H */
