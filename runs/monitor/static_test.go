package monitor_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Everything that a browser loads once is small.
func TestAssetsAreSmall(t *testing.T) {
	var plain, packed int
	for name, body := range assetFiles(t) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-12s %6d bytes, %5d gzipped", name, len(body), b.Len())
		plain += len(body)
		packed += b.Len()
	}
	t.Logf("%-12s %6d bytes, %5d gzipped", "together", plain, packed)
	if plain > 60_000 || packed > 20_000 {
		t.Errorf("the assets have %d bytes, %d gzipped; want 60,000 and 20,000 at most", plain, packed)
	}
}

// The modules need nothing that Trusted Types or the policy would refuse, and
// load nothing from elsewhere.
func TestModulesMakeNoMarkup(t *testing.T) {
	refused := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|setAttribute\('style'|\w\.style\b|srcdoc|https?://[^w]`)
	modules := 0
	for name, body := range assetFiles(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		modules++
		if found := refused.Find(body); found != nil {
			t.Errorf("%s has %s", name, found)
		}
		if !strings.HasPrefix(string(body), "// @ts-check\n") {
			t.Errorf("%s is not type-checked", name)
		}
	}
	if modules == 0 {
		t.Error("there are no modules")
	}
}

// The look that was chosen is set by a script that the first paint waits for, from
// what the settings have kept.
func TestThemeBeforePaint(t *testing.T) {
	_, body := newDesk(t, nil).get(t, "readonly", "/ops/settings")
	script := regexp.MustCompile(`<script src="/ops/static/[^/"]+/theme\.js"></script>`).FindStringIndex(body)
	if sheet := strings.Index(body, `rel="stylesheet"`); script == nil || script[0] > sheet {
		t.Errorf("nothing sets the theme before the style sheet, which is at %d", sheet)
	}
	files := assetFiles(t)
	store := regexp.MustCompile(`const store = '(\w+)'`).FindSubmatch(files["kit.js"])
	if store == nil || !bytes.Contains(files["theme.js"], []byte("getItem('"+string(store[1])+"')")) {
		t.Errorf("theme.js reads something else than kit.js, which has %q", store)
	}
}

// Every word that a module says is there.
func TestModulesSayKnownWords(t *testing.T) {
	words, err := os.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`say\((?:\w+ \? )?'([\w.]+)'`)
	for name, body := range assetFiles(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, m := range said.FindAllSubmatch(body, -1) {
			key := string(m[1])
			if strings.HasSuffix(key, ".") { // the rest is a status
				key += "running"
				if !strings.HasPrefix(key, "status.") {
					continue
				}
			}
			if !bytes.Contains(words, []byte(`"`+key+`"`)) && !bytes.Contains(words, []byte(`"`+key+`.other"`)) {
				t.Errorf("%s says %s, which is not in the messages", name, key)
			}
		}
	}
}

func assetFiles(t *testing.T) map[string][]byte {
	t.Helper()
	dir := os.DirFS("static")
	names, err := fs.ReadDir(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, n := range names {
		if all[n.Name()], err = fs.ReadFile(dir, n.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
