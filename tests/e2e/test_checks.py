"""That the programs that are shipped check what must hold: a build that drops
asserts would drop the texts of their conditions."""

import pathlib
import unittest

from harness import program


class Checks(unittest.TestCase):
    def test_every_program_has_them(self):
        for name in ("runsctl", "runsd", "runs-gateway"):
            with self.subTest(name):
                code = pathlib.Path(program(name)).read_bytes()
                for text in (b"check failed", b"n <= SIZE_MAX / 2"):
                    self.assertTrue(text in code, text)


if __name__ == "__main__":
    unittest.main()
