#ifndef RUNSD_RPC_DEADLOCK_DETECTION_INTERNAL_H
#define RUNSD_RPC_DEADLOCK_DETECTION_INTERNAL_H

#include <stdbool.h>

// Turns off the deadlock detection of abseil's mutexes for the process. Debian's
// abseil is built with it on, and gRPC core locks through abseil: it is a fifth of
// what an in-process call costs (bench/rpc_bench.c). Returns whether it was found.
bool rpc_deadlock_detection_off(void);

#endif
