#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/idempotency_key.h"
}

// What the header Idempotency-Key says.

namespace {

// The key; "(none)", or the message of the error.
std::string Read(struct http_headers headers) {
    Arena a;
    bool is_given = false;
    struct slice key = SLICE_EMPTY;
    const struct error *error = idempotency_key_read(a, headers, &is_given, &key);
    if (error != nullptr) {
        EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
        EXPECT_EQ(error->reason_id, REASON_HEADER_INVALID);
        EXPECT_STREQ(error->domain, REASON_DOMAIN_GATEWAY);
        return error->message;
    }
    return is_given ? Str(key) : "(none)";
}

TEST(IdempotencyKey, IsAStringOrTheKeyAsItIs) {
    const struct {
        const char *value, *key;
    } rows[] = {
        {"\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
        {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
        {"\"a b\"", "a b"},
        {"a b", "a b"},
        {"\"say \\\"hi\\\" \\\\o/\"", "say \"hi\" \\o/"},
        {"\" x \"", " x "}, // what a key may be says the method
        {"  x\t", "x"},     // around a header's value there is no meaning
        {"a\\b", "a\\b"},   // escapes are a string's
        {"a\"b\"", "a\"b\""},
        {"k=1;p=2,3", "k=1;p=2,3"},
        {"?1", "?1"}, // of RFC 8941 only strings have a meaning here
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Read(Headers{{"Idempotency-Key", row.value}}), row.key);
        EXPECT_EQ(Read(Headers{{"a", "b"}, {"IDEMPOTENCY-KEY", row.value}}), row.key);
    }
    EXPECT_EQ(Read(Headers{}), "(none)");
    EXPECT_EQ(Read(Headers{{"idempotency-keys", "x"}}), "(none)");
}

TEST(IdempotencyKey, IsRefusedWhereItIsNoKey) {
    const char printable[] = "the header \"Idempotency-Key\" must be printable ASCII";
    const char empty[] = "the header \"Idempotency-Key\" is empty";
    const char string[] = "the header \"Idempotency-Key\" begins with a quote, but is no string of "
                          "RFC 8941: \"...\" alone, with \\\" and \\\\ for quotes and backslashes";
    const struct {
        std::string value;
        const char *message;
    } rows[] = {
        {"", empty},
        {" \t ", empty},
        {"\"\"", empty},
        {"\"", string},
        {"\"a", string},
        {"\"a\\", string},
        {"\"a\\\"", string},
        {"\"a\\b\"", string},
        {"\"a\" b", string},
        {"\"a\", \"b\"", string}, // two headers that a proxy has joined
        {"\"a\";p=1", string},
        {"\"a\"\"", string},
        {"caf\xC3\xA9", printable},
        {"\"caf\xC3\xA9\"", printable},
        {"a\tb", printable},
        {std::string("a\0b", 3), printable},
        {"\x7F", printable},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Read(Headers{{"Idempotency-Key", row.value}}), row.message) << row.value;
    }
}

TEST(IdempotencyKey, IsThereOnce) {
    const char twice[] = "the header \"Idempotency-Key\" is there more than once";
    EXPECT_EQ(Read(Headers{{"Idempotency-Key", "a"}, {"idempotency-key", "a"}}), twice);
    EXPECT_EQ(Read(Headers{{"Idempotency-Key", "a"}, {"b", "c"}, {"Idempotency-Key", ""}}), twice);
}

} // namespace
