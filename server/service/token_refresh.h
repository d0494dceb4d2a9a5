#ifndef RUNSD_SERVER_SERVICE_TOKEN_REFRESH_H
#define RUNSD_SERVER_SERVICE_TOKEN_REFRESH_H

#include "server/service/service_call.h"

// A thread that reads the tokens again after another server of the store has changed some: what was
// revoked there opens nothing here within a second.
//
// It reads all of them: so it finds what was deleted, and nothing that it missed stays wrong.
// Changes that come while it reads are read together; 10,000 tokens are 1.4 MB.

struct token_refresh;

// Starts the thread, which reads once: what was changed since the tokens were read first. service
// and what it points at outlive it.
struct token_refresh *token_refresh_start(const struct service *service);

// As on_tokens of struct run_store_options.
void token_refresh_want(struct token_refresh *refresh);

// Ends the thread, before the store is closed. NULL is ignored.
void token_refresh_stop(struct token_refresh *refresh);

// Once no thread of the store is left. NULL is ignored.
void token_refresh_free(struct token_refresh *refresh);

#endif
