#include "server/open/reflection_service.h"

#include "base/core/container_of.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/service/service_stream.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;

// Field numbers: grpc/reflection/v1/reflection.proto.
enum {
    RESPONSE_VALID_HOST = 1,
    RESPONSE_ORIGINAL_REQUEST = 2,
    RESPONSE_FILES = 4,
    RESPONSE_EXTENSION_NUMBERS = 5,
    RESPONSE_SERVICES = 6,
    RESPONSE_ERROR = 7,
};
enum { FILES_FILE = 1 };
enum { EXTENSIONS_TYPE = 1, EXTENSIONS_NUMBER = 2 };
enum { SERVICES_SERVICE = 1, SERVICE_NAME = 1 };
enum { ERROR_CODE = 1, ERROR_MESSAGE = 2 };

// One ServerReflectionInfo.
struct reflection_stream {
    struct service_stream stream; // first
    const struct reflection_service *reflection;
    struct arena arena; // of one request
    struct strbuf out;
    struct strbuf part; // of out
};

// --- answers ---

static void put_error(struct reflection_stream *s, enum status_code code, const char *message) {
    wire_put_uint(&s->part, ERROR_CODE, (uint64_t)code);
    wire_put_bytes(&s->part, ERROR_MESSAGE, slice_of_cstr(message));
    wire_put_bytes(&s->out, RESPONSE_ERROR, strbuf_slice(&s->part));
}

static void put_files(struct reflection_stream *s, int file, const char *not_found) {
    if (file == DESCRIPTOR_NO_FILE) {
        put_error(s, STATUS_NOT_FOUND, not_found);
        return;
    }
    const struct slice *files;
    size_t count = descriptor_index_closure(s->reflection->index, &s->arena, file, &files);
    for (size_t i = 0; i < count; i++) {
        wire_put_bytes(&s->part, FILES_FILE, files[i]);
    }
    wire_put_bytes(&s->out, RESPONSE_FILES, strbuf_slice(&s->part));
}

static void put_extension_numbers(struct reflection_stream *s, const char *type) {
    struct slice name = slice_of_cstr(type);
    if (!descriptor_index_is_message(s->reflection->index, name)) {
        put_error(s, STATUS_NOT_FOUND,
                  arena_printf(&s->arena, "there is no message type \"%.200s\"", type));
        return;
    }
    const int32_t *numbers;
    size_t count =
        descriptor_index_extension_numbers(s->reflection->index, &s->arena, name, &numbers);
    struct strbuf packed = STRBUF_INIT;
    for (size_t i = 0; i < count; i++) {
        wire_put_varint(&packed, (uint64_t)numbers[i]);
    }
    wire_put_bytes(&s->part, EXTENSIONS_TYPE, name);
    if (count > 0) {
        wire_put_bytes(&s->part, EXTENSIONS_NUMBER, strbuf_slice(&packed));
    }
    wire_put_bytes(&s->out, RESPONSE_EXTENSION_NUMBERS, strbuf_slice(&s->part));
    strbuf_release(&packed);
}

// "a.B" of "/a.B/C".
static struct slice service_of(const struct rpc_method *method) {
    const char *name = method->path + 1;
    return slice_of(name, (size_t)(strchr(name, '/') - name));
}

static void put_services(struct reflection_stream *s) {
    const struct reflection_service *reflection = s->reflection;
    struct strbuf service = STRBUF_INIT;
    for (size_t i = 0; i < reflection->method_count; i++) {
        struct slice name = service_of(&reflection->methods[i]);
        bool is_new = true;
        for (size_t n = 0; n < i && is_new; n++) {
            is_new = !slice_equal(name, service_of(&reflection->methods[n]));
        }
        if (is_new) {
            service.len = 0;
            wire_put_bytes(&service, SERVICE_NAME, name);
            wire_put_bytes(&s->part, SERVICES_SERVICE, strbuf_slice(&service));
        }
    }
    wire_put_bytes(&s->out, RESPONSE_SERVICES, strbuf_slice(&s->part));
    strbuf_release(&service);
}

static void put_extension(struct reflection_stream *s, const char *type, int32_t number) {
    int file = descriptor_index_extension(s->reflection->index, slice_of_cstr(type), number);
    put_files(s, file,
              arena_printf(&s->arena, "there is no extension %d of \"%.200s\"", (int)number, type));
}

static void put_answer(struct reflection_stream *s, const Request *request) {
    const struct descriptor_index *index = s->reflection->index;
    const char *name;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        name = request->file_by_filename;
        put_files(s, descriptor_index_file(index, slice_of_cstr(name)),
                  arena_printf(&s->arena, "there is no file \"%.200s\"", name));
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        name = request->file_containing_symbol;
        put_files(s, descriptor_index_symbol(index, slice_of_cstr(name)),
                  arena_printf(&s->arena, "there is no symbol \"%.200s\"", name));
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        put_extension(s, request->file_containing_extension->containing_type,
                      request->file_containing_extension->extension_number);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        put_extension_numbers(s, request->all_extension_numbers_of_type);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        put_services(s);
        return;
    default:
        put_error(s, STATUS_INVALID_ARGUMENT, "the request asks for nothing that is known");
    }
}

// --- the stream ---

static struct reflection_stream *self(struct service_stream *stream) {
    return CONTAINER_OF(stream, struct reflection_stream, stream);
}

static void answer(struct reflection_stream *s, struct slice bytes) {
    arena_reset(&s->arena);
    ProtobufCMessage *message = NULL;
    const struct error *error = message_unpack(
        &s->arena, &grpc__reflection__v1__server_reflection_request__descriptor, bytes, &message);
    if (error != NULL) {
        service_stream_finish(&s->stream, error);
        return;
    }
    const Request *request = (const Request *)message;
    s->out.len = 0;
    s->part.len = 0;
    wire_put_bytes(&s->out, RESPONSE_VALID_HOST, slice_of_cstr(request->host));
    wire_put_bytes(&s->out, RESPONSE_ORIGINAL_REQUEST, bytes);
    put_answer(s, request);
    struct slice out = strbuf_slice(&s->out);
    service_stream_send(&s->stream, &out, 1);
}

static void answer_or_end(struct service_stream *stream, const struct slice *message,
                          const struct error *error) {
    if (message == NULL) {
        service_stream_finish(stream, error);
    } else {
        answer(self(stream), *message);
    }
}

static void release(struct service_stream *stream) {
    struct reflection_stream *s = self(stream);
    strbuf_release(&s->out);
    strbuf_release(&s->part);
    arena_release(&s->arena);
}

// One request is answered before the next is read.
static const struct service_stream_kind info_kind = {
    .bytes = sizeof(struct reflection_stream),
    .is_open = true,
    .more = service_stream_read,
    .message = answer_or_end,
    .closed = release,
};

static void info(void *context, struct rpc_server_call *rpc) {
    const struct reflection_service *reflection = context;
    struct service_stream *stream = service_stream_open(reflection->service, rpc, &info_kind);
    struct reflection_stream *s = self(stream);
    s->reflection = reflection;
    arena_init(&s->arena);
    s->out = STRBUF_INIT;
    s->part = STRBUF_INIT;
    service_stream_begin(stream, NULL);
}

void reflection_service_methods(struct reflection_service *reflection,
                                struct rpc_method *ret_methods) {
    static const char *const paths[REFLECTION_SERVICE_METHODS] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    };
    for (int i = 0; i < REFLECTION_SERVICE_METHODS; i++) {
        ret_methods[i] = (struct rpc_method){.path = paths[i],
                                             .handle = info,
                                             .service = reflection,
                                             .kind = RPC_BIDI_STREAM,
                                             .is_anonymous = true};
    }
}
