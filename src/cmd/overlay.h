/* overlay.h - flux overlay (flux-overlay(1))
 */
#ifndef CMD_OVERLAY_H
#define CMD_OVERLAY_H

#include <flux/optparse.h>

int cmd_overlay (int argc, char **argv);

int overlay_status (optparse_t *p, int argc, char **argv);
int overlay_errors (optparse_t *p, int argc, char **argv);

#endif /* !CMD_OVERLAY_H */
