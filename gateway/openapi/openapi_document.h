#ifndef RUNSD_GATEWAY_OPENAPI_OPENAPI_DOCUMENT_H
#define RUNSD_GATEWAY_OPENAPI_OPENAPI_DOCUMENT_H

#include "gateway/edge/etag.h"
#include "gateway/openapi/openapi.h"

// The document as it is served: made and compressed once, so that a request costs neither.
// Pure.
struct openapi_document {
    struct strbuf body;
    struct strbuf gzip; // empty if it is not to be compressed
    char etag[ETAG_SIZE];
};

// Makes the document by openapi_write; documents from gzip_min_bytes on are compressed too.
// openapi_document_release frees it.
void openapi_document_make(const struct transcoder *transcoder, const struct slice *sets,
                           size_t count, const struct openapi_options *options,
                           size_t gzip_min_bytes, struct openapi_document *ret_document);

void openapi_document_release(struct openapi_document *document);

#endif
