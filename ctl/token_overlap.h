#ifndef RUNSD_CTL_TOKEN_OVERLAP_H
#define RUNSD_CTL_TOKEN_OVERLAP_H

#include "ctl/command.h"
#include "ctl/tokens_access.h"

// Looks whether a rotation of the organization's token would end a secret that is valid still,
// that of before its last rotation, by this machine's clock. Returns an exit code: CONFLICT if
// it would; an error has been printed. OK of a token that is not there.
int token_overlap_check(const struct invocation *in, const struct tokens_options *options,
                        const char *organization, const char *name);

#endif
