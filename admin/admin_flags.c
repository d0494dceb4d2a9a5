#include "admin/admin_flags.h"

const struct cli_option admin_flags_rows[] = {
    {.name = "--admin",
     .value = "ADDR",
     CLI_TEXT_AT(struct admin_flags, text),
     .help = "HOST:PORT, unix:PATH or systemd:NAME of /metrics, /healthz, /readyz and /version, "
             "for who runs this: nobody is asked for a token there"},
    {.name = NULL},
};

const struct error *admin_flags_finish(struct arena *a, struct admin_flags *flags) {
    return flags->text == NULL ? NULL
                               : address_parse_listener(a, "--admin", flags->text, &flags->listen);
}
