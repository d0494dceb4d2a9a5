#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/http/stream_format.h"
}

namespace {

TEST(StreamFormat, IsChosenByAccept) {
    const struct {
        const char *accept;
        enum stream_format format;
    } rows[] = {
        {"text/event-stream", STREAM_SSE},
        {"Text/Event-Stream", STREAM_SSE},
        {"text/html, text/event-stream;q=0.1, */*", STREAM_SSE},
        {"text/event-stream; charset=utf-8; q=0.5", STREAM_SSE},
        {"text/event-stream, application/json", STREAM_SSE},
        {"application/x-ndjson;q=0.4, text/event-stream;q=0.5", STREAM_SSE},
        {"text/event-stream;q=0.4, application/x-ndjson;q=0.5", STREAM_NDJSON},
        {"text/event-stream;q=0.9, application/json", STREAM_NDJSON},
        {"text/event-stream;q=0", STREAM_NDJSON},
        {"text/event-stream;q=2", STREAM_NDJSON},
        {"text/event-streams", STREAM_NDJSON},
        {"application/x-ndjson", STREAM_NDJSON},
        {"application/json", STREAM_NDJSON},
        {"image/png", STREAM_NDJSON},
        {"*/*", STREAM_NDJSON},
        {"", STREAM_NDJSON},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.accept);
        Headers headers = {{"accept", row.accept}};
        EXPECT_EQ(stream_format_choose(headers, false), row.format);
    }
    EXPECT_EQ(stream_format_choose(Headers{}, false), STREAM_NDJSON);
    EXPECT_EQ(
        stream_format_choose(Headers{{"Accept", "a/b"}, {"Accept", "text/event-stream"}}, false),
        STREAM_SSE);
}

TEST(StreamFormat, IsAnArrayIfThatIsTheGatewaysChoice) {
    const struct {
        const char *accept;
        enum stream_format format;
    } rows[] = {
        {"*/*", STREAM_ARRAY},
        {"application/json", STREAM_ARRAY},
        {"application/json, application/x-ndjson;q=0.9", STREAM_ARRAY},
        {"application/x-ndjson", STREAM_NDJSON},
        {"application/json, application/x-ndjson", STREAM_NDJSON},
        {"application/json;q=0.5, text/event-stream", STREAM_SSE},
        {"application/json, text/event-stream;q=0.5", STREAM_ARRAY},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.accept);
        EXPECT_EQ(stream_format_choose(Headers{{"accept", row.accept}}, true), row.format);
    }
    EXPECT_EQ(stream_format_choose(Headers{}, true), STREAM_ARRAY);
}

// A stream of so many objects, the last of which may be an error.
std::string Framed(enum stream_format format, int count, bool fails, const std::string &id = "") {
    struct strbuf out = STRBUF_INIT;
    stream_format_open(format, &out);
    for (int i = 0; i < count; i++) {
        const struct stream_object object = {i == 0, fails && i == count - 1,
                                             slice_of(id.data(), id.size())};
        stream_format_begin(format, &object, &out);
        strbuf_append_cstr(&out, "{}");
        stream_format_end(format, &out);
        stream_format_heartbeat(format, &out);
    }
    stream_format_close(format, &out);
    std::string text(reinterpret_cast<const char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

TEST(StreamFormat, StandsAroundObjects) {
    EXPECT_EQ(Framed(STREAM_NDJSON, 1, false), "{}\n\n");
    EXPECT_EQ(Framed(STREAM_NDJSON, 1, true), "{}\n\n");
    EXPECT_EQ(Framed(STREAM_ARRAY, 0, false), "[]\n");
    EXPECT_EQ(Framed(STREAM_ARRAY, 1, false), "[{}\n\n]\n");
    EXPECT_EQ(Framed(STREAM_ARRAY, 2, true), "[{}\n\n,{}\n\n]\n");
    EXPECT_EQ(Framed(STREAM_SSE, 0, false), "retry: 1000\n\n");
    EXPECT_EQ(Framed(STREAM_SSE, 1, false), "retry: 1000\n\ndata: {}\n\n: heartbeat\n\n");
    EXPECT_EQ(Framed(STREAM_SSE, 1, true),
              "retry: 1000\n\nevent: stream-error\ndata: {}\n\n: heartbeat\n\n");
    EXPECT_STREQ(stream_format_content_type(STREAM_NDJSON), "application/x-ndjson");
    EXPECT_STREQ(stream_format_content_type(STREAM_ARRAY), "application/json");
    EXPECT_STREQ(stream_format_content_type(STREAM_SSE), "text/event-stream");
}

TEST(StreamFormat, AnEventHasItsIdUnlessThatWouldBreakTheLine) {
    const std::string none = "retry: 1000\n\ndata: {}\n\n: heartbeat\n\n";
    EXPECT_EQ(Framed(STREAM_SSE, 1, false, "a:7 "),
              "retry: 1000\n\nid: a:7 \ndata: {}\n\n: heartbeat\n\n");
    EXPECT_EQ(Framed(STREAM_SSE, 1, false, "7\ndata: forged"), none);
    EXPECT_EQ(Framed(STREAM_SSE, 1, false, "7\r"), none);
    EXPECT_EQ(Framed(STREAM_SSE, 1, false, std::string("7\0", 2)), none);
    EXPECT_EQ(Framed(STREAM_NDJSON, 1, false, "7"), "{}\n\n");
}

} // namespace
