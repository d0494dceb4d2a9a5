#include "gateway/local/health_pages.h"

static void put(struct local_reply *reply, int http_status, enum status_code code,
                const char *body) {
    *reply = (struct local_reply){
        .http_status = http_status,
        .code = code,
        .media_type = "application/json",
        .body = slice_of_cstr(body),
        .is_static = true,
    };
}

void health_pages_alive(const struct local_request *request, struct arena *arena,
                        struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    put(ret_reply, 200, STATUS_OK, "{\"status\":\"ok\"}\n");
}

void health_pages_ready(const struct local_request *request, struct arena *arena,
                        struct local_reply *ret_reply) {
    (void)arena;
    if (request->is_ready) {
        put(ret_reply, 200, STATUS_OK, "{\"status\":\"ok\"}\n");
    } else {
        put(ret_reply, 503, STATUS_UNAVAILABLE, "{\"status\":\"unavailable\"}\n");
    }
}
