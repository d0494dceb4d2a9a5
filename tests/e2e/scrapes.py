"""What tests read of /metrics and /readyz, at the admin listener of a program."""

import http.client
import json
import re

from harness import DEADLINE_S, wait_until

TEXT = "text/plain;version=0.0.4"
SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)",?')
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


class Scrape:
    """One look: samples by name and labels, and what is said of each family."""

    def __init__(self, text):
        self.text = text
        self.kinds = {}
        self.helps = {}
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.kinds[name] = kind
            elif line.startswith("# HELP "):
                _, _, name, said = line.split(" ", 3)
                self.helps[name] = said
            else:
                name, labels, value = SAMPLE.match(line).groups()
                found = dict(LABEL.findall(labels or ""))
                self.samples.setdefault(name, {})[frozenset(found.items())] = float(value)

    def family(self, sample):
        """The name under which a sample's kind is said."""
        base = HISTOGRAM.sub("", sample)
        return base if self.kinds.get(base) == "histogram" else sample

    def labels(self):
        """The labels of each family, le left out."""
        found = {name: set() for name in self.kinds}
        for name, children in self.samples.items():
            for labels in children:
                found[self.family(name)] |= {key for key, _ in labels} - {"le"}
        return found

    def get(self, name, **labels):
        """The sample with just these labels; None if there is none."""
        return self.samples.get(name, {}).get(frozenset(labels.items()))

    def total(self, name, **labels):
        """The sum of all samples that have these labels, among others."""
        wanted = set(labels.items())
        return sum(value for found, value in self.samples.get(name, {}).items()
                   if wanted <= found)


class Admin:
    """The admin listener of a program that has started."""

    def __init__(self, process):
        line = process.wait_for_log(lambda l: l.get("message") == "serving metrics", "admin")
        self.port = line["port"]
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)

    def close(self):
        self.connection.close()

    def get(self, path, accept=TEXT):
        self.connection.request("GET", path, headers={"Accept": accept})
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def scrape(self):
        status, body = self.get("/metrics")
        assert status == 200, (status, body)
        return Scrape(body.decode())

    def ready(self):
        """The status, and what is said of each check."""
        status, body = self.get("/readyz", "*/*")
        return status, {check["name"]: check["ok"] for check in json.loads(body)["checks"]}

    def wait(self, name, value, **labels):
        """Waits until a sample is value; returns the look that said so."""
        looks = []

        def is_so():
            looks[:] = [self.scrape()]
            return looks[0].get(name, **labels) == value
        try:
            wait_until(is_so, f"{name} {labels} of {value}", seconds=20)
        except AssertionError as error:
            raise AssertionError(f"{error}: it is {looks[0].get(name, **labels)}") from None
        return looks[0]
