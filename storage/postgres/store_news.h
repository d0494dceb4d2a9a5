#ifndef RUNSD_STORAGE_POSTGRES_STORE_NEWS_H
#define RUNSD_STORAGE_POSTGRES_STORE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/run_store.h"

// What the listener of a store is told of commits: those of this process's writers, and those that
// others made, which its watcher finds. One call at a time; an organization's revisions never go
// back. Thread safe.

struct store_news;

struct store_news *store_news_new(const struct run_store_options *options);

// NULL is ignored.
void store_news_free(struct store_news *n);

// Tells what a transaction of this process did.
void store_news_tell(struct store_news *n, const struct store_commit *commits, int count);

// A look at organizations, by one thread at a time. The first one only notes what is there.
// is_whole: at all there are; those that are not shown until the end are not there any more.
void store_news_begin_look(struct store_news *n, bool is_whole);

// Shows an organization's newest revision. Returns whether the listener has not been told of it.
bool store_news_show(struct store_news *n, struct slice organization, int64_t revision);

// Ends the look, and tells of what was shown that the listener still has not been told of.
void store_news_end_look(struct store_news *n);

#endif
