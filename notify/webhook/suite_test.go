package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
	"github.com/tenantatlas/tenantatlas/notify/webhook"
)

// A receiver is a server that answers as it is told.
type receiver struct {
	hook *webhook.Webhook

	mu     sync.Mutex
	answer notifytest.Answer
	text   string
	taken  []notifytest.Taken
}

func (r *receiver) Notifier() notify.Notifier { return r.hook }

func (r *receiver) Answer(a notifytest.Answer, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.text = a, text
}

func (r *receiver) Taken() []notifytest.Taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.answer {
	case notifytest.Takes:
		var b webhook.Body
		if json.Unmarshal(raw, &b) == nil {
			r.taken = append(r.taken, notifytest.Taken{ID: req.Header.Get("Webhook-Id"), Content: b.Title + "\n" + b.Text + "\n" + b.URL})
		}
	case notifytest.Postpones:
		http.Error(w, r.text, http.StatusServiceUnavailable)
	case notifytest.Refuses:
		http.Error(w, r.text, http.StatusGone)
	case notifytest.HangsUp:
		panic(http.ErrAbortHandler)
	case notifytest.IsSilent:
		<-req.Context().Done()
	}
}

func TestNotifier(t *testing.T) {
	notifytest.TestNotifier(t, func(t testing.TB) notifytest.Receiver {
		r := new(receiver)
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		r.hook = hook(t, server.URL, secret)
		return r
	})
}
