"""Before a run: graph and definitions, the keys of tasks and which results serve, the values that travel between tasks.

Reads the user's namespace and the store. Nothing of the user's is called here and no task is started.
"""
