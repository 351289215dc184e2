/* module.h - flux module
 */
#ifndef CMD_MODULE_H
#define CMD_MODULE_H

int cmd_module (int argc, char **argv);

#endif /* !CMD_MODULE_H */
