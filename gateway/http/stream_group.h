#ifndef RUNSD_GATEWAY_HTTP_STREAM_GROUP_H
#define RUNSD_GATEWAY_HTTP_STREAM_GROUP_H

#include <stdbool.h>
#include <stdint.h>

// The streams that are open. A thread of its own, which sleeps while there is none, does what
// their time has come for: heartbeats of quiet ones, heads of replies. Thread safe.

struct stream_group;

// A round looks at all members, whichever is due; so long a round lasts at least, so that many
// members, due one after the other, do not cost the square of their number.
enum { STREAM_GROUP_ROUND_US = 10000 };

// One open stream; the user fills the first part and owns the whole.
struct stream_member {
    // Does what is due at now_us (clock_monotonic_us), and returns when to call it again at
    // the latest, or one round later. On the group's thread, under its lock: must not block, nor
    // call the group.
    int64_t (*beat)(struct stream_member *member, int64_t now_us);
    // Ends the stream early, because the gateway stops. On the thread that stops, under
    // the group's lock.
    void (*stop)(struct stream_member *member);

    // The group's own.
    struct stream_member *next;
    struct stream_member **link;
};

struct stream_group *stream_group_new(void);

// Ends the thread; there must be no member. NULL is ignored.
void stream_group_free(struct stream_group *group);

// Adds a stream. Returns false if the group was stopped: then it is not added.
bool stream_group_add(struct stream_group *group, struct stream_member *member);

// Has all members' beat called soon: one is due sooner than it said. Not under the lock of a
// member, which its beat takes.
void stream_group_wake(struct stream_group *group);

// The stream's call is over: stop is not needed for it any more. Once for each member that was
// added; stream_group_stop may return from then on.
void stream_group_call_over(struct stream_group *group);

// Removes a stream that was added; beat and stop are not called any more once it
// returned.
void stream_group_remove(struct stream_group *group, struct stream_member *member);

// Stops all members, lets none be added, and waits until the calls of all are over.
void stream_group_stop(struct stream_group *group);

// Waits until there is no member.
void stream_group_wait_empty(struct stream_group *group);

#endif
