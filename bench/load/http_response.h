#ifndef RUNSD_BENCH_LOAD_HTTP_RESPONSE_H
#define RUNSD_BENCH_LOAD_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A strict, incremental reader of HTTP/1.1 responses (RFC 9112) whose bodies
// have a Content-Length. What a server should not send is malformed, so that a
// load run never counts a broken reply as a good one.

enum http_response_result {
    HTTP_RESPONSE_MORE,      // all bytes taken, the response goes on
    HTTP_RESPONSE_DONE,      // the response is complete
    HTTP_RESPONSE_MALFORMED, // see problem; the connection is of no more use
};

enum {
    HTTP_RESPONSE_LINE_MAX = 8192,    // bytes of one header line with CRLF
    HTTP_RESPONSE_HEADER_MAX = 32768, // bytes of all header lines
};

enum http_response_stage {
    HTTP_RESPONSE_STATUS_LINE,
    HTTP_RESPONSE_FIELDS,
    HTTP_RESPONSE_BODY,
};

struct http_response {
    int status;              // 200 to 599, once the status line was read
    bool keep_alive;         // false after "Connection: close"
    uint64_t content_length; // as declared
    const char *problem;     // literal; set if malformed

    // The reader's own.
    enum http_response_stage stage;
    bool has_length;
    uint64_t body_left;
    size_t header_bytes;
    size_t line_len;
    char line[HTTP_RESPONSE_LINE_MAX]; // start of a line that was cut
};

// Makes r ready for the next response.
void http_response_begin(struct http_response *r);

// Reads from data[0..len). *ret_used is how many bytes belong to this response:
// len unless it is done before.
enum http_response_result http_response_feed(struct http_response *r, const char *data, size_t len,
                                             size_t *ret_used);

// Whether no byte of the response has been read.
bool http_response_untouched(const struct http_response *r);

#endif
