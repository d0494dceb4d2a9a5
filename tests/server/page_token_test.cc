#include <gtest/gtest.h>

#include "tests/server/wire_builder.h"

extern "C" {
#include "base/core/base64.h"
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

std::string Make(const Secret &secret, const std::string &filters, int64_t at,
                 const std::string &id) {
    TestArena a;
    store_cursor cursor = {at, SliceOfString(id)};
    return page_token_make(a.get(), secret.data(), SliceOfString(filters), &cursor);
}

bool Open(const Secret &secret, const std::string &filters, const std::string &token,
          int64_t *ret_at = nullptr, std::string *ret_id = nullptr) {
    TestArena a;
    store_cursor cursor = {};
    if (!page_token_open(a.get(), secret.data(), SliceOfString(filters), token.c_str(), &cursor)) {
        return false;
    }
    if (ret_at != nullptr) {
        *ret_at = cursor.started_at_us;
        ret_id->assign(reinterpret_cast<const char *>(cursor.id.data), cursor.id.len);
    }
    return true;
}

const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

TEST(PageToken, GivesBackTheCursorAsUrlSafeText) {
    const Secret secret = SecretOf(1);
    for (int64_t at : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'700'000'000'000'000},
                       INT64_MIN, INT64_MAX}) {
        for (size_t n = 1; n <= 128; n++) {
            const std::string id(n, 'x');
            const std::string token = Make(secret, "filters", at, id);
            EXPECT_EQ(std::string::npos, token.find_first_not_of(url_safe)) << token;
            int64_t got_at = 7;
            std::string got_id;
            ASSERT_TRUE(Open(secret, "filters", token, &got_at, &got_id));
            EXPECT_EQ(at, got_at);
            EXPECT_EQ(id, got_id);
        }
    }
}

TEST(PageToken, EveryChangedCharacterIsRefused) {
    const Secret secret = SecretOf(1);
    for (const char *id : {"a", "ab", "abc", "run-1"}) { // all remainders of base 64
        const std::string token = Make(secret, "filters", 1'700'000'000'000'000, id);
        for (size_t i = 0; i < token.size(); i++) {
            for (int c = 1; c < 256; c++) {
                std::string changed = token;
                changed[i] = static_cast<char>(c);
                EXPECT_EQ(changed == token, Open(secret, "filters", changed)) << i << " " << c;
            }
        }
    }
}

TEST(PageToken, EveryFlippedBitOfItsBytesIsRefused) {
    const Secret secret = SecretOf(1);
    const std::string token = Make(secret, "f", 42, "abc");
    std::vector<uint8_t> bytes(token.size());
    size_t size = 0;
    ASSERT_TRUE(base64_decode(SliceOfString(token), bytes.data(), &size));
    ASSERT_EQ(1u + 8 + 3 + 16, size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        auto changed = bytes;
        changed[bit / 8] = static_cast<uint8_t>(changed[bit / 8] ^ 1u << bit % 8);
        std::vector<uint8_t> text(base64_encoded_size(size));
        base64_encode(slice_of(changed.data(), size), text.data());
        std::string url(text.begin(), text.end());
        url.erase(url.find_last_not_of('=') + 1);
        for (char &c : url) {
            c = c == '+' ? '-' : c == '/' ? '_' : c;
        }
        EXPECT_FALSE(Open(secret, "f", url)) << bit;
    }
}

TEST(PageToken, OtherLengthsAndSpellingsAreRefused) {
    const Secret secret = SecretOf(1);
    const std::string token = Make(secret, "f", 42, "abc");
    for (size_t n = 0; n < token.size(); n++) {
        EXPECT_FALSE(Open(secret, "f", token.substr(0, n))) << n;
    }
    for (const char *more : {"A", "=", "==", "AAAA", " ", "\n"}) {
        EXPECT_FALSE(Open(secret, "f", token + more)) << more;
    }
    for (const std::string &garbage :
         {std::string("x"), std::string("garbage"), std::string(33, 'A'), std::string(34, 'A'),
          std::string(100'000, 'x'), std::string(1024, 'A'), std::string("\xFF\xFE")}) {
        EXPECT_FALSE(Open(secret, "f", garbage)) << garbage.size();
    }
    // The standard alphabet decodes to the same bytes, and is another spelling.
    bool tried = false;
    for (int64_t at = 0; at < 1000 && !tried; at++) {
        std::string other = Make(secret, "f", at, "abc");
        size_t i = other.find_first_of("-_");
        if (i != std::string::npos) {
            other[i] = other[i] == '-' ? '+' : '/';
            EXPECT_FALSE(Open(secret, "f", other));
            tried = true;
        }
    }
    EXPECT_TRUE(tried);
}

TEST(PageToken, IsGoodForItsSecretAndFiltersAlone) {
    const Secret secret = SecretOf(1);
    const std::string token = Make(secret, "filters", 42, "abc");
    EXPECT_TRUE(Open(secret, "filters", token));
    for (const char *filters : {"", "filter", "filterss", "Filters", "c"}) {
        EXPECT_FALSE(Open(secret, filters, token)) << filters;
    }
    for (size_t i = 0; i < STORE_SECRET_BYTES; i++) {
        Secret other = secret;
        other[i] ^= 1;
        EXPECT_FALSE(Open(other, "filters", token)) << i;
    }
    EXPECT_TRUE(Open(secret, "", Make(secret, "", 42, "abc"))) << "no filters are some, too";
}

// "a" with the filters "bc" and "ab" with "c" are one text if they are merely joined.
TEST(PageToken, TheSignatureOfOneCursorDoesNotFitALongerOne) {
    const Secret secret = SecretOf(1);
    const std::string token = Make(secret, "bc", 42, "a");
    std::vector<uint8_t> bytes(token.size() + 1);
    size_t size = 0;
    ASSERT_TRUE(base64_decode(SliceOfString(token), bytes.data(), &size));
    bytes.resize(size);
    bytes.insert(bytes.begin() + 1 + 8 + 1, 'b');
    ASSERT_EQ(0u, bytes.size() % 3) << "no padding";
    std::vector<uint8_t> text(base64_encoded_size(bytes.size()));
    base64_encode(slice_of(bytes.data(), bytes.size()), text.data());
    std::string forged(text.begin(), text.end());
    for (char &c : forged) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    EXPECT_FALSE(Open(secret, "c", forged));
}

} // namespace
