//go:build unix

package crashtest

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"
)

// An event is something that a process says it has done.
type event struct {
	At      time.Time `json:"at"`
	Kind    eventKind `json:"kind"`
	Run     string    `json:"run,omitempty"`
	Key     string    `json:"key,omitempty"`     // of the run
	Once    string    `json:"once,omitempty"`    // of the request
	Item    string    `json:"item,omitempty"`    // that was worked on
	Text    string    `json:"text,omitempty"`    // what else there is to say
	Attempt int       `json:"attempt,omitempty"` // of the run
	Lost    int       `json:"lost,omitempty"`    // of the run

	process int // which the parent knows
}

type eventKind string

const (
	eventStarted eventKind = "started" // Start has returned the run
	eventClaimed eventKind = "claimed" // a claim is stored
	eventEffect  eventKind = "effect"  // the handler has changed something for an item
	eventParking eventKind = "parking" // the handler is about to park
	eventSettled eventKind = "settled" // the run is stored as not running any more
	eventSwept   eventKind = "swept"   // a lost run is stored as such
	eventKill    eventKind = "kill"    // the process is about to kill itself
	eventBroken  eventKind = "broken"  // a promise was
	eventReady   eventKind = "ready"   // the process does what it was started for
	eventBye     eventKind = "bye"     // the process has stopped in an orderly way
)

// A journal is where a process writes its events. A line is one write, so that a
// pipe has all of it or nothing.
type journal struct {
	mu  sync.Mutex
	out io.Writer
}

// linePrefix tells events from what the test binary prints.
const linePrefix = "@crash "

func (j *journal) write(e event) {
	e.At = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		return // unreachable: all fields are plain
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.out.Write([]byte(linePrefix + string(line) + "\n")) // nobody listens any more
}

// readEvents calls got for each event in r, until r ends.
func readEvents(r io.Reader, got func(e event)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, line, ok := strings.Cut(lines.Text(), linePrefix)
		var e event
		if ok && json.Unmarshal([]byte(line), &e) == nil {
			got(e)
		}
	}
}
