"""Tables made of files, so that who adds a file need not add it to a list."""

def _file_table_impl(ctx):
    table = ctx.attr.symbol or ctx.label.name
    stems = sorted([f.basename[:-len(f.extension) - 1] for f in ctx.files.srcs])
    entries = [stem + ctx.attr.suffix for stem in stems]
    out = ctx.actions.declare_file(ctx.label.name + ".c")
    ctx.actions.write(out, "\n".join(
        ['#include "%s"' % ctx.attr.header, ""] +
        ["extern const %s %s;" % (ctx.attr.type, entry) for entry in entries] +
        ["", "const %s *const %s[] = {" % (ctx.attr.type, table)] +
        ["    &%s," % entry for entry in entries] +
        ["};", "", "const size_t %s_count = %d;" % (table, len(entries)), ""],
    ))
    return [DefaultInfo(files = depset([out]))]

# NAME.c, which defines (SYMBOL is NAME unless it is given)
#   const TYPE *const SYMBOL[] for each STEM.c of srcs, by name, the address of the
#                              `const TYPE STEMSUFFIX` that it defines
#   const size_t SYMBOL_count  how many there are
# as HEADER declares them. A file that does not define its own does not link.
file_table = rule(
    implementation = _file_table_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, allow_empty = False, mandatory = True),
        "header": attr.string(mandatory = True),
        "type": attr.string(mandatory = True),
        "suffix": attr.string(mandatory = True),
        "symbol": attr.string(),
    },
)
