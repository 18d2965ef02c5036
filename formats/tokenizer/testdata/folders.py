"""folders.py OUT.json.gz: small folders whose added tokens, special tokens or files are unusual, and what transformers makes of
them: the text of every id, the added tokens, the ids of a few texts. transformers 5.24.0, tokenizers 0.23.3, tiktoken 0.14.0,
mistral-common 1.13.1 (for its file tekken_240911.json, whose first tokens are taken)."""
import base64, gzip, json, os, sys, tempfile

import mistral_common, transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()
TEXTS = ["the cat's 12345 hats <t>, <x>\n\n  and <|im_start|>THE end<s></s>", 'naïve café 東京 1234 <y>[PAD]he', "  <t>  a", "don'T stop I'M a"]
CORPUS = ["the cat sat on the mat and the hat that they had in the end was theirs then", 'and another one of the others is here'] * 20


def trained(size):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return json.loads(t.to_str())


def token(content, **flags):
    return dict(dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False, special=True), **flags)


def numbered(id, content, **flags):
    return dict(token(content, **flags), id=id)


BASE = trained(300)
N = len(BASE['model']['vocab'])
NAMES = {'bos_token': '<s>', 'eos_token': '</s>'}
FILE = [numbered(N, '<s>'), numbered(N + 1, '</s>')]


def file(added=FILE, **more):
    return {'tokenizer.json': dict(BASE, added_tokens=added), 'tokenizer_config.json': dict(NAMES, **more)}


def decoder(*tokens):
    return {str(id): token(text, **flags) for id, text, flags in tokens}


CASES = {
    'plain': file(),
    'gap': file(FILE + [numbered(N + 40, '<t>')]),
    'in the vocabulary': file(FILE + [numbered(N + 2, 'he', special=False), numbered(N + 3, '<t>')]),
    'out of order': file([numbered(N + 9, '<t>', special=False), numbered(N + 3, '<x>')] + FILE),
    'twice': file(FILE + [numbered(N + 2, '<t>'), numbered(N + 3, '<t>', lstrip=True, special=False), numbered(N + 4, '<x>')]),
    'empty': file(FILE + [numbered(N + 2, ''), numbered(N + 3, '<t>')]),
    'only in the configuration': file(added_tokens_decoder=decoder((N, '<s>', {}), (N + 1, '</s>', {}), (N + 2, '<t>', dict(special=False)))),
    'other ids in the configuration': file(added_tokens_decoder=decoder((N + 30, '<x>', {}), (N + 20, '<t>', dict(special=False)))),
    'flags of the configuration': file(FILE + [numbered(N + 2, '<t>'), numbered(N + 3, '<x>')], added_tokens_decoder=decoder(
        (N, '<s>', dict(special=False)), (N + 2, '<t>', dict(lstrip=True, rstrip=True, special=False)), (N + 3, '<x>', dict(special=False, normalized=True)))),
    'word of the vocabulary': file(added_tokens_decoder=decoder((BASE['model']['vocab']['he'], 'he', dict(special=False)))),
    'named only': file(pad_token='[PAD]', additional_special_tokens=['<x>', '<y>'], image_token='<t>'),
    'named objects': file(pad_token=dict(token('[PAD]'), __type='AddedToken'), extra_special_tokens={'b': '<y>', 'a': '<x>'}),
    'older files': dict(file(), **{'special_tokens_map.json': {'pad_token': token('[PAD]')}, 'added_tokens.json': {'<x>': N + 3, '<t>': N + 2}}),
    'older files that do not count': dict(file(added_tokens_decoder=decoder((N, '<s>', {}))), **{
        'special_tokens_map.json': {'pad_token': '[PAD]'}, 'added_tokens.json': {'<t>': N + 2}}),
}
LINES = [m if isinstance(m, str) else ' '.join(m) for m in BASE['model']['merges']]
MERGES = '#version: 0.2\n' + '\n'.join(LINES) + '\n'


def two_files(**config):
    return {'vocab.json': BASE['model']['vocab'], 'merges.txt': MERGES, 'tokenizer_config.json': config}


CASES |= {
    'vocab.json of Qwen': dict(two_files(tokenizer_class='Qwen2Tokenizer', bos_token=None, eos_token='</s>', added_tokens_decoder=decoder((N, '<s>', {}), (N + 1, '</s>', {}))), **{'config.json': {'model_type': 'qwen2'}}),
    'vocab.json of GPT-2': dict(two_files(tokenizer_class='GPT2Tokenizer'), **{'config.json': {'model_type': 'starcoder2'}, 'added_tokens.json': {'<t>': N}}),
    'vocab.json of Cohere': dict(two_files(tokenizer_class='CohereTokenizer', bos_token='<s>', eos_token='</s>', pad_token='</s>', cls_token='<s>', sep_token='</s>', mask_token='<s>', unk_token='</s>', add_bos_token=False, add_eos_token=False), **{'config.json': {'model_type': 'cohere'}}),
}


def ranks(n):
    """The first n tokens of Mistral's file: bytes, then what they merge to."""
    with open(os.path.join(os.path.dirname(mistral_common.__file__), 'data', 'tekken_240911.json')) as f:
        data = json.load(f)
    return data['config']['pattern'], [v['token_bytes'] for v in data['vocab'][:n]]


PATTERN, RANKS = ranks(600)
TIKTOKEN = ''.join(f'{b} {i}\n' for i, b in enumerate(RANKS))
CASES |= {
    'tiktoken': {'tokenizer.model': TIKTOKEN, 'config.json': {'model_type': 'llama'}, 'tokenizer_config.json': {
        'tokenizer_class': 'PreTrainedTokenizerFast', 'bos_token': '<s>', 'eos_token': '</s>', 'added_tokens_decoder': decoder((600, '<s>', {}), (601, '</s>', {}), (604, '<t>', {}))}},
    'tekken.json': {'tekken.json': {'config': {'pattern': PATTERN, 'num_vocab_tokens': 600, 'default_vocab_size': 608, 'default_num_special_tokens': 24, 'version': 'v7'},
                                    'vocab': [{'rank': i, 'token_bytes': b} for i, b in enumerate(RANKS)],
                                    'special_tokens': [{'rank': i, 'token_str': s, 'is_control': True} for i, s in enumerate(['<unk>', '<s>', '</s>', '[INST]', '[PAD]', '<t>'])]}},
}


def known(name, files):
    with tempfile.TemporaryDirectory() as d:
        if 'config.json' not in files:
            files = dict(files, **{'config.json': {'model_type': 'llama'}})
        for f, content in files.items():
            with open(os.path.join(d, f), 'w', encoding='utf-8') as out:
                out.write(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
        if name == 'tekken.json':
            from transformers.integrations.mistral.tokenizer import MistralConverter
            t = MistralConverter(os.path.join(d, name)).converted()
            return dict(name=name, files=files, vocab=t.get_vocab(), added={str(i): [a.content, a.special, a.lstrip, a.rstrip, a.normalized] for i, a in t.get_added_tokens_decoder().items()},
                        ids=[t.encode(s, add_special_tokens=False).ids for s in TEXTS])
        t = AutoTokenizer.from_pretrained(d)
        return dict(name=name, files=files, vocab=t.get_vocab(), added={str(i): [a.content, a.special, a.lstrip, a.rstrip, a.normalized] for i, a in t.added_tokens_decoder.items()},
                    ids=[t(s, add_special_tokens=False)['input_ids'] for s in TEXTS])


data = json.dumps(dict(texts=TEXTS, cases=[known(*c) for c in CASES.items()]), ensure_ascii=False).encode()
with open(sys.argv[1], 'wb') as f:
    f.write(gzip.compress(data, 9, mtime=0))
