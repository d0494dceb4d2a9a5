#ifndef RUNSD_CTL_INTERRUPT_H
#define RUNSD_CTL_INTERRUPT_H

// What a command does when it is interrupted, by Ctrl-C (SIGINT) or SIGTERM: it says or saves
// something, at once and whatever it waits for, and ends by the signal, so that who waits for it
// sees what is seen of other commands. A second signal ends it in any case.

struct interrupt;

// From now on leave(context) is called for the first signal, on a thread of its own; then, or after
// 2 seconds, the process ends. A signal that is ignored (nohup) stays so. To be called before the
// first call of a connection, whose threads must not receive the signals.
struct interrupt *interrupt_begin(void (*leave)(void *context), void *context);

// Between these leave is not called: it waits. What leave uses is changed between them alone.
void interrupt_lock(struct interrupt *i);
void interrupt_unlock(struct interrupt *i);

// Signals do again what they did before.
void interrupt_end(struct interrupt *i);

#endif
