#ifndef RUNSD_BASE_METRICS_METRICS_H
#define RUNSD_BASE_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

// What a program counts about itself, for whoever watches it: families of metrics by name, each
// with a child for every combination of its labels' values. The parts of a program add their
// families when they start, keep the children that they count with, and count without a lock: a
// thread has cells of its own, which are summed when somebody looks (metrics_snapshot.h).
//
// Everywhere here NULL stands for a registry, a family or a child that nobody looks at: adding
// to NULL returns NULL, and counting with NULL does nothing.
//
// Names follow Prometheus: "runsd_", what is counted, the base unit ("seconds", "bytes") at the
// end. The suffixes of samples ("_total", "_bucket", ...) are left to the writers. A label's value
// is of a bounded set: never an id, a token or what a stranger sent.

enum metrics_kind {
    METRICS_COUNTER,   // only grows, from 0 at the start of the process
    METRICS_GAUGE,     // goes up and down
    METRICS_HISTOGRAM, // how many values were up to each bound, and their sum
    METRICS_INFO,      // always 1: what it tells are its labels' values
};

enum {
    METRICS_MAX_LABELS = 4,
    METRICS_MAX_BOUNDS = 24,
    // Children of a family. What would be more is counted by one child whose labels all have the
    // value "other".
    METRICS_MAX_CHILDREN = 1000,
};

// What a family is. All of it must outlive the registry.
struct metrics_info {
    const char *name; // a letter, then letters, digits and "_", lower case; the unit at its end
    const char *unit; // "seconds", "bytes", "ratio"; NULL or "": none
    const char *help; // one sentence without its full stop
    enum metrics_kind kind;
    // What is counted with are integers, of which so many are one unit: 1,000,000 for
    // microseconds of which seconds are shown. 0: 1.
    int64_t per_unit;
    const char *labels[METRICS_MAX_LABELS]; // their names; the first NULL ends them
    // Of a histogram, rising: the greatest integer of each bucket but the last, which has none.
    const int64_t *bounds;
    size_t bound_count; // 1 to METRICS_MAX_BOUNDS
};

// Bounds in microseconds for the time of requests: 0.5 ms to 30 s.
enum { METRICS_REQUEST_BOUNDS = 14 };
extern const int64_t metrics_request_bounds_us[METRICS_REQUEST_BOUNDS];

struct metrics;
struct metrics_family;
struct metrics_child;
struct metrics_collection;

// Makes an empty registry, which owns its families and children. It must outlive those who count.
struct metrics *metrics_new(void);

// NULL is ignored.
void metrics_free(struct metrics *metrics);

// Adds a family, whose name no other has (CHECK). Thread safe; waits for a look that is under way.
struct metrics_family *metrics_add_family(struct metrics *metrics, const struct metrics_info *info);

// The family's child with these values, as many as it has labels (NULL for none); it is made by the
// first call. The
// values are copied; bytes that are no UTF-8 become U+FFFD. Thread safe; only making one takes a
// lock, which is held for a moment. Look children up once and keep them where calls are many.
struct metrics_child *metrics_child(struct metrics_family *family, const char *const values[]);

// Both at once, for a family without labels.
struct metrics_child *metrics_add(struct metrics *metrics, const struct metrics_info *info);

// --- counting; thread safe, without a lock ---

// Of a counter; by is not negative.
void metrics_counter_add(struct metrics_child *child, int64_t by);

// Of a gauge: either all add to it, or one thread at a time sets it.
void metrics_gauge_add(struct metrics_child *child, int64_t by);
void metrics_gauge_set(struct metrics_child *child, int64_t value);

// Of a histogram.
void metrics_histogram_observe(struct metrics_child *child, int64_t value);

// What a counter or a gauge is now, as it was counted; how many values a histogram has. 0 for NULL.
int64_t metrics_get(const struct metrics_child *child);

// --- what is only known when somebody looks ---

// Has visit(context, collection) called with each look, on the thread that looks: it adds what it
// knows with metrics_collect. It must not block, and must not call what adds to or removes from
// the registry. Thread safe.
void metrics_add_collector(struct metrics *metrics,
                           void (*visit)(void *context, struct metrics_collection *collection),
                           void *context);

// Removes all collectors of context: none of them runs once this returns. Thread safe.
void metrics_remove_collectors(struct metrics *metrics, void *context);

// In a visit: adds a sample of a counter, a gauge or an info, in the family's unit (seconds, not
// microseconds); NaN is what cannot be known. The values are copied, and no other sample or child
// of the family has the same. NULL for values of a family without labels.
void metrics_collect(struct metrics_collection *collection, const struct metrics_family *family,
                     const char *const values[], double value);

#endif
