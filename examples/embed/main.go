// Command embed is somebody else's service, a shop with its own users, its own
// database and a plain mux, to which the tracking of runs and the hub were
// added. What that took is in runs.go; the rest knows nothing of it.
//
//	go run ./examples/embed
//
// Then sign in at http://127.0.0.1:8090 as ada or bob, with the password "demo".
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// A shop is the service as it was.
type shop struct {
	write *sql.DB // one connection, as SQLite has one writer
	read  *sql.DB
	mux   *http.ServeMux
	pause time.Duration // that the carrier takes for a parcel
}

const tables = `
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, password BLOB NOT NULL, job TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, parcel TEXT NOT NULL DEFAULT '');`

// openShop opens the shop whose database is the file at path.
func openShop(ctx context.Context, path string) (*shop, error) {
	name := "file:" + path + "?_busy_timeout=10000&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	write, err := sql.Open("sqlite", name+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", name+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s := &shop{write: write, read: read, mux: http.NewServeMux(), pause: 500 * time.Millisecond}
	s.mux.HandleFunc("GET /{$}", s.signedIn(s.list))
	if _, err := write.ExecContext(ctx, tables); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *shop) close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// fill adds what a shop needs to be shown.
func (s *shop) fill(ctx context.Context, orders int) error {
	password := sha256.Sum256([]byte("demo")) // a real one has a salt, and a slow hash
	_, err := s.write.ExecContext(ctx, "INSERT INTO users VALUES ('ada', $1, 'owner'), ('bob', $1, 'clerk')", password[:])
	for n := 1; err == nil && n <= orders; n++ {
		_, err = s.write.ExecContext(ctx, "INSERT INTO orders (id) VALUES ($1)", fmt.Sprintf("order-%03d", n))
	}
	return err
}

// A user of the shop. The zero user is nobody.
type user struct{ name, job string }

// user says who makes a request.
func (s *shop) user(r *http.Request) (user, error) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return user{}, nil
	}
	u, hash, given := user{name: name}, []byte(nil), sha256.Sum256([]byte(password))
	err := s.read.QueryRowContext(r.Context(), "SELECT job, password FROM users WHERE name = $1", name).Scan(&u.job, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && subtle.ConstantTimeCompare(hash, given[:]) == 0:
		return user{}, nil
	case err != nil:
		return user{}, err
	}
	return u, nil
}

// jobOf is what somebody does in the shop; nothing, for others.
func (s *shop) jobOf(ctx context.Context, name string) (job string, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT coalesce(max(job), '') FROM users WHERE name = $1", name).Scan(&job)
	return job, err
}

// signedIn lets users in.
func (s *shop) signedIn(serve func(w http.ResponseWriter, r *http.Request, u user) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, err := s.user(r)
		switch {
		case err == nil && u.name == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
			http.Error(w, "Who are you?", http.StatusUnauthorized)
			return
		case err == nil:
			err = serve(w, r, u)
		}
		if err != nil {
			log.Print(err)
			http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		}
	}
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Shop</title><h1>{{len .}} orders to ship</h1>
<form method="post" action="/orders/ship"><button>Ship them</button></form>
<ul>{{range .}}<li>{{.}}{{end}}</ul><a href="/ops/t/shop/">What is going on</a>`))

func (s *shop) list(w http.ResponseWriter, r *http.Request, _ user) error {
	open, err := s.open(r.Context())
	if err != nil {
		return err
	}
	return page.Execute(w, open)
}

// open returns the orders that are to be shipped.
func (s *shop) open(ctx context.Context) (ids []string, err error) {
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM orders WHERE parcel = '' ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// ship hands an order to the carrier. It can be repeated.
func (s *shop) ship(ctx context.Context, id string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.pause):
	}
	_, err := s.write.ExecContext(ctx, "UPDATE orders SET parcel = 'parcel of ' || id WHERE id = $1", id)
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "shop-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := openShop(ctx, filepath.Join(dir, "shop.db"))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.fill(ctx, 40); err != nil {
		return err
	}
	work, err := s.addRuns(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: "127.0.0.1:8090", Handler: http.NewCrossOriginProtection().Handler(s.mux), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	working := make(chan error, 1)
	go func() { working <- work(ctx) }()
	fmt.Println("listening on http://" + server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-working
}
