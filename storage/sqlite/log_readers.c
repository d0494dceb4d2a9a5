#include "storage/sqlite/log_readers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/strbuf.h"

// Where a reader locks the log's index: https://sqlite.org/walformat.html#locks
enum { FIRST_READ_LOCK = 123, LAST_READ_LOCK = 127 };

enum { PROCESSES_MAX = 8 };

struct processes {
    long long pid[PROCESSES_MAX];
    int count;
};

static void add(struct processes *p, long long pid) {
    for (int i = 0; i < p->count; i++) {
        if (p->pid[i] == pid) {
            return;
        }
    }
    if (p->count < PROCESSES_MAX) {
        p->pid[p->count++] = pid;
    }
}

// Reads proc_locks(5): "1: POSIX  ADVISORY  READ 12 fe:00:34 124 124". The device
// is left out: some file systems tell another one here than stat(2) does.
static void find(struct processes *p, ino_t index) {
    FILE *locks = fopen("/proc/locks", "re");
    char line[256];
    while (locks != NULL && fgets(line, sizeof(line), locks) != NULL) {
        long long pid;
        uint64_t inode;
        uint64_t first;
        uint64_t last;
        // What the kernel prints fits: it has the same types. NOLINTNEXTLINE(cert-err34-c)
        if (sscanf(line, "%*u: POSIX %*s %*s %lld %*x:%*x:%" SCNu64 " %" SCNu64 " %" SCNu64, &pid,
                   &inode, &first, &last) == 4 &&
            inode == index && first <= LAST_READ_LOCK && last >= FIRST_READ_LOCK && pid > 0 &&
            pid != getpid()) {
            add(p, pid);
        }
    }
    if (locks != NULL) {
        (void)fclose(locks);
    }
}

static void append_process(struct strbuf *b, struct arena *a, long long pid) {
    char name[32] = "";
    FILE *comm = fopen(arena_printf(a, "/proc/%lld/comm", pid), "re");
    if (comm != NULL) {
        if (fgets(name, sizeof(name), comm) == NULL) {
            name[0] = '\0';
        }
        (void)fclose(comm);
    }
    name[strcspn(name, "\n")] = '\0';
    strbuf_printf(b, "%sprocess %lld%s%s%s", strbuf_slice(b).len > 0 ? ", " : "", pid,
                  name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
}

const char *log_readers_describe(struct arena *a, const char *path) {
    struct processes p = {.count = 0};
    struct stat st;
    if (stat(arena_printf(a, "%s-shm", path), &st) == 0) {
        find(&p, st.st_ino);
    }
    if (p.count == 0) {
        return "none that this process can see";
    }
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < p.count; i++) {
        append_process(&b, a, p.pid[i]);
    }
    const char *text = arena_cstr(a, strbuf_slice(&b));
    strbuf_release(&b);
    return text;
}
