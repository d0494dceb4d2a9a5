#include "base/process/low_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// ioprio_set(2), for which the C library has no function: the calling thread's class 3 is "idle".
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_IDLE = 3 << 13, NICEST = 19 };

void low_priority_take(void) {
    (void)setpriority(PRIO_PROCESS, 0, NICEST);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}
