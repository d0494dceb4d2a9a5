#ifndef RUNSD_BASE_PROCESS_SERVICE_MANAGER_H
#define RUNSD_BASE_PROCESS_SERVICE_MANAGER_H

#include <stdint.h>

// What a program tells the service manager that started it: systemd, of a unit with Type=notify
// (sd_notify(3)). Where there is none, all of this does nothing. Thread safe.

// A start that takes long goes on; for the next ms the manager is not to end it. status is a line
// for `systemctl status`.
void service_manager_starting(const char *status, int64_t ms);

// The program serves, for the first time or after service_manager_reloading.
void service_manager_ready(void);

// A reload was asked for and has begun; service_manager_ready ends it.
void service_manager_reloading(void);

// The program stops, which may take up to ms.
void service_manager_stopping(int64_t ms);

// The program is alive: to be said within each service_manager_watchdog_us.
void service_manager_alive(void);

// Within what time the manager wants to be told; 0: it does not ask.
int64_t service_manager_watchdog_us(void);

#endif
