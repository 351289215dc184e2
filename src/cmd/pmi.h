/* pmi.h - flux pmi (flux-pmi(1))
 */
#ifndef CMD_PMI_H
#define CMD_PMI_H

int cmd_pmi (int argc, char **argv);

#endif /* !CMD_PMI_H */
