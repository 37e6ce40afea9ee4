"""The queues of a run: tasks that wait for a seat by node, nodes by lane and priority, retries by due time.

Only moves numbers in heaps and deques; what may begin is said by `decide`.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from wfkit.core.events import NodeSpec

Queues = dict[int, deque[int]]
Ready = dict[str, list[tuple[int, int]]]


def enqueue(queues: Queues, ready: Ready, spec: NodeSpec, node: int, tasks: list[int]) -> None:
    """Tasks of a node wait for a seat, its node among the others of its lane."""
    queue = queues.get(node)
    if queue:
        queue.extend(tasks)
        return
    queues[node] = deque(tasks)
    lane = spec.lane
    heap = ready.get(lane)
    if heap is None:
        heap = ready[lane] = []
    heappush(heap, (-spec.priority, node))


def unqueue_retry(heap: list[tuple[float, int]], task: int) -> None:
    """A task that waited for its retry begins."""
    if heap[0][1] == task:
        heappop(heap)
    else:
        heap[:] = sorted(entry for entry in heap if entry[1] != task)


def trim(heap: list[tuple[int, int]], queues: Queues) -> None:
    """Drop nodes at the head that have no queued task left."""
    while heap and not queues.get(heap[0][1]):
        queues.pop(heap[0][1], None)
        heappop(heap)
