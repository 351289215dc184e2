/* proxy_hub.h - a local:// socket whose clients share one connection
 *
 *   client ─┐ socket       ┌──── one flux_t
 *   client ─┼──────► hub ──┴──────────────► broker (perhaps behind ssh)
 *   client ─┘
 *
 * Each client has a uuid, which is a hop of its requests (RFC 3), so that responses
 * find it again and services see the clients apart.  Subscriptions and services
 * are the broker's per connection and the hub's per client; when a client goes,
 * what it had is given up, and the services it used get its disconnect (RFC 6).
 */
#ifndef CMD_PROXY_HUB_H
#define CMD_PROXY_HUB_H

#include <stdbool.h>
#include <flux/core.h>

struct hub;

/* Runs on h's reactor.  'lost' is called (once, until hub_restore) when the
 * connection fails: all calls under way have then been answered with ECONNRESET, and
 * clients are not read any more.  NULL with err->text. */
struct hub *hub_new (flux_t *h, void (*lost) (void *arg), void *arg, flux_error_t *err);
void hub_free (struct hub *hub);
const char *hub_uri (const struct hub *hub);
/* After flux_reconnect(): subscribe and register again for clients, and go on. */
void hub_restore (struct hub *hub);

#endif /* !CMD_PROXY_HUB_H */
