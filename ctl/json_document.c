#include "ctl/json_document.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/json_controls.h"

void json_document_print(struct slice json) {
    struct strbuf safe = STRBUF_INIT;
    json_controls_escape(json, &safe);
    fwrite(safe.data, 1, safe.len, stdout);
    strbuf_release(&safe);
}
