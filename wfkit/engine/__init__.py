"""The engine: a loop that does what `core.decide` says and writes down what happened.

From the bottom: `preparing` makes nodes something that can run, `asking` is the way of every question, `running`
is a run under way, `attempts` carry out its tasks. Here is how a run begins and ends; `plans` tell of runs without one.
"""
