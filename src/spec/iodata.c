/* iodata.c - a piece of standard I/O as a JSON object
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "spec/iodata.h"

static json_t *encode_base64 (const void *data, size_t len)
{
    char *buf = malloc (base64_encoded_size (len));
    json_t *o = NULL;

    if (buf) {
        size_t n = base64_encode (data, len, buf);
        o = json_stringn_nocheck (buf, n);
        free (buf);
    }
    return o;
}

json_t *iodata_encode (const char *stream, const char *rank,
                       const void *data, size_t len, bool eof)
{
    json_t *o, *text = NULL;

    if (!(o = json_pack ("{s:s s:s}", "stream", stream, "rank", rank)))
        return NULL;
    if (len > 0) {
        if (!memchr (data, '\0', len))
            text = json_stringn (data, len);
        if (!text) {
            text = encode_base64 (data, len);
            if (json_object_set_new (o, "encoding", json_string ("base64")) < 0) {
                json_decref (text);
                goto error;
            }
        }
        if (json_object_set_new (o, "data", text) < 0)
            goto error;
    }
    if (eof && json_object_set_new (o, "eof", json_true ()) < 0)
        goto error;
    return o;
error:
    json_decref (o);
    return NULL;
}

static int decode_base64 (const json_t *text, struct iodata *io)
{
    size_t slen = json_string_length (text);
    char *mem = malloc (base64_decoded_size (slen) + 1);

    if (!mem)
        return -ENOMEM;
    if (base64_decode (json_string_value (text), slen, mem, &io->len) < 0) {
        free (mem);
        return -EPROTO;
    }
    mem[io->len] = '\0';
    io->mem = mem;
    io->data = mem;
    return 0;
}

static int decode_data (const json_t *text, const char *encoding,
                        struct iodata *io)
{
    if (!json_is_string (text))
        return -EPROTO;
    if (encoding && !strcasecmp (encoding, "base64"))
        return decode_base64 (text, io);
    if (encoding && strcasecmp (encoding, "utf-8") != 0)
        return -EPROTO;
    io->data = json_string_value (text);
    io->len = json_string_length (text);
    return 0;
}

int iodata_decode (const json_t *o, const char *encoding, struct iodata *io)
{
    struct iodata new = { .repeat = 1 };
    const json_t *val;
    int rc;

    if (!(new.stream = json_string_value (json_object_get (o, "stream")))
        || !(new.rank = json_string_value (json_object_get (o, "rank"))))
        return -EPROTO;
    if ((val = json_object_get (o, "encoding"))
        && !(encoding = json_string_value (val)))
        return -EPROTO;
    if ((val = json_object_get (o, "eof"))) {
        if (!json_is_boolean (val))
            return -EPROTO;
        new.eof = json_is_true (val);
    }
    if ((val = json_object_get (o, "repeat"))) {
        json_int_t n = json_integer_value (val);
        if (n < 1 || n > 1000000)
            return -EPROTO;
        new.repeat = n;
    }
    if ((val = json_object_get (o, "data"))
        && (rc = decode_data (val, encoding, &new)) < 0)
        return rc;
    *io = new;
    return 0;
}

int iodata_decode_event (const json_t *context, const json_t *header, struct iodata *io)
{
    const char *stream = json_string_value (json_object_get (context, "stream"));
    const json_t *encoding = json_object_get (header, "encoding");

    if (!stream)
        return -EPROTO;
    return iodata_decode (context, json_string_value (json_object_get (encoding, stream)), io);
}

void iodata_release (struct iodata *io)
{
    free (io->mem);
    io->mem = NULL;
}
