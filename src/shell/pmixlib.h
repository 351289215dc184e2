/* pmixlib.h - between the shell and the PMIx server library (shell option pmi=pmix)
 *
 * libpmix is linked by a private object, lib/private/shellpmix.so, that is loaded when a
 * job asks for PMIx, and built only where libpmix-dev is installed.
 *
 * The library calls back in a thread of its own.  What it wants waits in a queue:
 * fd() is readable then, and dispatch() makes the calls of shell_pmix_host in the
 * shell's thread.  All calls below are of that thread too.
 */
#ifndef SHELL_PMIXLIB_H
#define SHELL_PMIXLIB_H

#include <stddef.h>
#include <sys/types.h>
#include <flux/core/types.h>

struct shell_pmix;

/* The job, as this shell sees it.  Borrowed during start(). */
struct shell_pmix_job {
    const char *nspace;          /* the name of the program */
    const char *tmpdir;          /* for the server's socket */
    int shell_rank;
    int nshells;
    const char *const *hosts;    /* of each shell, all different */
    int ntasks;                  /* in all */
    const int *node;             /* of each task: its shell's rank */
    uid_t uid;
    gid_t gid;
};

struct shell_pmix_host {
    /* All tasks here are in a fence of the whole program.  Answer with fence_done(); no
     * other fence comes before. */
    void (*fence) (void *arg, const void *data, size_t len);
    /* All tasks here of 'ranks' (ascending, each once) are in an operation 'what' of those: a
     * fence, or a group of that name.  Answer with gather_done() and what all shells of those
     * tasks gave; others may come before. */
    void (*gather) (void *arg, const char *what, const int *ranks, size_t nranks,
                    const void *data, size_t len, void *token);
    /* What has task 'rank', of another shell, put?  Answer with modex_done(). */
    void (*modex) (void *arg, int rank, void *token);
    /* An answer to modex_request(); NULL: none. */
    void (*modex_answer) (void *arg, void *request, const void *data, size_t len);
    void (*abort) (void *arg, int rank, int code, const char *msg);
    void (*connected) (void *arg, int rank);
    void (*finalized) (void *arg, int rank);
};

struct shell_pmix_lib {
    /* NULL with err->text. */
    struct shell_pmix *(*start) (const struct shell_pmix_job *job,
                                 const struct shell_pmix_host *host, void *arg,
                                 flux_error_t *err);
    void (*stop) (struct shell_pmix *p);
    int (*fd) (struct shell_pmix *p);
    void (*dispatch) (struct shell_pmix *p);
    /* The environment of a task of this shell, "NAME=VALUE" each.  0 or -1. */
    int (*environment) (struct shell_pmix *p, int rank, int (*set) (void *arg, const char *pair),
                        void *arg);
    /* NULL: it has failed. */
    void (*fence_done) (struct shell_pmix *p, const void *data, size_t len);
    void (*gather_done) (struct shell_pmix *p, void *token, const void *data, size_t len);
    void (*modex_done) (struct shell_pmix *p, void *token, const void *data, size_t len);
    /* For another shell: what has our task put?  'request' comes with the answer.  0 or -1:
     * there will be none. */
    int (*modex_request) (struct shell_pmix *p, int rank, void *request);
};

/* In the private object. */
extern const struct shell_pmix_lib shell_pmix_lib;

#endif /* !SHELL_PMIXLIB_H */
