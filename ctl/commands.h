#ifndef RUNSD_CTL_COMMANDS_H
#define RUNSD_CTL_COMMANDS_H

#include "ctl/command.h"

// Every command, each defined in the file of its name.
extern const struct command serve_command;
extern const struct command runs_create_command;
extern const struct command runs_get_command;
extern const struct command runs_list_command;
extern const struct command runs_cancel_command;
extern const struct command runs_report_command;
extern const struct command runs_events_command;
extern const struct command tokens_create_command;
extern const struct command tokens_list_command;
extern const struct command tokens_revoke_command;
extern const struct command whoami_command;
extern const struct command check_command;

#endif
