"""Code and descriptor sets from .proto files, by Debian's protoc and protoc-c."""

# Where Debian keeps the .proto files of others.
PROTO_PATHS = [
    "-Iprotos",
    "-I/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis",
    "-I/usr/share/grpc-proto",
    "-I/usr/include",
]

def protobuf_c_library(name, protos, system_protos = [], deps = [], **kwargs):
    """protobuf-c code for protos of this package and for system_protos."""
    files = protos + system_protos
    outs = []
    for f in files:
        outs.append(f.replace(".proto", ".pb-c.c"))
        outs.append(f.replace(".proto", ".pb-c.h"))
    native.genrule(
        name = name + "_gen",
        srcs = protos,
        outs = outs,
        cmd = "protoc-c %s --c_out=$(RULEDIR) %s" % (
            " ".join(PROTO_PATHS),
            " ".join(files),
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

def descriptor_set(name, protos, srcs, **kwargs):
    """A FileDescriptorSet with imports and comments' positions left out."""
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".binpb"],
        cmd = "protoc %s --include_imports -o $@ %s" % (
            " ".join(PROTO_PATHS),
            " ".join(protos),
        ),
        **kwargs
    )
