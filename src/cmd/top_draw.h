/* top_draw.h - the picture of an instance: summary above, running jobs below (flux-top(1))
 */
#ifndef CMD_TOP_DRAW_H
#define CMD_TOP_DRAW_H

#include <stdbool.h>
#include <flux/core.h>

struct screen_ops;
struct top_instance;
struct top_draw;

/* NULL: out of memory. */
struct top_draw *top_draw_new (const struct screen_ops *ops);
void top_draw_free (struct top_draw *d);

/* Paint all of it.  'selected' is the job at the cursor (the first one if it is not there,
 * then *selected is changed); 'details': inactive jobs in two numbers; 'beat': a heart. */
void top_draw (struct top_draw *d, struct top_instance *t, flux_jobid_t *selected, bool details,
               bool beat);

#endif /* !CMD_TOP_DRAW_H */
