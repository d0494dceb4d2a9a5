#ifndef RUNSD_GATEWAY_OPENAPI_DOC_H
#define RUNSD_GATEWAY_OPENAPI_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Writes JSON text from front to back. Commas are added automatically, before everything
// that is not first in its object or array. Pure.

// Opens and closes an object ('{', '}') or an array ('[', ']').
void doc_open(struct strbuf *out, char bracket);
void doc_close(struct strbuf *out, char bracket);

// Write a key alone; the caller writes its value next. doc_open_member also opens the value.
void doc_key(struct strbuf *out, const char *key);
void doc_key_slice(struct strbuf *out, struct slice key);
void doc_open_member(struct strbuf *out, const char *key, char bracket);

// Write a value: a string, which is escaped, or (doc_raw) JSON text as it is. The
// doc_member functions write a key and its value.
void doc_text(struct strbuf *out, struct slice text);
void doc_cstr(struct strbuf *out, const char *text);
void doc_raw(struct strbuf *out, struct slice json);
void doc_member_text(struct strbuf *out, const char *key, struct slice text);
void doc_member_cstr(struct strbuf *out, const char *key, const char *text);
void doc_member_int(struct strbuf *out, const char *key, int64_t value);
void doc_member_bool(struct strbuf *out, const char *key, bool value);

// Writes the member "$ref": "#/components/KIND/NAME".
void doc_member_ref(struct strbuf *out, const char *kind, const char *name);

#endif
