#ifndef RUNSD_CTL_JSON_DOCUMENT_H
#define RUNSD_CTL_JSON_DOCUMENT_H

#include "base/core/slice.h"

// Prints a JSON document that a command made itself, on standard output, as no terminal obeys it
// (ctl/json_controls.h).
void json_document_print(struct slice json);

#endif
