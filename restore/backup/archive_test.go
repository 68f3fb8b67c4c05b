package backup_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// An archive that unpacks to more than it may, or is none, is refused before
// anything of it is stored; the names in it name nothing outside.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		write func(t *testing.T, z *zip.Writer)
		want  string
	}{
		"a bomb": {func(t *testing.T, z *zip.Writer) {
			t.Helper()
			// One MiB of spaces, 65 times: it need not be packed 65 times.
			var packed bytes.Buffer
			f, err := flate.NewWriter(&packed, flate.BestSpeed)
			if err == nil {
				_, err = io.WriteString(f, strings.Repeat(" ", 1<<20))
			}
			if err = errors.Join(err, f.Flush()); err != nil {
				t.Fatal(err)
			}
			bomb := bytes.Repeat(packed.Bytes(), 65)
			w, err := z.CreateRaw(&zip.FileHeader{
				Name: "manifest.json", Method: zip.Deflate, CompressedSize64: uint64(len(bomb)), UncompressedSize64: 65 << 20,
			})
			if err == nil {
				_, err = w.Write(bomb)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "too large"},
		"a path": {func(t *testing.T, z *zip.Writer) {
			t.Helper()
			if _, err := entry(t, z, "../../../tmp/manifest.json").Write([]byte("{}")); err != nil {
				t.Fatal(err)
			}
		}, "no manifest"},
		"no JSON": {func(t *testing.T, z *zip.Writer) {
			t.Helper()
			if _, err := entry(t, z, "manifest.json").Write([]byte("<x/>")); err != nil {
				t.Fatal(err)
			}
		}, "not JSON"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			tt.write(t, z)
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			// There is no store, so nothing can be stored.
			_, err := backup.Config{}.Import(t.Context(), "acme", "", runs.User("olivia", ""), bytes.NewReader(b.Bytes()), int64(b.Len()))
			if !errors.Is(err, backup.ErrArchive) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d bytes: %v, want ErrArchive with %q", b.Len(), err, tt.want)
			}
		})
	}
}

func entry(t *testing.T, z *zip.Writer, name string) io.Writer {
	t.Helper()
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
