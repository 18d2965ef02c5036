"""Writes peer.gguf with the gguf package of llama.cpp (gguf-py): every metadata type, nested arrays, an alignment of
64, and one tensor of every type.  Usage: PYTHONPATH=llama.cpp/gguf-py python3 make_peer.py peer.gguf"""
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter

A = GGUFValueType.ARRAY
w = GGUFWriter(sys.argv[1], "peer")
w.add_custom_alignment(64)
w.add_uint8("u8", 255)
w.add_int8("i8", -128)
w.add_uint16("u16", 65535)
w.add_int16("i16", -32768)
w.add_uint32("u32", 4294967295)
w.add_int32("i32", -2147483648)
w.add_float32("f32", 0.1)
w.add_bool("bool", True)
w.add_string("str", "zwölf 🦆")
w.add_uint64("u64", 18446744073709551615)
w.add_int64("i64", -9223372036854775808)
w.add_float64("f64", 0.1)
w.add_key_value("array.u8", [0, 255], A, GGUFValueType.UINT8)
w.add_key_value("array.i8", [-128, 127], A, GGUFValueType.INT8)
w.add_key_value("array.u16", [1, 65535], A, GGUFValueType.UINT16)
w.add_key_value("array.i16", [-1, 32767], A, GGUFValueType.INT16)
w.add_key_value("array.u32", [1, 4294967295], A, GGUFValueType.UINT32)
w.add_key_value("array.i32", [-1, 2147483647], A, GGUFValueType.INT32)
w.add_key_value("array.f32", [0.5, -1e30], A, GGUFValueType.FLOAT32)
w.add_key_value("array.bool", [True, False, True], A, GGUFValueType.BOOL)
w.add_key_value("array.str", ["", "a", "bc"], A, GGUFValueType.STRING)
w.add_key_value("array.u64", [0, 18446744073709551615], A, GGUFValueType.UINT64)
w.add_key_value("array.i64", [-1], A, GGUFValueType.INT64)
w.add_key_value("array.f64", [1e300], A, GGUFValueType.FLOAT64)
w.add_key_value("array.array", [["x"], ["y", "z"]], A, A)
for t in GGMLQuantizationType:
    # two rows of one block; for plain numbers two rows of three
    block, size = GGML_QUANT_SIZES[t]
    row = size if block > 1 else 3 * size
    data = (np.arange(2 * row) + t).astype(np.uint8).reshape(2, row)
    w.add_tensor("type." + t.name, data, raw_dtype=t)
w.add_tensor("vector", np.array([1, 2, 3], dtype=np.float32))
w.add_tensor("cube", np.arange(24, dtype=np.float16).reshape(2, 3, 4))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
