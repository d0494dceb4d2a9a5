#include "gateway/openapi/openapi_examples.h"

#include "base/core/wire.h"
#include "gateway/envelope.h"
#include "gateway/json/json_read.h"
#include "gateway/json/json_write.h"
#include "gateway/json/scalar.h"

enum { MOST_LEVELS = 16 }; // of messages within messages

struct slice openapi_examples_request_id(void) {
    return slice_of_cstr("abc-123");
}

// Appends the wire bytes of the field's example. Returns false if there is none that the
// gateway takes and that sets the field, as null does not; wire is then as before.
static bool read_example(struct openapi_builder *b, const struct schema_field *f,
                         struct strbuf *wire) {
    const struct json_read_options options = {0};
    size_t len = wire->len;
    return f->example.len > 0 &&
           json_read_field(b->schema, &b->arena, f, f->example, &options, wire) == NULL &&
           wire->len > len;
}

// The field as a message with these bytes prints it; empty if it cannot be printed.
static struct slice print_field(struct openapi_builder *b, const struct schema_message *m,
                                const struct schema_field *f, struct slice wire) {
    struct strbuf json = STRBUF_INIT;
    const char *fault;
    struct slice ret = SLICE_EMPTY;
    if (json_write_field_of(b->schema, &b->arena, m, f, wire, &json, &fault)) {
        ret = arena_copy(&b->arena, strbuf_slice(&json));
    }
    strbuf_release(&json);
    return ret;
}

struct slice openapi_examples_field(struct openapi_builder *b, const struct schema_message *m,
                                    const struct schema_field *f, enum openapi_side side) {
    struct strbuf wire = STRBUF_INIT;
    struct slice ret = SLICE_EMPTY;
    if (read_example(b, f, &wire)) {
        // As it is given, but for names and words that the document does not have.
        bool as_given = side == OPENAPI_INPUT && !b->schema->is_respelled;
        ret = as_given ? f->example : print_field(b, m, f, strbuf_slice(&wire));
    }
    strbuf_release(&wire);
    return ret;
}

// --- whole replies ---

struct composer {
    struct openapi_builder *builder;
    const struct schema_message *open[MOST_LEVELS]; // from the reply down to where it is
    size_t depth;
    size_t count;       // of examples that were used
    bool is_incomplete; // a field that is always set has no example
};

static bool is_open(const struct composer *c, const struct schema_message *m) {
    for (size_t i = 0; i < c->depth; i++) {
        if (c->open[i] == m) {
            return true;
        }
    }
    return false;
}

static void compose(struct composer *c, const struct schema_message *m, struct strbuf *wire);

// A message without an example of its own is made of those of its fields; a list of such
// holds one.
static void compose_message(struct composer *c, const struct schema_field *f, struct strbuf *wire) {
    struct strbuf inner = STRBUF_INIT;
    size_t count = c->count;
    compose(c, f->message, &inner);
    if (c->count > count || (f->marks & SCHEMA_ALWAYS_SET) != 0) {
        scalar_put_message(f, strbuf_slice(&inner), wire);
    }
    strbuf_release(&inner);
}

static void compose_field(struct composer *c, const struct schema_field *f, struct strbuf *wire) {
    bool is_plain_message = f->message != NULL && !f->map && f->message->known == KNOWN_NONE;
    if (read_example(c->builder, f, wire)) {
        c->count++;
    } else if (is_plain_message && c->depth < MOST_LEVELS && !is_open(c, f->message)) {
        compose_message(c, f, wire);
    }
}

static void compose(struct composer *c, const struct schema_message *m, struct strbuf *wire) {
    int32_t given = -1; // the oneof that has its field; its fields stand together
    c->open[c->depth++] = m;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        size_t len = wire->len;
        if (f->oneof < 0 || f->oneof != given) {
            compose_field(c, f, wire);
        }
        bool is_put = wire->len > len;
        given = is_put ? f->oneof : given;
        bool is_due = (f->marks & SCHEMA_ALWAYS_SET) != 0 && !f->repeated && f->oneof < 0;
        c->is_incomplete = c->is_incomplete || (is_due && !is_put);
    }
    c->depth--;
}

struct slice openapi_examples_reply(struct openapi_builder *b, const struct schema_method *method) {
    struct composer c = {.builder = b};
    struct strbuf wire = STRBUF_INIT;
    struct strbuf json = STRBUF_INIT;
    struct slice ret = SLICE_EMPTY;
    if (method->output->known == KNOWN_NONE) {
        compose(&c, method->output, &wire);
    }
    // Behind the fields' examples: of two values the last counts.
    const struct json_read_options options = {0};
    if (method->reply_example.len > 0 &&
        json_read_message(b->schema, &b->arena, method->output, method->reply_example, &options,
                          &wire) == NULL) {
        c.count++;
    }
    envelope_begin(b->options->envelope, &json);
    const char *fault;
    if (c.count > 0 && !c.is_incomplete &&
        json_write_message(b->schema, &b->arena, method->output, strbuf_slice(&wire), &json,
                           &fault)) {
        envelope_end(b->options->envelope, &json, openapi_examples_request_id());
        ret = arena_copy(&b->arena, strbuf_slice(&json));
    }
    strbuf_release(&json);
    strbuf_release(&wire);
    return ret;
}
