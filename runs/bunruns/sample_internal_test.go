package bunruns

import (
	"math"
	"testing"
)

// What a sample proves is wrong less often than a computer: of one run too few,
// as many as it takes are in it less often than once in 10^14 times.
func TestSampleProves(t *testing.T) {
	for _, limit := range []int{leastSampled, 1500, 5000, 10_000, 100_000} {
		need := sampleOf(limit)
		if p := atLeast(need, limit-1, 1.0/16); p > 1e-14 {
			t.Errorf("%d of the sample for %d runs: it is wrong with a probability of %g", need, limit, p)
		}
		// It would be of no use for few more than are counted.
		if p := atLeast(need, 2*limit, 1.0/16); limit >= 10_000 && p < 0.999 {
			t.Errorf("%d of the sample for %d runs: twice as many prove it with a probability of %g only", need, limit, p)
		}
	}
	if p := atLeast(625, 10_000, 1.0/16); p < 0.4 || p > 0.6 {
		t.Errorf("the mean or more comes with a probability of %g, want about a half", p)
	}
}

// atLeast returns the probability that of n things at least k are chosen, if each
// is chosen with the probability p.
func atLeast(k, n int, p float64) (sum float64) {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	for i := k; i <= n; i++ {
		sum += math.Exp(lgamma(n) - lgamma(i) - lgamma(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}
