/* access.c - who may connect, and as what
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "broker/access.h"

#define ACCESS_KEYS "allow-guest-user:b allow-root-owner:b private-mode:b client-queue-max:i" \
                    " message-max:i roles:t"

static int check_names (const char *key, json_t *names, flux_error_t *err)
{
    size_t i;
    json_t *o;

    if (names && !json_is_array (names))
        return errmsg (err, -EINVAL, "access.roles.admin.%s is not an array", key);
    json_array_foreach (names, i, o)
        if (!json_is_string (o))
            return errmsg (err, -EINVAL, "access.roles.admin.%s[%zu] is not a string", key, i);
    return 0;
}

int access_check_conf (const flux_conf_t *conf, flux_error_t *err)
{
    json_t *users = NULL, *groups = NULL;
    json_int_t queue = 1, message = ACCESS_MESSAGE_MAX;
    json_t *table = NULL, *roles, *admin;
    int rc;

    if (flux_conf_unpack (conf, err, "{s?o}", "access", &table) < 0)
        return -errno;
    roles = json_object_get (table, "roles");
    admin = json_object_get (roles, "admin");
    if ((table && (rc = tablekeys_check (table, "access", ACCESS_KEYS, err)) < 0)
        || (roles && (rc = tablekeys_check (roles, "access.roles", "admin:t", err)) < 0)
        || (admin && (rc = tablekeys_check (admin, "access.roles.admin", "users groups", err)) < 0))
        return rc;
    (void)json_unpack (table, "{s?I s?I}", "client-queue-max", &queue, "message-max", &message);
    (void)json_unpack (admin, "{s?o s?o}", "users", &users, "groups", &groups);
    if (queue < 1)
        return errmsg (err, -EINVAL, "access.client-queue-max is not a number of bytes");
    if (message < ACCESS_MESSAGE_MIN || message > INT32_MAX)
        return errmsg (err, -EINVAL, "access.message-max: want %d to %d bytes",
                       ACCESS_MESSAGE_MIN, INT32_MAX);
    if ((rc = check_names ("users", users, err)) < 0)
        return rc;
    return check_names ("groups", groups, err);
}

int access_read (struct access_policy *p, const flux_conf_t *conf, flux_error_t *err)
{
    int guest = 0, root = 0;

    if (flux_conf_unpack (conf, err, "{s?{s?b s?b}}", "access", "allow-guest-user",
                          &guest, "allow-root-owner", &root) < 0)
        return -errno;
    p->owner = getuid ();
    p->allow_guest_user = guest;
    p->allow_root_owner = root;
    p->conf = conf;
    return 0;
}

static bool named (json_t *names, const char *name)
{
    size_t i;
    json_t *o;

    json_array_foreach (names, i, o)
        if (json_is_string (o) && !strcmp (json_string_value (o), name))
            return true;
    return false;
}

static bool in_groups (json_t *names, const struct passwd *pw)
{
    gid_t gids[256];
    int n = 256;
    struct group *gr;

    if (!names || getgrouplist (pw->pw_name, pw->pw_gid, gids, &n) < 0)
        return false;
    for (int i = 0; i < n; i++)
        if ((gr = getgrgid (gids[i])) && named (names, gr->gr_name))
            return true;
    return false;
}

/* Only an admin role is defined; what cannot be resolved gives nothing. */
static uint32_t extra_roles (const struct access_policy *p, uid_t peer)
{
    json_t *users = NULL, *groups = NULL;
    struct passwd *pw;

    if (flux_conf_unpack (p->conf, NULL, "{s?{s?{s?{s?o s?o}}}}", "access", "roles",
                          "admin", "users", &users, "groups", &groups) < 0
        || (!users && !groups) || !(pw = getpwuid (peer)))
        return 0;
    return (users && named (users, pw->pw_name)) || in_groups (groups, pw)
           ? FLUX_ROLE_ADMIN : 0;
}

int access_check (const struct access_policy *p, uid_t peer, struct flux_msg_cred *cred)
{
    if (peer == p->owner || (peer == 0 && p->allow_root_owner)) {
        cred->userid = p->owner;
        cred->rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
        return 0;
    }
    if (!p->allow_guest_user)
        return -EPERM;
    cred->userid = peer;
    cred->rolemask = FLUX_ROLE_USER | FLUX_ROLE_LOCAL | extra_roles (p, peer);
    return 0;
}
