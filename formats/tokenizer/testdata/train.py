"""Usage: train.py TEXT.txt tokenizers.json.gz        (pip install tokenizers sentencepiece; made with 0.23.3, 0.2.3)

Trains small tokenizers of every kind on TEXT.txt, public-domain English, and on random texts, and writes them with the
ids that Hugging Face's tokenizers and SentencePiece give for random texts. SentencePiece models are in base64."""
import base64, gzip, io, json, random, sys
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers as nm, pre_tokenizers as pt, trainers

R = random.Random(20261122)
atoms = ["'s", "'RE", "'ſ", " ", " ", "  ", "\n", "\r\n", "\t", " \n ", "\u00a0", "\u2028", "\u3000", "\u0085", "\u200b", "\u180e", "<s>", "</s>", "<unk>", "<0x41>", "[CLS]", "[MASK]", "▁", "▁▁", "e\u0301", "\u0301", "한국", "中文", "ไทย", "हिन्दी", "עִבְרִית", "½", "٣", "Ⅷ", "²", "🦙", "👩‍👧", "🇩🇪", "don't", "The", "then!", "word", "words", "1234567", "3.14", "...", "_", "--", "“", "é", "ß", "İ", "\u1e9b\u0323", "\u212b", "/", "HTTPServer", "abc", "ﬁ", "ａｂ", "\x00", "\x01", "\ufffd", "\u00ad", "\ufeff", "the quick brown fox"]
blocks = [(0x20, 0x7e)] * 4 + [(0xa1, 0x24f), (0x300, 0x36f), (0x370, 0x4ff), (0x590, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x20cf), (0x2100, 0x24ff), (0x3000, 0x30ff), (0x4e00, 0x9fa5), (0xac00, 0xd7a3), (0xf900, 0xfaff), (0xff00, 0xffef), (0x1f300, 0x1f64f), (0, 0x9f)]
def char(): return chr(R.randint(*R.choice(blocks)))
def text(): return "".join(char() if R.random() < R.choice([0, 0.5, 1]) else R.choice(atoms) for _ in range(R.randint(0, 12)))
english = [line + " " for line in open(sys.argv[1], encoding="utf-8").read()[:300000].split("\n") if line]
corpus = english + [text() for _ in range(400)]
known = {c for c in "".join(english + atoms)}
small = ["".join(c for c in line if c in known) for line in corpus]
texts = ["", " ", "Hello, world! It's 12345 o'clock."] + [text() for _ in range(300)]
BYTES = ["<0x%02X>" % i for i in range(256)]
out = []

def keep(name, t, add=()):
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]  # trained as special, but only to be in the vocabulary
    t = Tokenizer.from_str(json.dumps(j))
    t.add_tokens(list(add))
    out.append({"name": name, "file": json.loads(t.to_str()), "ids": [t.encode(s, add_special_tokens=False).ids for s in texts]})

def bpe(name, normalizer, pre, fallback=True, add=(), train=None, **marks):
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=fallback, fuse_unk=True, **marks))
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = train or pre
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>"] + (BYTES if fallback else []), limit_alphabet=250, show_progress=False, **marks))
    j = json.loads(t.to_str())
    j["pre_tokenizer"] = None
    t = Tokenizer.from_str(json.dumps(j))
    if pre: t.pre_tokenizer = pre
    keep(name, t, add)

bpe("bpe llama 2", nm.Sequence([nm.Prepend("▁"), nm.Replace(" ", "▁")]), None, train=pt.Metaspace(prepend_scheme="never"), add=[AddedToken("word", normalized=False), AddedToken("  ", normalized=False)])
bpe("bpe mistral", None, pt.Metaspace(prepend_scheme="first", split=False), train=pt.Metaspace(), add=[AddedToken("abc", normalized=False)])
bpe("bpe gemma", nm.Replace(" ", "▁"), pt.Split(" ", "merged_with_previous"), train=pt.Metaspace(prepend_scheme="never"))
bpe("bpe words", None, pt.Whitespace(), False)
bpe("bpe marks", nm.Sequence([nm.NFD(), nm.Lowercase(), nm.StripAccents()]), pt.BertPreTokenizer(), False, continuing_subword_prefix="##")
bpe("bpe clip", nm.Sequence([nm.NFC(), nm.Replace(Regex(r"\s+"), " "), nm.Lowercase()]), pt.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True), False, end_of_word_suffix="</w>")
for behavior in ["merged_with_previous", "merged_with_next", "contiguous", "removed"]:
    bpe("bpe " + behavior, nm.Sequence([nm.Nmt(), nm.Strip()]), pt.Sequence([pt.WhitespaceSplit(), pt.Split(Regex(r"[\p{P}\p{N}]"), behavior)]), False)

def sp(name, **how):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(sentence_iterator=iter(small), model_writer=model, vocab_size=700, character_coverage=1.0, hard_vocab_limit=False, minloglevel=2, **how)
    p = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    out.append({"name": name, "model": base64.b64encode(model.getvalue()).decode(), "ids": [p.EncodeAsIds(s.rstrip("▁")) for s in texts]})
    return p, model.getvalue()

rules = {"ﬁ": "fi", "…": "...", "“": '"', "\u00a0": " ", "\t": " ", "\n": " ", "\u3000": " ", "½": "1/2", "²": "2", "e\u0301": "é", "ａ": "a", "ｂ": "b", "\u200b": "", "\u00ad": "", "Ⅷ": "VIII", "▁": " ", "한": "HAN", "👩": "woman"}
with open("rules.tsv", "w") as f:
    for a, b in rules.items(): f.write(" ".join("%X" % ord(c) for c in a) + "\t" + " ".join("%X" % ord(c) for c in b) + "\n")
sp("sentencepiece bpe", model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False)
sp("sentencepiece bpe, no prefix", model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False)
sp("sentencepiece unigram", model_type="unigram", normalization_rule_tsv="rules.tsv")
_, model = sp("sentencepiece unigram, bytes", model_type="unigram", normalization_rule_tsv="rules.tsv", byte_fallback=True)
from sentencepiece import sentencepiece_model_pb2
proto = sentencepiece_model_pb2.ModelProto(); proto.ParseFromString(model)
charsmap = proto.normalizer_spec.precompiled_charsmap

def unigram(name, normalizer, pre, fallback=False):
    t = Tokenizer(models.Unigram())
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.train_from_iterator(small, trainers.UnigramTrainer(vocab_size=900, special_tokens=["<pad>", "</s>", "<unk>"] + (BYTES if fallback else []), unk_token="<unk>", show_progress=False))
    j = json.loads(t.to_str())
    j["model"]["byte_fallback"] = fallback
    keep(name, Tokenizer.from_str(json.dumps(j)))
unigram("unigram", None, pt.Metaspace())
unigram("unigram t5", nm.Sequence([nm.Precompiled(charsmap), nm.Strip(False, True), nm.Replace(Regex(" {2,}"), "▁")]), pt.Metaspace())
unigram("unigram xlm-r", nm.Precompiled(charsmap), pt.Sequence([pt.WhitespaceSplit(), pt.Metaspace()]))
unigram("unigram bytes", nm.NFKC(), pt.Metaspace(), True)

def wordpiece(name, normalizer, pre):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=900, limit_alphabet=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    keep(name, t)
wordpiece("wordpiece uncased", nm.BertNormalizer(lowercase=True), pt.BertPreTokenizer())
wordpiece("wordpiece cased", nm.BertNormalizer(lowercase=False), pt.BertPreTokenizer())
wordpiece("wordpiece accents", nm.BertNormalizer(lowercase=True, strip_accents=False, handle_chinese_chars=False), pt.Sequence([pt.Punctuation(), pt.CharDelimiterSplit(" ")]))

data = json.dumps({"texts": texts, "tokenizers": out}, ensure_ascii=False, separators=(",", ":"))
open(sys.argv[2], "wb").write(gzip.compress(data.encode(), 9, mtime=0))
