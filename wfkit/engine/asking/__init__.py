"""Questions to models: paid once, guarded, charged to a purse, in the log; `ask` and `embed` as Python code meets them.

What a prompt node makes of an answer is in `attempts`; what travels to a provider, and how, is in the room `llm`.
"""
