/* config.h - flux config (flux-config(1))
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

int cmd_config (int argc, char **argv);

#endif /* !CMD_CONFIG_H */
