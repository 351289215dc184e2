/* relay.c - flux relay PATH: pass bytes between a broker's socket and ours
 *
 * Started by the ssh:// connector; standard input and output are the connection.
 */
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/relay.h"
#include "core/relay.h"

int cmd_relay (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("PATH", "Pass messages between standard input and "
                               "output and the broker socket PATH (used by "
                               "ssh:// URIs)", NULL, argc, argv, &n);
    flux_error_t error;

    if (n != argc - 1)
        cmd_die (1, "expected the path of a broker's socket");
    if (relay_run (argv[n], 0, 1, &error) < 0)
        cmd_die (1, "%s", error.text);
    optparse_destroy (p);
    return 0;
}
