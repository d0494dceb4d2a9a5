#include "base/process/service_manager.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "base/core/clock.h"

// Nothing depends on a message that cannot be sent: the manager then takes the program for one that
// is not there yet, or not any more, and ends it by its own limits.

void service_manager_starting(const char *status, int64_t ms) {
    sd_notifyf(0, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%" PRId64, status, ms * 1000);
}

void service_manager_ready(void) {
    sd_notify(0, "READY=1\nSTATUS=serving");
}

void service_manager_reloading(void) {
    // Type=notify-reload of later systemds wants to know when.
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading",
               clock_monotonic_us());
}

void service_manager_stopping(int64_t ms) {
    sd_notifyf(0,
               "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64 "\nSTATUS=stopping: calls in flight end",
               ms * 1000);
}

void service_manager_alive(void) {
    sd_notify(0, "WATCHDOG=1");
}

int64_t service_manager_watchdog_us(void) {
    uint64_t us;
    return sd_watchdog_enabled(0, &us) > 0 && us <= INT64_MAX ? (int64_t)us : 0;
}
