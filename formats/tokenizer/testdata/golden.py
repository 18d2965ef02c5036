"""Usage: golden.py tokenizer.json golden.json        (pip install tokenizers; made with 0.23.3)

Ids that Hugging Face's tokenizers give for random texts, with tokenizer.json as it is and with parts of it replaced
("edits"). Texts keep to long-standing blocks: the library's normalizer has the tables of an older Unicode version."""
import json, random, sys
from tokenizers import Tokenizer

R = random.Random(20261121)
FOLD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD = r"[^\r\n\p{L}\p{N}]?"
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
def split(pattern, **how): return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False} | how
def seq(*p): return {"type": "Sequence", "pretokenizers": list(p)}
def added(i, content, **how):
    return {"id": 1024 + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False} | how

edits = {
    "as it is": {},
    "qwen2, NFC": {"normalizer": {"type": "NFC"}, "pre_tokenizer": seq(split(FOLD + "|" + LEAD + r"\p{L}+|\p{N}" + TAIL), BYTES)},
    "qwen35": {"pre_tokenizer": seq(split(FOLD + "|" + LEAD + r"[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), BYTES)},
    "gpt-2": {"pre_tokenizer": BYTES | {"use_regex": True}},
    "gpt-2, prefix": {"pre_tokenizer": BYTES | {"use_regex": True, "add_prefix_space": True}},
    "smollm, NFKC": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}, "pre_tokenizer": seq({"type": "Digits", "individual_digits": True}, BYTES | {"use_regex": True})},
    "cl100k": {"pre_tokenizer": seq(split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+", behavior="Removed", invert=True), BYTES)},
    "gpt-4o": {"pre_tokenizer": seq(split(LEAD + UPPER + "*" + LOWER + "+" + FOLD + "?|" + LEAD + UPPER + "+" + LOWER + "*" + FOLD + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"), BYTES)},
    "deepseek-v3": {"pre_tokenizer": seq(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), BYTES)},
    "added": {"normalizer": {"type": "NFC"}, "added_tokens": [added(-1024, "<|endoftext|>", special=True), added(0, "<|l|>", lstrip=True, special=True), added(1, "<|r|>", rstrip=True, special=True),
              added(2, "word", single_word=True, normalized=True), added(3, "  "), added(4, "    "), added(5, "éa", normalized=True), added(6, "wxy"), added(7, "wxyz"), added(8, "xyz!")]},
}
atoms = ["'s", "'S", "'ll", "'RE", "'ſ", " ", " ", "  ", "\n", "\r\n", "\t", " \n ", "\u00a0", "\u2028", "\u3000", "\u0085", "\u200b", "\u180e", "<|endoftext|>", "<|end", "<|l|>", "<|r|>",
         "e\u0301", "e\u0301a", "\u0301", "한국", "中文", "ไทย", "हिन्दी", "עִבְרִית", "½", "٣", "Ⅷ", "²", "🦙", "👩‍👧", "don't", "The", "then!", "wxyz!", "wxy", "word", "words", "1234567", "3.14", "...", "!!!", "_", "--", "“", "é", "ß", "İ", "\u1e9b\u0323", "\u212b", "/", "HTTPServer", "abc"]
blocks = [(0x20, 0x7e), (0x20, 0x7e), (0xa1, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff), (0x905, 0x939), (0x1100, 0x11ff), (0x2000, 0x206f), (0x2460, 0x24ff), (0x3041, 0x3096), (0x4e00, 0x9fa5), (0xac00, 0xd7a3), (0x1f300, 0x1f5ff)]
def text():
    n = R.randint(1, 14)
    if R.random() < 0.6: return "".join(R.choice(atoms) for _ in range(n))
    return "".join(chr(R.randint(*R.choice(blocks))) for _ in range(n))

base = json.load(open(sys.argv[1], encoding="utf-8"))
texts = ["", " ", "Hello, world! It's 12345 o'clock."] + [text() for _ in range(120)]
golden = []
for name, edit in edits.items():
    t = Tokenizer.from_str(json.dumps(base | edit))
    golden.append({"name": name, "edit": edit, "ids": [t.encode(s, add_special_tokens=False).ids for s in texts]})
json.dump({"texts": texts, "golden": golden}, open(sys.argv[2], "w", encoding="utf-8"), ensure_ascii=False, separators=(",", ":"))
