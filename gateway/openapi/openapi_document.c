#include "gateway/openapi/openapi_document.h"

#include "gateway/edge/compression.h"

void openapi_document_make(const struct transcoder *transcoder, const struct slice *sets,
                           size_t count, const struct openapi_options *options,
                           size_t gzip_min_bytes, struct openapi_document *ret_document) {
    struct openapi_document d = {.body = STRBUF_INIT, .gzip = STRBUF_INIT};
    openapi_write(transcoder, sets, count, options, &d.body);
    strbuf_fit(&d.body);
    if (d.body.len >= gzip_min_bytes && !compression_gzip(strbuf_slice(&d.body), &d.gzip)) {
        strbuf_release(&d.gzip);
    }
    strbuf_fit(&d.gzip);
    etag_make(strbuf_slice(&d.body), 0, d.etag);
    *ret_document = d;
}

void openapi_document_release(struct openapi_document *document) {
    strbuf_release(&document->body);
    strbuf_release(&document->gzip);
}
