package bunkit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestBind(t *testing.T) {
	tests := []struct{ query, want string }{
		{"SELECT 1", "SELECT 1"},
		{"a = $1 AND b = $2 OR c = $1", "a = ?1 AND b = ?2 OR c = ?1"},
		{"a = $12", "a = ?12"},
		{"a -> '$.b' = $1", "a -> '$.b' = ?1"},
		{"a = '$1' AND b = 'it''s $1' AND c = $1", "a = '$1' AND b = 'it''s $1' AND c = ?1"},
		{`"$1" = $1`, `"$1" = ?1`},
		{"$", "$"},
		{"'$1", "'$1"},
	}
	for _, test := range tests {
		if got := bunkit.SQLite3.Bind(test.query); got != test.want {
			t.Errorf("SQLite3.Bind(%q) = %q, want %q", test.query, got, test.want)
		}
		if got := bunkit.PostgreSQL.Bind(test.query); got != test.query {
			t.Errorf("PostgreSQL.Bind(%q) = %q, want it unchanged", test.query, got)
		}
	}
}

func TestBindRepeats(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		query := db.Dialect.Bind("SELECT CAST($2 AS text) || CAST($1 AS text) || CAST($2 AS text)")
		var got string
		if err := db.Read.DB.QueryRow(query, "a", "b").Scan(&got); err != nil || got != "bab" {
			t.Errorf("got %q, %v; want bab", got, err)
		}
	})
}

func createInstants(t *testing.T, db sqltest.DB) {
	t.Helper()
	create := map[bunkit.Dialect]string{
		bunkit.PostgreSQL: "CREATE TABLE instant (id integer PRIMARY KEY, at timestamptz)",
		bunkit.SQLite3:    "CREATE TABLE instant (id integer PRIMARY KEY, at integer)",
	}
	if _, err := db.Write.Exec(create[db.Dialect]); err != nil {
		t.Fatal(err)
	}
}

var berlin = time.FixedZone("CET", 3600)

var instants = []struct{ in, want time.Time }{
	{time.Time{}, time.Time{}},
	{time.Date(2024, 2, 29, 23, 30, 0, 123456789, berlin), time.Date(2024, 2, 29, 22, 30, 0, 123456000, time.UTC)},
	{time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)},
	{time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)},
	{time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
}

func TestTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		createInstants(t, db)
		for i, test := range instants {
			if got := bunkit.Micros(test.in); got != test.want {
				t.Errorf("Micros(%v) = %v, want %v", test.in, got, test.want)
			}
			insert := db.Dialect.Bind("INSERT INTO instant VALUES ($1, $2)")
			if _, err := db.Write.DB.Exec(insert, i, db.Dialect.Time(test.in)); err != nil {
				t.Fatal(err)
			}
			var got bunkit.Time
			if err := db.Read.DB.QueryRow(db.Dialect.Bind("SELECT at FROM instant WHERE id = $1"), i).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got.Time != test.want { // the location too
				t.Errorf("%v came back as %v, want %v", test.in, got, test.want)
			}
			// Equal in the database too, not only after it was read.
			var n int
			count := db.Dialect.Bind("SELECT count(*) FROM instant WHERE at = $1")
			if err := db.Read.DB.QueryRow(count, db.Dialect.Time(test.in)).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if want := min(i, 1); n != want { // NULL equals nothing
				t.Errorf("%d rows equal %v, want %d", n, test.in, want)
			}
		}
		if got, want := words(t, db.DB, "SELECT id FROM instant WHERE at IS NOT NULL ORDER BY at"), "3 2 1 4"; got != want {
			t.Errorf("order of instants = %q, want %q", got, want)
		}
	})
}

func TestTimeInModel(t *testing.T) {
	type instant struct {
		ID int `bun:",pk"`
		At bunkit.Time
	}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		createInstants(t, db)
		ctx := t.Context()
		for i, test := range instants {
			in := instant{ID: i, At: bunkit.Time{Time: test.in}}
			if _, err := db.Write.NewInsert().Model(&in).ModelTableExpr("instant").Exec(ctx); err != nil {
				t.Fatal(err)
			}
			var got instant
			err := db.Read.NewSelect().Model(&got).ModelTableExpr("instant AS instant").Where("id = ?", i).Scan(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(instant{ID: i, At: bunkit.Time{Time: test.want}}, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", test.in, diff)
			}
			var n int
			count := db.Dialect.Bind("SELECT count(*) FROM instant WHERE id = $1 AND at = $2")
			if err := db.Read.DB.QueryRow(count, i, db.Dialect.Time(test.in)).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if want := min(i, 1); n != want {
				t.Errorf("bun and a parameter write %v differently", test.in)
			}
		}
	})
}

func TestTimeScanRefuses(t *testing.T) {
	var got bunkit.Time
	if err := got.Scan("2024-02-29"); err == nil {
		t.Errorf("Scan of text = nil and %v, want an error", got)
	}
}

func TestNow(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		query := "SELECT " + db.Dialect.Now() + ", " + db.Dialect.After("$1") + ", " + db.Dialect.After("-1 * $1")
		var now, later, earlier bunkit.Time
		if err := db.Read.DB.QueryRow(db.Dialect.Bind(query), 1_500_001).Scan(&now, &later, &earlier); err != nil {
			t.Fatal(err)
		}
		// A server elsewhere may have another clock, but not by a time zone.
		if off := time.Since(now.Time).Abs(); off > 20*time.Minute {
			t.Errorf("the store's clock is off by %v", off)
		}
		if db.Dialect == bunkit.SQLite3 && now.Nanosecond()%int(time.Millisecond) != 0 {
			t.Errorf("the store's clock says %v, want whole milliseconds", now)
		}
		const want = 1_500_001 * time.Microsecond
		if got := later.Sub(now.Time); got != want {
			t.Errorf("After is %v after Now, want %v", got, want)
		}
		if got := now.Sub(earlier.Time); got != want {
			t.Errorf("After of a negative number is %v before Now, want %v", got, want)
		}
	})
}
