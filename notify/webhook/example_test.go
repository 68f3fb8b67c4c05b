package webhook_test

import (
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tenantatlas/tenantatlas/notify/webhook"
)

// A receiver in Go.
func ExampleVerify() {
	http.HandleFunc("POST /hooks/runs", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		if err := webhook.Verify(os.Getenv("WEBHOOK_SECRET"), r.Header, body, time.Now()); err != nil {
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
		// Remember r.Header.Get("Webhook-Id") to act once, then answer quickly.
		w.WriteHeader(http.StatusAccepted)
	})
}
