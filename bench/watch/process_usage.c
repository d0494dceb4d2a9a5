#include "bench/watch/process_usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t process_usage_cpu_ns(pid_t pid) {
    clockid_t clock;
    struct timespec t;
    if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t process_usage_rss_bytes(pid_t pid) {
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = pid == 0 ? NULL : fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    char text[128] = ""; // the pages in all, those that are resident, and more
    const char *line = fgets(text, sizeof(text), file);
    (void)fclose(file);
    const char *resident = line != NULL ? strchr(line, ' ') : NULL;
    return resident != NULL ? strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}
