"""Usage: pieces.py pre.json pieces.json.gz        (pip install tokenizers; made with 0.23.3)

Where Hugging Face's tokenizers cut random texts by the patterns of pre_table.go: pre.json is {name: [pattern]}, which
`go test -run TestPieces -update` writes. Cuts are the lengths of the pieces in characters."""
import gzip, json, random, sys
from tokenizers import Regex, pre_tokenizers as pt

R = random.Random(20261123)
atoms = ["'s", "'S", "'ll", "'RE", "'ſ", " ", " ", "  ", "    ", "\n", "\r\n", "\r", "\t", " \n ", "\v", "\u00a0", "\u0085", "\u2028", "\u3000", "\u180e", "\u200b", "e\u0301", "\u0301", "한국", "ㄱ", "中文", "ไทย", "हिन्दी", "½", "٣", "Ⅷ", "²", "⓴", "Ⓔ", "🦙", "👩‍👧", "don't", "The", "HTTPServer", "camelCase", "ǅ", "ʰ", "1234567", "12", "3.14", "...", "_", "--", "“", "!", "/", "$", "+", "^", "~", "|", "`", "=", "(", ")", "！", "，", "。", "<sentinel:12>", "IMGIMGABZ"]
blocks = [(0x20, 0x7e)] * 3 + [(0xa1, 0x24f), (0x300, 0x4ff), (0x590, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x218f), (0x2460, 0x24ff), (0x3000, 0x31ff), (0x4e00, 0x9fa5), (0xa000, 0xabff), (0xac00, 0xd7a3), (0xf900, 0xffef), (0x1f100, 0x1f64f), (0x20000, 0x2ee5d), (0, 0x9f), (0x10000, 0x1e5ff), (0xe000, 0x10ffff)]
def char(): return chr(R.randint(*R.choice(blocks)))
texts = ["", " "] + ["".join(char() if R.random() < R.choice([0, 0.5, 1]) else R.choice(atoms) for _ in range(R.randint(0, 14))) for _ in range(500)]
pres = []
for name, patterns in json.load(open(sys.argv[1])).items():
    if any(p["patterns"] == patterns for p in pres): continue
    cut = pt.Sequence([pt.Split(Regex(p), "isolated") for p in patterns])
    pres.append({"name": name, "patterns": patterns, "cuts": [[b - a for _, (a, b) in cut.pre_tokenize_str(s)] for s in texts]})
data = json.dumps({"texts": texts, "pres": pres}, ensure_ascii=False, separators=(",", ":"))
open(sys.argv[2], "wb").write(gzip.compress(data.encode(), 9, mtime=0))
