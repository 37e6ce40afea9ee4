"""The engine: a loop that does what `core.decide` says and writes down what happened.

It owns threads and time. What a node is, what a key covers and how a store keeps its promises belongs to other rooms.
"""
