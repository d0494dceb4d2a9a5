// Watches that begin at an instant: where, what is told of it, and what may come between.

#include "tests/server/watch_fixture.h"

extern "C" {
#include "storage/op/delete_run.h"
#include "storage/op/find_revision.h"
}

namespace {

using namespace wire;

class WatchesSince : public WatchFixture {
  protected:
    // Field 8 of the request.
    static std::string Since(int64_t at_us) {
        return Bytes(8, Uint(1, static_cast<uint64_t>(at_us / 1'000'000)) +
                            Uint(2, static_cast<uint64_t>(at_us % 1'000'000 * 1000)));
    }

    // Of the first bookmark; -1: it does not say.
    static int IsCut(Stream &stream) {
        const std::string bytes = stream.messages().at(0);
        auto *m = runs__v1__watch_runs_response__unpack(
            nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data()));
        int is_cut = m->bookmark->is_cut == nullptr ? -1 : m->bookmark->is_cut->value;
        runs__v1__watch_runs_response__free_unpacked(m, nullptr);
        return is_cut;
    }

    // When the event of that revision was: each change is a moment later than the one before.
    int64_t At(int64_t revision) const {
        return kFirst + revision;
    }

    void CreateAll(int count) {
        for (int i = 1; i <= count; i++) {
            ASSERT_EQ(i, Create("r" + std::to_string(i)));
        }
    }

    static constexpr int64_t kFirst = 1'700'000'000'000'000;
};

TEST_P(WatchesSince, BeginWithTheFirstChangeAtTheInstantOrLater) {
    CreateAll(150); // more than a page
    for (int64_t from : {1, 2, 64, 65, 149, 150}) {
        auto stream = Reading(Since(At(from)));
        SCOPED_TRACE(from);
        EXPECT_EQ(from - 1, Begun(*stream).revision);
        EXPECT_EQ(-1, IsCut(*stream));
        ASSERT_TRUE(AwaitChanges(*stream, static_cast<size_t>(151 - from)));
        EXPECT_EQ(from, Changes(*stream)[0].revision);
    }
    auto later = Reading(Since(At(151)));
    EXPECT_EQ(150, Begun(*later).revision);
    Create("later");
    ASSERT_TRUE(AwaitChanges(*later, 1));
}

TEST_P(WatchesSince, WithoutAnyEventBeginNow) {
    auto stream = Reading(Since(1));
    EXPECT_EQ(0, Begun(*stream).revision);
    EXPECT_EQ(-1, IsCut(*stream));
    Create("one");
    EXPECT_TRUE(AwaitChanges(*stream, 1));
}

TEST_P(WatchesSince, TellWhereSomeOfItMayBeGone) {
    CreateAll(10);
    Trim(4);
    for (int64_t from : {1, 4, 5}) {
        auto stream = Reading(Since(At(from)));
        SCOPED_TRACE(from);
        EXPECT_EQ(4, Begun(*stream).revision);
        EXPECT_EQ(1, IsCut(*stream)); // who asks from the floor on cannot be told more
        ASSERT_TRUE(AwaitChanges(*stream, 6));
        // It is said once, and other watches do not hear of it.
        for (size_t i = 1; i < stream->messages().size(); i++) {
            EXPECT_EQ(std::string::npos, stream->messages()[i].find("\x1A\x02\x08\x01"));
        }
    }
    auto all_kept = Reading(Since(At(6)));
    EXPECT_EQ(5, Begun(*all_kept).revision);
    EXPECT_EQ(-1, IsCut(*all_kept));
    auto now = Reading("");
    EXPECT_EQ(10, Begun(*now).revision);
    EXPECT_EQ(-1, IsCut(*now));
}

TEST_P(WatchesSince, LookAgainWhereTheFloorRoseMeanwhile) {
    CreateAll(10);
    std::atomic<int> asked{0};
    Answer([&](struct store_op *op) {
        if (op->kind == &store_find_revision_kind) {
            asked++;
        }
        if (op->kind == &store_list_changes_kind && asked == 1) {
            asked++;
            Trim(7); // before the changes are read
        }
        return false;
    });
    auto stream = Reading(Since(At(3)));
    EXPECT_EQ(7, Begun(*stream).revision);
    EXPECT_EQ(1, IsCut(*stream));
    ASSERT_TRUE(AwaitChanges(*stream, 3));
    EXPECT_EQ(3, asked);
    Answer(nullptr);
}

TEST_P(WatchesSince, AreRefusedWhereTheStoreCannotBeRead) {
    CreateAll(1);
    Answer([](struct store_op *op) {
        op->result = STORE_UNAVAILABLE;
        return op->kind == &store_find_revision_kind;
    });
    auto stream = Reading(Since(At(1)));
    stream->Await();
    EXPECT_EQ(STATUS_UNAVAILABLE, stream->code());
    EXPECT_TRUE(stream->messages().empty());
    Answer(nullptr);
}

TEST_P(WatchesSince, AreRefusedWithAnotherBeginning) {
    CreateAll(1);
    auto first = Reading("");
    std::string cursor = Begun(*first).cursor;
    const struct {
        std::string request;
        const char *message;
    } rows[] = {
        {Since(At(1)) + Cursor(cursor), "since and cursor exclude each other"},
        {Since(At(1)) + Uint(7, 1), "since and snapshot exclude each other"},
        {Since(At(1)) + Cursor(cursor) + Uint(7, 1), "since and snapshot exclude each other"},
        {Bytes(8, Uint(1, UINT64_C(1) << 40)), "since must be a time of the years 1 to 9999"},
    };
    for (const auto &row : rows) {
        auto stream = Reading(row.request);
        stream->Await();
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, stream->code());
        EXPECT_NE(std::string::npos, stream->message().find(row.message)) << stream->message();
    }
}

// A deletion stays in the feed, above the floor, without a run; watches of its workflow hear of it.
TEST_P(WatchesSince, HearOfDeletions) {
    CreateAll(2);
    Change("r1", RUN_CANCELLED);
    auto whole = Reading(Uint(5, 1));
    auto of_workflow = Reading(Bytes(2, "wf"));
    Begun(*whole);
    Begun(*of_workflow);
    Arena a;
    struct store_delete_run deletion = {};
    deletion.op.kind = &store_delete_run_kind;
    deletion.op.arena = a.get();
    deletion.organization = slice_of_cstr("acme");
    deletion.id = slice_of_cstr("r1");
    deletion.at_us = ++clock_.now;
    deletion.cause.actor = slice_of_cstr("keeper");
    do { // until its rows are up to date
        store_op_submit_and_wait(store_.store, &deletion.op);
    } while (deletion.op.result == STORE_BUSY && deletion.ret_is_pending);
    ASSERT_EQ(STORE_OK, deletion.op.result);
    Create("r3");
    ASSERT_TRUE(AwaitChanges(*whole, 2));
    auto changes = Changes(*whole);
    EXPECT_EQ(STORE_EVENT_DELETION, changes[0].event_kind);
    EXPECT_EQ("keeper", changes[0].actor);
    EXPECT_FALSE(changes[0].has_run);
    EXPECT_TRUE(changes[1].has_run);
    ASSERT_TRUE(AwaitChanges(*of_workflow, 2));
    EXPECT_EQ(STORE_EVENT_DELETION, Changes(*of_workflow)[0].event_kind);
    EXPECT_EQ("r1", Changes(*of_workflow)[0].run_id);
    EXPECT_EQ("r3", Changes(*of_workflow)[1].run_id);
    auto late = Reading(Since(deletion.at_us));
    ASSERT_TRUE(AwaitChanges(*late, 2));
    EXPECT_EQ(4, Changes(*late)[0].revision);
    EXPECT_EQ(5, Changes(*late)[1].revision);
}

INSTANTIATE_TEST_SUITE_P(Places, WatchesSince, WATCH_PLACES, WatchPlaceName);

} // namespace
