// WatchRuns: what a watch is sent, in which order, and what it is refused.

#include "tests/server/watch_fixture.h"

namespace {

using namespace wire;

class Watches : public WatchFixture {};

TEST_P(Watches, SendsEachChangeOnceInTheOrderOfTheCommits) {
    auto stream = Reading("");
    EXPECT_EQ(0, Begun(*stream).revision);
    Create("a");
    Create("b");
    Change("a", RUN_WAITING);
    Change("b", RUN_CANCELLED);
    Change("a", RUN_SUCCESS);
    ASSERT_TRUE(AwaitChanges(*stream, 5));
    const struct {
        const char *run;
        int64_t sequence;
        int kind;
        int from;
        int to;
    } want[] = {
        {"a", 1, STORE_EVENT_CREATION, 0, RUN_RUNNING},
        {"b", 1, STORE_EVENT_CREATION, 0, RUN_RUNNING},
        {"a", 2, STORE_EVENT_TRANSITION, RUN_RUNNING, RUN_WAITING},
        {"b", 2, STORE_EVENT_TRANSITION, RUN_RUNNING, RUN_CANCELLED},
        {"a", 3, STORE_EVENT_TRANSITION, RUN_WAITING, RUN_SUCCESS},
    };
    auto changes = Changes(*stream);
    for (size_t i = 0; i < changes.size(); i++) {
        SCOPED_TRACE(i);
        EXPECT_EQ(static_cast<int64_t>(i) + 1, changes[i].revision);
        EXPECT_EQ(want[i].run, changes[i].run_id);
        EXPECT_EQ(want[i].sequence, changes[i].sequence);
        EXPECT_EQ(want[i].kind, changes[i].event_kind);
        EXPECT_EQ(want[i].from, changes[i].from);
        EXPECT_EQ(want[i].to, changes[i].to);
        EXPECT_EQ(i < 2 ? "maker" : "changer", changes[i].actor);
        EXPECT_EQ(i < 2 ? "" : "because", changes[i].reason);
        EXPECT_FALSE(changes[i].has_run);
        EXPECT_EQ(44u, changes[i].cursor.size());
    }
}

TEST_P(Watches, BeginsNowUnlessItIsToldWhere) {
    Create("before");
    auto stream = Reading("");
    EXPECT_EQ(1, Begun(*stream).revision);
    Create("after");
    ASSERT_TRUE(AwaitChanges(*stream, 1));
    EXPECT_EQ("after", Changes(*stream)[0].run_id);
}

TEST_P(Watches, GoesOnBehindEachCursorWithoutGapOrDouble) {
    auto first = Reading("");
    std::vector<std::string> cursors = {Begun(*first).cursor};
    const int64_t kCount = 150; // more than a page
    for (int64_t i = 1; i <= kCount; i++) {
        ASSERT_EQ(i, Create("r" + std::to_string(i)));
    }
    ASSERT_TRUE(AwaitChanges(*first, kCount));
    for (const auto &change : Changes(*first)) {
        cursors.push_back(change.cursor);
    }
    ASSERT_EQ(static_cast<size_t>(kCount) + 1, cursors.size());
    std::vector<std::unique_ptr<Stream>> streams;
    for (const auto &cursor : cursors) {
        streams.push_back(Reading(Cursor(cursor)));
    }
    int64_t last = Create("last");
    for (int64_t at = 0; at <= kCount; at++) {
        SCOPED_TRACE(at);
        auto &stream = streams[static_cast<size_t>(at)];
        ASSERT_TRUE(AwaitChanges(*stream, static_cast<size_t>(last - at)));
        int64_t revision = at;
        for (const auto &m : All(*stream)) {
            if (m.kind == WatchMessage::kChange) {
                ASSERT_EQ(++revision, m.revision);
            } else { // a bookmark never overtakes
                ASSERT_EQ(WatchMessage::kBookmark, m.kind);
                ASSERT_EQ(revision, m.revision);
            }
        }
        EXPECT_EQ(last, revision);
    }
}

TEST_P(Watches, SendsTheSameBytesToAll) {
    auto one = Reading("");
    Begun(*one);
    auto other = Reading("");
    Begun(*other);
    Create("a");
    ASSERT_TRUE(AwaitChanges(*one, 1));
    ASSERT_TRUE(AwaitChanges(*other, 1));
    auto late = Reading(Cursor(Unpack(one->messages()[0]).cursor));
    ASSERT_TRUE(AwaitChanges(*late, 1));
    EXPECT_EQ(Changes(*one)[0].bytes, Changes(*other)[0].bytes);
    EXPECT_EQ(Changes(*one)[0].bytes, Changes(*late)[0].bytes);
}

TEST_P(Watches, LetsThroughWhatEachFilterAsksFor) {
    const struct {
        const char *what;
        std::string request;
        std::vector<int64_t> revisions;
    } rows[] = {
        {"everything", "", {1, 2, 3, 4, 5, 6}},
        {"a status", Uint(1, RUN_CANCELLED), {4}},
        {"statuses", Uint(1, RUN_CANCELLED) + Uint(1, RUN_WAITING), {3, 4}},
        {"creations by their status", Uint(1, RUN_RUNNING), {1, 2, 5}},
        {"a packed list", Bytes(1, Varint(RUN_SUCCESS) + Varint(RUN_WAITING)), {3, 6}},
        {"a workflow", Bytes(2, "wf-b"), {2, 4}},
        {"no such workflow", Bytes(2, "wf"), {}},
        {"a run", Bytes(3, "a"), {1, 3, 6}},
        {"runs", Bytes(3, "c") + Bytes(3, "b") + Bytes(3, "none"), {2, 4, 5}},
        {"a run and a status", Bytes(3, "a") + Uint(1, RUN_SUCCESS), {6}},
        {"a run and another's workflow", Bytes(3, "a") + Bytes(2, "wf-b"), {}},
        {"a holder, whom nobody is", Bytes(4, "worker-1"), {}},
    };
    auto begin = Reading("");
    std::string cursor = Begun(*begin).cursor;
    std::vector<std::unique_ptr<Stream>> live;
    for (const auto &row : rows) {
        live.push_back(Reading(row.request));
        Begun(*live.back());
    }
    Create("a", "acme", "wf-a");
    Create("b", "acme", "wf-b");
    Change("a", RUN_WAITING);
    Change("b", RUN_CANCELLED);
    Create("c", "acme", "wf-a");
    Change("a", RUN_SUCCESS);
    ASSERT_TRUE(AwaitChanges(*live[0], 6));
    for (size_t i = 0; i < live.size(); i++) {
        SCOPED_TRACE(rows[i].what);
        auto later = Reading(Cursor(cursor) + rows[i].request);
        for (auto *stream : {live[i].get(), later.get()}) {
            ASSERT_TRUE(stream->AwaitMessages(1 + rows[i].revisions.size()));
            // The next bookmark says that all of it was looked at.
            int64_t until_us = clock_monotonic_us() + kPatienceUs;
            while (All(*stream).back().kind != WatchMessage::kBookmark ||
                   All(*stream).back().revision < 6) {
                ASSERT_LT(clock_monotonic_us(), until_us);
                feed_hub_bookmark(service_.feed, slice_of_cstr("acme"));
                std::this_thread::yield();
            }
            std::vector<int64_t> got;
            for (const auto &change : Changes(*stream)) {
                got.push_back(change.revision);
            }
            EXPECT_EQ(rows[i].revisions, got);
        }
    }
}

TEST_P(Watches, TellsWhatHappensToLeases) {
    auto all = Reading("");
    auto of_one = Reading(Bytes(4, "one"));
    auto failures = Reading(Uint(1, RUN_FAILURE));
    std::string cursor = Begun(*all).cursor;
    Begun(*of_one);
    Begun(*failures);
    CreateLeased("a");
    CreateLeased("fails", true);
    Acquire("one", "a"); // 3
    EndLease("a", 1, STORE_EVENT_RELEASE);
    Acquire("two", "a"); // 5
    EndLease("a", 2, STORE_EVENT_LEASE_LOSS);
    Acquire("one", "a");                          // 7
    Change("a", RUN_CANCELLED);                   // 8
    Stop("a", 3);                                 // 9
    Acquire("one", "fails");                      // 10
    EndLease("fails", 1, STORE_EVENT_LEASE_LOSS); // 11
    ASSERT_TRUE(AwaitChanges(*all, 11));
    const struct {
        int kind;
        int64_t attempt;
        const char *holder;
    } want[] = {
        {STORE_EVENT_CREATION, 0, ""},       {STORE_EVENT_CREATION, 0, ""},
        {STORE_EVENT_ACQUISITION, 1, "one"}, {STORE_EVENT_RELEASE, 1, "one"},
        {STORE_EVENT_ACQUISITION, 2, "two"}, {STORE_EVENT_LEASE_LOSS, 2, "two"},
        {STORE_EVENT_ACQUISITION, 3, "one"}, {STORE_EVENT_TRANSITION, 3, "one"},
        {STORE_EVENT_STOP, 3, ""},           {STORE_EVENT_ACQUISITION, 1, "one"},
        {STORE_EVENT_LEASE_LOSS, 1, "one"},
    };
    auto changes = Changes(*all);
    for (size_t i = 0; i < changes.size(); i++) {
        SCOPED_TRACE(i + 1);
        EXPECT_EQ(want[i].kind, changes[i].event_kind);
        EXPECT_EQ(want[i].attempt, changes[i].attempt);
        if (want[i].kind != STORE_EVENT_STOP) { // of which the store has the last word
            EXPECT_EQ(want[i].holder, changes[i].holder);
        }
    }
    std::vector<int64_t> held;
    for (const auto &change : changes) {
        if (change.holder == "one") {
            held.push_back(change.revision);
        }
    }
    // Live and behind a cursor alike. What leaves the status as it is reaches none.
    auto of_one_later = Reading(Cursor(cursor) + Bytes(4, "one"));
    for (auto *stream : {of_one.get(), of_one_later.get()}) {
        ASSERT_TRUE(AwaitChanges(*stream, held.size()));
        for (size_t i = 0; i < held.size(); i++) {
            EXPECT_EQ(held[i], Changes(*stream)[i].revision);
        }
    }
    ASSERT_TRUE(AwaitChanges(*failures, 1));
    EXPECT_EQ(11, Changes(*failures)[0].revision);
    EXPECT_EQ(1u, Changes(*failures).size());
    // Of the running ones only the creations have reached that status.
    auto running = Reading(Cursor(cursor) + Uint(1, RUN_RUNNING));
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (!running->AwaitMessages(1) || All(*running).back().revision < 11) {
        ASSERT_LT(clock_monotonic_us(), until_us);
        feed_hub_bookmark(service_.feed, slice_of_cstr("acme"));
    }
    EXPECT_EQ(2u, Changes(*running).size());
    // The snapshot has who holds what now.
    CreateLeased("held");
    CreateLeased("free");
    Acquire("one", "held");
    auto snapshot = Reading(Uint(7, 1) + Bytes(4, "one"));
    ASSERT_TRUE(snapshot->AwaitMessages(3));
    EXPECT_EQ("held", All(*snapshot)[0].run_id);
    EXPECT_EQ(WatchMessage::kSnapshotEnd, All(*snapshot)[1].kind);
}

TEST_P(Watches, AddsTheRunWhereItIsAskedFor) {
    auto without = Reading("");
    std::string cursor = Begun(*without).cursor;
    auto with = Reading(Uint(5, 1));
    Begun(*with);
    Create("a");
    Change("a", RUN_CANCELLED);
    ASSERT_TRUE(AwaitChanges(*with, 2));
    ASSERT_TRUE(AwaitChanges(*without, 2));
    auto later = Reading(Cursor(cursor) + Uint(5, 1));
    ASSERT_TRUE(AwaitChanges(*later, 2));
    for (const auto &change : Changes(*without)) {
        EXPECT_FALSE(change.has_run);
    }
    for (auto *stream : {with.get(), later.get()}) {
        for (const auto &change : Changes(*stream)) {
            EXPECT_TRUE(change.has_run);
        }
        EXPECT_EQ(RUN_CANCELLED, Changes(*stream)[1].run_status);
    }
    // As it is when it is read.
    EXPECT_EQ(RUN_CANCELLED, Changes(*later)[0].run_status);
}

TEST_P(Watches, TellsAnotherOrganizationNothing) {
    auto stream = Watch("", rival_);
    stream->ReadAll().Start();
    EXPECT_EQ(0, Begun(*stream).revision);
    auto own = Reading("");
    Begun(*own);
    for (int i = 0; i < 20; i++) {
        Create("r" + std::to_string(i));
    }
    ASSERT_TRUE(AwaitChanges(*own, 20));
    ASSERT_EQ(1, Create("mine", "rival"));
    ASSERT_TRUE(AwaitChanges(*stream, 1));
    EXPECT_EQ(1u, Changes(*stream).size());
    EXPECT_EQ("mine", Changes(*stream)[0].run_id);
    for (const auto &m : All(*stream)) {
        EXPECT_LE(m.newest, 1);
    }
}

// --- snapshots ---

TEST_P(Watches, BeginsWithTheLiveRunsIfItIsAsked) {
    const int kRuns = 100; // several pages
    for (int i = 0; i < kRuns; i++) {
        Create("r" + std::to_string(i));
    }
    Change("r0", RUN_CANCELLED);
    Change("r1", RUN_WAITING);
    auto stream = Reading(Uint(7, 1));
    ASSERT_TRUE(stream->AwaitMessages(kRuns + 1));
    auto messages = All(*stream);
    std::set<std::string> ids;
    for (int i = 0; i < kRuns - 1; i++) {
        const auto &m = messages[static_cast<size_t>(i)];
        ASSERT_EQ(WatchMessage::kSnapshotRun, m.kind);
        EXPECT_TRUE(m.has_run);
        EXPECT_EQ("", m.cursor);
        EXPECT_EQ(m.run_id == "r1" ? 2 : 1, m.sequence);
        EXPECT_EQ(m.run_id == "r1" ? RUN_WAITING : RUN_RUNNING, m.run_status);
        ids.insert(m.run_id);
    }
    EXPECT_EQ(static_cast<size_t>(kRuns) - 1, ids.size());
    EXPECT_EQ(0u, ids.count("r0"));
    EXPECT_EQ(WatchMessage::kSnapshotEnd, messages[kRuns - 1].kind);
    EXPECT_EQ("", messages[kRuns - 1].cursor);
    EXPECT_EQ(WatchMessage::kBookmark, messages[kRuns].kind);
    EXPECT_EQ(kRuns + 2, messages[kRuns].revision);
    Create("next");
    ASSERT_TRUE(AwaitChanges(*stream, 1));
    EXPECT_EQ("next", Changes(*stream)[0].run_id);
}

TEST_P(Watches, TakesOfTheLiveRunsWhatTheFiltersLetThrough) {
    Create("a", "acme", "wf-a");
    Create("b", "acme", "wf-b");
    Create("c", "acme", "wf-b");
    Change("c", RUN_WAITING);
    Create("d", "acme", "wf-b");
    Change("d", RUN_FAILURE);
    const struct {
        const char *what;
        std::string request;
        std::set<std::string> ids;
    } rows[] = {
        {"all", "", {"a", "b", "c"}},
        {"a live status", Uint(1, RUN_WAITING), {"c"}},
        {"a live status among others", Uint(1, RUN_CANCELLED) + Uint(1, RUN_RUNNING), {"a", "b"}},
        {"final statuses name none of the live ones", Uint(1, RUN_CANCELLED), {"a", "b", "c"}},
        {"a workflow", Bytes(2, "wf-b"), {"b", "c"}},
        {"runs", Bytes(3, "a") + Bytes(3, "d") + Bytes(3, "none"), {"a"}},
        {"nothing", Bytes(2, "none"), {}},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.what);
        auto stream = Reading(Uint(7, 1) + row.request);
        ASSERT_TRUE(stream->AwaitMessages(row.ids.size() + 2)) << stream->message();
        std::set<std::string> ids;
        for (const auto &m : All(*stream)) {
            if (m.kind == WatchMessage::kSnapshotRun) {
                EXPECT_TRUE(ids.insert(m.run_id).second);
            }
        }
        EXPECT_EQ(row.ids, ids);
        EXPECT_EQ(WatchMessage::kSnapshotEnd, All(*stream)[row.ids.size()].kind);
    }
}

// Whatever happens while the snapshot is read, what follows it leads to the runs as they are.
TEST_P(Watches, MissesNothingThatHappensDuringTheSnapshot) {
    const int kRuns = 200;
    std::map<std::string, int> statuses;
    for (int i = 0; i < kRuns; i++) {
        Create("r" + std::to_string(i));
    }
    auto stream = Watch(Uint(7, 1), acme_);
    stream->Start().Next();
    std::map<std::string, std::pair<int64_t, int>> seen; // sequence and status
    bool is_over = false;
    size_t changes = 0;
    for (size_t n = 1; changes < 150; n++) {
        ASSERT_TRUE(stream->AwaitMessages(n));
        WatchMessage m = Unpack(stream->messages().back());
        if (m.kind == WatchMessage::kSnapshotRun) {
            ASSERT_FALSE(is_over);
            seen[m.run_id] = {m.sequence, m.run_status};
        } else if (m.kind == WatchMessage::kChange) {
            ASSERT_TRUE(is_over);
            changes++;
            if (m.sequence > seen[m.run_id].first) {
                seen[m.run_id] = {m.sequence, m.to};
            }
        }
        is_over = is_over || m.kind == WatchMessage::kSnapshotEnd;
        if (n <= 150) {
            Change("r" + std::to_string(n), RUN_CANCELLED);
        }
        stream->Next();
    }
    for (int i = 0; i < kRuns; i++) {
        std::string id = "r" + std::to_string(i);
        EXPECT_EQ(i >= 1 && i <= 150 ? RUN_CANCELLED : RUN_RUNNING, seen[id].second) << id;
    }
}

// --- cursors ---

std::string CursorOfList(const std::string &reply) {
    auto *m = runs__v1__list_runs_response__unpack(nullptr, reply.size(),
                                                   reinterpret_cast<const uint8_t *>(reply.data()));
    std::string cursor = m->watch_cursor;
    runs__v1__list_runs_response__free_unpacked(m, nullptr);
    return cursor;
}

std::string NextPageOfList(const std::string &reply) {
    auto *m = runs__v1__list_runs_response__unpack(nullptr, reply.size(),
                                                   reinterpret_cast<const uint8_t *>(reply.data()));
    std::string token = m->next_page_token;
    runs__v1__list_runs_response__free_unpacked(m, nullptr);
    return token;
}

TEST_P(Watches, GoOnBehindTheFirstPageOfAList) {
    auto list = [&](const std::string &request) {
        Call call(*channel_, "/runs.v1.RunsService/ListRuns", request);
        call.Metadata("authorization", "Bearer " + acme_).Run();
        EXPECT_EQ(STATUS_OK, call.code()) << call.message();
        return call.response();
    };
    // Of an organization that has no event yet, too.
    auto first = Reading(Cursor(CursorOfList(list(Uint(7, 1)))));
    EXPECT_EQ(0, Begun(*first).revision);
    for (int i = 0; i < 5; i++) {
        Create("r" + std::to_string(i));
    }
    EXPECT_EQ("", CursorOfList(list("")));
    EXPECT_EQ(list(""), list(Uint(7, 0)));
    std::string page = list(Uint(7, 1) + Uint(1, 2));
    // The token of the next page is the same with and without, and that page has no cursor.
    std::string token = NextPageOfList(page);
    EXPECT_EQ(NextPageOfList(list(Uint(1, 2))), token);
    EXPECT_EQ("", CursorOfList(list(Uint(7, 1) + Uint(1, 2) + Bytes(2, token))));
    Trim(5); // at the list's position
    auto stream = Reading(Cursor(CursorOfList(page)));
    EXPECT_EQ(5, Begun(*stream).revision);
    Create("next");
    ASSERT_TRUE(AwaitChanges(*stream, 1));
    EXPECT_EQ(6, Changes(*stream)[0].revision);
}

TEST_P(Watches, IsRefusedBelowTheFloorAndServedFromItOn) {
    auto all = Reading("");
    std::vector<std::string> cursors = {Begun(*all).cursor};
    for (int i = 1; i <= 10; i++) {
        Create("r" + std::to_string(i));
    }
    ASSERT_TRUE(AwaitChanges(*all, 10));
    for (const auto &change : Changes(*all)) {
        cursors.push_back(change.cursor);
    }
    Trim(5);
    for (size_t at = 0; at <= 10; at++) {
        SCOPED_TRACE(at);
        auto stream = Reading(Cursor(cursors[at]));
        if (at < 5) {
            stream->Await();
            EXPECT_EQ(STATUS_OUT_OF_RANGE, stream->code());
            EXPECT_EQ("CURSOR_EXPIRED", stream->reason());
            EXPECT_EQ("the changes behind revision " + std::to_string(at) +
                          " are not kept any more, those from 6 on are: watch again without the "
                          "cursor, with a snapshot",
                      stream->message());
            EXPECT_TRUE(stream->messages().empty());
        } else {
            ASSERT_TRUE(AwaitChanges(*stream, 10 - at));
            EXPECT_EQ(at < 10 ? static_cast<int64_t>(at) + 1 : 0,
                      at < 10 ? Changes(*stream)[0].revision : 0);
        }
    }
}

TEST_P(Watches, IsToldThatItsCursorExpiredWhenItFallsBelowTheFloor) {
    if (GetParam().loop == LoopKind::kPolling) {
        // tests/e2e/test_watch.py has a client that takes little.
        GTEST_SKIP() << "gRPC core takes megabytes for a client that does not read";
    }
    Stream slow(*channel_, "/runs.v1.RunsService/WatchRuns", "");
    slow.Metadata("authorization", "Bearer " + acme_).Start().Next();
    Begun(slow);
    auto fast = Reading("");
    Begun(*fast);
    const int kRuns = 2000; // more than the transport and the ring take
    reason_ = std::string(1024, 'r');
    for (int i = 1; i <= kRuns; i++) {
        Create("r" + std::to_string(i));
    }
    ASSERT_TRUE(AwaitChanges(*fast, kRuns));
    Trim(kRuns);
    slow.ReadAll().Next().Await();
    EXPECT_EQ(STATUS_OUT_OF_RANGE, slow.code());
    EXPECT_EQ("CURSOR_EXPIRED", slow.reason());
    int64_t revision = 0;
    for (const auto &change : Changes(slow)) { // without a gap until then
        ASSERT_EQ(++revision, change.revision);
    }
    EXPECT_LT(revision, kRuns);
}

TEST_P(Watches, RefusesCursorsThatAreNotItsOwn) {
    Create("a");
    auto stream = Reading("");
    std::string cursor = Begun(*stream).cursor;
    auto other = Watch(Cursor(cursor), rival_);
    other->ReadAll().Start().Await();
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, other->code());
    EXPECT_EQ("FIELD_INVALID", other->reason());
    for (const std::string &text :
         {std::string("x"), cursor + "A", cursor.substr(1), std::string(2000, 'A')}) {
        auto forged = Reading(Cursor(text));
        forged->Await();
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, forged->code());
        EXPECT_EQ("FIELD_INVALID", forged->reason());
        EXPECT_EQ("cursor was not made by this server for this organization, got " +
                      std::to_string(text.size()) +
                      " bytes: watch again without it, with a snapshot",
                  forged->message());
    }
    store_.base.epoch++; // as after a restore
    auto restored = Reading(Cursor(cursor));
    restored->Await();
    EXPECT_EQ(STATUS_OUT_OF_RANGE, restored->code());
    EXPECT_EQ("CURSOR_EXPIRED", restored->reason());
}

TEST_P(Watches, NamesTheFieldThatIsMalformed) {
    std::string many;
    for (int i = 0; i <= 1000; i++) {
        many += Bytes(3, "r" + std::to_string(i));
    }
    const struct {
        std::string request;
        std::string message;
    } rows[] = {
        {Uint(1, 0), "status must be running, waiting, success, failure or cancelled, got 0"},
        {Uint(1, 6), "status must be running, waiting, success, failure or cancelled, got 6"},
        {many, "runIds has 1001 ids, at most 1000 are allowed"},
        {Bytes(3, "a") + Bytes(3, "b") + Bytes(3, "a"), "runIds has \"a\" twice"},
        {Bytes(3, "a/b"),
         "runIds must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\", got "
         "\"a/b\""},
        {Bytes(3, ""),
         "runIds must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\", got \"\""},
        {Bytes(2, std::string(1025, 'w')), "workflowId has 1025 bytes, at most 1024 are allowed"},
        {Bytes(4, "work\ner"), "holder must have no control characters, got 0x0A"},
        {Bytes(4, std::string(257, 'h')), "holder has 257 bytes, at most 256 are allowed"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.message);
        auto stream = Reading(row.request);
        stream->Await();
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, stream->code());
        EXPECT_EQ("FIELD_INVALID", stream->reason());
        EXPECT_EQ(row.message, stream->message());
    }
    auto first = Reading("");
    auto both = Reading(Cursor(Begun(*first).cursor) + Uint(7, 1));
    both->Await();
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, both->code());
    EXPECT_EQ("snapshot and cursor exclude each other: a watch begins with the one or behind the "
              "other",
              both->message());
    std::string most; // as many as may be
    for (int i = 0; i < 1000; i++) {
        most += Bytes(3, "r" + std::to_string(i));
    }
    auto taken = Reading(most);
    Begun(*taken);
    Create("other");
    Create("r999");
    ASSERT_TRUE(AwaitChanges(*taken, 1));
    EXPECT_EQ("r999", Changes(*taken)[0].run_id);
}

INSTANTIATE_TEST_SUITE_P(Places, Watches, WATCH_PLACES, WatchPlaceName);

} // namespace
