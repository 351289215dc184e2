/* test_plugin_dso.c - a plugin, for test_plugin.c to load
 */
#include <errno.h>
#include <flux/core.h>

static int hello (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s s:s}",
                                 "topic", topic, "name", flux_plugin_get_name (p));
}

static const struct flux_plugin_handler tab[] = {
    { "hello.*", hello, NULL },
    { NULL, NULL, NULL },
};

int flux_plugin_init (flux_plugin_t *p);

int flux_plugin_init (flux_plugin_t *p)
{
    int fail = 0;

    if (flux_plugin_conf_unpack (p, "{s?b}", "fail", &fail) == 0 && fail) {
        errno = EPERM;
        return -1;
    }
    return flux_plugin_register (p, NULL, tab);
}
