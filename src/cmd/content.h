/* content.h - flux content (flux-content(1))
 */
#ifndef CMD_CONTENT_H
#define CMD_CONTENT_H

int cmd_content (int argc, char **argv);

#endif /* !CMD_CONTENT_H */
