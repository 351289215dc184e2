/* startlog.h - flux startlog (flux-startlog(1)): when the instance ran
 */
#ifndef CMD_STARTLOG_H
#define CMD_STARTLOG_H

int cmd_startlog (int argc, char **argv);

#endif /* !CMD_STARTLOG_H */
