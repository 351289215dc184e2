/* fuzz_pmi.c - what a program may send to its PMI server: any bytes, in any pieces, and
 * its end at any moment; the keys of other servers
 */
#include <errno.h>

#include "pmi/server.h"
#include "pmi/wire.h"
#include "tests/fuzz/fuzz.h"

static int send_cb (void *arg, int client, const char *buf, size_t len)
{
    /* answers are whole lines */
    if (len == 0 || buf[len - 1] != '\n')
        abort ();
    return 0;
}

static void abort_cb (void *arg, int client, int exit_code, const char *msg)
{
}

static const struct pmi_server_ops ops = { .send = send_cb, .abort = abort_cb };

static void add_keys (struct pmi_server *s, const uint8_t *data, size_t size)
{
    char *lines = strndup ((const char *)data, size);
    const char *twin;

    if (!lines)
        return;
    /* what was taken in once is there, and is no twin of itself */
    if (pmi_server_add (s, lines, &twin) == 0 && !twin
        && (pmi_server_add (s, lines, &twin) < 0 || twin))
        abort ();
    free (lines);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct pmi_server_args args = { .size = 2, .nclients = 2, .kvsname = "kvs" };
    struct pmi_server *s = pmi_server_new (&args, &ops, NULL);
    char line[PMI_WIRE_LINE_MAX];
    char val[64];
    int n;

    if (!s)
        return 0;
    for (size_t i = 0, step = 1; i < size; i += step, step = step % 37 + 1) {
        size_t len = step < size - i ? step : size - i;
        if (pmi_server_input (s, i % 2, (const char *)data + i, len) < 0)
            break;
        if (data[i] == 0xff)
            pmi_server_hangup (s, i % 2);
    }
    add_keys (s, data, size);
    pmi_server_free (s);
    if (size < sizeof (line)) {
        memcpy (line, data, size);
        line[size] = '\0';
        pmi_wire_get (line, "cmd", val, sizeof (val));
        pmi_wire_get (line, "value", val, sizeof (val));
        pmi_wire_get_int (line, "rc", 0, 100, &n);
    }
    return 0;
}
