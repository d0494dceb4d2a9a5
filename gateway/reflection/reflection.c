#include "gateway/reflection/reflection.h"

#include <inttypes.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "gateway/reflection/reflection_call.h"
#include "gateway/reflection/reflection_message.h"

enum {
    MOST_SERVICES = 1000,
    MOST_FILES = 4000,
    MOST_BYTES = 64 << 20,
    SET_FILE = 1, // of google.protobuf.FileDescriptorSet
};

static const char *const methods[] = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

enum { VERSION_COUNT = sizeof(methods) / sizeof(methods[0]) };

struct file {
    struct slice name;
    struct slice bytes;
    struct slice *imports;
    size_t import_count;
};

struct fetcher {
    struct arena *arena;
    const struct logger *log;
    struct reflection_target target;
    const char *method; // of the version that the server has
    struct file *files;
    size_t file_count;
    size_t bytes;
    struct slice package; // whose reasons were asked for last, with its dot
};

// --- questions ---

static const struct error *malformed(struct fetcher *f, const char *what, struct slice of) {
    return error_new(f->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "the upstream's server reflection: %s \"%.*s\"", what, SLICE_FMT(of));
}

// Sends a request; an error_response becomes an error with its code.
static const struct error *ask(struct fetcher *f, enum reflection_question question,
                               struct slice argument, enum reflection_answer_kind expected,
                               struct reflection_answer *ret) {
    struct slice request = reflection_request(f->arena, question, argument);
    struct slice reply;
    uint64_t server = f->target.server;
    const struct error *error = reflection_call(f->arena, &f->target, f->method, request, &reply);
    if (error != NULL) {
        return error;
    }
    if (server != 0 && f->target.server != server) {
        // Each may be of another version: files of both make no API.
        f->target.server = server;
        return error_new(f->arena, STATUS_UNAVAILABLE, REASON_NONE,
                         "the upstream that described its services has gone");
    }
    if (!reflection_answer_read(f->arena, reply, ret)) {
        return malformed(f, "a malformed answer to", argument);
    }
    if (ret->kind == REFLECTION_ANSWER_ERROR) {
        bool known = ret->error_code > STATUS_OK && ret->error_code < STATUS_CODE_COUNT;
        return error_new(f->arena, known ? (enum status_code)ret->error_code : STATUS_UNKNOWN,
                         REASON_NONE, "the upstream's server reflection has no \"%.*s\": %s: %.*s",
                         SLICE_FMT(argument), status_code_name(ret->error_code),
                         SLICE_FMT(ret->error_message));
    }
    if (ret->kind != expected) {
        return malformed(f, "an answer of another kind to", argument);
    }
    return NULL;
}

// Lists the services by the newest version that the server has.
static const struct error *list_services(struct fetcher *f, struct reflection_answer *ret) {
    const struct error *error = NULL;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        f->method = methods[i];
        error = ask(f, REFLECTION_LIST_SERVICES, SLICE_EMPTY, REFLECTION_ANSWER_SERVICES, ret);
        if (error == NULL || error->code != STATUS_UNIMPLEMENTED) {
            return error;
        }
    }
    return error_new(f->arena, STATUS_UNIMPLEMENTED, REASON_NONE,
                     "the upstream has no server reflection, neither grpc.reflection.v1 nor "
                     "v1alpha; give its descriptors by --descriptors");
}

// --- files ---

static const struct file *find_file(const struct fetcher *f, struct slice name) {
    for (size_t i = 0; i < f->file_count; i++) {
        if (slice_equal(f->files[i].name, name)) {
            return &f->files[i];
        }
    }
    return NULL;
}

static const struct error *add_file(struct fetcher *f, struct slice bytes) {
    struct file file = {.bytes = bytes};
    if (!reflection_file_read(f->arena, bytes, &file.name, &file.imports, &file.import_count)) {
        return error_new(f->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the upstream's server reflection: %zu bytes that are no "
                         "google.protobuf.FileDescriptorProto",
                         bytes.len);
    }
    const struct file *same = find_file(f, file.name);
    if (same != NULL) {
        return slice_equal(same->bytes, bytes)
                   ? NULL
                   : malformed(f, "two different contents of file", file.name);
    }
    f->bytes += bytes.len;
    if (f->file_count == MOST_FILES || f->bytes > MOST_BYTES) {
        return error_new(f->arena, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                         "the upstream's descriptors are more than %d files or %d bytes",
                         MOST_FILES, MOST_BYTES);
    }
    f->files[f->file_count++] = file;
    return NULL;
}

static const struct error *add_files(struct fetcher *f, const struct reflection_answer *answer) {
    const struct error *error = NULL;
    for (size_t i = 0; i < answer->count && error == NULL; i++) {
        error = add_file(f, answer->items[i]);
    }
    return error;
}

static const struct error *fetch_service(struct fetcher *f, struct slice service) {
    struct reflection_answer answer;
    const struct error *error =
        ask(f, REFLECTION_FILE_WITH_SYMBOL, service, REFLECTION_ANSWER_FILES, &answer);
    if (error != NULL && error->code == STATUS_NOT_FOUND) {
        LOG(f->log, LOG_WARN, "a service is left out: the upstream cannot describe it",
            log_slice("service", service), log_text("error", error->message));
        return NULL;
    }
    return error != NULL ? error : add_files(f, &answer);
}

// Fetches the file of a package's reasons (https://google.aip.dev/193), whose options say the
// statuses of its errors: no file of a service need import it. A package may have none.
static const struct error *fetch_reasons(struct fetcher *f, struct slice service) {
    size_t package = service.len;
    while (package > 0 && service.data[package - 1] != '.') {
        package--;
    }
    if (slice_equal(f->package, slice_of(service.data, package))) {
        return NULL;
    }
    f->package = slice_of(service.data, package);
    struct slice symbol =
        slice_of_cstr(arena_printf(f->arena, "%.*sErrorReason", SLICE_FMT(f->package)));
    struct reflection_answer answer;
    const struct error *error =
        ask(f, REFLECTION_FILE_WITH_SYMBOL, symbol, REFLECTION_ANSWER_FILES, &answer);
    return error != NULL ? NULL : add_files(f, &answer);
}

static const struct error *fetch_import(struct fetcher *f, struct slice name) {
    struct reflection_answer answer;
    const struct error *error =
        ask(f, REFLECTION_FILE_BY_NAME, name, REFLECTION_ANSWER_FILES, &answer);
    if (error == NULL) {
        error = add_files(f, &answer);
    }
    if (error == NULL && find_file(f, name) == NULL) {
        error = malformed(f, "an answer without the file", name);
    }
    return error;
}

// Fetches what the files import, and what these import in turn.
static const struct error *fetch_imports(struct fetcher *f) {
    const struct error *error = NULL;
    for (size_t i = 0; i < f->file_count && error == NULL; i++) {
        for (size_t n = 0; n < f->files[i].import_count && error == NULL; n++) {
            struct slice name = f->files[i].imports[n];
            error = find_file(f, name) == NULL ? fetch_import(f, name) : NULL;
        }
    }
    return error;
}

// --- fetching everything ---

// Services about the server itself, which a gateway does not serve.
static bool is_infrastructure(struct slice service) {
    return slice_starts_with(service, slice_of_cstr("grpc.reflection.")) ||
           slice_starts_with(service, slice_of_cstr("grpc.health."));
}

static const struct error *fetch(struct fetcher *f) {
    struct reflection_answer services = {.count = 0};
    const struct error *error = list_services(f, &services);
    if (error != NULL) {
        return error;
    }
    if (services.count > MOST_SERVICES) {
        return error_new(f->arena, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                         "the upstream has %zu services, more than %d", services.count,
                         MOST_SERVICES);
    }
    for (size_t i = 0; i < services.count && error == NULL; i++) {
        if (!is_infrastructure(services.items[i])) {
            error = fetch_service(f, services.items[i]);
        }
        if (error == NULL && !is_infrastructure(services.items[i])) {
            error = fetch_reasons(f, services.items[i]);
        }
    }
    if (error == NULL) {
        error = fetch_imports(f);
    }
    if (error == NULL && f->file_count == 0) {
        error = error_new(f->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                          "the upstream's server reflection describes no service (it lists %zu, "
                          "those of reflection and health checking included)",
                          services.count);
    }
    return error;
}

const struct error *reflection_fetch(struct arena *a, const struct reflection_options *options,
                                     struct slice *ret_descriptor_set) {
    struct fetcher f = {
        .arena = a,
        .log = options->log,
        .target =
            {
                .upstream = options->upstream,
                .deadline_us = clock_monotonic_us() + options->timeout_ms * 1000,
                .should_stop = options->should_stop,
            },
        .files = ARENA_ARRAY(a, struct file, MOST_FILES),
    };
    const struct error *error = fetch(&f);
    if (error != NULL) {
        return error;
    }
    struct strbuf set = STRBUF_INIT;
    for (size_t i = 0; i < f.file_count; i++) {
        wire_put_bytes(&set, SET_FILE, f.files[i].bytes);
    }
    *ret_descriptor_set = arena_copy(a, strbuf_slice(&set));
    strbuf_release(&set);
    return NULL;
}
