#ifndef RUNSD_CTL_JSON_H
#define RUNSD_CTL_JSON_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "ctl/command.h"

// The product's messages as JSON, spelled as REST spells them. type is a full
// name: "runs.v1.Run".

// Reads JSON text; *ret_message is in the wire format and lives in a.
// INVALID_ARGUMENT with the field's path or the position.
const struct error *json_to_message(struct arena *a, const char *type, struct slice text,
                                    struct slice *ret_message);

// The JSON of a message's bytes, in a; NULL if they are none of that type.
const char *json_text(struct arena *a, const char *type, struct slice bytes);

// Messages of one type as JSON, one after the other.
struct json_printer;

struct json_printer *json_printer_new(const char *type);
void json_printer_free(struct json_printer *printer);

// Prints a message's JSON on standard output, without a newline. Returns an exit code; if the
// bytes are no such message, that has been printed.
int json_printer_print(struct json_printer *printer, const struct invocation *in,
                       struct slice bytes);

// Prints the bytes of a server's reply to standard output as one line of JSON.
// Returns an exit code; if the bytes are no message of that type, that has been printed.
int json_print_reply(const struct invocation *in, const char *type, struct slice bytes);

#endif
