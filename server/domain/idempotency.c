// SHA256_Init and its like are deprecated since OpenSSL 3.0 (openssl_user_macros(7)).
#define OPENSSL_SUPPRESS_DEPRECATED

#include "server/domain/idempotency.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/core/check.h"
#include "google/protobuf/struct.pb-c.h"
#include "server/domain/run_error.h"
#include "server/domain/struct_validate.h"

// --- keys ---

const struct error *idempotency_check_key(struct arena *a, const char *key) {
    size_t n = strlen(key);
    if (n == 0 || n > IDEMPOTENCY_LONGEST_KEY) {
        return run_error_field(a, "requestId", "must have 1 to %d bytes, got %zu",
                               IDEMPOTENCY_LONGEST_KEY, n);
    }
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)key[i] < ' ' || (uint8_t)key[i] > '~') {
            return run_error_field(a, "requestId",
                                   "must be printable ASCII, got the byte 0x%02X at offset %zu",
                                   (uint8_t)key[i], i);
        }
    }
    if (key[0] == ' ' || key[n - 1] == ' ') {
        return run_error_field(a, "requestId", "must not begin or end with a space, got \"%s\"",
                               key);
    }
    return NULL;
}

// --- digests ---

// Not SHA256(), as in server/auth/token.c. What is put has a length that is known before, or is put
// behind it: no two inputs are the same bytes.
struct digest {
    SHA256_CTX sha;
    struct arena *arena;
};

static void begin(struct digest *d, struct arena *a) {
    d->arena = a;
    CHECK(SHA256_Init(&d->sha) == 1);
}

static void put(struct digest *d, const void *bytes, size_t size) {
    CHECK(SHA256_Update(&d->sha, bytes, size) == 1);
}

// As a varint, so that most requests are a block or two of the digest.
static void put_number(struct digest *d, uint64_t value) {
    uint8_t bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[n++] = (uint8_t)(value | 0x80);
    }
    bytes[n++] = (uint8_t)value;
    put(d, bytes, n);
}

static void put_text(struct digest *d, struct slice text) {
    put_number(d, text.len);
    put(d, text.data, text.len);
}

static void end(struct digest *d, uint8_t ret[IDEMPOTENCY_DIGEST_BYTES]) {
    uint8_t full[SHA256_DIGEST_LENGTH];
    CHECK(SHA256_Final(full, &d->sha) == 1);
    memcpy(ret, full, IDEMPOTENCY_DIGEST_BYTES);
}

// --- messages ---

static void put_message(struct digest *d, const ProtobufCMessage *message,
                        const uint32_t *left_out);

// How many bytes an element of a field takes in the struct.
static size_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    default: // numbers of 32 bits, enums, and protobuf_c_boolean
        return sizeof(uint32_t);
    }
}

static void put_element(struct digest *d, ProtobufCType type, const void *element) {
    switch (type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)element;
        put_text(d, text != NULL ? slice_of_cstr(text) : SLICE_EMPTY);
        break;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = element;
        put_text(d, slice_of(bytes->data, bytes->len));
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        put_message(d, *(ProtobufCMessage *const *)element, NULL);
        break;
    default:
        put(d, element, element_size(type));
    }
}

// Whether a field that has no presence of its own holds the default.
static bool is_default(const ProtobufCFieldDescriptor *field, const void *element) {
    static const uint8_t zeros[sizeof(uint64_t)];
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)element;
        return text == NULL || text[0] == '\0';
    }
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)element)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(ProtobufCMessage *const *)element == NULL;
    default:
        return memcmp(element, zeros, element_size(field->type)) == 0;
    }
}

static bool is_set(const ProtobufCFieldDescriptor *field, const uint8_t *message) {
    const void *quantifier = message + field->quantifier_offset;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        return *(const uint32_t *)quantifier == field->id;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0) {
        return *(const protobuf_c_boolean *)quantifier != 0;
    }
    return !is_default(field, message + field->offset);
}

static void put_repeated(struct digest *d, const ProtobufCFieldDescriptor *field,
                         const uint8_t *message) {
    size_t count = *(const size_t *)(message + field->quantifier_offset);
    const uint8_t *elements = *(const uint8_t *const *)(message + field->offset);
    if (count > 0) {
        put_number(d, field->id);
        put_number(d, count);
    }
    for (size_t i = 0; i < count; i++) {
        put_element(d, field->type, elements + i * element_size(field->type));
    }
}

static void put_field(struct digest *d, const ProtobufCFieldDescriptor *field,
                      const uint8_t *message) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        put_repeated(d, field, message);
    } else if (is_set(field, message)) {
        put_number(d, field->id);
        put_element(d, field->type, message + field->offset);
    }
}

// --- free-form objects ---

// Of which no key comes twice: struct_validate has seen to that.
static void put_object(struct digest *d, const Google__Protobuf__Struct *object) {
    const struct sorted_entries sorted = sorted_entries_of(d->arena, object);
    for (size_t i = 0; i < sorted.count; i++) {
        const Google__Protobuf__Struct__FieldsEntry *entry = sorted.entries[i];
        put_number(d, entry->value != NULL ? 1 : 2);
        put_text(d, slice_of_cstr(entry->key));
        if (entry->value != NULL) {
            put_message(d, &entry->value->base, NULL);
        }
    }
}

// --- all of it ---

static bool is_left_out(const uint32_t *left_out, uint32_t number) {
    for (; left_out != NULL && *left_out != 0; left_out++) {
        if (*left_out == number) {
            return true;
        }
    }
    return false;
}

// As deep as message_unpack lets messages be. Ends with 0, which is no field's number.
static void put_message(struct digest *d, const ProtobufCMessage *message,
                        const uint32_t *left_out) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    if (type == &google__protobuf__struct__descriptor) {
        put_object(d, (const Google__Protobuf__Struct *)message);
    } else {
        for (unsigned i = 0; i < type->n_fields; i++) { // rising by their numbers
            if (!is_left_out(left_out, type->fields[i].id)) {
                put_field(d, &type->fields[i], (const uint8_t *)message);
            }
        }
    }
    put_number(d, 0);
}

struct idempotency idempotency_of(struct arena *a, const struct keyed_request *request) {
    struct idempotency idempotency = {.is_given = true};
    struct digest d;
    begin(&d, a);
    put_text(&d, request->organization);
    put_text(&d, request->token);
    put_text(&d, slice_of_cstr(request->key));
    end(&d, idempotency.name);
    begin(&d, a);
    put_text(&d, slice_of_cstr(request->method_path));
    put_message(&d, request->message, request->left_out);
    end(&d, idempotency.fingerprint);
    return idempotency;
}
