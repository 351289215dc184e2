/* resource.h - flux resource (flux-resource(1))
 */
#ifndef CMD_RESOURCE_H
#define CMD_RESOURCE_H

#include <stdbool.h>
#include <flux/optparse.h>

int cmd_resource (int argc, char **argv);

/* Subcommands, each with its options. */
int resource_list (optparse_t *p, int argc, char **argv);
int resource_info (optparse_t *p, int argc, char **argv);
int resource_R (optparse_t *p, int argc, char **argv);
int resource_status (optparse_t *p, int argc, char **argv);
int resource_drain_list (optparse_t *p);      /* drain without targets */
int resource_eventlog (optparse_t *p, int argc, char **argv);

#endif /* !CMD_RESOURCE_H */
