"""Runs the tests of the whole programs.

usage: run.py [--junit FILE] [MODULE | MODULE.Class | MODULE.Class.test]...

RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin). Without names,
all run. Writes a JUnit file; exits 1 if a test failed or none ran.
"""

import argparse
import os
import pathlib
import signal
import sys
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
LONGEST_TEST_S = 180
MODULES = sorted(path.stem for path in HERE.glob("test_*.py")) + ["architecture_test", "docs_test"]


class TooLong(Exception):
    """A test took longer than LONGEST_TEST_S."""


class Result(unittest.TextTestResult):
    """Keeps (name, kind, text, seconds) of every case, and bounds its time. A case in
    which a thread ended by an exception has failed: nobody else would hear of it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []
        self.started = 0.0
        self.in_threads = []
        threading.excepthook = self.note

    def note(self, hook):
        self.in_threads.append((hook.exc_type, hook.exc_value, hook.exc_traceback))

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.in_threads.clear()
        signal.alarm(LONGEST_TEST_S)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def add(self, test, kind, text=""):
        self.cases.append((test.id(), kind, text, time.monotonic() - self.started))

    def addSuccess(self, test):
        if self.in_threads:
            self.addError(test, self.in_threads[0])
            return
        super().addSuccess(test)
        self.add(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.add(test, "failure", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.add(test, "error", self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.add(test, "skipped", reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.add(subtest, "failure", self._exc_info_to_string(err, test))


def write_junit(path, cases):
    suite = ElementTree.Element("testsuite", name="e2e", tests=str(len(cases)))
    for name, kind, text, seconds in cases:
        classname, _, method = name.rpartition(".")
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name=method,
                                      time=f"{seconds:.3f}")
        if kind != "passed":
            # XML has no way to write most control characters.
            clean = "".join(c if c in "\n\t" or " " <= c < "\ud800" else "?" for c in text)
            ElementTree.SubElement(case, kind, message=clean[:200]).text = clean
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def on_alarm(_signal, _frame):
    raise TooLong(f"the test took longer than {LONGEST_TEST_S} s")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--junit")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    signal.signal(signal.SIGALRM, on_alarm)
    # A shell's background job ignores SIGINT, and so would the programs that it tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(arguments.names or MODULES)
    if os.environ.get("OPENAPI_NODE_MODULES"):
        # Last: it is about the replies that the others received.
        suite.addTest(loader.loadTestsFromName("documents.Replies"))
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=1, resultclass=Result)
    result = runner.run(suite)
    if arguments.junit:
        write_junit(arguments.junit, result.cases)
    passed = any(kind == "passed" for _, kind, _, _ in result.cases)
    return 0 if result.wasSuccessful() and passed else 1


if __name__ == "__main__":
    sys.exit(main())
