"""The books of Tarnbeck Instruments plc, a company that does not exist.

Every number that the demo's reports print comes from here, in millions of US dollars unless a
name says otherwise. What can be derived is derived, so the reports cannot contradict
themselves; what is stated twice on purpose (a bridge, a cash flow) is held equal by
`check_books`.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

TENTH = Decimal("0.1")


def tenths(value: Decimal) -> Decimal:
    """Rounded as the reports print it: one decimal, half up."""
    return value.quantize(TENTH, ROUND_HALF_UP)


def signed(value: Decimal) -> str:
    """With its sign, as the reports print a change: "+4.1", "\u22125.9"."""
    return f"{value:+}".replace("-", "\u2212")


@dataclass(frozen=True)
class Segment:
    name: str
    revenue: Decimal
    cost: Decimal

    @property
    def gross_profit(self) -> Decimal:
        return self.revenue - self.cost

    @property
    def margin(self) -> Decimal:
        """Gross profit as a percentage of revenue."""
        return tenths(100 * self.gross_profit / self.revenue)


@dataclass(frozen=True)
class Balance:
    plant: Decimal
    intangibles: Decimal
    inventories: Decimal
    receivables: Decimal
    cash: Decimal
    borrowings: Decimal
    payables: Decimal
    other_liabilities: Decimal

    @property
    def assets(self) -> Decimal:
        return self.plant + self.intangibles + self.inventories + self.receivables + self.cash

    @property
    def equity(self) -> Decimal:
        return self.assets - self.borrowings - self.payables - self.other_liabilities


@dataclass(frozen=True)
class CashFlow:
    depreciation: Decimal
    amortisation: Decimal
    translation: Decimal
    investment: Decimal
    dividends: Decimal
    repayment: Decimal
    operating: Decimal

    @property
    def change(self) -> Decimal:
        return self.operating - self.investment - self.dividends - self.repayment


@dataclass(frozen=True)
class Year:
    year: int
    segments: tuple[Segment, Segment, Segment]
    research: Decimal
    selling: Decimal
    administration: Decimal
    finance: Decimal
    tax: Decimal
    dividend_cents: Decimal
    employees: tuple[tuple[str, int], ...]
    balance: Balance

    @cached_property
    def group(self) -> Segment:
        return Segment(
            "Group",
            sum((segment.revenue for segment in self.segments), Decimal()),
            sum((segment.cost for segment in self.segments), Decimal()),
        )

    @property
    def operating_profit(self) -> Decimal:
        return self.group.gross_profit - self.research - self.selling - self.administration

    @property
    def before_tax(self) -> Decimal:
        return self.operating_profit - self.finance

    @property
    def profit(self) -> Decimal:
        return self.before_tax - self.tax

    @property
    def earnings_cents(self) -> Decimal:
        """Earnings per share, in cents."""
        return tenths(100 * self.profit / SHARES_MILLION)

    @property
    def headcount(self) -> int:
        return sum(count for _, count in self.employees)


@dataclass(frozen=True)
class Effect:
    """A cause that moved the gross profit of a segment away from last year's margin."""

    segment: str
    cause: str
    amount: Decimal


def _segments(*rows: tuple[str, str]) -> tuple[Segment, Segment, Segment]:
    ocean, flow, laboratory = (
        Segment(name, Decimal(revenue), Decimal(cost)) for name, (revenue, cost) in zip(NAMES, rows)
    )
    return ocean, flow, laboratory


COMPANY = "Tarnbeck Instruments plc"
NAMES = ("Ocean Sensors", "Flow Metering", "Laboratory Systems")
SHARES_MILLION = Decimal("62.0")

Y2023 = Year(
    2023,
    _segments(("171.5", "98.6"), ("149.7", "91.6"), ("90.1", "44.3")),
    research=Decimal("44.1"),
    selling=Decimal("53.0"),
    administration=Decimal("29.6"),
    finance=Decimal("5.4"),
    tax=Decimal("10.3"),
    dividend_cents=Decimal("20.0"),
    employees=(("Norway", 388), ("Portugal", 571), ("Singapore", 166), ("United States", 298)),
    balance=Balance(
        *map(Decimal, ("121.4", "93.9", "62.8", "76.5", "42.0")),
        *map(Decimal, ("112.0", "63.1", "22.9")),
    ),
)
Y2024 = Year(
    2024,
    _segments(("186.2", "105.6"), ("158.0", "95.4"), ("92.3", "44.9")),
    research=Decimal("47.9"),
    selling=Decimal("55.2"),
    administration=Decimal("30.4"),
    finance=Decimal("5.1"),
    tax=Decimal("12.0"),
    dividend_cents=Decimal("22.0"),
    employees=(("Norway", 401), ("Portugal", 598), ("Singapore", 187), ("United States", 316)),
    balance=Balance(
        *map(Decimal, ("128.9", "91.2", "66.1", "80.7", "54.9")),
        *map(Decimal, ("102.0", "66.8", "24.9")),
    ),
)
Y2025 = Year(
    2025,
    _segments(("214.6", "115.7"), ("163.8", "106.8"), ("96.4", "46.3")),
    research=Decimal("52.4"),
    selling=Decimal("58.7"),
    administration=Decimal("31.5"),
    finance=Decimal("4.6"),
    tax=Decimal("13.5"),
    dividend_cents=Decimal("24.0"),
    employees=(("Norway", 412), ("Portugal", 655), ("Singapore", 208), ("United States", 341)),
    balance=Balance(
        *map(Decimal, ("142.3", "88.5", "79.6", "84.2", "61.7")),
        *map(Decimal, ("95.0", "71.4", "28.2")),
    ),
)
CASH_2025 = CashFlow(
    depreciation=Decimal("20.2"),
    amortisation=Decimal("2.7"),
    translation=Decimal("1.9"),
    investment=Decimal("33.6"),
    dividends=Decimal("13.6"),
    repayment=Decimal("7.0"),
    operating=Decimal("61.0"),
)
EFFECTS_2025 = (
    Effect("Ocean Sensors", "Automated assembly line in Porto", Decimal("4.1")),
    Effect("Ocean Sensors", "Larger share of service contracts", Decimal("1.9")),
    Effect("Flow Metering", "Price of tantalum sheet", Decimal("-5.9")),
    Effect("Flow Metering", "Air freight during the shortage", Decimal("-2.0")),
    Effect("Laboratory Systems", "List price increase of May 2025", Decimal("0.6")),
)

# The supplier's letter says the same as the report's page 6: dollars per kilogram.
TANTALUM_OLD, TANTALUM_NEW = 412, 569


def at_last_margin(now: Segment, before: Segment) -> Decimal:
    """The gross profit that this year's revenue would have earned at last year's margin."""
    return tenths(now.revenue * before.gross_profit / before.revenue)


def effects_of(name: str) -> Decimal:
    return sum((effect.amount for effect in EFFECTS_2025 if effect.segment == name), Decimal())


def check_books() -> None:
    """Raises AssertionError where two statements of the books disagree."""
    for now, before in zip(Y2025.segments, Y2024.segments):
        assert at_last_margin(now, before) + effects_of(now.name) == now.gross_profit, now.name
        exact = 100 * (now.gross_profit / now.revenue - before.gross_profit / before.revenue)
        # what a reader computes from the printed margins is what the books say
        assert tenths(exact) == now.margin - before.margin, now.name
    old, new, cash = Y2024.balance, Y2025.balance, CASH_2025
    assert new.cash - old.cash == cash.change
    assert old.plant + cash.investment - cash.depreciation == new.plant
    assert old.intangibles - cash.amortisation == new.intangibles
    assert old.borrowings - cash.repayment == new.borrowings
    assert tenths(Y2024.dividend_cents * SHARES_MILLION / 100) == cash.dividends
    assert old.equity + Y2025.profit - cash.dividends + cash.translation == new.equity
    working_capital = (
        (old.inventories - new.inventories)
        + (old.receivables - new.receivables)
        + (new.payables - old.payables)
        + (new.other_liabilities - old.other_liabilities)
    )
    earned = Y2025.profit + cash.depreciation + cash.amortisation + cash.translation
    assert earned + working_capital == cash.operating
