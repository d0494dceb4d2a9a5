"""Code and descriptor sets from .proto files, by Debian's protoc and protoc-c."""

# Where Debian keeps the .proto files of others.
GOOGLEAPIS = "/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis"

# Ours, those that //protos makes, and those of others.
PROTO_PATHS = [
    "-Iprotos",
    "-I$(BINDIR)/protos",
    "-I" + GOOGLEAPIS,
    "-I/usr/share/grpc-proto",
    "-I/usr/include",
]

def protobuf_c_library(name, protos, srcs, deps = [], **kwargs):
    """protobuf-c code for protos, by their paths in PROTO_PATHS; srcs are those not of others."""
    outs = []
    for f in protos:
        outs.append(f.replace(".proto", ".pb-c.c"))
        outs.append(f.replace(".proto", ".pb-c.h"))
    native.genrule(
        name = name + "_gen",
        srcs = srcs,
        outs = outs,
        cmd = "protoc-c %s --c_out=$(RULEDIR) %s" % (
            " ".join(PROTO_PATHS),
            " ".join(protos),
        ),
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".c")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        includes = ["."],
        linkopts = ["-lprotobuf-c"],
        deps = deps,
        **kwargs
    )

def descriptor_set(name, protos, srcs, commented = None, **kwargs):
    """A FileDescriptorSet of protos with their imports.

    Comments are left out; but if commented lists files, of those files they are in it:
    then it is the files of commented, and those that protos lists.
    """
    without = "protoc %s --include_imports -o $@ %s" % (
        " ".join(PROTO_PATHS),
        " ".join(protos),
    )
    with_comments = " && ".join([
        without,
        "protoc %s --include_source_info -o $@.commented %s" % (
            " ".join(PROTO_PATHS),
            " ".join(commented or []),
        ),
        "cat $@.commented >>$@",  # sets that follow each other are one set
        "rm $@.commented",
    ])
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".binpb"],
        cmd = with_comments if commented else without,
        **kwargs
    )

def descriptor_set_source(name, set, function):
    """NAME.c, in which function, declared by protos/NAME.h, returns set's bytes."""
    native.genrule(
        name = name + "_gen",
        srcs = [set],
        outs = [name + ".c"],
        cmd = " && ".join([
            "{ echo '#include \"protos/%s.h\"'" % name,
            "echo 'static const uint8_t bytes[] = {'",
            "od -An -v -tx1 $< | sed 's/ \\([0-9a-f][0-9a-f]\\)/0x\\1,/g'",
            "echo '};'",
            "echo 'struct slice %s(void) {'" % function,
            "echo '    return slice_of(bytes, sizeof(bytes));'",
            "echo '}' ; } > $@",
        ]),
    )
