package restoretest

import (
	"context"
	"errors"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// BackupPromises returns the names of all promises of a backup.Store.
func BackupPromises() []string { return names(backupPromises()) }

// RestorePromises returns those of a restore.Store.
func RestorePromises() []string { return names(restorePromises()) }

func names[S any](promises []promise[S]) []string {
	var all []string
	for _, p := range promises {
		all = append(all, p.name)
	}
	return all
}

// CheckBackup checks one promise and returns its text.
func CheckBackup(ctx context.Context, name string, s backup.Store) (text string, err error) {
	return check(ctx, backupPromises(), name, s)
}

// CheckRestore does the same for a restore.Store.
func CheckRestore(ctx context.Context, name string, s restore.Store) (text string, err error) {
	return check(ctx, restorePromises(), name, s)
}

func check[S any](ctx context.Context, promises []promise[S], name string, s S) (text string, err error) {
	for _, p := range promises {
		if p.name == name {
			return p.text, p.check(ctx, s)
		}
	}
	return "", errors.New("there is no such promise")
}
