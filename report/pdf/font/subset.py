#!/usr/bin/env python3
"""Makes the font of reports from WenQuanYi Micro Hei.

Takes the proportional face out of the collection and keeps Latin, Greek,
punctuation, symbols and every CJK ideograph of Unicode's first block, which
holds GB 2312, GBK and the names of level one and two of GB 18030. Hinting and
layout tables are of no use in a PDF file and are left out.

Needs fontTools and Debian's package fonts-wqy-microhei:

    python3 subset.py /usr/share/fonts/truetype/wqy/wqy-microhei.ttc linewarden-cjk.ttf
"""

import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

KEEP = [
    (0x0020, 0x007E), (0x00A0, 0x024F), (0x0391, 0x03C9), (0x0400, 0x045F),
    (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x22FF), (0x2460, 0x24FF),
    (0x2500, 0x25FF), (0x2600, 0x2713), (0x3000, 0x30FF), (0x3220, 0x33FF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF),
]


def main(source, target):
    font = TTCollection(source).fonts[0]
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "FFTM", "gasp", "vhea", "vmtx"]
    options.recalc_timestamp = False
    maker = subset.Subsetter(options)
    maker.populate(unicodes=[c for low, high in KEEP for c in range(low, high + 1)])
    maker.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 4, 6):
            record.string = "LinewardenCJK" if record.nameID == 6 else "Linewarden CJK"
    font.save(target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
