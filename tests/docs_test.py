"""That docs/TRANSCODING.md names tests that are there, one for every feature, and docs/SECURITY.md
those that show what holds."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "TRANSCODING.md"
SECURITY = ROOT / "docs" / "SECURITY.md"
SHOWN_BY = re.compile(r"^`(?P<file>tests/[^`]+)`: `(?P<name>[^`]+)`$")
IS_TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
IS_METHOD = re.compile(r"^\s*def (test_\w+)\(", re.MULTILINE)


def rows():
    """(feature, rule, test) of every table's rows."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| feature", "| ---")):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            yield cells


def tests_of(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        return set(IS_METHOD.findall(text))
    return {f"{suite}.{name}" for suite, name in IS_TEST.findall(text)}


class Transcoding(unittest.TestCase):
    def test_every_feature_has_a_rule_and_a_test_that_is_there(self):
        features = list(rows())
        self.assertGreater(len(features), 50)
        for cells in features:
            with self.subTest(cells[0]):
                self.assertEqual(3, len(cells), cells)
                self.assertTrue(all(cells), "an empty cell")
                shown = SHOWN_BY.match(cells[2])
                self.assertIsNotNone(shown, cells[2])
                self.assertTrue((ROOT / shown["file"]).exists(), shown["file"])
                self.assertIn(shown["name"], tests_of(shown["file"]))


class Security(unittest.TestCase):
    def test_what_holds_is_shown_by_tests_that_are_there(self):
        text = SECURITY.read_text(encoding="utf-8")
        shown = re.findall(r"\| `(tests/[^`]+)`: `([^`]+)` \|$", text, re.MULTILINE)
        self.assertGreater(len(shown), 15)
        for file, name in shown:
            with self.subTest(name):
                self.assertIn(name, tests_of(file))

    def test_files_that_it_names_are_there(self):
        text = SECURITY.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:deploy|gateway|rpc|server|tests)/[^`:]+)`", text):
            self.assertTrue((ROOT / name).exists(), name)

    def test_each_flaw_has_one_row(self):
        rows_of = re.findall(r"CVE-\d+-\d+", SECURITY.read_text(encoding="utf-8"))
        self.assertEqual(len(set(rows_of)), len(rows_of))


if __name__ == "__main__":
    unittest.main()
