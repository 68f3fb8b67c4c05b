package runs

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// ids makes UUIDs of version 7 (RFC 9562): they begin with the time, so that
// their order is that of the runs. Within one process they only grow, also when
// the clock steps back.
type ids struct {
	mu   sync.Mutex
	last uint64 // 48 bits of milliseconds and 12 of a counter
}

func (g *ids) next(now time.Time) string {
	g.mu.Lock()
	stamp := uint64(max(now.UnixMilli(), 0)) << 12
	// The counter starts anywhere in the lower half: the order of IDs must not
	// tell how many runs there are.
	var b [16]byte
	rand.Read(b[:]) // never fails
	stamp |= uint64(binary.BigEndian.Uint16(b[6:]) & 0x7ff)
	g.last = max(g.last+1, stamp)
	stamp = g.last
	g.mu.Unlock()

	ms, counter := stamp>>12, stamp&0xfff
	binary.BigEndian.PutUint16(b[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
	binary.BigEndian.PutUint16(b[6:], 0x7000|uint16(counter))
	b[8] = b[8]&0x3f | 0x80

	var text [36]byte
	hex.Encode(text[0:], b[0:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
