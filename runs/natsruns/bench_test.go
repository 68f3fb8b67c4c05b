package natsruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/runs/natsruns"
)

func BenchmarkIdle(b *testing.B) {
	enginetest.Idle(b, open(b, natsruns.Config{JetStream: newBroker(b).connect(b)}))
}

func BenchmarkBusy(b *testing.B) {
	enginetest.Busy(b, open(b, natsruns.Config{JetStream: newBroker(b).connect(b), Workers: 8}))
}
