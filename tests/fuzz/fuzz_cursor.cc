#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "server/domain/feed_cursor.h"
#include "server/domain/page_token.h"
}

// Page tokens and cursors of the feed. Behind "t" is a text that a client sends, which is taken
// only if it is what we make; behind "b" are bytes to be signed, so that what is behind the
// signature is read, too.

namespace {

constexpr uint64_t kEpoch = 7;
constexpr size_t kLongestText = 2048;
// Hours are not enough to guess it.
const uint8_t kSecret[SIGNED_TEXT_SECRET_BYTES] = {'s', 'e', 'c', 'r', 'e', 't'};
const uint8_t kOtherSecret[SIGNED_TEXT_SECRET_BYTES] = {'o', 't', 'h', 'e', 'r'};

// What is taken is spelled as we spell it. Returns whether either took it.
bool Open(const std::string &text) {
    fuzz::Arena a;
    const struct slice context = slice_of_cstr("acme");
    struct store_cursor cursor = {};
    bool is_token = page_token_open(a, kSecret, context, text.c_str(), &cursor);
    if (is_token) {
        FUZZ_CHECK(text == page_token_make(a, kSecret, context, &cursor), "another spelling");
    }
    int64_t revision = 0;
    enum feed_cursor_standing standing =
        feed_cursor_open(a, kSecret, context, kEpoch, text.c_str(), &revision);
    if (standing == FEED_CURSOR_GOOD) {
        FUZZ_CHECK(text == feed_cursor_make(a, kSecret, context, {kEpoch, revision}),
                   "another spelling");
    }
    FUZZ_CHECK(standing == FEED_CURSOR_FORGED || text.size() == FEED_CURSOR_LENGTH,
               "of another length");
    FUZZ_CHECK(!is_token || standing == FEED_CURSOR_FORGED, "of two kinds");
    return is_token || standing != FEED_CURSOR_FORGED;
}

void CheckSigned(struct slice body) {
    fuzz::Arena a;
    const struct slice context = slice_of_cstr("acme");
    const std::string text = signed_text_make(a, kSecret, context, body);
    struct slice read = SLICE_EMPTY;
    bool fits = body.len > 0 && text.size() <= kLongestText;
    FUZZ_CHECK(signed_text_open(a, kSecret, context, fuzz::S(text), &read) == fits,
               "%zu characters", text.size());
    FUZZ_CHECK(!fits || slice_equal(read, body), "other bytes");
    Open(text);
    // One that is changed, of another context or of another secret is none.
    std::string changed = text;
    size_t at = (body.len * 31 + (body.len > 0 ? body.data[0] : 0)) % text.size();
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    FUZZ_CHECK(!signed_text_open(a, kSecret, context, fuzz::S(changed), &read), "changed at %zu",
               at);
    FUZZ_CHECK(!Open(changed) && !Open(text + "A") && !Open(text.substr(1)), "forged");
    FUZZ_CHECK(!signed_text_open(a, kSecret, slice_of_cstr("acm"), fuzz::S(text), &read),
               "context");
    FUZZ_CHECK(!signed_text_open(a, kOtherSecret, context, fuzz::S(text), &read), "secret");
}

} // namespace

void FuzzCursor(const uint8_t *data, size_t size) {
    if (size == 0) {
        return;
    }
    const std::string rest(reinterpret_cast<const char *>(data) + 1, size - 1);
    if (data[0] == 't') {
        Open(rest.c_str());
    } else if (data[0] == 'b') {
        CheckSigned(fuzz::S(rest));
    }
}
