"""What the clients of a history do, chosen at random by a seed. Pure.

Runs are born one after the other, a fixed time apart, and everybody knows which one by the clock:
so several processes meet at the same run at the same moment without speaking to each other. They
also meet when a run is one, two and three seconds old: there its lease and its deadlines end.
"""

import random

# How far from the moment at which something ends the clients aim, in seconds.
AIM_S = 0.02
ENDS_S = (1.0, 2.0, 3.0)
# How long all leases last, at least 1 s. A renewal asks for neither less, which would shorten what
# was promised, nor more: a start of the server goes back to the duration of the acquisition.
LEASE_S = 1
HOT = 3  # runs that are fought over at the same time


def terms_of(seed, index):
    """How a run is created: the same for all who create it."""
    rng = random.Random(f"{seed}/{index}")
    terms = {"dispatch": "lease" if rng.random() < 0.75 else "external"}
    if terms["dispatch"] == "lease" and rng.random() < 0.3:
        terms["fails_on_lease_loss"] = True
    if rng.random() < 0.5:
        terms["timeout_us"] = rng.choice([1, 2]) * 1_000_000
    if rng.random() < 0.4:
        terms["waiting_timeout_us"] = 1_000_000
    if ("timeout_us" in terms or "waiting_timeout_us" in terms) and rng.random() < 0.5:
        terms["on_timeout"] = "cancelled"
    return terms


def is_calm(seed, index):
    """Whether nobody ends the run while it is young: leases and deadlines have their turn then."""
    return random.Random(f"calm {seed}/{index}").random() < 0.6


class Plan:
    """What one thread does: the same choices for the same seed, as far as the clock lets them."""

    def __init__(self, seed, thread, gap_s):
        self.seed = seed
        self.thread = thread
        self.gap_s = gap_s
        self.random = random.Random(f"{seed} {thread}")

    def run(self, since_start_s):
        """The index of the run to act on."""
        born = int(since_start_s / self.gap_s)
        age = self.random.choice(ENDS_S) + self.random.gauss(0, AIM_S)
        if self.random.random() < 0.6 or since_start_s < age:
            return max(0, born - self.random.randrange(HOT))
        return int((since_start_s - age) / self.gap_s)

    def operation(self, index, age_s):
        """The name of what is done to a run of that age."""
        ends = 1 if is_calm(self.seed, index) and age_s < 0.9 else 6
        names = {"report": 20, "end": ends, "cancel": ends, "get": 8, "events": 3, "acquire": 16,
                 "acquire_any": 5, "renew": 16, "release": 8, "acknowledge": 6, "create": 2}
        return self.random.choices(list(names), list(names.values()))[0]

    def attempt(self, known):
        """An attempt to act as: mostly the newest known one, at times an old or an invented one."""
        newest = max(known, default=0)
        chosen = self.random.random()
        if chosen < 0.7 or newest == 0 and chosen < 0.95:
            return newest
        if chosen < 0.9:
            return self.random.randint(0, newest)
        return newest + 1

    def deadline_s(self):
        """How long the client waits for an answer; after a short one it knows nothing."""
        return self.random.choices([0.02, 0.3, 5.0], [4, 16, 80])[0]
