package backup_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// An archive in which an object has another content and the hashes of the real
// one is no way to have later backups take that content for the real one.
func TestImportDoesNotPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		refs := w.sampleRefs()[:1]
		first := w.set("first")
		w.run(backup.AddType, backup.AddInput{Set: first.ID, Items: refs})
		var out bytes.Buffer
		if err := backup.Export(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, first.ID, &out); err != nil {
			t.Fatal(err)
		}
		if err := w.cfg.Delete(t.Context(), contoso, first.ID, dana); err != nil {
			t.Fatal(err)
		}
		evil := forged(t, out.Bytes(), map[string]any{"displayName": "evil"})
		imported, err := w.cfg.Import(t.Context(), contoso, "evil", dana, bytes.NewReader(evil), int64(len(evil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.content(imported.ID, refs[0]); !strings.Contains(got, "evil") {
			t.Fatalf("the archive was not forged: %s", got)
		}
		later := w.set("later")
		w.run(backup.AddType, backup.AddInput{Set: later.ID, Items: refs})
		if got := w.content(later.ID, refs[0]); strings.Contains(got, "evil") {
			t.Errorf("a backup made after the import holds what was imported: %s", got)
		}
	})
}

// An archive that says of no secret that it is one brings neither the secret nor a
// mask that a restore could write.
func TestImportFindsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		ref := w.sampleRefs()[0]
		first := w.set("first")
		w.run(backup.AddType, backup.AddInput{Set: first.ID, Items: []inventory.Ref{ref}})
		var out bytes.Buffer
		if err := backup.Export(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, first.ID, &out); err != nil {
			t.Fatal(err)
		}
		archive := forged(t, out.Bytes(), map[string]any{"clientSecret": "correct-horse", "newlyMasked": contract.Mask})
		imported, err := w.cfg.Import(t.Context(), contoso, "evil", dana, bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(err)
		}
		p := w.payload(imported.ID, ref)
		var got []string
		for _, s := range p.Secrets {
			if s.NeedsInput() {
				got = append(got, s.Pointer)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"/clientSecret", "/newlyMasked"}, got); diff != "" {
			t.Errorf("what needs input (-want +got):\n%s", diff)
		}
		if strings.Contains(string(p.Content), "correct-horse") {
			t.Errorf("the secret was imported: %s", p.Content)
		}
	})
}

// content returns what was captured of an object.
func (w *world) content(set string, ref inventory.Ref) string {
	w.t.Helper()
	return string(w.payload(set, ref).Content)
}

func (w *world) payload(set string, ref inventory.Ref) *backup.Payload {
	w.t.Helper()
	m, err := backup.Check(w.t.Context(), w.cfg.Store, w.cfg.Vault, contoso, set)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, item := range m.Items {
		if item.Ref() == ref {
			p, err := backup.Open(w.t.Context(), w.cfg.Store, w.cfg.Vault, contoso, item)
			if err != nil {
				w.t.Fatal(err)
			}
			return p
		}
	}
	w.t.Fatal("the set does not have the object")
	return nil
}

// forged returns an archive whose only object has other properties in its content,
// and a manifest that fits.
func forged(t *testing.T, archive []byte, changes map[string]any) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string]map[string]any)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		doc := make(map[string]any)
		if f.Name == "certificate.json" { // as it is
			docs[f.Name] = map[string]any{"": json.RawMessage(text)}
			continue
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		docs[f.Name] = doc
	}
	digest := ""
	for file, doc := range docs {
		content, ok := doc["content"].(map[string]any)
		if !ok {
			continue
		}
		maps.Copy(content, changes)
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		digest = hex.EncodeToString(sum[:])
		docs[file] = doc
	}
	items, ok := docs["manifest.json"]["items"].([]any)
	if !ok {
		t.Fatal("the manifest has no items")
	}
	for _, i := range items {
		if item, ok := i.(map[string]any); ok {
			item["version"] = digest
		}
	}
	files := make(map[string]string)
	for file, doc := range docs {
		var raw []byte
		if kept, ok := doc[""].(json.RawMessage); ok {
			raw = kept
		} else if raw, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
		files[file] = string(raw)
	}
	return archiveOf(t, files)
}
