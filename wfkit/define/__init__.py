"""From text to nodes: the one option table, cells, prompts, functions, schemas and the items of a mapped node.

Nothing in this room runs a body, asks a model or touches a store: a definition never executes anything.
"""
