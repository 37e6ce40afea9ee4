"""Guards: may this call pass now? Each guard is one file; their order is one list in `chain`.

A guard waits or refuses. It never retries and never changes a request.
"""
