#ifndef RUNSD_CTL_JSON_CONTROLS_H
#define RUNSD_CTL_JSON_CONTROLS_H

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Appends JSON text with DEL and U+0080 to U+009F, which strings alone can hold, as "\u00NN":
// the same JSON, which no terminal obeys. Pure.
void json_controls_escape(struct slice json, struct strbuf *out);

#endif
