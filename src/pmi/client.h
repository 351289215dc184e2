/* client.h - a program's side of the PMI-1 wire protocol (RFC 13)
 *
 * Blocking: each call writes one line and reads the answer.  Errors are negative
 * errno values with err->text: -EPROTO for an answer that makes no sense,
 * -ECONNRESET for end of file, -EIO where the server says no.
 */
#ifndef PMI_CLIENT_H
#define PMI_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <flux/core/types.h>

struct pmi_client;

/* Take what PMI_FD, PMI_RANK and PMI_SIZE say, and negotiate the version.
 * NULL with errno: ENOENT if PMI_FD is not set, else err->text.  'debug' traces
 * to standard error.  A signal handler that sets *interrupt (or NULL) makes a call
 * that waits fail with -EINTR; it must have been set without SA_RESTART. */
struct pmi_client *pmi_client_open_env (bool debug, const volatile sig_atomic_t *interrupt,
                                        flux_error_t *err);
/* The same of a given descriptor, which is closed by pmi_client_close(). */
struct pmi_client *pmi_client_open (int fd, int rank, int size, bool debug,
                                    const volatile sig_atomic_t *interrupt,
                                    flux_error_t *err);
void pmi_client_close (struct pmi_client *c);

/* A call that waits longer for its answer fails with -ETIMEDOUT.  0: no limit. */
void pmi_client_set_timeout (struct pmi_client *c, double seconds);

int pmi_client_rank (const struct pmi_client *c);
int pmi_client_size (const struct pmi_client *c);
/* Lengths that the server takes, each with NUL. */
size_t pmi_client_vallen_max (const struct pmi_client *c);
size_t pmi_client_keylen_max (const struct pmi_client *c);
size_t pmi_client_kvsname_max (const struct pmi_client *c);
const char *pmi_client_kvsname (const struct pmi_client *c);

int pmi_client_put (struct pmi_client *c, const char *key, const char *value,
                    flux_error_t *err);
/* *valuep is borrowed until the next call.  -ENOENT: no such key. */
int pmi_client_get (struct pmi_client *c, const char *key, const char **valuep,
                    flux_error_t *err);
int pmi_client_barrier (struct pmi_client *c, flux_error_t *err);
int pmi_client_universe_size (struct pmi_client *c, int *sizep, flux_error_t *err);
int pmi_client_appnum (struct pmi_client *c, int *appnump, flux_error_t *err);
int pmi_client_finalize (struct pmi_client *c, flux_error_t *err);
/* Tell the server to end the program; no answer is awaited.  'msg' (may be NULL) may
 * hold any bytes: what cannot stand in a line goes as a space. */
void pmi_client_abort (struct pmi_client *c, int exit_code, const char *msg);

#endif /* !PMI_CLIENT_H */
