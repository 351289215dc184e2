/* event.c - flux event pub, sub (flux-event(1))
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/event.h"

static flux_future_t *publish (flux_t *h, optparse_t *p, const char *topic, const char *payload)
{
    int flags = optparse_hasopt (p, "private") ? FLUX_EVENT_PRIVATE : 0;
    json_error_t error;
    json_t *o;

    if (!payload || optparse_hasopt (p, "raw"))
        return flux_event_publish_raw (h, topic, flags, payload, payload ? strlen (payload) : 0);
    if (!(o = json_loads (payload, 0, &error)) || !json_is_object (o))
        cmd_die (1, "payload '%.60s' is not a JSON object: %s (or use --raw)", payload,
                 o ? "it is of another kind" : error.text);
    json_decref (o);
    return flux_event_publish (h, topic, flags, payload);
}

static void wait_loopback (flux_t *h, const char *topic)
{
    struct flux_match match = FLUX_MATCH_EVENT;
    flux_msg_t *msg;

    match.topic_glob = topic;
    if (!(msg = flux_recv (h, match, 0)))
        cmd_die (1, "receive: %s", flux_strerror (errno));
    flux_msg_destroy (msg);
}

static int event_pub (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char *payload = NULL;
    flux_future_t *f;
    flux_t *h;

    if (n == argc) {
        optparse_print_usage (p);
        return 1;
    }
    if (n + 1 < argc)
        payload = cmd_join (argc - n - 1, argv + n + 1);
    h = cmd_open ();
    if (optparse_hasopt (p, "loopback") && flux_event_subscribe (h, argv[n]) < 0)
        cmd_die (1, "subscribe %s: %s", argv[n], flux_strerror (errno));
    f = publish (h, p, argv[n], payload);
    cmd_check (f, argv[n]);
    if (optparse_hasopt (p, "synchronous")) {
        int seq;
        if (flux_event_publish_get_seq (f, &seq) < 0)
            cmd_die (1, "publish %s: %s", argv[n], flux_strerror (errno));
    }
    if (optparse_hasopt (p, "loopback"))
        wait_loopback (h, argv[n]);
    flux_future_destroy (f);
    flux_close (h);
    free (payload);
    return 0;
}

static void print_event (const flux_msg_t *msg)
{
    const char *topic;
    const char *text;
    const void *data = NULL;
    size_t len = 0;

    if (flux_event_decode (msg, &topic, &text) == 0)
        printf ("%s\t%s\n", topic, text ? text : "");
    else if (flux_event_decode_raw (msg, &topic, &data, &len) == 0) {
        printf ("%s\t", topic);
        for (size_t i = 0; i < len; i++) {
            unsigned char c = ((const unsigned char *)data)[i];
            if (isprint (c))
                putchar (c);
            else
                printf ("\\x%02x", c);
        }
        putchar ('\n');
    }
    fflush (stdout);
}

static int event_sub (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    int count = optparse_get_int (p, "count", 0);
    flux_t *h = cmd_open ();
    flux_msg_t *msg;

    if (count < 0)
        cmd_die (1, "--count=%d: want a positive number", count);
    if (n == argc && flux_event_subscribe (h, "") < 0)
        cmd_die (1, "subscribe: %s", flux_strerror (errno));
    for (; n < argc; n++) {
        if (flux_event_subscribe (h, argv[n]) < 0)
            cmd_die (1, "subscribe %s: %s", argv[n], flux_strerror (errno));
    }
    for (int i = 0; count == 0 || i < count; i++) {
        if (!(msg = flux_recv (h, FLUX_MATCH_EVENT, 0)))
            cmd_die (1, "lost connection to the broker: %s", flux_strerror (errno));
        print_event (msg);
        flux_msg_destroy (msg);
    }
    flux_close (h);
    return 0;
}

static struct optparse_option pub_opts[] = {
    { .name = "raw", .key = 'r', .has_arg = 0, .usage = "Interpret event payload as raw" },
    { .name = "synchronous", .key = 's', .has_arg = 0,
      .usage = "Wait for event sequence to be assigned" },
    { .name = "loopback", .key = 'l', .has_arg = 0,
      .usage = "Wait for published event to be received" },
    { .name = "private", .key = 'p', .has_arg = 0, .usage = "Set privacy flag on event" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option sub_opts[] = {
    { .name = "count", .key = 'c', .has_arg = 1, .arginfo = "N",
      .usage = "Process N events then exit" },
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "pub", event_pub, "[OPTIONS] topic [payload]", "Publish event", 0, pub_opts },
    { "sub", event_sub, "[OPTIONS] [topic...]", "Subscribe to events", 0, sub_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_event (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
