/* ptytest.c - run a program at a terminal and talk to it, for tests
 *
 *   ptytest COMMAND ARGS... <steps
 *
 * Steps, one a line:
 *   expect TEXT     wait (30s) until the program has written TEXT
 *   send TEXT       type it; \r \n \e \\ and \xHH are understood
 *   resize R C      change the size of the terminal
 *   raw, cooked     wait until the terminal is that
 *   stop            wait until the program has stopped itself, and continue it
 * Then it waits for the program.  All that was written goes to standard output.
 * Exit code: that of the program, 128+N for a signal; 99 if a step failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SIZE (1 << 20)
#define PATIENCE 30000

static char seen[SIZE];
static size_t nseen;
static size_t matched;      /* what lies before has been expected already */
static int master;
static pid_t child;

static void fail (const char *what, const char *arg)
{
    fprintf (stderr, "ptytest: %s: %s\n", what, arg);
    if (child > 0)
        kill (child, SIGKILL);
    _exit (99);
}

static long now_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* False at the end of the output. */
static int read_more (int ms)
{
    struct pollfd pfd = { .fd = master, .events = POLLIN };
    ssize_t n;

    if (poll (&pfd, 1, ms) <= 0)
        return 1;
    if (nseen == SIZE - 1)
        fail ("output", "too much");
    if ((n = read (master, seen + nseen, SIZE - 1 - nseen)) <= 0)
        return 0;
    fwrite (seen + nseen, 1, n, stdout);
    fflush (stdout);
    nseen += n;
    return 1;
}

static void expect (const char *text)
{
    long end = now_ms () + PATIENCE;
    char *p;

    while (!(p = memmem (seen + matched, nseen - matched, text, strlen (text)))) {
        if (now_ms () > end || !read_more (100))
            fail ("did not see", text);
    }
    matched = p + strlen (text) - seen;
}

static void type (const char *s)
{
    for (; *s; s++) {
        char c = *s;
        if (c == '\\' && s[1]) {
            c = *++s;
            c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 'e' ? 27 : c;
            if (c == 'x' && s[1] && s[2]) {
                char hex[3] = { s[1], s[2], '\0' };
                c = strtol (hex, NULL, 16);
                s += 2;
            }
        }
        if (write (master, &c, 1) != 1)
            fail ("write", strerror (errno));
    }
}

static int is_mode (int raw)
{
    struct termios t;

    return tcgetattr (master, &t) == 0 && ((t.c_lflag & ICANON) == 0) == raw;
}

/* The program may change it and end between a look and the read after it. */
static void wait_mode (int raw)
{
    long end = now_ms () + PATIENCE;

    while (!is_mode (raw)) {
        if (now_ms () > end || (!read_more (10) && !is_mode (raw)))
            fail ("the terminal did not become", raw ? "raw" : "cooked");
    }
}

static void wait_stop (void)
{
    long end = now_ms () + PATIENCE;
    int status;

    while (waitpid (child, &status, WUNTRACED | WNOHANG) != child || !WIFSTOPPED (status)) {
        if (now_ms () > end)
            fail ("the program did not", "stop");
        read_more (10);
    }
    kill (child, SIGCONT);
}

static void step (char *line)
{
    int rows, cols;

    line[strcspn (line, "\n")] = '\0';
    if (strncmp (line, "expect ", 7) == 0)
        expect (line + 7);
    else if (strncmp (line, "send ", 5) == 0)
        type (line + 5);
    else if (strcmp (line, "raw") == 0 || strcmp (line, "cooked") == 0)
        wait_mode (line[0] == 'r');
    else if (strcmp (line, "stop") == 0)
        wait_stop ();
    else if (sscanf (line, "resize %d %d", &rows, &cols) == 2) {
        struct winsize ws = { .ws_row = rows, .ws_col = cols };
        ioctl (master, TIOCSWINSZ, &ws);
    }
    else if (*line)
        fail ("what is", line);
}

static void start (char **argv)
{
    struct winsize ws = { .ws_row = 30, .ws_col = 100 };
    char name[64];
    int slave;

    if ((master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 || grantpt (master) < 0
        || unlockpt (master) < 0 || ptsname_r (master, name, sizeof (name)) != 0
        || (slave = open (name, O_RDWR | O_NOCTTY)) < 0)
        fail ("pty", strerror (errno));
    ioctl (master, TIOCSWINSZ, &ws);
    if ((child = fork ()) == 0) {
        setsid ();
        ioctl (slave, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
            dup2 (slave, i);
        if (slave > 2)
            close (slave);
        execvp (argv[0], argv);
        _exit (127);
    }
    close (slave);
}

int main (int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    int status;

    if (argc < 2)
        return 99;
    signal (SIGPIPE, SIG_IGN);
    start (argv + 1);
    while (getline (&line, &size, stdin) > 0)
        step (line);
    free (line);
    while (read_more (-1))
        ;
    while (waitpid (child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}
