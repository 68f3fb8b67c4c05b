package graphclient

import (
	"context"
	"iter"
)

// A Result is what became of one request of a batch.
type Result struct {
	*Response       // nil with an error
	Err       error // an [*Error], or wraps the context's
}

// Batch sends the requests through $batch and yields each one's result with
// its index, once, in the order in which they become known. Ending the loop
// early, or ctx, abandons the rest.
//
// Requests are grouped by service bucket, at most 20 to a batch and
// Config.Parallel batches at a time, and paced as if they were sent one by
// one. A part that is refused or fails is repeated alone, by the rules of
// [Client.Do]; a lost, doubled or foreign part is never taken for an answer.
// With [Request.List] all pages of a part are read, also through batches.
//
// Prefer single requests for writes: an outer failure makes the outcome of
// every write in the batch unknown.
func (c *Client) Batch(ctx context.Context, reqs []Request) iter.Seq2[int, Result] {
	return c.api.batch(ctx, reqs)
}
