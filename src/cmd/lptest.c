/* lptest.c - flux lptest: the ripple pattern of lptest(1)
 *
 * Each line starts one character later than the one before, so that a lost, cut or doubled line
 * can be told from its neighbours.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/lptest.h"

enum { FIRST = '!', LAST = '~', PERIOD = LAST - FIRST + 1 };

static long positive (const char *what, const char *s)
{
    char *end;
    long n = strtol (s, &end, 10);

    if (end == s || *end || n < 1)
        cmd_die (1, "%s '%s' is not a number of at least 1", what, s);
    return n;
}

int cmd_lptest (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[LENGTH] [COUNT]", "Print lines of a ripple pattern", NULL, argc,
                               argv, &n);
    long length = argc > n ? positive ("LENGTH", argv[n]) : 79;
    long count = argc > n + 1 ? positive ("COUNT", argv[n + 1]) : 200;

    if (argc > n + 2)
        cmd_die (1, "'%s' is one argument too many", argv[n + 2]);
    for (long line = 0; line < count; line++) {
        for (long i = 0; i < length; i++)
            putchar (FIRST + (line + i) % PERIOD);
        putchar ('\n');
    }
    if (fflush (stdout) || ferror (stdout))
        cmd_die (1, "standard output: cannot write");
    optparse_destroy (p);
    return 0;
}
