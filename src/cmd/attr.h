/* attr.h - flux getattr, setattr, lsattr
 */
#ifndef CMD_ATTR_H
#define CMD_ATTR_H

int cmd_getattr (int argc, char **argv);
int cmd_setattr (int argc, char **argv);
int cmd_lsattr (int argc, char **argv);

#endif /* !CMD_ATTR_H */
