extern "C" {
#include "base/process/descriptor_limit.h"
}

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr int64_t kReserved = DESCRIPTORS_RESERVED;

class DescriptorLimit : public ::testing::Test {
  protected:
    DescriptorLimit() {
        arena_init(&arena_);
    }
    ~DescriptorLimit() override {
        arena_release(&arena_);
    }
    // Returns the error's message, "" if there was none.
    std::string Fit(int64_t limit, std::vector<struct descriptor_share> *shares) {
        const struct error *error =
            descriptor_limit_fit(&arena_, limit, shares->data(), shares->size());
        EXPECT_TRUE(error == nullptr || error->code == STATUS_INVALID_ARGUMENT);
        return error == nullptr ? "" : error->message;
    }
    struct arena arena_;
};

TEST_F(DescriptorLimit, WhatFitsStays) {
    std::vector<struct descriptor_share> shares = {{"--a", true, 1000}, {"--b", false, 24}};
    EXPECT_EQ("", Fit(kReserved + 1024, &shares));
    EXPECT_EQ(1000, shares[0].connections);
    EXPECT_EQ(24, shares[1].connections);
    EXPECT_EQ("", Fit(INT64_MAX, &shares));
    EXPECT_EQ(1000, shares[0].connections);
}

TEST_F(DescriptorLimit, DefaultsAreLoweredInProportion) {
    std::vector<struct descriptor_share> shares = {{"--a", false, 9000}, {"--b", false, 1000}};
    EXPECT_EQ("", Fit(kReserved + 1002, &shares));
    EXPECT_EQ(901, shares[0].connections);
    EXPECT_EQ(101, shares[1].connections);
}

TEST_F(DescriptorLimit, OnlyDefaultsAreLowered) {
    std::vector<struct descriptor_share> shares = {{"--a", true, 900}, {"--b", false, 1000}};
    EXPECT_EQ("", Fit(kReserved + 1000, &shares));
    EXPECT_EQ(900, shares[0].connections);
    EXPECT_EQ(100, shares[1].connections);
}

TEST_F(DescriptorLimit, EveryDefaultKeepsOne) {
    std::vector<struct descriptor_share> shares = {{"--a", true, 10}, {"--b", false, 1000}};
    EXPECT_EQ("", Fit(kReserved + 11, &shares));
    EXPECT_EQ(1, shares[1].connections);
    std::vector<struct descriptor_share> two = {{"--a", false, 10000}, {"--b", false, 1}};
    EXPECT_EQ("", Fit(kReserved + 2, &two));
    EXPECT_EQ(1, two[0].connections);
    EXPECT_EQ(1, two[1].connections);
}

// For any limit: what comes out fits, and nothing is raised.
TEST_F(DescriptorLimit, NeverMoreThanTheLimit) {
    for (int64_t limit = kReserved + 2; limit < 12000; limit += 7) {
        std::vector<struct descriptor_share> shares = {{"--a", false, 10000}, {"--b", false, 1024}};
        ASSERT_EQ("", Fit(limit, &shares));
        EXPECT_LE(shares[0].connections + shares[1].connections + kReserved, limit);
        EXPECT_LE(shares[0].connections, 10000);
        EXPECT_LE(shares[1].connections, 1024);
        EXPECT_GE(shares[0].connections, 1);
        EXPECT_GE(shares[1].connections, 1);
    }
}

TEST_F(DescriptorLimit, WhatWasGivenAndDoesNotFitIsRefusedByName) {
    std::vector<struct descriptor_share> shares = {{"--a", true, 5000}, {"--b", true, 24}};
    EXPECT_EQ("--a: 5000 is above 952, which is what fits: the limit of open files (ulimit -n) is "
              "1024, 48 are kept for store and logs, 24 for other connections",
              Fit(1024, &shares));
    EXPECT_EQ(5000, shares[0].connections);
    std::vector<struct descriptor_share> one = {{"--a", false, 5000}, {"--b", true, 976}};
    EXPECT_EQ("--b: 976 is above 975, which is what fits: the limit of open files (ulimit -n) is "
              "1024, 48 are kept for store and logs, 1 for other connections",
              Fit(1024, &one));
    one[1].connections = 975;
    EXPECT_EQ("", Fit(1024, &one));
    EXPECT_EQ(1, one[0].connections);
}

TEST_F(DescriptorLimit, ALimitThatIsTooLowIsNamedWithWhatIsNeeded) {
    std::vector<struct descriptor_share> shares = {{"--a", false, 10000}, {"--b", false, 1024}};
    EXPECT_EQ("the limit of open files (ulimit -n) is 49; 48 are kept for store and logs, so it "
              "must be 50 at least",
              Fit(49, &shares));
    std::vector<struct descriptor_share> given = {{"--a", true, 10}, {"--b", false, 1024}};
    EXPECT_EQ("the limit of open files (ulimit -n) is 20; 48 are kept for store and logs, so it "
              "must be 50 at least",
              Fit(20, &given));
}

TEST_F(DescriptorLimit, TellsTheLogWhatWasLowered) {
    struct rlimit before;
    ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
    struct rlimit low = {128, before.rlim_max};
    ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &low));
    EXPECT_EQ(128, descriptor_limit());
    int fds[2];
    ASSERT_EQ(0, pipe(fds));
    struct logger log = {fds[1], LOG_INFO, "test", nullptr};
    struct descriptor_share shares[] = {{"--a", false, 10000}, {"--b", true, 20}};
    EXPECT_EQ(nullptr, descriptor_limit_apply(&arena_, &log, shares, 2));
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(60, shares[0].connections);
    char text[1024] = {0};
    ASSERT_GT(read(fds[0], text, sizeof(text) - 1), 0);
    EXPECT_NE(nullptr, strstr(text, "\"level\":\"warn\"")) << text;
    EXPECT_NE(nullptr, strstr(text, "\"option\":\"--a\",\"default\":10000,\"is\":60,\"limit\":128"))
        << text;
    EXPECT_EQ(nullptr, strstr(text, "--b")) << text;
    close(fds[0]);
    close(fds[1]);
}

} // namespace
