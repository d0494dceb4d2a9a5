"""How runsd compiles: the rules of every package, with warnings as errors."""

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wformat=2",
    "-Werror",
]

C_WARNINGS = WARNINGS + [
    "-Wconversion",
    "-Wmissing-prototypes",
    "-Wstrict-prototypes",
    "-Wvla",
]

def runsd_library(name, srcs = [], hdrs = [], deps = [], **kwargs):
    """A C11 library of the product."""
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = C_WARNINGS,
        deps = deps,
        **kwargs
    )

def runsd_binary(name, srcs = [], deps = [], **kwargs):
    """A C11 program of the product."""
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = C_WARNINGS + ["-fPIE"],
        linkopts = ["-pie", "-lpthread"],
        deps = deps,
        **kwargs
    )

def runsd_test(name, srcs = [], deps = [], linkopts = [], **kwargs):
    """A googletest program; its main comes from gtest_main."""
    native.cc_test(
        name = name,
        srcs = srcs,
        copts = WARNINGS,
        linkopts = linkopts + ["-lgtest", "-lgtest_main", "-lpthread"],
        deps = deps,
        **kwargs
    )
