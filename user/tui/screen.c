// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signals are blocked but while waiting, so that a handler only notes what came and nothing is ever
 * interrupted half way. Those of a crash come at any time: their handler puts back what was noted
 * at the start, with calls that are allowed there, and lets the signal do what it does.
 */
#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tui/keys.h"
#include "tui/screen.h"

enum { NOTED_END = 1, NOTED_STOP = 2, NOTED_RESUME = 4, NOTED_SIZE = 8 };

static const struct {
	int number;
	int noted;
} signals[] = {
	{SIGINT, NOTED_END},
	{SIGTERM, NOTED_END},
	{SIGHUP, NOTED_END},
	{SIGTSTP, NOTED_STOP},
	{SIGCONT, NOTED_RESUME},
	{SIGWINCH, NOTED_SIZE},
};

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGSYS, SIGTRAP};

enum { NR_SIGNALS = sizeof(signals) / sizeof(signals[0]) };
enum { NR_CRASHES = sizeof(crashes) / sizeof(crashes[0]) };

struct weir_screen {
	SCREEN *curses;
	bool color;
	struct cells shown; /* what the terminal has */
	attr_t attr[ROLE_COUNT];
	short pair[ROLE_COUNT];
	sigset_t waiting; /* the mask while waiting */
	sigset_t mask_before;
	struct sigaction before[NR_SIGNALS], crash_before[NR_CRASHES];
};

static struct weir_screen *screen_open; /* for exit() */
static volatile sig_atomic_t noted;

/* What a crash sends to the terminal. */
static struct {
	volatile sig_atomic_t armed;
	struct termios termios;
	char text[256];
	size_t len;
} rescue;

static void note(int number)
{
	for (int i = 0; i < NR_SIGNALS; i++)
		if (signals[i].number == number)
			noted |= signals[i].noted;
}

static void crash(int number)
{
	int saved = errno;

	if (rescue.armed) {
		rescue.armed = 0;
		if (write(STDOUT_FILENO, rescue.text, rescue.len) < 0)
			errno = saved; /* nothing more can be done for it */
		tcsetattr(STDIN_FILENO, TCSANOW, &rescue.termios);
	}
	errno = saved;
	raise(number); /* SA_RESETHAND: it does now what it does by itself */
}

static void rescue_add(const char *capability)
{
	const char *text = tigetstr(capability);
	size_t len;

	if (!text || text == (const char *)-1)
		return;
	len = strlen(text);
	if (rescue.len + len > sizeof(rescue.text))
		return;
	memcpy(rescue.text + rescue.len, text, len);
	rescue.len += len;
}

static void arm_rescue(void)
{
	static const char *const capabilities[] = {"sgr0", "op", "cnorm", "rmkx", "rmcup"};

	rescue.len = 0;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		rescue_add(capabilities[i]);
	rescue.armed = 1;
}

static void take_signals(struct weir_screen *s)
{
	struct sigaction action = {.sa_handler = note};
	struct sigaction fatal = {
		.sa_handler = crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	sigset_t blocked;

	noted = 0;
	sigemptyset(&blocked);
	for (int i = 0; i < NR_SIGNALS; i++)
		sigaddset(&blocked, signals[i].number);
	sigprocmask(SIG_BLOCK, &blocked, &s->mask_before);
	s->waiting = s->mask_before;
	for (int i = 0; i < NR_SIGNALS; i++) {
		sigdelset(&s->waiting, signals[i].number);
		sigaction(signals[i].number, &action, &s->before[i]);
		/* what was to be ignored is: nohup, or a shell without job control */
		if (s->before[i].sa_handler == SIG_IGN)
			sigaction(signals[i].number, &s->before[i], NULL);
	}
	for (int i = 0; i < NR_CRASHES; i++)
		sigaction(crashes[i], &fatal, &s->crash_before[i]);
}

static void give_signals_back(struct weir_screen *s)
{
	for (int i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i].number, &s->before[i], NULL);
	for (int i = 0; i < NR_CRASHES; i++)
		sigaction(crashes[i], &s->crash_before[i], NULL);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
}

void weir_screen_close(struct weir_screen *s)
{
	if (!s)
		return;
	screen_open = NULL;
	endwin();
	rescue.armed = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &rescue.termios);
	delscreen(s->curses);
	give_signals_back(s);
	cells_done(&s->shown);
	free(s);
}

static void close_at_exit(void)
{
	weir_screen_close(screen_open);
}

static bool can_place_cursor(struct weir_err *err)
{
	const char *term = getenv("TERM"), *cup;
	int state = 0;
	bool can;

	if (setupterm(NULL, STDOUT_FILENO, &state) != OK || state != 1) {
		weir_fail(err, WEIR_REFUSED, 0, "the terminal '%s' is not known here",
			term ? term : "");
		return false;
	}
	cup = tigetstr("cup");
	can = cup && cup != (const char *)-1;
	del_curterm(cur_term);
	if (can)
		return true;
	weir_fail(err, WEIR_REFUSED, 0, "the terminal '%s' cannot place its cursor",
		term ? term : "");
	return false;
}

static void choose_attributes(struct weir_screen *s)
{
	/* the accent is the only colour that asks for attention */
	static const short colors[ROLE_COUNT] = {
		[ROLE_FLOW] = COLOR_CYAN,
		[ROLE_SPARK] = COLOR_CYAN,
		[ROLE_TROUBLE] = COLOR_RED,
	};

	s->attr[ROLE_DIM] = A_DIM;
	s->attr[ROLE_SPARK] = A_DIM;
	s->attr[ROLE_STRONG] = A_BOLD;
	s->attr[ROLE_TROUBLE] = A_BOLD;
	if (!s->color || start_color() == ERR || !has_colors())
		return;
	use_default_colors();
	for (short i = 0; i < ROLE_COUNT; i++) {
		if (!colors[i])
			continue;
		init_pair((short)(i + 1), colors[i], -1);
		s->pair[i] = (short)(i + 1);
	}
}

static int set_up_terminal(struct weir_screen *s)
{
	struct termios raw;

	s->curses = newterm(NULL, stdout, stdin);
	if (!s->curses)
		return -ENODEV;
	cbreak();
	noecho();
	nonl();
	/* ^S would hold up our output, and with it the answer to every signal */
	if (!tcgetattr(STDIN_FILENO, &raw)) {
		raw.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		def_prog_mode();
	}
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, TRUE); /* do not put the cursor anywhere */
	typeahead(-1);	       /* do not ask for keys while drawing */
	set_escdelay(25);
	/* Until it has left the screen once, curses 6.4 sends each move of the cursor by itself. */
	endwin();
	refresh();
	curs_set(0);
	return 0;
}

static void take_size(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resize_term(size.ws_row, size.ws_col);
}

int weir_screen_open(struct weir_screen **out, bool color, struct weir_err *err)
{
	static bool registered;
	struct weir_screen *s;
	int ret;

	if (!can_place_cursor(err))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return weir_fail(err, WEIR_REFUSED, -ENOMEM, "cannot open the screen");
	s->color = color;
	tcgetattr(STDIN_FILENO, &rescue.termios);
	take_signals(s);
	ret = set_up_terminal(s);
	if (ret) {
		give_signals_back(s);
		free(s);
		return weir_fail(err, WEIR_REFUSED, ret, "cannot open the screen");
	}
	choose_attributes(s);
	arm_rescue();
	take_size();
	screen_open = s;
	if (!registered)
		atexit(close_at_exit);
	registered = true;
	*out = s;
	return 0;
}

void weir_screen_size(const struct weir_screen *s, int *w, int *h)
{
	(void)s;
	*w = COLS;
	*h = LINES;
}

/* All of it is sent again: the terminal's content is not what we know. */
static void forget_shown(struct weir_screen *s)
{
	cells_done(&s->shown);
	clearok(curscr, TRUE);
}

/* Stops as if nothing had been caught, and goes on where it was. */
static void stop(struct weir_screen *s)
{
	struct sigaction by_itself = {.sa_handler = SIG_DFL}, ours;
	sigset_t set;

	endwin();
	rescue.armed = 0;
	sigaction(SIGTSTP, &by_itself, &ours);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* here it stands still */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	rescue.armed = 1;
	noted |= NOTED_RESUME;
	(void)s;
}

/* What was noted, as an event; WEIR_EVENT_DUE for nothing. */
static enum weir_screen_event take_noted(struct weir_screen *s)
{
	int what = noted;

	if (what & NOTED_END)
		return WEIR_EVENT_END;
	noted = 0;
	if (what & NOTED_STOP) {
		stop(s);
		what |= noted;
		noted = 0;
	}
	if (what & NOTED_RESUME) {
		/* a shell has set the terminal for itself meanwhile */
		reset_prog_mode();
		curs_set(0);
	}
	if (!(what & (NOTED_RESUME | NOTED_SIZE)))
		return WEIR_EVENT_DUE;
	take_size();
	forget_shown(s);
	return WEIR_EVENT_RESIZE;
}

static int key_of(int c)
{
	static const struct {
		int curses, key;
	} keys[] = {
		{KEY_UP, WEIR_KEY_UP},
		{KEY_DOWN, WEIR_KEY_DOWN},
		{KEY_LEFT, WEIR_KEY_LEFT},
		{KEY_RIGHT, WEIR_KEY_RIGHT},
		{KEY_PPAGE, WEIR_KEY_PGUP},
		{KEY_NPAGE, WEIR_KEY_PGDN},
		{KEY_HOME, WEIR_KEY_HOME},
		{KEY_END, WEIR_KEY_END},
		{KEY_BTAB, WEIR_KEY_BTAB},
		{KEY_F(1), WEIR_KEY_F1},
		{KEY_F(10), WEIR_KEY_F10},
		{KEY_ENTER, WEIR_KEY_ENTER},
		{'\r', WEIR_KEY_ENTER},
		{KEY_BACKSPACE, WEIR_KEY_BACKSPACE},
		{'\b', WEIR_KEY_BACKSPACE},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return c < WEIR_KEY_BACKSPACE + 1 ? c : 0;
}

/* Something can be read: a key, or the end of a terminal that was closed. */
static enum weir_screen_event read_key(int *key)
{
	int c = getch(), left = 0;

	if (c == ERR) {
		/* ready, and yet nothing there: the other end is gone */
		if (!ioctl(STDIN_FILENO, FIONREAD, &left) && left)
			return WEIR_EVENT_DUE;
		return WEIR_EVENT_END;
	}
	*key = key_of(c);
	return WEIR_EVENT_KEY;
}

enum weir_screen_event weir_screen_wait(struct weir_screen *s, __u64 due_ns, int *key)
{
	for (;;) {
		struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
		enum weir_screen_event event = take_noted(s);
		__u64 now = weir_now_ns(), left = due_ns > now ? due_ns - now : 0;
		struct timespec timeout = {
			.tv_sec = (time_t)(left / 1000000000),
			.tv_nsec = (long)(left % 1000000000),
		};
		int c, ret;

		if (event != WEIR_EVENT_DUE)
			return event;
		/* curses may have read more than it gave */
		c = getch();
		if (c != ERR) {
			*key = key_of(c);
			return WEIR_EVENT_KEY;
		}
		ret = ppoll(&fd, 1, &timeout, &s->waiting);
		if (ret < 0 && errno != EINTR)
			return WEIR_EVENT_END;
		if (ret > 0 && fd.revents & (POLLHUP | POLLERR | POLLNVAL))
			return WEIR_EVENT_END;
		if (ret > 0) {
			event = read_key(key);
			if (event != WEIR_EVENT_DUE)
				return event;
		}
		if (!ret)
			return noted & NOTED_END ? WEIR_EVENT_END : WEIR_EVENT_DUE;
	}
}

static bool same(const struct cell *a, const struct cell *b)
{
	return a->c == b->c && a->role == b->role && a->marked == b->marked;
}

static void send_cell(const struct weir_screen *s, int x, int y, const struct cell *cell)
{
	attr_t attr = s->attr[cell->role] | (cell->marked ? A_REVERSE : 0);
	wchar_t text[2] = {(wchar_t)cell->c, L'\0'};
	cchar_t out;

	/* dim on reverse cannot be read */
	if (cell->marked)
		attr &= ~A_DIM;
	if (setcchar(&out, text, attr, s->pair[cell->role], NULL) == OK)
		mvadd_wch(y, x, &out);
}

int weir_screen_show(struct weir_screen *s, const struct cells *cells)
{
	struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	bool all = s->shown.w != cells->w || s->shown.h != cells->h;

	/* a terminal that takes nothing would hold us up */
	if (poll(&fd, 1, 0) < 1)
		return 0;
	if (all) {
		if (cells_resize(&s->shown, cells->w, cells->h))
			return -ENOMEM;
		erase();
	}
	for (int i = 0; i < cells->w * cells->h; i++) {
		if (!all && same(&cells->at[i], &s->shown.at[i]))
			continue;
		send_cell(s, i % cells->w, i / cells->w, &cells->at[i]);
		s->shown.at[i] = cells->at[i];
	}
	refresh();
	return 0;
}
