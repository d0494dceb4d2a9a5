#include "storage/sqlite/holder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/core/strbuf.h"
#include "storage/sqlite/process_identity.h"
#include "storage/sqlite/store_path.h"

enum { LARGEST_FILE_BYTES = 16 * 1024 };

struct contents {
    struct process_identity process;
    const char *grpc_address; // NULL: not published
    const char *admin_token;
};

static char *file_name(struct arena *a, const char *path) {
    return arena_printf(a, "%s.server", store_path_real(a, path));
}

static bool write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            bytes = slice_of(bytes.data + n, bytes.len - (size_t)n);
        }
    }
    return true;
}

static const struct error *replace_file(struct arena *a, const char *name, struct slice bytes) {
    const char *temporary = arena_printf(a, "%s.%lld", name, (long long)getpid());
    unlink(temporary); // of a dead process that had this pid
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, bytes);
    int failure = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (ok && rename(temporary, name) != 0) {
        failure = errno;
        ok = false;
    }
    if (!ok) {
        unlink(temporary);
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "cannot write \"%s\": %s", name,
                         strerror(failure));
    }
    return NULL;
}

static bool is_line(const char *text) {
    return text == NULL || strchr(text, '\n') == NULL;
}

// Writes the file for this process; texts of holder may be NULL.
static const struct error *write_file(struct arena *a, const char *path,
                                      const struct store_holder *holder) {
    const char *name = file_name(a, path);
    if (!is_line(holder->grpc_address) || !is_line(holder->admin_token)) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "cannot write \"%s\": the server's address has a line break", name);
    }
    struct strbuf b = STRBUF_INIT;
    const struct process_identity self = process_identity_self();
    strbuf_printf(&b, "pid=%lld\nstart=%lld\n", (long long)self.pid, (long long)self.start);
    if (holder->grpc_address != NULL) {
        strbuf_printf(&b, "grpc_address=%s\n", holder->grpc_address);
    }
    if (holder->admin_token != NULL) {
        strbuf_printf(&b, "admin_token=%s\n", holder->admin_token);
    }
    const struct error *e = replace_file(a, name, strbuf_slice(&b));
    strbuf_release(&b);
    return e;
}

const struct error *holder_file_claim(struct arena *a, const char *path) {
    return write_file(a, path, &(struct store_holder){0});
}

const struct error *holder_file_publish(struct arena *a, const char *path,
                                        const struct store_holder *holder) {
    return write_file(a, path, holder);
}

// Returns the value of key in the lines of text, NULL if there is none.
static char *line_value(struct arena *a, const char *text, const char *key) {
    size_t key_len = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        if (strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
            const char *value = line + key_len + 1;
            return arena_cstr(a, slice_of(value, (size_t)(end - value)));
        }
        line = *end == '\n' ? end + 1 : NULL;
    }
    return NULL;
}

// Returns whether there is a file.
static bool read_contents(struct arena *a, const char *name, struct contents *ret) {
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    char *text = arena_alloc(a, LARGEST_FILE_BYTES + 1);
    size_t len = 0;
    ssize_t n = 0;
    while (len < LARGEST_FILE_BYTES && (n = read(fd, text + len, LARGEST_FILE_BYTES - len)) > 0) {
        len += (size_t)n;
    }
    close(fd);
    text[len] = '\0';
    const char *pid = line_value(a, text, "pid");
    const char *start = line_value(a, text, "start");
    *ret = (struct contents){
        .process.pid = pid != NULL ? strtoll(pid, NULL, 10) : 0,
        .process.start = start != NULL ? strtoll(start, NULL, 10) : 0,
        .grpc_address = line_value(a, text, "grpc_address"),
        .admin_token = line_value(a, text, "admin_token"),
    };
    return true;
}

bool holder_file_is_own(const char *path) {
    struct arena a;
    arena_init(&a);
    struct contents c;
    bool own = read_contents(&a, file_name(&a, path), &c) && process_identity_is_self(c.process);
    arena_release(&a);
    return own;
}

void holder_file_remove(const char *path) {
    if (holder_file_is_own(path)) {
        struct arena a;
        arena_init(&a);
        unlink(file_name(&a, path));
        arena_release(&a);
    }
}

void holder_file_withdraw(const char *path) {
    if (holder_file_is_own(path)) {
        struct arena a;
        arena_init(&a);
        // What cannot be overwritten must not stay: it names a token.
        if (holder_file_claim(&a, path) != NULL) {
            holder_file_remove(path);
        }
        arena_release(&a);
    }
}

int64_t holder_file_pid(const char *path) {
    struct arena a;
    arena_init(&a);
    struct contents c;
    int64_t pid = read_contents(&a, file_name(&a, path), &c) ? c.process.pid : 0;
    arena_release(&a);
    return pid;
}

// Whether any process has the store's lock. This one must not: see
// holder_file_is_own.
static bool is_locked(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

const struct error *holder_file_read(struct arena *a, const char *path,
                                     struct store_holder *ret_holder) {
    struct contents c;
    if (!read_contents(a, file_name(a, path), &c) ||
        (!process_identity_is_self(c.process) && !is_locked(path))) {
        return error_new(a, STATUS_NOT_FOUND, REASON_NONE, "no server holds the store \"%s\"",
                         path);
    }
    if (c.grpc_address == NULL || c.admin_token == NULL) {
        return error_new(
            a, STATUS_NOT_FOUND, REASON_NONE,
            "the process %lld holds the store \"%s\" but has not said where it listens",
            (long long)c.process.pid, path);
    }
    *ret_holder = (struct store_holder){
        .grpc_address = c.grpc_address,
        .admin_token = c.admin_token,
    };
    return NULL;
}
