/* gc.h - flux gc: delete blobs that nothing refers to (flux-gc(1)) */
#ifndef CMD_GC_H
#define CMD_GC_H

int cmd_gc (int argc, char **argv);

#endif /* !CMD_GC_H */
