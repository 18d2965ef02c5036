"""Usage: metadata.py LLAMACPP_DIR tokenizers.json.gz metadata.json        (pip install torch transformers sentencepiece)

What llama.cpp's convert_hf_to_gguf.py --vocab-only writes (tokenizer.* keys; long arrays by length and SHA-256) for some
tokenizers of tokenizers.json.gz as parts of checkpoints, the pre-tokenizer taken for "bert-bge"."""
import base64, gzip, hashlib, json, os, subprocess, sys, tempfile
llama, source, target = sys.argv[1:4]
if source == "--convert":
    sys.path[:0] = [llama, llama + "/gguf-py"]
    import runpy, conversion.base as base, conversion.gemma as gemma
    base.TextModel.get_vocab_base_pre = lambda self, t: "bert-bge"
    gemma.Gemma4Model.set_gguf_parameters = lambda self: None
    sys.argv = [llama + "/convert_hf_to_gguf.py", target, "--vocab-only", "--outfile", target + "/out.gguf"]
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.exit()
sys.path.insert(0, llama + "/gguf-py")
from gguf import GGUFReader
tokenizers = {t["name"]: t for t in json.loads(gzip.open(source).read())["tokenizers"]}
SHAPE = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2)
NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False, "tokenizer_class": "PreTrainedTokenizerFast"}
DECODER = {"decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}
def special(s): return {"SpecialToken": {"id": s, "type_id": 0}}
def text(s): return {"Sequence": {"id": s, "type_id": 0}}
BERT = {"post_processor": {"type": "TemplateProcessing", "single": [special("[CLS]"), text("A"), special("[SEP]")], "pair": [special("[CLS]"), text("A"), special("[SEP]"), text("B"), special("[SEP]")],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}}}
ADDED = {"added_tokens_decoder": {"0": {"content": "<unk>", "special": True}, "1": {"content": "<s>", "special": True}, "700": {"content": "<|im▁end|>", "special": True}, "701": {"content": "▁▁x", "special": False}}}
cases = [  # tokenizer, changes to its file, its name, config, tokenizer_config
    ("bpe llama 2", DECODER, "tokenizer.json", SHAPE | {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, NAMES | {"chat_template": "{{ bos_token }} ▁"}),
    ("sentencepiece bpe", {}, "tokenizer.model", SHAPE | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 710}, NAMES | ADDED),
    ("sentencepiece bpe, no prefix", {}, "tokenizer.model", SHAPE | {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "vocab_size": 705, "head_dim": 4, "num_key_value_heads": 1, "sliding_window": 16,
        "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 4, "pad_token_id": 0}, NAMES),
    ("bpe gemma", DECODER, "tokenizer.json", SHAPE | {"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text"}, NAMES),
    ("sentencepiece unigram", {}, "spiece.model", {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": 8, "d_ff": 8, "num_layers": 1, "num_heads": 2, "d_kv": 4, "vocab_size": 720,
        "relative_attention_num_buckets": 8, "layer_norm_epsilon": 1e-6, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 2, "n_positions": 64}, None),
    ("wordpiece uncased", BERT, "tokenizer.json", SHAPE | {"architectures": ["BertModel"], "model_type": "bert", "layer_norm_eps": 1e-12, "type_vocab_size": 2, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None},
        {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]", "tokenizer_class": "PreTrainedTokenizerFast"}),
]
out = []
for name, edit, file, config, names in cases:
    with tempfile.TemporaryDirectory() as d:
        t = tokenizers[name]
        if "file" in t:
            config = config | {"vocab_size": 1 + max([*t["file"]["model"]["vocab"].values(), *(a["id"] for a in t["file"]["added_tokens"])])}
            json.dump(t["file"] | edit, open(d + "/" + file, "w"))
        else:
            open(d + "/" + file, "wb").write(base64.b64decode(t["model"]))
        json.dump(config, open(d + "/config.json", "w"))
        if names: json.dump(names, open(d + "/tokenizer_config.json", "w"))
        subprocess.run([sys.executable, __file__, llama, "--convert", d], check=True, stderr=subprocess.DEVNULL)
        fields = GGUFReader(d + "/out.gguf").fields
        rows = []
        for key, f in fields.items():
            if not key.startswith("tokenizer.") or key == "tokenizer.ggml.token_type_count": continue
            v = f.contents()
            if isinstance(v, list): v = [len(v), hashlib.sha256("\n".join(map(str, v)).encode()).hexdigest()]
            rows.append([key, v])
        out.append({"tokenizer": name, "edit": edit, "file": file, "config": config, "names": names, "arch": fields["general.architecture"].contents(), "metadata": rows})
json.dump(out, open(target, "w"), ensure_ascii=False, indent=0)
