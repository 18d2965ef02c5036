package pipeline

import "time"

// Clock tells how long a run will still take: from a forecast, corrected by what the steps that are done took.
type Clock struct {
	steps   []clockStep
	at      int // the step under way
	running bool

	planned, took float64 // seconds of the steps that are done, as they were forecast and as they were
}

type clockStep struct {
	ForecastStep
	start       time.Time
	done, total float64
}

// NewClock starts a clock for a forecast.
func NewClock(f *Forecast) *Clock {
	c := &Clock{at: -1}
	for _, s := range f.Steps {
		c.steps = append(c.steps, clockStep{ForecastStep: s})
	}
	return c
}

// Begin starts a step, which ends the one under way. Steps of the forecast before it that were not begun are taken to be
// done by an earlier run.
func (c *Clock) Begin(what string, now time.Time) {
	c.Done(now)
	for i := c.at + 1; i < len(c.steps); i++ {
		if s := &c.steps[i]; s.What == what {
			c.at, c.running, s.start = i, true, now
			return
		}
	}
}

// Set reports the progress of the step under way.
func (c *Clock) Set(done, total float64) {
	if c.running {
		c.steps[c.at].done, c.steps[c.at].total = done, total
	}
}

// Done ends the step under way.
func (c *Clock) Done(now time.Time) {
	if !c.running {
		return
	}
	s := &c.steps[c.at]
	c.planned, c.took, c.running = c.planned+s.seconds(), c.took+now.Sub(s.start).Seconds(), false
}

// seconds is the forecast for the work that the step turned out to have.
func (s *clockStep) seconds() float64 {
	if s.Total > 0 && s.total > 0 {
		return s.Seconds * s.total / float64(s.Total)
	}
	return s.Seconds
}

// prior is the number of seconds for which the forecast stands against what was measured.
const prior = 2

// Left is how long the run will still take.
func (c *Clock) Left(now time.Time) time.Duration {
	planned, took, left := c.planned, c.took, 0.0
	factor := (took + prior) / (planned + prior)
	if c.running {
		s := &c.steps[c.at]
		elapsed, share := now.Sub(s.start).Seconds(), 0.0
		if s.total > 0 {
			share = min(1, s.done/s.total)
		}
		expected := factor * s.seconds()
		left = max(expected-elapsed, expected/10)
		if share > 0 { // its own pace counts the more, the more of it is done
			own := elapsed * (1 - share) / share
			weight := min(1, 4*share)
			left += weight * (own - left)
		}
		planned, took = planned+s.seconds(), took+elapsed+left
		factor = (took + prior) / (planned + prior)
	}
	for i := c.at + 1; i < len(c.steps); i++ {
		left += factor * c.steps[i].Seconds
	}
	return time.Duration(left * float64(time.Second))
}
