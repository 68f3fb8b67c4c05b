package inventorytest

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// Promises returns the names of all promises.
func Promises() []string {
	var names []string
	for _, p := range promises() {
		names = append(names, p.name)
	}
	return names
}

// Check checks one promise and returns its text.
func Check(ctx context.Context, name string, s inventory.Store) (text string, err error) {
	for _, p := range promises() {
		if p.name == name {
			return p.text, p.check(ctx, s)
		}
	}
	return "", errors.New("there is no such promise")
}
