#ifndef RUNSD_BASE_CORE_RANDOM_ID_H
#define RUNSD_BASE_CORE_RANDOM_ID_H

#include <stddef.h>
#include <stdint.h>

enum { RANDOM_ID_LONGEST = 256 };

// Fills ret_bytes with count random bytes, at most RANDOM_ID_LONGEST, of the kernel's, which are
// read for several ids at once: the system call costs as much as the rest of making one. For ids,
// which are no secrets; tokens are made elsewhere. Thread safe: each thread has bytes of its own.
void random_id_bytes(uint8_t *ret_bytes, size_t count);

#endif
