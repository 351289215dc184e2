/* spankmpibind.c - a plugin of Slurm with the option --mpibind, as some sites have one
 *
 * It takes on and off, and does nothing: what is tested is a command line.
 */
#include <string.h>
#include <slurm/spank.h>

SPANK_PLUGIN (mpibind, 1)

static int mpibind_cb (int val, const char *optarg, int remote)
{
    return optarg && (strcmp (optarg, "on") == 0 || strcmp (optarg, "off") == 0) ? 0 : -1;
}

int slurm_spank_init (spank_t sp, int argc, char **argv)
{
    static struct spank_option opt = { "mpibind", "[on|off]", "binding of tasks", 1, 0, mpibind_cb };

    return spank_option_register (sp, &opt) == ESPANK_SUCCESS ? 0 : -1;
}
