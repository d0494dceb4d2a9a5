#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "base/core/http_token.h"
#include "gateway/edge/head_layout.h"
#include "gateway/edge/request_head.h"
}

// The checks of an HTTP request's head. The bytes are split as laxly as
// libmicrohttpd does; what both checks let pass must have been spelled strictly.

namespace {

// The head as it was sent, or "" if a part holds what no part may.
std::string Strict(const struct request_head &head, struct slice version) {
    std::string text =
        fuzz::Str(head.method) + " " + fuzz::Str(head.target) + " " + fuzz::Str(version) + "\r\n";
    for (size_t i = 0; i < head.header_count; i++) {
        text += fuzz::Str(head.headers[i].name) + ":" + fuzz::Str(head.headers[i].value) + "\r\n";
    }
    return text + "\r\n";
}

// text without the white space behind the colons.
std::string WithoutBlanks(const std::string &text) {
    std::string out;
    bool behind_colon = false, first_line = true;
    for (char c : text) {
        if (behind_colon && (c == ' ' || c == '\t')) {
            continue;
        }
        behind_colon = !first_line && c == ':' && !behind_colon;
        first_line = first_line && c != '\n';
        out += c;
    }
    return out;
}

size_t End(const std::string &s, size_t from, const char *of) {
    return std::min(s.find_first_of(of, from), s.size());
}

} // namespace

void FuzzHead(const uint8_t *data, size_t size) {
    const std::string sent(reinterpret_cast<const char *>(data), size);
    std::string b = sent; // separators are overwritten in it
    std::vector<struct http_header> headers;
    struct head_layout layout = {};
    struct request_head head = {};
    auto part = [&](size_t from, size_t to) { return slice_of(&b[0] + from, to - from); };
    auto cut = [&](size_t at) {
        if (at < b.size()) {
            b[at] = '\0';
        }
    };
    // The request line; several spaces are one separator.
    size_t line_end = End(sent, 0, "\n");
    size_t method_end = End(sent, 0, " \r\n");
    size_t target = std::min(sent.find_first_not_of(' ', method_end), sent.size());
    size_t target_end = End(sent, target, " \r\n");
    size_t version = std::min(sent.find_first_not_of(' ', target_end), sent.size());
    size_t version_end = End(sent, version, "\r\n");
    if (version_end > line_end || target_end > line_end || line_end == size) {
        return;
    }
    layout.method = head.method = part(0, method_end);
    layout.target = head.target = part(target, target_end);
    layout.version = part(version, version_end);
    cut(method_end), cut(target_end), cut(version_end), cut(line_end);
    size_t at = line_end + 1;
    while (at < size && sent[at] != '\n' && sent.compare(at, 2, "\r\n") != 0) {
        size_t end = End(sent, at, "\n");
        size_t colon = std::min(End(sent, at, ":"), end);
        size_t value = std::min(sent.find_first_not_of(" \t", colon + 1), end);
        size_t value_end = end;
        while (value_end > value && sent[value_end - 1] == '\r') {
            value_end--;
        }
        if (colon == end || end == size) {
            return;
        }
        headers.push_back({part(at, colon), part(value, value_end)});
        cut(colon), cut(value_end), cut(end);
        at = end + 1;
    }
    size_t end = End(sent, at, "\n");
    if (end == size) {
        return;
    }
    cut(at), cut(end);
    layout.bytes = part(0, end + 1);
    layout.headers = head.headers = headers.data();
    layout.header_count = head.header_count = headers.size();
    head.http_1_1 = fuzz::Str(layout.version) == "HTTP/1.1";

    fuzz::Arena a;
    static const struct gateway_limits limits = {16384, 1048576, 8192, 100, 60000, 30000, 30000};
    struct request_facts facts = {};
    const struct error *bad_layout = head_layout_check(a, &layout);
    const struct error *bad_head = request_head_check(a, &head, &limits, &facts);
    for (const struct error *e : {bad_layout, bad_head}) {
        if (e != nullptr) {
            FUZZ_CHECK(e->reason != nullptr && e->message[0] != '\0', "no reason");
            // Header names are shown as they came; replies escape what is no UTF-8.
        }
    }
    if (bad_layout != nullptr || bad_head != nullptr) {
        return;
    }
    // A NUL that was sent looks like a separator.
    bool has_nul = sent.substr(0, end + 1).find('\0') != std::string::npos;
    // Trailing blanks of a value are not part of it to us, but to libmicrohttpd.
    FUZZ_CHECK(has_nul || WithoutBlanks(sent.substr(0, end + 1)) ==
                              WithoutBlanks(Strict(head, layout.version)),
               "it was spelled otherwise");
    size_t lengths = 0, codings = 0, hosts = 0;
    for (const struct http_header &h : headers) {
        FUZZ_CHECK(http_token_valid(h.name), "a name that is no token");
        lengths += header_equal(h.name, "content-length");
        codings += header_equal(h.name, "transfer-encoding");
        hosts += header_equal(h.name, "host");
        for (size_t i = 0; i < h.value.len; i++) {
            FUZZ_CHECK(h.value.data[i] != '\0' && h.value.data[i] != '\n' &&
                           h.value.data[i] != '\r',
                       "a value with byte %d", h.value.data[i]);
        }
    }
    FUZZ_CHECK(lengths + codings <= 1, "two framings");
    FUZZ_CHECK(hosts <= 1 && (hosts == 1 || !head.http_1_1), "%zu hosts", hosts);
    FUZZ_CHECK(facts.has_content_length == (lengths == 1), "Content-Length");
    FUZZ_CHECK(facts.content_length <= limits.body_bytes, "a long body");
}
