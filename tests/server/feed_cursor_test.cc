#include <gtest/gtest.h>
#include <random>

#include "tests/server/wire_builder.h"

extern "C" {
#include "base/core/base64.h"
#include "server/domain/feed_cursor.h"
#include "server/domain/page_token.h"
}

namespace {

using Secret = std::vector<uint8_t>;

Secret SecretOf(uint8_t first) {
    Secret secret(STORE_SECRET_BYTES);
    for (size_t i = 0; i < secret.size(); i++) {
        secret[i] = static_cast<uint8_t>(first + i);
    }
    return secret;
}

const uint64_t kEpoch = 0x0123456789abcdef;

std::string Make(const Secret &secret, const std::string &organization, uint64_t epoch,
                 int64_t revision) {
    TestArena a;
    return feed_cursor_make(a.get(), secret.data(), SliceOfString(organization), {epoch, revision});
}

// The revision; -1: forged, -2: of another epoch.
int64_t Open(const Secret &secret, const std::string &organization, uint64_t epoch,
             const std::string &text) {
    TestArena a;
    int64_t revision = -7;
    switch (feed_cursor_open(a.get(), secret.data(), SliceOfString(organization), epoch,
                             text.c_str(), &revision)) {
    case FEED_CURSOR_FORGED:
        EXPECT_EQ(-7, revision);
        return -1;
    case FEED_CURSOR_OTHER_EPOCH:
        EXPECT_EQ(-7, revision);
        return -2;
    case FEED_CURSOR_GOOD:
        break;
    }
    return revision;
}

const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

TEST(FeedCursor, GivesBackTheRevisionAsUrlSafeTextOfOneLength) {
    const Secret secret = SecretOf(1);
    for (int64_t revision :
         {int64_t{0}, int64_t{1}, int64_t{255}, int64_t{256}, int64_t{1} << 40, INT64_MAX}) {
        for (const char *organization : {"a", "acme", "an-organization-of-a-longer-name"}) {
            const std::string text = Make(secret, organization, kEpoch, revision);
            EXPECT_EQ(size_t{FEED_CURSOR_LENGTH}, text.size());
            EXPECT_EQ(std::string::npos, text.find_first_not_of(url_safe)) << text;
            EXPECT_EQ(revision, Open(secret, organization, kEpoch, text));
        }
    }
}

TEST(FeedCursor, EveryChangedCharacterIsForged) {
    const Secret secret = SecretOf(1);
    const std::string text = Make(secret, "acme", kEpoch, 8112);
    for (size_t i = 0; i < text.size(); i++) {
        for (int c = 1; c < 256; c++) {
            std::string changed = text;
            changed[i] = static_cast<char>(c);
            EXPECT_EQ(changed == text ? 8112 : -1, Open(secret, "acme", kEpoch, changed))
                << i << " " << c;
        }
    }
}

// Mutations of several places: cut, doubled, joined, swapped, and characters replaced.
TEST(FeedCursor, NoMutationOpens) {
    const Secret secret = SecretOf(1);
    std::mt19937_64 random(20261130);
    for (int round = 0; round < 20'000; round++) {
        const std::string one = Make(secret, "acme", kEpoch, static_cast<int64_t>(random() >> 1));
        const std::string other = Make(secret, "acme", kEpoch, static_cast<int64_t>(random() >> 1));
        std::string changed = one;
        for (uint64_t steps = 1 + random() % 4; steps > 0; steps--) {
            size_t at = changed.empty() ? 0 : random() % changed.size();
            switch (random() % 5) {
            case 0:
                changed = changed.substr(0, at);
                break;
            case 1:
                changed.insert(at, 1, url_safe[random() % 64]);
                break;
            case 2:
                changed = changed.substr(0, at) + other.substr(std::min(at, other.size()));
                break;
            case 3:
                if (!changed.empty()) {
                    changed[at] = url_safe[random() % 64];
                }
                break;
            default:
                changed += changed;
            }
        }
        if (changed != one && changed != other) {
            EXPECT_EQ(-1, Open(secret, "acme", kEpoch, changed)) << changed;
        }
    }
}

TEST(FeedCursor, OtherSpellingsAreForged) {
    const Secret secret = SecretOf(1);
    bool tried = false;
    for (int64_t revision = 0; revision < 1000; revision++) {
        std::string text = Make(secret, "acme", kEpoch, revision);
        for (const char *more : {"A", "=", "==", " ", "\n"}) {
            EXPECT_EQ(-1, Open(secret, "acme", kEpoch, text + more));
        }
        size_t i = text.find_first_of("-_");
        if (i != std::string::npos) { // the standard alphabet decodes to the same bytes
            text[i] = text[i] == '-' ? '+' : '/';
            EXPECT_EQ(-1, Open(secret, "acme", kEpoch, text));
            tried = true;
        }
    }
    EXPECT_TRUE(tried);
    for (const std::string &garbage : {std::string(), std::string("x"), std::string(44, 'A'),
                                       std::string(100'000, 'A'), std::string("\xFF\xFE")}) {
        EXPECT_EQ(-1, Open(secret, "acme", kEpoch, garbage)) << garbage.size();
    }
}

TEST(FeedCursor, IsGoodForItsSecretOrganizationAndEpochAlone) {
    const Secret secret = SecretOf(1);
    const std::string text = Make(secret, "acme", kEpoch, 42);
    EXPECT_EQ(42, Open(secret, "acme", kEpoch, text));
    for (const char *organization : {"", "acm", "acmee", "Acme", "rival"}) {
        EXPECT_EQ(-1, Open(secret, organization, kEpoch, text)) << organization;
    }
    EXPECT_EQ(-1, Open(SecretOf(2), "acme", kEpoch, text));
    for (uint64_t epoch : {uint64_t{1}, kEpoch + 1, ~kEpoch}) {
        EXPECT_EQ(-2, Open(secret, "acme", epoch, text)) << epoch;
        // Forged comes first: who has no cursor of ours learns nothing of epochs.
        EXPECT_EQ(-1, Open(secret, "rival", epoch, text)) << epoch;
    }
}

// Both are signed with the store's secret.
TEST(FeedCursor, NeitherPassesForAPageTokenNorTheOtherWayRound) {
    const Secret secret = SecretOf(1);
    TestArena a;
    struct store_cursor place = {static_cast<int64_t>(kEpoch), slice_of_cstr("12345678")};
    const std::string token =
        page_token_make(a.get(), secret.data(), slice_of_cstr("acme"), &place);
    EXPECT_EQ(size_t{FEED_CURSOR_LENGTH}, token.size()) << "as long as a cursor is";
    EXPECT_EQ(-1, Open(secret, "acme", kEpoch, token));
    const std::string cursor = Make(secret, "acme", kEpoch, 42);
    EXPECT_FALSE(
        page_token_open(a.get(), secret.data(), slice_of_cstr("acme"), cursor.c_str(), &place));
}

} // namespace
