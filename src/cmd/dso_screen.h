/* dso_screen.h - the interface of private/screen.so, the only part that links ncurses
 *
 * One terminal a process.  The table is looked up with dso_symbol ("screen",
 * "screen_ops").  Rows and columns count from 0; text is in the locale's encoding, a line
 * of it, and is cut at the right edge of the screen.
 */
#ifndef CMD_DSO_SCREEN_H
#define CMD_DSO_SCREEN_H

#include <stdbool.h>
#include <stdio.h>
#include <flux/core/types.h>

/* One color, and any of the rest. */
enum screen_style {
    SCREEN_PLAIN = 0,
    SCREEN_BLUE = 1,
    SCREEN_YELLOW = 2,
    SCREEN_RED = 3,
    SCREEN_COLORS = 3,      /* mask */
    SCREEN_BOLD = 4,
    SCREEN_REVERSE = 8,
};

/* Keys that are no characters. */
enum screen_key {
    SCREEN_NO_KEY = -1,     /* nothing was typed */
    SCREEN_UP = 0x1001,
    SCREEN_DOWN,
    SCREEN_LEFT,
    SCREEN_RIGHT,
};

struct screen_ops {
    /* Take over the terminal of standard input and output; without 'color' the color of a
     * style is ignored.  0 or a negative errno with err filled. */
    int (*start) (bool color, flux_error_t *err);
    /* Give it back, as it was.  Does nothing if it was not taken. */
    void (*stop) (void);
    void (*size) (int *rows, int *cols);
    void (*resized) (void);                 /* after SIGWINCH */
    void (*erase) (void);
    void (*put) (int row, int col, int style, const char *text);
    void (*show) (void);                    /* what was put since erase() */
    void (*repaint) (void);                 /* all of it, whatever the terminal has now */
    int (*key) (void);                      /* does not wait */
    void (*dump) (FILE *f);                 /* the text on the screen, without styles */
};

extern const struct screen_ops screen_ops;

#endif /* !CMD_DSO_SCREEN_H */
