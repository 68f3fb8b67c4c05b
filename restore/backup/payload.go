package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// A Payload is everything that was captured of one object: what a restore
// writes, and what it needs to know to find its way in another tenant.
type Payload struct {
	inventory.Ref
	Name       string            `json:"display_name,omitempty"`
	OData      string            `json:"odata_type,omitempty"` // without "#microsoft.graph."
	Platform   contract.Platform `json:"platform,omitempty"`
	Category   contract.Category `json:"category"`
	Path       string            `json:"path"`             // of the list that it was found in, as the contract has it
	Parent     string            `json:"parent,omitempty"` // the id that stands for "{parent}" in Path
	Provided   bool              `json:"provided,omitempty"`
	ModifiedAt time.Time         `json:"modified_at,omitzero"`
	CapturedAt time.Time         `json:"captured_at"`
	Run        string            `json:"run"`

	Hash            string `json:"hash"`
	AssignmentsHash string `json:"assignments_hash,omitempty"`

	// Content is the object as Graph wrote it, children included, without live
	// credentials and with a mask in place of every secret. Assignments is the
	// array of its assignments as Graph wrote it; nil if objects of the kind
	// have none of their own.
	Content     json.RawMessage `json:"content"`
	Assignments json.RawMessage `json:"assignments,omitempty"`

	// Children is how many parts the object said to have, all of which are in
	// the content; 0 if it did not say.
	Children   int         `json:"children,omitempty"`
	Secrets    []Secret    `json:"secrets,omitempty"`
	References []Reference `json:"references,omitempty"`

	size int // of the encoded form that this was decoded from
}

// A Secret is a value that the payload does not hold.
type Secret struct {
	Pointer string               `json:"pointer"` // JSON pointer into the content
	State   contract.SecretState `json:"state"`
}

// NeedsInput reports whether a restore has to be given the value.
func (s Secret) NeedsInput() bool { return s.State != contract.SecretDropped }

// A Reference is something that the object refers to, with the name that it had
// when the object was captured: in another tenant the name is all there is.
type Reference struct {
	Relation contract.Relation `json:"relation"`
	Kind     string            `json:"kind"` // of an item, or a Target constant of package contract
	ID       string            `json:"id,omitempty"`
	Name     string            `json:"name,omitempty"` // empty if it was not known
	Exclude  bool              `json:"exclude,omitempty"`
}

// Support returns how far restore goes with the object, and why not further, in
// words that people can be shown after a colon. It goes by the type that the object
// was listed as and by the one that the content says, which is what is written.
func (p *Payload) Support() (contract.Support, string) {
	t, ok := contract.Lookup(p.Kind)
	if !ok {
		return contract.InventoryOnly, "nothing is known of this kind of object"
	}
	support, reason := t.Support(p.OData)
	if says := contract.Text(contract.Member(p.Content, "@odata.type")); says != "" && support == contract.Restorable {
		support, reason = t.Support(says)
	}
	return support, reason
}

// ErrCorrupt is reported for what is stored and is not what was stored: a byte
// that has changed, something that is missing, too much, or in another place.
var ErrCorrupt = errors.New("backup is damaged")

// Encode returns the form of p that is stored, and its digest, which is the ID
// of the version.
func (p *Payload) Encode() (doc []byte, digest string, err error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return nil, "", fmt.Errorf("encode payload: %w", err)
	}
	doc = out.Bytes()[:out.Len()-1] // the encoder ends with a line break
	return doc, digestOf(doc), nil
}

// DecodePayload returns what was encoded as doc. It reports [ErrCorrupt] if doc
// does not have the digest.
func DecodePayload(doc []byte, digest string) (*Payload, error) {
	if digestOf(doc) != digest {
		return nil, fmt.Errorf("%w: the payload of version %s has changed", ErrCorrupt, digest)
	}
	p := new(Payload)
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields() // a later release may have written it; then it is not understood
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: the payload of version %s cannot be read", ErrCorrupt, digest)
	}
	p.size = len(doc)
	return p, nil
}

// Version describes p as it is listed. The digest and size are those of its
// encoded form.
func (p *Payload) Version(digest string, size int) Version {
	v := Version{
		ID: digest, Kind: p.Kind, Object: p.ID, Name: p.Name, Platform: p.Platform, Category: p.Category,
		Hash: p.Hash, AssignmentsHash: p.AssignmentsHash,
		ModifiedAt: p.ModifiedAt, CapturedAt: p.CapturedAt, Run: p.Run, Size: size, Children: p.Children,
	}
	for _, s := range p.Secrets {
		if s.NeedsInput() {
			v.Secrets++
		}
	}
	for _, r := range p.References {
		if r.Relation == contract.AssignedTo && r.Kind == contract.TargetGroup && r.Name == "" {
			v.Unresolved++
		}
	}
	return v
}

func digestOf(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}
