package quantize

import (
	"strings"
	"testing"

	"bitmill/formats/gguf"
)

func TestMetadataKeys(t *testing.T) {
	m := &gguf.Metadata{}
	for key, v := range map[string]any{"u8": uint8(1), "i8": int8(1), "u16": uint16(1), "i16": int16(1), "u32": uint32(1), "i32": int32(1), "u64": uint64(1), "i64": int64(1),
		"f32": float32(1), "f64": float64(1), "text": "x"} {
		m.Set(key, v)
	}
	for text, want := range map[string]any{
		"u8=int:255": uint8(255), "i8=int:-128": int8(-128), "u16=int:65535": uint16(65535), "i16=int:-5": int16(-5),
		"u32=int:4294967295": uint32(4294967295), "i32=int:7": int32(7), "u64=int:7": uint64(7), "i64=int:7": int64(7),
		"new=int:7": uint32(7), "new=int:4294967296": uint64(4294967296), "new=int:-7": int32(-7), "new=int:-2147483649": int64(-2147483649),
		"f32=float:0.1": float32(0.1), "f64=float:0.1": 0.1, "new=float:1e6": float32(1e6),
		"new=bool:true": true, "text=bool:false": false,
		"text=str:a=b:c": "a=b:c", "text=str:": "", "new=str:" + strings.Repeat("long", 100): strings.Repeat("long", 100),
	} {
		if _, got, err := parseKey(text, m); err != nil || got != want {
			t.Errorf("%s: %T %v, %v; want %T %v", text, got, got, err, want, want)
		}
	}
	for text, want := range map[string]string{
		"": "KEY=TYPE:VALUE", "key": "KEY=TYPE:VALUE", "=int:1": "KEY=TYPE:VALUE", "key=1": "KEY=TYPE:VALUE",
		"key=uint:1": `unknown type "uint"`, "u8=int:256": "fits in u8", "u32=int:-1": "fits in u32", "i16=int:40000": "fits in i16",
		"new=int:1.5": "is not an integer", "new=int:18446744073709551616": "fits in u64", "new=float:1e39": "fits in f32",
		"new=float:nan": "not a finite number", "new=bool:yes": "true or false", "split.count=int:2": "metadata cannot set how a model is split",
	} {
		if _, _, err := parseKey(text, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
