/* server.h - the process manager's side of PMI-1 (RFC 13)
 *
 * One server answers the local clients of one program: client numbers run from
 * 0 to nclients-1, and 'ranks' gives the rank of each in the program.  The
 * server has no descriptors and no event loop: its user feeds what a client
 * sent with pmi_server_input() and is given answers through ops->send.
 *
 * Keys live in the server.  What was put since the last barrier can be taken
 * out with pmi_server_take_new() and exchanged with the servers of other nodes,
 * whose keys go in with pmi_server_add(); a server that holds all clients of
 * the program needs neither.
 *
 * A client that breaks the protocol gets no answer: pmi_server_input() returns
 * -EPROTO and the user closes the connection and ends the program (RFC 13).
 * No callback may free the server.
 */
#ifndef PMI_SERVER_H
#define PMI_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct pmi_server;

struct pmi_server_ops {
    /* Send len bytes (a whole line) to a client.  0 or a negative errno, which
     * pmi_server_input() then returns. */
    int (*send) (void *arg, int client, const char *buf, size_t len);
    /* All local clients are in the barrier: call pmi_server_barrier_done()
     * now or later.  NULL: the barrier is done at once. */
    void (*barrier) (void *arg);
    /* The barrier has failed for 'count' clients, because another is gone
     * (pmi_server_hangup); they have been told.  May be NULL. */
    void (*failed) (void *arg, int count);
    /* A client speaks another version only, and was told so.  May be NULL. */
    void (*refused) (void *arg, int client, int version);
    /* A client called abort. */
    void (*abort) (void *arg, int client, int exit_code, const char *msg);
    /* Where a key is not among those of the server: the value, borrowed until
     * the next call, or NULL.  May be NULL. */
    const char *(*get) (void *arg, int client, const char *key);
    /* A line as it went ('C' from a client, 'S' to it), for tracing.  May be
     * NULL. */
    void (*trace) (void *arg, int client, char dir, const char *line);
};

struct pmi_server_args {
    int size;              /* of the program */
    int nclients;          /* local ones */
    const int *ranks;      /* of local clients, or NULL for 0, 1, 2 ... */
    const char *kvsname;   /* a word */
    int universe_size;     /* 0: the same as size */
    int appnum;
};

/* NULL with errno set (EINVAL, ENOMEM). */
struct pmi_server *pmi_server_new (const struct pmi_server_args *args,
                                   const struct pmi_server_ops *ops, void *arg);
void pmi_server_free (struct pmi_server *s);

/* Bytes from a client; any number of lines or part of one.  0, -EPROTO,
 * -ENOMEM, or what ops->send returned. */
int pmi_server_input (struct pmi_server *s, int client, const char *data,
                      size_t len);
/* Let the clients out of the barrier; rc != 0 tells them that it failed. */
int pmi_server_barrier_done (struct pmi_server *s, int rc);
/* The client has said finalize (its end of file is then no error). */
bool pmi_server_finalized (const struct pmi_server *s, int client);

/* The client has closed its connection.  No barrier can succeed from then on: those who
 * wait are told so, and so is each that comes. */
void pmi_server_hangup (struct pmi_server *s, int client);
/* It has said init, and not finalize. */
bool pmi_server_active (const struct pmi_server *s, int client);

/* Preset or exchanged keys.  0, -EINVAL (not a word, not a string, too long),
 * -ENOMEM. */
int pmi_server_set (struct pmi_server *s, const char *key, const char *value);
const char *pmi_server_lookup (const struct pmi_server *s, const char *key);
/* Keys that clients put since the last call, as lines "KEY=VALUE"; the caller frees.
 * NULL: no memory. */
char *pmi_server_take_new (struct pmi_server *s);

/* Take in such lines of other servers.  A key that is there with another value is
 * replaced, and its name is given in *twinp (borrowed; else NULL).  0, -EINVAL (a line
 * that cannot have come from a server), -ENOMEM. */
int pmi_server_add (struct pmi_server *s, const char *lines, const char **twinp);

#endif /* !PMI_SERVER_H */
