/* wire.h - one line of the PMI-1 wire protocol (RFC 13)
 *
 * A line is "cmd=NAME key=word ... value=string\n".  Tuples may come in any
 * order with any white space between them; "value" and "msg" are strings that
 * may hold spaces, so either one ends the line (but "msg" ends at " value=").
 * Nothing here allocates.
 */
#ifndef PMI_WIRE_H
#define PMI_WIRE_H

#include <stddef.h>

#define PMI_WIRE_KVSNAME_MAX 256   /* each with NUL */
#define PMI_WIRE_KEYLEN_MAX 256
#define PMI_WIRE_VALLEN_MAX 4096
#define PMI_WIRE_LINE_MAX \
    (PMI_WIRE_KVSNAME_MAX + PMI_WIRE_KEYLEN_MAX + PMI_WIRE_VALLEN_MAX + 128)

/* Copy the value of 'key' into buf.  0, -ENOENT (no such key), -EOVERFLOW (it
 * does not fit), or -EPROTO (a tuple without '=' comes before it, or a byte
 * that is neither printable nor white space). */
int pmi_wire_get (const char *line, const char *key, char *buf, size_t size);
/* The same of an integer in [min,max]: also -ERANGE, -EPROTO. */
int pmi_wire_get_int (const char *line, const char *key, int min, int max,
                      int *valp);
/* Is 's' a "word" of RFC 13: visible characters other than '=', not empty? */
int pmi_wire_is_word (const char *s);
/* Is 's' a "string": printable characters, tab and space? */
int pmi_wire_is_string (const char *s);

#endif /* !PMI_WIRE_H */
