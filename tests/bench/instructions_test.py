"""Tests of the pure parts of script/bench --instructions."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import instructions as program  # noqa: E402
from harness import callgrind, instructions, instructions_baseline  # noqa: E402

DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  runsctl serve --http 127.0.0.1:1
desc: Trigger: dump

positions: line
events: Ir
summary: 1000

ob=(1) /usr/bin/runsctl
fl=(1) /proc/self/cwd/./base/core/arena.c
fn=(1) arena_alloc
10 100
fi=(2) /proc/self/cwd/base/size.h
+3 20
fe=(1)
* 5
cob=(2) /usr/lib/libc.so.6
cfi=(3) ./malloc/malloc.c
cfn=(2) malloc
calls=3 7
-2 60
cfn=(4) walk'2
calls=1 40
12 9

fn=(3) walk
40 11
cfn=(4)
calls=1 40
40 30

fn=(4)
40 30

ob=(2)
fl=(3)
fn=(2)
7 60
fn=(5) realloc
8 4
cfn=(2)
calls=9 7
8 0
fn=(6) caller.part.0
9 1
cfn=(5)
calls=2 8
9 4
cfn=(7) free
calls=6 8
9 0
totals: 1000
"""
GCC = "12.2.0"
VERSIONS = "libgrpc-dev 1.51.1-3\nlibssl-dev 3.0.22\n"
CPUINFO = "processor : 0\nflags\t\t: fpu avx sha_ni avx2\nflags\t\t: none\n"
TOOLS = instructions_baseline.toolchain(GCC, VERSIONS, CPUINFO)


def count(functions, allocations=4.0):
    return instructions.Count(float(sum(functions.values())), allocations, allocations, 0.001,
                              functions, dict(functions))


class Callgrind(unittest.TestCase):
    def setUp(self):
        self.profile = callgrind.parse(DUMP.splitlines(keepends=True))

    def test_costs_belong_to_functions_also_where_code_of_headers_is_inlined(self):
        self.assertEqual(self.profile.self_cost["arena_alloc [base/core/arena.c]"], 125)
        self.assertEqual(self.profile.self_cost["malloc [libc.so.6]"], 60)
        self.assertEqual(self.profile.self_cost["caller [libc.so.6]"], 1)
        self.assertEqual(sum(self.profile.self_cost.values()), 125 + 11 + 30 + 60 + 4 + 1)

    def test_what_is_called_is_inclusive_and_recursion_counts_once(self):
        self.assertEqual(self.profile.inclusive["arena_alloc [base/core/arena.c]"], 125 + 60 + 9)
        self.assertEqual(self.profile.self_cost["walk [base/core/arena.c]"], 41)
        self.assertEqual(self.profile.inclusive["walk [base/core/arena.c]"], 41)

    def test_an_allocation_counts_once(self):
        # 3 of malloc and 2 of realloc, whose own 9 calls of malloc are the same ones.
        self.assertEqual((self.profile.allocations, self.profile.frees), (5, 6))

    def test_functions_of_one_name_in_two_files_stay_apart(self):
        profile = callgrind.parse(["fl=(1) /proc/self/cwd/a.c", "fn=(1) take", "1 5",
                                   "fl=(2) /proc/self/cwd/b.c", "fn=(2) take", "1 7"])
        self.assertEqual(profile.self_cost, {"take [a.c]": 5, "take [b.c]": 7})

    def test_inlined_code_changes_no_function_s_file(self):
        profile = callgrind.parse(["fl=(1) /proc/self/cwd/a.c", "fn=(1) f", "1 5",
                                   "fi=(2) /proc/self/cwd/b.h", "1 6", "fn=(2) g", "1 7"])
        self.assertEqual(profile.self_cost, {"f [a.c]": 11, "g [a.c]": 7})

    def test_a_function_that_the_compiler_cut_in_two_counts_once(self):
        profile = callgrind.parse(["fl=(1) /proc/self/cwd/a.c", "fn=(1) f", "1 5",
                                   "cfn=(2) f.part.0", "calls=1 1", "1 7", "fn=(2)", "1 7"])
        self.assertEqual(profile.inclusive, {"f [a.c]": 12})

    def test_positions_may_be_of_two_columns_and_names_uncompressed(self):
        profile = callgrind.parse(["positions: instr line", "ob=/bin/x", "fn=f", "0x10 3 8",
                                   "+4 * 2", "+4 *"])
        self.assertEqual(profile.self_cost, {"f [x]": 10})

    def test_names_lose_what_compilers_and_versions_add(self):
        for name, plain in (
                ("put.constprop.0.isra.1", "put"), ("walk'2", "walk"),
                ("pthread_getspecific@@GLIBC_2.34", "pthread_getspecific"),
                ("std::map<int, std::set<char> >::at(int const&) const", "std::map::at"),
                ("a::(anonymous namespace)::b(int)", "a::(anonymous namespace)::b"),
                ("(below main)", "(below main)"), ("0x0000000004fb61b0'2", "0x0000000004fb61b0")):
            self.assertEqual(callgrind.plain_name(name), plain)

    def test_what_cannot_be_read_is_told_with_its_line(self):
        for line, words in (("fn=(9)", r"\(9\) names no function"), ("calls=x", "invalid literal")):
            with self.assertRaisesRegex(ValueError, "^line 2 of callgrind's dump: .*" + words):
                callgrind.parse(["events: Ir", line])


class Counts(unittest.TestCase):
    def test_the_round_in_the_middle_counts(self):
        profiles = []
        for cost in (1200, 1000, 1010):
            profiles.append(callgrind.parse(["fl=a", "ob=/x", "fn=f", f"1 {cost}"]))
        found = instructions.per_request(profiles, 100)
        self.assertEqual((found.instructions, found.functions), (10.1, {"f [x]": 10.1}))
        self.assertAlmostEqual(found.spread, 200 / 1010)


    def test_spinning_on_a_mutex_is_no_work(self):
        profile = callgrind.parse(["fl=a", "ob=/x", "fn=absl::debian3::Mutex::Lock()", "1 900",
                                   "fn=absl::debian3::Mutex::Unlock()", "1 30"])
        found = instructions.per_request([profile], 10)
        self.assertEqual((found.instructions, found.functions),
                         (3.0, {"absl::debian3::Mutex::Unlock [x]": 3.0}))


class Baseline(unittest.TestCase):
    def setUp(self):
        self.then = {"get": count({"parse": 600, "write": 400})}
        self.baseline = json.loads(instructions_baseline.text(self.then, TOOLS))

    def compare(self, functions, allocations=4.0):
        return instructions_baseline.compare({"get": count(functions, allocations)}, self.baseline)

    def read(self, text, tools):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "instructions.json")
            if text is not None:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return instructions_baseline.read(path, tools)

    def test_the_toolchain_is_versions_and_the_features_of_the_first_cpu(self):
        self.assertEqual(TOOLS["libgrpc-dev"], "1.51.1-3")
        self.assertEqual(TOOLS["libsqlite3-dev"], "none")
        self.assertEqual(TOOLS["cpu"], "avx avx2")

    def test_what_is_written_can_be_read(self):
        baseline, problem = self.read(instructions_baseline.text(self.then, TOOLS), TOOLS)
        self.assertIsNone(problem)
        self.assertEqual(baseline["cases"]["get"], {
            "instructions": 1000, "allocations": 4.0, "functions": {"parse": 600, "write": 400}})

    def test_only_the_largest_functions_are_kept(self):
        many = {"get": count({f"f{n:03}": n for n in range(1, 101)})}
        kept = json.loads(instructions_baseline.text(many, TOOLS))["cases"]["get"]["functions"]
        self.assertEqual(list(kept)[0], "f100")
        self.assertEqual((len(kept), min(kept.values())), (60, 41))

    def test_a_missing_a_broken_and_a_foreign_baseline_are_told_in_one_line(self):
        text = instructions_baseline.text(self.then, TOOLS)
        newer = instructions_baseline.toolchain("13.1.0", VERSIONS, CPUINFO)
        for content, tools, words in (
                (None, TOOLS, "is missing, so nothing was compared; .*--write-baseline"),
                ("{", TOOLS, "cannot be read"), ("[]", TOOLS, "cannot be read"),
                (text.replace('"allocations"', '"a"'), TOOLS, "cannot be read .*allocations"),
                (text, newer, r"of another toolchain \(gcc 12.2.0, here 13.1.0\)"),
                (text.replace('"requests": 500', '"requests": 7'), TOOLS,
                 r"\(requests 7, here 500\)")):
            baseline, problem = self.read(content, tools)
            self.assertIsNone(baseline)
            self.assertRegex(problem, "^bench/instructions.json .*" + words)
            self.assertNotIn("\n", problem)

    def test_growth_within_the_tolerance_passes(self):
        self.assertEqual(self.compare({"parse": 630, "write": 400}),
                         (["No case differs from the baseline by more than 3 %."], False))

    def test_growth_names_the_functions_largest_first(self):
        lines, grew = self.compare({"parse": 610, "write": 440, "new": 20, "fast": 0.5})
        self.assertTrue(grew)
        self.assertEqual(lines, [
            "get: instructions grew from 1,000 to 1,070 (+7.0 %, tolerated 3 %); most in",
            "        +40  write: 440, baseline 400",
            "        +20  new: 20, baseline 0",
            "        +10  parse: 610, baseline 600"])

    def test_a_function_that_was_too_small_to_be_kept_grew_from_the_smallest_kept(self):
        then = {f"f{n:03}": 10 * n for n in range(1, 101)}
        self.baseline = json.loads(instructions_baseline.text({"get": count(then)}, TOOLS))
        lines, _ = self.compare({**then, "f040": 405, "f039": 3000})
        self.assertEqual(lines[1:], ["     +2,590  f039: 3,000, baseline at most 410"])

    def test_growth_in_many_places_is_told(self):
        many = {f"g{n}": 0.9 for n in range(100)}
        lines, _ = self.compare({"parse": 600, "write": 400, **many})
        self.assertEqual(lines[1:], ["  no single function did, many did a little"])

    def test_more_allocations_fail_by_themselves(self):
        lines, grew = self.compare({"parse": 600, "write": 400}, allocations=5.0)
        self.assertEqual((lines, grew), (["get: allocations grew from 4.0 to 5.0"], True))

    def test_a_smaller_count_passes_and_says_so(self):
        for functions, allocations, words in (
                ({"parse": 500, "write": 400}, 4.0, "-10.0 % instructions, "),
                ({"parse": 600, "write": 400}, 2.0, "-2.0 allocations")):
            lines, grew = self.compare(functions, allocations)
            self.assertFalse(grew)
            self.assertRegex(lines[0], f"^get: shrunk .*{words}.*the baseline can be lowered")

    def test_a_case_that_the_baseline_lacks_fails(self):
        lines, grew = instructions_baseline.compare({"other": count({"f": 1})}, self.baseline)
        self.assertTrue(grew)
        self.assertRegex(lines[0], "^other: not in the baseline")

    def test_the_table_and_the_largest_functions(self):
        now = {"get": count({"parse": 500, "write": 450})}
        row = instructions_baseline.table_of(now, self.baseline).splitlines()[2]
        self.assertEqual([cell.strip() for cell in row.strip("|").split("|")],
                         ["get", "950", "1,000", "-5.0", "4.0", "4.0", "4.0", "0.10"])
        self.assertIn("| 950 | - | - |",
                      " ".join(instructions_baseline.table_of(now, None).split()))
        self.assertEqual(instructions_baseline.largest(now, 1)[2:], ["      500       500  parse"])
        self.assertEqual(instructions_baseline.largest(now, 0), [])


class Options(unittest.TestCase):
    def test_a_baseline_is_of_all_cases(self):
        options = program.parse_arguments(["--instructions", "--write-baseline"])
        self.assertTrue(options.write_baseline)
        for wrong, words in ((["--write-baseline", "--case", "get"], "goes without --case"),
                             (["--functions", "-1"], "0 to 1000, is '-1'"),
                             (["--functions", "1001"], "0 to 1000, is '1001'")):
            printed = io.StringIO()
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(printed):
                program.parse_arguments(wrong)
            self.assertIn(words, printed.getvalue())


if __name__ == "__main__":
    unittest.main()
