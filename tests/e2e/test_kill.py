"""kill -9 during a storm of cancels and while rows are brought up to date behind it: what was
acknowledged is there afterwards."""

import random
import unittest

from harness import Place, create_token
from kill_rounds import PHASES, Rounds

ROUNDS = 20


class Kill(unittest.TestCase):
    """One store for all rounds; test methods run in order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.seed = random.randrange(1 << 32)
        cls.rounds = Rounds(cls.place, create_token(cls.place.store), random.Random(cls.seed))

    def round(self, number):
        with self.subTest(seed=self.seed):
            self.rounds.run(self, PHASES[number % len(PHASES)])


for _number in range(1, ROUNDS + 1):
    def _method(self, number=_number):
        self.round(number)
    setattr(Kill, f"test_round_{_number:02}", _method)
