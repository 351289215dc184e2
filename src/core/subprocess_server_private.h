/* subprocess_server_private.h - the inside of the subprocess server
 *
 * subprocess_server.c  requests, and the life of the server
 * subprocess_proc.c    a process, and what its client is told
 */
#ifndef CORE_SUBPROCESS_SERVER_PRIVATE_H
#define CORE_SUBPROCESS_SERVER_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <flux/core.h>

#include "base/hash.h"
#include "base/list.h"
#include "core/subprocess_private.h"
#include "core/subprocess_server.h"

struct subprocess_server {
    flux_t *h;
    char *service;
    char *local_uri;
    char rank[16];
    subprocess_log_f log_fn;
    void *log_data;
    subprocess_server_auth_f auth_fn;
    void *auth_arg;
    bool has_user;             /* beside the owner, this one is served */
    uint32_t user;
    flux_msg_handler_t **handlers;
    struct list_node procs;
    struct idhash *by_pid;
    struct hash *by_label;
    bool shutting_down;
    struct list_node shutdowns;
    flux_error_t exec_error;      /* why the last start failed */
};

struct server_proc {
    struct list_node node;
    struct subprocess_server *server;
    flux_subprocess_t *p;
    pid_t pid;
    const char *label;            /* the command's, or NULL */
    bool background;
    bool waitable;
    const flux_msg_t *client;     /* exec request, or attach request */
    const flux_msg_t *waiter;
    int flags;                    /* what 'client' wants to see */
    json_t *retained;             /* array of I/O objects */
    size_t retained_len;
};

/* subprocess_server.c */
void server_log (struct subprocess_server *s, int level, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
/* Something has ended: see whether a shutdown is complete. */
void server_check_shutdown (struct subprocess_server *s);

/* subprocess_proc.c */
struct server_proc *server_proc_new (struct subprocess_server *s);
void server_proc_free (struct server_proc *proc);
/* Start it; flags are those of flux_local_exec() and sp_*.  0 or a negative errno
 * with err->text. */
int server_proc_start (struct server_proc *proc, flux_cmd_t *cmd, int flags,
                       flux_error_t *err);
/* A client attaches.  The process may be freed. */
void server_proc_attach (struct server_proc *proc, const flux_msg_t *msg, int flags);
/* Somebody waits.  The process may be freed. */
void server_proc_wait (struct server_proc *proc, const flux_msg_t *msg);
/* The client has gone, or must go: the last response. */
void server_proc_client_gone (struct server_proc *proc);
void server_proc_client_end (struct server_proc *proc, int errnum, const char *errstr);
/* For messages: the base name of the program. */
const char *server_proc_name (struct server_proc *proc);

#endif /* !CORE_SUBPROCESS_SERVER_PRIVATE_H */
