"""Guards: may this call pass now? Each guard is one file; their order is one list in `chain`."""
