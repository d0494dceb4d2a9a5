#include "ctl/typed_token.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

// A terminal hands over lines of at most so many bytes.
enum { LINE_BYTES = 4096 };

// Of those that end or stop a process from its terminal.
static const int kept_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

enum outcome { LINE_READ, LINE_MISSING, LINE_INTERRUPTED };

int typed_token_open(const char *path) {
    struct stat st;
    bool is_stdin = strcmp(path, "-") == 0;
    // To open a FIFO and close it again would end its writer.
    if (!is_stdin && (stat(path, &st) != 0 || !S_ISCHR(st.st_mode))) {
        return -1;
    }
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                      : open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && !isatty(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum outcome read_line(int terminal, int signals_fd, char line[LINE_BYTES],
                              size_t *ret_length) {
    struct pollfd either[] = {{.fd = terminal, .events = POLLIN},
                              {.fd = signals_fd, .events = POLLIN}};
    if (poll(either, 2, -1) < 0 || either[1].revents != 0) {
        return LINE_INTERRUPTED; // the signal waits, and is taken once it is let in
    }
    ssize_t n = read(terminal, line, LINE_BYTES);
    *ret_length = n > 0 ? (size_t)n : 0;
    return n > 0 ? LINE_READ : LINE_MISSING;
}

// One try, until a signal comes.
static enum outcome ask(int terminal, int signals_fd, const sigset_t *signals,
                        char line[LINE_BYTES], size_t *ret_length) {
    sigset_t before;
    struct termios shown;
    sigprocmask(SIG_BLOCK, signals, &before);
    enum outcome outcome = LINE_MISSING;
    if (tcgetattr(terminal, &shown) == 0) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        hidden.c_lflag |= ECHONL;
        if (tcsetattr(terminal, TCSAFLUSH, &hidden) == 0) {
            fputs("Token: ", stderr);
            outcome = read_line(terminal, signals_fd, line, ret_length);
        }
        tcsetattr(terminal, TCSAFLUSH, &shown);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return outcome;
}

const struct error *typed_token_read(struct arena *a, const char *flag, int terminal,
                                     struct slice *ret_token) {
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(kept_signals) / sizeof(kept_signals[0]); i++) {
        sigaddset(&signals, kept_signals[i]);
    }
    char line[LINE_BYTES];
    size_t length = 0;
    enum outcome outcome = LINE_MISSING;
    int signals_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (signals_fd >= 0) {
        do {
            outcome = ask(terminal, signals_fd, &signals, line, &length);
        } while (outcome == LINE_INTERRUPTED); // the process was stopped, and goes on
        close(signals_fd);
    }
    while (length > 0 && strchr("\r\n", line[length - 1]) != NULL) {
        length--;
    }
    if (outcome != LINE_READ || length == 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: no token was typed", flag);
    }
    *ret_token = arena_copy(a, slice_of(line, length));
    explicit_bzero(line, sizeof(line));
    return NULL;
}
