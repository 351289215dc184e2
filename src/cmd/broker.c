/* broker.c - flux broker (flux-broker(1)): becomes flux-broker
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/broker.h"
#include "cmd/cmd.h"

int cmd_broker (int argc, char **argv)
{
    const char *path = cmd_builtin ("broker_path");

    argv[0] = (char *)path;
    execv (path, argv);
    cmd_die (1, "cannot run %s: %s", path, strerror (errno));
}
