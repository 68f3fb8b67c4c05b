package inventory

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A Packer compresses contents for stores and keeps the memory that this
// takes for the next one. The zero value is ready. It is safe for concurrent
// use and must not be copied.
type Packer struct{ writers, readers sync.Pool }

// maxUnpacked limits what a packed content may become; nothing that Graph
// answers with is larger.
const maxUnpacked = 256 << 20

var errUnpacked = errors.New("packed content is too large")

// Pack returns the compressed form of doc.
func (p *Packer) Pack(doc []byte) ([]byte, error) {
	var out bytes.Buffer
	w, ok := p.writers.Get().(*flate.Writer)
	if !ok {
		var err error
		if w, err = flate.NewWriter(&out, flate.BestSpeed); err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
	}
	defer p.writers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(doc); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return bytes.Clone(out.Bytes()), nil
}

// Unpack returns what was packed.
func (p *Packer) Unpack(packed []byte) ([]byte, error) {
	in := bytes.NewReader(packed)
	r, ok := p.readers.Get().(io.Reader)
	if !ok {
		r = flate.NewReader(in)
	} else if err := r.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	defer p.readers.Put(r)
	doc, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack: %w", err)
	case len(doc) > maxUnpacked:
		return nil, errUnpacked
	}
	return doc, nil
}
