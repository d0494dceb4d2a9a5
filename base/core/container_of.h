#ifndef RUNSD_BASE_CORE_CONTAINER_OF_H
#define RUNSD_BASE_CORE_CONTAINER_OF_H

#include <stddef.h>

// The struct of the given type whose member pointer points to.
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
