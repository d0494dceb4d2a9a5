#include <google/protobuf/descriptor.pb.h>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/transcode/http_body.h"
#include "gateway/transcode/transcoder.h"
}

namespace {

using google::protobuf::FieldDescriptorProto;

void AddField(google::protobuf::DescriptorProto *m, const char *name,
              FieldDescriptorProto::Type type, const char *type_name = "") {
    auto *f = m->add_field();
    f->set_name(name);
    f->set_number(m->field_size());
    f->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    f->set_type(type);
    if (type == FieldDescriptorProto::TYPE_MESSAGE) {
        f->set_type_name(type_name);
    }
}

std::string Bytes(uint32_t field, const std::string &value) {
    Buffer b;
    wire_put_bytes(b, field, S(value));
    return b.str();
}

// google.api.HttpBody, and files.v1.File with one as its second field.
class HttpBodyTest : public ::testing::Test {
  protected:
    void SetUp() override {
        google::protobuf::FileDescriptorSet set;
        auto *api = set.add_file();
        api->set_name("google/api/httpbody.proto");
        api->set_package("google.api");
        api->set_syntax("proto3");
        auto *body = api->add_message_type();
        body->set_name("HttpBody");
        AddField(body, "content_type", FieldDescriptorProto::TYPE_STRING);
        AddField(body, "data", FieldDescriptorProto::TYPE_BYTES);
        auto *file = set.add_file();
        file->set_name("files.proto");
        file->set_package("files.v1");
        file->set_syntax("proto3");
        file->add_dependency("google/api/httpbody.proto");
        auto *m = file->add_message_type();
        m->set_name("File");
        AddField(m, "name", FieldDescriptorProto::TYPE_STRING);
        AddField(m, "content", FieldDescriptorProto::TYPE_MESSAGE, ".google.api.HttpBody");
        auto *service = file->add_service();
        service->set_name("Files");
        AddMethod(service, "Whole", ".google.api.HttpBody", Bytes(4, "/whole") + Bytes(7, "*"));
        AddMethod(service, "Part", ".files.v1.File",
                  Bytes(3, "/part/{name}") + Bytes(7, "content") + Bytes(12, "content"));
        AddMethod(service, "Json", ".files.v1.File", Bytes(4, "/json") + Bytes(7, "*"));
        std::string bytes = set.SerializeAsString();
        struct slice slice = S(bytes);
        const struct error *e = transcoder_new(a, &slice, 1, nullptr, &t);
        ASSERT_EQ(e, nullptr) << e->message;
    }
    void TearDown() override {
        transcoder_free(t);
    }

    static void AddMethod(google::protobuf::ServiceDescriptorProto *service, const char *name,
                          const char *type, const std::string &rule) {
        auto *m = service->add_method();
        m->set_name(name);
        m->set_input_type(type);
        m->set_output_type(type);
        m->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(72295728, rule);
    }

    const struct transcoder_match *Match(const char *verb, const char *path) {
        const struct error *e = transcoder_match_route(t, a, S(verb), S(path), &match);
        EXPECT_EQ(e, nullptr) << e->message;
        return &match;
    }

    // The request message, or "REASON field: description".
    std::string Request(const char *verb, const char *path, const char *query,
                        const std::string &type, const std::string &body) {
        Exact content_type(type), bytes(body);
        const struct transcoder_request request = {S(query), bytes, content_type};
        struct slice message;
        const struct error *e =
            transcoder_encode_request(t, a, Match(verb, path), &request, &message);
        return e == nullptr ? Str(message) : std::string(e->reason) + " " + Violation(e);
    }

    // "type|data", or "REASON detail".
    std::string Reply(const char *verb, const char *path, const std::string &message) {
        Exact bytes(message);
        struct slice type, data;
        const struct error *e =
            transcoder_read_http_body(t, a, Match(verb, path)->route, bytes, &type, &data);
        return e == nullptr ? Str(type) + "|" + Str(data)
                            : std::string(e->reason) + " " + e->detail;
    }

    Arena a;
    struct transcoder_match match;
    struct transcoder *t = nullptr;
};

TEST_F(HttpBodyTest, RoutesKnowWhetherTheyTakeAndReturnOne) {
    const struct {
        const char *verb, *path;
        bool http_body;
    } rows[] = {{"POST", "/whole", true}, {"PUT", "/part/x", true}, {"POST", "/json", false}};
    for (const auto &row : rows) {
        const struct transcoder_route *route = Match(row.verb, row.path)->route;
        EXPECT_EQ(transcoder_route_takes_http_body(route), row.http_body) << row.path;
        EXPECT_EQ(transcoder_route_returns_http_body(route), row.http_body) << row.path;
    }
}

TEST_F(HttpBodyTest, ARequestsBytesGoInAsTheyAre) {
    const std::string binary("\x00\xFF{\"a\":", 7);
    EXPECT_EQ(Request("POST", "/whole", "", "image/png", binary),
              Bytes(1, "image/png") + Bytes(2, binary));
    EXPECT_EQ(Request("POST", "/whole", "", "", "x"), Bytes(2, "x"));
    EXPECT_EQ(Request("POST", "/whole", "", "image/png", ""), "");
    EXPECT_EQ(Request("PUT", "/part/n", "", "text/plain", "x"),
              Bytes(2, Bytes(1, "text/plain") + Bytes(2, "x")) + Bytes(1, "n"));
    EXPECT_EQ(Request("PUT", "/part/n", "", "text/plain", ""), Bytes(1, "n"));
    // Of a route whose request is none, the body is JSON, whatever it says it is.
    EXPECT_EQ(Request("POST", "/json", "", "text/plain", R"({"content":{"data":"eA"}})"),
              Bytes(2, Bytes(2, "x")));
}

TEST_F(HttpBodyTest, WhatCannotGoInIsRefused) {
    EXPECT_EQ(Request("POST", "/whole", "", "text/\xFF", "x"),
              "BODY_INVALID content-type: it is no valid UTF-8");
    EXPECT_EQ(Request("POST", "/whole", "data=eA", "text/plain", "x"),
              "QUERY_INVALID data: this method takes no query parameters; its fields stand in the "
              "body");
    EXPECT_EQ(Request("PUT", "/part/n", "content.data=eA", "text/plain", "x"),
              "QUERY_INVALID content.data: the body gives it");
    EXPECT_EQ(Request("PUT", "/part/n", "name=m", "text/plain", "x"),
              "QUERY_INVALID name: the path gives it already");
}

TEST_F(HttpBodyTest, ARepliesBytesComeOutAsTheyAre) {
    const std::string body = Bytes(1, "text/plain") + Bytes(2, "a\xFF");
    const struct {
        const char *verb, *path;
        std::string message, expected;
    } rows[] = {
        {"POST", "/whole", body, "text/plain|a\xFF"},
        {"POST", "/whole", "", "|"},
        {"POST", "/whole", body + Bytes(2, "last"), "text/plain|last"},
        {"POST", "/whole", Bytes(9, "unknown") + body, "text/plain|a\xFF"},
        {"PUT", "/part/x", Bytes(1, "name") + Bytes(2, body), "text/plain|a\xFF"},
        {"PUT", "/part/x", Bytes(1, "name"), "|"},
        // A field that stands twice is merged.
        {"PUT", "/part/x", Bytes(2, body) + Bytes(2, Bytes(2, "b")), "text/plain|b"},
        {"POST", "/whole", "\x0A\x05hi",
         "RESPONSE_MALFORMED /files.v1.Files/Whole: reply of 4 bytes as google.api.HttpBody: the "
         "google.api.HttpBody is malformed"},
        {"POST", "/whole", Bytes(1, "\xFF"),
         "RESPONSE_MALFORMED /files.v1.Files/Whole: reply of 3 bytes as google.api.HttpBody: the "
         "google.api.HttpBody is malformed"},
        {"PUT", "/part/x", Bytes(2, "\x12\x05h"),
         "RESPONSE_MALFORMED /files.v1.Files/Part: reply of 5 bytes as files.v1.File: the "
         "google.api.HttpBody is malformed"},
        {"PUT", "/part/x", "\x12\x05h",
         "RESPONSE_MALFORMED /files.v1.Files/Part: reply of 3 bytes as files.v1.File: the "
         "google.api.HttpBody is malformed"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Reply(row.verb, row.path, row.message), row.expected);
    }
}

TEST_F(HttpBodyTest, EveryCutIsReadOrRefused) {
    const std::string message = Bytes(2, Bytes(1, "text/plain") + Bytes(2, "data"));
    for (size_t n = 1; n < message.size(); n++) {
        EXPECT_EQ(Reply("PUT", "/part/x", message.substr(0, n)).find("RESPONSE_MALFORMED"), 0u)
            << n;
    }
}

TEST_F(HttpBodyTest, AMessageOfANamedTypeIsWrittenAsJson) {
    const struct {
        const char *type;
        std::string message;
        const char *json; // NULL: refused
    } rows[] = {
        {"files.v1.File", Bytes(1, "n") + Bytes(2, Bytes(2, "x")),
         R"({"name":"n","content":{"data":"eA=="}})"},
        {"google.api.HttpBody", Bytes(1, "t"), R"({"contentType":"t"})"},
        {"files.v1.File", "", "{}"},
        {"files.v1.Nope", "", nullptr},
        {".files.v1.File", "", nullptr},
        {"", "", nullptr},
        {"files.v1.File", "\x0A\x05h", nullptr},
        {"files.v1.File", Bytes(1, "\xFF"), nullptr},
    };
    for (const auto &row : rows) {
        Buffer out;
        strbuf_append_cstr(out, "kept");
        bool ok = transcoder_message_json(t, a, S(row.type), S(row.message), out);
        EXPECT_EQ(ok, row.json != nullptr) << row.type;
        EXPECT_EQ(out.str(), std::string("kept") + (ok ? row.json : "")) << row.type;
    }
}

} // namespace
