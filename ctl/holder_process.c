#include "ctl/holder_process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Its output goes into pipes: it must not keep open what waits for the end of this process.
static int spawn(const char *const *arguments, int output, int errors, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int failure = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes,
                              (char *const *)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

// Reads to the end, or with is_line to the end of a line. Returns whether that was read.
static bool read_text(int fd, bool is_line, struct strbuf *text) {
    char c;
    for (;;) {
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return !is_line;
        }
        strbuf_append(text, &c, 1);
        if (is_line && c == '\n') {
            return true;
        }
    }
}

static int await_end(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

bool holder_process_start(const char *const *arguments, struct strbuf *ret_line,
                          struct strbuf *ret_errors, int *ret_code) {
    int output[2];
    int errors[2];
    if (pipe2(output, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(errors, O_CLOEXEC) != 0) {
        close(output[0]);
        close(output[1]);
        return false;
    }
    pid_t pid;
    int failure = spawn(arguments, output[1], errors[1], &pid);
    close(output[1]);
    close(errors[1]);
    *ret_code = -1;
    if (failure == 0 && !read_text(output[0], true, ret_line)) {
        read_text(errors[0], false, ret_errors);
        *ret_code = await_end(pid);
    }
    close(output[0]);
    close(errors[0]);
    errno = failure;
    return failure == 0;
}
