package monitor

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// assets are the style sheet, the modules and the icons. Their addresses hold a
// hash of all of them, so that a browser may keep them for ever, and a module
// can import the one beside it by its plain name.
type assets struct {
	hash   string
	files  map[string][]byte
	zipped map[string][]byte // the same with gzip
}

func readAssets() (*assets, error) {
	a := &assets{files: make(map[string][]byte), zipped: make(map[string][]byte)}
	sum := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(name)
		name = strings.TrimPrefix(name, "static/")
		a.files[name], a.zipped[name] = body, zip(body)
		fmt.Fprintf(sum, "%s %d\n", name, len(body))
		sum.Write(body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	a.hash = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
	return a, nil
}

// path is where an asset is, behind the base path; empty if there is none.
func (a *assets) path(name string) string {
	if _, ok := a.files[name]; !ok {
		return ""
	}
	return "/static/" + a.hash + "/" + name
}

// serve answers for the address with the hash, for ever, and for the one
// without: a page of the host that names it looks every time whether it changed.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name, keep := r.PathValue("name"), "no-cache"
	if rest, ok := strings.CutPrefix(name, a.hash+"/"); ok {
		name, keep = rest, "public, max-age=31536000, immutable"
	}
	body, ok := a.files[name]
	if !ok {
		// An old hash after an update: what it stood for is gone.
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	if path.Ext(name) == ".js" {
		h.Set("Content-Type", "text/javascript; charset=utf-8")
	}
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", `"`+a.hash+`"`)
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+a.hash+`-gzip"`)
		body = a.zipped[name]
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
}
