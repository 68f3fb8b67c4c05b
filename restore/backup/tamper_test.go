package backup_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A tampered store shows something else than what is stored: what somebody who
// can write to the tables could have made of them. Fields that are nil show what
// is there.
type tampered struct {
	backup.Store

	set     func(s *backup.Set)
	sealing func(s *backup.Sealing)
	chain   func(links []backup.Link) []backup.Link
	items   func(items []backup.Item) []backup.Item
	version func(v *backup.Version, sealed *[]byte)
	key     func(wrapped []byte) []byte
	missing string // a version
}

func (s *tampered) GetSet(ctx context.Context, tenant, id string) (*backup.Set, error) {
	set, err := s.Store.GetSet(ctx, tenant, id)
	if err == nil && s.set != nil {
		s.set(set)
	}
	return set, err
}

func (s *tampered) GetSealing(ctx context.Context, tenant, set string) (*backup.Sealing, error) {
	sealing, err := s.Store.GetSealing(ctx, tenant, set)
	if err == nil && s.sealing != nil {
		if s.sealing(sealing); sealing.Manifest == nil {
			return nil, backup.ErrNotFound
		}
	}
	return sealing, err
}

func (s *tampered) Head(ctx context.Context, tenant string) (*backup.Link, error) {
	links, err := s.all(ctx, tenant)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	return &links[len(links)-1], nil
}

func (s *tampered) Links(ctx context.Context, tenant string, after int64, _ int) ([]backup.Link, error) {
	links, err := s.all(ctx, tenant)
	return slices.DeleteFunc(links, func(l backup.Link) bool { return l.Seq <= after }), err
}

func (s *tampered) all(ctx context.Context, tenant string) ([]backup.Link, error) {
	links, err := s.Store.Links(ctx, tenant, 0, runs.MaxLimit)
	if err == nil && s.chain != nil {
		links = s.chain(links)
	}
	return links, err
}

func (s *tampered) ListItems(ctx context.Context, q backup.ItemQuery) (backup.ItemPage, error) {
	page, err := s.Store.ListItems(ctx, q)
	if err == nil && s.items != nil {
		page.Items = s.items(page.Items)
	}
	return page, err
}

func (s *tampered) GetVersion(ctx context.Context, tenant, id string) (backup.Version, []byte, error) {
	if id == s.missing {
		return backup.Version{}, nil, backup.ErrNotFound
	}
	v, sealed, err := s.Store.GetVersion(ctx, tenant, id)
	if err == nil && s.version != nil {
		s.version(&v, &sealed)
	}
	return v, sealed, err
}

func (s *tampered) Key(ctx context.Context, tenant string) ([]byte, error) {
	wrapped, err := s.Store.Key(ctx, tenant)
	if err == nil && s.key != nil {
		wrapped = s.key(wrapped)
	}
	return wrapped, err
}

// A flipper changes single bytes.
type flipper struct {
	all bool               // a byte becomes every other one, and not only that with another bit
	do  func(where string) // called after every change, each of which is taken back
}

// masks are the bits that are flipped, in turn: the lowest, the one between
// upper and lower case, and the highest.
var masks = []byte{0x01, 0x20, 0x80}

// masks returns what the byte at i is combined with.
func (f *flipper) masks(i int) []byte {
	if !f.all {
		return masks[i%len(masks):][:1]
	}
	all := make([]byte, 255)
	for m := range all {
		all[m] = byte(m + 1)
	}
	return all
}

// flip changes each byte of what v points to. Numbers and instants have eight.
func (f *flipper) flip(v any) { f.value(reflect.ValueOf(v).Elem(), "") }

func (f *flipper) value(v reflect.Value, where string) {
	switch is := v.Interface().(type) {
	case time.Time:
		for i := range 8 {
			v.Set(reflect.ValueOf(is.Add(time.Duration(1) << (6 * i) * time.Microsecond)))
			f.do(fmt.Sprintf("%s bit %d", where, 6*i))
		}
		v.Set(reflect.ValueOf(is))
		return
	case []byte:
		for i := range is {
			for _, mask := range f.masks(i) {
				is[i] ^= mask
				f.do(fmt.Sprintf("%s byte %d", where, i))
				is[i] ^= mask
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.value(v.Field(i), where+"."+v.Type().Field(i).Name)
		}
	case reflect.String:
		is := v.String()
		for i := range len(is) {
			for _, mask := range f.masks(i) {
				b := []byte(is)
				b[i] ^= mask
				v.SetString(string(b))
				f.do(fmt.Sprintf("%s byte %d", where, i))
			}
		}
		v.SetString(is + "x")
		f.do(where + " longer")
		v.SetString(is)
	case reflect.Int, reflect.Int64:
		is := v.Int()
		for i := range 8 {
			v.SetInt(is ^ 1<<(8*i))
			f.do(fmt.Sprintf("%s byte %d", where, i))
		}
		v.SetInt(is)
	case reflect.Bool:
		v.SetBool(!v.Bool())
		f.do(where)
		v.SetBool(!v.Bool())
	default:
		panic("a field of " + v.Type().String())
	}
}
