package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"bitmill/formats"
)

// WriteJSON writes the report as report.json, indented, with the derived fields (schema, bpw) set.
func WriteJSON(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(complete(r))
}

// complete is a copy with the schema set and with empty lists for missing ones: readers meet [] and never null.
func complete(r *Report) *Report {
	c := *r
	c.Schema = Schema
	c.Warnings, c.Models, c.Economy = list(c.Warnings), list(c.Models), list(c.Economy)
	for i := range c.Models {
		m := &c.Models[i]
		m.Artifacts, m.Warnings, m.TensorNames = list(m.Artifacts), list(m.Warnings), list(m.TensorNames)
		m.Steps = list(m.Steps)
	}
	c.Located = slices.Clone(c.Located)
	for i := range c.Located {
		c.Located[i].Exceptions = list(c.Located[i].Exceptions)
	}
	for i := range c.Economy {
		x := &c.Economy[i]
		x.Smaller, x.Comparisons = list(x.Smaller), list(x.Comparisons)
	}
	return &c
}

// list copies a slice; nil becomes empty.
func list[T any](s []T) []T { return append(make([]T, 0, len(s)), s...) }

// ReadJSON reads a report.json of the present schema.
func ReadJSON(rd io.Reader) (*Report, error) {
	data, err := io.ReadAll(rd)
	if err != nil {
		return nil, err
	}
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not a report.json: %w", formats.JSONError(err))
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("not a report.json: it has no field \"schema\"")
	case *head.Schema != Schema:
		return nil, fmt.Errorf("report.json has schema %d and this bitmill reads %d: "+
			"use the bitmill that wrote it, or run again", *head.Schema, Schema)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("report.json: %w", formats.JSONError(err))
	}
	return &r, nil
}

// fields are those of a row and of its embedded structs, in the order of their JSON.
var fields = slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[Row]()),
	func(f reflect.StructField) bool { return f.Anonymous })

// JSON has no NaN. A row travels as its twin: the same fields in the same order, every float64 a pointer.
var twin = func() reflect.Type {
	out := make([]reflect.StructField, len(fields))
	for i, f := range fields {
		out[i] = reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag}
		if f.Type.Kind() == reflect.Float64 {
			out[i].Type = reflect.PointerTo(f.Type)
		}
	}
	return reflect.StructOf(out)
}()

// MarshalJSON writes null for values that are not finite, and derives bpw.
func (r Row) MarshalJSON() ([]byte, error) {
	r.BPW = bpwOf(r.PayloadBits, r.Weights)
	from, to := reflect.ValueOf(&r).Elem(), reflect.New(twin).Elem()
	for i := range fields {
		switch f := from.FieldByIndex(fields[i].Index); {
		case f.Kind() != reflect.Float64:
			to.Field(i).Set(f)
		case finite(f.Float()):
			to.Field(i).Set(f.Addr())
		}
	}
	return marshal(to.Interface())
}

// UnmarshalJSON reads null, and a missing number, as NaN: null leaves a number as it is.
func (r *Row) UnmarshalJSON(data []byte) error {
	type plain Row
	*r = Blank("")
	r.FallbackShare = math.NaN()
	return json.Unmarshal(data, (*plain)(r))
}

// MarshalJSON leaves out values that are not finite.
func (s Seconds) MarshalJSON() ([]byte, error) {
	out := map[string]float64{}
	for k, v := range s {
		if finite(v) {
			out[k] = v
		}
	}
	return marshal(out)
}

// marshal is json.Marshal without the escapes meant for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
