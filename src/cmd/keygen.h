/* keygen.h - flux keygen (flux-keygen(1))
 */
#ifndef CMD_KEYGEN_H
#define CMD_KEYGEN_H

int cmd_keygen (int argc, char **argv);

#endif /* !CMD_KEYGEN_H */
