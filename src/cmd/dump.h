/* dump.h - flux dump, flux restore, flux fsck (flux-dump(1), flux-restore(1), flux-fsck(1))
 */
#ifndef CMD_DUMP_H
#define CMD_DUMP_H

int cmd_dump (int argc, char **argv);
int cmd_restore (int argc, char **argv);
int cmd_fsck (int argc, char **argv);

#endif /* !CMD_DUMP_H */
