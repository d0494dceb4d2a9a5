#ifndef RUNSD_BASE_PROCESS_LOW_PRIORITY_H
#define RUNSD_BASE_PROCESS_LOW_PRIORITY_H

// Has this process, of one thread, get processors and disks when nobody else wants them; there is
// no way back. What the system refuses stays as it is.
void low_priority_take(void);

#endif
