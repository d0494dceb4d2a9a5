#include "ctl/comma_list.h"

#include <string.h>

static const char blanks[] = " \t";

// The item from begin to end, without the blanks around it.
static const char *trimmed(struct arena *a, const char *begin, const char *end) {
    while (begin < end && strchr(blanks, *begin) != NULL) {
        begin++;
    }
    while (end > begin && strchr(blanks, end[-1]) != NULL) {
        end--;
    }
    return arena_cstr(a, slice_of(begin, (size_t)(end - begin)));
}

static size_t most_items(const struct cli_list *values) {
    size_t most = 0;
    for (size_t i = 0; i < values->count; i++) {
        most += strlen(values->items[i]) + 1;
    }
    return most;
}

const struct error *comma_list_read(struct arena *a, const char *option,
                                    const struct cli_list *values, struct cli_list *ret_items) {
    const char **items = ARENA_ARRAY(a, const char *, most_items(values) + 1);
    size_t count = 0;
    for (size_t i = 0; i < values->count; i++) {
        const char *begin = values->items[i];
        for (;;) {
            const char *end = strchrnul(begin, ',');
            items[count] = trimmed(a, begin, end);
            if (items[count++][0] == '\0') {
                return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                 "%s: \"%s\" has an empty item; give words with commas between "
                                 "them, like \"a, b\"",
                                 option, values->items[i]);
            }
            if (*end == '\0') {
                break;
            }
            begin = end + 1;
        }
    }
    *ret_items = (struct cli_list){items, count};
    return NULL;
}
