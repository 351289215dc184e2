/* fuzz_rendezvous.c - what may stand in the file of a rendezvous, and come to its port
 */
#include <errno.h>

#include "pmi/rendezvous_wire.h"
#include "tests/fuzz/fuzz.h"

static const unsigned char key[RENDEZVOUS_KEY_SIZE] = "fuzz";

/* A card that is taken is the same after a round trip. */
static void try_card (const char *s, size_t len)
{
    struct rendezvous_card card, again;
    char *text;

    if (rendezvous_card_decode (s, len, &card) < 0)
        return;
    if (!(text = rendezvous_card_encode (&card)))
        abort ();
    FUZZ_CHECK (rendezvous_card_decode (text, strlen (text), &again) == 0);
    FUZZ_CHECK (!memcmp (card.key, again.key, sizeof (card.key)));
    FUZZ_CHECK (card.port == again.port && card.naddrs == again.naddrs);
    free (text);
}

/* The input as a frame, and as the object in a frame that is cut anywhere. */
static void try_frame (const char *s, size_t len)
{
    json_t *o = NULL, *got = NULL;
    struct buf b = BUF_INIT;

    FUZZ_CHECK (rendezvous_frame_decode (s, len, key, 'C', 65536, &o) < 0);
    if (!(o = json_loadb (s, len, 0, NULL)) || !json_is_object (o)
        || rendezvous_frame_encode (&b, key, 'C', o) < 0) {
        json_decref (o);
        buf_release (&b);
        return;
    }
    FUZZ_CHECK (rendezvous_frame_decode (b.data, len % b.len, key, 'C', 65536, &got)
                == -EAGAIN);
    FUZZ_CHECK (rendezvous_frame_decode (b.data, b.len, key, 'C', b.len, &got) == (int)b.len);
    FUZZ_CHECK (json_equal (o, got));
    json_decref (got);
    json_decref (o);
    buf_release (&b);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > RENDEZVOUS_CARD_MAX)
        return 0;
    try_card ((const char *)data, size);
    try_frame ((const char *)data, size);
    return 0;
}
