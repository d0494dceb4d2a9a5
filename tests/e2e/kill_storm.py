"""Runs rounds of kill_rounds.py, as many as are asked for: script/kill-storm --help."""

import argparse
import random
import sys
import time
import unittest

from harness import Place, create_token
from kill_rounds import PHASES, RUNS, Rounds

ROUNDS_OF_A_STORE = 20  # each round checks all that the store holds


class Case(unittest.TestCase):
    def runTest(self):
        """A round's."""


def main():
    parser = argparse.ArgumentParser(prog="script/kill-storm")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=int, default=24 * 3600)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    rng = random.Random(options.seed)
    reached = {phase: 0 for phase in RUNS}
    done = 0
    print(f"seed {options.seed}", flush=True)
    while done < options.rounds and time.monotonic() < end:
        place = Place()
        rounds = Rounds(place, create_token(place.store), rng)
        while rounds.number < ROUNDS_OF_A_STORE and done < options.rounds and \
                time.monotonic() < end:
            case = Case()
            try:
                rounds.run(case, PHASES[done % len(PHASES)])
            except BaseException:
                print(f"round {done + 1} failed; its store is left in {place.path}",
                      file=sys.stderr)
                raise
            finally:
                case.doCleanups()
            done += 1
        for phase, count in rounds.reached.items():
            reached[phase] += count
        place.remove()
        print(f"{done} rounds; kills within: {reached}", flush=True)


main()
