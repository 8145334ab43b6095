"""The annual reports of Tarnbeck Instruments: the words, around the numbers of `demo/books.py`.

The report for 2025 has eight pages. Page 3 shows last year's margins as a vector chart, page 5
this year's as a picture, page 6 says what moved them; no sentence holds both years' margins of
a segment, so a comparison has to read two pages. The report for 2024 has four pages.
"""

from decimal import Decimal

from demo.books import (
    CASH_2025,
    COMPANY,
    EFFECTS_2025,
    TANTALUM_NEW,
    TANTALUM_OLD,
    Y2023,
    Y2024,
    Y2025,
    Year,
    at_last_margin,
    signed,
)
from demo.charts import bridge_drawing, margin_drawing, margin_picture, revenue_drawing
from demo.press import (
    MEASURE,
    Page,
    body,
    bullets,
    caption,
    gap,
    h1,
    h2,
    lead,
    next_column,
    picture,
    print_report,
    table,
)

TWO_YEARS = (0.56, 0.22, 0.22)


def report_2025() -> bytes:
    pages = [
        _cover_2025(),
        _letter_2025(),
        _start_2025(),
        _operations_2025(),
        _margin_2025(),
        _causes_2025(),
        _statements_2025(),
        _outlook_2025(),
    ]
    return print_report(pages, company=COMPANY, title="Annual Report 2025", columns=[4])


def report_2024() -> bytes:
    pages = [_cover_2024(), _review_2024(), _margin_2024(), _statements_2024()]
    return print_report(pages, company=COMPANY, title="Annual Report 2024", columns=[])


# ---------------------------------------------------------------- 2025, page by page


def _cover_2025() -> Page:
    return [
        lead("Year ended 31 December 2025"),
        gap(),
        *body(
            "Tarnbeck Instruments makes the instruments with which people measure water: sensors that are "
            "lowered into the sea, meters that count what flows through a pipe, and analysers that stand in "
            "a laboratory. We design in Bergen and Boston, build in Porto, and service our customers from "
            "Bergen, Boston and Singapore."
        ),
        gap(),
        *_glance(Y2025, Y2024),
        h2("In this report"),
        bullets(
            "Letter from the chief executive, page 2",
            "Where we started: segment margins of 2024, page 3",
            "Operations, page 4",
            "Segment margins of 2025, page 5, and what moved them, page 6",
            "Financial statements, page 7",
            "Outlook, risks and people, page 8",
        ),
    ]


def _letter_2025() -> Page:
    now = Y2025
    return [
        h1("Letter from the chief executive"),
        lead("Dear shareholders,"),
        *body(
            f"2025 was a year in which we sold more than ever and yet learned how thin the ice under one of "
            f"our businesses had become. Revenue was ${now.group.revenue} million. Operating profit was "
            f"${now.operating_profit} million and profit for the year was ${now.profit} million. Two of our "
            f"three segments earned a better margin than before; Flow Metering did not, and this report "
            f"spends a whole page on the reasons.",
            "Ocean Sensors had its best year. The DL-4 deep-water probe, which we started to deliver in "
            "February, is now in use on 214 vessels and moorings. Its assembly moved to the automated line "
            "in Porto in April, and the time to build one probe fell from 95 hours to 74 hours.",
            "In Flow Metering we were caught by our own habits. We bought all tantalum sheet for the sensing "
            "elements of our meters from one supplier, on contracts of one quarter, while we sold the meters "
            "to water utilities at prices fixed for a year. When the supplier closed its smelter, our costs "
            "rose at once and our prices could not follow.",
        ),
        h2("What we changed"),
        bullets(
            "Since October 2025, new contracts with utilities carry a price clause for tantalum.",
            "A second supplier of tantalum sheet was qualified in November 2025; it will deliver two fifths "
            "of our need in 2026.",
            "We hold four months of sensing elements in stock instead of six weeks, which is the main reason "
            "why inventories rose.",
        ),
        h2("Thank you"),
        *body(
            f"We end the year with {now.headcount:,} colleagues. The people in Porto trained on the new line "
            f"while they kept the old one running, and the purchasing team spent eleven weeks finding metal "
            f"that nobody had to sell. The board proposes a dividend of {now.dividend_cents} cents a share.",
        ),
        gap(16),
        *body("Ingrid Solheim-Reyes<br/>Chief executive<br/>Bergen, 26 February 2026"),
    ]


def _start_2025() -> Page:
    year = Y2024
    ocean, flow, laboratory = year.segments
    return [
        h1("Where we started: 2024"),
        *body(
            f"To judge this year's margins one has to know the last ones. In 2024 the group earned a gross "
            f"profit of ${year.group.gross_profit} million on revenue of ${year.group.revenue} million, a "
            f"gross margin of {year.group.margin}%. It was a calm year: raw material prices hardly moved and "
            f"freight returned to its usual cost.",
        ),
        margin_drawing(year, width=MEASURE),
        caption("Figure 1. Gross margin by segment, 2024, in per cent of revenue."),
        *_segment_table("Table 1. Segment results 2024", year),
        *body(
            f"In 2024 Flow Metering earned a gross margin of {flow.margin}%, its highest since the segment "
            f"was formed. Ocean Sensors earned {ocean.margin}%; the old assembly line in Porto ran at its "
            f"limit for most of the year and overtime was paid in every month from May to November. "
            f"Laboratory Systems earned {laboratory.margin}%, helped by a good year for reagents.",
            "We changed nothing in the way the segments are drawn, so the figures on this page compare with "
            "those of 2025 line by line.",
        ),
    ]


def _operations_2025() -> Page:
    return [
        h1("Operations"),
        h2("Ocean Sensors"),
        *body(
            "We delivered 1,846 probes in 2025, of which 702 were of the new DL-4 type. The DL-4 measures "
            "conductivity, temperature and depth down to 6,000 metres and transmits by acoustic link. The "
            "largest single order, for 96 probes, came from a coastal survey in South America.",
            "Service contracts now cover 58% of the installed probes. They are sold for three years and are "
            "recognised evenly over that time.",
        ),
        h2("Flow Metering"),
        *body(
            "We delivered 41,300 electromagnetic meters to 118 water utilities. Volumes rose by 4%; average "
            "prices were unchanged, because most contracts run for a calendar year. The measuring tube of "
            "each meter carries two sensing elements of tantalum, which withstand chlorine where steel "
            "does not.",
            "The shortage between April and September cost us 17 delivery days. No customer contract was "
            "cancelled.",
        ),
        h2("Laboratory Systems"),
        *body(
            "The segment placed 310 analysers, 12 fewer than in the year before, and sold more reagents for "
            "each of them. List prices rose by 1% on 1 May 2025.",
        ),
        next_column(),
        h2("The Porto site"),
        *body(
            "The automated line for probes started on 7 April 2025 after a trial of nine weeks. It places "
            "and seals the sensor heads that were glued by hand before. The rate of heads that had to be "
            "opened again fell from 6.1% to 1.8%.",
            "The investment was $14.2 million, of which $11.7 million fell into 2025.",
        ),
        h2("Purchasing"),
        *body(
            "Tantalum sheet made up 22% of the cost of sales of Flow Metering in 2024. The quarterly "
            "contract that began on 1 April 2025 was priced at "
            f"${TANTALUM_NEW} per kilogram; the one before at ${TANTALUM_OLD}.",
            "For titanium housings we have three suppliers, for pressure-proof glass two.",
        ),
        h2("Environment and safety"),
        *body(
            "Our sites used 18.4 gigawatt hours of electricity, 71% of it from renewable sources. There were "
            "four accidents with lost time, after seven in the year before. Water used in calibration is "
            "filtered and used again; consumption fell by a fifth.",
        ),
        h2("Quality"),
        *body(
            "All three sites kept their certificates. We answered 93% of complaints within five working "
            "days. One batch of 220 flow meters was recalled in July because of a wrong seal; the cost of "
            "$0.3 million is part of the cost of sales.",
        ),
    ]


def _margin_2025() -> Page:
    year = Y2025
    ocean, flow, laboratory = year.segments
    return [
        h1("Gross margin in 2025"),
        *body(
            f"In 2025 the group earned a gross profit of ${year.group.gross_profit} million on revenue of "
            f"${year.group.revenue} million. The gross margin was {year.group.margin}%.",
        ),
        picture(margin_picture(year), ratio=640 / 1500),
        caption("Figure 2. Gross margin by segment, 2025, in per cent of revenue."),
        *_segment_table("Table 2. Segment results 2025", year),
        *body(
            f"In 2025 Flow Metering earned a gross margin of {flow.margin}% and became the segment with the "
            f"lowest margin by a wide distance. Ocean Sensors earned {ocean.margin}% and Laboratory Systems "
            f"{laboratory.margin}%.",
            "By half-year the picture is clearer than by year. Flow Metering earned 33.6% from April to "
            "September, when the shortage was at its worst. Since October, when the first contracts with a "
            "price clause began, its margin has been rising again.",
            "Margins by segment are stated before central costs. Research and development, selling and "
            "administration are not allocated to the segments.",
        ),
    ]


def _causes_2025() -> Page:
    flow = Y2025.segments[1]
    held = at_last_margin(flow, Y2024.segments[1])
    rows = [
        (effect.segment, effect.cause, signed(effect.amount), signed(_points(effect.amount, effect.segment)))
        for effect in EFFECTS_2025
    ]
    total = sum((effect.amount for effect in EFFECTS_2025), Decimal())
    return [
        h1("Why the margins moved"),
        h2("Flow Metering"),
        *body(
            "The gross margin of Flow Metering fell because the price of tantalum sheet rose by 38% in April "
            "2025, when our only supplier closed its smelter, while our own prices were fixed until the "
            "contracts with the water utilities were renewed in October. The dearer metal cost $5.9 million. "
            "Sensing elements that had to be flown in during the shortage cost a further $2.0 million in air "
            "freight.",
            f"At the margin of the year before, the segment's revenue would have earned a gross profit of "
            f"${held} million. It earned ${flow.gross_profit} million.",
        ),
        h2("Ocean Sensors"),
        *body(
            "The gross margin of Ocean Sensors rose because the assembly of probes moved to the automated "
            "line in Porto, which saved $4.1 million of labour and rework. A larger share of service "
            "contracts added $1.9 million.",
        ),
        h2("Laboratory Systems"),
        *body("The list price increase of May 2025 added $0.6 million; costs rose in line with volume."),
        *table(
            "Table 3. What moved gross profit against last year's margins",
            ("Segment", "Cause", "$ million", "Points of margin"),
            [*rows, ("Group", "All causes", signed(total), "")],
            totals=[len(rows)],
            widths=(0.2, 0.4, 0.18, 0.22),
            words=2,
        ),
        bridge_drawing(width=MEASURE),
        caption(
            "Figure 3. From the gross profit that 2025's revenue would have earned at the segment margins of "
            "2024 to the gross profit of 2025, in millions of US dollars. The axis starts at 200."
        ),
    ]


def _statements_2025() -> Page:
    return [
        h1("Consolidated financial statements"),
        *_income_table("Table 4. Income statement", Y2025, Y2024),
        *_balance_table("Table 5. Balance sheet at 31 December", Y2025, Y2024),
        *_cash_table(),
    ]


def _outlook_2025() -> Page:
    now, before = Y2025, Y2024
    people = [
        (country, f"{count:,}", f"{dict(before.employees)[country]:,}") for country, count in now.employees
    ]
    return [
        h1("Outlook, risks and people"),
        h2("Outlook for 2026"),
        *body(
            "We expect revenue between $490 million and $505 million in 2026 and an operating margin of at "
            "least 13.5%. We plan to invest $28 million, half of it in a second automated line in Porto. "
            "We expect the gross margin of Flow Metering to recover to at least 38% by the fourth quarter, "
            "as contracts without a price clause run out.",
        ),
        h2("Principal risks"),
        bullets(
            "Metals: a rise of 10% in the price of tantalum would lower gross profit by about $1.6 million "
            "a year after the price clauses.",
            "Currency: half of our costs are in euro and Norwegian krone. A rise of both by 5% against the "
            "dollar would lower operating profit by about $3.9 million.",
            "Public budgets: 46% of revenue comes from utilities and public institutes.",
        ),
        h2("People"),
        *table(
            "Table 7. Employees by country at 31 December",
            ("Country", "2025", "2024"),
            [*people, ("Total", f"{now.headcount:,}", f"{before.headcount:,}")],
            totals=[len(people)],
            widths=TWO_YEARS,
        ),
        h2("Revenue over three years"),
        revenue_drawing((Y2023, Y2024, Y2025), width=MEASURE, height=84),
        caption("Figure 4. Revenue of the group, in millions of US dollars."),
        h2("Terms"),
        *body(
            "<b>Gross margin</b> is gross profit divided by revenue. <b>Operating margin</b> is operating "
            "profit divided by revenue. <b>Sensing element</b> is the metal contact in the wall of a meter's "
            "measuring tube.",
            "Tarnbeck Instruments plc, the people and the numbers in this report are invented.",
        ),
    ]


# ---------------------------------------------------------------- 2024


def _cover_2024() -> Page:
    return [
        lead("Year ended 31 December 2024"),
        gap(),
        *body(
            "Tarnbeck Instruments makes sensors for the sea, meters for water mains and analysers for "
            "laboratories. 2024 was a year of steady demand and calm markets for metals and freight."
        ),
        gap(),
        *_glance(Y2024, Y2023),
    ]


def _review_2024() -> Page:
    now = Y2024
    return [
        h1("Review of the year"),
        *body(
            f"Revenue was ${now.group.revenue} million and operating profit ${now.operating_profit} million. "
            f"All three segments grew. The old assembly line for probes in Porto reached its limit in May, "
            f"and the board approved an automated line in September, to start in the spring of 2025.",
            "Flow Metering signed contracts with nine more water utilities. Its prices are fixed for a "
            "calendar year, which our customers value and which we regard as a low risk while the price of "
            "tantalum is as stable as it has been for six years.",
            "Laboratory Systems placed 322 analysers. Reagents made up 61% of the segment's revenue.",
        ),
        h2("Purchasing"),
        *body(
            f"We buy tantalum sheet from one supplier at ${TANTALUM_OLD} per kilogram, on contracts of one "
            "quarter. A second source was examined and put aside, since its price was 6% higher.",
        ),
        h2("Outlook for 2025"),
        *body(
            "We expect revenue between $455 million and $475 million in 2025 and a gross margin of about "
            "44%, with all segments at or above the margins of 2024.",
        ),
        h2("Dividend"),
        *body(f"The board proposes a dividend of {now.dividend_cents} cents a share."),
    ]


def _margin_2024() -> Page:
    flow = Y2024.segments[1]
    return [
        h1("Gross margin in 2024"),
        *body(
            f"The gross margin of the group was {Y2024.group.margin}%. Flow Metering earned {flow.margin}%, "
            "its highest margin so far, because the new coil winding machine in Porto needs a third less "
            "copper wire for each meter.",
        ),
        margin_drawing(Y2024, width=MEASURE),
        caption("Figure 1. Gross margin by segment, 2024, in per cent of revenue."),
        *_segment_table("Table 1. Segment results 2024", Y2024),
        *_segment_table("Table 2. Segment results 2023", Y2023),
    ]


def _statements_2024() -> Page:
    return [
        h1("Consolidated financial statements"),
        *_income_table("Table 3. Income statement", Y2024, Y2023),
        *_balance_table("Table 4. Balance sheet at 31 December", Y2024, Y2023),
        *body("Tarnbeck Instruments plc, the people and the numbers in this report are invented."),
    ]


# ---------------------------------------------------------------- tables that both reports have


def _glance(now: Year, before: Year) -> Page:
    rows = [
        ("Revenue", now.group.revenue, before.group.revenue),
        ("Operating profit", now.operating_profit, before.operating_profit),
        ("Profit for the year", now.profit, before.profit),
        ("Earnings per share, in cents", now.earnings_cents, before.earnings_cents),
        ("Dividend per share, in cents", now.dividend_cents, before.dividend_cents),
        ("Employees at year end", f"{now.headcount:,}", f"{before.headcount:,}"),
    ]
    head = ("$ million unless stated", str(now.year), str(before.year))
    return table("At a glance", head, rows, widths=(0.5, 0.25, 0.25))


def _segment_table(title: str, year: Year) -> Page:
    rows = [
        (each.name, each.revenue, each.cost, each.gross_profit, f"{each.margin}%")
        for each in (*year.segments, year.group)
    ]
    head = ("$ million", "Revenue", "Cost of sales", "Gross profit", "Gross margin")
    return table(title, head, rows, totals=[3], widths=(0.28, 0.18, 0.18, 0.18, 0.18))


def _income_table(title: str, now: Year, before: Year) -> Page:
    years = (now, before)
    rows = [
        ("Revenue", *(year.group.revenue for year in years)),
        ("Cost of sales", *(_cost(year.group.cost) for year in years)),
        ("Gross profit", *(year.group.gross_profit for year in years)),
        ("Research and development", *(_cost(year.research) for year in years)),
        ("Selling and distribution", *(_cost(year.selling) for year in years)),
        ("Administration", *(_cost(year.administration) for year in years)),
        ("Operating profit", *(year.operating_profit for year in years)),
        ("Finance costs", *(_cost(year.finance) for year in years)),
        ("Profit before tax", *(year.before_tax for year in years)),
        ("Income tax", *(_cost(year.tax) for year in years)),
        ("Profit for the year", *(year.profit for year in years)),
    ]
    head = ("$ million", str(now.year), str(before.year))
    return table(title, head, rows, totals=[2, 6, 8, 10], widths=TWO_YEARS)


def _balance_table(title: str, now: Year, before: Year) -> Page:
    sheets = (now.balance, before.balance)
    rows = [
        ("Property, plant and equipment", *(sheet.plant for sheet in sheets)),
        ("Intangible assets", *(sheet.intangibles for sheet in sheets)),
        ("Inventories", *(sheet.inventories for sheet in sheets)),
        ("Trade receivables", *(sheet.receivables for sheet in sheets)),
        ("Cash", *(sheet.cash for sheet in sheets)),
        ("Total assets", *(sheet.assets for sheet in sheets)),
        ("Borrowings", *(sheet.borrowings for sheet in sheets)),
        ("Trade payables", *(sheet.payables for sheet in sheets)),
        ("Other liabilities", *(sheet.other_liabilities for sheet in sheets)),
        ("Equity", *(sheet.equity for sheet in sheets)),
        ("Total equity and liabilities", *(sheet.assets for sheet in sheets)),
    ]
    head = ("$ million", str(now.year), str(before.year))
    return table(title, head, rows, totals=[5, 10], widths=TWO_YEARS)


def _cash_table() -> Page:
    cash = CASH_2025
    rows = [
        ("Cash at 1 January", Y2024.balance.cash),
        ("Cash from operating activities", cash.operating),
        ("Purchase of property, plant and equipment", _cost(cash.investment)),
        ("Dividends paid", _cost(cash.dividends)),
        ("Repayment of borrowings", _cost(cash.repayment)),
        ("Cash at 31 December", Y2025.balance.cash),
    ]
    return table("Table 6. Cash flow", ("$ million", "2025"), rows, totals=[5], widths=(0.75, 0.25))


def _cost(value: Decimal) -> str:
    return f"({value})"


def _points(amount: Decimal, segment: str) -> Decimal:
    """An amount as percentage points of the segment's revenue in 2025."""
    revenue = next(each.revenue for each in Y2025.segments if each.name == segment)
    return (100 * amount / revenue).quantize(Decimal("0.1"))
