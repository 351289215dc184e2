/* fuzz_pmi_client.c - what a process manager may answer to a program: any bytes
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pmi/client.h"
#include "tests/fuzz/fuzz.h"

static void talk (struct pmi_client *c)
{
    flux_error_t err;
    const char *val;
    int n;

    if (pmi_client_put (c, "key", "value", &err) < 0)
        return;
    if (pmi_client_get (c, "key", &val, &err) == 0)
        FUZZ_CHECK (strlen (val) < 65536);
    (void)pmi_client_universe_size (c, &n, &err);
    (void)pmi_client_barrier (c, &err);
    (void)pmi_client_finalize (c, &err);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct pmi_client *c;
    flux_error_t err = { 0 };
    int fd[2];

    if (size > 32768 || socketpair (AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
        return 0;
    /* a packet a line, as a server in lock-step would */
    for (size_t i = 0, n; i < size; i += n) {
        const uint8_t *eol = memchr (data + i, '\n', size - i);
        n = eol ? eol - (data + i) + 1 : size - i;
        if (send (fd[0], data + i, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    }
    (void)shutdown (fd[0], SHUT_WR);
    if ((c = pmi_client_open (fd[1], 0, 2, false, NULL, &err))) {
        talk (c);
        pmi_client_close (c);
    }
    else {
        FUZZ_CHECK (err.text[0] != '\0');
        close (fd[1]);
    }
    close (fd[0]);
    return 0;
}
