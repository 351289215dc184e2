/* dso_screen.c - private/screen.so, see dso_screen.h */
#define NCURSES_WIDECHAR 1
#include "cmd/dso_screen.h"

#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/errmsg.h"

static SCREEN *terminal;
static bool colored;

static void init_colors (void)
{
    if (!(colored = has_colors () && start_color () == OK))
        return;
    use_default_colors ();
    init_pair (SCREEN_BLUE, COLOR_BLUE, -1);
    init_pair (SCREEN_YELLOW, COLOR_YELLOW, -1);
    init_pair (SCREEN_RED, COLOR_RED, -1);
}

static int start (bool color, flux_error_t *err)
{
    const char *term = getenv ("TERM");

    if (!isatty (STDIN_FILENO) || !isatty (STDOUT_FILENO))
        return errmsg (err, -ENOTTY, "standard input and output must be a terminal");
    if (!(terminal = newterm (NULL, stdout, stdin)))
        return errmsg (err, -EINVAL, "cannot open the terminal: its type TERM=%s is not known or"
                       " can do too little", term ? term : "");
    set_term (terminal);
    cbreak ();
    noecho ();
    nonl ();
    intrflush (stdscr, FALSE);
    keypad (stdscr, TRUE);
    nodelay (stdscr, TRUE);
    set_escdelay (25);
    curs_set (0);
    colored = false;
    if (color)
        init_colors ();
    return 0;
}

static void stop (void)
{
    if (!terminal)
        return;
    endwin ();
    delscreen (terminal);
    terminal = NULL;
}

static void size (int *rows, int *cols)
{
    getmaxyx (stdscr, *rows, *cols);
}

static void resized (void)
{
    struct winsize ws;

    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0)
        resizeterm (ws.ws_row, ws.ws_col);
}

static void put (int row, int col, int style, const char *text)
{
    int attrs = (style & SCREEN_BOLD ? A_BOLD : 0) | (style & SCREEN_REVERSE ? A_REVERSE : 0);

    if (colored)
        attrs |= COLOR_PAIR (style & SCREEN_COLORS);
    if (row < 0 || row >= LINES || col < 0 || col >= COLS)
        return;
    attrset (attrs);
    mvaddnstr (row, col, text, -1);
    attrset (A_NORMAL);
}

static void erase_all (void)
{
    werase (stdscr);
}

static void show (void)
{
    wrefresh (stdscr);
}

static void repaint (void)
{
    wrefresh (curscr);
}

static int key (void)
{
    int c = wgetch (stdscr);

    switch (c) {
    case ERR:       return SCREEN_NO_KEY;
    case KEY_UP:    return SCREEN_UP;
    case KEY_DOWN:  return SCREEN_DOWN;
    case KEY_LEFT:  return SCREEN_LEFT;
    case KEY_RIGHT: return SCREEN_RIGHT;
    case KEY_ENTER: return '\r';
    default:        return c;
    }
}

static void dump (FILE *f)
{
    wchar_t line[1024];

    for (int row = 0; row < LINES; row++) {
        int n = mvwinnwstr (stdscr, row, 0, line, 1023);
        while (n > 0 && line[n - 1] == L' ')
            n--;
        line[n > 0 ? n : 0] = L'\0';
        fprintf (f, "%ls\n", line);
    }
}

const struct screen_ops screen_ops = {
    .start = start, .stop = stop, .size = size, .resized = resized, .erase = erase_all,
    .put = put, .show = show, .repaint = repaint, .key = key, .dump = dump,
};
