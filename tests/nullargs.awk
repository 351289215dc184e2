# nullargs.awk - a table of calls for nullargs.h, from rows of functions.tsv
#
# What is variable in an argument list is four times NULL.
# -v objects=0: each pointer is NULL, each number 0; functions without a pointer are left out
# -v objects=1: the first pointer to what can be made without an instance is one, the rest NULL;
#     in a plugin of the shell its own, of which 'plugin' is set
# -v skip=NAMES: without these, set apart by blanks

BEGIN {
    FS = "\t"
    make["flux_t"] = "flux_open (\"loop://\", 0)"
    make["flux_msg_t"] = "flux_msg_create (FLUX_MSGTYPE_REQUEST)"
    make["flux_future_t"] = "flux_future_create (NULL, NULL)"
    make["flux_reactor_t"] = "flux_reactor_create (0)"
    make["flux_kvs_txn_t"] = "flux_kvs_txn_create ()"
    make["flux_cmd_t"] = "flux_cmd_create (0, NULL, NULL)"
    make["flux_conf_t"] = "flux_conf_create ()"
    make["flux_plugin_t"] = "flux_plugin_create ()"
    make["flux_plugin_arg_t"] = "flux_plugin_arg_create ()"
    make["flux_jobspec1_t"] = "flux_jobspec1_from_command (1, (char *[]){ \"true\", NULL }, NULL, 1, 1, 0, 0, 0.0)"
    make["flux_kvsdir_t"] = "flux_kvsdir_create (NULL, NULL, \"a\", \"{\\\"ver\\\":1,\\\"type\\\":\\\"dir\\\",\\\"data\\\":{}}\")"
    make["flux_watcher_t"] = "flux_prepare_watcher_create (flux_reactor_create (0), NULL, NULL)"
    make["struct flux_msglist"] = "flux_msglist_create ()"
    make["struct idset"] = "idset_create (0, IDSET_FLAG_AUTOGROW)"
    make["struct hostlist"] = "hostlist_create ()"
    make["struct taskmap"] = "taskmap_create ()"
    make["optparse_t"] = "optparse_create (\"test\")"
    make["flux_shell_t"] = "flux_plugin_get_shell (plugin)"
    make["flux_shell_task_t"] = "flux_shell_task_first (flux_plugin_get_shell (plugin))"
    print "static flux_plugin_t *plugin;"
    print "static va_list no_args;"
}

index (" " skip " ", " " $3 " ") { next }

{
    s = $4
    gsub (/^\(|\)$/, "", s)
    n = split (s, args, ",")
    call = ""
    pointers = made = 0
    for (i = 1; i <= n; i++) {
        a = args[i]
        gsub (/^ |^ ?const /, "", a)
        if (a == "...") {
            call = call ", NULL, NULL, NULL, NULL"
            continue
        }
        if (a == "void" || a == "")
            continue
        type = a
        sub (/ \*.*/, "", type)
        if (a ~ /[*\]]/) {
            pointers++
            e = "NULL"
            if (objects && !made && a !~ /\*.*\*/ && type in make) {
                made = 1
                e = make[type]
            }
        }
        else if (a ~ /^va_list/)
            e = "no_args"
        else {
            sub (/ [a-zA-Z_0-9]+$/, "", a)
            e = "(" a "){ 0 }"
        }
        call = call (call == "" ? "" : ", ") e
    }
    if (objects ? !made : !pointers)
        next
    print "static void call_" $3 " (void) { (void)" $3 " (" call "); }"
    table = table "    { \"" $3 "\", call_" $3 " },\n"
}

END {
    print "static const struct call calls[] = {\n" table "};"
    print "#define NCALLS (sizeof (calls) / sizeof (calls[0]))"
}
