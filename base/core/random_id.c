#include "base/core/random_id.h"

#include <string.h>
#include <sys/random.h>

#include "base/core/check.h"

void random_id_bytes(uint8_t *ret_bytes, size_t count) {
    static _Thread_local uint8_t taken[RANDOM_ID_LONGEST];
    static _Thread_local size_t left;
    if (left < count) {
        // Never fails for up to 256 bytes once the system has booted.
        CHECK(getrandom(taken, sizeof(taken), 0) == (ssize_t)sizeof(taken));
        left = sizeof(taken);
    }
    left -= count;
    memcpy(ret_bytes, taken + left, count);
}
