package pondruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/runs/pondruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

func TestDispatcher(t *testing.T) {
	for _, cfg := range []pondruns.Config{{}, {Workers: 1, Queue: 1}, {Workers: 8, Queue: 5}} {
		t.Run("", func(t *testing.T) {
			room := cfg.Queue
			if room == 0 {
				room = 128
			}
			runstest.TestDispatcher(t, func(testing.TB) runstest.Engine {
				return runstest.Engine{Dispatcher: pondruns.New(cfg), Room: room}
			})
		})
	}
}
