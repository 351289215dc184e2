/* conf.h - configuration of the job execution system (flux-config-exec(5))
 */
#ifndef EXEC_CONF_H
#define EXEC_CONF_H

#include <flux/core.h>

struct execconf {
    char *imp;                 /* NULL: only the owner's jobs */
    char *job_shell;           /* never NULL */
    char *service;             /* "rexec": shells are launched down the tree */
    double kill_timeout;
    double shell_exit_timeout; /* negative: none */
    double barrier_timeout;    /* 0: none */
    double reconnect_timeout;  /* 0: shells end with their broker */
    double max_kill_timeout;   /* negative: max_kill_count decides */
    double start_delay_percent;
    int max_kill_count;
    int term_signal;
    int kill_signal;
    int sdexec_stop_sec;       /* negative: as long as until nodes are drained */
    int sdexec_stop_signal;
    bool testexec_allow_guests;
};

void execconf_release (struct execconf *c);
/* Fill *c, which need not be initialised, from the [exec] table (conf may be
 * NULL) and "kill-timeout=FSD" and the like of the module's arguments, which
 * win.  0, or -EINVAL with err->text: then *c is untouched. */
int execconf_parse (struct execconf *c, const flux_conf_t *conf,
                    int argc, char **argv, flux_error_t *err);
/* How long it takes until nodes are drained. */
double execconf_effective_max_kill_timeout (const struct execconf *c);
/* "SIGTERM", "TERM" or "15"; -EINVAL if it is none. */
int signal_parse (const char *s);
/* "SIGTERM", for a valid number. */
const char *signal_name (int signum, char *buf, size_t size);

#endif /* !EXEC_CONF_H */
