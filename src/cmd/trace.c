/* trace.c - message summaries as they come
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/trace.h"

struct trace {
    bool full;
    bool color;
    bool human;
    bool delta;
    double base;      /* of the last date that was printed */
    double last;      /* of the last message */
};

static int parse_types (const char *list)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {
        { "request", FLUX_MSGTYPE_REQUEST }, { "response", FLUX_MSGTYPE_RESPONSE },
        { "event", FLUX_MSGTYPE_EVENT }, { "control", FLUX_MSGTYPE_CONTROL },
    };
    char *copy = strdup (list);
    char *save = NULL;
    int mask = 0;

    for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s; s = strtok_r (NULL, ",", &save)) {
        int i = 0;
        while (i < 4 && strcmp (types[i].name, s) != 0)
            i++;
        if (i == 4)
            cmd_die (1, "--type=%s: there are request, response, event and control", s);
        mask |= types[i].type;
    }
    free (copy);
    return mask;
}

/* The date when the minute changes, else the offset from that or from the last
 * message. */
static void print_time (struct trace *t, double now)
{
    time_t sec = now;
    struct tm tm;
    char text[32];

    if (!t->human)
        printf ("%.6f", now);
    else if (floor (t->last / 60) != floor (now / 60)) {
        localtime_r (&sec, &tm);
        strftime (text, sizeof (text), "%b%d %H:%M", &tm);
        printf (t->color ? "\033[32m[%s]\033[0m" : "[%s]", text);
        t->base = now;
    }
    else
        printf (t->color ? "\033[32m[%+11.6f]\033[0m" : "[%+11.6f]",
                now - (t->delta ? t->last : t->base));
    t->last = now;
}

static void print_payload (json_t *payload)
{
    char *s = json_dumps (payload, JSON_INDENT (1) | JSON_ENCODE_ANY);

    printf ("%s\n", s ? s : "");
    free (s);
}

static void print_message (struct trace *t, json_t *o)
{
    const char *prefix = "";
    const char *name = NULL;
    const char *topic = "-";
    json_t *payload = NULL;
    double now = 0;
    int rank = -1;
    int type = 0;
    int size = 0;
    int errnum = 0;

    if (json_unpack (o, "{s:F s:s s?s s?i s:i s?s s?i s?i s?o}", "timestamp", &now,
                     "prefix", &prefix, "name", &name, "rank", &rank, "type", &type,
                     "topic", &topic, "payload_size", &size, "errnum", &errnum,
                     "payload", &payload) < 0)
        cmd_die (1, "trace: malformed answer");
    print_time (t, now);
    printf (" %s %s", prefix, flux_msg_typestr (type));
    if (name)
        printf (" %s", name);
    if (rank >= 0)
        printf (" %d", rank);
    printf (t->color ? " \033[33m%s\033[0m [%d]" : " %s [%d]", topic, size);
    if (errnum)
        printf (" %s", strerror (errnum));
    putchar ('\n');
    if (t->full && payload)
        print_payload (payload);
    fflush (stdout);
}

void trace_run (optparse_t *p, flux_t *h, const char *topic, json_t *request)
{
    struct trace t = { .full = optparse_hasopt (p, "full"), .human = optparse_hasopt (p, "human"),
                       .delta = optparse_hasopt (p, "delta"),
                       .color = optparse_get_color (p, "color") };
    const char *types = optparse_get_str (p, "type", "request,response,event,control");
    flux_future_t *f;
    json_t *o;

    if (t.delta && !t.human)
        cmd_die (1, "--delta is for use with --human");
    if (!request || json_object_set_new (request, "typemask", json_integer (parse_types (types))) < 0)
        cmd_die (1, "out of memory");
    if (!(f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "o", request)))
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    while (flux_rpc_get_unpack (f, "o", &o) == 0) {
        print_message (&t, o);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        cmd_die (1, "%s: %s", topic, future_strerror (f, errno));
    flux_future_destroy (f);
}
