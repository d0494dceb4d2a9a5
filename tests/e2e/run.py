"""Runs the tests of the whole programs.

usage: run.py [--junit FILE] [--jobs N] [MODULE | MODULE.Class | MODULE.Class.test]...

RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin). Without names,
all run, those of N modules at once if this process may make network namespaces: each
worker has one of its own, so that no two tests want the same port. Writes a JUnit
file; exits 1 if a test failed or none ran.
"""

import argparse
import ctypes
import fcntl
import io
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
LONGEST_TEST_S = 180
MODULES = sorted(path.stem for path in HERE.glob("test_*.py")) + ["architecture_test", "docs_test"]

# They ask Bazel, whose server no command of another network reaches: a second one would end it
# amid what it does. So they run behind the others, one after the other, in the network of all.
ASK_BAZEL = {"architecture_test", "test_script_bazel", "test_script_run"}


class TooLong(Exception):
    """A test took longer than LONGEST_TEST_S, or what its class says as longest_s."""


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
        signal.alarm(getattr(test, "longest_s", LONGEST_TEST_S))

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
    raise TooLong("the test took longer than it may")


def run_suite(suite, stream):
    """Runs a suite, whose results are printed to stream; returns them."""
    return unittest.TextTestRunner(stream=stream, verbosity=1, resultclass=Result).run(suite)


def has_replies():
    """Whether the replies that the tests received can be checked."""
    return bool(os.environ.get("OPENAPI_NODE_MODULES"))


def load(names):
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names)
    if has_replies():
        # Last: it is about the replies that the others received.
        suite.addTest(loader.loadTestsFromName("documents.Replies"))
    return suite


# --- workers ---

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def leave_network():
    """Gives this process a network of its own, with loopback alone; returns whether it may."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    return True


def work():
    """A worker: runs the module that each line of standard input names, and answers each with
    a line, its results."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tests print is none
    if not leave_network():
        return 3
    for line in sys.stdin:
        stream = io.StringIO()
        result = run_suite(unittest.TestLoader().loadTestsFromName(line.strip()), stream)
        json.dump([result.cases, result.wasSuccessful(), stream.getvalue()], answers)
        answers.write("\n")
        answers.flush()
    return 0


class Worker(threading.Thread):
    """A worker's process, and the thread that gives it modules until none is left."""

    def __init__(self, waiting, lock):
        super().__init__()
        self.waiting, self.lock = waiting, lock
        self.cases, self.good = [], True
        self.process = subprocess.Popen(
            [sys.executable, "-B", __file__, "--worker"], text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def give(self, name):
        """Has the worker run a module; returns whether it is still there afterwards."""
        begun = time.monotonic()
        try:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        cases, good, text = json.loads(answer) if answer else (
            [[f"{name}.worker", "error", "the process that ran it ended", 0.0]], False, "")
        self.cases += cases
        self.good = self.good and good
        with self.lock:
            print(f"-- {name}: {time.monotonic() - begun:.0f} s\n{text}", flush=True)
        return bool(answer)

    def run(self):
        while True:
            with self.lock:
                name = self.waiting.pop(0) if self.waiting else None
            if name is None or not self.give(name):
                break
        if name is None and has_replies():
            # About the replies that this worker's tests received.
            self.give("documents.Replies")
        self.process.stdin.close()
        self.process.wait()


def module_of(name):
    """The module that the name of a test, a class or a module begins with."""
    return name.partition(".")[0]


def size_of(name):
    """Of a module's file: the longest ones begin first, so that none ends long after the rest."""
    path = HERE / f"{module_of(name)}.py"
    return path.stat().st_size if path.exists() else 0


def may_leave_network():
    return subprocess.run([sys.executable, "-B", __file__, "--worker"], check=False,
                          stdin=subprocess.DEVNULL).returncode == 0


def run_at_once(names, jobs):
    """Runs what is named with so many workers; returns the cases and whether all is well."""
    waiting = sorted(names, key=size_of, reverse=True)
    lock = threading.Lock()
    workers = [Worker(waiting, lock) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    cases = [case for worker in workers for case in worker.cases]
    cases += [[f"{name}.worker", "error", "no worker was left to run it", 0.0] for name in waiting]
    print(f"Ran {len(cases)} tests with {jobs} workers")
    return cases, all(worker.good for worker in workers) and not waiting


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--junit")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    signal.signal(signal.SIGALRM, on_alarm)
    # A shell's background job ignores SIGINT, and so would the programs that it tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments.worker:
        return work()
    names = arguments.names or MODULES
    if arguments.jobs > 1 and may_leave_network():
        alone = [name for name in names if module_of(name) in ASK_BAZEL]
        cases, good = run_at_once([name for name in names if name not in alone], arguments.jobs)
        if alone:
            result = run_suite(load(alone), sys.stdout)
            cases += result.cases
            good = good and result.wasSuccessful()
    else:
        result = run_suite(load(names), sys.stdout)
        cases, good = result.cases, result.wasSuccessful()
    if arguments.junit:
        write_junit(arguments.junit, cases)
    passed = any(kind == "passed" for _, kind, _, _ in cases)
    return 0 if good and passed else 1


if __name__ == "__main__":
    sys.exit(main())
