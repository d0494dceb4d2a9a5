#include "ctl/token_print.h"

const char *token_print_scopes_text(struct arena *a, char *const *scopes, size_t count) {
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        text = arena_printf(a, "%s%s%s", text, i > 0 ? "," : "", scopes[i]);
    }
    return text;
}
