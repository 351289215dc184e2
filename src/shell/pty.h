/* pty.h - what the pty plugin and its service share
 */
#ifndef SHELL_PTY_H
#define SHELL_PTY_H

#include "core/iobuf.h"
#include "shell/internal.h"

struct pty {
    flux_shell_t *shell;
    struct shell_task *task;
    int master;                 /* -1: it has ended */
    flux_watcher_t *read_w;
    flux_watcher_t *write_w;
    struct iobuf in;            /* typed, not yet taken by the terminal */
    bool mid_line;              /* the last that was typed is no newline */
    bool capture;
    bool interactive;
    bool held;                  /* by the output plugin */
    bool finished;

    /* ptysvc.c */
    struct list_node clients;
    bool had_client;
    struct iobuf kept;          /* output while there is no client */
    struct flux_msglist *writers;
    flux_watcher_t *wait_w;
    flux_watcher_t *signal_w;
};

/* pty.c */
void pty_update (struct pty *pty);      /* read, or not, after a change */
void pty_resize (struct pty *pty, int rows, int cols);
void pty_finish (struct pty *pty);      /* the shell need not wait for it any more */

/* ptysvc.c: an interactive terminal's clients */
int ptysvc_init (struct pty *pty);
void ptysvc_free (struct pty *pty);
void ptysvc_output (struct pty *pty, const char *data, size_t len);
bool ptysvc_full (struct pty *pty);     /* no more output now */
void ptysvc_written (struct pty *pty);  /* all that was typed has been taken */
/* The terminal has ended.  False: call pty_finish() later, a client may come. */
bool ptysvc_ended (struct pty *pty);

#endif /* !SHELL_PTY_H */
