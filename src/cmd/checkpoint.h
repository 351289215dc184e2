/* checkpoint.h - the roots that the content service remembers
 *
 * Both exit 1, with the cause, if the content service refuses.
 */
#ifndef CMD_CHECKPOINT_H
#define CMD_CHECKPOINT_H

#include <flux/core.h>
#include <jansson.h>

/* [{"version":1,"rootref":s,"sequence":i,"timestamp":f}, ...], latest first; a new
 * reference. */
json_t *checkpoints_get (flux_t *h);

/* Make 'rootref' the latest, with the sequence number after that of the one before. */
void checkpoint_put (flux_t *h, const char *rootref);

#endif /* !CMD_CHECKPOINT_H */
