/* modprobe.h - flux modprobe (flux-modprobe(1))
 */
#ifndef CMD_MODPROBE_H
#define CMD_MODPROBE_H

int cmd_modprobe (int argc, char **argv);

#endif /* !CMD_MODPROBE_H */
