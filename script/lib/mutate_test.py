"""What script/mutate changes, and that it can fail. Run by script/test."""

import contextlib
import io
import pathlib
import subprocess
import tempfile
import unittest

import mutate
import mutate_switches

SOURCE = r'''#include <stdio.h> // if (a == b)
#define TWICE(x) \
    ((x) == 2 ? true : false)

/* a == b */
enum { LIMIT = 5, MASK = 0x0F };

static bool is_odd(int a, int b) {
    const char *text = "a == b && true"; // c < d
    CHECK(a == b);
    char buffer[128];
    struct thing t = {0};
    LOG(log, LOG_WARN, "odd", log_int("n", a + 1));
    fields[n++] = log_int("n", a + 1);
    if (a < b && *text != '<') {
        count(a, &t);
        free(buffer);
        return !t.is_set;
    }
    if (ready(a)) {
        t.next->run(1u);
    }
    for (int i = -1; i > 7; i++) {
        b += (a) - 1;
    }
    return false;
}
'''


def told(source=SOURCE):
    return [f"{m.line}: {mutate.describe(m)}" for m in mutate.mutants_of(source, "a.c")]


class Changes(unittest.TestCase):
    def test_are_these_and_no_others(self):
        self.assertEqual([
            "6: 5 -> 6", "6: 0x0F -> 0x10",
            "15: < -> <=", "15: && -> ||", "15: != -> ==",
            "16: without count(a, &t);",
            "18: ! -> nothing",
            "20: (ready(a)) -> (!(ready(a)))",
            "21: without t.next->run(1u);", "21: 1u -> 0u",
            "23: 1 -> 0", "23: > -> >=", "23: 7 -> 8",
            "24: += -> -=", "24: - -> +", "24: 1 -> 0",
            "26: false -> true",
        ], told())

    def test_change_just_their_place(self):
        for mutant in mutate.mutants_of(SOURCE, "a.c"):
            changed = mutate.mutate(SOURCE, mutant)
            self.assertNotEqual(SOURCE, changed)
            self.assertEqual(SOURCE[:mutant.start], changed[:mutant.start])
            self.assertTrue(changed.endswith(SOURCE[mutant.end:]))

    def test_leave_numbers_alone_that_are_no_plain_integers(self):
        for text, expected in (("0", "1"), ("1", "0"), ("41UL", "42UL"), ("0xff", "0x100"),
                               ("017", "020"), ("1.5", None), ("1e3", None)):
            self.assertEqual(expected, mutate.next_number(text), text)

    def test_of_every_file_of_the_promise_have_tests(self):
        files = mutate.files_of(mutate.PROMISE)
        self.assertGreater(len(files), 30)
        for file in files:
            with self.subTest(file):
                self.assertTrue(mutate.groups_for(file))
        with self.assertRaisesRegex(ValueError, "base/core/wire.c: no tests are known"):
            mutate.groups_for("base/core/wire.c")
        with self.assertRaisesRegex(ValueError, "server/no.c: no such file"):
            mutate.files_of(["server/no.c"])

    def test_of_a_sample_are_the_same_for_the_same_seed(self):
        mutants = mutate.mutants_of(SOURCE, "a.c")
        self.assertEqual(mutate.choose(mutants, 5, 1), mutate.choose(mutants, 5, 1))
        self.assertNotEqual(mutate.choose(mutants, 5, 1), mutate.choose(mutants, 5, 2))
        self.assertEqual(5, len(mutate.choose(mutants, 5, 1)))
        self.assertEqual(mutants, mutate.choose(mutants, None, 1))


class Runner:
    """Tests that notice what takes a text out of the file, and nothing else."""

    def __init__(self, path, needed=()):
        self.path = path
        self.needed = needed
        self.calls = 0

    def test(self, _groups, _chosen=0):
        self.calls += 1
        text = self.path.read_text(encoding="utf-8")
        missing = [n for n in self.needed if n not in text]
        return (mutate.KILLED, missing[0]) if missing else (mutate.SURVIVED, "")


class Runs(unittest.TestCase):
    FILE = "server/domain/run_state.c"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        self.path = self.tree / self.FILE
        self.path.parent.mkdir(parents=True)
        self.path.write_text(SOURCE, encoding="utf-8")
        self.mutants = mutate.mutants_of(SOURCE, self.FILE)

    def run_all(self, runner, again=False, tell=lambda text: None):
        results = mutate.Results(self.tree / "results.jsonl")
        return mutate.run_all(self.tree, self.mutants, {self.FILE: SOURCE}, runner, results,
                              again, tell)

    def score(self, done, equivalent=None):
        lines = []
        score = mutate.report(done, equivalent or {}, lines.append)
        return score, lines

    def test_tests_that_notice_nothing_score_nothing(self):
        score, lines = self.score(self.run_all(Runner(self.path)))
        self.assertEqual(0, score)
        self.assertEqual(len(self.mutants), sum(l.startswith("SURVIVED ") for l in lines))
        self.assertIn(f"SURVIVED {self.FILE}:15:11: < -> <=\n    if (a < b && *text != '<') {{",
                      lines)

    def test_a_survivor_is_told_and_lowers_the_score(self):
        done = self.run_all(Runner(self.path, needed=("a < b",)))
        score, lines = self.score(done)
        self.assertAlmostEqual(100 / len(self.mutants), score)
        self.assertEqual(f"{len(self.mutants)} changes counted, 1 noticed (0 by a time-out), "
                         f"{len(self.mutants) - 1} survived, 0 equivalent, 0 did not build: "
                         f"{score:.1f} %", lines[-1])

    def test_each_change_is_put_back(self):
        self.run_all(Runner(self.path, needed=("a < b",)))
        self.assertEqual(SOURCE, self.path.read_text(encoding="utf-8"))

    def test_a_change_is_put_back_though_the_run_ends_in_it(self):
        class Interrupted(Runner):
            def test(self, _groups, _chosen=0):
                raise KeyboardInterrupt
        with self.assertRaises(KeyboardInterrupt):
            self.run_all(Interrupted(self.path))
        self.assertEqual(SOURCE, self.path.read_text(encoding="utf-8"))

    def test_what_is_known_is_not_asked_again_but_survivors_if_told_so(self):
        first = Runner(self.path, needed=("a < b",))
        self.run_all(first)
        self.assertEqual(len(self.mutants), first.calls)
        with (self.tree / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"key": "cut o')  # as a run that is killed leaves it
        second = Runner(self.path)
        score, _ = self.score(self.run_all(second))
        self.assertEqual(0, second.calls)
        self.assertGreater(score, 0)
        third = Runner(self.path, needed=("a < b", "count("))
        self.run_all(third, again=True)
        self.assertEqual(len(self.mutants) - 1, third.calls)

    def test_what_did_not_build_does_not_count(self):
        class Compiler(Runner):
            def test(self, groups, _chosen=0):
                status, by = super().test(groups)
                return (mutate.UNBUILT, by) if status == mutate.KILLED else (status, by)
        score, lines = self.score(self.run_all(Compiler(self.path, needed=("a < b",))))
        self.assertEqual(0, score)
        self.assertIn(f"{len(self.mutants) - 1} changes counted", lines[-1])
        self.assertIn("1 did not build", lines[-1])

    def test_equivalent_changes_do_not_count_and_entries_do_not_rot(self):
        text = ("# About the list.\n"
                f"{self.FILE}: b += (a) - 1;\n- -> +\nnobody reads it\n\n"
                f"{self.FILE}: return false;\nfalse -> true\nnor this\n")
        equivalent = mutate.read_equivalent(text)
        self.assertEqual([], mutate.stale(equivalent, self.mutants))
        done = self.run_all(Runner(self.path))
        _, lines = self.score(done, equivalent)
        self.assertIn(f"{len(self.mutants) - 2} changes counted", lines[-1])
        self.assertIn("2 equivalent", lines[-1])
        gone = mutate.read_equivalent(f"{self.FILE}: return 1;\n1 -> 0\nold\n")
        self.assertEqual(1, len(mutate.stale(gone, self.mutants)))
        with self.assertRaisesRegex(mutate.BadList, "three lines"):
            mutate.read_equivalent(f"{self.FILE}: return false;\nfalse -> true\n")

    def test_the_list_fits_the_sources(self):
        equivalent = mutate.read_equivalent(mutate.EQUIVALENT.read_text(encoding="utf-8"))
        files = sorted({key[0] for key in equivalent})
        mutants = [m for file in files for m in mutate.mutants_of(
            (mutate.ROOT / file).read_text(encoding="utf-8"), file)]
        self.assertEqual([], mutate.stale(equivalent, mutants))


PROGRAM = r"""
#include <stdio.h>
#include <stdbool.h>
static int seen;
static void see(int i) {
    seen += i;
}
static const int table[3] = {4, 5, 6};
enum { MOST = 7 };
static int f(int a, int b, const int *p) {
    static int times = 3;
    enum { LEAST = 2 };
    int n = a - b + 1 - 2;
    n += a * 2 + b;
    bool x = a < b && b != 3 || !(a == 4) && !p[1];
    switch (a) {
    case 1:
        see(10);
        break;
    default:
        see(100);
        n = x ? n + 1 : n - 1;
    }
    if (x) {
        see(1000);
    }
    for (int i = 0; i < 3; i++) {
        n += i - 1 >= 0 ? (int)(p - table) + p[i] - 1 : LEAST - MOST;
    }
    return n + times + (x == true) + (int)sizeof(p) - 8;
}
int main(void) {
    for (int a = 0; a < 6; a++) {
        int n = f(a, 3, table);
        printf("%d %d\n", n, seen);
    }
}
"""


class Switches(unittest.TestCase):
    def run_c(self, folder, name, text, chosen=0):
        source, program = folder / f"{name}.c", folder / name
        if not program.exists():
            source.write_text(text, encoding="utf-8")
            done = subprocess.run(["gcc", "-w", "-o", program, source], capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                return None
        done = subprocess.run([program], capture_output=True, text=True, check=False,
                              timeout=10, env={"MUTATE": str(chosen)})
        return done.stdout, done.returncode

    def test_each_does_what_its_change_does(self):
        mutants = mutate.mutants_of(PROGRAM, "a.c")
        tokens = mutate.tokens_of(PROGRAM)
        numbered = {m: i + 1 for i, m in enumerate(mutants)
                    if not (m.new == "+" and "p - table" in m.source and m.column < 50)}
        text, left = mutate_switches.switched(PROGRAM, tokens, numbered, mutate.closing)
        self.assertEqual({"4 -> 5", "5 -> 6", "6 -> 7", "7 -> 8", "3 -> 4", "2 -> 3", "1 -> 0"},
                         {mutate.describe(m) for m in left})
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            original = self.run_c(folder, "original", PROGRAM)
            self.assertEqual(original, self.run_c(folder, "switched", text))
            differ = 0
            for mutant, number in numbered.items():
                if mutant in left:
                    continue
                with self.subTest(f"{mutate.place(mutant)} {mutate.describe(mutant)}"):
                    expected = self.run_c(folder, f"m{number}", mutate.mutate(PROGRAM, mutant))
                    self.assertEqual(expected, self.run_c(folder, "switched", text, number))
                    differ += expected != original
            self.assertGreater(differ, 20)


class Command(unittest.TestCase):
    def test_two_at_once_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            lock = mutate.only_one(pathlib.Path(folder) / "a")
            with self.assertRaisesRegex(SystemExit, "another one runs in"):
                mutate.only_one(pathlib.Path(folder) / "a")
            lock.close()
            mutate.only_one(pathlib.Path(folder) / "a").close()


    def test_bad_ones_are_named(self):
        for arguments, fragment in ((["--sample", "0"], "--sample: must be a whole number"),
                                    (["--timeout-s", "x"], "is 'x'"),
                                    (["--nothing"], "--nothing")):
            with self.subTest(arguments), contextlib.redirect_stderr(io.StringIO()) as printed:
                with self.assertRaises(SystemExit):
                    mutate.parse(arguments)
                self.assertIn(fragment, printed.getvalue())


if __name__ == "__main__":
    unittest.main()
