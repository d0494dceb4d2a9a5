#include "gateway/local/openapi_page.h"

void openapi_page_answer(const struct local_request *request, struct arena *arena,
                         struct local_reply *ret_reply) {
    (void)arena;
    *ret_reply = (struct local_reply){
        .http_status = 200,
        .code = STATUS_OK,
        .media_type = "application/json",
        .cache_control = "no-cache", // but kept, and asked for with If-None-Match
        .body = request->openapi.body,
        .gzip = request->openapi.gzip,
        .etag = request->openapi.etag,
        .is_static = true,
    };
}
