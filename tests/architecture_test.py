"""The architecture's three sentences (docs/ARCHITECTURE.md), asked of Bazel and of
the sources.

usage: architecture_test.py; run.py runs it with the other tests.
"""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]

LAYERS = ("base", "rpc", "storage", "server", "gateway", "ctl")

# Files that decide and transform: no I/O, no locks.
PURE = [
    "gateway/envelope.[ch]",
    "gateway/descriptor/*.[ch]",
    "gateway/transcode/*.[ch]",
    "server/run_state.[ch]",
    "server/run_validate*.[ch]",
    "server/validat*.[ch]",
    "base/wire.[ch]",
    "base/utf8.[ch]",
    "base/slice.h",
    "base/timestamp.[ch]",
]
IMPURE_HEADERS = re.compile(
    r'#include\s+[<"](unistd\.h|fcntl\.h|pthread\.h|threads\.h|stdatomic\.h|poll\.h|'
    r'signal\.h|sys/(?!types\.h|cdefs\.h)[a-z]+\.h|netinet/[^>]*|microhttpd\.h|sqlite3\.h|grpc/[^>]*|'
    r'base/log\.h|rpc/(?!status_details)[^"]*|storage/(?!run_store\.h)[^"]*)[>"]')
IMPURE_CALLS = re.compile(
    r"\b(fopen|fdopen|fprintf|printf|puts|fputs|fread|fwrite|read|write|open|clock_now_us|"
    r"clock_monotonic_us|getenv|rand|getrandom)\(")
BACK_ENDS = re.compile(r"sqlite|memory_store|libpq|postgres", re.IGNORECASE)


def bazel(expression):
    done = subprocess.run(["bazel", "query", "--noshow_progress", "--output=label", expression],
                          cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout.split()


def sources(*patterns):
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern)})


def includes(path):
    return re.findall(r'^#include\s+([<"][^>"]+[>"])', path.read_text(encoding="utf-8"), re.M)


class Architecture(unittest.TestCase):
    def test_gateway_does_not_depend_on_server(self):
        self.assertEqual([], bazel("deps(//gateway/...) intersect //server/..."))

    def test_server_does_not_depend_on_gateway(self):
        self.assertEqual([], bazel("deps(//server/...) intersect //gateway/..."))

    def test_gateway_knows_no_storage(self):
        self.assertEqual([], bazel("deps(//gateway/...) intersect //storage/..."))

    def test_lower_layers_do_not_know_higher_ones(self):
        higher = "(//server/... union //gateway/... union //ctl/...)"
        self.assertEqual([], bazel(f"deps(//base/... union //rpc/... union //storage/...) "
                                   f"intersect {higher}"))

    def test_storage_knows_no_grpc(self):
        self.assertEqual([], bazel("deps(//storage/...) intersect //rpc/..."))

    def test_only_the_opener_depends_on_a_back_end(self):
        concrete = "(//storage:memory_store union //storage/sqlite/...)"
        users = bazel(f"rdeps(//base/... union //rpc/... union //storage/... union //server/... "
                      f"union //gateway/... union //ctl/..., {concrete}, 1) except {concrete}")
        users = [u for u in users if not u.startswith("//storage")]
        self.assertEqual([], users)

    def test_server_includes_no_header_of_a_back_end_or_of_grpc(self):
        for path in sources("server/**/*.[ch]"):
            for name in includes(path):
                self.assertNotRegex(name, r"^<grpc/|sqlite3\.h|libpq-fe\.h", str(path))
                self.assertNotRegex(name, r"memory_store\.h|sqlite/", str(path))

    def test_nobody_but_storage_names_a_back_end_in_code(self):
        for path in sources("server/**/*.[ch]", "gateway/**/*.[ch]", "rpc/*.[ch]", "base/*.[ch]"):
            if path.name == "main.c":
                continue
            code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
            self.assertNotRegex(code, BACK_ENDS, str(path))

    def test_grpc_headers_are_included_by_rpc_alone(self):
        for path in sources("base/**/*.[ch]", "storage/**/*.[ch]", "server/**/*.[ch]",
                            "gateway/**/*.[ch]", "ctl/**/*.[ch]"):
            for name in includes(path):
                self.assertNotRegex(name, r"^<grpc", str(path))

    def test_sqlite_is_included_by_its_back_end_alone(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            if path.is_relative_to(ROOT / "storage/sqlite"):
                continue
            self.assertNotIn("<sqlite3.h>", includes(path), str(path))

    def test_pure_files_do_no_io_and_take_no_locks(self):
        files = sources(*PURE)
        self.assertGreater(len(files), 10)
        for path in files:
            text = path.read_text(encoding="utf-8")
            self.assertEqual([], IMPURE_HEADERS.findall(text), str(path))
            code = re.sub(r"//.*", "", text)
            self.assertEqual([], IMPURE_CALLS.findall(code), str(path))

    def test_files_are_short(self):
        for path in sources(*(f"{layer}/**/*.{kind}" for layer in LAYERS + ("tests",)
                              for kind in ("c", "h", "cc"))):
            lines = path.read_text(encoding="utf-8").count("\n")
            self.assertLessEqual(lines, 700, str(path))


if __name__ == "__main__":
    unittest.main()
