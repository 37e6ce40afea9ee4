"""What every store must do, as checks that run against any store: the conformance kit.

`for check in CHECKS: check(kit)`. A check opens stores through the kit only, uses nothing but the protocol, and raises
AssertionError. Crashes and disks are not tried here: those are promises of the disk store alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from wfkit.core.call import CallRecord, Failure, Message, Reply, Request
from wfkit.core.events import (
    Adopted,
    CallEnded,
    Dispatched,
    Entry,
    Event,
    Forgotten,
    ItemsSucceeded,
    NodeDefined,
    NodeSpec,
    NotKept,
    RunEnded,
    RunStarted,
    Succeeded,
)
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Store
from wfkit.core.result import Result
from wfkit.core.terms import FailureKind, NodeKind, Reason, RunState, Verdict
from wfkit.errors import UsageFault, ValueFault


@dataclass(frozen=True)
class Kit:
    """`open` gives a new, empty store; `again` closes a store and gives one with the same content."""

    open: Callable[[], Store]
    again: Callable[[Store], Store]

    def now_and_again(self, store: Store) -> Iterator[Store]:
        """The store as it is, then opened again; that one is closed at the end."""
        yield store
        opened = self.again(store)
        yield opened
        opened.close()


def known_newest_first(kit: Kit) -> None:
    """Results are known at once, by node and task key, newest first; also after reopening."""
    store = kit.open()
    old, new = result(store, "k1", 1, at=1.0), result(store, "k1", 2, at=2.0)
    log(store, Succeeded(0, 1, old, 1.0), ItemsSucceeded((1, 2), 1, (new, result(store, "k2", 3)), 2.0))
    for each in kit.now_and_again(store):
        found = each.known(["node"])
        assert {key: [item.digest for item in items] for key, items in found.items()} == {
            digest("k1"): [digest("value 2"), digest("value 1")],
            digest("k2"): [digest("value 3")],
        }
        assert each.known(["another"]) == {}
        assert each.result(digest("k1")) == new
        assert each.result(digest("k9")) is None


def forgotten_not_served(kit: Kit) -> None:
    """A forgotten result is not served, one made after it is; also after reopening."""
    store = kit.open()
    log(store, Succeeded(0, 1, result(store, "k1", 1, at=1.0), 1.0), Forgotten("node", (digest("k1"),), 2.0))
    assert store.known(["node"]) == {}
    store = kit.again(store)
    assert store.known(["node"]) == {}
    assert store.result(digest("k1")) is None
    log(store, Succeeded(0, 1, result(store, "k1", 2, at=3.0), 3.0))
    for each in kit.now_and_again(store):
        assert [item.digest for item in each.known(["node"])[digest("k1")]] == [digest("value 2")]


def not_kept_is_told(kit: Kit) -> None:
    """Tasks that ended without a result are told by node, with key, reason and run; also after reopening."""
    store = kit.open()
    failed = NotKept("node", digest("d"), (digest("k1"),), Reason.FAILED_BEFORE, "ValueError: no \ud800", 1.0, "run 1")
    gone = NotKept("node", digest("d"), (digest("k2"), digest("k3")), Reason.VALUE_MISSING, "gone", 2.0)
    log(store, failed, gone, NotKept("other", "", (digest("k4"),), Reason.UNCACHEABLE, "no digest", 3.0))
    for each in kit.now_and_again(store):
        found = sorted(each.not_kept(["node"]), key=lambda event: event.at)
        assert [replace(event, keys=tuple(sorted(event.keys))) for event in found] == [
            failed,
            replace(gone, keys=tuple(sorted(gone.keys))),
        ]
        assert each.not_kept([]) == []


def uncacheable_not_known(kit: Kit) -> None:
    """A result that must not be reused is not offered to a plan; its value can still be read."""
    store = kit.open()
    log(store, Succeeded(0, 1, replace(result(store, "k1", 1), cacheable=False), 1.0))
    for each in kit.now_and_again(store):
        assert each.known(["node"]) == {}
        assert each.get(digest("value 1")) == {"value": 1}


def values_are_new_copies(kit: Kit) -> None:
    """A value handed out belongs to who asked: changing it changes nobody else's."""
    store = kit.open()
    log(store, Succeeded(0, 1, result(store, "k1", 1), 1.0))
    for each in kit.now_and_again(store):
        each.get(digest("value 1"))["value"] = "spoilt"
        assert each.get(digest("value 1")) == {"value": 1}
        first, second = each.get_many([digest("value 1")] * 2)
        assert first == second == {"value": 1}
        assert first is not second


def large_values(kit: Kit) -> None:
    """A large value stands beside the log and comes back equal; many come in the order asked."""
    store = kit.open()
    large = list(range(100_000))
    stored = store.encode(large, digest("large"))
    assert stored.inline is None
    assert stored.size > 64 * 1024
    log(store, Succeeded(0, 1, replace(result(store, "k1", 1), value=stored), 1.0))
    log(store, Succeeded(1, 1, result(store, "k2", 2), 1.0))
    for each in kit.now_and_again(store):
        assert each.get_many([digest("value 2"), digest("large")]) == [{"value": 2}, large]


def missing_value(kit: Kit) -> None:
    """A value that is not there is a ValueFault that names it; so is a value that cannot be stored."""
    store = kit.open()
    for ask in (lambda: store.get(digest("nothing")), lambda: store.encode(store, digest("x"))):
        try:
            ask()
        except ValueFault as fault:
            assert digest("nothing") in str(fault) or "Store" in str(fault)  # noqa: PT017 (no pytest in a product)
        else:
            raise AssertionError("a ValueFault was expected")
    store.close()


def newest_valid_reply(kit: Kit) -> None:
    """Of the replies to a request the newest valid one is found, and the newest invalid one when asked for;
    failed and served ones are not."""
    store = kit.open()
    log(store, CallEnded(0, 1, call("r1", "one"), 1.0))
    log(store, CallEnded(0, 1, call("r1", "bad", verdict=Verdict.INVALID), 2.0))
    log(store, CallEnded(0, 1, replace(call("r2", "none"), reply=None, failure=FAILURE), 2.0))
    log(store, CallEnded(0, 1, call("r3", "three", at=1.0), 1.0), CallEnded(0, 1, call("r3", "newer", at=2.0), 2.0))
    for each in kit.now_and_again(store):
        assert each.find_call(digest("r1")) == call("r1", "one")
        assert each.find_call(digest("r2")) is None
        assert each.find_call(digest("r3")) == call("r3", "newer", at=2.0)
        assert each.find_call(digest("r4")) is None
        assert each.find_call(digest("r1"), invalid=True) == call("r1", "bad", verdict=Verdict.INVALID)
        assert each.find_call(digest("r3"), invalid=True) is None


def odd_text(kit: Kit) -> None:
    """Text that is no UTF-8 (a lone surrogate), control characters and emoji come back as they were."""
    store = kit.open()
    text = 'a\ud800b \x1a\x1ad800 \x00 "quoted" \u202e 😀 \\u0000'
    log(store, CallEnded(0, 1, call("r1", text), 1.0))
    log(store, Succeeded(0, 1, replace(result(store, "k1", 1), preview=text, value=store.encode(text, digest("t"))), 1))
    for each in kit.now_and_again(store):
        assert each.find_call(digest("r1")) == call("r1", text)
        assert each.get(digest("t")) == text
        whole = each.result(digest("k1"))
        assert whole is not None
        assert whole.preview == text


def one_flight(kit: Kit) -> None:
    """Of all who want the flight of a key one gets it, and another only when it is released; twice is harmless."""
    store = kit.open()
    keys = ["r1", "strange / key \ud800", digest("r1")]
    for key in keys:
        taken = [flight for _ in range(3) if (flight := store.try_flight(key))]
        assert len(taken) == 1
        taken[0].release()
        again = store.try_flight(key)
        assert again is not None
        taken[0].release()
        assert store.try_flight(key) is None
        again.release()
    store.close()


def order_and_tickets(kit: Kit) -> None:
    """Entries come back in their order, whoever appended; a ticket waits, and calls once."""
    store = kit.open()
    called = threading.Event()
    log(store, STARTED)
    place = count(1)
    lock = threading.Lock()

    def write() -> None:
        for _ in range(50):
            with lock:
                store.append([Entry("run", 0, next(place), Dispatched((0,), 1, 1.0))])

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ticket = store.append([Entry("run", 0, 201, RunEnded(RunState.SUCCESS, 2.0))], durable=True)
    ticket.then(called.set)
    assert ticket.wait(30)
    assert called.wait(30)
    for each in kit.now_and_again(store):
        assert [entry.seq for entry in each.entries("run")] == [*range(202)]
        assert each.entries("another") == []


def interrupted_runs(kit: Kit) -> None:
    """A run that was interrupted can be taken up; one that ended, or was taken up and ended, cannot."""
    store = kit.open()
    log(store, STARTED, RunEnded(RunState.INTERRUPTED, 2.0))
    assert store.interrupted() == [(STARTED, 0)]
    store = kit.again(store)
    assert store.interrupted() == [(STARTED, 0)]
    store.append([Entry("run", 1, 0, Adopted(1, 3.0)), Entry("run", 1, 1, RunEnded(RunState.INTERRUPTED, 3.0))])
    assert store.interrupted() == [(STARTED, 1)]
    store.append([Entry("run", 2, 0, Adopted(2, 3.0)), Entry("run", 2, 1, RunEnded(RunState.SUCCESS, 4.0))])
    for each in kit.now_and_again(store):
        assert each.interrupted() == []


def late_entries_left_out(kit: Kit) -> None:
    """What an older epoch still says after a run was taken up is not part of its story."""
    store = kit.open()
    log(store, STARTED)
    store.append([Entry("run", 1, 0, Adopted(1, 3.0)), Entry("run", 1, 1, Dispatched((0,), 2, 3.0))])
    store.append([Entry("run", 0, 1, Dispatched((0,), 1, 1.0))])
    for each in kit.now_and_again(store):
        assert [(entry.epoch, entry.seq) for entry in each.entries("run")] == [(0, 0), (1, 0), (1, 1)]
        assert [entry.seq for entry in each.entries("run", outline=True)][:2] == [0, 0]


def answers(kit: Kit) -> None:
    """Runs, report, lineage, definition and SQL know what was appended a moment ago; SQL only reads."""
    store = kit.open()
    defined = NodeDefined("node", digest("code"), NodeKind.PYTHON, "1 + 1", "{}", at=1.0)
    log(store, STARTED, defined, Succeeded(0, 1, result(store, "k1", 1), 2.0), RunEnded(RunState.SUCCESS, 3.0))
    for each in kit.now_and_again(store):
        assert [(run.run_id, run.status) for run in each.runs()] == [("run", "success")]
        assert each.newest_run() == "run"
        report = each.report()
        assert report is not None
        assert report.run.run_id == "run"
        assert [row.name for row in report.nodes] == ["node"]
        found = each.definition(digest("code"))
        assert found is not None
        assert found.source == "1 + 1"
        assert each.sql("select count(*) as n from results")["n"].tolist() == [1]
        try:
            each.sql("drop table results")
        except UsageFault:
            continue
        raise AssertionError("SQL that writes was not refused")


def digest(word: str) -> str:
    """A digest that a test can tell from others."""
    return "".join(f"{ord(letter) % 256:02x}" for letter in word)[:32].ljust(32, "0")


def result(store: Store, key: str, value: int, at: float = 1.0) -> Result:
    """A result of `node`, its value stored."""
    name = digest(f"value {value}")
    return Result(
        digest(key), "node", digest("code"), store.encode({"value": value}, name), run_id="run", created_at=at
    )


def call(request: str, text: str, verdict: Verdict = Verdict.VALID, at: float = 1.0) -> CallRecord:
    """A call with a reply."""
    asked = Request("model", (Message("user", "?"),), params=(("stop", ["a"]), ("temperature", 0.5)))
    return CallRecord(f"{request} {text}", digest(request), asked, at, at, reply=Reply(text, "model"), verdict=verdict)


def log(store: Store, *events: Event) -> None:
    """Append events of the run `run`, epoch 0, one entry each."""
    store.append([Entry("run", 0, place, event) for place, event in enumerate(events)])


FAILURE = Failure(FailureKind.TIMEOUT, "Timeout", "no answer in 2 s")
STARTED = RunStarted("run", "workflow", ("node",), (NodeSpec("node", NodeKind.PYTHON),), "graph", 1.0)
CHECKS: tuple[Callable[[Kit], None], ...] = (
    known_newest_first,
    forgotten_not_served,
    not_kept_is_told,
    uncacheable_not_known,
    values_are_new_copies,
    large_values,
    missing_value,
    newest_valid_reply,
    odd_text,
    one_flight,
    order_and_tickets,
    interrupted_runs,
    late_entries_left_out,
    answers,
)
