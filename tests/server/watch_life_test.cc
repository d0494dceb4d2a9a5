// WatchRuns: bookmarks, slow clients, ends and limits.

#include "tests/server/watch_fixture.h"

namespace {

using namespace wire;

class WatchLives : public WatchFixture {
  protected:
    // Waits until the stream's newest message is a bookmark of the revision or beyond.
    static bool AwaitBookmark(Stream &stream, int64_t revision) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        for (size_t n = 1; clock_monotonic_us() < until_us; n++) {
            if (!stream.AwaitMessages(n)) {
                return false;
            }
            auto all = All(stream);
            if (all.back().kind == WatchMessage::kBookmark && all.back().revision >= revision) {
                return true;
            }
            n = all.size();
        }
        return false;
    }
};

TEST_P(WatchLives, GetBookmarksAtLeastEveryFiveSecondsAlsoWhereNothingMatches) {
    auto idle = Reading("");
    auto matches_nothing = Reading(Bytes(2, "none"));
    Begun(*idle);
    Begun(*matches_nothing);
    int64_t begun_us = clock_monotonic_us();
    for (int i = 1; i <= 10; i++) {
        Create("r" + std::to_string(i));
    }
    ASSERT_TRUE(AwaitBookmark(*idle, 10));
    ASSERT_TRUE(AwaitBookmark(*matches_nothing, 10));
    EXPECT_TRUE(Changes(*matches_nothing).empty());
    // The machine may be slow; it is not below what the interval and its ticks take.
    EXPECT_GE(clock_monotonic_us() - begun_us, 2'500'000);
    EXPECT_EQ(10, All(*matches_nothing).back().newest);
    auto behind = Reading(Cursor(All(*matches_nothing).back().cursor));
    EXPECT_EQ(10, Begun(*behind).revision);
}

TEST_P(WatchLives, GetABookmarkBeforeTheFloorIsRaised) {
    auto stream = Reading(Bytes(2, "none"));
    Begun(*stream);
    for (int64_t i = 1; i <= 5; i++) {
        Create("r" + std::to_string(i));
        int64_t asked_us = clock_monotonic_us();
        do { // what was not read yet is not said to have been
            feed_hub_bookmark(service_.feed, slice_of_cstr("acme"));
            ASSERT_LT(clock_monotonic_us() - asked_us, kPatienceUs);
        } while (All(*stream).back().revision < i);
    }
    feed_hub_bookmark(service_.feed, slice_of_cstr("nobody"));
    Trim(5);
    auto again = Reading(Cursor(All(*stream).back().cursor));
    EXPECT_EQ(5, Begun(*again).revision);
}

TEST_P(WatchLives, MissNothingWhereHintsAreLost) {
    auto stream = Reading("");
    Begun(*stream);
    loses_hints_ = true;
    Create("a");
    Create("b");
    ASSERT_TRUE(AwaitChanges(*stream, 2));
}

// What a client does not take costs its place alone, and when it takes it, all is there.
TEST_P(WatchLives, GiveASlowClientEverythingInTheEnd) {
    auto slow = Watch("", acme_);
    slow->Start().Next();
    Begun(*slow);
    auto fast = Reading("");
    Begun(*fast);
    // Far more than a ring has, in bytes and in changes.
    const size_t kChanges = std::string(GetParam().store) == "memory" ? 100'000 : 3000;
    reason_ = std::string(200, 'r');
    size_t most_bytes = 0;
    Create("a");
    for (size_t i = 2; i <= kChanges; i++) {
        Change("a", i % 2 == 0 ? RUN_WAITING : RUN_RUNNING);
        most_bytes = std::max(most_bytes, feed_hub_bytes(service_.feed));
    }
    EXPECT_LT(most_bytes, 3u << 20); // a ring, and what the loop has not taken
    slow->ReadAll().Next();
    for (auto *stream : {slow.get(), fast.get()}) {
        ASSERT_TRUE(stream->AwaitMessages(kChanges + 1));
        ASSERT_TRUE(AwaitChanges(*stream, kChanges));
        int64_t revision = 0;
        for (const auto &change : Changes(*stream)) {
            ASSERT_EQ(++revision, change.revision);
        }
    }
    // Nobody is behind any more: nothing is kept.
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (feed_hub_bytes(service_.feed) > 0 && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_EQ(0u, feed_hub_bytes(service_.feed));
}

TEST_P(WatchLives, EndWithinASecondAfterTheirTokenDoes) {
    std::string revoked = Token("acme", "revoked");
    std::string expiring = Token("acme", "expiring", clock_.now + 1'000'000);
    std::string rotated = Token("acme", "rotated");
    const struct {
        std::string token;
        std::function<void()> end;
    } rows[] = {
        {revoked,
         [&] {
             struct token_record record = RecordOf(revoked, "acme", "revoked");
             record.revoked_at_us = clock_.now;
             token_table_put(service_.tokens, &record);
         }},
        {expiring, [&] { clock_.now += 2'000'000; }},
        {rotated,
         [&] {
             struct token_record record = RecordOf("other", "acme", "rotated");
             struct token_record old = RecordOf(rotated, "acme", "rotated");
             memcpy(record.previous.hash, old.hash, sizeof(old.hash));
             record.previous.expires_at_us = clock_.now;
             record.rotations = 1;
             record.rotated_at_us = clock_.now;
             token_table_put(service_.tokens, &record);
         }},
    };
    auto other = Reading("");
    Begun(*other);
    for (const auto &row : rows) {
        auto one = Watch("", row.token);
        auto two = Watch("", row.token);
        one->ReadAll().Start();
        two->ReadAll().Start();
        Begun(*one);
        Begun(*two);
        row.end();
        for (auto *stream : {one.get(), two.get()}) {
            stream->Await();
            EXPECT_EQ(STATUS_UNAUTHENTICATED, stream->code());
            EXPECT_EQ("TOKEN_INVALID", stream->reason());
        }
    }
    EXPECT_FALSE(other->is_done());
}

TEST_P(WatchLives, HaveAQuotaOfTheirOwnAndOneOfEachToken) {
    Close();
    Open({.max_watches = 3, .max_watches_per_token = 2, .metrics = nullptr});
    std::vector<std::unique_ptr<Stream>> open;
    for (int i = 0; i < 2; i++) {
        open.push_back(Reading(""));
        Begun(*open.back());
    }
    auto third = Reading("");
    third->Await();
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, third->code());
    EXPECT_EQ("QUEUE_FULL", third->reason());
    EXPECT_EQ("the token has 2 watches open, its limit; calls are not affected", third->message());
    auto others = Watch("", rival_);
    others->ReadAll().Start();
    Begun(*others);
    std::string more = Token("rival", "another");
    auto fourth = Watch("", more);
    fourth->ReadAll().Start().Await();
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, fourth->code());
    EXPECT_EQ("the server has 3 watches open, its limit; calls are not affected",
              fourth->message());
    EXPECT_FALSE(fourth->status_details().empty()) << "RetryInfo";
    // One that ends gives its place back.
    open[0]->Cancel().Await();
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    std::unique_ptr<Stream> next;
    do {
        next = Reading("");
        while (next->messages().empty() && !next->is_done()) {
            std::this_thread::yield();
        }
    } while (next->messages().empty() && clock_monotonic_us() < until_us);
    EXPECT_FALSE(next->messages().empty());
}

TEST_P(WatchLives, EndWhereTheStoreCannotBeRead) {
    auto stream = Reading("");
    Begun(*stream);
    std::atomic<int> result{STORE_UNAVAILABLE};
    Answer([&](struct store_op *op) {
        op->result = static_cast<enum store_result>(result.load());
        op->detail = "of the test";
        return true;
    });
    Create("a");
    stream->Await();
    EXPECT_EQ(STATUS_UNAVAILABLE, stream->code());
    EXPECT_EQ("STORE_UNAVAILABLE", stream->reason());
    const struct {
        enum store_result result;
        int code;
        const char *reason;
    } rows[] = {
        {STORE_UNAVAILABLE, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE"},
        {STORE_STOPPED, STATUS_UNAVAILABLE, "SERVER_STOPPING"},
        {STORE_BUSY, STATUS_RESOURCE_EXHAUSTED, "QUEUE_FULL"},
    };
    for (const auto &row : rows) {
        for (const std::string &request : {std::string(), Uint(7, 1)}) {
            result = row.result;
            // One that begins while a reading of the row before fails ends with that.
            std::unique_ptr<Stream> refused;
            int64_t until_us = clock_monotonic_us() + kPatienceUs;
            do {
                refused = Reading(request);
                refused->Await();
            } while (refused->reason() != row.reason && clock_monotonic_us() < until_us);
            EXPECT_EQ(row.code, refused->code());
            EXPECT_EQ(row.reason, refused->reason());
            EXPECT_TRUE(refused->messages().empty());
        }
    }
    Answer(nullptr);
}

// A full queue of the store is no failure: the watch goes on once there is room.
TEST_P(WatchLives, GoOnAfterTheStoreWasBusy) {
    auto stream = Reading("");
    WatchMessage begun = Begun(*stream);
    std::atomic<int> refused{0};
    Answer([&](struct store_op *op) {
        op->result = STORE_BUSY;
        op->detail = nullptr;
        refused++;
        return true;
    });
    Create("a");
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (refused == 0 && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_GE(refused, 1);
    Answer(nullptr);
    ASSERT_TRUE(AwaitChanges(*stream, 1));
}

// A change is read once for all watches of its organization, also where the first of them that look
// at it let nothing through and have everything again at once.
TEST_P(WatchLives, ReadAChangeOnceThoughMostOfThemAskForNothingOfIt) {
    const size_t watches = 40;
    const int changes = 5;
    std::vector<std::unique_ptr<Stream>> others;
    for (size_t i = 0; i < watches; i++) {
        others.push_back(Reading(wire::Bytes(3, "another")));
        Begun(*others.back());
    }
    auto all = Reading("");
    Begun(*all);
    Create("first");
    ASSERT_TRUE(AwaitChanges(*all, 1));
    std::atomic<int> reads{0};
    Answer([&](struct store_op *op) {
        reads += op->kind == &store_list_changes_kind;
        return false;
    });
    for (int i = 0; i < changes; i++) {
        Create("run-" + std::to_string(i));
        ASSERT_TRUE(AwaitChanges(*all, static_cast<size_t>(i) + 2));
    }
    // Each bookmark says that the watch has looked at everything.
    for (auto &stream : others) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (All(*stream).back().revision < changes + 1) {
            ASSERT_LT(clock_monotonic_us(), until_us);
            feed_hub_bookmark(service_.feed, slice_of_cstr("acme"));
            std::this_thread::yield();
        }
    }
    Answer(nullptr);
    EXPECT_GE(reads, changes);
    EXPECT_LT(reads, static_cast<int>(watches)); // if each read by itself: 5 times as many
}

// No store does; if one did, a client would rather begin again than miss something.
TEST_P(WatchLives, EndWhereTheStoreSkipsAChange) {
    auto live = Reading("");
    std::string cursor = Begun(*live).cursor;
    Create("a");
    ASSERT_TRUE(AwaitChanges(*live, 1));
    Answer([&](struct store_op *op) {
        if (op->kind != &store_list_changes_kind) {
            return false;
        }
        auto *list = reinterpret_cast<struct store_list_changes *>(op);
        void (*done)(struct store_op *) = op->done;
        void *context = op->context;
        store_op_submit_and_wait(store_.store, op);
        op->done = done;
        op->context = context;
        for (int i = 0; i < list->ret_count; i++) {
            list->ret_changes[i].event.revision++;
        }
        return true;
    });
    auto resumed = Reading(Cursor(cursor));
    Create("b");
    for (auto *stream : {live.get(), resumed.get()}) {
        stream->Await();
        EXPECT_EQ(STATUS_UNAVAILABLE, stream->code());
        EXPECT_EQ("STORE_UNAVAILABLE", stream->reason());
    }
    EXPECT_EQ(1u, Changes(*live).size());
    EXPECT_TRUE(Changes(*resumed).empty());
    Answer(nullptr);
}

TEST_P(WatchLives, EndWithTheServerSayingSo) {
    std::vector<std::unique_ptr<Stream>> open;
    for (int i = 0; i < 20; i++) {
        open.push_back(Reading(i % 2 == 0 ? "" : Uint(7, 1)));
        ASSERT_TRUE(open.back()->AwaitMessages(1));
    }
    rpc_server_begin_stop(server_->get());
    for (auto &stream : open) {
        stream->Await();
        EXPECT_EQ(STATUS_UNAVAILABLE, stream->code());
        EXPECT_EQ("SERVER_STOPPING", stream->reason());
    }
}

// Watches come and go while changes pass, on several organizations, and no one is missed.
TEST_P(WatchLives, ComeAndGoWhileChangesPass) {
    std::atomic<bool> is_over{false};
    std::thread writer([&] {
        for (int i = 1; i <= 400; i++) {
            Create("r" + std::to_string(i), i % 2 == 0 ? "acme" : "rival");
        }
        is_over = true;
    });
    std::string cursor;
    int64_t revision = 0;
    while (!is_over || revision < 200) {
        auto stream = Reading(cursor.empty() ? "" : Cursor(cursor));
        auto passing = Reading(Uint(5, 1) + Bytes(2, "wf"));
        if (!stream->AwaitMessages(3) && is_over) {
            break;
        }
        stream->Cancel().Await();
        for (const auto &m : All(*stream)) {
            if (cursor.empty()) {
                revision = m.revision;
            } else if (m.kind == WatchMessage::kChange) {
                ASSERT_EQ(++revision, m.revision);
            }
            cursor = m.cursor;
        }
        if (revision == 200) {
            break;
        }
    }
    writer.join();
    auto rest = Reading(Cursor(cursor));
    ASSERT_TRUE(AwaitChanges(*rest, static_cast<size_t>(200 - revision)));
}

INSTANTIATE_TEST_SUITE_P(Places, WatchLives, WATCH_PLACES, WatchPlaceName);

} // namespace
