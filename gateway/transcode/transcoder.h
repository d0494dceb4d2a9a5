#ifndef RUNSD_GATEWAY_TRANSCODE_TRANSCODER_H
#define RUNSD_GATEWAY_TRANSCODE_TRANSCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/transcode/json_options.h"

// HTTP/JSON to protobuf and back, by the google.api.http annotations of
// descriptor sets. Pure: no I/O, no locks; immutable once made, so any thread
// may use it. Source of the rules: google/api/http.proto, the proto3 JSON
// mapping, AIP-127, and "Transcoding rules" in docs/ARCHITECTURE.md.

struct transcoder;

// One google.api.http binding: a verb and a path template of an RPC method.
struct transcoder_route;

struct transcoder_options {
    bool ignore_unknown;  // fields and enum words of a JSON body that are not known
    bool unbound_methods; // a method without a rule is at POST /package.Service/Method,
                          // its request the body
    // Keys of a query that are passed over where they are no field's; else they are
    // refused: all, or these, of which one that ends in "*" is the beginning of keys.
    // Borrowed until transcoder_free.
    bool ignore_unknown_query;
    const char *const *ignored_query;
    size_t ignored_query_count;
    struct json_options json;
};

// Compiles serialized google.protobuf.FileDescriptorSets. A file that is in
// several of them must be the same in each. INVALID_ARGUMENT, in a, for bytes
// that are no set, a template that is illegal, a rule that names no field by its proto name
// or one that cannot stand there, two parts of a rule that exclude each other (of one oneof,
// or path variable and body at once), two bindings that match the
// same requests, or two methods (or one that streams) that verify callers; the message
// names file, method, rule and column. options may be NULL.
const struct error *transcoder_new(struct arena *a, const struct slice *descriptor_sets,
                                   size_t count, const struct transcoder_options *options,
                                   struct transcoder **ret_transcoder);

// NULL is ignored.
void transcoder_free(struct transcoder *transcoder);

// How many routes there are, and the one with an index below that. Routes of
// one RPC share its method index.
size_t transcoder_route_count(const struct transcoder *transcoder);
const struct transcoder_route *transcoder_route_at(const struct transcoder *transcoder,
                                                   size_t index);

// The RPC that checks whether a caller is known (runsd.gateway.v1.verifies_caller), as
// "/package.Service/Method", whether it has an HTTP rule or not; NULL if there is none.
const char *transcoder_caller_rpc(const struct transcoder *transcoder);

// "/package.Service/Method".
const char *transcoder_route_rpc(const struct transcoder_route *route);

// A number below transcoder_route_count that is the same for all routes of one
// RPC.
size_t transcoder_route_method_index(const struct transcoder_route *route);

// The HTTP verb and the template, for logs and listings.
const char *transcoder_route_verb(const struct transcoder_route *route);
const char *transcoder_route_template(const struct transcoder_route *route);

// Whether the RPC is a stream of requests or of responses.
bool transcoder_route_client_streaming(const struct transcoder_route *route);
bool transcoder_route_server_streaming(const struct transcoder_route *route);

// Whether the request's body goes into a google.api.HttpBody as it is, whatever its
// media type; whether the reply (or its response_body) is one.
bool transcoder_route_takes_http_body(const struct transcoder_route *route);
bool transcoder_route_returns_http_body(const struct transcoder_route *route);

// The route that a verb and a path match, with the path's variables.
struct transcoder_match {
    const struct transcoder_route *route;
    // Raw (still percent-encoded), one for each of the template's; they borrow
    // from the path that was matched.
    struct slice *variables;
    size_t variable_count;
};

// Finds the route for a verb and a raw path ("/v1/runs/a%20b/cancel": before
// any decoding, without the query). Errors, in a:
// NOT_FOUND / ROUTE_NOT_FOUND: no route has such a path;
// UNIMPLEMENTED / METHOD_NOT_ALLOWED: the path is known, the verb is not; the
// metadata "allow" holds the verbs that are ("GET, POST");
// INVALID_ARGUMENT / PATH_INVALID: malformed percent-encoding, or a variable
// that decodes to no UTF-8.
const struct error *transcoder_match_route(const struct transcoder *transcoder, struct arena *a,
                                           struct slice verb, struct slice path,
                                           struct transcoder_match *ret_match);

// The parts of a request beside its path that become its message.
struct transcoder_request {
    struct slice query;        // raw, without "?"; may be empty
    struct slice body;         // JSON, or anything if the route takes an HttpBody; may be empty
    struct slice content_type; // for an HttpBody only; may be empty
};

// Makes the request message's bytes from the path variables, the query and the
// body. A body of null is none, except where it is an HttpBody or a google.protobuf.Value,
// of which null is a value. A PATCH whose body is one field and whose request has exactly one field
// of google.protobuf.FieldMask gets the mask of what the body names, unless it has one
// (gateway/transcode/update_mask.h). The bytes live in a; they lack no required field
// (required.h). INVALID_ARGUMENT with
// google.rpc.BadRequest violations that name the path variable, the query key or the
// JSON path and what was wrong with it: reasons QUERY_INVALID, BODY_INVALID,
// PATH_INVALID.
const struct error *transcoder_encode_request(const struct transcoder *transcoder, struct arena *a,
                                              const struct transcoder_match *match,
                                              const struct transcoder_request *request,
                                              struct slice *ret_message);

// How many milliseconds the method may wait by itself before it answers this request, which
// transcoder_encode_request has made (gateway/transcode/call_wait.h); 0: it does not wait.
int64_t transcoder_call_wait_ms(const struct transcoder_route *route, struct slice message);

// Whether the header Idempotency-Key sets a field of the route's request.
bool transcoder_route_takes_key(const struct transcoder_route *route);

// Sets that field to the key: *message, which transcoder_encode_request has made, becomes another
// one in a. INVALID_ARGUMENT / HEADER_INVALID if it has another key already.
const struct error *transcoder_set_key(struct arena *a, const struct transcoder_route *route,
                                       struct slice key, struct slice *message);

// Whether the header Last-Event-ID sets a field of the route's request.
bool transcoder_route_resumes(const struct transcoder_route *route);

// Sets that field to the header's value, in place of one that the request has, and fields that are
// not resumed to false: *message, which
// transcoder_encode_request has made, becomes another one in a. INVALID_ARGUMENT /
// HEADER_INVALID for a value that is none of its type.
const struct error *transcoder_resume(struct arena *a, const struct transcoder_route *route,
                                      struct slice last_event_id, struct slice *message);

// The id of a response message of the route as an event, which transcoder_decode_response has
// taken; in a or borrowed from message. Empty if it has none.
struct slice transcoder_event_id(struct arena *a, const struct transcoder_route *route,
                                 struct slice message);

// Appends the JSON of a response message's bytes to out. INTERNAL /
// RESPONSE_MALFORMED if the bytes are no valid message (then out is as before).
const struct error *transcoder_decode_response(const struct transcoder *transcoder, struct arena *a,
                                               const struct transcoder_route *route,
                                               struct slice message, struct strbuf *out);

// Reads the HttpBody of a response message where the route returns one. The results
// live in a or borrow from message. INTERNAL / RESPONSE_MALFORMED as above.
const struct error *transcoder_read_http_body(const struct transcoder *transcoder, struct arena *a,
                                              const struct transcoder_route *route,
                                              struct slice message, struct slice *ret_content_type,
                                              struct slice *ret_data);

// Appends the JSON of the bytes of a message by its type's name ("google.rpc.ErrorInfo").
// Returns false, with out as before, if the type is not known or the bytes are no
// message of it.
bool transcoder_message_json(const struct transcoder *transcoder, struct arena *a,
                             struct slice full_name, struct slice message, struct strbuf *out);

// The HTTP status that the descriptors give to errors of a reason of a domain
// (runsd.gateway.v1.reason_http); 0 if they give none. Either may be NULL.
int transcoder_reason_http_status(const struct transcoder *transcoder, const char *domain,
                                  const char *reason);

#endif
