package audit_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/memaudit"
)

func TestVerify(t *testing.T) {
	l := open(t, memaudit.New())
	if diff := cmp.Diff(audit.Report{Tenant: acme, First: 1}, verify(t, l)); diff != "" {
		t.Errorf("an empty chain (-want +got):\n%s", diff)
	}
	fill(t, l, 20)
	if diff := cmp.Diff(audit.Report{Tenant: acme, First: 1, Last: 20}, verify(t, l)); diff != "" {
		t.Errorf("a chain of 20 (-want +got):\n%s", diff)
	}
}

const length = 9

// restamp gives all rows from a number on new seals, with a key that the
// forger has made up.
func restamp(f *forger, from int64) {
	for i := from; i <= int64(len(f.rows)); i++ {
		mac := hmac.New(sha256.New, bytes.Repeat([]byte("x"), 32))
		mac.Write(f.at(i).Body)
		seal := mac.Sum(nil)
		if i < int64(len(f.rows)) {
			next := f.at(i + 1)
			old := strings.Index(string(next.Body), `"prev":"`) + len(`"prev":"`)
			next.Body = slices.Concat(next.Body[:old], fmt.Appendf(nil, "%.44x", seal)[:44], next.Body[old+44:])
		}
		f.at(i).Seal = seal
	}
}

// Whatever somebody without the key does to any entry is found, at the right
// place, under the right name.
func TestVerifyFinds(t *testing.T) {
	tests := []struct {
		name   string
		damage audit.Damage
		do     func(f *forger, seq int64)
		from   int64 // the first and last entry it is done to; 0 means the first and the last
		to     int64
		beside int64 // how far behind it is found
	}{
		{name: "seal", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Seal[5] ^= 1 }},
		{name: "no seal", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Seal = nil }},
		{name: "no body", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Body = nil }},
		{name: "actor's index", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Index.Actor = "user:eli" }},
		{name: "object's index", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Index.Object = "" }},
		{name: "event's index", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Index.Event = "join" }},
		{name: "action's index", damage: audit.Altered, do: func(f *forger, seq int64) { f.at(seq).Index.Action = "" }},
		{name: "number", damage: audit.Altered, from: length, do: func(f *forger, seq int64) { f.at(seq).Seq = 70 }},
		{name: "restamped", damage: audit.Altered, do: func(f *forger, seq int64) {
			f.at(seq).Body = bytes.Replace(f.at(seq).Body, []byte("Dana"), []byte("Eli"), 1)
			restamp(f, seq)
		}},
		{name: "inserted", damage: audit.Inserted, beside: 1, do: func(f *forger, seq int64) {
			made := *f.at(seq)
			made.Body = bytes.Replace(made.Body, []byte("dana"), []byte("eli0"), 1)
			for i := seq + 1; i <= length; i++ {
				f.at(i).Seq++
			}
			made.Seq++
			f.rows = slices.Insert(f.rows, int(seq), made)
		}},
		{name: "replayed", damage: audit.Inserted, beside: 1, do: func(f *forger, seq int64) {
			copied := *f.at(seq)
			for i := seq + 1; i <= length; i++ {
				f.at(i).Seq++
			}
			copied.Seq++
			f.rows = slices.Insert(f.rows, int(seq), copied)
		}, to: length - 1},
		{name: "number below all", damage: audit.Inserted, from: 1, to: 1, do: func(f *forger, seq int64) {
			made := *f.at(seq)
			made.Body = bytes.Replace(made.Body, []byte("dana"), []byte("eli0"), 1)
			made.Seq = -5
			f.rows = slices.Insert(f.rows, 0, made)
		}},
		{name: "overwritten by another", damage: audit.Altered, from: 2, do: func(f *forger, seq int64) {
			other := *f.at(1)
			other.Seq = seq
			*f.at(seq) = other
		}},
		{name: "deleted", damage: audit.Deleted, to: length - 1, do: func(f *forger, seq int64) {
			f.rows = slices.Delete(f.rows, int(seq)-1, int(seq))
		}},
		{name: "three deleted", damage: audit.Deleted, to: length - 3, do: func(f *forger, seq int64) {
			f.rows = slices.Delete(f.rows, int(seq)-1, int(seq)+2)
		}},
		{name: "deleted and numbered again", damage: audit.Deleted, to: length - 1, do: func(f *forger, seq int64) {
			f.rows = slices.Delete(f.rows, int(seq)-1, int(seq))
			for i := seq; i < length; i++ {
				f.at(i).Seq = i
			}
		}},
		{name: "truncated", damage: audit.Truncated, do: func(f *forger, seq int64) { f.rows = f.rows[:seq-1] }},
		{name: "truncated, the head forged", damage: audit.Truncated, do: func(f *forger, seq int64) {
			f.rows = f.rows[:seq-1]
			f.head.Last = strings.Replace(f.head.Last, fmt.Sprintf(`"seq":%d`, length), fmt.Sprintf(`"seq":%d`, seq-1), 1)
		}},
		{name: "truncated, no head", damage: audit.Truncated, from: 2, do: func(f *forger, seq int64) {
			f.rows, f.head = f.rows[:seq-1], audit.Head{}
		}},
		{name: "pruned by a forged base", damage: audit.Deleted, from: 1, to: 1, do: func(f *forger, _ int64) {
			f.rows = f.rows[5:]
			f.head.Base = strings.Replace(f.head.Last, fmt.Sprintf(`"seq":%d`, length), `"seq":5`, 1)
		}},
		{name: "pruned by the last checkpoint", damage: audit.Deleted, from: 1, to: 1, do: func(f *forger, _ int64) {
			f.rows, f.head.Base = nil, f.head.Last
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			from, to := max(test.from, 1), test.to
			if to == 0 {
				to = length
			}
			for seq := from; seq <= to; seq++ {
				s := memaudit.New()
				fill(t, open(t, s), length)
				f := forge(t, s)
				test.do(f, seq)
				found(t, f, seq+test.beside, test.damage)
			}
		})
	}
}

// found checks what Verify says of f.
func found(t *testing.T, f audit.Store, seq int64, damage audit.Damage, known ...audit.Checkpoint) {
	t.Helper()
	got := verify(t, open(t, f), known...).Problem
	if diff := cmp.Diff(&audit.Problem{Seq: seq, Damage: damage}, got); diff != "" {
		t.Errorf("entry %d (-want +got):\n%s", seq, diff)
	}
}

// Every byte of every entry counts.
func TestVerifyEveryByte(t *testing.T) {
	s := memaudit.New()
	fill(t, open(t, s), 3)
	f := forge(t, s)
	l := open(t, f)
	for seq := int64(1); seq <= 3; seq++ {
		whole := f.at(seq).Body
		for i := range whole {
			f.at(seq).Body = bytes.Clone(whole)
			f.at(seq).Body[i] ^= 1
			got := verify(t, l).Problem
			if got == nil || got.Seq != seq || got.Damage != audit.Altered {
				t.Errorf("byte %d of entry %d: %+v, want it altered", i, seq, got)
			}
		}
		f.at(seq).Body = whole
	}
	if got := verify(t, l).Problem; got != nil {
		t.Errorf("put right again: %+v", got)
	}
}

// Any two entries that change places are found at the first one's.
func TestVerifySwap(t *testing.T) {
	for a := int64(1); a <= length; a++ {
		for b := a + 1; b <= length; b++ {
			s := memaudit.New()
			fill(t, open(t, s), length)
			f := forge(t, s)
			f.at(a).Seq, f.at(b).Seq = b, a
			found(t, f, a, audit.Reordered)
		}
	}
}

// Somebody puts the whole database back to an earlier state. What was kept
// elsewhere knows better, also when the program has gone on from there.
func TestVerifyRollback(t *testing.T) {
	s := memaudit.New()
	l := open(t, s)
	fill(t, l, 5)
	early := forge(t, s)
	checkpoint, err := l.Checkpoint(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 4)
	late, err := l.Checkpoint(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	if got := verify(t, l, checkpoint, late).Problem; got != nil {
		t.Errorf("nothing was changed: %+v", got)
	}
	if got := verify(t, open(t, early)).Problem; got != nil {
		t.Errorf("without the checkpoint: %+v, want nothing found", got)
	}
	found(t, early, 6, audit.Truncated, checkpoint, late)

	again := memaudit.New()
	if err := again.Append(t.Context(), acme, "", early.head.Last, early.rows); err != nil {
		t.Fatal(err)
	}
	fill(t, open(t, again), 10)
	found(t, again, 9, audit.Altered, checkpoint, late)
	found(t, memaudit.New(), 1, audit.Truncated, checkpoint)
}

func TestVerifyKnown(t *testing.T) {
	s := memaudit.New()
	l := open(t, s)
	fill(t, l, 3)
	good, err := l.Checkpoint(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	read, err := audit.ParseCheckpoint(good.String())
	if diff := cmp.Diff(good, read); err != nil || diff != "" {
		t.Errorf("a checkpoint read again: %v (-want +got):\n%s", err, diff)
	}
	for name, change := range map[string]func(c *audit.Checkpoint){
		"number": func(c *audit.Checkpoint) { c.Seq++ },
		"kind":   func(c *audit.Checkpoint) { c.Kind = "base" },
		"tenant": func(c *audit.Checkpoint) { c.Tenant = "globex" },
		"key":    func(c *audit.Checkpoint) { c.Key = "k9" },
		"sum":    func(c *audit.Checkpoint) { c.Sum = nil },
		"seal":   func(c *audit.Checkpoint) { c.Seal = nil },
		"time":   func(c *audit.Checkpoint) { c.At = morning },
	} {
		forged := good
		change(&forged)
		if _, err := l.Verify(t.Context(), acme, forged); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("with another %s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestKeys(t *testing.T) {
	s := memaudit.New()
	fill(t, open(t, s), 3)
	rotated := open(t, s, key("k2"), key("k1"))
	fill(t, rotated, 3)
	if got := verify(t, rotated); got.Problem != nil || got.Last != 6 {
		t.Errorf("with both keys: %+v, want six good entries", got)
	}
	want := &audit.Problem{Seq: 1, Damage: audit.Altered, Key: "k1"}
	if diff := cmp.Diff(want, verify(t, open(t, s, key("k2"))).Problem); diff != "" {
		t.Errorf("without the old key (-want +got):\n%s", diff)
	}
	if got := verify(t, open(t, s, audit.Key{ID: "k2", Secret: bytes.Repeat([]byte("2"), 32)}, key("k1"))).Problem; got == nil || got.Seq != 4 {
		t.Errorf("with another secret under the same ID: %+v, want the fourth entry", got)
	}
	// The end of the chain is under a key that this one does not know.
	if err := open(t, s, key("k3")).Record(t.Context(), entry(1)); !errors.Is(err, audit.ErrBroken) {
		t.Errorf("a log without the old keys records: %v, want ErrBroken", err)
	}
	for name, keys := range map[string][]audit.Key{
		"none": {}, "short": {{ID: "a", Secret: make([]byte, 31)}}, "unnamed": {{Secret: make([]byte, 32)}}, "twice": {key("a"), key("a")},
	} {
		if _, err := audit.New(audit.Config{Store: s, Keys: keys}); err == nil {
			t.Errorf("New accepts keys: %s", name)
		}
	}
}

// What is pruned is a whole beginning; the rest verifies.
func TestPrune(t *testing.T) {
	s := memaudit.New()
	l := open(t, s)
	fill(t, l, 1200)
	before, err := l.Checkpoint(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	cut := list(t, l, audit.Query{})[1200-1100].At // of entry 1100
	n, err := l.Prune(t.Context(), acme, dana, cut)
	if err != nil || n != 1099 {
		t.Errorf("Prune = %d, %v; want 1099", n, err)
	}
	if diff := cmp.Diff(audit.Report{Tenant: acme, First: 1100, Last: 1201}, verify(t, l, before)); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	if e := list(t, l, audit.Query{})[0]; e.Event != audit.EventPrune || e.Actor != dana {
		t.Errorf("the newest entry is %+v, want that dana has pruned", e)
	}
	fill(t, l, 1)
	if n, err := l.Prune(t.Context(), acme, dana, morning.AddDate(1, 0, 0)); err != nil || n != 102 {
		t.Errorf("Prune of everything = %d, %v; want 102", n, err)
	}
	if got := verify(t, l); got.Problem != nil || got.Last-got.First != 1 {
		t.Errorf("of everything: %+v, want that the newest and the pruning stay", got)
	}

	f := forge(t, s)
	f.rows[0].Body = bytes.Replace(f.rows[0].Body, []byte("Dana"), []byte("Eli"), 1)
	if n, err := open(t, f).Prune(t.Context(), acme, dana, morning.AddDate(1, 0, 0)); n != 0 || !errors.Is(err, audit.ErrBroken) {
		t.Errorf("Prune of an altered entry = %d, %v; want ErrBroken", n, err)
	}
}

func TestExport(t *testing.T) {
	s := memaudit.New()
	l := open(t, s)
	keys := []audit.Key{key("k1")}
	fill(t, l, 5)
	e := entry(6)
	e.Actor.Name, e.Facts = `<b>"=1+1&`, map[string]string{"größe": "\\"}
	record(t, l, e)
	for _, first := range []int64{1, 3} {
		var out bytes.Buffer
		if err := l.Export(t.Context(), &out, acme); err != nil {
			t.Fatal(err)
		}
		last := 6 + (first-1)/2 // a pruning is recorded
		got, err := audit.VerifyExport(bytes.NewReader(out.Bytes()), acme, keys)
		if diff := cmp.Diff(audit.Report{Tenant: acme, First: first, Last: last}, got); err != nil || diff != "" {
			t.Errorf("VerifyExport: %v (-want +got):\n%s", err, diff)
		}
		lines := bytes.SplitAfter(out.Bytes(), []byte("\n"))
		cut := bytes.Join(lines[:len(lines)-2], nil)
		got, err = audit.VerifyExport(bytes.NewReader(cut), acme, keys)
		if err != nil || got.Problem == nil || *got.Problem != (audit.Problem{Seq: last, Damage: audit.Truncated}) {
			t.Errorf("VerifyExport without the last line = %+v, %v; want it truncated", got.Problem, err)
		}
		if _, err := audit.VerifyExport(strings.NewReader("{}x\n"), acme, keys); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("VerifyExport of nonsense: %v, want ErrInvalid", err)
		}
		if _, err := l.Prune(t.Context(), acme, dana, list(t, l, audit.Query{})[last-first-2].At); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing that is read is taken for an entry or a checkpoint unless it is
// written the same way again, and nothing makes the program fail.
func FuzzVerifyExport(f *testing.F) {
	l := open(f, memaudit.New())
	fill(f, l, 2)
	var out bytes.Buffer
	if err := l.Export(f.Context(), &out, acme); err != nil {
		f.Fatal(err)
	}
	whole := out.String()
	var bodies []string
	for _, line := range strings.Split(strings.TrimSpace(whole), "\n")[1:] {
		_, line, _ = strings.Cut(line, `"entry":`)
		entry, _, _ := strings.Cut(line, `,"seal":`)
		bodies = append(bodies, entry)
	}
	f.Add(whole)
	f.Add(strings.Replace(whole, "Dana", "Eli", 1))
	f.Add(`{"checkpoint":{}}` + "\n" + `{"entry":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := audit.VerifyExport(strings.NewReader(text), acme, []audit.Key{key("k1")})
		if err != nil {
			return
		}
		for _, e := range bodies {
			if got.Problem == nil && got.Last == 2 && !strings.Contains(text, e) {
				t.Errorf("an export without the entry %s passes:\n%s", e, text)
			}
		}
		if got.Problem == nil && got.Last > 2 {
			t.Errorf("%d entries, of which two were recorded:\n%s", got.Last, text)
		}
		if c, err := audit.ParseCheckpoint(text); err == nil && c.String() != text {
			t.Errorf("a checkpoint of %q is written as %q", text, c)
		}
	})
}
