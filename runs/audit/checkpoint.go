package audit

import (
	"bytes"
	"crypto/hmac"
	"fmt"
	"time"
)

// A Checkpoint says that a tenant's chain had a certain entry, under a seal of
// its own. It holds nothing secret. Its text is one line of JSON.
type Checkpoint struct {
	// Kind is "last" for the last entry there was at the time, "base" for the
	// last one that was deleted, so that one cannot be passed off as the other.
	Kind   string    `json:"kind"`
	Tenant string    `json:"tenant"`
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`  // when that entry was recorded
	Sum    []byte    `json:"sum"` // that entry's seal
	Key    string    `json:"key"`
	Seal   []byte    `json:"seal,omitempty"`
}

const (
	kindLast = "last"
	kindBase = "base"
)

// ParseCheckpoint reads what [Checkpoint.String] returns. Whether the seal is
// right is for [Log.Verify] to say.
func ParseCheckpoint(text string) (Checkpoint, error) {
	var c Checkpoint
	if err := strict([]byte(text), &c); err != nil {
		return Checkpoint{}, fmt.Errorf("read a checkpoint: %w", err)
	}
	if c.String() != text {
		return Checkpoint{}, fmt.Errorf("read a checkpoint: %w", errForm)
	}
	return c, nil
}

// String returns c as one line of text, which is empty for the zero Checkpoint.
func (c Checkpoint) String() string {
	if c.Seq == 0 {
		return ""
	}
	raw, err := canonical(c)
	if err != nil {
		return "" // only for an instant beyond the year 9999
	}
	return string(raw)
}

// checkpoint returns that of an entry that was sealed.
func (r ring) checkpoint(kind string, e Entry, sum []byte) Checkpoint {
	c := Checkpoint{Kind: kind, Tenant: e.Tenant, Seq: e.Seq, At: e.At, Sum: sum, Key: r.current}
	c.Seal = r.seal(c.Key, checkpointSeal, []byte(c.String()))
	return c
}

// genuine reports whether c was sealed as it is, for this tenant and purpose.
func (r ring) genuine(c Checkpoint, kind, tenant string) bool {
	given := c.Seal
	c.Seal = nil
	seal := r.seal(c.Key, checkpointSeal, []byte(c.String()))
	return seal != nil && hmac.Equal(seal, given) && c.Kind == kind && c.Tenant == tenant
}

// checked reads a checkpoint that a store has kept. An empty text is the zero
// Checkpoint.
func (r ring) checked(text, kind, tenant string) (Checkpoint, error) {
	if text == "" {
		return Checkpoint{}, nil
	}
	c, err := ParseCheckpoint(text)
	if err != nil || !r.genuine(c, kind, tenant) {
		return Checkpoint{}, fmt.Errorf("%w: nobody with one of the keys has made the checkpoint", ErrBroken)
	}
	return c, nil
}

// same reports whether c and an entry's seal agree, if c is of that entry.
func (c Checkpoint) same(seq int64, seal []byte) bool {
	return c.Seq != seq || bytes.Equal(c.Sum, seal)
}
