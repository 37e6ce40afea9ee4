"""Asking models: the one door to providers, prices, structured answers, and models that need no key.

Nothing here retries, caches or decides: those are tasks of other rooms. litellm is imported nowhere else.
"""
