package backup

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// A KeyWrapper protects the keys of tenants: a file on this machine ([KeyFile]),
// or a key management service. Its methods are safe for concurrent use. They are
// called once for each tenant and process, not for each object.
type KeyWrapper interface {
	// Wrap encrypts key, bound to the tenant.
	Wrap(ctx context.Context, tenant string, key []byte) (wrapped []byte, err error)

	// Unwrap returns what Wrap was given. It reports an error if wrapped is
	// another tenant's, was changed, or was wrapped with a key that is lost.
	Unwrap(ctx context.Context, tenant string, wrapped []byte) (key []byte, err error)
}

// ErrKey is reported when the key of a tenant cannot be had, so that nothing of
// its backups can be read or written.
var ErrKey = errors.New("backup key is not available")

// A Vault keeps payloads secret and the chains of manifests authentic. Each
// tenant has a key of its own, made at its first use, which the store keeps in
// wrapped form. A Vault is safe for concurrent use.
type Vault struct {
	wrapper KeyWrapper
	keys    Keys
	packer  inventory.Packer

	mu   sync.Mutex
	open map[string]*tenantKey
}

// Keys keeps the wrapped keys of tenants. A [Store] is one.
type Keys interface {
	// Key returns the wrapped key of the tenant, or [ErrNotFound].
	Key(ctx context.Context, tenant string) ([]byte, error)

	// PutKey keeps the wrapped key of a tenant that has none, and returns the
	// one that the tenant then has: of concurrent calls one wins.
	PutKey(ctx context.Context, tenant string, wrapped []byte) ([]byte, error)
}

// NewVault returns a Vault whose keys are protected by wrapper and kept by
// keys.
func NewVault(wrapper KeyWrapper, keys Keys) (*Vault, error) {
	if wrapper == nil || keys == nil {
		return nil, errors.New("backup: a vault needs a KeyWrapper, such as OpenKeyFile returns, and a store for its keys")
	}
	return &Vault{wrapper: wrapper, keys: keys, open: make(map[string]*tenantKey)}, nil
}

// A tenantKey is the key of one tenant, in the forms in which it is used.
type tenantKey struct {
	aead cipher.AEAD
	mac  []byte
}

const keySize = 32

// key returns the key of the tenant, and makes one if it has none.
func (v *Vault) key(ctx context.Context, tenant string) (*tenantKey, error) {
	v.mu.Lock()
	k := v.open[tenant]
	v.mu.Unlock()
	if k != nil {
		return k, nil
	}
	wrapped, err := v.keys.Key(ctx, tenant)
	if errors.Is(err, ErrNotFound) {
		wrapped, err = v.newKey(ctx, tenant)
	}
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	raw, err := v.wrapper.Unwrap(ctx, tenant, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if k, err = derive(raw, tenant); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[tenant] = k
	return k, nil
}

func (v *Vault) newKey(ctx context.Context, tenant string) ([]byte, error) {
	raw := make([]byte, keySize)
	rand.Read(raw) // never fails
	wrapped, err := v.wrapper.Wrap(ctx, tenant, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return v.keys.PutKey(ctx, tenant, wrapped)
}

// derive makes of one secret the keys for its two uses.
func derive(raw []byte, tenant string) (*tenantKey, error) {
	if len(raw) != keySize { // such as none at all, which anybody would know
		return nil, fmt.Errorf("the KeyWrapper returned %d bytes, not the %d that it was given", len(raw), keySize)
	}
	sealing, err := hkdf.Key(sha256.New, raw, nil, "tenantatlas backup payload 1 "+tenant, keySize)
	if err != nil {
		return nil, err
	}
	mac, err := hkdf.Key(sha256.New, raw, nil, "tenantatlas backup chain 1 "+tenant, keySize)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(sealing)
	if err != nil {
		return nil, err
	}
	return &tenantKey{aead: aead, mac: mac}, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal returns the form of a payload that is stored: compressed, encrypted with
// AES-256-GCM and bound to the tenant, the object and the digest. A version can
// be in several sets, so it is not bound to one; that is what manifests do.
func (v *Vault) Seal(ctx context.Context, tenant string, ref inventory.Ref, digest string, doc []byte) ([]byte, error) {
	k, err := v.key(ctx, tenant)
	if err != nil {
		return nil, err
	}
	packed, err := v.packer.Pack(doc)
	if err != nil {
		return nil, err
	}
	return lock(k.aead, packed, bound(tenant, ref, digest)), nil
}

// Open returns what was sealed. It reports [ErrCorrupt] for anything else.
func (v *Vault) Open(ctx context.Context, tenant string, ref inventory.Ref, digest string, sealed []byte) (*Payload, error) {
	k, err := v.key(ctx, tenant)
	if err != nil {
		return nil, err
	}
	packed, err := unlock(k.aead, sealed, bound(tenant, ref, digest))
	if err != nil {
		return nil, fmt.Errorf("%w: version %s cannot be decrypted", ErrCorrupt, digest)
	}
	doc, err := v.packer.Unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("%w: version %s cannot be unpacked", ErrCorrupt, digest)
	}
	p, err := DecodePayload(doc, digest)
	if err == nil && p.Ref != ref {
		err = fmt.Errorf("%w: version %s is of another object", ErrCorrupt, digest)
	}
	return p, err
}

// sign returns the authentication code of doc.
func (v *Vault) sign(ctx context.Context, tenant string, doc []byte) (string, error) {
	k, err := v.key(ctx, tenant)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, k.mac)
	h.Write(doc)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// bound is what an encrypted payload is bound to. No part holds a NUL.
func bound(tenant string, ref inventory.Ref, digest string) []byte {
	return []byte(tenant + "\x00" + ref.Kind + "\x00" + ref.ID + "\x00" + digest)
}

// lock encrypts doc under a nonce that goes before it. Nonces are random: 2^32
// of them with one key are few enough.
func lock(aead cipher.AEAD, doc, bound []byte) []byte {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(doc)+aead.Overhead())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, doc, bound)
}

var errSealed = errors.New("cannot be decrypted")

func unlock(aead cipher.AEAD, sealed, bound []byte) ([]byte, error) {
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, errSealed
	}
	return aead.Open(nil, sealed[:n], sealed[n:], bound)
}
