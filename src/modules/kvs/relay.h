/* relay.h - a service of ranks other than 0: requests go on to rank 0 as they
 * came, with the sender's credentials, and answers come back as they are
 *
 * So everybody reads the newest state, and rank 0 tells nobody of changes.
 * Cancel and disconnect requests end what was relayed.
 */
#ifndef KVS_RELAY_H
#define KVS_RELAY_H

#include <flux/core.h>

struct relay;

/* Relay all requests of 'service' (the methods named, NULL terminated, and
 * cancel and disconnect).  A method that starts with '*' is open to guests.
 * cancel is the topic with which a streaming request is cancelled, or NULL. */
struct relay *relay_new (flux_t *h, const char *service,
                         const char *const *methods, const char *cancel,
                         flux_error_t *err);
/* Pending requests are answered with ENOSYS. */
void relay_free (struct relay *r);
/* A cancel request under another name than "cancel". */
void relay_cancel (struct relay *r, const flux_msg_t *msg);
size_t relay_count (const struct relay *r);

#endif /* !KVS_RELAY_H */
