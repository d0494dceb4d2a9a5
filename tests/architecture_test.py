"""The architecture's three sentences (docs/ARCHITECTURE.md), asked of Bazel and of
the sources.

usage: architecture_test.py; run.py runs it with the other tests.
"""

import pathlib
import re
import subprocess
import tempfile
import unittest

import source_graph

ROOT = pathlib.Path(__file__).resolve().parents[1]

LAYERS = ("base", "admin", "rpc", "storage", "server", "gateway", "ctl")

# Files that decide and transform: no I/O, no locks. Their headers say "Pure", and so
# does the comment of a library of such files; each must be named here, and the other
# way round.
PURE = [
    "base/cli/did_you_mean.[ch]",
    "base/log/log_mask.[ch]",
    "base/metrics/metrics_format.[ch]",
    "base/metrics/metrics_number.[ch]",
    "base/metrics/metrics_text.[ch]",
    "base/metrics/openmetrics_text.[ch]",
    "base/metrics/prometheus_text.[ch]",
    "base/trace/otlp.[ch]",
    "base/trace/trace_parent.[ch]",
    "base/trace/trace_sampler.[ch]",
    "ctl/count_text.[ch]",
    "ctl/json_controls.[ch]",
    "ctl/progress_line.[ch]",
    "ctl/time_option.[ch]",
    "base/core/header_text.[ch]",
    "base/core/http_token.h",
    "base/core/hex.h",
    "base/core/json_escape.[ch]",
    "base/core/well_known_fields.h",
    "base/core/slice.h",
    "base/core/timestamp.[ch]",
    "base/core/utf8.[ch]",
    "base/core/wire.[ch]",
    "gateway/connection/client_hello.[ch]",
    "gateway/descriptor/*.[ch]",
    "gateway/envelope.[ch]",
    "gateway/edge/accept_encoding.[ch]",
    "gateway/edge/authority.[ch]",
    "gateway/edge/compression.[ch]",
    "gateway/edge/cors.[ch]",
    "gateway/edge/edge.[ch]",
    "gateway/edge/error_details.[ch]",
    "gateway/edge/etag.[ch]",
    "gateway/edge/forwarded_for.[ch]",
    "gateway/edge/gunzip.[ch]",
    "gateway/edge/head_layout.[ch]",
    "gateway/edge/idempotency_key.[ch]",
    "gateway/edge/page_origin.[ch]",
    "gateway/edge/head_room.h",
    "gateway/edge/header.[ch]",
    "gateway/edge/header_map.[ch]",
    "gateway/edge/request_head.[ch]",
    "gateway/edge/request_metadata.[ch]",
    "gateway/http/routing.[ch]",
    "gateway/http/stream_format.[ch]",
    "gateway/edge/trace_context.[ch]",
    "gateway/edge/trusted_addresses.[ch]",
    "gateway/openapi/*.[ch]",
    "gateway/reflection/reflection_message.[ch]",
    "rpc/health_answer.[ch]",
    "gateway/local/health_pages.[ch]",
    "gateway/local/local_route.[ch]",
    "gateway/local/local_table.[ch]",
    "gateway/local/openapi_page.[ch]",
    "gateway/local/web_pages.[ch]",
    "gateway/rpc_status_json.[ch]",
    "gateway/json/*.[ch]",
    "gateway/transcode/*.[ch]",
    "rpc/metadata.h",
    "server/domain/bulk_codec.[ch]",
    "server/domain/bulk_error.[ch]",
    "server/domain/bulk_validate.[ch]",
    "server/domain/feed_cursor.[ch]",
    "server/domain/idempotency.[ch]",
    "server/domain/lease_state.[ch]",
    "server/domain/lease_validate.[ch]",
    "server/domain/long_wait.h",
    "server/domain/message_guard.[ch]",
    "server/domain/message_nul.h",
    "server/domain/page_token.[ch]",
    "server/domain/run_codec.[ch]",
    "server/domain/run_error.[ch]",
    "server/domain/run_event_codec.[ch]",
    "server/domain/run_size.[ch]",
    "server/domain/run_state.[ch]",
    "server/domain/run_validate.[ch]",
    "server/domain/signed_text.[ch]",
    "server/domain/struct_validate.[ch]",
    "server/domain/violations.[ch]",
    "server/domain/workflow_validate.[ch]",
    "server/feed/feed_filter.[ch]",
    "server/limit/limit_bucket.[ch]",
    "storage/quota.h",
    "storage/run_fields.[ch]",
    "storage/run_spec.h",
    "storage/store_sums.[ch]",
    "storage/store_table.[ch]",
]
SAYS_PURE = re.compile(r"\b(Pure|[;:] pure)\b[.:,]")
PURE_LIBRARY = re.compile(r"^# [^\n]*\b[Pp]ure\.\n[a-z_]+\($(.*?)^\)", re.M | re.S)
IMPURE_HEADERS = re.compile(
    r'#include\s+[<"](unistd\.h|fcntl\.h|pthread\.h|threads\.h|stdatomic\.h|poll\.h|'
    r'signal\.h|sys/(?!types\.h|cdefs\.h)[a-z]+\.h|netinet/[^>]*|microhttpd\.h|sqlite3\.h|grpc/[^>]*|'
    r'base/log/log(?:_line)?\.h|base/thread/[^"]*|rpc/(?!status_details|metadata|health_answer)[^"]*|storage/(?!bulk_record\.h|idempotency\.h|run_record\.h|run_fields\.h|store_sums\.h|store_table\.h|op/)[^"]*)[>"]')
IMPURE_CALLS = re.compile(
    r"(?<![.>])\b(fopen|fdopen|fprintf|printf|puts|fputs|fread|fwrite|read|write|open|send|recv|"
    r"clock_now_us|clock_monotonic_us|clock_gettime|gettimeofday|time|getenv|rand|random|getrandom|"
    r"RAND_bytes|nanosleep|usleep|sleep|syslog|pthread_[a-z_]+|mtx_[a-z]+|LOG|log_write)\(")
# The lines of storage/backends.h: {name: what its URLs look like}.
REGISTERED = dict(re.findall(r'^    (?:FIRST|NEXT)\((\w+), "([^"]+)"',
                             (ROOT / "storage/backends.h").read_text(encoding="utf-8"), re.M))
BACK_ENDS = re.compile("|".join(["sqlite", "libpq", "postgres"] +
                                [rf'\b{name}_(?:backend|store)|"{re.escape(url.split(":")[0])}:'
                                 for name, url in REGISTERED.items()]), re.IGNORECASE)


# Files of one folder that call each other in a circle, and why that is so.
CIRCLES = {}
# A layer's own folder composes its rooms and has what all of them share.
LOBBIES = {"gateway", "storage", "server"}
# Files that include each other in a circle, of any folders.
INCLUDE_CIRCLES = []


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


def names_defined_twice(root, layers):
    """The functions that two files define for all: "NAME: FILE, FILE"."""
    found = {}
    for layer in layers:
        for path in sorted((root / layer).rglob("*.c")):
            for head in re.findall(r"^(?=[a-z])(?!static\b|typedef\b|extern\b)([^;{}=#]*?)\{$",
                                   code_of(path), re.M):
                name = re.search(r"(\w+)\(", head)
                if name and name.group(1) != "main":
                    found.setdefault(name.group(1), []).append(str(path.relative_to(root)))
    return [f"{name}: {', '.join(files)}" for name, files in sorted(found.items())
            if len(files) > 1]


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
        self.assertEqual([], bazel(f"deps(//base/... union //admin/... union //rpc/... "
                                   f"union //storage/...) "
                                   f"intersect {higher}"))

    def test_storage_knows_no_grpc(self):
        self.assertEqual([], bazel("deps(//storage/...) intersect //rpc/..."))

    def test_only_the_opener_depends_on_a_back_end(self):
        concrete = " union ".join(f"//storage/{name}/..." for name in REGISTERED)
        concrete = f"({concrete})"
        users = bazel(f"rdeps(//base/... union //rpc/... union //storage/... union //server/... "
                      f"union //gateway/... union //ctl/..., {concrete}, 1) except {concrete}")
        self.assertEqual(["//storage:store_opener"], users)

    def test_server_includes_no_header_of_a_back_end_or_of_grpc(self):
        for path in sources("server/**/*.[ch]"):
            for name in includes(path):
                self.assertNotRegex(name, r"^<grpc/|sqlite3\.h|libpq-fe\.h", str(path))

    def test_only_storage_names_a_back_end_in_code(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS if layer != "storage"),
                            "storage/*.[ch]"):
            if path != ROOT / "storage/backends.h":
                self.assertNotRegex(code_of(path), BACK_ENDS, str(path))

    def test_back_ends_are_registered_and_export_no_header(self):
        for name in REGISTERED:
            folder = ROOT / "storage" / name
            with self.subTest(name):
                self.assertNotIn("hdrs", (folder / "BUILD.bazel").read_text(encoding="utf-8"))
                for path in sources("**/*.[ch]"):
                    # Tests of its parts know them.
                    if not path.is_relative_to(folder) and path.parent != ROOT / "tests/storage":
                        self.assertEqual([], [i for i in includes(path)
                                              if i.startswith(f'"storage/{name}/')], str(path))

    def test_readme_names_the_urls_of_each_back_end(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertTrue(REGISTERED)
        for url in REGISTERED.values():
            self.assertIn(f"`{url}`", text)

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

    def test_libpq_is_included_by_its_back_end_alone(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            if path.is_relative_to(ROOT / "storage/postgres"):
                continue
            self.assertNotRegex(" ".join(includes(path)), r"<postgresql/", str(path))

    # A linker takes the first of two in different libraries, and says nothing: then one part
    # calls another's function.
    def test_no_two_files_define_the_same_name(self):
        self.assertEqual([], names_defined_twice(ROOT, LAYERS))

    def test_names_that_are_defined_twice_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "base").mkdir()
            (root / "base/a.c").write_text("int f(void) {\n}\nstatic int g(int a,\n    int b) {\n}\n")
            (root / "base/b.c").write_text("const char *\nf(int a,\n  int b) {\n}\nint g(void) {\n}\n")
            self.assertEqual(["f: base/a.c, base/b.c"], names_defined_twice(root, ["base"]))

    def test_pure_files_do_no_io_and_take_no_locks(self):
        self.assertEqual([], faults_of_purity(ROOT, PURE))

    def test_what_must_hold_is_checked_in_every_build(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            if path == ROOT / "base/log/check_failed.c":
                continue
            found = re.findall(r"\bassert\(|\babort\(|<assert\.h>", code_of(path))
            self.assertEqual([], found, f"{path}: use CHECK (base/core/check.h)")

    def test_threads_and_timed_waits_are_made_in_one_place(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            if path.is_relative_to(ROOT / "base/thread"):
                continue
            found = re.findall(r"\bpthread_(?:create|join|setname_np|condattr_\w+|cond_timedwait)\b",
                               code_of(path))
            self.assertEqual([], found, f"{path}: use base/thread")

    def test_files_of_a_folder_call_each_other_one_way(self):
        for folder in sorted({path.parent for path in
                              sources(*(f"{layer}/**/*.c" for layer in LAYERS))}):
            name = str(folder.relative_to(ROOT))
            allowed = [list(circle) for circle in CIRCLES.get(name, {})]
            with self.subTest(name):
                self.assertEqual(allowed, source_graph.circles(source_graph.edges(folder)))

    def test_files_include_each_other_one_way(self):
        self.assertEqual(INCLUDE_CIRCLES, source_graph.circles(source_graph.headers(ROOT, LAYERS)))

    def test_private_headers_are_included_in_their_own_folder_alone(self):
        for path in sources(*(f"{layer}/**/*.[ch]" for layer in LAYERS)):
            folder = str(path.parent.relative_to(ROOT))
            for name in includes(path):
                if name.endswith('_internal.h"'):
                    self.assertEqual(folder, name.strip('"').rsplit("/", 1)[0], f"{path}: {name}")

    def test_rooms_include_each_other_one_way(self):
        graph = source_graph.rooms(ROOT, LAYERS)
        inner = {room: others - LOBBIES for room, others in graph.items() if room not in LOBBIES}
        self.assertEqual([], source_graph.circles(inner))

    def test_the_page_says_what_each_room_includes(self):
        page = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
        told = {room: sorted(re.findall(r"`([^`]+)`", includes)) for room, includes in
                re.findall(r"^\| `([a-z_/]+)/` \| [^|]+ \| ([^|]+) \|$", page, re.M)}
        graph = source_graph.rooms(ROOT, LAYERS + ("protos",))
        self.assertEqual({room: sorted(others) for room, others in graph.items()}, told)

    def test_the_walk_through_a_cancel_names_files_that_are_there(self):
        page = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
        walk = page.split("## A cancel, file by file")[1].split("\n## ")[0]
        folder = None
        for name in re.findall(r"`([a-z_/]+\.[ch])`", walk):
            path = ROOT / name if "/" in name else folder / name
            with self.subTest(name):
                self.assertTrue(path.exists())
            folder = path.parent

    def test_no_glob_of_bazel_is_empty(self):
        for build in sorted(ROOT.glob("*/**/BUILD.bazel")):
            text = build.read_text(encoding="utf-8")
            for patterns, more in re.findall(r"\bglob\(\s*\[(.*?)\]([^)]*)\)", text, re.S):
                if "allow_empty = True" in more:
                    continue
                for pattern in re.findall(r'"([^"]+)"', patterns):
                    with self.subTest(f"{build.relative_to(ROOT)}: {pattern}"):
                        self.assertTrue(any(build.parent.glob(pattern)))

    def test_files_are_short(self):
        patterns = [f"{layer}/**/*.{kind}" for layer in LAYERS for kind in ("c", "h")]
        for path in sources("tests/**/*.cc", "tests/**/*.h", *patterns):
            lines = path.read_text(encoding="utf-8").count("\n")
            self.assertLessEqual(lines, 700, str(path))


class TheCheckItself(unittest.TestCase):
    """On a made-up tree: each kind of fault is told, and nothing else."""

    def test_a_back_end_is_known_by_its_names(self):
        for code in ('"memory:"', '"sqlite:runs.db"', "memory_store_new(o)", "&memory_backend",
                     "sqlite3_open(", '"Postgres"'):
            self.assertRegex(code, BACK_ENDS)
        for code in ("memory_keeper_start()", '"base/core/memory.h"', '"out of memory"'):
            self.assertNotRegex(code, BACK_ENDS)

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

    def test_a_circle_of_calls_is_found(self):
        self.write("rpc/one.h", "int one(void);\n")
        self.write("rpc/one.c", '#include "rpc/two.h"\nint one(void) {\n    return two(1);\n}\n')
        self.write("rpc/two.h", "int two(int a);\n")
        two = '#include "rpc/two.h"\n// one(\nint two(int a) {\n    return a;\n}\n'
        self.write("rpc/two.c", two)
        graph = source_graph.edges(self.root / "rpc")
        self.assertEqual({"one": {"two"}, "two": set()}, graph)
        self.assertEqual([], source_graph.circles(graph))
        self.write("rpc/two.c", two.replace("return a", "return one()"))
        self.assertEqual([["one", "two"]], source_graph.circles(source_graph.edges(self.root / "rpc")))

    def test_a_circle_of_includes_is_found(self):
        self.write("rpc/one_internal.h", '#include "base/two.h"\n')
        self.write("rpc/one.c", '#include "rpc/one_internal.h"\n')
        self.write("base/two.h", "")
        layers = ("base", "rpc")
        self.assertEqual([], source_graph.circles(source_graph.headers(self.root, layers)))
        self.assertEqual({"rpc"}, {room for room, others in
                                   source_graph.rooms(self.root, layers).items() if others})
        self.write("base/two.c", '#include "rpc/one.h"\n')
        self.write("rpc/one.h", "")
        self.assertEqual([["base/two", "rpc/one"]],
                         source_graph.circles(source_graph.headers(self.root, layers)))
        self.assertEqual([["base", "rpc"]],
                         source_graph.circles(source_graph.rooms(self.root, layers)))

    def test_each_impurity_is_told(self):
        for line, fault in (("#include <pthread.h>", "includes pthread.h"),
                            ("#include <stdatomic.h>", "includes stdatomic.h"),
                            ("#include <sys/socket.h>", "includes sys/socket.h"),
                            ("#include <grpc/grpc.h>", "includes grpc/grpc.h"),
                            ('#include "base/log/log.h"', "includes base/log/log.h"),
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
