package backup

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// ExportType is the type of the runs that check whether a set can be exported.
// Their params are an [ExportInput].
const ExportType runs.Type = "backup_set.export"

// An ExportInput names the set to export.
type ExportInput struct {
	Set string `json:"backup_set"`

	called string // the set, when the run is planned
}

// The files of an export besides those of the objects.
const (
	manifestFile    = "manifest.json"
	certificateFile = "certificate.json"
)

// ExportOperation returns the operation "backup_set.export". Its runs write the
// whole export, check every byte on the way and throw it away: they tell whether
// [Export] will succeed, and leave a trace of who took the data out, and the
// digest of the archive that they were given.
func ExportOperation(cfg Config) runs.Operation {
	cfg = cfg.complete()
	spec := runs.Spec[ExportInput]{
		Type:        ExportType,
		Label:       "Backup export",
		Description: "Packs a backup set into an archive of plain files.",
		Prepare: func(ctx context.Context, tenant string, in *ExportInput) (err error) {
			in.called, err = cfg.nameOf(ctx, tenant, in.Set)
			return err
		},
		Target:   func(in ExportInput) runs.Target { return targetOf(in.Set, in.called) },
		Action:   func(ExportInput) runs.Action { return runs.ActionExport },
		Timeout:  cfg.Timeout,
		Expected: cfg.Expected,
	}
	if cfg.Store != nil && cfg.Vault != nil {
		spec.Handle = cfg.export
	}
	return spec.Operation()
}

func (cfg Config) export(ctx context.Context, x *runs.Exec, in ExportInput) error {
	sum := sha256.New()
	err := export(ctx, cfg.Store, cfg.Vault, x.Run().Tenant, in.Set, sum, func(total int, item ManifestItem) {
		x.Total(int64(total))
		x.Succeed(keyOf(item.Ref()))
	})
	if err != nil {
		return damaged(err)
	}
	x.Note("archive", hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// Export writes a set to w as a zip archive: a folder for every kind, a file of
// indented JSON for every object, the manifest and the certificate. Exports of
// one manifest by one release are equal byte by byte. Secrets are in none,
// because they are in no set. If it reports an error, what was written is no
// archive; [ErrCorrupt] means that the set is damaged.
func Export(ctx context.Context, s Store, v *Vault, tenant, set string, w io.Writer) error {
	return export(ctx, s, v, tenant, set, w, func(int, ManifestItem) {})
}

func export(ctx context.Context, s Store, v *Vault, tenant, set string, w io.Writer, done func(total int, item ManifestItem)) error {
	m, err := Check(ctx, s, v, tenant, set)
	if err != nil {
		return err
	}
	sealing, err := s.GetSealing(ctx, tenant, set)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	z := zip.NewWriter(w)
	if err := addFile(z, manifestFile, sealing.Manifest); err != nil {
		return err
	}
	if err := addFile(z, certificateFile, sealing.Certificate); err != nil {
		return err
	}
	for _, item := range m.Items {
		p, err := Open(ctx, s, v, tenant, item)
		if err != nil {
			return err
		}
		doc, _, err := p.Encode()
		if err == nil {
			err = addFile(z, fileName(p), doc)
		}
		if err != nil {
			return err
		}
		done(len(m.Items), item)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// epoch is the time of all files: the time at which they were written would make
// two exports differ.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func addFile(z *zip.Writer, name string, doc []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, doc, "", "  "); err != nil {
		return fmt.Errorf("indent %s: %w", name, err)
	}
	out.WriteByte('\n')
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch})
	if err == nil {
		_, err = f.Write(out.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// fileName is where an object is in an export. The digest keeps names apart that
// look alike once what file systems do not take is left out.
func fileName(p *Payload) string {
	folder := p.Kind
	if t, ok := contract.Lookup(p.Kind); ok {
		folder = t.Title
	}
	return fmt.Sprintf("%s/%s_%s.json", safeName(folder), safeName(p.Name), digestOf([]byte(p.Kind + "\x00" + p.ID))[:12])
}

// safeName returns s in letters and digits that every file system takes.
func safeName(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case out.Len() >= 80:
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), " "):
			out.WriteByte(' ')
		}
	}
	if name := strings.TrimSpace(out.String()); name != "" {
		return name
	}
	return "unnamed"
}

// Limits of what is imported.
const (
	maxFiles = 200_000
	maxFile  = 64 << 20 // bytes of one file, unpacked
	maxAll   = 8 << 30  // bytes of all files, unpacked
)

// ErrArchive is reported by [Import] for what is no export, or is not whole.
var ErrArchive = errors.New("archive is not an export of a backup set")

// Import adds a set to the tenant with everything that an export has, which may
// be of another tenant. Names of files do not matter. It reports [ErrArchive]
// for what no export is: a file that is missing, too much, or was changed. Then
// there may be an empty set of that name.
func (cfg Config) Import(ctx context.Context, tenant, name string, by runs.Actor, archive io.ReaderAt, size int64) (*Set, error) {
	cfg = cfg.complete()
	m, c, files, err := openArchive(archive, size)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = m.Name
	}
	set := newSet(tenant, name, m.Description, by, cfg.Now())
	set.Origin = m.origin(tenant)
	if err := create(ctx, cfg.Store, set); err != nil {
		return nil, err
	}
	var staged []Staged
	waiting := 0 // bytes
	for i, item := range m.Items {
		doc, err := files.read(item.Version)
		if err != nil {
			return nil, err
		}
		p, err := DecodePayload(doc, item.Version)
		if err != nil || p.Ref != item.Ref() || p.restate() != nil {
			return nil, fmt.Errorf("%w: an object in it was changed", ErrArchive)
		}
		doc, digest, err := p.Encode()
		if err != nil {
			return nil, err
		}
		sealed, err := cfg.Vault.Seal(ctx, tenant, p.Ref, digest, doc)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		staged = append(staged, Staged{p.Version(digest, len(doc)), sealed})
		if waiting += len(sealed); waiting >= chunkBytes || i == len(m.Items)-1 {
			if _, err := cfg.Store.Stage(ctx, tenant, set.ID, staged); err != nil {
				return nil, fmt.Errorf("stage: %w", err)
			}
			staged, waiting = nil, 0
		}
	}
	if err := cfg.seal(ctx, set, c.Kinds, by, ""); err != nil {
		return nil, err
	}
	return cfg.Store.GetSet(ctx, tenant, set.ID)
}

// restate makes what p says of its content true. By its hashes a version stands for
// others of its object: an archive in which they lie would otherwise decide what the
// next backups of the object are. And a secret that it does not tell of would be
// kept, or its mask be written by a restore.
func (p *Payload) restate() error {
	t, ok := contract.Lookup(p.Kind)
	if !ok {
		t = contract.Unknown(p.Path)
	}
	kept, secrets, err := t.Redact(nil, p.Content)
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	p.Content = kept
	for _, s := range secrets {
		if !slices.ContainsFunc(p.Secrets, func(told Secret) bool { return told.Pointer == s.Pointer && told.NeedsInput() }) {
			p.Secrets = append(p.Secrets, Secret{Pointer: s.Pointer, State: s.State})
		}
	}
	form := []byte(p.Content)
	if ok {
		if form, err = t.Normalize(nil, p.Content); err != nil {
			return fmt.Errorf("normalize: %w", err)
		}
	}
	p.Hash, p.AssignmentsHash = digestOf(form), ""
	if p.Assignments != nil {
		form, err := contract.NormalizeAssignments(nil, p.Assignments)
		if err != nil {
			return fmt.Errorf("normalize assignments: %w", err)
		}
		p.AssignmentsHash = digestOf(form)
	}
	return nil
}

// origin is the tenant that the objects of m were read from, if it is not the
// given one.
func (m *Manifest) origin(tenant string) string {
	from := m.Tenant
	if m.Origin != "" {
		from = m.Origin
	}
	if from == tenant {
		return ""
	}
	return from
}

// files are those of an archive by the digests of what they hold.
type files map[string]*zip.File

// openArchive reads what an archive says of itself. It looks at every file once
// to learn its digest, and keeps none in memory.
func openArchive(archive io.ReaderAt, size int64) (*Manifest, *Certificate, files, error) {
	z, err := zip.NewReader(archive, size)
	if err != nil || len(z.File) > maxFiles {
		return nil, nil, nil, fmt.Errorf("%w: it is no zip archive, or has too many files", ErrArchive)
	}
	var manifest, certificate []byte
	found := make(files)
	total := 0
	for _, f := range z.File {
		doc, err := readFile(f)
		if total += len(doc); err == nil && total > maxAll {
			err = fmt.Errorf("%w: it is too large", ErrArchive)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		switch f.Name {
		case manifestFile:
			manifest = doc
		case certificateFile:
			certificate = doc
		default:
			found[digestOf(doc)] = f
		}
	}
	m, err := decodeManifest(manifest, digestOf(manifest))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: it has no manifest", ErrArchive)
	}
	c, err := decodeCertificate(certificate, m.Certificate)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: its certificate is missing or was changed", ErrArchive)
	}
	for _, item := range m.Items {
		if found[item.Version] == nil {
			return nil, nil, nil, fmt.Errorf("%w: an object is missing or was changed", ErrArchive)
		}
	}
	if len(found) != len(m.Items) || len(z.File) != len(m.Items)+2 {
		return nil, nil, nil, fmt.Errorf("%w: it has files that do not belong to it", ErrArchive)
	}
	return m, c, found, nil
}

func (f files) read(digest string) ([]byte, error) { return readFile(f[digest]) }

// readFile returns the JSON in a file, without the indentation.
func readFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: a file in it cannot be read", ErrArchive)
	}
	defer r.Close()
	doc, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil || len(doc) > maxFile || !utf8.Valid(doc) {
		return nil, fmt.Errorf("%w: a file in it is damaged or too large", ErrArchive)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, doc); err != nil {
		return nil, fmt.Errorf("%w: a file in it is not JSON", ErrArchive)
	}
	return out.Bytes(), nil
}
