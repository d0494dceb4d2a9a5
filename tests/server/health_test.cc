// grpc.health.v1 as it is watched and checked while the status changes.

#include <thread>

#include "tests/rpc/client_stream_fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/open/health_service.h"
#include "server/service/service_call.h"
}

namespace {

const std::string kServing = wire::Uint(1, 1);
const std::string kNotServing = wire::Uint(1, 2);
const std::string kUnknown = wire::Uint(1, 3);

class Health : public testing::Test {
  protected:
    Health() {
        service_.log = &log_;
        health_ = health_service_new(&service_);
        owner_.reset(health_);
        methods_.resize(HEALTH_SERVICE_METHODS);
        health_service_methods(health_, methods_.data());
        server_ = std::make_unique<Server>(loop_.get(), 0, 0, methods_);
        EXPECT_EQ(server_->Listen("unix:" + dir_.Path("socket")), "");
        server_->Start();
        channel_ = std::make_unique<Channel>(client_loop_.get(), "unix:" + dir_.Path("socket"));
    }

    std::unique_ptr<Stream> Watch(const std::string &name) {
        auto stream = std::make_unique<Stream>(*channel_, "/grpc.health.v1.Health/Watch",
                                               name.empty() ? "" : wire::Bytes(1, name));
        stream->ReadAll().Start();
        return stream;
    }

    std::string Check(const std::string &name) {
        Call call(*channel_, "/grpc.health.v1.Health/Check",
                  name.empty() ? "" : wire::Bytes(1, name));
        call.Run();
        return call.code() == STATUS_OK ? call.response() : call.message();
    }

    TempDir dir_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct service service_ = {};
    // Freed after the loop.
    std::unique_ptr<struct health_service, decltype(&health_service_free)> owner_{
        nullptr, health_service_free};
    struct health_service *health_ = nullptr;
    Loop loop_;
    Loop client_loop_;
    std::vector<struct rpc_method> methods_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<Channel> channel_;
};

TEST_F(Health, IsToldAtOnceAndAtEachChange) {
    std::vector<std::string> want = {kNotServing};
    std::vector<std::unique_ptr<Stream>> watches;
    for (const char *name :
         {"", "runs.v1.RunsService", "runs.v1.TokensService", "runs.v1.BulkCancelsService",
          "runs.v1.OrganizationsService", "grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
        watches.push_back(Watch(name));
        ASSERT_TRUE(watches.back()->AwaitMessages(1)) << name;
    }
    for (bool serving : {true, false, true}) {
        health_service_set_serving(health_, serving);
        health_service_set_serving(health_, serving); // no change
        want.push_back(serving ? kServing : kNotServing);
        for (auto &watch : watches) {
            ASSERT_TRUE(watch->AwaitMessages(want.size()));
            EXPECT_EQ(watch->messages(), want);
        }
        EXPECT_EQ(Check(""), want.back());
        EXPECT_EQ(Check("runs.v1.RunsService"), want.back());
    }
    for (auto &watch : watches) {
        EXPECT_FALSE(watch->is_done());
    }
}

TEST_F(Health, OfAnUnknownServiceIsUnknownAndStaysSo) {
    EXPECT_EQ(Check("runs.v1.NoService"), "there is no service \"runs.v1.NoService\"");
    auto unknown = Watch("runs.v1.NoService");
    auto known = Watch("");
    ASSERT_TRUE(unknown->AwaitMessages(1));
    ASSERT_TRUE(known->AwaitMessages(1));
    health_service_set_serving(health_, true);
    ASSERT_TRUE(known->AwaitMessages(2));
    EXPECT_EQ(unknown->messages(), std::vector<std::string>{kUnknown});
    EXPECT_FALSE(unknown->is_done());
}

TEST_F(Health, EndsInTheLatestStatusHoweverFastItChanges) {
    auto watch = Watch("");
    ASSERT_TRUE(watch->AwaitMessages(1));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 2000; i++) {
                health_service_set_serving(health_, i % 2 == 0);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    health_service_set_serving(health_, false);
    size_t before = watch->messages().size();
    health_service_set_serving(health_, true);
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    auto messages = watch->messages();
    while (messages.back() != kServing && clock_monotonic_us() < until_us) {
        watch->AwaitMessages(before++);
        messages = watch->messages();
    }
    EXPECT_EQ(messages.back(), kServing);
    for (size_t i = 1; i < messages.size(); i++) {
        ASSERT_NE(messages[i], messages[i - 1]); // changes only
    }
}

TEST_F(Health, OfAFailedStoreNeverComesBack) {
    health_service_set_serving(health_, true);
    auto watch = Watch("");
    ASSERT_TRUE(watch->AwaitMessages(1));
    health_service_fail(health_);
    ASSERT_TRUE(watch->AwaitMessages(2));
    health_service_set_serving(health_, true);
    EXPECT_EQ(Check(""), kNotServing);
    EXPECT_EQ(watch->messages(), (std::vector<std::string>{kServing, kNotServing}));
}

TEST_F(Health, OfAStoreThatFailsDuringTheStartIsNeverServing) {
    health_service_fail(health_);
    health_service_set_serving(health_, true);
    EXPECT_EQ(Check(""), kNotServing);
}

TEST_F(Health, OfChangesHasANameOfItsOwn) {
    health_service_set_serving(health_, true);
    auto all = Watch("");
    auto changes = Watch("runs.v1.RunsService/changes");
    ASSERT_TRUE(all->AwaitMessages(1));
    ASSERT_TRUE(changes->AwaitMessages(1));
    health_service_set_changes(health_, false);
    ASSERT_TRUE(changes->AwaitMessages(2));
    EXPECT_EQ(Check("runs.v1.RunsService/changes"), kNotServing);
    for (const char *name : {"", "runs.v1.RunsService", "runs.v1.TokensService"}) {
        EXPECT_EQ(Check(name), kServing) << name;
    }
    health_service_set_changes(health_, true);
    ASSERT_TRUE(changes->AwaitMessages(3));
    EXPECT_EQ(Check("runs.v1.RunsService/changes"), kServing);
    // Without reads there is nothing.
    health_service_set_reads(health_, false);
    ASSERT_TRUE(all->AwaitMessages(2));
    ASSERT_TRUE(changes->AwaitMessages(4));
    EXPECT_EQ(Check("runs.v1.RunsService"), kNotServing);
    EXPECT_EQ(Check("runs.v1.RunsService/changes"), kNotServing);
    health_service_set_reads(health_, true);
    ASSERT_TRUE(all->AwaitMessages(3));
    EXPECT_EQ(all->messages(), (std::vector<std::string>{kServing, kNotServing, kServing}));
    ASSERT_TRUE(changes->AwaitMessages(5));
    EXPECT_EQ(changes->messages(),
              (std::vector<std::string>{kServing, kNotServing, kServing, kNotServing, kServing}));
}

TEST_F(Health, NeitherTheStoreNorTheStartAloneMakesItServing) {
    health_service_set_changes(health_, true);
    health_service_set_reads(health_, true);
    EXPECT_EQ(Check(""), kNotServing);
    health_service_set_reads(health_, false);
    health_service_set_serving(health_, true);
    EXPECT_EQ(Check(""), kNotServing);
}

TEST_F(Health, IsWatchedByManyWhoComeAndGo) {
    for (int round = 0; round < 20; round++) {
        std::vector<std::unique_ptr<Stream>> watches;
        for (int i = 0; i < 10; i++) {
            watches.push_back(Watch(""));
        }
        for (auto &watch : watches) {
            ASSERT_TRUE(watch->AwaitMessages(1));
        }
        watches.erase(watches.begin() + 3, watches.begin() + 6);
        health_service_set_serving(health_, round % 2 == 0);
        for (auto &watch : watches) {
            ASSERT_TRUE(watch->AwaitMessages(2));
        }
    }
}

TEST_F(Health, RefusesARequestThatIsNone) {
    Stream stream(*channel_, "/grpc.health.v1.Health/Watch", "\x0A\x05xx");
    stream.ReadAll().Start().Await();
    EXPECT_EQ(stream.code(), STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(stream.reason(), "MESSAGE_MALFORMED");
}

TEST_F(Health, DoesNotHoldUpTheStop) {
    health_service_set_serving(health_, true);
    auto watch = Watch("");
    ASSERT_TRUE(watch->AwaitMessages(1));
    health_service_set_serving(health_, false);
    EXPECT_TRUE(server_->Stop(kPatienceUs / 1000));
    watch->Await();
    EXPECT_EQ(watch->code(), STATUS_UNAVAILABLE);
}

} // namespace
