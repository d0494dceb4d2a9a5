extern "C" {
#include "base/core/clock.h"
#include "gateway/http/stream_group.h"
}

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace {

struct Member {
    stream_member member; // first, as beat is given it
    std::atomic<int> beats;
};

// Is always due.
int64_t Beat(stream_member *member, int64_t now_us) {
    reinterpret_cast<Member *>(member)->beats++;
    return now_us;
}

void Stop(stream_member *) {}

TEST(StreamGroup, ARoundLastsSoLongThatManyDueMembersShareIt) {
    enum { MEMBERS = 100, LEAST_BEATS = 5 };
    static Member members[MEMBERS];
    stream_group *group = stream_group_new();
    int64_t begin_us = clock_monotonic_us();
    for (Member &m : members) {
        m.member.beat = Beat;
        m.member.stop = Stop;
        ASSERT_TRUE(stream_group_add(group, &m.member)); // each wakes the group
    }
    while (members[MEMBERS - 1].beats < LEAST_BEATS) {
        stream_group_wake(group);
    }
    int beats = members[0].beats;
    int64_t rounds = (clock_monotonic_us() - begin_us) / STREAM_GROUP_ROUND_US;
    EXPECT_LE(beats, rounds + 1);
    for (Member &m : members) {
        EXPECT_GE(m.beats, 1);
        stream_group_call_over(group);
        stream_group_remove(group, &m.member);
    }
    stream_group_free(group);
}

// Is due once, when it is new.
int64_t BeatOnce(stream_member *member, int64_t) {
    reinterpret_cast<Member *>(member)->beats++;
    return INT64_MAX;
}

TEST(StreamGroup, WhoComesAfterAllHaveLeftIsLookedAt) {
    stream_group *group = stream_group_new();
    for (int i = 0; i < 20; i++) {
        Member m{};
        m.member.beat = BeatOnce;
        m.member.stop = Stop;
        ASSERT_TRUE(stream_group_add(group, &m.member));
        int64_t end_us = clock_monotonic_us() + INT64_C(60000000);
        while (m.beats == 0 && clock_monotonic_us() < end_us) {
            std::this_thread::yield();
        }
        EXPECT_GE(m.beats, 1);
        stream_group_wake(group); // in the round that has looked at it, which is its last
        stream_group_call_over(group);
        stream_group_remove(group, &m.member);
        ASSERT_FALSE(HasFailure());
    }
    stream_group_free(group);
}

} // namespace
