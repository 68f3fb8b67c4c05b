package bunaudit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

func newLog(t testing.TB, s audit.Store) *audit.Log {
	t.Helper()
	l, err := audit.New(audit.Config{Store: s, Keys: []audit.Key{{ID: "k1", Secret: make([]byte, 32)}}, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func entry(n int) audit.Entry {
	return audit.Entry{
		Tenant: "acme", Actor: runs.User("dana", "Dana"), Event: audit.EventStart, Action: runs.ActionStart,
		Result: audit.ResultAllowed, Object: audit.Object{Kind: "run", ID: fmt.Sprint("run-", n), Name: "inventory.sync"},
	}
}

// Processes that share a database make one chain without a gap.
func TestProcesses(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		first := open(t, db)
		const processes, each = 3, 40
		var wg sync.WaitGroup
		for range processes {
			l := newLog(t, open(t, sqltest.Open(t, db.DSN)))
			for i := range each {
				wg.Go(func() {
					if err := l.Record(t.Context(), entry(i)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		l := newLog(t, first)
		if got, err := l.Verify(t.Context(), "acme"); err != nil || got.Problem != nil || got.Last != processes*each {
			t.Errorf("Verify = %+v, %v; want %d good entries", got, err, processes*each)
		}
	})
}

// Somebody with access to the database does what SQL can do.
func TestVerifyAgainstSQL(t *testing.T) {
	tests := []struct {
		name, sql string
		want      audit.Problem
	}{
		{"an entry", `UPDATE audit_entries SET body = replace(body, 'dana', 'eli0') WHERE seq = 3`, audit.Problem{Seq: 3, Damage: audit.Altered}},
		{"what hides an entry", `UPDATE audit_entries SET actor = 'user:eli' WHERE seq = 3`, audit.Problem{Seq: 3, Damage: audit.Altered}},
		{"a row", `DELETE FROM audit_entries WHERE seq = 4`, audit.Problem{Seq: 4, Damage: audit.Deleted}},
		{"the end", `DELETE FROM audit_entries WHERE seq > 6`, audit.Problem{Seq: 7, Damage: audit.Truncated}},
		{"the beginning", `DELETE FROM audit_entries WHERE seq < 3`, audit.Problem{Seq: 1, Damage: audit.Deleted}},
		{"two rows change places", `UPDATE audit_entries SET seq = 100 WHERE seq = 2;
			UPDATE audit_entries SET seq = 2 WHERE seq = 5; UPDATE audit_entries SET seq = 5 WHERE seq = 100`, audit.Problem{Seq: 2, Damage: audit.Reordered}},
		{
			"a copy behind the end", `INSERT INTO audit_entries SELECT tenant, 9, body, seal, actor, object, event, action FROM audit_entries WHERE seq = 2`,
			audit.Problem{Seq: 9, Damage: audit.Inserted},
		},
		{"the head", `DELETE FROM audit_heads`, audit.Problem{Seq: 9, Damage: audit.Truncated}},
	}
	for name, fresh := range sqltest.Databases() {
		for _, test := range tests {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				db := fresh(t)
				l := newLog(t, open(t, db))
				for i := range 8 {
					if err := l.Record(t.Context(), entry(i)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := db.Write.DB.ExecContext(t.Context(), test.sql); err != nil {
					t.Fatal(err)
				}
				got, err := l.Verify(t.Context(), "acme")
				if err != nil || got.Problem == nil || *got.Problem != test.want {
					t.Errorf("Verify = %+v, %v; want %+v", got.Problem, err, test.want)
				}
			})
		}
	}
}
