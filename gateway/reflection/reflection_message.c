#include "gateway/reflection/reflection_message.h"

#include "base/core/strbuf.h"
#include "base/core/wire.h"

// Field numbers of reflection.proto.
enum {
    RESPONSE_FILES = 4,
    RESPONSE_SERVICES = 6,
    RESPONSE_ERROR = 7,
    ITEM = 1, // of FileDescriptorResponse and ListServiceResponse
    SERVICE_NAME = 1,
    ERROR_CODE = 1,
    ERROR_MESSAGE = 2,
};

// And of descriptor.proto.
enum { FILE_NAME = 1, FILE_DEPENDENCY = 3 };

struct slice reflection_request(struct arena *a, enum reflection_question question,
                                struct slice argument) {
    struct strbuf b = STRBUF_INIT;
    wire_put_bytes(&b, question, argument);
    struct slice request = arena_copy(a, strbuf_slice(&b));
    strbuf_release(&b);
    return request;
}

// Collects all fields of a number; returns false if message is malformed.
static bool collect(struct arena *a, struct slice message, uint32_t number, struct slice **ret,
                    size_t *ret_count) {
    struct wire_field field;
    const uint8_t *end = message.data + message.len;
    size_t count = 0;
    for (const uint8_t *p = message.data; p < end;) {
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        count += field.number == number && field.type == WIRE_BYTES;
    }
    struct slice *items = ARENA_ARRAY(a, struct slice, count + 1);
    size_t n = 0;
    for (const uint8_t *p = message.data; p < end && wire_read_field(&p, end, &field);) {
        if (field.number == number && field.type == WIRE_BYTES) {
            items[n++] = field.bytes;
        }
    }
    *ret = items;
    *ret_count = count;
    return true;
}

// The last field of a number; empty if there is none.
static bool find_last(struct arena *a, struct slice message, uint32_t number, struct slice *ret) {
    struct slice *items;
    size_t count;
    if (!collect(a, message, number, &items, &count)) {
        return false;
    }
    *ret = count > 0 ? items[count - 1] : SLICE_EMPTY;
    return true;
}

static bool read_services(struct arena *a, struct slice message, struct reflection_answer *ret) {
    if (!collect(a, message, ITEM, &ret->items, &ret->count)) {
        return false;
    }
    for (size_t i = 0; i < ret->count; i++) {
        if (!find_last(a, ret->items[i], SERVICE_NAME, &ret->items[i])) {
            return false;
        }
    }
    return true;
}

static bool read_error(struct slice message, struct reflection_answer *ret) {
    const uint8_t *end = message.data + message.len;
    for (const uint8_t *p = message.data; p < end;) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        if (field.number == ERROR_CODE && field.type == WIRE_VARINT) {
            ret->error_code = (int)field.value;
        } else if (field.number == ERROR_MESSAGE && field.type == WIRE_BYTES) {
            ret->error_message = field.bytes;
        }
    }
    return true;
}

bool reflection_answer_read(struct arena *a, struct slice response, struct reflection_answer *ret) {
    struct reflection_answer answer = {.kind = REFLECTION_ANSWER_NONE};
    const uint8_t *end = response.data + response.len;
    for (const uint8_t *p = response.data; p < end;) {
        struct wire_field field;
        bool ok = wire_read_field(&p, end, &field);
        if (ok && field.type == WIRE_BYTES && field.number == RESPONSE_FILES) {
            answer.kind = REFLECTION_ANSWER_FILES;
            ok = collect(a, field.bytes, ITEM, &answer.items, &answer.count);
        } else if (ok && field.type == WIRE_BYTES && field.number == RESPONSE_SERVICES) {
            answer.kind = REFLECTION_ANSWER_SERVICES;
            ok = read_services(a, field.bytes, &answer);
        } else if (ok && field.type == WIRE_BYTES && field.number == RESPONSE_ERROR) {
            answer.kind = REFLECTION_ANSWER_ERROR;
            ok = read_error(field.bytes, &answer);
        }
        if (!ok) {
            return false;
        }
    }
    *ret = answer;
    return true;
}

bool reflection_file_read(struct arena *a, struct slice file, struct slice *ret_name,
                          struct slice **ret_imports, size_t *ret_count) {
    return find_last(a, file, FILE_NAME, ret_name) && ret_name->len > 0 &&
           collect(a, file, FILE_DEPENDENCY, ret_imports, ret_count);
}
