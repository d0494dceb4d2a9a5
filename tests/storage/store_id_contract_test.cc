#include <algorithm>
#include <set>

#include "tests/storage/store_contract.h"

using namespace store_testing;

// Ids are bytes. A back-end may keep those that look like UUIDs in another way, and none may be
// taken for another because of it.

namespace {

INSTANTIATE_STORE_CONTRACT();

std::string Upper(std::string s) {
    for (char &c : s) {
        c = static_cast<char>(toupper(c));
    }
    return s;
}

std::string WithoutDashes(std::string s) {
    s.erase(std::remove(s.begin(), s.end(), '-'), s.end());
    return s;
}

// The 16 bytes that a UUID says.
std::string Binary(const std::string &uuid) {
    std::string digits = WithoutDashes(uuid);
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

// The UUID and what is easily taken for it.
std::vector<std::string> LooksOf(const std::string &uuid) {
    std::vector<std::string> looks = {
        uuid,
        Upper(uuid),
        WithoutDashes(uuid),
        Upper(WithoutDashes(uuid)),
        Binary(uuid),
        "{" + uuid + "}",
        "urn:uuid:" + uuid,
        uuid + " ",
        " " + uuid,
        uuid + std::string(1, '\0'),
        uuid.substr(0, 35),
        uuid + "0",
        Binary(uuid) + uuid,
        Binary(uuid).substr(0, 15),
        "x" + Binary(uuid),
    };
    for (size_t i = 0; i < uuid.size(); i++) {
        // Every place of it is looked at: a letter that is no digit, one in capitals, a NUL, a
        // digit where a dash is.
        for (char c : {'g', ':', '/', '@', '`', 'A', '\0', '\xe1'}) {
            std::string one = uuid;
            one[i] = c;
            looks.push_back(one);
        }
        if (uuid[i] == '-') {
            std::string one = uuid;
            one[i] = '0';
            looks.push_back(one);
            std::swap(one[i], one[i + 1]);
            looks.push_back(one);
        }
    }
    return looks;
}

std::vector<std::string> Mixed() {
    std::set<std::string> ids = {"run",
                                 "r-1",
                                 std::string(16, 'i'),
                                 std::string(36, '-'),
                                 std::string(36, '0'),
                                 std::string(16, '\0')};
    for (const char *uuid :
         {"01890a5d-ac96-774b-bcce-b302099a8057", "00000000-0000-0000-0000-000000000000",
          "ffffffff-ffff-ffff-ffff-ffffffffffff", "61626364-6566-6768-696a-6b6c6d6e6f70"}) {
        for (const std::string &id : LooksOf(uuid)) {
            ids.insert(id);
        }
    }
    return {ids.begin(), ids.end()};
}

TEST_P(StoreContract, IdsThatLookAlikeAreDifferentRuns) {
    const std::vector<std::string> ids = Mixed();
    for (size_t i = 0; i < ids.size(); i++) {
        MustCreate({.id = ids[i], .started_at_us = 1000, .spec = std::to_string(i)});
        // Nobody else was there, and the next ones are not yet.
        EXPECT_EQ(CreateRun(store_, {.id = ids[i]}).result, STORE_EXISTS) << ids[i];
        if (i + 1 < ids.size()) {
            EXPECT_EQ(GetRun(store_, ids[i + 1]).result, STORE_NOT_FOUND) << ids[i + 1];
            EXPECT_EQ(Apply(store_, {.id = ids[i + 1]}).result, STORE_NOT_FOUND);
        }
    }
    for (size_t i = 0; i < ids.size(); i += 2) {
        ASSERT_EQ(Apply(store_, {.id = ids[i], .reason = std::to_string(i)}).result, STORE_OK);
    }
    for (size_t i = 0; i < ids.size(); i++) {
        SCOPED_TRACE(ids[i]);
        Answer a = GetRun(store_, ids[i]);
        ASSERT_EQ(a.result, STORE_OK);
        EXPECT_EQ(a.run.id, ids[i]);
        EXPECT_EQ(a.run.spec, std::to_string(i));
        EXPECT_EQ(a.run.status, i % 2 == 0 ? RUN_CANCELLED : RUN_RUNNING);
        std::vector<Event> events = ListEvents(store_, ids[i]);
        ASSERT_EQ(events.size(), i % 2 == 0 ? 2u : 1u);
        if (i % 2 == 0) {
            EXPECT_EQ(events[1].reason, std::to_string(i));
        }
        EXPECT_EQ(GetRun(store_, ids[i], "other").result, STORE_NOT_FOUND);
    }
}

TEST_P(StoreContract, AbsentIdsThatLookLikeOneThatIsThereAreNotFound) {
    const std::string uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    std::vector<std::string> looks = LooksOf(uuid);
    for (size_t there = 0; there < 5; there++) {
        const std::string organization = "organization" + std::to_string(there);
        MustCreate({.organization = organization, .id = looks[there]});
        for (const std::string &id : looks) {
            if (id != looks[there]) {
                EXPECT_EQ(GetRun(store_, id, organization).result, STORE_NOT_FOUND)
                    << looks[there] << " as " << id;
                enum store_result events;
                ListEvents(store_, id, organization, 10, &events);
                EXPECT_EQ(events, STORE_NOT_FOUND) << looks[there] << " as " << id;
            }
        }
    }
}

// The order among runs of one start is the back-end's own: it is one, whatever the size of
// pages, whatever is asked for besides, whatever became of the runs, and after a restart.
TEST_P(StoreContract, ListsOfMixedIdsAreOneOrderThatStays) {
    const std::vector<std::string> ids = Mixed();
    for (size_t i = 0; i < ids.size(); i++) {
        size_t n = i * 7919 % ids.size(); // in no order of bytes
        MustCreate({.id = ids[n],
                    .started_at_us = static_cast<int64_t>(1000 + n % 2),
                    .workflow_id = n % 3 == 0 ? "w" : ""});
    }
    const int kAll = static_cast<int>(ids.size()) + 1;
    const std::vector<std::string> all = ListRuns(store_, {.limit = kAll}).ids();
    ASSERT_TRUE(std::is_permutation(all.begin(), all.end(), ids.begin(), ids.end()));
    auto expect_pages = [&](const Listing &listing, bool (*wants)(size_t n)) {
        std::vector<std::string> expected;
        for (const std::string &id : all) {
            if (wants(std::find(ids.begin(), ids.end(), id) - ids.begin())) {
                expected.push_back(id);
            }
        }
        std::vector<std::string> seen;
        Page p = ListRuns(store_, listing);
        for (;; p = ListRuns(store_, Behind(listing, p))) {
            ASSERT_EQ(p.result, STORE_OK);
            for (const StoredRun &run : p.runs) {
                seen.push_back(run.id);
            }
            if (!p.has_more) {
                break;
            }
        }
        EXPECT_EQ(seen, expected) << listing.limit << " " << listing.status;
    };
    for (int round = 0; round < 3; round++) {
        SCOPED_TRACE(round);
        for (int limit : {1, 2, 7, 64, kAll}) {
            expect_pages({.limit = limit}, [](size_t) { return true; });
            expect_pages({.workflow_id = "w", .limit = limit}, [](size_t n) { return n % 3 == 0; });
            if (round > 0) {
                expect_pages({.status = kActive, .limit = limit},
                             [](size_t n) { return n % 5 != 0; });
                expect_pages({.status = RUN_STATUS_BIT(RUN_CANCELLED), .limit = limit},
                             [](size_t n) { return n % 5 == 0; });
            }
        }
        if (round == 0) {
            for (size_t n = 0; n < ids.size(); n += 5) {
                ASSERT_EQ(Apply(store_, {.id = ids[n]}).result, STORE_OK);
            }
        } else if (GetParam().is_kept) {
            run_store_close(store_);
            Opened o = Open(url_);
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            store_ = o.store;
        }
    }
}

} // namespace
