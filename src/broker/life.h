/* life.h - what the broker does in each state
 *
 * The actions that the state machine starts on entering a state: wait for the
 * parent, rc1, quorum, the initial program, cleanup, wait for the children,
 * rc3, the end.  Also decides the exit code.
 */
#ifndef BROKER_LIFE_H
#define BROKER_LIFE_H

#include <flux/core.h>
#include "broker/attr.h"
#include "broker/config.h"
#include "broker/environment.h"
#include "broker/groups.h"
#include "broker/log.h"
#include "broker/modhost.h"
#include "broker/overlay.h"
#include "broker/statemachine.h"

struct life;

struct life_args {
    flux_t *h;
    uint32_t rank;
    uint32_t size;
    struct attrs *attrs;
    struct broker_log *log;
    struct config *config;
    struct environment *env;
    struct groups *groups;
    struct modhost *modhost;
    struct overlay *overlay;
    int argc;                    /* the initial program; 0: a shell */
    char **argv;
    /* End the process now: a module does not. */
    void (*give_up) (void *arg, int code);
    void *arg;
};

/* Checks the attributes it uses: NULL and errno with err->text. */
struct life *life_new (const struct life_args *args, flux_error_t *err);
void life_free (struct life *l);

/* Begin: posts the first event. */
void life_start (struct life *l);
struct statemachine *life_statemachine (struct life *l);
int life_exit_code (const struct life *l);

/* From outside: a signal, a request, a module that failed, the parent. */
void life_signal (struct life *l, int signum);
/* A signal that ends nothing here goes on to the jobs that run; the initial program gets it
 * with the process group. */
void life_forward_signal (struct life *l, int signum);
void life_shutdown (struct life *l);
void life_panic (struct life *l, const char *text);
void life_parent (struct life *l, int rc, const char *text);
void life_children (struct life *l);
/* Hold back the last steps while someone watches the shutdown. */
void life_hold_goodbye (struct life *l);
void life_release_goodbye (struct life *l);
/* Run a command after the initial program (flux admin cleanup-push). */
int life_push_cleanup (struct life *l, const char *command);

#endif /* !BROKER_LIFE_H */
