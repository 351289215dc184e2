/* jobtap.h - flux jobtap (flux-jobtap(1)): plugins of the job manager
 */
#ifndef CMD_JOBTAP_H
#define CMD_JOBTAP_H

int cmd_jobtap (int argc, char **argv);

#endif /* !CMD_JOBTAP_H */
