"""Tables made of files, so that who adds a file need not add it to a list."""

def _stems(files):
    return sorted([f.basename[:-len(f.extension) - 1] for f in files])

def _check_like(ctx, stems, wanted):
    sample = ctx.files.srcs[0]
    name = "%s/%%s.%s" % (sample.dirname, sample.extension)
    missing = [name % stem for stem in wanted if stem not in stems]
    if missing:
        fail("missing, as %s has headers for them: %s" % (ctx.attr.like.label, ", ".join(missing)))
    unknown = [name % stem for stem in stems if stem not in wanted]
    if unknown:
        fail("%s has no header of that name: %s" % (ctx.attr.like.label, ", ".join(unknown)))

def _file_table_impl(ctx):
    table = ctx.attr.symbol or ctx.label.name
    stems = _stems(ctx.files.srcs)
    if ctx.files.like:
        _check_like(ctx, stems, _stems(ctx.files.like))
    entries = [ctx.attr.prefix + stem + ctx.attr.suffix for stem in stems]
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
#                              `const TYPE PREFIXSTEMSUFFIX` that it defines
#   const size_t SYMBOL_count  how many there are
# as HEADER declares them. A file that does not define its own does not link. If LIKE is given,
# the build fails where srcs have not just the stems of its files, and says which file that is.
file_table = rule(
    implementation = _file_table_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, allow_empty = False, mandatory = True),
        "header": attr.string(mandatory = True),
        "type": attr.string(mandatory = True),
        "prefix": attr.string(),
        "suffix": attr.string(),
        "symbol": attr.string(),
        "like": attr.label(allow_files = True),
    },
)
