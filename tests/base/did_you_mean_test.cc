extern "C" {
#include "base/cli/did_you_mean.h"
}

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

// The word that is meant; "" if none is near.
std::string Meant(const std::string &given, const std::vector<std::string> &known) {
    did_you_mean m = {given.data(), given.size(), nullptr, 0};
    for (const auto &word : known) {
        did_you_mean_consider(&m, word.c_str());
    }
    return m.best != nullptr ? m.best : "";
}

TEST(DidYouMean, FindsTheWordThatIsNearest) {
    const std::vector<std::string> words = {"--status", "--since", "--store", "--page-size"};
    EXPECT_EQ("--status", Meant("--statsu", words)); // neighbours exchanged
    EXPECT_EQ("--status", Meant("--stats", words));
    EXPECT_EQ("--status", Meant("--sttatus", words));
    EXPECT_EQ("--store", Meant("--stpre", words));
    EXPECT_EQ("--page-size", Meant("--pagesize", words));
    EXPECT_EQ("--page-size", Meant("--page", words)); // its beginning
    EXPECT_EQ("--status", Meant("-status", words));
}

TEST(DidYouMean, FindsNothingThatIsFar) {
    const std::vector<std::string> words = {"--status", "--org", "list"};
    for (const char *given : {"--output", "", "-", "--", "x", "--force", "lst_", "--st"}) {
        EXPECT_EQ("", Meant(given, words)) << given;
    }
    EXPECT_EQ("", Meant(std::string(500, 'l'), words));
    EXPECT_EQ("", Meant("list", {std::string(500, 'l')}));
}

TEST(DidYouMean, PrefersTheFirstOfEquals) {
    EXPECT_EQ("cat", Meant("bat", {"cat", "hat"}));
    EXPECT_EQ("bats", Meant("bat", {"bats", "cat"}));
}

TEST(DidYouMean, IsNeverTheWordItself) {
    EXPECT_EQ("", Meant("--version", {"--version"}));
}

} // namespace
