#include "tests/storage/store_contract.h"

using namespace store_testing;

// What an event holds besides the change itself: who asked and how, its kind and its attempt.

namespace {

INSTANTIATE_STORE_CONTRACT();

// Causes of which each member is empty, long, no UTF-8 or has a NUL, by itself and together.
std::vector<Cause> Causes() {
    const std::vector<std::string> values = {
        "",
        "text",
        std::string("\0", 1),
        std::string("a\0b", 3),
        std::string("\0\0end", 5),
        "\xff\xfe\xc3",
        "r\xc3\xbcn \xf0\x9f\x98\x80",
        "'; DROP TABLE event; --",
        std::string(64, 'x'),
        std::string(200000, '\xee'),
    };
    std::vector<Cause> causes;
    for (const std::string &value : values) {
        causes.push_back({value, value, value, value, value});
        causes.push_back({value, "", "", "", ""});
        causes.push_back({"", value, "", "", ""});
        causes.push_back({"", "", value, "", ""});
        causes.push_back({"", "", "", value, ""});
        causes.push_back({"", "", "", "", value});
    }
    causes.push_back({"actor", "reason", "request", "192.0.2.1", "key"});
    return causes;
}

Transition Caused(const std::string &id, enum run_status to, const Cause &cause) {
    Transition t;
    t.id = id;
    t.to = to;
    t.actor = cause.actor;
    t.reason = cause.reason;
    t.request_id = cause.request_id;
    t.remote_address = cause.remote_address;
    t.idempotency_key = cause.idempotency_key;
    return t;
}

TEST_P(StoreContract, EventsKeepTheirWholeCause) {
    const std::vector<Cause> causes = Causes();
    const size_t n = causes.size();
    auto of_run = [&](size_t run, size_t event) -> const Cause & {
        return causes[(run + event * 7) % n];
    };
    for (size_t i = 0; i < n; i++) {
        const std::string id = std::to_string(i);
        ASSERT_EQ(CreateRun(store_, {.id = id}, of_run(i, 0)).result, STORE_OK);
        ASSERT_EQ(Apply(store_, Caused(id, RUN_WAITING, of_run(i, 1))).result, STORE_OK);
        ASSERT_EQ(Apply(store_, Caused(id, RUN_CANCELLED, of_run(i, 2))).result, STORE_OK);
    }
    for (bool is_reopened : {false, true}) {
        for (size_t i = 0; i < n; i++) {
            SCOPED_TRACE(i);
            std::vector<WholeEvent> events = ListWholeEvents(store_, std::to_string(i));
            ASSERT_EQ(events.size(), 3u);
            for (size_t e = 0; e < events.size(); e++) {
                EXPECT_TRUE(events[e].cause == of_run(i, e)) << is_reopened << " " << e;
            }
        }
        if (!GetParam().is_kept) {
            break;
        }
        run_store_close(store_);
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
}

// A cause that changed nothing is kept nowhere.
TEST_P(StoreContract, CausesOfWhatMadeNoEventAreNotKept) {
    const Cause first = {"first", "1", "request 1", "192.0.2.1", "key 1"};
    const Cause late = {"late", "2", "request 2", "192.0.2.2", "key 2"};
    ASSERT_EQ(CreateRun(store_, {.id = "r"}, first).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, {.id = "r"}, late).result, STORE_EXISTS);
    ASSERT_EQ(Apply(store_, Caused("r", RUN_RUNNING, late)).result, STORE_OK);
    ASSERT_EQ(Apply(store_, Caused("r", RUN_SUCCESS, first)).result, STORE_OK);
    ASSERT_EQ(Apply(store_, Caused("r", RUN_CANCELLED, late)).result, STORE_CONFLICT);
    std::vector<WholeEvent> events = ListWholeEvents(store_, "r");
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].cause, first);
    EXPECT_EQ(events[1].cause, first);
}

TEST_P(StoreContract, EventsSayWhatKindTheyAre) {
    for (int status = RUN_RUNNING; status <= RUN_CANCELLED; status++) {
        const std::string id = std::to_string(status);
        MustCreate({.id = id, .status = static_cast<run_status>(status)});
        Apply(store_, {.id = id, .from = RUN_STATUS_ALL, .to = RUN_WAITING});
        Apply(store_, {.id = id, .from = RUN_STATUS_ALL, .to = RUN_FAILURE});
        for (const WholeEvent &e : ListWholeEvents(store_, id)) {
            EXPECT_EQ(e.kind, e.sequence == 1 ? STORE_EVENT_CREATION : STORE_EVENT_TRANSITION);
        }
    }
}

TEST_P(StoreContract, AttemptIsKeptWithTheRunAndItsEvents) {
    for (int64_t attempt :
         {INT64_C(0), INT64_C(1), INT64_C(127), INT64_C(128), INT64_C(1) << 32, INT64_MAX}) {
        SCOPED_TRACE(attempt);
        const std::string organization = "o" + std::to_string(attempt);
        Answer a = CreateRun(store_, {.organization = organization, .id = "r", .attempt = attempt});
        EXPECT_EQ(a.run.attempt, attempt);
        EXPECT_EQ(GetRun(store_, "r", organization).run.attempt, attempt);
        a = Apply(store_, {.organization = organization, .id = "r", .to = RUN_WAITING});
        EXPECT_EQ(a.run.attempt, attempt);
        a = Apply(store_, {.organization = organization,
                           .id = "r",
                           .to = RUN_WAITING,
                           .set_execution_state = true,
                           .execution_state = "e"});
        EXPECT_EQ(a.run.attempt, attempt);
        a = Apply(store_, {.organization = organization, .id = "r"});
        EXPECT_EQ(a.run.attempt, attempt);
        a = Apply(store_, {.organization = organization, .id = "r"});
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_EQ(a.run.attempt, attempt);
        EXPECT_EQ(GetRun(store_, "r", organization).run.attempt, attempt);
        Page p = ListRuns(store_, {.organization = organization});
        ASSERT_EQ(p.runs.size(), 1u);
        EXPECT_EQ(p.runs[0].attempt, attempt);
        std::vector<WholeEvent> events = ListWholeEvents(store_, "r", organization);
        EXPECT_EQ(events.size(), 3u);
        for (const WholeEvent &e : events) {
            EXPECT_EQ(e.attempt, attempt);
        }
    }
}

// run_finished_at_us is the rule, however a run came to its status.
TEST_P(StoreContract, RunsAreFinishedWhenTheirNewestEventMadeThemFinal) {
    for (int first = RUN_RUNNING; first <= RUN_CANCELLED; first++) {
        for (int second = RUN_RUNNING; second <= RUN_CANCELLED; second++) {
            const std::string id = std::to_string(first) + std::to_string(second);
            SCOPED_TRACE(id);
            Answer a = CreateRun(
                store_,
                {.id = id, .status = static_cast<run_status>(first), .started_at_us = 1000});
            bool is_active = first == RUN_RUNNING || first == RUN_WAITING;
            EXPECT_EQ(a.run.finished_at_us, is_active ? 0 : 1000);
            ExpectSame(GetRun(store_, id).run, a.run);
            a = Apply(store_, {.id = id,
                               .from = RUN_STATUS_ALL,
                               .to = static_cast<run_status>(second),
                               .at_us = 2000});
            is_active = second == RUN_RUNNING || second == RUN_WAITING;
            int64_t updated_at_us = first == second ? 1000 : 2000;
            EXPECT_EQ(a.run.updated_at_us, updated_at_us);
            EXPECT_EQ(a.run.finished_at_us, is_active ? 0 : updated_at_us);
            ExpectSame(GetRun(store_, id).run, a.run);
        }
    }
    for (const StoredRun &run : ListRuns(store_, {}).runs) {
        ExpectSame(run, GetRun(store_, run.id).run);
    }
}

} // namespace
