/* rendezvous_wire.c - what the processes of a rendezvous say to each other
 */
#include <arpa/inet.h>
#include <errno.h>

#include "base/blobref.h"
#include "pmi/rendezvous_wire.h"

#define MAC_SIZE RENDEZVOUS_MAC_SIZE
#define BLOCK_SIZE 64      /* of SHA-256 */

/* --- the card --- */

char *rendezvous_card_encode (const struct rendezvous_card *card)
{
    char key[2 * RENDEZVOUS_KEY_SIZE + 1];
    json_t *addrs = json_array ();
    json_t *o;
    char *s;

    for (int i = 0; i < RENDEZVOUS_KEY_SIZE; i++)
        snprintf (key + 2 * i, 3, "%02x", card->key[i]);
    for (int i = 0; addrs && i < card->naddrs; i++)
        if (json_array_append_new (addrs, json_string (card->addrs[i])) < 0) {
            json_decref (addrs);
            addrs = NULL;
        }
    o = json_pack ("{s:s s:i s:s s:o}", "key", key, "port", card->port, "host", card->host,
                   "addrs", addrs);
    s = o ? json_dumps (o, JSON_COMPACT) : NULL;
    json_decref (o);
    return s;
}

static int decode_key (const char *s, unsigned char *key)
{
    if (strlen (s) != 2 * RENDEZVOUS_KEY_SIZE
        || strspn (s, "0123456789abcdef") != 2 * RENDEZVOUS_KEY_SIZE)
        return -EPROTO;
    for (int i = 0; i < RENDEZVOUS_KEY_SIZE; i++) {
        char byte[3] = { s[2 * i], s[2 * i + 1], '\0' };
        key[i] = strtoul (byte, NULL, 16);
    }
    return 0;
}

static int take_addr (struct rendezvous_card *card, const char *s)
{
    if (!s || strlen (s) >= sizeof (card->addrs[0]) || card->naddrs == RENDEZVOUS_ADDRS_MAX)
        return -EPROTO;
    snprintf (card->addrs[card->naddrs++], sizeof (card->addrs[0]), "%s", s);
    return 0;
}

static int card_of_object (const json_t *o, struct rendezvous_card *card)
{
    const char *key, *host;
    json_t *addrs, *addr;
    size_t i;

    if (json_unpack ((json_t *)o, "{s:s s:i s:s s:o}", "key", &key, "port", &card->port,
                     "host", &host, "addrs", &addrs) < 0
        || !json_is_array (addrs) || card->port < 1 || card->port > 65535
        || strlen (host) >= sizeof (card->host) || decode_key (key, card->key) < 0)
        return -EPROTO;
    snprintf (card->host, sizeof (card->host), "%s", host);
    json_array_foreach (addrs, i, addr)
        if (take_addr (card, json_string_value (addr)) < 0)
            return -EPROTO;
    return 0;
}

int rendezvous_card_decode (const char *s, size_t len, struct rendezvous_card *card)
{
    struct rendezvous_card c = { 0 };
    json_t *o = json_loadb (s, len, 0, NULL);
    int rc = o ? card_of_object (o, &c) : -EPROTO;

    json_decref (o);
    if (rc == 0)
        *card = c;
    return rc;
}

/* --- frames --- */

/* H (key ^ outer | H (key ^ inner | from | text)), RFC 2104 */
int rendezvous_hmac (const unsigned char *key, char from, const char *text, size_t len,
                     unsigned char mac[MAC_SIZE])
{
    struct buf b = BUF_INIT;
    unsigned char outer[BLOCK_SIZE + MAC_SIZE];
    unsigned char inner[BLOCK_SIZE];
    int rc;

    for (int i = 0; i < BLOCK_SIZE; i++) {
        unsigned char c = i < RENDEZVOUS_KEY_SIZE ? key[i] : 0;
        inner[i] = c ^ 0x36;
        outer[i] = c ^ 0x5c;
    }
    buf_add (&b, inner, sizeof (inner));
    buf_addc (&b, from);
    buf_add (&b, text, len);
    rc = b.failed ? -ENOMEM : blobref_digest ("sha256", b.data, b.len, outer + BLOCK_SIZE);
    buf_release (&b);
    if (rc >= 0)
        rc = blobref_digest ("sha256", outer, sizeof (outer), mac);
    return rc < 0 ? rc : 0;
}

int rendezvous_frame_encode (struct buf *b, const unsigned char *key, char from,
                             const json_t *o)
{
    unsigned char mac[MAC_SIZE];
    char *text = json_dumps (o, JSON_COMPACT);
    size_t len = text ? strlen (text) : 0;
    uint32_t head = htonl (MAC_SIZE + len);
    int rc = text ? rendezvous_hmac (key, from, text, len, mac) : -ENOMEM;

    if (rc == 0 && (rc = buf_reserve (b, sizeof (head) + sizeof (mac) + len)) == 0) {
        buf_add (b, &head, sizeof (head));
        buf_add (b, mac, sizeof (mac));
        buf_add (b, text, len);
    }
    free (text);
    return rc;
}

static int equal (const unsigned char *a, const unsigned char *b)
{
    unsigned char differ = 0;

    for (int i = 0; i < MAC_SIZE; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

int rendezvous_frame_decode (const char *data, size_t len, const unsigned char *key,
                             char from, size_t max, json_t **op)
{
    unsigned char mac[MAC_SIZE];
    uint32_t n;
    json_t *o;
    int rc;

    if (len < sizeof (n))
        return -EAGAIN;
    memcpy (&n, data, sizeof (n));
    n = ntohl (n);
    if (n < MAC_SIZE || n > max)
        return -EPROTO;
    if (len - sizeof (n) < n)
        return -EAGAIN;
    data += sizeof (n);
    if ((rc = rendezvous_hmac (key, from, data + MAC_SIZE, n - MAC_SIZE, mac)) < 0)
        return rc;
    if (!equal (mac, (const unsigned char *)data))
        return -EPERM;
    if (!(o = json_loadb (data + MAC_SIZE, n - MAC_SIZE, 0, NULL)) || !json_is_object (o)) {
        json_decref (o);
        return -EPROTO;
    }
    *op = o;
    return sizeof (n) + n;
}
