"""Defects that the proofs must catch, made by changing a copy of the sources.

usage: canaries.py [--list] [--keep] [NAME...]; script/histories --canaries runs it.

The product has no switches for defects: a copy of the work tree in the cache folder gets them, each
behind one that the environment variable RUNSD_CANARY turns when a program of it runs, so that one
build has all and no shipped program has any. Each is an edit that says which line it changes; a
line that is not there exactly once ends everything, so that a canary cannot die unseen
(canaries_test.py asks that in script/test). Without a canary the same programs must pass.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "script" / "lib")]

import grpc  # noqa: E402

import mutate  # noqa: E402

VARIABLE = "RUNSD_CANARY"

# Before the first line of a file with a canary. getenv each time: nobody measures these programs.
PRELUDE = f"""#include <stdlib.h>
#include <string.h>
#ifndef CANARY
#define CANARY(name) \\
    (getenv("{VARIABLE}") != NULL && strcmp(getenv("{VARIABLE}"), name) == 0)
#endif
#line 1
"""


@dataclasses.dataclass(frozen=True)
class Canary:
    """A defect: what it is, which proof must catch it, and its edits (file, old, new)."""
    name: str
    what: str
    proof: str  # "histories" or "watch"
    edits: tuple


CANARIES = [
    Canary("compare-dropped", "the status is left out of the compare-and-set", "histories", (
        ("storage/op/transition_run.h",
         "(RUN_STATUS_BIT(run->status) & t->from) == 0 ||",
         '(!CANARY("compare-dropped") && (RUN_STATUS_BIT(run->status) & t->from) == 0) ||'),)),
    Canary("attempt-ignored", "the attempt is left out of the compare-and-set", "histories", (
        ("storage/op/transition_run.h",
         "return t->checks_attempt && run->attempt != t->attempt;",
         'return !CANARY("attempt-ignored") && t->checks_attempt && run->attempt != t->attempt;'),
    )),
    Canary("attempt-comes-again", "an acquisition of a run that was given back keeps its attempt",
           "histories", (
               ("storage/op/acquire_runs.h",
                "run->attempt = run_attempt_after(run->attempt, attempt_floor);",
                'if (!CANARY("attempt-comes-again") || run->attempt == 0) {\n'
                "        run->attempt = run_attempt_after(run->attempt, attempt_floor); }"),)),
    Canary("timeout-without-predicate", "the deadline is left out of the compare-and-set of a "
           "timeout, whose list of what is due looks 100 ms ahead", "histories", (
               ("storage/op/transition_run.h", "(t->due_us != 0 && (due_us == 0",
                '(!CANARY("timeout-without-predicate") && t->due_us != 0 && (due_us == 0'),
               ("server/sweep/deadline_sweep.c", ".until_us = now_us,",
                '.until_us = now_us + (CANARY("timeout-without-predicate") ? 100000 : 0),'))),
    Canary("event-skipped", "a change to waiting has no event", "histories", (
        ("storage/op/transition_run.h", "run_record_become(run, t->to, t->at_us);",
         'if (CANARY("event-skipped") && t->to == RUN_WAITING) {\n'
         "            run->status = t->to;\n        } else {\n"
         "            run_record_become(run, t->to, t->at_us);\n        }"),)),
    Canary("acknowledged-before-commit", "answers are sent before the transaction is committed",
           "histories", (
               ("storage/sqlite/writer.c",
                "o.rc = session_commit(&w->session);",
                'if (CANARY("acknowledged-before-commit")) { batch_answer(w, b); }\n'
                "o.rc = session_commit(&w->session);"),
               ("storage/sqlite/writer.c",
                "batch_tell_timing(b, begin_us);\n        batch_answer(w, b);",
                'if (!CANARY("acknowledged-before-commit")) {\n'
                "            batch_tell_timing(b, begin_us);\n"
                "            batch_answer(w, b);\n        }"))),
    Canary("lost-attempt-renewed", "the table of leases renews an attempt that lost the run",
           "histories", (
               ("server/lease/lease_table.c",
                "if (e == NULL || e->attempt != claim->attempt || !slice_equal(holder_of(e), holder)) {",
                'if (CANARY("lost-attempt-renewed") && e != NULL && e->attempt > claim->attempt) {\n'
                "        claim->ret_state = LEASE_CLAIM_KEPT;\n        return;\n    }\n"
                "    if (e == NULL || e->attempt != claim->attempt ||"
                " !slice_equal(holder_of(e), holder)) {"),)),
    Canary("finished-run-renewed", "the table of leases is not told that a run was cancelled",
           "histories", (
               ("server/service/run_lease.c", "if (run->attempt != 0) {",
                'if (!CANARY("finished-run-renewed") && run->attempt != 0) {'),)),
    Canary("lease-ends-early", "a start does not give leases their whole duration", "histories", (
        ("server/lease/lease_share.c", ".duration_us = held->lease_us,",
         '.duration_us = CANARY("lease-ends-early") ? 1 : held->lease_us,'),)),
    Canary("key-ignored", "a key is not looked up", "histories", (
        ("server/service/call_key.c", "if (request_id[0] == '\\0') {",
         "if (request_id[0] == '\\0' || CANARY(\"key-ignored\")) {"),)),
    Canary("replay-unmarked", "a replay does not say that it is one", "histories", (
        ("server/service/call_key.c", "rpc_server_call_set_reply_metadata(call->rpc, &replayed, 1);",
         'rpc_server_call_set_reply_metadata(call->rpc, &replayed,'
         ' CANARY("replay-unmarked") ? 0 : 1);'),)),
    Canary("key-lost-by-a-kill", "a start does not take the keys of the events behind the mark",
           "histories", (
               ("storage/sqlite/apply.c", "if (e->key_digest.len == 0) {",
                'if (e->key_digest.len == 0 || CANARY("key-lost-by-a-kill")) {'),)),
    Canary("sequence-ignored", "the expected sequence is left out of the compare-and-set",
           "histories", (
               ("storage/op/transition_run.h", "return t->expected_sequence != 0 &&",
                'return !CANARY("sequence-ignored") && t->expected_sequence != 0 &&'),)),
    Canary("watch-skips-at-the-border", "where a watch goes over from the store to the ring in memory, "
           "it leaves a change out", "watch", (
               ("server/feed/feed_sender.c", "        feed_page_end(watch);\n    }\n    return NULL;",
                '        watch->position += CANARY("watch-skips-at-the-border") && watch->page != NULL\n'
                "                               && watch->position < watch->newest ? 1 : 0;\n"
                "        feed_page_end(watch);\n    }\n    return NULL;"),)),
    Canary("bookmark-overtakes", "a bookmark says that everything was sent that there is", "watch", (
        ("server/feed/feed_sender.c",
         "feed_channel_bookmark(channel, watch->position, newest_of(watch))",
         "feed_channel_bookmark(channel, CANARY(\"bookmark-overtakes\") ? newest_of(watch)"
         " : watch->position, newest_of(watch))"),)),
    Canary("duplicate-on-resume", "a watch that is resumed begins with the change of its cursor",
           "watch", (
               ("server/feed/feed_watch.c", "watch->has_cursor = true;",
                "watch->has_cursor = true;\n        watch->position -= "
                'CANARY("duplicate-on-resume") && watch->position > 0 ? 1 : 0;'),)),
]


class Missing(Exception):
    """A line that a canary changes is not in its file, or more than once."""


def edited(read):
    """The texts of the files with all canaries, {path: text}; read(path) is a file's text."""
    texts = {}
    for canary in CANARIES:
        for path, old, new in canary.edits:
            text = texts.get(path) or PRELUDE + read(path)
            if text.count(old) != 1:
                raise Missing(f"{canary.name}: {path} has {text.count(old)} times: {old}")
            texts[path] = text.replace(old, new)
    return texts


def build(tree):
    """Makes the copy and builds its programs; returns the folder of what was built."""
    mutate.sync(tree)
    for path, text in edited(lambda path: (ROOT / path).read_text(encoding="utf-8")).items():
        (tree / path).write_text(text, encoding="utf-8")
    arguments = ["-c", "opt", "--noshow_progress"]
    subprocess.run(["bazel", "build", *arguments, "//ctl:runsctl", "//server:runsd",
                    "//gateway:runs-gateway"], cwd=tree, check=True)
    told = subprocess.run(["bazel", "info", "-c", "opt", "bazel-bin"], cwd=tree, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return told.stdout.strip()


@contextlib.contextmanager
def programs_with(canary):
    """The programs that are started within behave so."""
    if canary is not None:
        os.environ[VARIABLE] = canary
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def prove(proof, seed, *more):
    """Runs a proof once; returns the violation it found, or None."""
    import checker  # pylint: disable=import-outside-toplevel
    import storm  # pylint: disable=import-outside-toplevel
    import watch_storm  # pylint: disable=import-outside-toplevel
    try:
        if proof == "histories":
            storm.storm(storm.parse(["--seed", str(seed), "--seconds", "10", *more]),
                        lambda text: None)
        else:
            watch_storm.storm_of_watchers(watch_storm.parse(
                ["--seed", str(seed), "--watchers", "10", "--changes", "10000", "--kills", "3"]),
                lambda text: None)
    except checker.Violation as violation:
        return str(violation)
    return None


TRIES = 4  # of a proof, each with other moments


def caught(canary, tell):
    """Whether the proof sees the canary."""
    more = []
    for seed in range(1, TRIES + 1):
        began = time.monotonic()
        violation = None
        with programs_with(canary.name):
            try:
                violation = prove(canary.proof, seed, *more)
            except (AssertionError, grpc.RpcError) as error:
                # A store that is damaged so does not serve, which is well, but is not the proof.
                tell(f"{canary.name}: {str(error).splitlines()[-1][:160]}")
                more = ["--no-kills"] if canary.proof == "histories" else []
        if violation is not None:
            tell(f"{canary.name}: caught by {canary.proof}, try {seed}, "
                 f"{time.monotonic() - began:.0f} s: {violation.splitlines()[0][:160]}")
            return True
    tell(f"{canary.name} ({canary.what}): NOT CAUGHT by {canary.proof} in {TRIES} tries")
    return False


def main():
    parser = argparse.ArgumentParser(prog="script/histories --canaries")
    parser.add_argument("--list", action="store_true", help="print what they are, run nothing")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()

    def tell(text):
        print(text, flush=True)
    known = {canary.name: canary for canary in CANARIES}
    if unknown := set(options.names) - known.keys():
        sys.exit(f"script/histories: no such canary: {', '.join(sorted(unknown))}")
    chosen = [known[name] for name in options.names] or CANARIES
    if options.list:
        for canary in chosen:
            tell(f"{canary.name}: {canary.what}; for {canary.proof}")
        return 0
    folder = mutate.CACHE / "runsd" / "canaries"
    _lock = mutate.only_one(folder)
    tree = folder / "tree"
    try:
        os.environ["RUNSD_BIN_DIR"] = build(tree)
        for proof in sorted({canary.proof for canary in chosen}):
            violation = prove(proof, 1)
            if violation is not None:
                sys.exit(f"script/histories: {proof} fails without a canary: {violation}")
            tell(f"{proof} passes without a canary")
        missed = [canary.name for canary in chosen if not caught(canary, tell)]
    finally:
        subprocess.run(["bazel", "shutdown"], cwd=tree, capture_output=True, check=False)
    tell(f"{len(chosen)} canaries, {len(chosen) - len(missed)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
