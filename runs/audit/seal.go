package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Key seals entries.
type Key struct {
	ID     string // is kept with each entry; never secret, never used for another key
	Secret []byte // 32 bytes or more from a random source
}

// A ring is all keys by their IDs.
type ring struct {
	current string
	secrets map[string][]byte
}

func newRing(keys []Key) (ring, error) {
	r := ring{secrets: make(map[string][]byte, len(keys))}
	for i, k := range keys {
		switch {
		case k.ID == "" || len(k.ID) > 64 || plain(k.ID) != k.ID:
			return ring{}, fmt.Errorf("audit: key %d has no proper ID", i)
		case len(k.Secret) < 32:
			return ring{}, fmt.Errorf("audit: key %s has less than 32 bytes", k.ID)
		case r.secrets[k.ID] != nil:
			return ring{}, fmt.Errorf("audit: two keys are called %s", k.ID)
		}
		r.secrets[k.ID] = bytes.Clone(k.Secret)
		if i == 0 {
			r.current = k.ID
		}
	}
	if len(keys) == 0 {
		return ring{}, errors.New("audit: there is no key; see NewKey")
	}
	return r, nil
}

// What a seal is of, so that one kind never passes for another.
const (
	entrySeal      = "tenantatlas audit entry 1\n"
	checkpointSeal = "tenantatlas audit checkpoint 1\n"
)

// seal returns the seal of data, or nil if there is no such key.
func (r ring) seal(key, of string, data []byte) []byte {
	secret, ok := r.secrets[key]
	if !ok {
		return nil
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(of))
	mac.Write(data)
	return mac.Sum(nil)
}

// A body is an entry together with its place in the chain.
type body struct {
	Version int `json:"v"`
	Entry
	Key  string `json:"key"`
	Prev []byte `json:"prev,omitempty"` // the seal of the entry before
}

func (b body) encode() ([]byte, error) {
	b.Version = 1
	return canonical(b)
}

// canonical returns v in the one form that is sealed.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return canonjson.Canonical(nil, raw)
}

var errForm = fmt.Errorf("%w: not what this version of the audit writes", runs.ErrInvalid)

// decodeBody accepts what encode returns and nothing else.
func decodeBody(raw []byte) (body, error) {
	var b body
	if err := strict(raw, &b); err != nil {
		return body{}, err
	}
	again, err := b.encode()
	if err != nil || b.Version != 1 || !bytes.Equal(raw, again) {
		return body{}, errForm
	}
	return b, nil
}

// strict decodes exactly one JSON object without unknown fields.
func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil {
		return errForm
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errForm
	}
	return nil
}

// link returns the rows that put entries behind last, and the checkpoint of the
// new end. The instant of an entry is never before that of the one in front.
func (r ring) link(last Checkpoint, entries []Entry, now time.Time) ([]Row, Checkpoint, error) {
	at := runs.Instant(now)
	if at.Before(last.At) {
		at = last.At
	}
	rows := make([]Row, len(entries))
	var e Entry
	prev := last.Sum
	for i := range entries {
		e = entries[i]
		e.Seq, e.At = last.Seq+1+int64(i), at
		raw, err := body{Entry: e, Key: r.current, Prev: prev}.encode()
		if err != nil {
			return nil, Checkpoint{}, err
		}
		prev = r.seal(r.current, entrySeal, raw)
		rows[i] = Row{Seq: e.Seq, Body: raw, Seal: prev, Index: IndexOf(e)}
	}
	return rows, r.checkpoint(kindLast, e, prev), nil
}

// open returns what was sealed in a row, and whether this tenant's log did it
// and nobody has changed it. Without that, what could be read is returned.
func (r ring) open(tenant string, row Row) (body, bool) {
	b, err := decodeBody(row.Body)
	if err != nil {
		return body{}, false
	}
	seal := r.seal(b.Key, entrySeal, row.Body)
	return b, seal != nil && hmac.Equal(seal, row.Seal) && b.Tenant == tenant
}

// entry returns a row as an entry.
func (r ring) entry(tenant string, row Row) Entry {
	b, ok := r.open(tenant, row)
	e := b.Entry
	e.Altered = !ok || e.Seq != row.Seq || IndexOf(e) != row.Index
	e.Tenant, e.Seq = tenant, row.Seq
	return e
}
