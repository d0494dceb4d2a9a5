"""Changes one thing at a time in C files and sees whether a test notices.

usage: mutate.py [options]; script/mutate runs it. See --help.

Works on a copy of the work tree in the cache folder. What is known of a change is kept
there too, by the text of its file: a run that was ended goes on where it was.
"""

import argparse
import collections
import fcntl
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import mutate_switches

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
EQUIVALENT = pathlib.Path(__file__).with_name("mutate_equivalent.txt")

# The paths of the promise: what decides, stores, answers and says who may.
PROMISE = [
    "gateway/envelope.c",
    "gateway/http/exchange*.c",
    "rpc/client*.c",
    "rpc/server*.c",
    "server/auth/*.c",
    "server/domain/run_state.c",
    "server/duty/*.c",
    "server/service/*.c",
    "server/service/methods/*.c",
    "storage/memory/*.c",
    "storage/memory/ops/*.c",
    "storage/op/store_op.c",
    "storage/op_queue.c",
    "storage/postgres/change_batch.c",
    "storage/postgres/commit_outcome.c",
    "storage/postgres/standby_names.c",
    "storage/run_fields.c",
    "storage/sqlite/*.c",
    "storage/sqlite/ops/*.c",
]

# Which tests are asked, group after group until one fails: (files, groups), first match.
TESTS = [
    ("server/auth/", [["//tests/server:auth_test"], ["//tests/server:service_test"]]),
    ("server/domain/run_state.c", [["//tests/server:run_state_test",
                             "//tests/server:run_state_diagram_test"]]),
    ("server/duty/", [["//tests/server:duty_test"], ["//tests/server:two_servers_test"]]),
    ("server/", [["//tests/server:service_test", "//tests/server:methods_test"],
                 ["//tests/server:all"]]),
    ("storage/memory/", [["//tests/storage:store_contract_test",
                                 "//tests/storage:store_list_contract_test",
                                 "//tests/storage:store_race_contract_test"],
                                ["//tests/storage:store_feed_contract_test",
                                 "//tests/storage:store_hint_contract_test"]]),
    ("storage/op_queue.c", [["//tests/storage:op_queue_test"]]),
    ("storage/postgres/change_batch.c", [["//tests/storage:change_batch_test"],
                                         ["//tests/storage:postgres_writer_test"]]),
    ("storage/postgres/commit_outcome.c", [["//tests/storage:postgres_commit_test"],
                                           ["//tests/storage:postgres_writer_test"]]),
    ("storage/postgres/standby_names.c", [["//tests/storage:standby_names_test"]]),
    ("storage/", [["//tests/storage:store_contract_test",
                   "//tests/storage:store_list_contract_test"],
                  ["//tests/storage:all"], ["//tests/server:service_test"]]),
    ("rpc/balancer", [["//tests/rpc:balancer_test"]]),
    ("rpc/", [["//tests/rpc:call_test", "//tests/rpc:server_stream_test"], ["//tests/rpc:all"],
              ["//tests/gateway/http:upstream_test", "//tests/server:service_test"]]),
    ("gateway/envelope.c", [["//tests/gateway:envelope_test"],
                            ["//tests/gateway/http:reply_test"]]),
    ("gateway/http/exchange_stream.c", [["//tests/gateway/http:stream_test"],
                                        ["//tests/gateway/http:all"]]),
    ("gateway/", [["//tests/gateway/http:reply_test", "//tests/gateway/http:framing_test",
                        "//tests/gateway/http:window_test"], ["//tests/gateway/http:all"]]),
]

TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<directive>^[ \t]*\#(?:[^\n\\]|\\.)*)"
    r"|(?P<string>(?:u8|[uUL])?\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<char>[uUL]?'(?:[^'\\\n]|\\.)*')"
    r"|(?P<number>\.?[0-9](?:[eEpP][+-]|[0-9a-zA-Z_.'])*)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|.)",
    re.M | re.S)

# Calls whose arguments no test can see, or need not.
UNSEEN = {"CHECK", "CHECK_FAIL", "LOG", "_Static_assert", "log_write", "log_int", "log_text",
          "log_slice", "log_bool", "sizeof", "__attribute__"}
# Calls that cannot be missed but by a sanitizer: those that only give memory back, and
# locks. A lock that is missing is ThreadSanitizer's to find.
NOT_DROPPED = re.compile(r"free$|disown$|_release$|_destroy$|_unref$|_(un)?lock$|^pthread_mutex_|"
                         r"^pthread_cond_init|^va_(start|end|copy)$|^arena_init$|^memset$")
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "else", "do", "case", "goto"}
FLIPS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||",
         "||": "&&", "+": "-", "-": "+", "+=": "-=", "-=": "+="}
CONDITION_SIGNS = {"==", "!=", "<", "<=", ">", ">=", "&&", "||"}

Token = collections.namedtuple("Token", "kind text start end")
Mutant = collections.namedtuple("Mutant", "file line column kind old new start end source")


def tokens_of(text):
    """The tokens of C source, without white space, comments and directives."""
    return [Token(m.lastgroup, m.group(), m.start(), m.end()) for m in TOKEN.finditer(text)
            if m.lastgroup not in ("space", "directive")]


def closing(tokens, at):
    """The index of what closes the bracket at index at."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i].text in ("(", "[", "{") and tokens[i].kind == "sign":
            depth += 1
        elif tokens[i].text in (")", "]", "}") and tokens[i].kind == "sign":
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def unseen(tokens):
    """The indexes of tokens that are left alone."""
    skipped = set()
    for i, token in enumerate(tokens):
        following = tokens[i + 1].text if i + 1 < len(tokens) else ""
        if token.text in UNSEEN and following == "(":
            skipped.update(range(i, closing(tokens, i + 1) + 1))
        elif token.text == "[":  # sizes of arrays; indexes are rarely constants
            skipped.update(range(i, closing(tokens, i) + 1))
        elif token.text == "{" and following == "0" and tokens[i + 2].text == "}":
            skipped.add(i + 1)
    return skipped


def next_number(text):
    """Another constant near it; None for what is no plain integer."""
    match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)", text)
    if match is None:
        return None
    if match[1] == "1":
        return "0" + match[2]
    base = 16 if match[1][:2].lower() == "0x" else 8 if re.fullmatch("0[0-7]+", match[1]) else 10
    value = int(match[1], base) + 1
    return (hex(value) if base == 16 else oct(value).replace("o", "") if base == 8
            else str(value)) + match[2]


def called_statement(tokens, at):
    """If a statement that is only a call begins at index at: (its name, the index of its
    semicolon)."""
    before = tokens[at - 1].text if at > 0 else "}"
    behind_case = before == ":" and (tokens[at - 2].text == "default" or
                                     tokens[at - 3].text == "case")
    if tokens[at].kind != "name" or tokens[at].text in KEYWORDS or not (
            before in "{};" or behind_case):
        return None
    i = at
    while i + 2 < len(tokens) and tokens[i + 1].text in (".", "->"):
        i += 2
    if i + 1 >= len(tokens) or tokens[i + 1].text != "(":
        return None
    end = closing(tokens, i + 1) + 1
    if end >= len(tokens) or tokens[end].text != ";":
        return None
    return tokens[i].text, end


def changes(tokens):
    """Every change to the tokens: (kind, first token, last token, new text)."""
    skipped = unseen(tokens)
    depth = 0  # of braces: what is outside functions declares, but enumerators are constants
    for i, token in enumerate(tokens):
        depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if i in skipped:
            continue
        before = tokens[i - 1] if i > 0 else None
        following = tokens[i + 1].text if i + 1 < len(tokens) else ""
        is_binary = before is not None and (before.kind in ("name", "number", "char") and
                                            before.text not in KEYWORDS or
                                            before.text in (")", "]"))
        if token.kind == "sign" and token.text in FLIPS and is_binary and depth > 0:
            kind = "condition" if token.text in CONDITION_SIGNS else "operator"
            yield kind, i, i, FLIPS[token.text]
        elif token.text == "!" and depth > 0:
            yield "condition", i, i, ""
        elif token.text in ("true", "false"):
            yield "constant", i, i, "false" if token.text == "true" else "true"
        elif token.kind == "number" and depth > 0 and next_number(token.text) is not None:
            yield "constant", i, i, next_number(token.text)
        elif token.text == "if" and following == "(":
            end = closing(tokens, i + 1)
            inside = tokens[i + 2:end]
            if inside and inside[0].text != "!" and not any(t.text in CONDITION_SIGNS
                                                            for t in inside):
                yield "condition", i + 1, end, None
        call = called_statement(tokens, i) if depth > 0 else None
        if call is not None and not NOT_DROPPED.search(call[0]):
            yield "call", i, call[1], ";"


def mutants_of(text, file):
    """All changes to a file's text, in the order of their places."""
    tokens = tokens_of(text)
    found = []
    for kind, first, last, new in changes(tokens):
        start, end = tokens[first].start, tokens[last].end
        old = text[start:end]
        if new is None:
            new = f"(!{old})"
        line = text.count("\n", 0, start) + 1
        column = start - (text.rfind("\n", 0, start) + 1) + 1
        source = text.splitlines()[line - 1].strip()
        found.append(Mutant(file, line, column, kind, " ".join(old.split()), new, start, end,
                            source))
    return found


def mutate(text, mutant):
    return text[:mutant.start] + mutant.new + text[mutant.end:]


def describe(mutant):
    if mutant.kind == "call":
        return f"without {mutant.old}"
    return f"{mutant.old} -> {mutant.new or 'nothing'}"


def place(mutant):
    return f"{mutant.file}:{mutant.line}:{mutant.column}"


# --- equivalent changes ---

class BadList(Exception):
    pass


def read_equivalent(text):
    """Entries of three lines (file: source line, the change, why nobody can notice),
    divided by empty lines: {(file, source, change): why}."""
    found = {}
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    for entry in re.split(r"\n\s*\n", text.strip()):
        lines = entry.strip().split("\n")
        if lines == [""]:
            continue
        file, colon, source = lines[0].partition(": ")
        if len(lines) != 3 or not colon:
            raise BadList(f"an entry has three lines (file: source, change, reason): {entry!r}")
        found[file, source.strip(), lines[1].strip()] = lines[2].strip()
    return found


def key_of_equivalent(mutant):
    return mutant.file, mutant.source, describe(mutant)


def stale(equivalent, mutants):
    """Entries that no change has any more, of the files that mutants are of."""
    files = {m.file for m in mutants}
    known = {key_of_equivalent(m) for m in mutants}
    return [key for key in equivalent if key[0] in files and key not in known]


# --- runs ---

KILLED, TIMED_OUT, SURVIVED, UNBUILT = "killed", "timed out", "survived", "not built"


def groups_for(file):
    for prefix, groups in TESTS:
        if file.startswith(prefix):
            return groups
    raise ValueError(f"{file}: no tests are known for it; see TESTS in script/lib/mutate.py")


class Bazel:
    """Runs tests in the copy of the work tree."""

    def __init__(self, tree, timeout_s, config):
        self.tree = tree
        self.timeout_s = timeout_s
        self.configuration = ["-c", "opt"] if config is None else [f"--config={config}"]

    def test(self, groups, chosen=0):
        """What the tests say of the tree with a switch chosen: (status, which test)."""
        for labels in groups:
            done = subprocess.run(
                ["bazel", "test", "--noshow_progress", *self.configuration, "--notest_keep_going",
                 f"--test_timeout={self.timeout_s}", "--test_output=summary",
                 f"--test_env=MUTATE={chosen}",
                 # What a change leaves unused is no error; of the product's files alone, so
                 # that all else comes from the cache.
                 "--per_file_copt=^(server|storage|rpc|gateway)/.*\\.c$@-w", *labels],
                cwd=self.tree, capture_output=True, text=True, check=False)
            told = re.search(r"^(//\S+)\s+(?:\(cached\) )?(FAILED|TIMEOUT) in",
                             done.stdout + done.stderr, re.M)
            if done.returncode == 0:
                continue
            if done.returncode == 3 and told is not None:
                return (TIMED_OUT if told[2] == "TIMEOUT" else KILLED), told[1]
            if done.returncode == 1:
                return UNBUILT, done.stderr
            raise RuntimeError(f"bazel test: status {done.returncode}\n{done.stderr[-2000:]}")
        return SURVIVED, ""

    def close(self):
        subprocess.run(["bazel", "shutdown"], cwd=self.tree, capture_output=True, check=False)


class Results:
    """What is known, one JSON object a line; keyed by the change and its file's text."""

    def __init__(self, path):
        self.path = path
        self.known = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the last line of a run that was killed
                self.known[entry["key"]] = entry

    @staticmethod
    def key(mutant, text):
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{digest} {place(mutant)} {mutant.kind} {mutant.new}"

    def get(self, mutant, text):
        return self.known.get(self.key(mutant, text))

    def put(self, mutant, text, status, by, seconds):
        entry = {"key": self.key(mutant, text), "status": status, "by": by[-200:],
                 "place": place(mutant), "change": describe(mutant), "seconds": round(seconds, 1)}
        self.known[entry["key"]] = entry
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        return entry


def put_switches(tree, mutants, texts, tell, runner):
    """Writes the files of mutants with switches into tree, so that one build serves all,
    and sees that the tests are green. Returns the numbers of the changes that have one."""
    number_of = {m: i + 1 for i, m in enumerate(mutants)}
    files = sorted({m.file for m in mutants})
    tier = dict.fromkeys(files, 0)
    numbers = {}

    def put(file):
        # A difference of pointers has no sum, and a switch needs both; else none at all.
        numbered = {m: number_of[m] for m in mutants if m.file == file and tier[file] < 2
                    and (tier[file] == 0 or m.new != "+")}
        text, left = mutate_switches.switched(texts[file], tokens_of(texts[file]), numbered,
                                              closing)
        (tree / file).write_text(text if numbered else texts[file], encoding="utf-8")
        numbers[file] = {m: n for m, n in numbered.items() if m not in left}

    for file in files:
        put(file)
    pending = [groups for i, groups in enumerate(map(groups_for, files))
               if groups not in list(map(groups_for, files[:i]))]
    while pending:
        status, why = runner.test(pending[0])
        if status == SURVIVED:
            pending.pop(0)
            continue
        broken = [f for f in files if status == UNBUILT and tier[f] < 2
                  and re.search(rf"^{re.escape(f)}:\d+:\d+: error", why, re.M)]
        if not broken:
            sys.exit(f"script/mutate: the tests fail without a change ({status}): {why[-3000:]}")
        for file in broken:
            tier[file] += 1
            put(file)
            if tier[file] == 2:
                tell(f"{file} does not build with switches: each change is built by itself")
    return {m: n for of_file in numbers.values() for m, n in of_file.items()}


def run_one(tree, mutant, text, runner, number):
    """Asks the tests of a change: by its switch, or by changing the file in tree, which is
    put back whatever happens."""
    if number is not None:
        return runner.test(groups_for(mutant.file), number)
    path = tree / mutant.file
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutate(text, mutant), encoding="utf-8")
        return runner.test(groups_for(mutant.file))
    finally:
        path.write_text(before, encoding="utf-8")


def run_all(tree, mutants, texts, runner, results, again, tell, numbers=None):
    """Asks the tests of each change that is not known; returns [(mutant, entry)]."""
    numbers = numbers or {}
    done = []
    for mutant in mutants:
        text = texts[mutant.file]
        entry = results.get(mutant, text)
        if entry is None or (again and entry["status"] == SURVIVED):
            start = time.monotonic()
            status, by = run_one(tree, mutant, text, runner, numbers.get(mutant))
            entry = results.put(mutant, text, status, by, time.monotonic() - start)
        done.append((mutant, entry))
        tell(f"{len(done)}/{len(mutants)} {entry['status']}: {place(mutant)}: {describe(mutant)}"
             + (f" by {entry['by']}" if entry["status"] in (KILLED, TIMED_OUT) else ""))
    return done


def report(done, equivalent, tell):
    """Tells survivors and the score; returns it in percent, None if nothing counts."""
    counts = collections.Counter(entry["status"] for _, entry in done)
    survivors = [m for m, entry in done if entry["status"] == SURVIVED]
    listed = [m for m in survivors if key_of_equivalent(m) in equivalent]
    alive = [m for m in survivors if m not in listed]
    for mutant in alive:
        tell(f"SURVIVED {place(mutant)}: {describe(mutant)}\n    {mutant.source}")
    noticed = counts[KILLED] + counts[TIMED_OUT]
    counted = noticed + len(alive)
    score = 100 * noticed / counted if counted else None
    tell(f"{counted} changes counted, {noticed} noticed ({counts[TIMED_OUT]} by a time-out), "
         f"{len(alive)} survived, {len(listed)} equivalent, {counts[UNBUILT]} did not build: "
         + (f"{score:.1f} %" if counted else "no score"))
    return score


# --- the command ---

def only_one(folder):
    """Holds folder for this process; ends it if another does. Keep what is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"script/mutate: another one runs in {folder}")
    return lock


def end_orderly(_signal, _frame):
    sys.exit("script/mutate: ended by a signal")

def sync(tree):
    """Makes tree the files of the work tree that git knows or would add. A file that a
    killed run left changed is put back; what is as it was keeps its time stamp."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    wanted = {name for name in listed.stdout.decode().split("\0")
              if name and (ROOT / name).is_file()}
    tree.mkdir(parents=True, exist_ok=True)
    for folder, folders, names in os.walk(tree):
        folders[:] = [f for f in folders if not (pathlib.Path(folder) / f).is_symlink()]
        for name in names:
            path = pathlib.Path(folder) / name
            if str(path.relative_to(tree)) not in wanted:
                path.unlink()
    for name in wanted:
        source, target = ROOT / name, tree / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def files_of(patterns):
    found = []
    for pattern in patterns:
        paths = sorted(ROOT.glob(pattern))
        if not paths:
            raise ValueError(f"--file {pattern}: no such file")
        found += [str(path.relative_to(ROOT)) for path in paths]
    return list(dict.fromkeys(found))


def choose(mutants, count, seed):
    """A sample of count changes; the same for the same seed. Ordered by file, because
    Bazel keeps what is built for one."""
    if count is not None and count < len(mutants):
        mutants = random.Random(seed).sample(mutants, count)
    return sorted(mutants, key=lambda m: (m.file, m.start, m.kind))


def positive(text):
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 999999, is {text!r}")
    return int(text)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="script/mutate", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Changes one thing at a time (a condition, a constant, an operator, a call)\n"
                    "in C files and runs the tests that should notice.",
        epilog="Without --file: the paths of the promise.\n"
               "Changes that nobody can notice are listed in script/lib/mutate_equivalent.txt.")
    parser.add_argument("--file", action="append", default=[], metavar="GLOB",
                        help="of the workspace's files; may be given several times")
    parser.add_argument("--sample", type=positive, metavar="N", help="N changes, not all")
    parser.add_argument("--seed", type=int, default=1, help="which sample [1]")
    parser.add_argument("--timeout-s", type=positive, default=60, metavar="S",
                        help="for each test program [60]; a test that takes longer noticed")
    parser.add_argument("--again", action="store_true",
                        help="ask again what survived before: there are new tests")
    parser.add_argument("--config", choices=("asan",),
                        help="with --again: under AddressSanitizer, which sees a read or write\n"
                             "beyond an end that tests cannot")
    parser.add_argument("--list", action="store_true", help="print the changes, run nothing")
    parser.add_argument("--least", type=float, metavar="PERCENT",
                        help="end with status 1 if the score is lower")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)

    def tell(text):
        print(text, flush=True)
    try:
        files = files_of(options.file or PROMISE)
        for file in files:
            groups_for(file)
        equivalent = read_equivalent(EQUIVALENT.read_text(encoding="utf-8"))
    except (ValueError, BadList) as error:
        sys.exit(f"script/mutate: {error}")
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in files}
    everything = [m for file in files for m in mutants_of(texts[file], file)]
    for key in stale(equivalent, everything):
        sys.exit(f"script/mutate: {EQUIVALENT.name}: no such change any more: {key}")
    mutants = choose(everything, options.sample, options.seed)
    if options.list:
        for mutant in mutants:
            tell(f"{place(mutant)}: {mutant.kind}: {describe(mutant)}")
        tell(f"{len(mutants)} of {len(everything)} changes in {len(files)} files")
        return 0
    folder = CACHE / "runsd" / "mutate"
    _lock = only_one(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end_orderly)
    tree = folder / "tree"
    sync(tree)
    runner = Bazel(tree, options.timeout_s, options.config)
    try:
        numbers = put_switches(tree, mutants, texts, tell, runner)
        done = run_all(tree, mutants, texts, runner, Results(folder / "results.jsonl"),
                       options.again, tell, numbers)
    finally:
        runner.close()
    score = report(done, equivalent, tell)
    return 1 if options.least is not None and (score is None or score < options.least) else 0


if __name__ == "__main__":
    sys.exit(main())
