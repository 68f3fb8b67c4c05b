package inventorytest

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
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

// DirectoryPromises returns the names of the promises of directories.
func DirectoryPromises() []string {
	var names []string
	for _, p := range directoryPromises() {
		names = append(names, p.name)
	}
	return names
}

// CheckDirectory checks one promise of directories and returns its text.
func CheckDirectory(ctx context.Context, name string, s directory.Store) (text string, err error) {
	for _, p := range directoryPromises() {
		if p.name == name {
			return p.text, p.check(ctx, s)
		}
	}
	return "", errors.New("there is no such promise")
}
