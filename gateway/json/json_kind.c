#include "gateway/json/json_reader.h"

bool json_fail_kind(struct json_reader *r, const struct json_path *path, const char *due) {
    const char *given;
    switch (json_peek(r)) {
    case '{':
        given = "an object";
        break;
    case '[':
        given = "an array";
        break;
    case '"':
        given = "a string";
        break;
    case 't':
    case 'f':
        given = "a boolean";
        break;
    case 'n':
        given = "null";
        break;
    default:
        given = "a number";
        break;
    }
    // Text that is no JSON is a syntax error, not a value of the wrong kind.
    if (!json_skip_value(r)) {
        return false;
    }
    return json_fail_path(r, path, "expected %s, found %s", due, given);
}
