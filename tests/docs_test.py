"""That docs/TRANSCODING.md names tests that are there, one for every feature."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "TRANSCODING.md"
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


if __name__ == "__main__":
    unittest.main()
