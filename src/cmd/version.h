/* version.h - flux version, env, help
 */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

int cmd_version (int argc, char **argv);
int cmd_env_main (int argc, char **argv);
int cmd_help (int argc, char **argv);

#endif /* !CMD_VERSION_H */
