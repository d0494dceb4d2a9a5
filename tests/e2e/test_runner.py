"""That the runner of these tests can fail."""

import io
import threading
import unittest

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


if __name__ == "__main__":
    unittest.main()
