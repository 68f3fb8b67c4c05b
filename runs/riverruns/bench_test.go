package riverruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func BenchmarkIdle(b *testing.B) {
	enginetest.Idle(b, open(b, configOf(b, sqltest.Postgres(b))))
}

func BenchmarkBusy(b *testing.B) {
	enginetest.Busy(b, open(b, configOf(b, sqltest.Postgres(b))))
}
