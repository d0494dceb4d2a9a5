#include <gtest/gtest.h>
#include <string>
#include <vector>

extern "C" {
#include "base/core/wire.h"
#include "bench/watch/watch_api.h"
#include "protos/runs/v1/feed.pb-c.h"
#include "protos/runs/v1/runs_service.pb-c.h"
#include "protos/runs/v1/tokens_service.pb-c.h"
}

// What the client of the benchmark sends and reads: runsd's by the code made of its protos,
// etcd's byte for byte as the protos of its release 3.4 have it.

namespace {

std::string Taken(struct strbuf *b) {
    std::string text(reinterpret_cast<const char *>(b->data), b->len);
    strbuf_release(b);
    return text;
}

std::string Request(void (*append)(struct strbuf *, size_t, uint64_t), size_t group,
                    uint64_t change) {
    struct strbuf b = STRBUF_INIT;
    append(&b, group, change);
    return Taken(&b);
}

std::string Watch(const struct watch_api &api, size_t group) {
    struct strbuf b = STRBUF_INIT;
    api.watch(&b, group);
    return Taken(&b);
}

const uint8_t *Bytes(const std::string &s) {
    return reinterpret_cast<const uint8_t *>(s.data());
}

bool Read(const struct watch_api &api, const std::string &message,
          std::vector<std::pair<uint64_t, int64_t>> *ret) {
    ret->clear();
    return api.read(
        slice_of(message.data(), message.size()),
        [](void *context, struct watch_event event) {
            static_cast<std::vector<std::pair<uint64_t, int64_t>> *>(context)->push_back(
                {event.change, event.position});
        },
        ret);
}

TEST(WatchApi, AsksRunsdAsItsProtosSay) {
    const struct watch_api &api = watch_api_runs;
    EXPECT_EQ(watch_api_find("runs"), &api);
    std::string bytes = Watch(api, 7);
    Runs__V1__WatchRunsRequest *watch =
        runs__v1__watch_runs_request__unpack(nullptr, bytes.size(), Bytes(bytes));
    ASSERT_NE(watch, nullptr);
    ASSERT_EQ(watch->n_status, 1u);
    EXPECT_EQ(watch->status[0], RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED);
    runs__v1__watch_runs_request__free_unpacked(watch, nullptr);

    bytes = Request(api.change, 7, 0xabcdef);
    Runs__V1__CancelRunRequest *cancel =
        runs__v1__cancel_run_request__unpack(nullptr, bytes.size(), Bytes(bytes));
    ASSERT_NE(cancel, nullptr);
    std::string id = cancel->id;
    EXPECT_EQ(id, "03bb2cc3-d800-7000-8000-000000abcdef");
    runs__v1__cancel_run_request__free_unpacked(cancel, nullptr);

    bytes = Request(api.prepare, 7, 0xabcdef);
    Runs__V1__CreateRunRequest *create =
        runs__v1__create_run_request__unpack(nullptr, bytes.size(), Bytes(bytes));
    ASSERT_NE(create, nullptr);
    EXPECT_EQ(create->run->id, id);
    runs__v1__create_run_request__free_unpacked(create, nullptr);
}

TEST(WatchApi, EnrollsAnOrganizationWithWhatItNeeds) {
    struct strbuf b = STRBUF_INIT;
    watch_api_runs.enroll(&b, 12);
    std::string bytes = Taken(&b);
    Runs__V1__CreateTokenRequest *request =
        runs__v1__create_token_request__unpack(nullptr, bytes.size(), Bytes(bytes));
    ASSERT_NE(request, nullptr);
    EXPECT_STREQ(request->organization_id, "watched-000012");
    EXPECT_EQ(request->n_scopes, 3u);
    runs__v1__create_token_request__free_unpacked(request, nullptr);
    EXPECT_TRUE(slice_equal_cstr(
        watch_api_runs.read_token(slice_of_cstr("\x0a\x04rsd_\x12\x02\x0a\x00")), "rsd_"));
}

TEST(WatchApi, ReadsChangesOfRunsd) {
    std::vector<std::pair<uint64_t, int64_t>> events;
    char id[] = "03bb2cc3-d800-7000-8000-00000000002a";
    Runs__V1__RunEvent change = RUNS__V1__RUN_EVENT__INIT;
    change.run_id = id;
    change.revision = 300;
    Runs__V1__WatchRunsResponse message = RUNS__V1__WATCH_RUNS_RESPONSE__INIT;
    message.item_case = RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE;
    message.change = &change;
    std::string bytes(runs__v1__watch_runs_response__get_packed_size(&message), '\0');
    runs__v1__watch_runs_response__pack(&message, reinterpret_cast<uint8_t *>(bytes.data()));
    EXPECT_TRUE(Read(watch_api_runs, bytes, &events));
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0], std::make_pair(UINT64_C(42), INT64_C(300)));
    // A bookmark has none.
    EXPECT_TRUE(Read(watch_api_runs, std::string("\x22\x02\x08\x05", 4), &events));
    EXPECT_TRUE(events.empty());
    // The run of somebody else, and one without a revision.
    EXPECT_FALSE(Read(watch_api_runs, std::string("\x0a\x05\x0a\x01x\x40\x01", 7), &events));
    EXPECT_FALSE(Read(watch_api_runs, std::string("\x0a\x00", 2), &events));
}

TEST(WatchApi, AsksEtcdAsItsProtosSay) {
    const struct watch_api &api = watch_api_etcd;
    EXPECT_EQ(watch_api_find("etcd"), &api);
    EXPECT_EQ(watch_api_find("redis"), nullptr);
    EXPECT_EQ(Watch(api, 5), std::string("\x0a\x16\x0a\x09/g000005/\x12\x09/g000005"
                                         "0"));
    std::string put = Request(api.change, 5, 0x2a);
    EXPECT_EQ(put.substr(0, 23), std::string("\x0a\x15/g000005/00000000002a"));
    EXPECT_EQ(put.substr(23), std::string("\x12\x80\x01") + std::string(128, 'v'));
}

TEST(WatchApi, ReadsAllEventsOfAMessageOfEtcd) {
    std::vector<std::pair<uint64_t, int64_t>> events;
    auto event = [](const std::string &key, const std::string &revision) {
        std::string kv =
            "\x0a" + std::string(1, static_cast<char>(key.size())) + key + "\x18" + revision;
        std::string e = "\x12" + std::string(1, static_cast<char>(kv.size())) + kv;
        return "\x5a" + std::string(1, static_cast<char>(e.size())) + e;
    };
    std::string header("\x0a\x02\x18\x09", 4);
    EXPECT_TRUE(Read(watch_api_etcd,
                     header + event("/g000000/00000000000a", "\x07") +
                         event("/g000000/00000000000b", "\xac\x02"),
                     &events));
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0], std::make_pair(UINT64_C(10), INT64_C(7)));
    EXPECT_EQ(events[1], std::make_pair(UINT64_C(11), INT64_C(300)));
    EXPECT_TRUE(Read(watch_api_etcd, header + std::string("\x18\x01", 2), &events)); // created
    EXPECT_TRUE(events.empty());
    EXPECT_FALSE(Read(watch_api_etcd, header + std::string("\x20\x01", 2), &events)); // canceled
    EXPECT_FALSE(Read(watch_api_etcd, header + event("short", "\x07"), &events));
    EXPECT_FALSE(Read(watch_api_etcd, std::string("\x5a\x09x", 3), &events));
}

} // namespace
