"""What is a person's and no state gave it: how they are reached, paid, found and called, and the machines they use."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal import (
    accounts,
    devices,
    free_names,
    mail,
    network,
    people,
    phones,
    places,
    profiles,
    records,
    wallets,
)

VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    **accounts.VALIDATORS,
    **devices.VALIDATORS,
    **free_names.VALIDATORS,
    **mail.VALIDATORS,
    **network.VALIDATORS,
    **people.VALIDATORS,
    **phones.VALIDATORS,
    **places.VALIDATORS,
    **profiles.VALIDATORS,
    **records.VALIDATORS,
    **wallets.VALIDATORS,
}
