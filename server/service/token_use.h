#ifndef RUNSD_SERVER_SERVICE_TOKEN_USE_H
#define RUNSD_SERVER_SERVICE_TOKEN_USE_H

#include "server/service/service_call.h"

// A thread that stores when tokens were last used and how often they were denied, of those of
// which it changed, once in a while: no call waits for it, and a process that is killed loses
// what was counted since. Each operation of it is small (STORE_TOKEN_USES), and the next one is
// submitted when it is answered, so that no commit of others carries more than one.

struct token_use;

enum { TOKEN_USE_DEFAULT_MS = 60 * 1000 };

// Starts the thread, which stores every interval_ms (0: TOKEN_USE_DEFAULT_MS). service and what
// it points at outlive it.
struct token_use *token_use_start(const struct service *service, int64_t interval_ms);

// Stores what changed last, if the store takes it, and ends the thread: before the store is
// closed. NULL is ignored.
void token_use_stop(struct token_use *use);

#endif
