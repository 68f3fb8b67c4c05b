package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// auditKeys returns the keys of the audit: those that the environment says, or
// else those of the file, where one is made if there is none. Without a file
// they last as long as the process.
func auditKeys(given, file string) ([]audit.Key, error) {
	switch {
	case given != "":
		keys, err := parseKeys(given)
		if err != nil {
			return nil, fmt.Errorf("AUDIT_KEYS: %w", err)
		}
		return keys, nil
	case file == "":
		return []audit.Key{audit.NewKey("process")}, nil
	}
	if err := makeKeys(file); err != nil {
		return nil, fmt.Errorf("make a key for the audit: %w; or set AUDIT_KEYS", err)
	}
	info, err := os.Stat(file)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s can be read by others; chmod 600 it", file)
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of the audit: %w", err)
	}
	keys, err := parseKeys(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// makeKeys writes a file with a new key unless there is a file. Of several
// processes that do so at once, one does.
func makeKeys(file string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "audit-key-") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	k := audit.NewKey("1")
	_, err = fmt.Fprintf(f, "%s:%x\n", k.ID, k.Secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), file); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// parseKeys reads keys as ID:HEX with commas or spaces between them.
func parseKeys(text string) (keys []audit.Key, err error) {
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \r\n\t", r) }) {
		id, digits, ok := strings.Cut(field, ":")
		secret, err := hex.DecodeString(digits)
		if !ok || err != nil || len(secret) < 32 {
			return nil, errors.New("a key is ID:HEX with at least 64 hexadecimal digits")
		}
		keys = append(keys, audit.Key{ID: id, Secret: secret})
	}
	return keys, nil
}

// openAudit returns the log of who does what. Every tenant has one from the
// start, so that also the first refusal is in it.
func (h *host) openAudit(ctx context.Context) (*audit.Log, error) {
	keys, err := auditKeys(h.opts.auditKeys.Reveal(), h.stores.auditKeys)
	if err != nil {
		return nil, err
	}
	log, err := audit.New(audit.Config{Store: h.stores.audit, Keys: keys, Logger: h.log})
	if err != nil {
		return nil, err
	}
	for _, t := range h.opts.tenants {
		err := log.Record(ctx, audit.Entry{Tenant: t.name, Actor: runs.System("host"), Event: "host.start"})
		if err != nil {
			// What is there can still be read.
			h.log.ErrorContext(ctx, "the audit cannot be written with these keys, so nothing can be changed", "tenant", t.name, "error", err)
		}
	}
	return log, nil
}
