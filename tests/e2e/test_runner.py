"""That the runner of these tests can fail."""

import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree

import run


def result_of(case):
    result = run.Result(unittest.runner._WritelnDecorator(io.StringIO()), True, 0)
    before = threading.excepthook
    try:
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    finally:
        threading.excepthook = before
    return [(name.rpartition(".")[2], kind) for name, kind, _, _ in result.cases]


class Runner(unittest.TestCase):
    def setUp(self):
        # The cases within set the alarm of their own, which ends that of this one.
        self.addCleanup(setattr, threading, "excepthook", threading.excepthook)

    def test_an_exception_in_a_thread_is_a_failure_of_its_case_alone(self):
        class Case(unittest.TestCase):
            def test_1_thread(self):
                thread = threading.Thread(target=lambda: [][0])
                thread.start()
                thread.join()

            def test_2_nothing(self):
                pass
        self.assertEqual([("test_1_thread", "error"), ("test_2_nothing", "passed")],
                         result_of(Case))

    def test_failures_errors_skips_and_subtests_are_kept(self):
        class Case(unittest.TestCase):
            def test_1_fails(self):
                self.fail("no")

            def test_2_raises(self):
                raise OSError("no")

            def test_3_skips(self):
                self.skipTest("why")

            def test_4_subtest(self):
                with self.subTest("a"):
                    self.fail("no")
        kinds = [kind for _, kind in result_of(Case)]
        self.assertEqual(["failure", "error", "skipped", "failure"], kinds)

# A module that takes a port, and keeps it until the other one has the same.
AT_ONE_PORT = """
import pathlib, socket, time, unittest
class One(unittest.TestCase):
    def test_has_the_port(self):
        here = pathlib.Path(__file__)
        with socket.create_server(("127.0.0.1", 5)):
            here.with_suffix(".has").touch()
            end = time.monotonic() + 60
            while len(list(here.parent.glob("*.has"))) < 2:
                self.assertLess(time.monotonic(), end, "the other module does not run beside this one")
                time.sleep(0.01)
"""
DIES = """
import os, unittest
class One(unittest.TestCase):
    def test_ends_the_process(self):
        os._exit(0)
"""


@unittest.skipIf(os.geteuid() != 0, "only root may make network namespaces")
class Workers(unittest.TestCase):
    def run_modules(self, **modules):
        """Runs modules of these texts with two workers: the exit status and what came of each."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-"))
        self.addCleanup(shutil.rmtree, folder)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        environment.pop("OPENAPI_NODE_MODULES", None)
        done = subprocess.run([sys.executable, "-B", run.__file__, "--jobs", "2", "--junit",
                               str(folder / "junit.xml"), *modules], env=environment, text=True,
                              capture_output=True, timeout=120, check=False)
        cases = ElementTree.parse(folder / "junit.xml").iter("testcase")
        return done.returncode, sorted((case.get("classname"), *(kind.tag for kind in case))
                                       for case in cases), done.stdout

    def test_two_modules_run_at_once_and_have_the_same_port(self):
        status, cases, text = self.run_modules(worker_a=AT_ONE_PORT, worker_b=AT_ONE_PORT)
        self.assertEqual((0, [("worker_a.One",), ("worker_b.One",)]), (status, cases), text)

    def test_a_worker_that_dies_fails_its_module_and_what_no_worker_is_left_for(self):
        status, cases, text = self.run_modules(worker_c=DIES, worker_d=DIES, worker_e=DIES)
        self.assertEqual(1, status, text)
        self.assertEqual([("worker_c", "error"), ("worker_d", "error"), ("worker_e", "error")],
                         cases, text)


if __name__ == "__main__":
    unittest.main()
