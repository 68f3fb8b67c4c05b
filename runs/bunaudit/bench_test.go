package bunaudit_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func BenchmarkRecord(b *testing.B) {
	for name, fresh := range sqltest.Databases() {
		for _, callers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				l := newLog(b, open(b, fresh(b)))
				var n atomic.Int64
				b.SetParallelism(callers)
				if callers == 1 {
					for b.Loop() {
						if err := l.Record(b.Context(), entry(int(n.Add(1)))); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					b.RunParallel(func(p *testing.PB) {
						for p.Next() {
							if err := l.Record(b.Context(), entry(int(n.Add(1)))); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}

// BenchmarkVerify verifies 100,000 entries.
func BenchmarkVerify(b *testing.B) {
	const size = 100_000
	for name, fresh := range sqltest.Databases() {
		b.Run(name, func(b *testing.B) {
			l := newLog(b, open(b, fresh(b)))
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					for i := range size / 200 {
						if err := l.Record(b.Context(), entry(i)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for b.Loop() {
				if got, err := l.Verify(b.Context(), "acme"); err != nil || got.Problem != nil || got.Last != size {
					b.Fatalf("Verify = %+v, %v", got, err)
				}
			}
		})
	}
}
