package audittest

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// Promises returns the names of all promises.
func Promises() []string {
	var names []string
	for _, p := range promises() {
		names = append(names, p.name)
	}
	return names
}

// Check checks one promise.
func Check(ctx context.Context, name string, s audit.Store) error {
	for _, p := range promises() {
		if p.name == name {
			return p.check(ctx, s)
		}
	}
	return errors.New("there is no such promise")
}
