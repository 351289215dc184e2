/* mpir.c - what a parallel debugger finds in the process that starts or follows a job
 *
 * Names and types of the globals are those of the MPIR interface: the debugger looks them
 * up.
 */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/mpir.h"

enum { MPIR_NULL = 0, MPIR_DEBUG_SPAWNED = 1 };

typedef struct {
    char *host_name;
    char *executable_name;
    int pid;
} MPIR_PROCDESC;

#define SYMBOL __attribute__ ((used, visibility ("default")))

extern volatile int MPIR_being_debugged;
extern volatile int MPIR_debug_state;
extern volatile int MPIR_debug_gate;
extern MPIR_PROCDESC *MPIR_proctable;
extern int MPIR_proctable_size;
extern const char *MPIR_debug_abort_string;
extern const int MPIR_i_am_starter;
extern const int MPIR_partial_attach_ok;
extern const int MPIR_force_to_main;
extern char MPIR_executable_path[256];
extern char MPIR_server_arguments[1024];
void MPIR_Breakpoint (void);

SYMBOL volatile int MPIR_being_debugged;
SYMBOL volatile int MPIR_debug_state;
SYMBOL volatile int MPIR_debug_gate;
SYMBOL MPIR_PROCDESC *MPIR_proctable;
SYMBOL int MPIR_proctable_size;
SYMBOL const char *MPIR_debug_abort_string;
SYMBOL const int MPIR_i_am_starter = 1;       /* it is no MPI process itself */
SYMBOL const int MPIR_partial_attach_ok = 1;  /* those not attached to go on too */
SYMBOL const int MPIR_force_to_main = 1;      /* show what is attached to at main() */
SYMBOL char MPIR_executable_path[256];
SYMBOL char MPIR_server_arguments[1024];

__attribute__ ((used, noinline, visibility ("default"))) void MPIR_Breakpoint (void)
{
    __asm__ volatile ("");                    /* where the debugger stops */
}

bool mpir_wanted (void)
{
    return MPIR_being_debugged != 0;
}

int mpir_show (json_t *tasks)
{
    size_t n = json_array_size (tasks);
    MPIR_PROCDESC *table = calloc (n + 1, sizeof (*table));
    size_t i;
    json_t *task;

    if (!table)
        return -ENOMEM;
    json_array_foreach (tasks, i, task) {
        const char *host, *exe;
        int rank, pid;
        if (json_unpack (task, "[isis]", &rank, &host, &pid, &exe) < 0 || rank != (int)i)
            return -EPROTO;
        table[i].pid = pid;
        if (!(table[i].host_name = strdup (host)) || !(table[i].executable_name = strdup (exe)))
            return -ENOMEM;
    }
    MPIR_proctable = table;
    MPIR_proctable_size = (int)n;
    MPIR_debug_state = MPIR_DEBUG_SPAWNED;
    MPIR_Breakpoint ();
    return 0;
}

/* What the debugger has written need not end. */
static size_t bounded (const char *s, const char *end)
{
    return strnlen (s, end - s);
}

int mpir_start_tool (flux_jobid_t id)
{
    char *argv[64] = { "/proc/self/exe", "exec", "--jobid" };
    const char *end = MPIR_server_arguments + sizeof (MPIR_server_arguments) - 1;
    char idstr[32];
    extern char **environ;
    pid_t pid;
    int n = 3;

    MPIR_executable_path[sizeof (MPIR_executable_path) - 1] = '\0';
    MPIR_server_arguments[sizeof (MPIR_server_arguments) - 1] = '\0';
    if (!MPIR_executable_path[0])
        return 0;
    argv[n++] = (char *)cmd_f58 (id, idstr, sizeof (idstr));
    argv[n++] = MPIR_executable_path;
    for (char *s = MPIR_server_arguments; s < end && *s && n < 63; s += bounded (s, end) + 1)
        argv[n++] = s;
    return -posix_spawn (&pid, argv[0], NULL, NULL, argv, environ);
}
