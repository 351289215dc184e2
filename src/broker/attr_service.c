/* attr_service.c - attr.get, attr.set, attr.rm, attr.list
 */
#include <errno.h>
#include <string.h>

#include "broker/attr_service.h"

struct attr_service {
    struct attrs *attrs;
    flux_msg_handler_t **handlers;
};

/* What holds as long as nobody sets it.  The broker itself asks whether it was set. */
static const struct {
    const char *name;
    const char *key;         /* of flux_conf_builtin_get() */
} defaults[] = {
    { "broker.rc1_path", "rc1_path" },
    { "broker.rc3_path", "rc3_path" },
    { "conf.shell_initrc", "shell_initrc" },
    { "conf.shell_pluginpath", "shell_pluginpath" },
};

enum { NDEFAULTS = sizeof (defaults) / sizeof (defaults[0]) };

static const char *default_value (const char *name)
{
    for (int i = 0; i < NDEFAULTS; i++)
        if (!strcmp (name, defaults[i].name))
            return flux_conf_builtin_get (defaults[i].key, FLUX_CONF_AUTO);
    return NULL;
}

static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                    void *arg)
{
    struct attr_service *as = arg;
    const char *name, *value;
    int flags = 0;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if (!(value = attrs_get (as->attrs, name, &flags)) && !(value = default_value (name)))
        flux_respond_error (h, msg, ENOENT, NULL);
    else
        flux_respond_pack (h, msg, "{s:s s:i}", "value", value, "flags", flags);
}

static void update (struct attr_service *as, flux_t *h, const flux_msg_t *msg,
                    const char *name, const char *value, int force)
{
    flux_error_t err;
    int rc = attrs_update (as->attrs, name, value, force, &err);

    if (rc < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else
        flux_respond (h, msg, NULL);
}

static void set_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                    void *arg)
{
    const char *name, *value;
    int force = 0;

    if (flux_request_unpack (msg, NULL, "{s:s s:s s?b}", "name", &name, "value",
                             &value, "force", &force) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else
        update (arg, h, msg, name, value, force);
}

static void rm_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;
    int force = 0;

    if (flux_request_unpack (msg, NULL, "{s:s s?b}", "name", &name, "force",
                             &force) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else
        update (arg, h, msg, name, NULL, force);
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct attr_service *as = arg;
    json_t *names = json_array ();
    size_t pos = 0;
    const char *name;

    while (names && (name = attrs_next (as->attrs, &pos, NULL, NULL)))
        json_array_append_new (names, json_string (name));
    for (int i = 0; i < NDEFAULTS; i++)
        if (!attrs_get (as->attrs, defaults[i].name, NULL))
            json_array_append_new (names, json_string (defaults[i].name));
    if (!names || flux_respond_pack (h, msg, "{s:o}", "names", names) < 0)
        flux_respond_error (h, msg, ENOMEM, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "attr.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "attr.list", list_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "attr.set", set_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attr.rm", rm_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct attr_service *attr_service_new (flux_t *h, struct attrs *attrs)
{
    struct attr_service *as = calloc (1, sizeof (*as));

    if (!as)
        return NULL;
    as->attrs = attrs;
    if (flux_msg_handler_addvec (h, htab, as, &as->handlers) < 0) {
        free (as);
        return NULL;
    }
    return as;
}

void attr_service_free (struct attr_service *as)
{
    if (as) {
        flux_msg_handler_delvec (as->handlers);
        free (as);
    }
}
