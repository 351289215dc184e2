/* wire.c - one line of the PMI-1 wire protocol
 */
#include <errno.h>
#include <limits.h>

#include "pmi/wire.h"

static int is_space (char c)
{
    return c == ' ' || c == '\t';
}

static int is_visible (char c)
{
    return c >= 0x21 && c <= 0x7e;
}

int pmi_wire_is_word (const char *s)
{
    if (*s == '\0')
        return 0;
    for (; *s; s++)
        if (!is_visible (*s) || *s == '=')
            return 0;
    return 1;
}

int pmi_wire_is_string (const char *s)
{
    for (; *s; s++)
        if (!is_visible (*s) && !is_space (*s))
            return 0;
    return 1;
}

static int copy (const char *val, size_t len, char *buf, size_t size)
{
    for (size_t i = 0; i < len; i++)
        if (!is_visible (val[i]) && !is_space (val[i]))
            return -EPROTO;
    if (len >= size)
        return -EOVERFLOW;
    memcpy (buf, val, len);
    buf[len] = '\0';
    return 0;
}

static int name_is (const char *name, size_t len, const char *key)
{
    return strlen (key) == len && !memcmp (name, key, len);
}

/* Those that may hold spaces take what is left of the line; but hydra says
 * "msg=success value=..." where others give the value alone. */
static size_t value_length (const char *name, size_t namelen, const char *val)
{
    const char *next;

    if (name_is (name, namelen, "msg") && (next = strstr (val, " value=")))
        return next - val;
    if (name_is (name, namelen, "value") || name_is (name, namelen, "msg")
        || name_is (name, namelen, "error_msg"))
        return strcspn (val, "\r\n");
    return strcspn (val, " \t\r\n");
}

int pmi_wire_get (const char *line, const char *key, char *buf, size_t size)
{
    const char *p = line;

    for (;;) {
        p += strspn (p, " \t\r\n");
        if (*p == '\0')
            return -ENOENT;
        size_t namelen = strcspn (p, "= \t\r\n");
        if (namelen == 0 || p[namelen] != '=')
            return -EPROTO;
        const char *val = p + namelen + 1;
        size_t len = value_length (p, namelen, val);
        if (name_is (p, namelen, key))
            return copy (val, len, buf, size);
        p = val + len;
    }
}

int pmi_wire_get_int (const char *line, const char *key, int min, int max,
                      int *valp)
{
    char buf[16];
    char *end;
    long val;
    int rc = pmi_wire_get (line, key, buf, sizeof (buf));

    if (rc < 0)
        return rc == -EOVERFLOW ? -ERANGE : rc;
    errno = 0;
    val = strtol (buf, &end, 10);
    if (end == buf || *end != '\0' || is_space (buf[0]))
        return -EPROTO;
    if (errno || val < min || val > max)
        return -ERANGE;
    *valp = (int)val;
    return 0;
}
