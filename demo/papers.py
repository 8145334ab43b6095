"""The papers beside the reports: a scanned letter, a clinical note, a Chinese product note.

The letter tells the same price of tantalum as the report (`demo/books.py`), but only as an
image: it has no text layer. People, firms and findings are invented.
"""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from demo.books import TANTALUM_NEW, TANTALUM_OLD
from demo.charts import load_font

DPI = 150
TURN = 0.9  # degrees by which the sheet lay askew on the scanner
SPECKS = 1400
SEED = 20250314

_LETTER = f"""\
Corvane Metals Ltd
Smelter Road 4, Port Arvik


14 March 2025

Tarnbeck Instruments plc
Purchasing department
Bergen


Our reference: CM-2025-0317

Price of tantalum sheet from 1 April 2025

Dear Ms Okonjo,

We regret to inform you that our smelter in Port Arvik will close on
31 March 2025. The furnace lining has failed its inspection, and a repair
would take at least fourteen months.

We can continue to supply tantalum sheet from purchased metal, but at a
higher price. From 1 April 2025 the price will be ${TANTALUM_NEW} per kilogram
instead of ${TANTALUM_OLD} per kilogram.

Orders that reach us before 21 March 2025 will be delivered at the old
price, up to a total of 1,200 kilograms.

Delivery times rise from three weeks to seven weeks. Our claims manager,
Mr Aldous Penrith, is at your service for any question.

Yours sincerely,


Mathilde Corvane
Managing director
"""


def scanned_letter() -> bytes:
    """A PDF with one page that is nothing but the picture of a sheet of paper."""
    width, height = (round(points * DPI / 72) for points in A4)
    sheet = Image.new("L", (width, height), 250)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(_LETTER.splitlines()):
        size = 34 if number == 0 else 25
        draw.text((140, 150 + number * 39), line, fill=30, font=load_font(size))
    sheet = sheet.rotate(TURN, Image.Resampling.BICUBIC, fillcolor=250)
    sheet = _worn(sheet.filter(ImageFilter.GaussianBlur(0.6)))
    out, picture = BytesIO(), BytesIO()
    sheet.save(picture, "JPEG", quality=72)
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle("Scan 2025-03-17")
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.save()
    return out.getvalue()


def _worn(sheet: Image.Image) -> Image.Image:
    """The dirt of a scanner: uneven light from left to right, and specks."""
    draws = random.Random(SEED)
    light = Image.linear_gradient("L").rotate(90).resize(sheet.size)
    sheet = Image.blend(sheet, light, 0.05)
    pixels = ImageDraw.Draw(sheet)
    for _ in range(SPECKS):
        x, y = draws.randrange(sheet.width), draws.randrange(sheet.height)
        pixels.point((x, y), fill=draws.randrange(60, 200))
    return sheet


def clinical_note() -> str:
    """A discharge note with a table of laboratory values, as HTML."""
    labs = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row in (
            ("Creatinine", "1.08 mg/dL", "1.62 mg/dL", "1.31 mg/dL", "0.50 to 1.10 mg/dL"),
            ("eGFR", "54 mL/min", "33 mL/min", "43 mL/min", "above 60 mL/min"),
            ("Potassium", "4.6 mmol/L", "5.7 mmol/L", "4.9 mmol/L", "3.5 to 5.1 mmol/L"),
            ("Sodium", "139 mmol/L", "136 mmol/L", "138 mmol/L", "135 to 145 mmol/L"),
            ("Haemoglobin", "11.9 g/dL", "11.2 g/dL", "11.0 g/dL", "12.0 to 15.5 g/dL"),
            ("HbA1c", "7.2 %", "", "7.4 %", "below 6.5 %"),
            ("C-reactive protein", "3 mg/L", "4 mg/L", "3 mg/L", "below 5 mg/L"),
        )
    )
    return f"""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Discharge note, Ilse Marbach</title></head>
<body>
<h1>Discharge note</h1>
<p>Patient: Ilse Marbach (invented), born 2 May 1951. Record number M-4471-08.
Admitted 9 September 2025, discharged 16 September 2025. Ward 5B, Lindenau Hospital.</p>

<h2>Reason for admission</h2>
<p>Three days of vomiting and dizziness after a stomach infection. Blood pressure on admission was
94/58 mmHg, pulse 104 per minute. Known: type 2 diabetes since 2009, high blood pressure, chronic
kidney disease stage G3a.</p>

<h2>Findings</h2>
<p>Kidney function had worsened since the check of March. Ultrasound showed kidneys of normal size
without obstruction. The electrocardiogram showed a sinus rhythm without signs of a high potassium.</p>

<table>
<caption>Laboratory values</caption>
<thead><tr><th>Test</th><th>4 March 2025</th><th>9 September 2025</th><th>16 September 2025</th>
<th>Reference range</th></tr></thead>
<tbody>
{labs}
</tbody>
</table>

<h2>Assessment</h2>
<p>Acute kidney injury from loss of fluid while ramipril was taken. The high potassium is explained
by the injury together with ramipril. Creatinine fell with fluids but has not returned to the value
of March.</p>

<h2>Medication at discharge</h2>
<ul>
<li>Ramipril 5 mg: stopped on 9 September 2025; to be reconsidered when potassium stays below
5.0 mmol/L.</li>
<li>Metformin: reduced from 1000 mg twice daily to 500 mg twice daily because the eGFR is below
45 mL/min.</li>
<li>Amlodipine 5 mg once daily: new, for blood pressure.</li>
<li>Ibuprofen: not to be taken.</li>
</ul>

<h2>Follow-up</h2>
<p>Check of creatinine and potassium at the family doctor on 23 September 2025. Kidney clinic in
six weeks. The patient was told to drink two litres a day and to pause metformin when vomiting.</p>
<p>Dr. Jonas Wieland, Ward 5B. Patient, hospital and values are invented.</p>
</body>
</html>
"""


def product_note() -> str:
    """The product note of the DL-4 probe for the Chinese market, as Markdown."""
    return """\
# DL-4 深海温盐深探头产品说明

塔恩贝克仪器公司海洋传感器事业部，2025年2月，第3版。

## 产品概述

DL-4 探头用于测量海水的电导率、温度和深度，适合科考船、锚系浮标和海底观测网使用。探头外壳采用钛合金，\
传感头由波尔图的自动化生产线装配和密封。与上一代 DL-3 相比，DL-4 的最大工作深度由 4,000 米提高到 6,000 米，\
整机功耗降低了三分之一。

## 技术参数

| 项目 | 数值 | 备注 |
| --- | --- | --- |
| 最大工作深度 | 6,000 米 | 耐压试验至 7,500 米 |
| 温度量程 | -3 至 40 摄氏度 | |
| 温度准确度 | ±0.002 摄氏度 | 出厂校准后一年内 |
| 电导率量程 | 0 至 70 mS/cm | |
| 电导率准确度 | ±0.003 mS/cm | 出厂校准后一年内 |
| 采样频率 | 16 赫兹 | 可设为 1、4、8、16 赫兹 |
| 数据传输 | 声学链路，最高 9.6 kbit/s | 有效距离 3,500 米 |
| 电池续航 | 14 个月 | 每小时采样一次时 |
| 空气中重量 | 8.4 千克 | 水中重量 5.1 千克 |

## 安装

安装前应先检查密封圈有无划痕，并涂一薄层硅脂。探头须垂直固定，进水口朝下，距离缆绳接头不得少于 40 厘米。\
连接电缆前请确认电源已经断开；带电插拔会损坏声学链路的功放电路，此类损坏不在保修范围之内。

## 校准与维护

电导率池每六个月用 1% 的 Triton X-100 溶液清洗一次，然后用去离子水冲洗三遍。整机每十二个月应送回卑尔根或\
新加坡的服务中心校准；如果在生物附着严重的海域使用，校准周期应缩短为六个月，因为附着物会使电导率读数偏低。

长期存放时，电池应保持约一半电量，存放温度为 5 至 25 摄氏度。

## 常见问题

**为什么电导率读数突然变小？** 最常见的原因是电导率池内有气泡或生物附着。请先排气，再按上一节的方法清洗。

**声学链路的距离为什么达不到 3,500 米？** 多数情况是温跃层使声线弯曲，或者接收端的增益设置过低。

## 保修与服务

探头自交货之日起保修 24 个月，电池保修 12 个月。签订三年服务合同的用户可免费更换密封件，并在五个工作日内\
得到答复。服务热线设在新加坡，工作时间为每天 8 时至 20 时。
"""
