#include "ctl/json_controls.h"

void json_controls_escape(struct slice json, struct strbuf *out) {
    size_t start = 0;
    for (size_t i = 0; i < json.len; i++) {
        bool is_c1 = json.data[i] == 0xC2 && i + 1 < json.len && json.data[i + 1] < 0xA0;
        if (!is_c1 && json.data[i] != 0x7F) {
            continue;
        }
        strbuf_append(out, json.data + start, i - start);
        i += is_c1;
        strbuf_printf(out, "\\u00%02x", json.data[i]);
        start = i + 1;
    }
    strbuf_append(out, json.data + start, json.len - start);
}
