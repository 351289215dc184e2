/* lptest.h - flux lptest: lines of a known pattern, to test what carries output
 */
#ifndef CMD_LPTEST_H
#define CMD_LPTEST_H

int cmd_lptest (int argc, char **argv);

#endif /* !CMD_LPTEST_H */
