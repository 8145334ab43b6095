"""CHART -> VALUES: what a chart shows as a table of typed readings, each with its method and confidence.

    drawn.py      a chart as it is drawn: words, bars, curves, wedges, rules
    vector.py     a page's path objects -> drawn
    raster.py     pixels and recognised words -> drawn
    pixels.py     pixels -> rectangles, rules, lines and discs
    axis.py       numbers printed along a line -> the scale of that line
    labels.py     which words name categories, series and the chart
    interpret.py  drawn -> chart, behind a gate: what is no chart of a known kind gives nothing; bars
    lines.py      ... lines
    pies.py       ... pies
    scaled.py     what these share
    office.py     the XML of Office charts -> the same kind of block
    chart.py      the chart with its values, and the block that is made of it

Values that are not sure are not given: the picture and its words are kept, and the chart says so.
"""
