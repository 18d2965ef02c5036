package locate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// maker stands for a model: its damage by size, and how it is measured and made.
type maker struct {
	t       *testing.T
	damage  func(bpw float64) float64
	budget  float64
	step    float64 // between the sizes that can be made
	noise   float64 // standard error of ln damage, most of it the text's, which all files share
	shared  float64 // what the text adds in this run
	rng     *rand.Rand
	predict bool
	fixed   []Point
	probes  int
	rounds  int
}

func (m *maker) excess(bpw float64) float64 { return math.Log(m.damage(bpw) / m.budget) }

func (m *maker) point(bpw float64) Point {
	x := m.excess(bpw)
	if m.noise > 0 {
		x += m.shared + m.noise/4*m.rng.NormFloat64()
	}
	return Point{BPW: bpw, Excess: x, Low: x - 1.96*m.noise, High: x + 1.96*m.noise}
}

// run searches to the end.
func (m *maker) run(s Search) (points []Point, b Bracket) {
	m.t.Helper()
	s.Least, s.Most = 1.6, 8.5
	s.Reach = func(x float64) float64 { return 1.6 + m.step*math.Floor((x-1.6)/m.step+1e-9) }
	points = append(points, m.fixed...)
	for {
		if m.predict {
			var samples []Sample
			for _, p := range points {
				if !p.Fixed {
					samples = append(samples, Sample{p.BPW, m.budget * math.Exp(p.Excess), ByBits(p.BPW)})
				}
			}
			if samples == nil {
				for _, p := range points {
					samples = append(samples, Sample{p.BPW, m.budget * math.Exp(p.Excess), ByBits(p.BPW)})
				}
			}
			expect := Expect(samples, ByBits)
			s.Predict = func(x float64) float64 { return math.Log(expect(x) / m.budget) }
		}
		next := s.Next(points)
		if next == nil {
			return points, s.bracket(points)
		}
		m.rounds++
		for _, x := range next {
			if x < s.Least-1e-9 || x > s.Most+1e-9 {
				m.t.Fatalf("%v bits were asked for", x)
			}
			points = append(points, m.point(x))
			m.probes++
		}
		if m.rounds > 60 {
			m.t.Fatalf("no end after %d probes: %+v", m.probes, Of(points))
		}
	}
}

func bent(bpw float64) float64 { return math.Exp(-1.4*(bpw-2.4)) * 0.1 * (1 + 0.3*math.Sin(bpw)) }

// TestFalling: a falling curve is bracketed within the width, with few probes when the prediction is good.
func TestFalling(t *testing.T) {
	for _, predict := range []bool{false, true} {
		for _, budget := range []float64{0.3, 0.1, 0.02, 0.001} {
			m := &maker{t: t, damage: bent, budget: budget, step: 0.004, predict: predict}
			points, b := m.run(Search{})
			if b.Misses == nil || b.Meets == nil || b.Width() > DefaultWidth {
				t.Fatalf("%v: %+v of %+v", budget, b, points)
			}
			if m.excess(b.Misses.BPW) <= 0 || m.excess(b.Meets.BPW) > 0 {
				t.Errorf("%v: the threshold is not in %v to %v", budget, b.Misses.BPW, b.Meets.BPW)
			}
			if predict && m.probes > 8 || m.probes > 16 {
				t.Errorf("%v, prediction %v: %d probes", budget, predict, m.probes)
			}
		}
	}
}

// TestEnds: what is met or missed everywhere takes one look at the end.
func TestEnds(t *testing.T) {
	for _, predict := range []bool{false, true} {
		m := &maker{t: t, damage: bent, budget: 1, step: 0.01, predict: predict}
		if _, b := m.run(Search{}); b.Misses != nil || b.Meets == nil || b.Meets.BPW != 1.6 {
			t.Errorf("met everywhere: %+v", b)
		}
		if predict && m.probes > 4 {
			t.Errorf("%d probes until the lowest", m.probes)
		}
		m = &maker{t: t, damage: bent, budget: 1e-9, step: 0.01, predict: predict}
		if _, b := m.run(Search{}); b.Meets != nil || b.Misses == nil || b.Misses.BPW < 8.49 {
			t.Errorf("met nowhere: %+v", b)
		}
	}
}

// TestNoise: the search ends where noise hides a finer place, and the truth lies in bracket and noise together in at
// least 95 % of runs.
func TestNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	const runs = 400
	inside, probes := 0, 0
	for range runs {
		m := &maker{t: t, damage: bent, budget: 0.1, step: 0.004, noise: 0.1, shared: 0.1 * rng.NormFloat64(), rng: rng,
			predict: true}
		_, b := m.run(Search{})
		if b.Misses == nil || b.Meets == nil || b.Width() > max(DefaultWidth, b.Noise) {
			t.Fatalf("%+v", b)
		}
		probes += m.probes
		low, high := b.Misses.BPW-b.Noise/2, b.Meets.BPW+b.Noise/2
		if m.excess(low) > 0 && m.excess(high) <= 0 {
			inside++
		}
	}
	if share := float64(inside) / runs; share < 0.95 || probes > 6*runs {
		t.Errorf("the truth is inside in %.1f %% of runs; %.1f probes each", 100*share, float64(probes)/runs)
	}
}

// TestSure: with Sure there are files on both sides beyond doubt, near the bracket.
func TestSure(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const runs = 200
	both, probes := 0, 0
	for range runs {
		m := &maker{t: t, damage: bent, budget: 0.1, step: 0.004, noise: 0.08, shared: 0.08 * rng.NormFloat64(), rng: rng,
			predict: true}
		points, b := m.run(Search{Sure: true})
		probes += m.probes
		low, high := 0., 99.
		for _, p := range points {
			if p.Low > 0 && p.BPW <= b.Misses.BPW {
				low = max(low, p.BPW)
			}
			if p.High < 0 && p.BPW >= b.Meets.BPW {
				high = min(high, p.BPW)
			}
		}
		if high-low < 1 {
			both++
		}
	}
	if both < runs*95/100 || probes > 9*runs {
		t.Errorf("%d of %d runs have sure files on both sides within a bit; %.1f probes each", both, runs,
			float64(probes)/runs)
	}
}

// TestUneven: where more bits are worse at places, the bracket still holds a crossing; files that the search does not
// make end it from above only.
func TestUneven(t *testing.T) {
	waves := func(x float64) float64 { return bent(x) * math.Exp(0.5*math.Sin(9*x)) }
	for _, predict := range []bool{false, true} {
		m := &maker{t: t, damage: waves, budget: 0.1, step: 0.004, predict: predict}
		_, b := m.run(Search{})
		if b.Width() > DefaultWidth || m.excess(b.Misses.BPW) <= 0 || m.excess(b.Meets.BPW) > 0 {
			t.Errorf("waves: %+v", b)
		}
		m = &maker{t: t, damage: bent, budget: 0.1, step: 0.004, predict: predict, fixed: []Point{
			{BPW: 3.6, Excess: 0.2, Low: 0.1, High: 0.3, Fixed: true}, // bits alone do not decide
			{BPW: 4.5, Excess: -1, Low: -1.1, High: -0.9, Fixed: true},
			{BPW: 2.0, Excess: 3, Low: 2, High: 4, Fixed: true}}}
		points, b := m.run(Search{})
		if b.Width() > DefaultWidth || b.Meets.BPW > 3 || b.Misses.Fixed {
			t.Errorf("fixed files: %+v of %+v", b, points)
		}
	}
}

// TestCoarse: where no file lies between the ends, the search ends.
func TestCoarse(t *testing.T) {
	m := &maker{t: t, damage: bent, budget: 0.1, step: 0.3, predict: true}
	_, b := m.run(Search{})
	if math.Abs(b.Width()-0.3) > 1e-9 || m.excess(b.Misses.BPW) <= 0 || m.excess(b.Meets.BPW) > 0 {
		t.Errorf("%+v", b)
	}
}

func TestExpect(t *testing.T) {
	half := func(bpw float64) float64 { return math.Exp2(-bpw) }
	for _, tt := range []struct {
		samples  []Sample
		expected func(float64) float64
		at, want float64
	}{
		{[]Sample{{3, 0.1, ByBits(3)}}, ByBits, 2, 0.4},
		{[]Sample{{3, 0.1, ByBits(3)}}, ByBits, 4, 0.025},
		{[]Sample{{3, 0.1, 1. / 8}}, half, 4, 0.05},
		{[]Sample{{3, 0.1, ByBits(3)}, {5, 0.001, ByBits(5)}}, ByBits, 4, 0.01},
		{[]Sample{{5, 0.001, ByBits(5)}, {3, 0.1, ByBits(3)}, {4, 0, 1}, {4.5, 1, 0}}, ByBits, 4, 0.01},
		{[]Sample{{3, 0.1, ByBits(3)}, {5, 0.001, ByBits(5)}}, ByBits, 2, 0.4},
	} {
		if got := Expect(tt.samples, tt.expected)(tt.at); math.Abs(got/tt.want-1) > 1e-9 {
			t.Errorf("%v at %v: %v, not %v", tt.samples, tt.at, got, tt.want)
		}
	}
	if x := Expect(nil, ByBits)(3); !math.IsNaN(x) {
		t.Errorf("without samples: %v", x)
	}
}
