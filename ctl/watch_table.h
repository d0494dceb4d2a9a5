#ifndef RUNSD_CTL_WATCH_TABLE_H
#define RUNSD_CTL_WATCH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "runs/v1/feed.pb-c.h"

// The runs that a watch knows as a table on a terminal, which is drawn over itself: those that
// changed last come first, as many as the terminal has lines.

struct watch_table;

struct watch_table *watch_table_new(void);
void watch_table_free(struct watch_table *t);

// Takes a message in.
void watch_table_add(struct watch_table *t, const Runs__V1__WatchRunsResponse *message);

// Says in the first line what the watch is doing, "" for nothing unusual; until the next call.
void watch_table_say(struct watch_table *t, const char *text);

// Forgets all runs: the watch begins anew.
void watch_table_clear(struct watch_table *t);

// When it wants to be drawn next, clock_monotonic_us: soon after a change, but not for each of
// many; else each second, for the ages.
int64_t watch_table_due_us(const struct watch_table *t);

// Draws it on standard output.
void watch_table_draw(struct watch_table *t);

#endif
