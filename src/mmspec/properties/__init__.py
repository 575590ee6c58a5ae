"""What must hold: named properties, one sentence each."""

from mmspec.properties import accounts, entries, in_step, lists, marks
from mmspec.properties.property import AFTER_EXIT, ALWAYS, AT_REST, IN_STEP, Property

__all__ = [
    "AFTER_EXIT",
    "ALWAYS",
    "AT_REST",
    "IN_STEP",
    "PROPERTIES",
    "SPECIAL",
    "Property",
    "property_of",
]

#: All properties that always hold, by name; the ones that are found first come first.
PROPERTIES: dict[str, Property] = {
    made.name: made
    for module in (in_step, entries, lists, accounts)
    for made in vars(module).values()
    if isinstance(made, Property)
}

#: Those that are checked in scenarios that ask for them.
SPECIAL: dict[str, Property] = {
    made.name: made for made in vars(marks).values() if isinstance(made, Property)
}


def property_of(kind: str) -> Property | None:
    """The property that a bug of some kind violates; None if the model itself is at fault."""
    for made in PROPERTIES.values():
        if kind in made.kinds:
            return made
    return None
