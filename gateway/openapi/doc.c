#include "gateway/openapi/doc.h"

#include <inttypes.h>
#include <string.h>

// Strings end with a quote, so that a bracket, colon or comma at the end is JSON's own.
static void separate(struct strbuf *out) {
    uint8_t last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':') {
        strbuf_append_byte(out, ',');
    }
}

void doc_open(struct strbuf *out, char bracket) {
    separate(out);
    strbuf_append_byte(out, (uint8_t)bracket);
}

void doc_close(struct strbuf *out, char bracket) {
    strbuf_append_byte(out, (uint8_t)bracket);
}

void doc_key_slice(struct strbuf *out, struct slice key) {
    doc_text(out, key);
    strbuf_append_byte(out, ':');
}

void doc_key(struct strbuf *out, const char *key) {
    doc_key_slice(out, slice_of_cstr(key));
}

void doc_open_member(struct strbuf *out, const char *key, char bracket) {
    doc_key(out, key);
    doc_open(out, bracket);
}

void doc_text(struct strbuf *out, struct slice text) {
    separate(out);
    strbuf_append_json_string(out, text);
}

void doc_cstr(struct strbuf *out, const char *text) {
    doc_text(out, slice_of_cstr(text));
}

void doc_raw(struct strbuf *out, struct slice json) {
    separate(out);
    strbuf_append_slice(out, json);
}

void doc_member_text(struct strbuf *out, const char *key, struct slice text) {
    doc_key(out, key);
    doc_text(out, text);
}

void doc_member_cstr(struct strbuf *out, const char *key, const char *text) {
    doc_member_text(out, key, slice_of_cstr(text));
}

void doc_member_int(struct strbuf *out, const char *key, int64_t value) {
    doc_key(out, key);
    strbuf_printf(out, "%" PRId64, value);
}

void doc_member_bool(struct strbuf *out, const char *key, bool value) {
    doc_key(out, key);
    strbuf_append_cstr(out, value ? "true" : "false");
}

void doc_member_ref(struct strbuf *out, const char *kind, const char *name) {
    doc_key(out, "$ref");
    strbuf_printf(out, "\"#/components/%s/%s\"", kind, name);
}
