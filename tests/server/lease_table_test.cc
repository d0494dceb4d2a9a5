extern "C" {
#include "server/lease/lease_table.h"
}

#include <gtest/gtest.h>
#include <malloc.h>
#include <set>
#include <string>
#include <vector>

namespace {

const int64_t kSecond = 1000000;

slice S(const std::string &text) {
    return slice_of(text.data(), text.size());
}

class LeaseTable : public ::testing::Test {
  protected:
    LeaseTable() : table_(lease_table_new()) {
        arena_init(&arena_);
    }
    ~LeaseTable() override {
        lease_table_free(table_);
        arena_release(&arena_);
    }

    void Put(const std::string &run, int64_t attempt = 1, int64_t seconds = 30, int64_t now = 1,
             const std::string &holder = "a", const std::string &organization = "acme") {
        lease l = {S(organization), S(run), S(holder), attempt, seconds * kSecond};
        lease_table_put(table_, &l, now);
    }
    bool Remove(const std::string &run, int64_t attempt = 1, int64_t now = 1) {
        return lease_table_remove(table_, S("acme"), S(run), attempt, now);
    }
    lease_claim_state Renew(const std::string &run, int64_t attempt, int64_t now,
                            int64_t seconds = 30, const std::string &holder = "a",
                            const std::string &organization = "acme") {
        lease_claim claim = {S(run), attempt, LEASE_CLAIM_KEPT, 0, false};
        lease_table_renew(table_, S(organization), S(holder), seconds * kSecond, now, &claim, 1);
        left_us_ = claim.ret_left_us;
        return claim.ret_state;
    }
    std::vector<std::string> Ended(int64_t now, int most = 100) {
        std::vector<lease> leases(static_cast<size_t>(most));
        int count = lease_table_take_ended(table_, now, most, &arena_, leases.data());
        std::vector<std::string> names;
        for (int i = 0; i < count; i++) {
            names.emplace_back(reinterpret_cast<const char *>(leases[i].run_id.data),
                               leases[i].run_id.len);
        }
        return names;
    }

    lease_table *table_;
    arena arena_;
    int64_t left_us_ = 0; // of the last renewal
};

using Names = std::vector<std::string>;

TEST_F(LeaseTable, ALeaseEndsAtItsEndAndNotBefore) {
    Put("r", 1, 30, 5);
    EXPECT_EQ(5 + 30 * kSecond, lease_table_due_us(table_));
    EXPECT_EQ(Names{}, Ended(4 + 30 * kSecond));
    EXPECT_EQ(Names{"r"}, Ended(5 + 30 * kSecond));
    EXPECT_EQ(Names{}, Ended(5 + 300 * kSecond)); // it is being ended
    EXPECT_EQ(LEASE_CLAIM_ENDING, Renew("r", 1, 6));
    EXPECT_TRUE(Remove("r"));
    EXPECT_EQ(0u, lease_table_count(table_));
}

TEST_F(LeaseTable, ARenewalMakesTheEndLaterByNoMoreThanTheLeasesDuration) {
    Put("later", 1, 30, 1);
    Put("shorter", 1, 30, 1);
    Put("longer", 1, 30, 1);
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("later", 1, 20 * kSecond));
    EXPECT_EQ(30 * kSecond, left_us_);
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("shorter", 1, 1 * kSecond + 1, 5)); // was promised 30
    EXPECT_EQ(29 * kSecond, left_us_);
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("longer", 1, 10 * kSecond, 3600)); // a restart knows of 30
    EXPECT_EQ(30 * kSecond, left_us_);
    EXPECT_EQ(Names{}, Ended(30 * kSecond));
    EXPECT_EQ(Names{"shorter"}, Ended(30 * kSecond + 1));
    EXPECT_EQ(Names{"longer"}, Ended(40 * kSecond));
    EXPECT_EQ(Names{}, Ended(50 * kSecond - 1));
    EXPECT_EQ(Names{"later"}, Ended(50 * kSecond));
}

TEST_F(LeaseTable, ARenewalForLessGivesThatMuch) {
    Put("r", 1, 30, 1);
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("r", 1, 29 * kSecond, 5));
    EXPECT_EQ(5 * kSecond, left_us_);
    EXPECT_EQ(Names{}, Ended(34 * kSecond - 1));
    EXPECT_EQ(Names{"r"}, Ended(34 * kSecond));
}

TEST_F(LeaseTable, OnlyItsHolderAndAttemptAndOrganizationRenewALease) {
    Put("r", 2);
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("r", 1, 1));
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("r", 3, 1));
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("r", 2, 1, 30, "b"));
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("r", 2, 1, 30, "a", "rival"));
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("q", 2, 1));
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("r", 2, 1));
}

TEST_F(LeaseTable, ANewerAttemptTakesTheOlderOnesPlace) {
    Put("r", 1, 30, 1, "a");
    Put("r", 2, 30, 1, "b");
    EXPECT_EQ(1u, lease_table_count(table_));
    EXPECT_FALSE(Remove("r", 1));
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("r", 2, 1, 30, "b"));
    Put("r", 1, 30, 1, "a"); // heard of late
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("r", 2, 1, 30, "b"));
}

// What comes in another order than it happened in.
TEST_F(LeaseTable, AnEndThatIsHeardOfBeforeTheBeginIsNotForgotten) {
    EXPECT_FALSE(Remove("r", 1));
    Put("r", 1);
    EXPECT_EQ(LEASE_CLAIM_UNKNOWN, Renew("r", 1, 1));
    EXPECT_EQ(0u, lease_table_count(table_));
    Put("r", 2);
    EXPECT_EQ(LEASE_CLAIM_KEPT, Renew("r", 2, 1));
}

TEST_F(LeaseTable, AnEndIsForgottenAfterAWhile) {
    Put("r");
    EXPECT_TRUE(Remove("r", 1, 1));
    EXPECT_FALSE(Remove("r", 1, 1));
    EXPECT_NE(INT64_MAX, lease_table_due_us(table_));
    EXPECT_EQ(Names{}, Ended(60 * kSecond));
    EXPECT_EQ(INT64_MAX, lease_table_due_us(table_));
}

TEST_F(LeaseTable, AnEndThatFailedIsTakenAgain) {
    Put("r", 1, 30, 0);
    EXPECT_EQ(Names{"r"}, Ended(30 * kSecond));
    lease_table_retry(table_, S("acme"), S("r"), 1, 31 * kSecond);
    EXPECT_EQ(LEASE_CLAIM_ENDING, Renew("r", 1, 30 * kSecond)); // it has ended for its holder
    EXPECT_EQ(Names{}, Ended(31 * kSecond - 1));
    EXPECT_EQ(Names{"r"}, Ended(31 * kSecond));
}

TEST_F(LeaseTable, APauseGivesEachLeaseItsWholeDuration) {
    Put("short", 1, 10, 0);
    Put("long", 1, 60, 0);
    lease_table_extend(table_, 100 * kSecond);
    EXPECT_EQ(Names{}, Ended(110 * kSecond - 1));
    EXPECT_EQ(Names{"short"}, Ended(110 * kSecond));
    Put("after", 1, 5, 112 * kSecond); // has its own end
    EXPECT_EQ(Names{"after"}, Ended(117 * kSecond));
    EXPECT_EQ(Names{}, Ended(160 * kSecond - 1));
    EXPECT_EQ(Names{"long"}, Ended(160 * kSecond));
}

TEST_F(LeaseTable, NoMoreAreTakenThanAskedForAndTheFirstFirst) {
    for (int i = 0; i < 50; i++) {
        Put("r" + std::to_string(i), 1, 1 + (i * 7) % 50, 0);
    }
    std::multiset<std::string> seen;
    int64_t before = 0;
    for (int i = 0; i < 50; i++) {
        int64_t due = lease_table_due_us(table_);
        EXPECT_GE(due, before);
        before = due;
        auto one = Ended(100 * kSecond, 1);
        ASSERT_EQ(1u, one.size());
        seen.insert(one[0]);
    }
    EXPECT_EQ(50u, seen.size());
    EXPECT_EQ(Names{}, Ended(1000 * kSecond));
}

// docs/EXECUTORS.md and lease_table.h say how many bytes.
TEST_F(LeaseTable, ALeaseIsSmall) {
    const int count = 100000;
    const std::string run = "01a20819-fe8d-7028-8823-5bb0e10";
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < count; i++) {
        Put(run + std::to_string(100000 + i).substr(1), 1, 30, i, "worker", "demo");
    }
    size_t bytes = (mallinfo2().uordblks - before) / count;
    RecordProperty("bytes", static_cast<int>(bytes));
    EXPECT_LT(bytes, 200u);
    EXPECT_EQ(static_cast<size_t>(count), lease_table_count(table_));
}

} // namespace
