// Every file of the corpus through its fuzz target, without a fuzzer: what once
// crashed stays mended.

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

namespace {

class ReplayTest : public testing::TestWithParam<FuzzTarget> {};

TEST_P(ReplayTest, TakesEveryInputOfTheCorpus) {
    const FuzzTarget &target = GetParam();
    std::string folder = std::string("tests/fuzz/corpus/") + target.name;
    std::vector<std::string> files;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    EXPECT_GE(files.size(), 5u);
    for (const std::string &file : files) {
        SCOPED_TRACE(file);
        std::string bytes = fuzz::ReadFile(file);
        // In memory of just their size, and every prefix of what is short.
        bool prefixes = bytes.size() <= 512 && target.run != FuzzGateway;
        size_t shortest = prefixes ? 0 : bytes.size();
        for (size_t n = shortest; n <= bytes.size(); n++) {
            std::vector<uint8_t> exact(bytes.begin(), bytes.begin() + static_cast<long>(n));
            target.run(exact.data(), exact.size());
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, ReplayTest, testing::ValuesIn(kFuzzTargets),
                         [](const auto &info) { return info.param.name; });

} // namespace
