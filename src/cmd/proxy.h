/* proxy.h - flux proxy (flux-proxy(1))
 */
#ifndef CMD_PROXY_H
#define CMD_PROXY_H

int cmd_proxy (int argc, char **argv);

#endif /* !CMD_PROXY_H */
