"""Writes peer.safetensors with Hugging Face's safetensors 0.8: a tensor of every type that it can write, its bytes
counting up from 0, and metadata.  Usage: python3 make_peer.py peer.safetensors"""
import ctypes
import sys

from safetensors import TensorSpec, serialize_file

sizes = {"bool": 1, "uint8": 1, "int8": 1, "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e8m0fnu": 1,
         "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "uint16": 2, "int16": 2, "float16": 2, "bfloat16": 2,
         "uint32": 4, "int32": 4, "float32": 4, "uint64": 8, "int64": 8, "float64": 8, "complex64": 8}
alive = []


def spec(dtype, shape, n):
    b = ctypes.create_string_buffer(bytes(range(n)), max(n, 1))
    alive.append(b)
    return TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(b), data_len=n)


tensors = {n: spec(n, [2, 3], 6 * s) for n, s in sizes.items()}
tensors["float4"] = spec("float4_e2m1fn_x2", [2, 3], 6)
tensors["scalar"] = spec("float32", [], 4)
tensors["empty"] = spec("float32", [0, 3], 0)
tensors['naïve "name"'] = spec("int8", [1], 1)
serialize_file(tensors, sys.argv[1], {"note": "<made> & kept"})
