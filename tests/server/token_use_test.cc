// The thread that stores uses of tokens, over a store that answers as it is told.

#include <condition_variable>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <string>

#include "tests/server/wire_builder.h"

extern "C" {
#include "server/service/token_use.h"
#include "storage/op/note_token_use.h"
}

namespace {

struct UseStore {
    struct run_store base;
    std::mutex mutex;
    std::condition_variable changed;
    enum store_result result = STORE_OK;
    int operations = 0;
    int largest = 0;
    std::map<std::string, int64_t> noted; // name to last use

    // Waits until there were so many operations since the beginning.
    void Await(int count) {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return operations >= count; });
    }
};

void Submit(struct run_store *base, struct store_op *op) {
    auto *store = reinterpret_cast<UseStore *>(base);
    auto *note = CONTAINER_OF(op, struct store_note_token_use, op);
    {
        std::lock_guard<std::mutex> lock(store->mutex);
        op->result = store->result;
        store->operations++;
        store->largest = std::max(store->largest, note->count);
        for (int i = 0; op->result == STORE_OK && i < note->count; i++) {
            const struct token_record &use = note->uses[i];
            store->noted[std::string(reinterpret_cast<const char *>(use.name.data), use.name.len)] =
                use.last_used_at_us;
        }
    }
    op->done(op);
    store->changed.notify_all();
}

class TokenUse : public ::testing::Test {
  protected:
    TokenUse() {
        static const struct run_store_ops ops = {"fake", Submit, nullptr};
        store_.base.ops = &ops;
        service_.log = &log_;
        service_.clock = &clock_system;
        service_.store = &store_.base;
        service_.tokens = token_table_new();
    }
    ~TokenUse() override {
        token_table_free(service_.tokens);
    }
    void Put(int i) {
        std::string name = "t" + std::to_string(i);
        struct token_record record = {};
        record.organization = slice_of_cstr("acme");
        record.name = SliceOfString(name);
        memcpy(record.hash, &i, sizeof(i));
        token_table_put(service_.tokens, &record);
    }
    void Use(int i, int64_t at_us) {
        TestArena a;
        struct identity who;
        uint8_t hash[TOKEN_HASH_BYTES] = {};
        memcpy(hash, &i, sizeof(i));
        ASSERT_EQ(TOKEN_OPENS, token_table_find(service_.tokens, hash, at_us, a.get(), &who));
    }

    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    UseStore store_ = {};
    struct service service_ = {};
};

TEST_F(TokenUse, WhatCannotBeStoredIsStoredLater) {
    int64_t at_us = 1000;
    for (enum store_result result :
         {STORE_DISK_FULL, STORE_LOCKED, STORE_BUSY, STORE_EXPIRED, STORE_UNAVAILABLE}) {
        SCOPED_TRACE(result);
        store_.result = result;
        store_.operations = 0;
        store_.noted.clear();
        Put(1);
        Use(1, ++at_us);
        struct token_use *use = token_use_start(&service_, 1);
        store_.Await(3); // again and again
        {
            std::lock_guard<std::mutex> lock(store_.mutex);
            EXPECT_TRUE(store_.noted.empty());
            store_.result = STORE_OK;
        }
        token_use_stop(use);
        EXPECT_EQ(at_us, store_.noted["t1"]);
    }
}

// A stop stores what there is, in small operations, and asks a store that takes nothing once.
TEST_F(TokenUse, StopStoresTheRestAndDoesNotWaitForAStoreThatFails) {
    for (int i = 0; i < 1000; i++) {
        Put(i);
        Use(i, 5);
    }
    struct token_use *use = token_use_start(&service_, 3600 * 1000);
    EXPECT_EQ(0, store_.operations) << "nothing before its time";
    token_use_stop(use);
    EXPECT_EQ(1000u, store_.noted.size());
    EXPECT_EQ(STORE_TOKEN_USES, store_.largest);
    EXPECT_EQ((1000 + STORE_TOKEN_USES - 1) / STORE_TOKEN_USES, store_.operations);
    // Nothing was used since: nothing is written.
    store_.operations = 0;
    token_use_stop(token_use_start(&service_, 3600 * 1000));
    EXPECT_EQ(0, store_.operations);
    store_.result = STORE_STOPPED;
    for (int i = 0; i < 1000; i++) {
        Use(i, 6);
    }
    token_use_stop(token_use_start(&service_, 3600 * 1000));
    EXPECT_EQ(1, store_.operations);
    token_use_stop(nullptr);
}

} // namespace
