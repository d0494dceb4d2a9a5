"""A page in Debian's Chromium, used as a person would (tests/web/remote.mjs)."""

import json
import os
import subprocess
import threading

from harness import ROOT

ANSWER_S = 150  # longer than the browser waits for anything


def _spelled(value):
    return value.spelled if isinstance(value, Pattern) else value


class Pattern:
    """A regular expression of JavaScript's."""

    def __init__(self, source):
        self.spelled = {"regexp": source}


class Part:
    """A part of the page, found when something is done with it: each method of Playwright's Locator
    by its name, such as page.getByRole("button", name="Cancel").click()."""

    FINDS = {"getByRole", "getByLabel", "getByText", "getByTitle", "locator", "nth", "first", "last",
             "filter"}

    def __init__(self, browser, chain=()):
        self._browser = browser
        self._chain = list(chain)

    def __getattr__(self, name):
        def method(*given, **options):
            more = [{key: _spelled(value) for key, value in options.items()}] if options else []
            chain = [*self._chain, [name, *map(_spelled, given), *more]]
            if name in self.FINDS:
                return Part(self._browser, chain)
            return self._browser.ask(chain=chain)

        return method


class Browser:
    """A browser with one page."""

    def __init__(self, **options):
        if not os.environ.get("WEB_NODE_MODULES"):
            raise RuntimeError("WEB_NODE_MODULES is not set: run script/test")
        self._popen = subprocess.Popen(["node", str(ROOT / "tests" / "web" / "remote.mjs")],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.page = Part(self)
        self.open(**options)

    def ask(self, **command):
        """The answer to a command; AssertionError is what the browser says of it."""
        late = threading.Timer(ANSWER_S, self._popen.kill)
        late.start()
        try:
            self._popen.stdin.write(json.dumps(command) + "\n")
            self._popen.stdin.flush()
            line = self._popen.stdout.readline()
        except BaseException:
            self._popen.kill()  # its answer would be taken for that to the next command
            raise
        finally:
            late.cancel()
        if not line:
            raise AssertionError(f"the browser has ended, or did not answer {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    def open(self, **options):
        """Another context with one page: nothing is kept of before."""
        return self.ask(do="open", options=options)

    def seen(self):
        """What this context's pages requested, and what went wrong in any."""
        return self.ask(do="seen")

    def route(self, pattern, how, **more):
        """Has requests to what matches be answered otherwise; times: how often."""
        return self.ask(do="route", pattern=pattern, how=how, **more)

    def unroute(self, pattern):
        return self.ask(do="unroute", pattern=pattern)

    def axe(self):
        """What axe finds wrong with the page as it is."""
        return self.ask(do="axe")

    def evaluate(self, text):
        """The value of an expression in the page."""
        return self.ask(do="evaluate", text=text)

    def close(self):
        self._popen.stdin.close()
        try:
            self._popen.wait(ANSWER_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()
