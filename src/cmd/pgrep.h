/* pgrep.h - flux pgrep, flux pkill (flux-pgrep(1))
 */
#ifndef CMD_PGREP_H
#define CMD_PGREP_H

int cmd_pgrep (int argc, char **argv);
int cmd_pkill (int argc, char **argv);

#endif /* !CMD_PGREP_H */
