/* cert.h - the certificate that the brokers of a system instance share
 *
 * A text file in ZPL (rfc.zeromq.org/spec/4), as ZeroMQ tools write it:
 *
 *   metadata
 *       name = "fluke"
 *   curve
 *       public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
 *       secret-key = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
 *
 * Pure: text in and out.  Who may read the file is for the caller to check.
 */
#ifndef SPEC_CERT_H
#define SPEC_CERT_H

#include <stddef.h>
#include <flux/core/types.h>

#define CERT_KEY_SIZE 41      /* a key in Z85, with its NUL */
#define CERT_SIZE_MAX 65536   /* of the text */

struct cert;

/* With the keys of 32 bytes each.  NULL: no memory. */
struct cert *cert_new (const unsigned char public_key[32],
                       const unsigned char secret_key[32]);
/* NULL with errno ENOMEM or EINVAL and err->text, which has the line.  Both keys are
 * needed; what is not known is passed over. */
struct cert *cert_decode (const char *text, size_t len, flux_error_t *err);
void cert_free (struct cert *c);

/* The text, with 'comment' in its first line; for free().  NULL: no memory. */
char *cert_encode (const struct cert *c, const char *comment);

/* Set or replace.  0, -ENOMEM, or -EINVAL: 'key' has other characters than letters,
 * digits and $-_.@&+/, or is empty, or 'value' has a control character or both kinds of
 * quotes. */
int cert_set_meta (struct cert *c, const char *key, const char *value);
/* The value or NULL. */
const char *cert_meta (const struct cert *c, const char *key);

/* Z85 text. */
const char *cert_public_key (const struct cert *c);
const char *cert_secret_key (const struct cert *c);

#endif /* !SPEC_CERT_H */
