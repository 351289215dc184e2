/* admin.c - flux admin cleanup-push, system-scripts
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/admin.h"
#include "cmd/cmd.h"
#include "cmd/jobopts.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"

/* cleanup-push */

/* The broker keeps the order of one request. */
static json_t *commands_of_stdin (void)
{
    json_t *a = json_array ();
    char *text = jobopts_read_file ("-", NULL);
    char *s = text;
    char *line;

    while ((line = strsep (&s, "\n"))) {
        if (*line)
            json_array_append_new (a, json_string (line));
    }
    free (text);
    return a;
}

static json_t *command_of_args (int argc, char **argv)
{
    char *s = cmd_join (argc, argv);
    json_t *a = json_pack ("[s]", s);

    free (s);
    return a;
}

static int admin_cleanup_push (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    json_t *commands = n < argc ? command_of_args (argc - n, argv + n) : commands_of_stdin ();
    flux_future_t *f;
    flux_t *h;

    if (!commands)
        cmd_die (1, "the command is not valid UTF-8");
    h = cmd_open ();
    f = flux_rpc_pack (h, "runat.push", FLUX_NODEID_ANY, 0, "{s:s s:o}", "name", "cleanup",
                       "commands", commands);
    cmd_check (f, "cleanup-push");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* system-scripts */

struct scripts {
    bool verbose;
    bool color;
    json_t *conf;            /* job-manager */
    const char *imp;
    bool perilog;            /* the plugin is loaded */
    bool blank;              /* a blank line before the next type */
};

static int by_name (const struct dirent **a, const struct dirent **b)
{
    return strcmp ((*a)->d_name, (*b)->d_name);
}

static int visible (const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* 'empty': also where there are no scripts.  Was something printed? */
static bool list_dir (const struct scripts *s, const char *label, const char *dir, bool empty)
{
    struct dirent **list;
    int n = scandir (dir, &list, visible, by_name);

    if (n <= 0 && !empty)
        return false;
    printf ("  %s: %s\n", label, dir);
    for (int i = 0; i < n; i++) {
        char path[4096];
        bool ok;
        snprintf (path, sizeof (path), "%s/%s", dir, list[i]->d_name);
        ok = access (path, X_OK) == 0;
        printf ("    %s%s%s %s\n", s->color ? ok ? "\033[32m" : "\033[31m" : "", ok ? "✓" : "✗",
                s->color ? "\033[0m" : "", list[i]->d_name);
        free (list[i]);
    }
    if (n >= 0)
        free (list);
    return true;
}

static bool list_scripts (const struct scripts *s, const char *type, bool empty)
{
    char path[4096];
    bool any;

    snprintf (path, sizeof (path), "%s/%s.d", cmd_builtin ("libexecdir"), type);
    any = list_dir (s, "system", path, empty);
    snprintf (path, sizeof (path), "%s/system/%s", cmd_builtin ("confdir"), type);
    if (access (path, F_OK) == 0) {
        printf ("  site: %s\n", path);
        return true;
    }
    snprintf (path, sizeof (path), "%s/system/%s.d", cmd_builtin ("confdir"), type);
    return list_dir (s, "site", path, empty) || any;
}

static void print_command (json_t *command)
{
    json_t *word;
    size_t i;

    printf ("  command:");
    json_array_foreach (command, i, word)
        printf (" %s", json_string_value (word) ? json_string_value (word) : "?");
    printf ("\n");
}

/* The heading of a type that is configured. */
static void print_status (const struct scripts *s, const char *type, json_t *table)
{
    const char *after = json_string_value (json_object_get (table, "release-after"));

    if (strcmp (type, "housekeeping") == 0)
        printf ("%s: enabled (release-after=%s)\n", type, after ? after : "unset");
    else if (!s->perilog)
        printf ("%s: configured but inactive: perilog.so is not loaded\n", type);
    else
        printf ("%s: enabled (per-rank=%s)\n", type,
                json_is_true (json_object_get (table, "per-rank")) ? "true" : "false");
}

/* A blank line is below one that has more lines than its heading. */
static void show_type (struct scripts *s, const char *type)
{
    json_t *table = json_object_get (s->conf, type);
    json_t *command = json_object_get (table, "command");

    if (s->blank)
        printf ("\n");
    s->blank = false;
    if (!table)
        printf ("%s: not configured\n", type);
    else
        print_status (s, type, table);
    if (command) {
        print_command (command);
        s->blank = true;
    }
    else if (table || s->verbose)
        s->blank = list_scripts (s, type, table != NULL);
}

static bool has_perilog (flux_t *h)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.jobtap", FLUX_NODEID_ANY, 0, "{s:b}",
                                      "query_only", 1);
    json_t *plugins = NULL, *o;
    bool found = false;
    size_t i;

    if (f)
        (void)flux_rpc_get_unpack (f, "{s:o}", "plugins", &plugins);
    json_array_foreach (plugins, i, o) {
        const char *name = json_string_value (o);
        found = found || (name && strstr (name, "perilog") != NULL);
    }
    flux_future_destroy (f);
    return found;
}

static int admin_system_scripts (optparse_t *p, int argc, char **argv)
{
    struct scripts s = {
        .verbose = optparse_hasopt (p, "verbose"), .color = optparse_get_color (p, "color"),
    };
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    cmd_check (f, "configuration");
    (void)flux_rpc_get_unpack (f, "{s?o s?{s?s}}", "job-manager", &s.conf, "exec", "imp", &s.imp);
    s.perilog = has_perilog (h);
    show_type (&s, "prolog");
    show_type (&s, "epilog");
    show_type (&s, "housekeeping");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static struct optparse_option scripts_opts[] = {
    KVS_OPT ("verbose", 'v', NULL, "Show scripts of what is not configured, too"),
    { .name = "color", .has_arg = 2, .arginfo = "WHEN",
      .usage = "Use color: always, never, or auto" },
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "cleanup-push", admin_cleanup_push, "[COMMAND...]",
      "Add a command that is run after the initial program", 0, NULL },
    { "system-scripts", admin_system_scripts, "[OPTIONS]",
      "Show the status of prolog, epilog and housekeeping", 0, scripts_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_admin (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
