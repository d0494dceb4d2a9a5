#include "ctl/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"

// How long leave may take, and what it waits for: a pipe that nobody reads would take for ever.
enum { PATIENCE_S = 2 };

struct interrupt {
    pthread_t thread;
    pthread_mutex_t mutex;
    void (*leave)(void *context);
    void *context;
    sigset_t signals;
    sigset_t before; // what was blocked
    int signals_fd;
    int end_fd; // readable once the thread is to end
};

static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

// Sends the signal again later: it ends the process whatever the thread does then.
static void send_later(int number) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = number};
    const struct itimerspec patience = {.it_value.tv_sec = PATIENCE_S};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
        timer_settime(timer, 0, &patience, NULL);
    }
}

static void *wait_for_signal(void *context) {
    struct interrupt *i = context;
    struct pollfd either[] = {{.fd = i->signals_fd, .events = POLLIN},
                              {.fd = i->end_fd, .events = POLLIN}};
    while (poll(either, 2, -1) < 0) {
    }
    struct signalfd_siginfo info;
    if (either[0].revents == 0 || read(i->signals_fd, &info, sizeof(info)) != sizeof(info)) {
        return NULL;
    }
    int number = (int)info.ssi_signo;
    pthread_sigmask(SIG_UNBLOCK, &i->signals, NULL); // the next one ends the process
    send_later(number);
    pthread_mutex_lock(&i->mutex);
    i->leave(i->context);
    raise(number);
    return NULL;
}

struct interrupt *interrupt_begin(void (*leave)(void *context), void *context) {
    struct interrupt *i = mem_zalloc(sizeof(*i));
    pthread_mutex_init(&i->mutex, NULL);
    i->leave = leave;
    i->context = context;
    sigemptyset(&i->signals);
    for (const int *number = (const int[]){SIGINT, SIGTERM, 0}; *number != 0; number++) {
        if (!is_ignored(*number)) {
            sigaddset(&i->signals, *number);
        }
    }
    pthread_sigmask(SIG_BLOCK, &i->signals, &i->before);
    i->signals_fd = signalfd(-1, &i->signals, SFD_CLOEXEC);
    i->end_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(i->signals_fd >= 0 && i->end_fd >= 0);
    i->thread = thread_start("interrupt", wait_for_signal, i);
    return i;
}

void interrupt_lock(struct interrupt *i) {
    pthread_mutex_lock(&i->mutex);
}

void interrupt_unlock(struct interrupt *i) {
    pthread_mutex_unlock(&i->mutex);
}

void interrupt_end(struct interrupt *i) {
    eventfd_write(i->end_fd, 1);
    thread_join(i->thread); // or the process ends meanwhile
    close(i->signals_fd);
    close(i->end_fd);
    pthread_sigmask(SIG_SETMASK, &i->before, NULL);
    pthread_mutex_destroy(&i->mutex);
    free(i);
}
