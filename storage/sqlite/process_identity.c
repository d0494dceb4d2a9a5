#include "storage/sqlite/process_identity.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Field 22 of proc(5)'s stat, counted behind the name, which may hold anything.
static int64_t read_start(void) {
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    char text[1024];
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    for (int field = 2; p != NULL && field < 22; field++) {
        p = strchr(p + 1, ' ');
    }
    return p != NULL ? strtoll(p, NULL, 10) : 0;
}

struct process_identity process_identity_self(void) {
    return (struct process_identity){.pid = getpid(), .start = read_start()};
}

bool process_identity_is_self(struct process_identity p) {
    struct process_identity self = process_identity_self();
    return p.pid == self.pid && p.start == self.start;
}
