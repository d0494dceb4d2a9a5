#include "base/process/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/process/descriptor_limit.h"

enum { STAT_BYTES = 1024, US_PER_S = 1000000, NS_PER_US = 1000 };

struct process_usage_reader {
    int stat_fd;      // /proc/self/stat; -1: it cannot be opened
    DIR *descriptors; // /proc/self/fd; NULL: the same
    int64_t started_us;
};

// The numbers of /proc/self/stat that are looked at, by their places there (proc(5)).
enum { FIRST_NUMBER = 4, THREADS = 20, START_TICKS = 22, VIRTUAL_BYTES = 23, RESIDENT_PAGES = 24 };

struct stat_numbers {
    long long at[RESIDENT_PAGES + 1];
};

// The program's name, which comes before them in brackets, may hold any byte; then its state, a
// letter.
static bool parse_stat(const char *text, struct stat_numbers *ret) {
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || strlen(name_end) < sizeof(") S ")) {
        return false;
    }
    const char *at = name_end + strlen(") S");
    for (int i = FIRST_NUMBER; i <= RESIDENT_PAGES; i++) {
        char *end;
        ret->at[i] = strtoll(at, &end, 10);
        if (end == at) {
            return false;
        }
        at = end;
    }
    return true;
}

static bool read_stat(int fd, struct stat_numbers *ret) {
    char text[STAT_BYTES];
    ssize_t length = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    return parse_stat(text, ret);
}

static int64_t clock_us(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        return -1;
    }
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

// The instant that the process began: the kernel counts it from the machine's start on.
static int64_t find_start_us(int stat_fd) {
    struct stat_numbers numbers;
    int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
    int64_t boot_us = clock_us(CLOCK_BOOTTIME);
    if (ticks_per_s <= 0 || boot_us < 0 || !read_stat(stat_fd, &numbers)) {
        return -1;
    }
    int64_t age_us = boot_us - numbers.at[START_TICKS] * US_PER_S / ticks_per_s;
    return clock_now_us(&clock_system) - age_us;
}

struct process_usage_reader *process_usage_open(void) {
    struct process_usage_reader *reader = mem_zalloc(sizeof(*reader));
    reader->stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    reader->descriptors = opendir("/proc/self/fd");
    reader->started_us = find_start_us(reader->stat_fd);
    return reader;
}

void process_usage_close(struct process_usage_reader *reader) {
    if (reader == NULL) {
        return;
    }
    if (reader->stat_fd >= 0) {
        close(reader->stat_fd);
    }
    if (reader->descriptors != NULL) {
        closedir(reader->descriptors);
    }
    free(reader);
}

static int64_t count_descriptors(DIR *descriptors) {
    if (descriptors == NULL) {
        return -1;
    }
    rewinddir(descriptors);
    int64_t count = 0;
    for (const struct dirent *entry; (entry = readdir(descriptors)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    return count;
}

void process_usage_read(struct process_usage_reader *reader, struct process_usage *ret) {
    struct stat_numbers numbers;
    bool is_read = read_stat(reader->stat_fd, &numbers);
    struct mallinfo2 heap = mallinfo2();
    *ret = (struct process_usage){
        .cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID),
        .resident_bytes = is_read ? numbers.at[RESIDENT_PAGES] * sysconf(_SC_PAGESIZE) : -1,
        .virtual_bytes = is_read ? numbers.at[VIRTUAL_BYTES] : -1,
        .threads = is_read ? numbers.at[THREADS] : -1,
        .open_descriptors = count_descriptors(reader->descriptors),
        .most_descriptors = descriptor_limit(),
        .started_us = reader->started_us,
        .heap_used_bytes = (int64_t)(heap.uordblks + heap.hblkhd),
        .heap_idle_bytes = (int64_t)heap.fordblks,
    };
}
