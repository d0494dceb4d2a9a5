#ifndef RUNSD_RPC_THREAD_SANITIZER_INTERNAL_H
#define RUNSD_RPC_THREAD_SANITIZER_INTERNAL_H

// What TSan cannot see because gRPC core is not built with it: what was done before
// operations were started is done before what follows an event. Nothing in other
// builds.

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
extern char rpc_thread_sanitizer_order; // tag.c; only its address is used
#define RPC_BEFORE_OPERATIONS() __tsan_release(&rpc_thread_sanitizer_order)
#define RPC_AFTER_EVENT()       __tsan_acquire(&rpc_thread_sanitizer_order)
// In process both sides hold a slice; the last to let go frees it.
#define RPC_BEFORE_RELEASE() (RPC_BEFORE_OPERATIONS(), RPC_AFTER_EVENT())
#else
#define RPC_BEFORE_RELEASE()    ((void)0)
#define RPC_BEFORE_OPERATIONS() ((void)0)
#define RPC_AFTER_EVENT()       ((void)0)
#endif

#endif
