"""The options of the programs that serve: README's table says what the programs say."""

import pathlib
import re
import subprocess
import unittest

from harness import DEADLINE_S, program

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
# By README's columns.
PROGRAMS = {
    "runsctl serve": (program("runsctl"), "serve"),
    "runsd": (program("runsd"),),
    "runs-gateway": (program("runs-gateway"),),
}
ROW = re.compile(r"^  (--[a-z-]+)(?: ([^ ]+))? +(\S.*)$")
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


def options_of_help(text):
    """{option: (default or None, whether it is required)} of what --help printed."""
    found = {}
    for line in text.partition("\nOptions:\n")[2].partition("\n\n")[0].splitlines():
        row = ROW.match(line)
        if row:
            name = row[1]
            found[name] = row[3]
        elif not line.startswith("  --"):
            found[name] += " " + line.strip()
    return {name: ((re.search(r"\[([^\]]+)\](?: \(repeatable\))?$", help) or [None, None])[1],
                   "(required)" in help) for name, help in found.items()}


def rows_of_readme(text):
    """The option's name per program, and the default."""
    table = re.search(r"^\| `runsctl serve` \| `runsd` \| `runs-gateway` \| default .*?\n\n", text,
                      re.M | re.S)[0].strip().splitlines()
    heads = [cell.strip(" `") for cell in table[0].split("|")[1:-1]]
    for line in table[2:]:
        named = dict(zip(heads, (cell.strip() for cell in line.split("|")[1:-1])))
        yield {p: named[p].strip("`") for p in PROGRAMS if named[p]}, named["default"]


def plain(default):
    """A default of README's as --help has it, its first words."""
    default = default.replace("`", "")
    size = re.fullmatch(r"(\d+) (KiB|MiB)", default)
    if size:
        return str(int(size[1]) * UNITS[size[2]])
    number = re.match(r"\d{1,3}(?:,\d{3})+", default)
    return number[0].replace(",", "") if number else default.partition(",")[0].partition(" (")[0]


class Options(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.help = {}
        for name, words in PROGRAMS.items():
            done = subprocess.run([*words, "--help"], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=True)
            for line in done.stdout.splitlines():
                assert len(line) <= 100, line
            cls.help[name] = options_of_help(done.stdout)
        cls.readme = list(rows_of_readme(README.read_text(encoding="utf-8")))

    def test_readme_has_each_option_once(self):
        for name, options in self.help.items():
            with self.subTest(name):
                told = [names[name] for names, _ in self.readme if name in names]
                self.assertEqual(sorted(options), sorted(told))

    def test_readme_has_the_defaults(self):
        for names, default in self.readme:
            for name, option in names.items():
                real, is_required = self.help[name][option]
                with self.subTest(f"{name} {option}"):
                    if is_required:
                        continue
                    self.assertEqual(plain(default) if default not in ("none", "off") else None,
                                     real and real.partition(", ")[0])

    def test_the_page_of_options_is_what_the_programs_print(self):
        page = (README.parent / "docs" / "OPTIONS.md").read_text(encoding="utf-8")
        printed = "\n".join(subprocess.run([*words, "--print-options", "markdown"], check=True,
                                           capture_output=True, text=True, timeout=DEADLINE_S)
                            .stdout.strip("\n") + "\n"
                            for words in (*PROGRAMS.values(), (program("runsctl"), "whoami")))
        self.assertEqual(printed.replace("### ", "## "), page[page.index("## "):],
                         "script/options writes it")

    def test_one_name_is_one_row_in_all_programs(self):
        """Wherever a number's option has the same name, it has the same default and range."""
        seen = {}
        for name, options in self.help.items():
            for option, (default, _) in options.items():
                if re.fullmatch(r"\d+", (default or "").partition(", or ")[0]):
                    wrong = subprocess.run([*PROGRAMS[name], f"{option}=-1"], text=True,
                                           capture_output=True, timeout=DEADLINE_S, check=False)
                    range_ = re.search(r'"-1" is no integer from (\d+ to \d+)', wrong.stderr)
                    seen.setdefault(option, set()).add((default, range_[1]))
        self.assertGreater(len(seen), 10)
        self.assertEqual({}, {o: told for o, told in seen.items() if len(told) > 1})


if __name__ == "__main__":
    unittest.main()
