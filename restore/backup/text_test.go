package backup_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
)

// What people call a set is one line that can be shown, and what they say of it
// may have several.
func TestSetTexts(t *testing.T) {
	for _, c := range []struct {
		name, description string
		ok                bool
	}{
		{"Größe “A” – 1", "one\ntwo", true},
		{" padded ", "", true},
		{strings.Repeat("ü", backup.MaxName), strings.Repeat("ü", backup.MaxDescription), true},
		{"", "", false},
		{" \t ", "", false},
		{strings.Repeat("ü", backup.MaxName+1), "", false},
		{"name", strings.Repeat("ü", backup.MaxDescription+1), false},
		{"two\nlines", "", false},
		{"nul\x00", "", false},
		{"bell\a", "", false},
		{"bad\xff", "", false},
		{"name", "carriage\rreturn", false},
		{"name", "escape \x1b[31m", false},
		{"turned \u202e around", "", false},
	} {
		store := memrestore.New()
		set, err := backup.NewSet(t.Context(), store, contoso, c.name, c.description, dana, time.Now())
		switch {
		case c.ok && err != nil:
			t.Errorf("%q, %q: %v", c.name, c.description, err)
		case !c.ok && !errors.Is(err, backup.ErrInvalid):
			t.Errorf("%q, %q: %v, want ErrInvalid", c.name, c.description, err)
		case c.ok && set.Name != strings.TrimSpace(c.name):
			t.Errorf("%q became %q", c.name, set.Name)
		}
	}
}

// The files of an export have names that every file system takes and that stay
// where they are unpacked, however objects are called, and each its own.
func TestExportNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		names := []string{
			"../../etc/passwd", "..", "/root", `C:\Windows\System32`, "a/b", "a:b", "con", "con.", " x ", "x\x00y", "same", "same", "Same",
			strings.Repeat("ü", 300), "\u202egpj.exe", "*?|<>\"", "💥",
		}
		at := w.server.Tenant(contoso)
		const filters = "deviceManagement/assignmentFilters"
		var refs []inventory.Ref
		for _, id := range at.IDs(filters) {
			refs = append(refs, inventory.Ref{Kind: "assignmentFilter", ID: id})
		}
		for i, name := range names {
			first, err := at.Get(filters, refs[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			doc := withName(t, first, name)
			id, err := at.Add(filters, doc)
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			refs = append(refs, inventory.Ref{Kind: "assignmentFilter", ID: id})
		}
		s := w.set("odd names")
		w.run(backup.AddType, backup.AddInput{Set: s.ID, Items: refs})
		var out bytes.Buffer
		if err := backup.Export(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, s.ID, &out); err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(z.File), len(refs)+2; got != want {
			t.Errorf("the archive has %d files, want %d", got, want)
		}
		seen := make(map[string]bool)
		for _, f := range z.File {
			base := path.Base(f.Name)
			switch lower := strings.ToLower(f.Name); {
			case path.Clean(f.Name) != f.Name, strings.HasPrefix(f.Name, "/"), strings.Contains(f.Name, ".."), strings.ContainsAny(f.Name, "\\:*?\"<>|\x00"):
				t.Errorf("%q is no name for a file everywhere", f.Name)
			case len(base) > 255, strings.HasSuffix(strings.TrimSuffix(base, ".json"), "."), strings.TrimSpace(base) != base:
				t.Errorf("%q is too long, or ends in a way that some file systems do not take", f.Name)
			case seen[lower]:
				t.Errorf("%q is there twice, if case does not matter", f.Name)
			default:
				seen[lower] = true
			}
		}
	})
}

// withName returns a filter of another name, without id.
func withName(t *testing.T, doc []byte, name string) []byte {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(doc, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "id")
	fields["displayName"] = name
	out, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever is given to Import, it is refused, or becomes a set that a check finds
// nothing wrong with.
func FuzzImport(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(archiveOf(f, nil))
	f.Add(archiveOf(f, map[string]string{"manifest.json": "{}", "certificate.json": "{}"}))
	f.Add(archiveOf(f, map[string]string{"manifest.json": `{"items":null,"certificate":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}`, "certificate.json": "{}"}))
	key := &fixedKey{}
	f.Fuzz(func(t *testing.T, archive []byte) {
		store := memrestore.New()
		vault, err := backup.NewVault(key, store)
		if err != nil {
			t.Fatal(err)
		}
		cfg := backup.Config{Store: store, Vault: vault}
		set, err := cfg.Import(t.Context(), contoso, "name", dana, bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			if !errors.Is(err, backup.ErrArchive) && !errors.Is(err, backup.ErrInvalid) {
				t.Errorf("%v, want ErrArchive or ErrInvalid", err)
			}
			return
		}
		if err := whole(t.Context(), store, vault, contoso, set.ID); err != nil {
			t.Error(err)
		}
	})
}

func archiveOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, text := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A fixedKey wraps nothing.
type fixedKey struct{}

func (*fixedKey) Wrap(_ context.Context, _ string, key []byte) ([]byte, error) { return key, nil }

func (*fixedKey) Unwrap(_ context.Context, _ string, wrapped []byte) ([]byte, error) {
	return wrapped, nil
}

// What is no payload is refused, and what is one says the same when it is encoded
// again.
func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte(`{"kind":"k","external_id":"i","category":"","path":"","captured_at":"0001-01-01T00:00:00Z","run":"","hash":"h","content":{}}`))
	f.Add([]byte(`{"kind":1}`))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`{"later":1}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		sum := sha256.Sum256(doc)
		digest := hex.EncodeToString(sum[:])
		if _, err := backup.DecodePayload(append(bytes.Clone(doc), ' '), digest); !errors.Is(err, backup.ErrCorrupt) {
			t.Errorf("with a byte more: %v, want ErrCorrupt", err)
		}
		p, err := backup.DecodePayload(doc, digest)
		if err != nil {
			if !errors.Is(err, backup.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
			return
		}
		again, digest, err := p.Encode()
		if err != nil {
			return // a content that is no JSON object, say
		}
		q, err := backup.DecodePayload(again, digest)
		if err != nil {
			t.Fatal(err)
		}
		if third, other, err := q.Encode(); err != nil || other != digest {
			t.Errorf("%v: %s became %s", err, again, third)
		}
	})
}
