#include "storage/sqlite/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/sqlite/store_path.h"

static const char magic[8] = "runsst1";

// What the file holds, as this machine has numbers: it never leaves its store.
struct image {
    char magic[sizeof(magic)];
    struct state_contents contents;
    uint64_t check;
};

// Finds a file that a power cut left half written. It is no defence against forgery.
static uint64_t check_of(const struct state_contents *c) {
    uint64_t sum = 0x9E3779B97F4A7C15;
    const unsigned char *bytes = (const unsigned char *)c;
    for (size_t i = 0; i < sizeof(*c); i++) {
        sum = (sum ^ bytes[i]) * 0x100000001B3;
    }
    return sum;
}

static const char *file_name(struct arena *a, const char *path) {
    return arena_printf(a, "%s.state", path);
}

bool state_file_read(struct arena *a, const char *path, struct state_contents *ret) {
    int fd = open(file_name(a, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    struct image i;
    ssize_t n = pread(fd, &i, sizeof(i), 0);
    close(fd);
    if (n != (ssize_t)sizeof(i) || memcmp(i.magic, magic, sizeof(magic)) != 0 ||
        i.check != check_of(&i.contents)) {
        return false;
    }
    *ret = i.contents;
    return true;
}

static bool write_image(int fd, const struct state_contents *c) {
    struct image i = {.contents = *c, .check = check_of(c)};
    memcpy(i.magic, magic, sizeof(magic));
    return pwrite(fd, &i, sizeof(i), 0) == (ssize_t)sizeof(i);
}

const char *state_file_open(struct state_file *f, struct arena *a, const char *path) {
    *f = (struct state_file){.fd = -1};
    const char *name = file_name(a, path);
    struct state_contents c = {.generation = 0};
    bool known = state_file_read(a, path, &c);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    // Written at once, so that a disk that fills up later has room for it.
    bool ok = fd >= 0 &&
              (known || (write_image(fd, &c) && fsync(fd) == 0 && store_path_sync_directory(path)));
    if (!ok) {
        const char *why = arena_printf(a, "cannot write \"%s\": %s", name, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return why;
    }
    f->fd = fd;
    memcpy(f->store, c.store, sizeof(f->store));
    f->generation = c.generation;
    f->newest_event = c.newest_event;
    return NULL;
}

void state_file_close(struct state_file *f) {
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

void state_file_note(struct state_file *f, const struct lineage *l, int64_t newest_event) {
    if (f->fd < 0 || (f->generation == l->generation && f->newest_event == newest_event)) {
        return;
    }
    struct state_contents c = {.generation = l->generation, .newest_event = newest_event};
    memcpy(c.store, l->store, sizeof(c.store));
    if (write_image(f->fd, &c)) {
        f->is_unsettled = f->is_unsettled || f->generation != c.generation;
        f->generation = c.generation;
        f->newest_event = c.newest_event;
    }
}

bool state_file_take_unsettled(struct state_file *f) {
    bool was = f->is_unsettled;
    f->is_unsettled = false;
    return was;
}

void state_file_settle(struct state_file *f) {
    if (state_file_take_unsettled(f)) {
        (void)fdatasync(f->fd);
    }
}
