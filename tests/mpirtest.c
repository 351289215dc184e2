/* mpirtest.c - a parallel debugger for tests, of the MPIR interface: build/tests/mpirtest
 *
 *   mpirtest COMMAND ARGS...
 *
 * Runs the command, sets MPIR_being_debugged, stops it in MPIR_Breakpoint(), and prints what
 * the interface has there, with the state of each process that is on this host:
 *
 *   state STATE size SIZE
 *   HOST PROGRAM PID-STATE       one for each process; PID-STATE as in /proc/PID/stat
 *
 * Then all goes on.  Exits as the command does.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct debugged {
    pid_t pid;
    int mem;                     /* /proc/PID/mem */
    const char *image;           /* the file of its program */
    size_t size;
    uint64_t base;               /* where it is loaded */
};

static void die (const char *what)
{
    fprintf (stderr, "mpirtest: %s: %s\n", what, strerror (errno));
    exit (99);
}

/* --- its memory --- */

static void peek (struct debugged *d, uint64_t addr, void *buf, size_t len)
{
    if (pread (d->mem, buf, len, addr) != (ssize_t)len)
        die ("read");
}

static void poke (struct debugged *d, uint64_t addr, const void *buf, size_t len)
{
    if (pwrite (d->mem, buf, len, addr) != (ssize_t)len)
        die ("write");
}

static void peek_string (struct debugged *d, uint64_t addr, char *buf, size_t size)
{
    ssize_t n = pread (d->mem, buf, size - 1, addr);

    if (n < 0)
        die ("read");
    buf[n] = '\0';
}

/* --- its symbols --- */

static uint64_t lookup (struct debugged *d, const char *name)
{
    const Elf64_Ehdr *eh = (const void *)d->image;
    const Elf64_Shdr *sh = (const void *)(d->image + eh->e_shoff);

    for (int i = 0; i < eh->e_shnum; i++) {
        if (sh[i].sh_type != SHT_SYMTAB && sh[i].sh_type != SHT_DYNSYM)
            continue;
        const Elf64_Sym *sym = (const void *)(d->image + sh[i].sh_offset);
        const char *names = d->image + sh[sh[i].sh_link].sh_offset;
        for (size_t j = 0; j < sh[i].sh_size / sizeof (*sym); j++) {
            if (sym[j].st_value && strcmp (names + sym[j].st_name, name) == 0)
                return d->base + sym[j].st_value;
        }
    }
    errno = ENOENT;
    die (name);
    return 0;
}

static int get_int (struct debugged *d, const char *name)
{
    int n;

    peek (d, lookup (d, name), &n, sizeof (n));
    return n;
}

/* The program is stopped at its first instruction. */
static void open_image (struct debugged *d)
{
    char path[64];
    struct stat st;
    FILE *f;
    int fd;

    snprintf (path, sizeof (path), "/proc/%d/mem", d->pid);
    if ((d->mem = open (path, O_RDWR | O_CLOEXEC)) < 0)
        die (path);
    snprintf (path, sizeof (path), "/proc/%d/exe", d->pid);
    if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0 || fstat (fd, &st) < 0)
        die (path);
    d->size = st.st_size;
    d->image = mmap (NULL, d->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (d->image == MAP_FAILED)
        die ("mmap");
    close (fd);
    snprintf (path, sizeof (path), "/proc/%d/maps", d->pid);
    if (!(f = fopen (path, "r")) || fscanf (f, "%lx-", &d->base) != 1)
        die (path);
    fclose (f);
}

/* --- what it shows --- */

static char state_of (int pid)
{
    char path[64];
    char state = '?';
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%d/stat", pid);
    if ((f = fopen (path, "r"))) {
        if (fscanf (f, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        fclose (f);
    }
    return state;
}

static void show (struct debugged *d)
{
    int size = get_int (d, "MPIR_proctable_size");
    uint64_t table;

    printf ("state %d size %d\n", get_int (d, "MPIR_debug_state"), size);
    peek (d, lookup (d, "MPIR_proctable"), &table, sizeof (table));
    for (int i = 0; i < size; i++) {
        struct {
            uint64_t host;
            uint64_t program;
            int pid;
        } proc;
        char host[256], program[4096];
        peek (d, table + i * sizeof (proc), &proc, sizeof (proc));
        peek_string (d, proc.host, host, sizeof (host));
        peek_string (d, proc.program, program, sizeof (program));
        printf ("%s %s %c\n", host, program, state_of (proc.pid));
    }
    fflush (stdout);
}

/* --- the run --- */

static int stopped (struct debugged *d)
{
    int status;

    if (waitpid (d->pid, &status, 0) < 0)
        die ("waitpid");
    if (!WIFSTOPPED (status))
        exit (WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
    return WSTOPSIG (status);
}

static void go_on (struct debugged *d, int signum)
{
    if (ptrace (PTRACE_CONT, d->pid, NULL, (void *)(intptr_t)signum) < 0)
        die ("continue");
}

/* The instruction before the breakpoint is put back and run again. */
static void leave_breakpoint (struct debugged *d, uint64_t addr, unsigned char saved)
{
    struct user_regs_struct regs;

    poke (d, addr, &saved, 1);
    if (ptrace (PTRACE_GETREGS, d->pid, NULL, &regs) < 0)
        die ("registers");
    regs.rip = addr;
    if (ptrace (PTRACE_SETREGS, d->pid, NULL, &regs) < 0)
        die ("registers");
}

int main (int argc, char **argv)
{
    static const unsigned char trap = 0xcc;
    struct debugged d = { .mem = -1 };
    unsigned char saved;
    uint64_t addr;
    int one = 1;

    if (argc < 2 || (d.pid = fork ()) < 0)
        die ("fork");
    if (d.pid == 0) {
        ptrace (PTRACE_TRACEME, 0, NULL, NULL);
        execvp (argv[1], argv + 1);
        die (argv[1]);
    }
    stopped (&d);
    open_image (&d);
    addr = lookup (&d, "MPIR_Breakpoint");
    peek (&d, addr, &saved, 1);
    poke (&d, addr, &trap, 1);
    poke (&d, lookup (&d, "MPIR_being_debugged"), &one, sizeof (one));
    go_on (&d, 0);
    for (int sig; (sig = stopped (&d));) {
        if (sig == SIGTRAP) {
            show (&d);
            leave_breakpoint (&d, addr, saved);
            sig = 0;
        }
        go_on (&d, sig);
    }
}
