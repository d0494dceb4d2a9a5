"""The kinds of the store's operations, made of the headers in storage/op/."""

def _store_kinds_impl(ctx):
    headers = sorted([h.short_path for h in ctx.files.srcs])
    names = sorted([h.basename[:-len(h.extension) - 1] for h in ctx.files.srcs])
    lines = ["#include \"%s\"" % header for header in headers]
    for i, name in enumerate(names):
        lines += [
            "",
            "_Static_assert(offsetof(struct store_%s, op) == 0, \"op comes first\");" % name,
            "const struct store_kind store_%s_kind = {" % name,
            "    .name = \"%s\"," % name,
            "    .index = %d," % i,
            "    .size = sizeof(struct store_%s)," % name,
            "    STORE_%s_KIND," % name.upper(),
            "};",
        ]
    lines += ["", "const struct store_kind *const store_kinds[] = {"]
    lines += ["    &store_%s_kind," % name for name in names]
    lines += ["};", "", "const int store_kinds_count = %d;" % len(names), ""]
    out = ctx.actions.declare_file(ctx.label.name + ".c")
    ctx.actions.write(out, "\n".join(lines))
    return [DefaultInfo(files = depset([out]))]

# NAME.c, which defines for each OPERATION.h of srcs the constant that it declares, `const struct
# store_kind store_OPERATION_kind` with what the macro STORE_OPERATION_KIND says, and the table of
# all, by name, as storage/op/store_op.h declares it.
store_kinds = rule(
    implementation = _store_kinds_impl,
    attrs = {"srcs": attr.label_list(allow_files = [".h"], allow_empty = False, mandatory = True)},
)
