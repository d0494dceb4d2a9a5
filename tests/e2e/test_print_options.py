"""What --print-options prints: manual pages without a fault, completions that their shells take."""

import subprocess
import unittest

from harness import DEADLINE_S, Place, program

SERVERS = ("runsd", "runs-gateway")
NAMES = (*SERVERS, "runsctl")


def printed(name, *words):
    return subprocess.run([program(name), *words], check=True, capture_output=True, text=True,
                          timeout=DEADLINE_S).stdout


def commands():
    return printed("runsctl", "--print-options", "commands").splitlines()


class Printed(unittest.TestCase):
    def setUp(self):
        place = Place()
        self.addCleanup(place.remove)
        self.folder = place.path

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run_on(self, *words):
        done = subprocess.run(words, check=False, capture_output=True, text=True,
                              timeout=DEADLINE_S)
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr), words)


class Manual(Printed):
    def test_no_page_has_a_fault(self):
        pages = {name: (name,) for name in NAMES}
        pages.update({f"runsctl-{c.replace(' ', '-')}": ("runsctl", *c.split())
                      for c in commands()})
        self.assertGreater(len(pages), 30)
        for name, words in pages.items():
            with self.subTest(name):
                page = printed(*words, "--print-options", "man")
                self.assertIn(f"\n.Nm {name}\n", page)
                self.run_on("mandoc", "-T", "lint", self.file(f"{name}.mdoc", page))

    def test_has_each_option(self):
        text = subprocess.run(["mandoc", "-T", "utf8", self.file("p", printed(
            "runsd", "--print-options", "man"))], capture_output=True, check=True).stdout.decode()
        plain = "".join(c for i, c in enumerate(text) if "\b" not in text[i:i + 2] and c != "\b")
        for option in ("--store", "--log-level", "--config"):
            self.assertIn(option, plain)


class Completion(Printed):
    def test_shells_take_it(self):
        for name in NAMES:
            for shell, check in (("bash", ("bash", "-n")), ("zsh", ("zsh", "-n")),
                                 ("fish", ("fish", "--no-execute"))):
                with self.subTest(f"{name} {shell}"):
                    text = printed(name, "--print-options", shell)
                    self.run_on(*check, self.file(f"{name}.{shell}", text))

    def bash(self, name, *words):
        path = self.file(f"{name}.bash", printed(name, "--print-options", "bash"))
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  'compopt() { :; }; "_${1//-/_}"; printf "%s\\n" "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "-c", script, "bash", path, name, *words], check=True,
                              capture_output=True, text=True, timeout=DEADLINE_S).stdout.split()

    def test_bash_completes(self):
        self.assertEqual(["--log-level", "--log-format"], self.bash("runsd", "--log"))
        self.assertEqual(["warn"], self.bash("runsd", "--log-level", "w"))
        self.assertEqual(["warn"], self.bash("runs-gateway", "--log-level", "=", "w"))
        self.assertIn("serve", self.bash("runsctl", "s"))
        self.assertEqual(["watch"], self.bash("runsctl", "runs", "wat"))
        self.assertEqual(["--timeout-ms"], self.bash("runsctl", "runs", "get", "ID", "--time"))
        self.assertEqual(["--http"], self.bash("runsctl", "serve", "--htt"))

    def test_zsh_completes(self):
        path = self.file("_runsd", printed("runsd", "--print-options", "zsh"))
        done = subprocess.run(
            ["zsh", "-fc", 'autoload -Uz compinit; compinit -D -u; . "$1"; echo $_comps[runsd]', "zsh",
             path], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual("_runsd\n", done.stdout, done.stderr)

    def test_fish_completes(self):
        path = self.file("runsctl.fish", printed("runsctl", "--print-options", "fish"))
        for line, expected in (("runsctl runs get --time", "--timeout-ms"),
                               ("runsctl runs wat", "watch"), ("runsctl se", "serve"),
                               ("runsctl serve --log-level w", "warn")):
            with self.subTest(line):
                done = subprocess.run(
                    ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", path,
                     line], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                    env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"})
                self.assertIn(expected, [w.split("\t")[0] for w in done.stdout.splitlines()],
                              done.stderr)

    def test_other_kinds_are_refused(self):
        for words in (("runsd", "--print-options", "tcsh"),
                      ("runsctl", "runs", "get", "--print-options=bash"),
                      ("runsctl", "--print-options")):
            done = subprocess.run([program(words[0]), *words[1:]], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False)
            self.assertEqual((2, ""), (done.returncode, done.stdout))
            self.assertIn("--print-options: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
