"""The architecture's three sentences (docs/ARCHITECTURE.md), asked of Bazel and of
the sources.

usage: architecture_test.py; run.py runs it with the other tests.
"""

import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]

LAYERS = ("base", "rpc", "storage", "server", "gateway", "ctl")

# Files that decide and transform: no I/O, no locks. Their headers say "Pure", and so
# does the comment of a library of such files; each must be named here, and the other
# way round.
PURE = [
    "base/log_mask.[ch]",
    "base/slice.h",
    "base/timestamp.[ch]",
    "base/utf8.[ch]",
    "base/wire.[ch]",
    "gateway/descriptor/*.[ch]",
    "gateway/envelope.[ch]",
    "gateway/http/accept_encoding.[ch]",
    "gateway/http/authority.[ch]",
    "gateway/http/compression.[ch]",
    "gateway/http/cors.[ch]",
    "gateway/http/edge.[ch]",
    "gateway/http/error_details.[ch]",
    "gateway/http/etag.[ch]",
    "gateway/http/head_layout.[ch]",
    "gateway/http/header.[ch]",
    "gateway/http/header_map.[ch]",
    "gateway/http/request_head.[ch]",
    "gateway/http/request_metadata.[ch]",
    "gateway/http/routing.[ch]",
    "gateway/http/stream_format.[ch]",
    "gateway/http/trace_context.[ch]",
    "gateway/reflection/reflection_message.[ch]",
    "gateway/rpc_status_json.[ch]",
    "gateway/transcode/*.[ch]",
    "rpc/metadata.h",
    "server/message_guard.[ch]",
    "server/page_token.[ch]",
    "server/run_codec.[ch]",
    "server/run_errors.[ch]",
    "server/run_state.[ch]",
    "server/run_validate.[ch]",
    "server/struct_validate.[ch]",
    "server/violations.[ch]",
    "server/workflow_validate.[ch]",
]
SAYS_PURE = re.compile(r"\b(Pure|[;:] pure)\b[.:,]")
PURE_LIBRARY = re.compile(r"^# [^\n]*\b[Pp]ure\.\n[a-z_]+\($(.*?)^\)", re.M | re.S)
IMPURE_HEADERS = re.compile(
    r'#include\s+[<"](unistd\.h|fcntl\.h|pthread\.h|threads\.h|stdatomic\.h|poll\.h|'
    r'signal\.h|sys/(?!types\.h|cdefs\.h)[a-z]+\.h|netinet/[^>]*|microhttpd\.h|sqlite3\.h|grpc/[^>]*|'
    r'base/log\.h|rpc/(?!status_details|metadata)[^"]*|storage/(?!run_store\.h)[^"]*)[>"]')
IMPURE_CALLS = re.compile(
    r"(?<![.>])\b(fopen|fdopen|fprintf|printf|puts|fputs|fread|fwrite|read|write|open|send|recv|"
    r"clock_now_us|clock_monotonic_us|clock_gettime|gettimeofday|time|getenv|rand|random|getrandom|"
    r"RAND_bytes|nanosleep|usleep|sleep|syslog|pthread_[a-z_]+|mtx_[a-z]+|LOG|log_write)\(")
BACK_ENDS = re.compile(r"sqlite|memory_store|libpq|postgres", re.IGNORECASE)


def bazel(expression):
    done = subprocess.run(["bazel", "query", "--noshow_progress", "--output=label", expression],
                          cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout.split()


def sources(*patterns, root=ROOT):
    """The files of all patterns. A pattern without a file would check nothing."""
    found = set()
    for pattern in patterns:
        paths = set(root.glob(pattern))
        if not paths:
            raise AssertionError(f"no file matches {pattern}")
        found |= paths
    return sorted(found)


def code_of(path):
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def pure_by_their_word(root):
    """The files that are called pure, by their header or by their library's comment."""
    found = set()
    for layer in LAYERS:
        for path in (root / layer).rglob("*.h"):
            comments = " ".join(re.findall(r"//(.*)", path.read_text(encoding="utf-8")))
            if SAYS_PURE.search(re.sub(r"\s+", " ", comments)):
                found |= {p for p in (path, path.with_suffix(".c")) if p.exists()}
        for build in (root / layer).rglob("BUILD.bazel"):
            for rule in PURE_LIBRARY.findall(build.read_text(encoding="utf-8")):
                found |= {build.parent / name for name in re.findall(r'"([a-z0-9_]+\.[ch])"', rule)}
    return found


def faults_of_purity(root, patterns):
    """What is wrong with the files of patterns under root, a sentence each."""
    faults = []
    listed = set()
    for pattern in patterns:
        paths = set(root.glob(pattern))
        listed |= paths
        if not paths:
            faults.append(f"{pattern}: no such file")
        elif not any(path.suffix == ".h" for path in paths):
            faults.append(f"{pattern}: no header")
    says = pure_by_their_word(root)
    for path in sorted(says - listed):
        faults.append(f"{path.relative_to(root)}: is called pure and not checked")
    for path in sorted(p for p in listed - says if p.suffix == ".h"):
        faults.append(f"{path.relative_to(root)}: is checked and does not say that it is pure")
    for path in sorted(listed | says):
        text = path.read_text(encoding="utf-8")
        for name in IMPURE_HEADERS.findall(text):
            faults.append(f"{path.relative_to(root)}: includes {name}")
        for name in IMPURE_CALLS.findall(code_of(path)):
            faults.append(f"{path.relative_to(root)}: calls {name}")
    return faults


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
            self.assertNotRegex(code_of(path), BACK_ENDS, str(path))

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
        self.assertEqual([], faults_of_purity(ROOT, PURE))

    def test_what_must_hold_is_checked_in_every_build(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            if path == ROOT / "base/check.c":
                continue
            found = re.findall(r"\bassert\(|\babort\(|<assert\.h>", code_of(path))
            self.assertEqual([], found, f"{path}: use CHECK (base/check.h)")

    def test_files_are_short(self):
        patterns = [f"{layer}/**/*.{kind}" for layer in LAYERS for kind in ("c", "h")]
        for path in sources("tests/**/*.cc", "tests/**/*.h", *patterns):
            lines = path.read_text(encoding="utf-8").count("\n")
            self.assertLessEqual(lines, 700, str(path))


class TheCheckItself(unittest.TestCase):
    """On a made-up tree: each kind of fault is told, and nothing else."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("base/text.h", "// Text. Pure.\nint text(void);\n")
        self.write("base/text.c", '#include "base/text.h"\n// read( is only named here\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def faults(self, *patterns):
        return faults_of_purity(self.root, patterns or ["base/text.[ch]"])

    def test_nothing_is_said_of_what_is_right(self):
        self.assertEqual([], self.faults())

    def test_a_pattern_without_a_file_is_a_fault(self):
        self.assertEqual(["base/nothing*.[ch]: no such file"],
                         self.faults("base/text.[ch]", "base/nothing*.[ch]"))
        with self.assertRaisesRegex(AssertionError, "no file matches base/nothing"):
            sources("base/*.h", "base/nothing*", root=self.root)

    def test_what_is_called_pure_must_be_listed(self):
        for word in ("Pure.", "Immutable; pure.", "Pure: no I/O."):
            with self.subTest(word):
                self.write("server/other.h", f"// Other.\n// {word}\n")
                self.assertEqual(["server/other.h: is called pure and not checked"], self.faults())
        self.write("server/other.h", "// Other, not pure in any way.\n")
        self.assertEqual([], self.faults())

    def test_a_library_that_is_called_pure_must_be_listed(self):
        self.write("server/other.c", "")
        self.write("server/more.c", "")
        self.write("server/BUILD.bazel", '# Others: pure.\nrunsd_library(\n    srcs = ["other.c"],\n)\n'
                                         '\n# More.\nrunsd_library(\n    srcs = ["more.c"],\n)\n')
        self.assertEqual(["server/other.c: is called pure and not checked"], self.faults())

    def test_what_is_listed_must_say_it(self):
        self.write("base/text.h", "// Text.\n")
        self.assertEqual(["base/text.h: is checked and does not say that it is pure"], self.faults())

    def test_each_impurity_is_told(self):
        for line, fault in (("#include <pthread.h>", "includes pthread.h"),
                            ("#include <stdatomic.h>", "includes stdatomic.h"),
                            ("#include <sys/socket.h>", "includes sys/socket.h"),
                            ("#include <grpc/grpc.h>", "includes grpc/grpc.h"),
                            ('#include "base/log.h"', "includes base/log.h"),
                            ('#include "rpc/client.h"', "includes rpc/client.h"),
                            ('#include "storage/op_queue.h"', "includes storage/op_queue.h"),
                            ("int a = open(name);", "calls open"),
                            ("LOG(log, LOG_WARN, text);", "calls LOG"),
                            ("t = clock_now_us(c);", "calls clock_now_us")):
            with self.subTest(line):
                self.write("base/text.c", line + "\n")
                self.assertEqual([f"base/text.c: {fault}"], self.faults())


if __name__ == "__main__":
    unittest.main()
