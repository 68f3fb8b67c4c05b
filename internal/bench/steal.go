package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// quietly calls measure and says how much of the processors' time other virtual
// machines took meanwhile: a wait for them is in every 99th percentile.
func (b *bench) quietly(ctx context.Context, s *subject, measure func(ctx context.Context, s *subject) error) error {
	stolen, all, known := processorTime()
	if err := measure(ctx, s); err != nil {
		return err
	}
	if now, total, still := processorTime(); known && still && total > all {
		fmt.Fprintf(b.out, "of the processors' time %.1f %% was stolen\n", 100*(now-stolen)/(total-all))
	}
	return nil
}

// processorTime returns how much time was stolen from this machine's processors
// since it was started, of how much in all. Linux alone tells.
func processorTime() (stolen, all float64, known bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, text := range fields[1:9] { // user, nice, system, idle, iowait, irq, softirq, steal
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, 0, false
		}
		all += n
		if i == 7 {
			stolen = n
		}
	}
	return stolen, all, true
}
