package backup_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
)

// forgetful is a KeyWrapper that returns no key and no error.
type forgetful struct{}

func (forgetful) Wrap(_ context.Context, _ string, key []byte) ([]byte, error) { return key, nil }

func (forgetful) Unwrap(context.Context, string, []byte) ([]byte, error) { return nil, nil }

// Nothing is sealed with a key that is none.
func TestNoKey(t *testing.T) {
	vault, err := backup.NewVault(forgetful{}, memrestore.New())
	if err != nil {
		t.Fatal(err)
	}
	_, err = vault.Seal(t.Context(), contoso, inventory.Ref{Kind: "k", ID: "i"}, "d", []byte("{}"))
	if !errors.Is(err, backup.ErrKey) {
		t.Errorf("Seal: %v, want ErrKey", err)
	}
}
