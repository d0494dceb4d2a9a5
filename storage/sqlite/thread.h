#ifndef RUNSD_STORAGE_SQLITE_THREAD_H
#define RUNSD_STORAGE_SQLITE_THREAD_H

#include <pthread.h>

// Starts a thread that receives no signals: they are the program's business.
// name has at most 15 bytes. Aborts if there is no memory for a thread.
pthread_t thread_start(const char *name, void *(*body)(void *context), void *context);

#endif
