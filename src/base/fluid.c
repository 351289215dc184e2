/* fluid.c - Flux locally unique ids (RFC 19) */
#include "base/fluid.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/emoji.h"
#include "base/wordlist.h"

#define SEQ_BITS 10
#define GEN_BITS 14
#define TIME_BITS 40

static const char base58[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char f58_prefix[] = "\xc6\x92"; /* U+0192 */

/* ---- generator ---- */

static uint64_t now_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int fluid_gen_init (struct fluid_gen *g, uint32_t id, uint64_t start_ms)
{
    if (!g || id >= (1u << GEN_BITS) || start_ms >= ((uint64_t)1 << TIME_BITS))
        return -EINVAL;
    *g = (struct fluid_gen){
        .id = (uint16_t)id,
        .epoch_ms = now_ms () - start_ms,
        .last = start_ms,
        /* 0 is a poor id: a generator that starts at 0 leaves it out */
        .seq = start_ms == 0 && id == 0 ? 1 : 0,
    };
    return 0;
}

/* g->last and g->seq are the parts of the id to hand out next. */
int fluid_gen_next (struct fluid_gen *g, uint64_t *idp)
{
    uint64_t now = now_ms () - g->epoch_ms;

    /* before the epoch, if the clock was set back: now is huge */
    if (now > g->last && now < ((uint64_t)1 << 63)) {
        g->last = now;
        g->seq = 0;
    }
    if (g->last >= ((uint64_t)1 << TIME_BITS))
        return -EOVERFLOW;
    *idp = g->last << (GEN_BITS + SEQ_BITS) | (uint64_t)g->id << SEQ_BITS
           | g->seq;
    if (++g->seq == (1u << SEQ_BITS)) {
        g->seq = 0;
        g->last++;
    }
    return 0;
}

uint64_t fluid_timestamp_ms (uint64_t id)
{
    return id >> (GEN_BITS + SEQ_BITS);
}

/* ---- encode ---- */

static int encode_f58 (uint64_t id, const char *prefix, char *buf, size_t size)
{
    char text[16];
    char *p = text + sizeof (text);

    *--p = '\0';
    do {
        *--p = base58[id % 58];
        id /= 58;
    } while (id > 0);
    return snprintf (buf, size, "%s%s", prefix, p);
}

static int encode_emoji (uint64_t id, char *buf, size_t size)
{
    char text[32]; /* 7 digits of 4 bytes hold 64 bits */
    char *p = text + sizeof (text);

    *--p = '\0';
    do {
        unsigned int cp = EMOJI_BASE + emoji_digit[id % EMOJI_COUNT];
        *--p = (char)(0x80 | (cp & 0x3f));
        *--p = (char)(0x80 | (cp >> 6 & 0x3f));
        *--p = (char)(0x80 | (cp >> 12 & 0x3f));
        *--p = (char)(0xf0 | cp >> 18);
        id /= EMOJI_COUNT;
    } while (id > 0);
    return snprintf (buf, size, "%s", p);
}

static int encode_dothex (uint64_t id, char *buf, size_t size)
{
    return snprintf (buf, size, "%04x.%04x.%04x.%04x",
                     (unsigned int)(id >> 48 & 0xffff),
                     (unsigned int)(id >> 32 & 0xffff),
                     (unsigned int)(id >> 16 & 0xffff),
                     (unsigned int)(id & 0xffff));
}

/* Three words for each half, the lower half and the lowest digit first. */
static int encode_words (const struct wordlist *w, uint64_t id, char *buf, size_t size)
{
    const uint32_t n = WORDLIST_COUNT, lo = (uint32_t)id, hi = (uint32_t)(id >> 32);

    return snprintf (buf, size, "%s-%s-%s--%s-%s-%s", w->word[lo % n], w->word[lo / n % n],
                     w->word[lo / n / n], w->word[hi % n], w->word[hi / n % n],
                     w->word[hi / n / n]);
}

int fluid_encode (uint64_t id, enum fluid_form form, char *buf, size_t size)
{
    const struct wordlist *w;
    int n = -1;

    if (!buf)
        return -EINVAL;
    switch (form) {
        case FLUID_DEC:
            n = snprintf (buf, size, "%" PRIu64, id);
            break;
        case FLUID_HEX:
            n = snprintf (buf, size, "0x%" PRIx64, id);
            break;
        case FLUID_DOTHEX:
            n = encode_dothex (id, buf, size);
            break;
        case FLUID_F58:
            n = encode_f58 (id, f58_prefix, buf, size);
            break;
        case FLUID_F58_PLAIN:
            n = encode_f58 (id, "f", buf, size);
            break;
        case FLUID_EMOJI:
            n = encode_emoji (id, buf, size);
            break;
        case FLUID_WORDS:
            if (!(w = wordlist_get ()))
                return -ENOTSUP;
            n = encode_words (w, id, buf, size);
            break;
    }
    if (n < 0)
        return -EINVAL;
    return (size_t)n < size ? 0 : -EOVERFLOW;
}

/* ---- parse ---- */

/* Append a digit in the given base.  -ERANGE above 64 bits */
static int push_digit (uint64_t *id, uint64_t base, uint64_t digit)
{
    if (__builtin_mul_overflow (*id, base, id)
        || __builtin_add_overflow (*id, digit, id))
        return -ERANGE;
    return 0;
}

static int hex_value (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int parse_digits (const char *s,
                         size_t len,
                         int (*value) (char c),
                         uint64_t base,
                         uint64_t *idp)
{
    uint64_t id = 0;

    if (len == 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int v = value (s[i]);
        if (v < 0 || (uint64_t)v >= base)
            return -EINVAL;
        if (push_digit (&id, base, (uint64_t)v) < 0)
            return -ERANGE;
    }
    *idp = id;
    return 0;
}

static int base58_value (char c)
{
    const char *p = c ? strchr (base58, c) : NULL;
    return p ? (int)(p - base58) : -1;
}

static int parse_dothex (const char *s, size_t len, uint64_t *idp)
{
    uint64_t id = 0;

    if (len != 19)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (i % 5 == 4) {
            if (s[i] != '.')
                return -EINVAL;
            continue;
        }
        if (hex_value (s[i]) < 0)
            return -EINVAL;
        id = id << 4 | (uint64_t)hex_value (s[i]);
    }
    *idp = id;
    return 0;
}

static int emoji_value (const unsigned char *s)
{
    unsigned int cp = (unsigned int)(s[0] & 7) << 18
                      | (unsigned int)(s[1] & 0x3f) << 12
                      | (unsigned int)(s[2] & 0x3f) << 6 | (s[3] & 0x3f);

    if (s[0] != 0xf0 || s[1] != 0x9f || (s[2] & 0xc0) != 0x80
        || (s[3] & 0xc0) != 0x80)
        return -1;
    for (int i = 0; i < EMOJI_COUNT; i++)
        if (EMOJI_BASE + emoji_digit[i] == cp)
            return i;
    return -1;
}

static int parse_emoji (const char *s, size_t len, uint64_t *idp)
{
    uint64_t id = 0;

    if (len % 4 != 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 4) {
        int v = emoji_value ((const unsigned char *)s + i);
        if (v < 0)
            return -EINVAL;
        if (push_digit (&id, EMOJI_COUNT, (uint64_t)v) < 0)
            return -ERANGE;
    }
    *idp = id;
    return 0;
}

/* A hyphen in anything else is an error. */
static bool may_be_words (const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] != '-' && !isalpha ((unsigned char)s[i]))
            return false;
    return s[0] != '-';
}

/* Six words with hyphens between them; how many does not matter. */
static int parse_words (const char *s, size_t len, uint64_t *idp)
{
    static const uint64_t place[] = { 1, WORDLIST_COUNT, WORDLIST_COUNT * WORDLIST_COUNT };
    const struct wordlist *w;
    const char *end = s + len;
    uint64_t half[2] = { 0, 0 };

    if (!may_be_words (s, len))
        return -EINVAL;
    if (!(w = wordlist_get ()))
        return -ENOTSUP;
    for (int i = 0; i < 6; i++) {
        const char *hyphen = memchr (s, '-', end - s);
        size_t n = (hyphen ? hyphen : end) - s;
        int v = n > 0 ? wordlist_find (w, s, n) : -1;
        if (v < 0)
            return -EINVAL;
        half[i / 3] += (uint64_t)v * place[i % 3];
        for (s += n; i < 5 && s < end && *s == '-'; s++)
            ;
    }
    if (s != end)
        return -EINVAL;
    if (half[0] > UINT32_MAX || half[1] > UINT32_MAX)
        return -ERANGE;
    *idp = half[1] << 32 | half[0];
    return 0;
}

static bool starts_with (const char *s, size_t len, const char *prefix)
{
    size_t n = strlen (prefix);
    return len >= n && memcmp (s, prefix, n) == 0;
}

/* The order of the tests is that of RFC 19. */
int fluid_parse (const char *s, uint64_t *idp)
{
    if (!s || !idp)
        return -EINVAL;
    s += strspn (s, " \t\r\n\v\f");
    size_t len = strlen (s);
    while (len > 0 && strchr (" \t\r\n\v\f", s[len - 1]))
        len--;

    if (memchr (s, '.', len))
        return parse_dothex (s, len, idp);
    if (memchr (s, '-', len))
        return parse_words (s, len, idp);
    if (starts_with (s, len, f58_prefix))
        return parse_digits (s + 2, len - 2, base58_value, 58, idp);
    if (starts_with (s, len, "f"))
        return parse_digits (s + 1, len - 1, base58_value, 58, idp);
    if (starts_with (s, len, "\xf0\x9f"))
        return parse_emoji (s, len, idp);
    if (starts_with (s, len, "0x"))
        return parse_digits (s + 2, len - 2, hex_value, 16, idp);
    return parse_digits (s, len, hex_value, 10, idp);
}

/* As setlocale() would have it in a process with that environment. */
static bool is_utf8 (const char *name)
{
    locale_t loc = newlocale (LC_CTYPE_MASK, name, (locale_t)0);
    bool utf8;

    if (!loc)       /* there is none of that name: that process has the C locale */
        return false;
    utf8 = strcmp (nl_langinfo_l (CODESET, loc), "UTF-8") == 0;
    freelocale (loc);
    return utf8;
}

static const char *own_env (const void *arg, const char *name)
{
    (void)arg;
    return getenv (name);
}

bool fluid_plain (const char *(*get) (const void *arg, const char *name), const void *arg)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    if (!get)
        get = own_env;
    if (get (arg, "FLUX_F58_FORCE_ASCII"))
        return true;
    for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
        const char *val = get (arg, names[i]);
        if (val && *val)
            return !is_utf8 (val);
    }
    return true;
}
