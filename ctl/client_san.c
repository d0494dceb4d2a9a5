#include "ctl/client_san.h"

#include <string.h>

const char *client_san_of(struct arena *a, const char *text) {
    if (strncmp(text, "uri:", 4) == 0 || strncmp(text, "dns:", 4) == 0) {
        return text;
    }
    if (strstr(text, "://") != NULL) {
        return arena_printf(a, "uri:%s", text);
    }
    return strchr(text, ':') == NULL ? arena_printf(a, "dns:%s", text) : text;
}
