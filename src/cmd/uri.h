/* uri.h - flux uri (flux-uri(1))
 */
#ifndef CMD_URI_H
#define CMD_URI_H

int cmd_uri (int argc, char **argv);

#endif /* !CMD_URI_H */
