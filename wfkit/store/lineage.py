"""How a value was made. Filled next."""


def lineage(*a): ...
