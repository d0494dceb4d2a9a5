#ifndef RUNSD_TESTS_GATEWAY_OPENAPI_DOCUMENT_H
#define RUNSD_TESTS_GATEWAY_OPENAPI_DOCUMENT_H

#include <string>
#include <vector>

#include "tests/gateway/support.h"
#include "tests/gateway/transcode/json_tree.h"

extern "C" {
#include "gateway/openapi/openapi.h"
}

inline std::string ShopSet(const char *kind = "commented") {
    return ReadFile(std::string("tests/gateway/openapi/shop_") + kind + ".binpb");
}

inline struct openapi_options DocumentOptions(enum envelope_kind envelope = ENVELOPE_RUNS) {
    struct openapi_options o = {};
    o.envelope = envelope;
    o.body_bytes = 1000;
    o.url_bytes = 800;
    return o;
}

// The OpenAPI document of a descriptor set, as JSON to look into.
class Document {
  public:
    explicit Document(const std::string &set, struct openapi_options options = DocumentOptions(),
                      bool unbound_methods = false, struct json_options json = {}) {
        struct transcoder_options rules = {};
        rules.ignore_unknown = options.ignore_unknown;
        rules.unbound_methods = unbound_methods;
        rules.json = json;
        const struct slice slices[] = {S(set)};
        struct transcoder *t = nullptr;
        const struct error *e = transcoder_new(a_, slices, 1, &rules, &t);
        EXPECT_EQ(e, nullptr) << (e != nullptr ? e->message : "");
        if (e != nullptr) {
            return;
        }
        Buffer out;
        openapi_write(t, slices, 1, &options, out);
        transcoder_free(t);
        text = out.str();
        bool ok = false;
        root = JsonParser::Parse(text, &ok);
        EXPECT_TRUE(ok) << text;
    }

    // The value that keys lead to; fails, and returns null, if there is none. Of an array
    // a key is an index.
    const Json &At(const std::vector<std::string> &keys) const {
        static const Json none;
        const Json *at = &root;
        for (const std::string &key : keys) {
            if (at->kind == '[' && strtoul(key.c_str(), nullptr, 10) < at->items.size()) {
                at = &at->items[strtoul(key.c_str(), nullptr, 10)];
                continue;
            }
            auto found = at->members.find(key);
            if (found == at->members.end()) {
                ADD_FAILURE() << "there is no " << key << " of " << keys[0];
                return none;
            }
            at = &found->second;
        }
        return *at;
    }

    bool Has(const std::vector<std::string> &keys) const {
        const Json *at = &root;
        for (const std::string &key : keys) {
            auto found = at->members.find(key);
            if (found == at->members.end()) {
                return false;
            }
            at = &found->second;
        }
        return true;
    }

    const Json &Operation(const std::string &verb, const std::string &path) const {
        return At({"paths", path, verb});
    }

    // The parameter of that name; fails if the operation has none.
    const Json &Parameter(const std::string &verb, const std::string &path,
                          const std::string &name) const {
        static const Json none;
        for (const Json &p : Operation(verb, path).members.at("parameters").items) {
            auto found = p.members.find("name");
            if (found != p.members.end() && found->second.text == name) {
                return p;
            }
        }
        ADD_FAILURE() << path << " has no parameter " << name;
        return none;
    }

    std::string text;
    Json root;

  private:
    Arena a_;
};

// A value as JSON again, keys in alphabetical order.
inline std::string Print(const Json &j) {
    std::string s;
    switch (j.kind) {
    case 'n':
        return "null";
    case 't':
        return "true";
    case 'f':
        return "false";
    case '"': {
        Buffer b;
        strbuf_append_json_string(b, S(j.text));
        return b.str();
    }
    case '[':
        for (const Json &item : j.items) {
            s += (s.empty() ? "" : ",") + Print(item);
        }
        return "[" + s + "]";
    case '{':
        for (const auto &member : j.members) {
            s += (s.empty() ? "\"" : ",\"") + member.first + "\":" + Print(member.second);
        }
        return "{" + s + "}";
    default:
        return j.text;
    }
}

#endif
