package backup

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A KeyFile is a [KeyWrapper] with a key in a file on this machine. Whoever has
// the file and the store can read every backup; whoever loses the file can read
// none of them.
type KeyFile struct{ aead cipher.AEAD }

// OpenKeyFile returns the key in the named file: 64 hexadecimal digits. If there
// is no such file it makes one that only its owner can read. Of several
// processes that do so at once, all get the same key. It refuses a file that
// others can read.
func OpenKeyFile(name string) (*KeyFile, error) {
	key, err := readKey(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(name); err == nil || errors.Is(err, fs.ErrExist) {
			key, err = readKey(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("backup key file: %w", err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("backup key file: %w", err)
	}
	return &KeyFile{aead}, nil
}

func readKey(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others than its owner can read %s; run chmod 600 on it", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%s does not hold %d hexadecimal digits", name, 2*keySize)
	}
	return key, nil
}

// makeKey writes a key to a file of another name first, so that nobody ever
// reads half a key.
func makeKey(name string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".key-*") // readable for its owner only
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), name) // fails if there is one by now
}

// Wrap implements [KeyWrapper].
func (f *KeyFile) Wrap(_ context.Context, tenant string, key []byte) ([]byte, error) {
	return lock(f.aead, key, []byte(tenant)), nil
}

// Unwrap implements [KeyWrapper].
func (f *KeyFile) Unwrap(_ context.Context, tenant string, wrapped []byte) ([]byte, error) {
	return unlock(f.aead, wrapped, []byte(tenant))
}
