/* pstree.h - flux pstree (flux-pstree(1)): the tree of jobs and instances
 */
#ifndef CMD_PSTREE_H
#define CMD_PSTREE_H

int cmd_pstree (int argc, char **argv);

#endif /* !CMD_PSTREE_H */
