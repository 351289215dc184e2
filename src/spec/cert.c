/* cert.c - the certificate that the brokers of a system instance share
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/list.h"
#include "base/z85.h"
#include "spec/cert.h"

struct meta {
    struct list_node node;
    char *key;
    char *value;
};

struct cert {
    char public_key[CERT_KEY_SIZE];
    char secret_key[CERT_KEY_SIZE];
    struct list_node metas;
};

/* --- metadata --- */

static bool is_name (const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum ((unsigned char)s[i]) && (!s[i] || !strchr ("$-_.@&+/", s[i])))
            return false;
    return len > 0;
}

static bool is_value (const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return false;
    return !strchr (s, '"') || !strchr (s, '\'');
}

static struct meta *find_meta (const struct cert *c, const char *key)
{
    list_foreach (&c->metas, n)
        if (!strcmp (list_entry (n, struct meta, node)->key, key))
            return list_entry (n, struct meta, node);
    return NULL;
}

static void meta_free (struct meta *m)
{
    if (!m)
        return;
    list_del (&m->node);
    free (m->key);
    free (m->value);
    free (m);
}

int cert_set_meta (struct cert *c, const char *key, const char *value)
{
    struct meta *m;

    if (!is_name (key, strlen (key)) || !is_value (value))
        return -EINVAL;
    if (!(m = calloc (1, sizeof (*m))))
        return -ENOMEM;
    list_init (&m->node);
    if (!(m->key = strdup (key)) || !(m->value = strdup (value))) {
        meta_free (m);
        return -ENOMEM;
    }
    meta_free (find_meta (c, key));
    list_append (&c->metas, &m->node);
    return 0;
}

const char *cert_meta (const struct cert *c, const char *key)
{
    struct meta *m = find_meta (c, key);
    return m ? m->value : NULL;
}

/* --- text to certificate: a property a line, those of a section indented --- */

struct line {
    bool indented;
    char *name;
    char *value;      /* NULL: none */
};

/* Cut 's' at the end of its value, which may be quoted.  NULL: the quote is not closed,
 * or something follows it. */
static char *cut_value (char *s)
{
    char *end;

    if (*s == '"' || *s == '\'') {
        if (!(end = strchr (s + 1, *s)))
            return NULL;
        *end++ = '\0';
        end += strspn (end, " \t\r");
        return *end == '\0' || *end == '#' ? s + 1 : NULL;
    }
    if ((end = strchr (s, '#')))
        *end = '\0';
    end = s + strlen (s);
    while (end > s && isspace ((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

/* 0 with ln->name NULL for one that says nothing; or -EINVAL. */
static int read_line (char *s, struct line *ln)
{
    size_t n;

    ln->indented = *s == ' ' || *s == '\t';
    s += strspn (s, " \t\r");
    ln->name = ln->value = NULL;
    if (*s == '\0' || *s == '#')
        return 0;
    n = strcspn (s, " \t=\r");
    if (!is_name (s, n))
        return -EINVAL;
    ln->name = s;
    s += n;
    n = strspn (s, " \t\r");
    if (s[n] == '=') {
        *s = '\0';
        s += n + 1;
        s += strspn (s, " \t");
        return (ln->value = cut_value (s)) ? 0 : -EINVAL;
    }
    if (s[n] != '\0' && s[n] != '#')
        return -EINVAL;
    *s = '\0';
    return 0;
}

static int set_key (char key[CERT_KEY_SIZE], const char *value)
{
    unsigned char bytes[32];

    if (!value || strlen (value) != CERT_KEY_SIZE - 1
        || z85_decode (value, CERT_KEY_SIZE - 1, bytes) < 0)
        return -EINVAL;
    memcpy (key, value, CERT_KEY_SIZE);
    return 0;
}

static int set_property (struct cert *c, const char *section, const struct line *ln)
{
    if (!strcmp (section, "metadata") && ln->value)
        return cert_set_meta (c, ln->name, ln->value);
    if (!strcmp (section, "curve") && !strcmp (ln->name, "public-key"))
        return set_key (c->public_key, ln->value);
    if (!strcmp (section, "curve") && !strcmp (ln->name, "secret-key"))
        return set_key (c->secret_key, ln->value);
    return 0;
}

static int parse (struct cert *c, char *text, flux_error_t *err)
{
    const char *section = "";
    struct line ln;
    int number = 1;
    int rc = 0;

    for (char *next, *s = text; s; s = next, number++) {
        if ((next = strchr (s, '\n')))
            *next++ = '\0';
        if ((rc = read_line (s, &ln)) < 0)
            return errmsg (err, rc, "line %d is not NAME or NAME = VALUE", number);
        if (ln.name && !ln.indented)
            section = ln.name;
        else if (ln.name && (rc = set_property (c, section, &ln)) < 0)
            return errmsg (err, rc, "line %d: %s", number, rc == -ENOMEM ? "out of memory"
                           : "the value is malformed");
    }
    if (!c->public_key[0] || !c->secret_key[0])
        return errmsg (err, -EINVAL, "there is no %s-key in a section curve",
                       c->public_key[0] ? "secret" : "public");
    return 0;
}

static struct cert *cert_alloc (void)
{
    struct cert *c = calloc (1, sizeof (*c));

    if (c)
        list_init (&c->metas);
    return c;
}

struct cert *cert_decode (const char *text, size_t len, flux_error_t *err)
{
    struct cert *c = cert_alloc ();
    char *copy = NULL;
    int rc;

    if (len > CERT_SIZE_MAX || memchr (text, 0, len))
        rc = errmsg (err, -EINVAL, "this is not a certificate");
    else if (!c || !(copy = strndup (text, len)))
        rc = errmsg (err, -ENOMEM, "out of memory");
    else
        rc = parse (c, copy, err);
    if (copy)
        explicit_bzero (copy, len);
    free (copy);
    if (rc == 0)
        return c;
    cert_free (c);
    errno = -rc;
    return NULL;
}

/* --- certificate to text --- */

char *cert_encode (const struct cert *c, const char *comment)
{
    struct buf b = BUF_INIT;

    buf_addf (&b, "# %s\n"
                "# ZeroMQ CURVE secret certificate: whoever can read it can pose as a broker.\n"
                "\nmetadata\n", comment);
    list_foreach (&c->metas, n) {
        const struct meta *m = list_entry (n, struct meta, node);
        char quote = strchr (m->value, '"') ? '\'' : '"';

        buf_addf (&b, "    %s = %c%s%c\n", m->key, quote, m->value, quote);
    }
    buf_addf (&b, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n",
                c->public_key, c->secret_key);
    return buf_take (&b);
}

/* --- the rest --- */

struct cert *cert_new (const unsigned char public_key[32], const unsigned char secret_key[32])
{
    struct cert *c = cert_alloc ();

    if (!c)
        return NULL;
    z85_encode (public_key, 32, c->public_key);
    z85_encode (secret_key, 32, c->secret_key);
    return c;
}

void cert_free (struct cert *c)
{
    if (!c)
        return;
    list_foreach (&c->metas, n)
        meta_free (list_entry (n, struct meta, node));
    explicit_bzero (c, sizeof (*c));
    free (c);
}

const char *cert_public_key (const struct cert *c)
{
    return c->public_key;
}

const char *cert_secret_key (const struct cert *c)
{
    return c->secret_key;
}
