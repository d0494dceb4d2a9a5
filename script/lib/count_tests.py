"""Counts test cases of Bazel's build events and of JUnit files.

usage: count_tests.py FOLDER

FOLDER has, of each step of the suite, NAME.status (its exit status) and its results:
NAME.bep.json (bazel --build_event_json_file) or NAME.junit.xml. A step that is one
check by itself has NAME.check (its exit status) alone.

Lists what failed, and what was skipped and why, and prints "N passed, N failed" as its
last line, with ", N skipped" if any were. Exits 1 if a test failed or none ran.

A test target that ends badly without a failing case (a crash, a time-out), one that was
not built, a step that failed or left no results without a failing case, and a test that
is skipped without a reason count as one failed case each.
"""

import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []
        self.skips = []  # "name: why"

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)

    def skip(self, name, element):
        why = "" if element is None else " ".join(
            (element.get("message") or element.text or "").split())
        if not why:
            self.fail(f"{name}: is skipped without a reason")
            return
        self.skipped += 1
        self.skips.append(f"{name}: {why}")

    def add_step(self, name, status, has_results, failed_before):
        """Adds what the exit status of a step says beyond its results."""
        if not has_results:
            self.fail(f"{name}: left no results (status {status})")
        elif status != 0 and self.failed == failed_before:
            self.fail(f"{name}: ended with status {status} without a failing test")

    def add_check(self, name, status):
        """Adds a step that is one check by itself."""
        if status == 0:
            self.passed += 1
        else:
            self.fail(f"{name}: status {status}")

    def add_junit(self, text, label):
        """Adds the cases of a JUnit or googletest file; returns how many failed."""
        before = self.failed
        root = xml.etree.ElementTree.fromstring(text)
        for case in root.iter("testcase"):
            name = f"{label} {case.get('classname', '')}.{case.get('name', '')}"
            if case.find("failure") is not None or case.find("error") is not None:
                self.fail(name)
            elif case.find("skipped") is not None or case.get("result") in ("skipped", "suppressed"):
                self.skip(name, case.find("skipped"))
            else:
                self.passed += 1
        return self.failed - before

    def add_target(self, label, status, xmls):
        """Adds a test target that ended with Bazel's status and wrote xmls."""
        failed = 0
        counted = self.passed + self.failed + self.skipped
        for text in xmls:
            try:
                failed += self.add_junit(text, label)
            except xml.etree.ElementTree.ParseError:
                self.fail(f"{label}: its test.xml is cut off")
                failed += 1
        if status not in ("PASSED", "FLAKY") and failed == 0:
            self.fail(f"{label}: {status}")
        elif self.passed + self.failed + self.skipped == counted:
            self.fail(f"{label}: has no test case")

    def add_build_events(self, lines, read_file):
        """Adds what a build event file says; read_file(uri) returns a file's text."""
        results = {}  # label -> {(run, shard): test.xml's uri}, of the last attempt
        statuses = {}
        targets = set()
        failed_targets = set()
        for line in lines:
            event = json.loads(line)
            name = event.get("id", {})
            if "testResult" in name:
                key = name["testResult"]
                uris = [o["uri"] for o in event.get("testResult", {}).get("testActionOutput", [])
                        if o.get("name") == "test.xml"]
                place = (key.get("run", 1), key.get("shard", 1))
                if uris:
                    results.setdefault(key["label"], {})[place] = uris[0]
            elif "testSummary" in name:
                statuses[name["testSummary"]["label"]] = event.get("testSummary", {}).get(
                    "overallStatus", "NO_STATUS")
            elif "targetConfigured" in name and "configured" in event:
                if event["configured"].get("testSize"):
                    targets.add(name["targetConfigured"]["label"])
            elif "targetCompleted" in name:
                if not event.get("completed", {}).get("success"):
                    failed_targets.add(name["targetCompleted"]["label"])
            elif "unconfiguredLabel" in name or "pattern" in name and "aborted" in event:
                key = name.get("unconfiguredLabel") or {"label": str(name["pattern"])}
                failed_targets.add(key["label"])
        for label in sorted(statuses):
            xmls = [read_file(uri) for _, uri in sorted(results.get(label, {}).items())]
            if not xmls and statuses[label] == "NO_STATUS":
                failed_targets.add(label)
                continue
            self.add_target(label, statuses[label], xmls)
            failed_targets.discard(label)
            targets.discard(label)
        for label in sorted(failed_targets):
            self.fail(f"{label}: was not built")
        for label in sorted(targets - failed_targets - set(statuses)):
            self.fail(f"{label}: was not run")

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def read_uri(uri):
    return pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path)).read_text(
        encoding="utf-8", errors="replace")


def add_folder(count, folder):
    folder = pathlib.Path(folder)
    for path in sorted(folder.glob("*.status")):
        name, failed_before = path.stem, count.failed
        events, junit = folder / f"{name}.bep.json", folder / f"{name}.junit.xml"
        if events.exists():
            with open(events, encoding="utf-8") as lines:
                count.add_build_events(lines, read_uri)
        if junit.exists():
            count.add_junit(junit.read_text(encoding="utf-8"), name)
        count.add_step(name, int(path.read_text(encoding="utf-8")),
                       events.exists() or junit.exists(), failed_before)
    for path in sorted(folder.glob("*.check")):
        count.add_check(path.stem, int(path.read_text(encoding="utf-8")))


def main(folder):
    count = Count()
    add_folder(count, folder)
    for text in count.skips:
        print("SKIPPED", text)
    for name in count.failures:
        print("FAILED", name)
    print(count.line())
    return 0 if count.failed == 0 and count.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
