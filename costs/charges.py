"""What one resource is charged for, and what it takes to work that out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from costs.assembly import Assembly, Resource, Stack
from costs.book import Price, PriceBook
from costs.scale import Scale
from costs.usage import Usage

HOURS = 730  # a month, as AWS's own calculator counts it
SECONDS = HOURS * 3600
WHOLE = Scale.always(1)


@dataclass(frozen=True)
class Charge:
    """A quantity a month of something with a price."""

    price: Price
    quantity: Scale  # in the price's unit, a month
    assumptions: tuple[str, ...] = ()  # fields of Usage that the quantity rests on
    paid: Scale = WHOLE  # share of the price, on Spot or with a savings plan
    what: str = ""  # what it is for, where a resource pays one price for two things

    @property
    def monthly(self) -> Scale:
        """USD a month."""
        return self.quantity * self.paid * self.price.usd

    def less(self, discount: Scale, assumption: str) -> Charge:
        """Return the charge below its price by a share; 0 changes nothing."""
        if not discount.largest:
            return self
        paid = self.paid * (WHOLE - discount)
        return replace(self.resting_on(assumption), paid=paid)

    def resting_on(self, *assumptions: str) -> Charge:
        """Return the charge with further assumptions that its quantity rests on."""
        return replace(self, assumptions=(*self.assumptions, *assumptions))


@dataclass(frozen=True)
class Estimate:
    """All charges of one resource; without any it is free, for the reason in detail."""

    detail: str
    charges: tuple[Charge, ...] = ()

    @property
    def monthly(self) -> Scale:
        return Scale.total(charge.monthly for charge in self.charges)

    @property
    def biggest_first(self) -> list[Charge]:
        return sorted(
            self.charges,
            key=lambda charge: (-charge.monthly.maximum, -charge.monthly.minimum),
        )


@dataclass(frozen=True)
class Rates:
    """A region's prices, the assumptions, and the assembly around a resource."""

    book: PriceBook
    usage: Usage
    assembly: Assembly

    def charge(
        self, service: str, item: str, quantity: Scale | float, *assumptions: str
    ) -> Charge:
        """Return the charge; PriceError where the book lacks the price."""
        if not isinstance(quantity, Scale):
            quantity = Scale.always(quantity)
        return Charge(self.book.price(service, item), quantity, assumptions)

    def stack_of(self, resource: Resource) -> Stack:
        return next(
            stack
            for stack in self.assembly.stacks
            if stack.template is resource.template
        )
